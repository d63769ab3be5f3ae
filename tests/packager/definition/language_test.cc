// The whole language, whatever the engine enforces of it.
#include <gtest/gtest.h>

#include "packager/definition/definition.h"

namespace pirn::definition {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

std::string in_document(const std::string& workflows) {
  return R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[)" + workflows + "]}";
}

Definition whole(const std::string& workflows) {
  Result<Definition> definition = parse(in_document(workflows), "workflow.json", nullptr);
  EXPECT_TRUE(definition) << (definition ? "" : describe(definition.error()));
  return definition ? *definition : Definition();
}
Workflow workflow(const std::string& members) {
  return whole(R"({"name":"w",)" + members + "}").workflows.at(0);
}
Step step(const std::string& members) {
  return workflow(R"("steps":[{"name":"s",)" + members + "}]").steps.at(0);
}

TEST(Language, OfAWorkflow) {
  const Workflow w = workflow(R"(
    "strategy": "hybrid", "order": "critical_path", "max_running": 2,
    "max_retries": 3, "retry_delay": "10s", "retry_backoff": "linear", "retry_max_delay": "1m",
    "retry_jitter": "symmetric", "retry_on": ["timeout"], "no_retry_on": [{"class": "terminal"}],
    "compensate": "always", "on_success": "a", "on_failure": "b", "on_cancel": "c", "on_step_error": "d",
    "dead_letter": true, "dead_letter_ttl": "30d", "on_event": ["order.created", "order.updated"],
    "recovery": [{"on": ["oom"], "action": "abort"}])");
  EXPECT_EQ(w.strategy, Strategy::hybrid);
  EXPECT_EQ(w.order, Order::critical_path);
  EXPECT_EQ(w.max_running, 2u);
  EXPECT_EQ(w.retry.max_retries, 3u);
  EXPECT_EQ(w.retry.delay_ns, 10 * kSecond);
  EXPECT_EQ(w.retry.backoff.kind, Backoff::Kind::linear);
  EXPECT_EQ(w.retry.max_delay_ns, 60 * kSecond);
  EXPECT_EQ(w.retry.jitter, Jitter::symmetric);
  EXPECT_EQ(w.retry.retry_on.at(0).code, "timeout");
  EXPECT_EQ(w.retry.no_retry_on.at(0).error_class, ErrorClass::terminal);
  EXPECT_EQ(w.compensate, Compensate::always);
  EXPECT_EQ(w.handlers, (Handlers{"a", "b", "c", "d"}));
  EXPECT_TRUE(w.dead_letter);
  EXPECT_EQ(w.dead_letter_ttl_ns, 30 * 86'400 * kSecond);
  EXPECT_EQ(w.on_event, (std::vector<std::string>{"order.created", "order.updated"}));
  EXPECT_EQ(w.recovery.at(0).action, RecoveryRule::Action::abort);
  EXPECT_EQ(workflow(R"("on_event": "order.created")").on_event, std::vector<std::string>{"order.created"});
  EXPECT_EQ(workflow(R"("max_attempts": 2)").retry.max_retries, 1u);
  EXPECT_EQ(workflow(R"("version": 2)").retry.delay_ns, 5 * kSecond);
}

TEST(Language, OfASchedule) {
  const Schedule cron =
      *workflow(
           R"("schedule": {"cron": ["0 6 * * *", "0 18 * * *"], "timezone": "Europe/Berlin", "misfire": "all"})")
           .schedule;
  EXPECT_EQ(cron.cron, (std::vector<std::string>{"0 6 * * *", "0 18 * * *"}));
  EXPECT_EQ(cron.timezone, "Europe/Berlin");
  EXPECT_EQ(cron.misfire, Misfire::all);
  const Schedule grid =
      *workflow(
           R"("schedule": {"every": "1h", "start_at": "2025-01-01T00:00:00Z", "end_at": "2025-01-31T23:59:59Z"})")
           .schedule;
  EXPECT_EQ(grid.every_ns, 3600 * kSecond);
  EXPECT_EQ(grid.start_at, "2025-01-01T00:00:00Z");
  EXPECT_EQ(grid.end_at, "2025-01-31T23:59:59Z");
  EXPECT_EQ(grid.misfire, Misfire::once);
  EXPECT_EQ(workflow(R"("schedule": {"at": "2025-12-25T00:00:00Z"})").schedule->at, "2025-12-25T00:00:00Z");
  EXPECT_EQ(workflow(R"("schedule": {"in": "30m", "misfire": "skip"})").schedule->in_ns, 1800 * kSecond);
  EXPECT_EQ(workflow(R"("schedule": {"cron": "@daily"})").schedule->cron, std::vector<std::string>{"@daily"});
}

TEST(Language, OfDependencies) {
  const Workflow w = workflow(R"("steps": [
    {"name": "a", "group": "g", "graft": true}, {"name": "b", "group": "g"},
    {"name": "c", "after_any": ["b", "a", "b"]}, {"name": "d", "after_group": "g"},
    {"name": "e", "after_graft": ["a"], "after": ["d"]}])");
  EXPECT_EQ(w.steps[0].group, "g");
  EXPECT_TRUE(w.steps[0].graft);
  EXPECT_FALSE(w.steps[1].graft);
  EXPECT_EQ(w.steps[2].after_any, (std::vector<uint32_t>{0, 1}));
  EXPECT_EQ(w.steps[3].after_group, "g");
  EXPECT_EQ(w.steps[4].after_graft, std::vector<uint32_t>{0});
  EXPECT_EQ(w.steps[4].after, std::vector<uint32_t>{3});
}

