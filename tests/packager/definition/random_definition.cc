#include "tests/packager/definition/random_definition.h"

#include <rapidcheck.h>

namespace pirn::definition {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

template <class T>
T one_of(std::initializer_list<T> values) {
  return *rc::gen::elementOf(std::vector<T>(values));
}
template <class T>
T below(T end) {
  return *rc::gen::inRange<T>(0, end);
}
bool coin() { return *rc::gen::arbitrary<bool>(); }
int64_t duration() {
  return *rc::gen::inRange<int64_t>(1, 1'000'000) * one_of<int64_t>({1, 1'000'000, kSecond});
}
std::string function() { return one_of<std::string>({"load", "a-b_c", "0"}); }
std::string perhaps_function() { return coin() ? "" : function(); }
std::string words() {
  return one_of<std::string>({"", "x", "two words", "\"quoted\"\n\\", "ünïcode ↩", std::string("\0", 1)});
}

Condition condition(int depth) {
  using Kind = Condition::Kind;
  Condition out;
  out.kind = depth == 0
                 ? one_of({Kind::compare, Kind::exists, Kind::in})
                 : one_of({Kind::compare, Kind::exists, Kind::in, Kind::all, Kind::any, Kind::negation});
  const bool about_a_path = out.kind == Kind::compare || out.kind == Kind::exists || out.kind == Kind::in;
  if (about_a_path) out.path = one_of<std::string>({"a", "a.0.b", "order.total"});
  if (out.kind == Kind::compare) {
    out.op = static_cast<Condition::Op>(below(6));
    out.value = one_of<std::string>({"1", "-7", "1.5", "\"text\"", "1e+300"});
  }
  if (out.kind == Kind::exists) out.value = coin() ? "true" : "false";
  if (out.kind == Kind::in) out.value = one_of<std::string>({"[]", "[1,2]", R"([{"a":null},"b"])"});
  if (!about_a_path)
    for (int i = out.kind == Kind::negation ? 1 : 1 + below(3); i > 0; --i)
      out.operands.push_back(condition(depth - 1));
  return out;
}

std::vector<ErrorPattern> patterns() {
  std::vector<ErrorPattern> out;
  for (int i = below(3); i > 0; --i) {
    ErrorPattern pattern;
    if (coin()) pattern.error_class = static_cast<ErrorClass>(below(3));
    if (!pattern.error_class || coin()) pattern.code = "timeout";
    if (coin()) pattern.details = one_of<std::string>({"null", "{\"a\":1}", "\"x\""});
    out.push_back(pattern);
  }
  return out;
}

// Without the errors that it is for.
RetryPolicy policy() {
  RetryPolicy out;
  out.max_retries = below<uint32_t>(20);
  out.delay_ns = duration();
  if (coin()) out.max_delay_ns = duration();
  out.jitter = static_cast<Jitter>(below(4));
  out.backoff.kind = static_cast<Backoff::Kind>(below(5));
  if (out.backoff.kind == Backoff::Kind::exponential)
    out.backoff.multiplier = one_of({1.0, 1.5, 2.0, 3.0, 1.1});
  if (out.backoff.kind == Backoff::Kind::function) out.backoff.function = "later";
  if (out.backoff.kind == Backoff::Kind::table) out.backoff.table_ns = {duration(), duration()};
  return out;
}

RetryPolicy retry() {
  RetryPolicy out = policy();
  out.retry_on = patterns();
  out.no_retry_on = patterns();
  return out;
}

Fallback fallback() {
  Fallback out;
  out.kind = static_cast<Fallback::Kind>(1 + below(3));
  if (out.kind == Fallback::Kind::function) out.function = function();
  if (out.kind == Fallback::Kind::value) out.value = one_of<std::string>({"null", "0", R"({"a":[1]})"});
  return out;
}

std::vector<RecoveryRule> recovery() {
  std::vector<RecoveryRule> out;
  for (int i = below(3); i > 0; --i) {
    RecoveryRule rule;
    rule.on = patterns();
    rule.when = perhaps_function();
    rule.action = static_cast<RecoveryRule::Action>(below(5));
    if (rule.action == RecoveryRule::Action::retry) rule.retry = policy();
    if (rule.action == RecoveryRule::Action::fallback) rule.fallback = fallback();
    out.push_back(rule);
  }
  return out;
}

// One breaker has one set of options, whoever draws it.
CircuitBreaker breaker() {
  switch (below(4)) {
    case 0:
      return {"api", 1, 7, 9, 60 * kSecond};
    case 1:
      return {.name = "usual"};
    default:
      return {};
  }
}

std::vector<Resource> resources() {
  std::vector<Resource> out;
  for (const char* name : {"cpu", "gpu", "licence-a", "memory"})
    if (below(4) == 0)
      out.push_back({name, std::string_view(name) == "gpu" ? one_of({1.0, 8.0, 1024.0})
                                                           : one_of({1.0, 0.5, 512.0, 1e12, 0.1})});
  return out;
}

Schedule schedule() {
  Schedule out;
  out.misfire = static_cast<Misfire>(below(3));
  switch (below(4)) {
    case 0:
      out.cron = {"0 6 * * *", "@daily"};
      if (coin()) out.timezone = "UTC";
      break;
    case 1:
      out.every_ns = duration();
      break;
    case 2:
      out.at = "2026-12-24T18:00:00Z";
      return out;
    default:
      out.in_ns = duration();
      return out;
  }
  if (coin()) out.start_at = "2026-01-01T00:00:00Z";
  if (coin()) out.end_at = "2026-12-31T23:59:59.5+01:00";
  return out;
}

Hooks hooks() {
  return {perhaps_function(), perhaps_function(), perhaps_function(), perhaps_function(), perhaps_function()};
}

void draw_dependencies(uint32_t index, const Workflow& workflow, Step& step) {
  for (uint32_t before = 0; before < index; ++before) {
    if (below(3) == 0) step.after.push_back(before);
    if (below(4) == 0) step.after_any.push_back(before);
    if (workflow.steps[before].graft && coin()) step.after_graft.push_back(before);
  }
  // Members of "first" come before those of "second": no circle.
  if (index < 2 && coin()) step.group = "first";
  if (index >= 2 && coin()) step.group = "second";
  if (index >= 2 && !workflow.steps[0].group.empty() && coin()) step.after_group = "first";
}

Step draw_step(uint32_t index, const Workflow& workflow) {
  Step out;
  out.name = "step-" + std::to_string(index);
  out.label = words();
  out.description = words();
  if (below(4) == 0) {
    out.nested = one_of<std::string>({"more::elsewhere", "other::workflow"});
    out.input = perhaps_function();
    out.result = perhaps_function();
    out.timeout_ns = kInfinite;
  } else {
    out.task = coin() ? out.name : "task";
    out.rollback = perhaps_function();
    out.graft = below(3) == 0;
  }
  draw_dependencies(index, workflow, out);
  if (coin()) out.when = condition(2);
  out.await_approval = coin();
  if (coin()) {
    out.await_inherits = out.await_approval;
    if (coin())
      out.timeout_function = function();
    else
      out.timeout_ns = coin() ? kInfinite : duration();
  }
  out.retry = retry();
  out.recovery = recovery();
  if (coin()) out.fallback = fallback();
  out.on_error = static_cast<OnError>(below(3));
  out.on_timeout = perhaps_function();
  out.cancellable = coin();
  out.breaker = breaker();
  out.priority = below(7) - 3;
  if (out.nested.empty()) out.resources = resources();
  if (coin()) out.estimate_ns = duration();
  if (coin()) out.max_snoozes = below<uint32_t>(9);
  out.max_crashes = below<uint32_t>(9);
  out.context_key = one_of<std::string>({"", "account"});
  out.params = one_of<std::string>({"", R"({"a":[1,2.5,"x"],"b":{"c":null}})"});
  out.metadata = one_of<std::string>({"", R"({"team":"growth"})"});
  out.hooks = hooks();
  out.at = one_of<std::string>({"", "src/a.cc:7", "src/a.cc:7:9"});
  return out;
}

Workflow draw_workflow(int index) {
  Workflow out;
  out.name = "w" + std::to_string(index);
  out.label = words();
  out.description = words();
  out.version = 1 + below<uint32_t>(4);
  if (coin()) out.timeout_ns = duration();
  if (coin()) out.failure_mode = FailureMode::keep_going;
  out.step_concurrency = below<uint32_t>(5);
  out.max_running = below<uint32_t>(3);
  out.strategy = static_cast<Strategy>(below(3));
  out.order = static_cast<Order>(below(2));
  if (coin()) out.retry = retry();
  out.compensate = static_cast<Compensate>(below(3));
  out.handlers = {perhaps_function(), perhaps_function(), perhaps_function(), perhaps_function()};
  out.recovery = recovery();
  out.dead_letter = coin();
  if (out.dead_letter && coin()) out.dead_letter_ttl_ns = duration();
  if (coin()) out.schedule = schedule();
  if (coin()) out.on_event = {"order.created", "order.updated"};
  if (coin()) out.tags = {"daily", coin() ? "night shift" : "Früh"};
  out.metadata = one_of<std::string>({"", R"({"n":-0.0})"});
  out.hooks = hooks();
  const uint32_t steps = below<uint32_t>(6);
  for (uint32_t i = 0; i < steps; ++i) out.steps.push_back(draw_step(i, out));
  return out;
}

}  // namespace

Definition random_definition() {
  Definition out;
  out.package = "p";
  out.version = "1.0.0";
  out.description = words();
  for (int i = below(3); i > 0; --i) out.workflows.push_back(draw_workflow(i));
  return out;
}

}  // namespace pirn::definition