TEST(Language, OfAStep) {
  const Step s = step(R"("rollback": "undo", "await_approval": true, "on_timeout": "late", "priority": -3,
    "circuit_breaker": "api", "circuit_breaker_opts": {"failure_threshold": 7, "success_threshold": 1,
      "half_open_limit": 2, "reset_timeout": "1m"},
    "resources": {"memory": 512, "cpu": 1.5}, "estimate": "10s", "max_snoozes": 4, "max_crashes": 0)");
  EXPECT_EQ(s.rollback, "undo");
  EXPECT_TRUE(s.await_approval);
  EXPECT_EQ(s.on_timeout, "late");
  EXPECT_EQ(s.priority, -3);
  EXPECT_EQ(s.breaker, (CircuitBreaker{"api", 7, 1, 2, 60 * kSecond}));
  EXPECT_EQ(s.resources, (std::vector<Resource>{{"cpu", 1.5}, {"memory", 512}}));
  EXPECT_EQ(s.estimate_ns, 10 * kSecond);
  EXPECT_EQ(s.max_snoozes, 4u);
  EXPECT_EQ(s.max_crashes, 0u);

  const Step usual = step(R"("label": "")");
  EXPECT_EQ(usual.breaker, CircuitBreaker());
  EXPECT_EQ(usual.breaker.success_threshold, 2u);
  EXPECT_EQ(usual.breaker.half_open_limit, 3u);
  EXPECT_EQ(usual.max_snoozes, UINT32_MAX);
  EXPECT_EQ(usual.max_crashes, 3u);
}

TEST(Language, OfFallbacks) {
  EXPECT_EQ(step(R"("fallback": "other")").fallback, (Fallback{Fallback::Kind::function, "other", ""}));
  EXPECT_EQ(step(R"("fallback": {"value": {"b": 1, "a": null}})").fallback,
            (Fallback{Fallback::Kind::value, "", R"({"a":null,"b":1})"}));
  EXPECT_EQ(step(R"("fallback": {"value": null})").fallback, (Fallback{Fallback::Kind::value, "", "null"}));
  EXPECT_EQ(step(R"("fallback": {"skip": true})").fallback, (Fallback{Fallback::Kind::skip, "", ""}));
  EXPECT_EQ(step(R"("label": "")").fallback.kind, Fallback::Kind::none);
}

TEST(Language, OfRecovery) {
  const std::vector<RecoveryRule> rules = step(R"("recovery": [
    {"on": ["timeout", {"class": "transient"}], "action": "retry", "max_retries": 2, "retry_delay": "2s",
     "retry_backoff": {"exponential": 3}, "retry_max_delay": "30s", "retry_jitter": true},
    {"when": {"function": "is_network"}, "action": "fallback", "fallback": {"value": 0}},
    {"on": ["memory"], "action": "skip"}, {"action": "manual"}])")
                                              .recovery;
  ASSERT_EQ(rules.size(), 4u);
  EXPECT_EQ(rules[0].on.size(), 2u);
  EXPECT_EQ(rules[0].action, RecoveryRule::Action::retry);
  EXPECT_EQ(rules[0].retry.max_retries, 2u);
  EXPECT_EQ(rules[0].retry.delay_ns, 2 * kSecond);
  EXPECT_EQ(rules[0].retry.backoff.multiplier, 3.0);
  EXPECT_EQ(rules[0].retry.max_delay_ns, 30 * kSecond);
  EXPECT_EQ(rules[0].retry.jitter, Jitter::additive);
  EXPECT_EQ(rules[1].when, "is_network");
  EXPECT_EQ(rules[1].fallback.value, "0");
  EXPECT_EQ(rules[2].action, RecoveryRule::Action::skip);
  EXPECT_EQ(rules[3].action, RecoveryRule::Action::manual);
  EXPECT_TRUE(rules[3].on.empty());
}

TEST(Language, OfTimeouts) {
  const Step asked = step(R"("timeout": {"function": "by_size"})");
  EXPECT_EQ(asked.timeout_function, "by_size");
  EXPECT_EQ(asked.timeout_ns, kUsualTimeout);
  const Workflow w = workflow(R"("step_defaults": {"timeout": {"function": "by_size"}},
    "steps": [{"name": "a"}, {"name": "b", "timeout": "1m"}, {"name": "c", "workflow": "o::x"}])");
  EXPECT_EQ(w.steps[0].timeout_function, "by_size");
  EXPECT_EQ(w.steps[1].timeout_function, "");
  EXPECT_EQ(w.steps[1].timeout_ns, 60 * kSecond);
  EXPECT_EQ(w.steps[2].timeout_function, "");
}

// R15: an await inherits the timeout that its author gave, and never one by default.
TEST(Language, AnAwaitInheritsATimeoutThatWasGiven) {
  EXPECT_FALSE(step(R"("await_approval": true)").await_inherits);
  EXPECT_TRUE(step(R"("await_approval": true, "timeout": "1h")").await_inherits);
  EXPECT_TRUE(step(R"("await_approval": true, "timeout": "5m")").await_inherits);
  EXPECT_FALSE(step(R"("timeout": "1h")").await_inherits);
  const Workflow w = workflow(R"("step_defaults": {"timeout": "5m"},
    "steps": [{"name": "a", "await_approval": true}, {"name": "b"}])");
  EXPECT_TRUE(w.steps[0].await_inherits);
  EXPECT_FALSE(w.steps[1].await_inherits);
  EXPECT_EQ(w.canonical,
            R"({"name":"w","steps":[{"await_approval":true,"name":"a","timeout":"5m"},{"name":"b"}]})");
}

TEST(Language, OfNestedWorkflows) {
  const Step s = step(R"("workflow": "other::notify", "input": "in", "result": "out")");
  EXPECT_EQ(s.nested, "other::notify");
  EXPECT_EQ(s.input, "in");
  EXPECT_EQ(s.result, "out");
  EXPECT_EQ(s.task, "");
  EXPECT_EQ(s.timeout_ns, kInfinite);
  EXPECT_EQ(step(R"("workflow": "other::notify", "timeout": "5m")").timeout_ns, kUsualTimeout);
  EXPECT_EQ(
      workflow(R"("step_defaults": {"timeout": "1m"}, "steps": [{"name": "a", "workflow": "other::b"}])")
          .steps[0]
          .timeout_ns,
      kInfinite);
  // A workflow may be nested in several others, and below itself to a depth of 8.
  std::string chain = R"({"name":"w0"})";
  for (int i = 1; i <= 8; ++i)
    chain += R"(,{"name":"w)" + std::to_string(i) + R"(","steps":[{"name":"a","workflow":"w)" +
             std::to_string(i - 1) + R"("},{"name":"b","workflow":"p::w)" + std::to_string(i - 1) + R"("}]})";
  EXPECT_EQ(whole(chain).workflows.size(), 9u);
}

TEST(Language, StepDefaultsTakeWhatHoldsForMany) {
  const Workflow w = workflow(R"("step_defaults": {
      "on_error": "continue", "fallback": {"skip": true}, "recovery": [{"action": "abort"}], "on_timeout": "late",
      "cancellable": false, "circuit_breaker": "api", "circuit_breaker_opts": {"failure_threshold": 9},
      "max_snoozes": 1, "max_crashes": 2, "priority": 5, "resources": {"cpu": 1}, "estimate": "1s",
      "hooks": {"on_start": "note"}, "retry_delay": "3s"},
    "steps": [{"name": "a"}, {"name": "b", "on_error": "fail", "fallback": "f", "recovery": [], "on_timeout": "l",
      "cancellable": true, "circuit_breaker": "db", "max_snoozes": 2, "max_crashes": 3, "priority": 0,
      "resources": {}, "estimate": "2s", "hooks": {"on_start": "other"}, "retry_delay": "1s"}])");
  const Step& a = w.steps[0];
  EXPECT_EQ(a.on_error, OnError::keep_going);
  EXPECT_EQ(a.fallback.kind, Fallback::Kind::skip);
  EXPECT_EQ(a.recovery.size(), 1u);
  EXPECT_EQ(a.on_timeout, "late");
  EXPECT_FALSE(a.cancellable);
  EXPECT_EQ(a.breaker.name, "api");
  EXPECT_EQ(a.breaker.failure_threshold, 9u);
  EXPECT_EQ(a.max_snoozes, 1u);
  EXPECT_EQ(a.max_crashes, 2u);
  EXPECT_EQ(a.priority, 5);
  EXPECT_EQ(a.resources, (std::vector<Resource>{{"cpu", 1}}));
  EXPECT_EQ(a.estimate_ns, kSecond);
  EXPECT_EQ(a.hooks.on_start, "note");
  EXPECT_EQ(a.retry.delay_ns, 3 * kSecond);
  const Step& b = w.steps[1];
  EXPECT_EQ(b.on_error, OnError::fail);
  EXPECT_EQ(b.fallback.function, "f");
  EXPECT_TRUE(b.recovery.empty());
  EXPECT_EQ(b.on_timeout, "l");
  EXPECT_TRUE(b.cancellable);
  EXPECT_EQ(b.breaker.name, "db");
  EXPECT_EQ(b.max_snoozes, 2u);
  EXPECT_EQ(b.max_crashes, 3u);
  EXPECT_EQ(b.priority, 0);
  EXPECT_TRUE(b.resources.empty());
  EXPECT_EQ(b.estimate_ns, 2 * kSecond);
  EXPECT_EQ(b.hooks.on_start, "other");
  EXPECT_EQ(b.retry.delay_ns, kSecond);
}

// Options of a breaker that step_defaults has for those who name one.
TEST(Language, BreakerOptionsAloneAreADefault) {
  const Workflow w = workflow(R"("step_defaults": {"circuit_breaker_opts": {"failure_threshold": 9}},
    "steps": [{"name": "a"}, {"name": "b", "circuit_breaker": "api"}])");
  EXPECT_EQ(w.steps[0].breaker, CircuitBreaker());
  EXPECT_EQ(w.steps[1].breaker.failure_threshold, 9u);
}

// What a graft says of a child while it runs.
TEST(Language, OfAChild) {
  const std::vector<Function> functions = {{"undo", 2}};
  const Result<Step> child = parse_child(
      R"({"label":"Item 1","timeout":"1m","await_approval":true,"max_retries":0,"rollback":"undo","priority":2,
          "circuit_breaker":"api","circuit_breaker_opts":{"failure_threshold":1}})",
      "item_1", &functions);
  ASSERT_TRUE(child) << describe(child.error());
  EXPECT_EQ(child->label, "Item 1");
  EXPECT_EQ(child->timeout_ns, 60 * kSecond);
  EXPECT_TRUE(child->await_inherits);
  EXPECT_EQ(child->retry.max_retries, 0u);
  EXPECT_EQ(child->rollback, "undo");
  EXPECT_EQ(child->breaker.failure_threshold, 1u);

  const Result<Step> bad =
      parse_child(R"({"after":["x"],"timout":1,"rollback":"redo"})", "item_1", &functions);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "the child 'item_1' has 3 problems");
  EXPECT_EQ(bad.error().causes[0].message, "a child of a graft has no key \"after\" (in the child 'item_1')");
  EXPECT_EQ(bad.error().causes[1].hint, "Did you mean \"timeout\"?");
  EXPECT_EQ(bad.error().causes[2].code, Code::unknown_function);
  EXPECT_EQ(parse_child("{", "x", nullptr).error().causes.at(0).code, Code::malformed_json);
}

TEST(Language, IsKnownByTheFunctionsKinds) {
  const std::vector<Function> functions = {{"task", 1},     {"undo", 2}, {"other", 3},    {"handle", 4},
                                           {"note", 5},     {"ask", 6},  {"how_long", 7}, {"later", 8},
                                           {"to_child", 9}, {"back", 10}};
  const std::string text = in_document(R"({"name":"w","on_success":"handle","on_failure":"task",
    "recovery":[{"when":{"function":"ask"},"action":"fallback","fallback":"other"}],
    "steps":[{"name":"task","timeout":{"function":"how_long"},"rollback":"undo","fallback":"task","on_timeout":"handle"},
             {"name":"child","workflow":"other::elsewhere","input":"to_child","result":"back"}]})");
  const Result<Definition> good = parse(text, "f", &functions);
  EXPECT_TRUE(good) << describe(good.error());
}

}  // namespace
}  // namespace pirn::definition
