// Hooks of steps and workflows (R54, R70): which are called when, and that they only observe.
#include <map>

#include "tests/host/engine/waiting.h"

namespace pirn::sim {
namespace {

using journal::State;

// All five of a workflow.
constexpr const char* kAll =
    R"("hooks":{"on_start":"g","on_success":"g","on_failure":"g","on_skip":"g","on_finish":"g"},)";

std::string event_of(const Called& call) {
  const size_t at = call.input.find("\"event\":\"") + 9;
  return call.input.substr(at, call.input.find('"', at) - at);
}

// By step, in the order of the calls: "on_start on_success on_finish".
std::map<std::string, std::string> hooks_of(World& world, ExecutionId id) {
  std::map<std::string, std::string> out;
  for (const Called& call : world.runner().calls) {
    if (call.kind != worker::Kind::hook || call.execution != id) continue;
    std::string& events = out[call.step];
    events += (events.empty() ? "" : " ") + event_of(call);
  }
  return out;
}

TEST(Hooks, R54R70RunInOrderAndChangeNothing) {
  World world;
  world.publish(
      R"("failure_mode":"continue","hooks":{"on_start":"g","on_success":"g","on_failure":"g","on_skip":"g","on_finish":"g"},
    "steps":[{"name":"good","hooks":{"on_finish":"own"}},{"name":"bad","max_retries":0,"after":["good"]},{"name":"below","after":["bad"]},
             {"name":"not","after":["good"],"when":{"path":"x","exists":true}}])");
  world.runner().by_function["bad"] = [](const auto&) { return fail("boom"); };
  world.runner().by_function["g"] = [](const auto&) { return fail("hooks may fail"); };
  const ExecutionId id = world.start(R"({"given":1})")->id;
  world.run();
  std::map<std::string, std::vector<std::string>> events;
  for (const Called& call : world.runner().calls)
    if (call.kind == worker::Kind::hook) {
      EXPECT_NE(call.context.find("\"given\":1"), std::string::npos)
          << call.step << ": skipped steps have a context too";
      const char* attempt = call.step == "below" || call.step == "not" ? "\"attempt\":0" : "\"attempt\":1";
      EXPECT_NE(call.input.find(attempt), std::string::npos) << call.step << ": " << call.input;
      events[call.step].push_back(call.function + ":" + event_of(call));
    }
  EXPECT_EQ(events["good"],
            (std::vector<std::string>{"g:on_start", "g:on_success", "g:on_finish", "own:on_finish"}));
  EXPECT_EQ(events["bad"], (std::vector<std::string>{"g:on_start", "g:on_failure", "g:on_finish"}));
  EXPECT_EQ(events["below"], (std::vector<std::string>{"g:on_failure", "g:on_finish"}))
      << "skipped: no on_start";
  EXPECT_EQ(events["not"], (std::vector<std::string>{"g:on_skip", "g:on_finish"}));
  EXPECT_EQ(world.step_state(id, "good"), "completed");
}

// R54, wherever a step ends by itself: on_start when it began, on_finish once.
TEST(Hooks, R54OfEveryEndOfAStep) {
  World world;
  world.publish(std::string(kAll) + R"("failure_mode":"continue","steps":[
    {"name":"done"},
    {"name":"again","max_retries":1,"retry_delay":"1s"},
    {"name":"skips"},
    {"name":"skipped","task":"bad","max_retries":0,"on_error":"skip"},
    {"name":"tolerated","task":"bad","max_retries":0,"on_error":"continue"},
    {"name":"replaced","task":"bad","max_retries":0,"fallback":{"value":1}},
    {"name":"recovered","task":"bad","max_retries":0,"recovery":[{"action":"skip"}]},
    {"name":"answered"},
    {"name":"false","when":{"path":"x","exists":true}},
    {"name":"untaken","after":["false"]},
    {"name":"failed","task":"bad","max_retries":0},
    {"name":"blocked","after":["failed"]},
    {"name":"grows","graft":true}])");
  world.runner().by_function["again"] = [n = 0](const auto&) mutable { return n++ ? ok() : fail("no"); };
  world.runner().by_function["skips"] = [](const auto&) { return skip(); };
  world.runner().by_function["bad"] = [](const auto&) { return fail("boom"); };
  world.runner().by_function["answered"] = [](const auto&) { return await(); };
  world.runner().by_function["grows"] = [](const auto&) { return expand({child("leaf")}); };
  const ExecutionId id = world.start()->id;
  world.run();
  ASSERT_TRUE(world.resume(id));
  world.run();
  ASSERT_EQ(world.show(id).state.state, State::failed);
  const std::map<std::string, std::string> expected = {
      {"done", "on_start on_success on_finish"},
      {"again", "on_start on_start on_success on_finish"},
      {"skips", "on_start on_skip on_finish"},
      {"skipped", "on_start on_skip on_finish"},
      {"tolerated", "on_start on_failure on_finish"},
      {"replaced", "on_start on_success on_finish"},
      {"recovered", "on_start on_skip on_finish"},
      {"answered", "on_start on_success on_finish"},
      {"false", "on_skip on_finish"},
      {"untaken", "on_skip on_finish"},
      {"failed", "on_start on_failure on_finish"},
      {"blocked", "on_failure on_finish"},
      {"grows", "on_start on_success on_finish"},
      {"leaf", "on_start on_success on_finish"},
  };
  EXPECT_EQ(hooks_of(world, id), expected);
}

// R54, wherever the end of its workflow ends it.
TEST(Hooks, R54OfEveryEndOfAStepWhileItsWorkflowStops) {
  const std::string steps = std::string(kAll) + R"("steps":[
    {"name":"bad","max_retries":0},
    {"name":"below","after":["bad"]},
    {"name":"obeys"},
    {"name":"finishes"},
    {"name":"deaf","timeout":"infinity"},
    {"name":"sleeps","max_retries":1,"retry_delay":"1h"},
    {"name":"awaits"},
    {"name":"later","after":["finishes"]}])";
  for (const bool by_failure : {true, false}) {
    World world;
    world.publish(steps);
    world.runner().by_function["bad"] = [&](const auto&) {
      return after(by_failure ? kSecond : kHour, fail("boom"));
    };
    world.runner().by_function["obeys"] = [](const auto&) { return after(kHour, ok()); };
    world.runner().by_function["finishes"] = [](const auto&) {
      Act act = after(5 * kSecond, ok());
      act.ignores_cancel = true;
      return act;
    };
    world.runner().by_function["deaf"] = [](const auto&) { return hang(); };
    world.runner().by_function["sleeps"] = [](const auto&) { return fail("later"); };
    world.runner().by_function["awaits"] = [](const auto&) { return await(); };
    const ExecutionId id = world.start()->id;
    world.settle();
    if (!by_failure) {
      ASSERT_TRUE(world.cancel(id));
    }
    world.run();
    const std::map<std::string, std::string> expected = {
        {"bad", "on_start on_failure on_finish"},    {"below", "on_failure on_finish"},
        {"obeys", "on_start on_failure on_finish"},  {"finishes", "on_start on_success on_finish"},
        {"deaf", "on_start on_failure on_finish"},   {"sleeps", "on_start on_failure on_finish"},
        {"awaits", "on_start on_failure on_finish"}, {"later", "on_failure on_finish"},
    };
    EXPECT_EQ(hooks_of(world, id), expected) << (by_failure ? "after a failure" : "after a cancel");
    EXPECT_EQ(world.step_state(id, "deaf"), "cancelled");
  }
}

// A step that the host lost while its workflow was stopping is over when the host is back.
TEST(Hooks, R54OfAStepThatTheHostLostWhileItsWorkflowStopped) {
  World world;
  world.publish(std::string(kAll) + R"("steps":[{"name":"deaf","timeout":"infinity"}])");
  world.runner().by_function["deaf"] = [](const auto&) { return hang(); };
  const ExecutionId id = world.start()->id;
  world.settle();
  ASSERT_TRUE(world.cancel(id));
  world.crash();
  world.run();
  ASSERT_EQ(world.show(id).state.state, State::cancelled);
  EXPECT_EQ(hooks_of(world, id)["deaf"], "on_start on_failure on_finish");
}

// R54: what a breaker refuses does not begin.
TEST(Hooks, R54AStepThatItsBreakerRefusedDidNotStart) {
  World world;
  world.publish(std::string(kAll) + R"("steps":[{"name":"down","max_retries":0,"circuit_breaker":"b",
    "circuit_breaker_opts":{"failure_threshold":1,"reset_timeout":"1h"}}])");
  world.runner().by_function["down"] = [](const auto&) { return fail("down"); };
  ASSERT_TRUE(world.start());
  world.run();
  const ExecutionId refused = world.start()->id;
  world.run();
  ASSERT_EQ(world.show(refused).state.error->code, "circuit_open");
  EXPECT_EQ(hooks_of(world, refused)["down"], "on_failure on_finish");
}

// R70: the workflow's and then the step's, each of the five, the step's also where the workflow has none.
TEST(Hooks, R70TheWorkflowsAndTheStepsOwn) {
  const std::string five =
      R"("hooks":{"on_start":"@start","on_success":"@success","on_failure":"@failure","on_skip":"@skip","on_finish":"@finish"})";
  const auto named = [&](const std::string& prefix) {
    std::string out = five;
    for (size_t at; (at = out.find('@')) != out.npos;) out.replace(at, 1, prefix);
    return out;
  };
  for (const bool of_workflow : {true, false}) {
    World world;
    world.publish(
        (of_workflow ? named("w_") + "," : "") + R"("failure_mode":"continue","steps":[{"name":"good",)" +
        named("s_") + R"(},{"name":"bad","max_retries":0,)" + named("s_") +
        R"(},{"name":"not","when":{"path":"x","exists":true},)" + named("s_") + R"(},{"name":"plain"}])");
    world.runner().by_function["bad"] = [](const auto&) { return fail("boom"); };
    (void)world.start();
    world.run();
    std::map<std::string, std::string> called;
    for (const Called& call : world.runner().calls)
      if (call.kind == worker::Kind::hook) called[call.step] += call.function + " ";
    if (of_workflow) {
      EXPECT_EQ(called["good"], "w_start s_start w_success s_success w_finish s_finish ");
      EXPECT_EQ(called["bad"], "w_start s_start w_failure s_failure w_finish s_finish ");
      EXPECT_EQ(called["not"], "w_skip s_skip w_finish s_finish ");
      EXPECT_EQ(called["plain"], "w_start w_success w_finish ");
    } else {
      EXPECT_EQ(called["good"], "s_start s_success s_finish ");
      EXPECT_EQ(called["bad"], "s_start s_failure s_finish ");
      EXPECT_EQ(called["not"], "s_skip s_finish ");
      EXPECT_EQ(called.count("plain"), 0u);
    }
  }
}

// What a hook tells of is kept as it is of any function; it changes nothing else.
TEST(Hooks, R70WhatTheyEmitIsKept) {
  World world;
  world.publish(std::string(kAll) + R"("steps":[{"name":"one"},{"name":"two","after":["one"]}])");
  world.runner().by_function["g"] = [](const worker::Invocation& call) {
    Act act = fail("a hook may fail, and has said so");
    act.outcome.emitted.push_back({call.step, "audit", "seen", "{\"n\":1}"});
    return act;
  };
  for (const char* step : {"one", "two"})
    world.runner().by_function[step] = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  const auto emitted = world.records_of<journal::Emitted>(id);
  // All but what comes with or after the end: on_success and on_finish of the last step.
  ASSERT_EQ(emitted.size(), 4u);
  for (const journal::Emitted& each : emitted) EXPECT_EQ(each.message, "seen");
  EXPECT_EQ(emitted.back().step, 1u);
}

// R70: whatever hooks return or throw, or if they return at all, steps end as they would without them, and no
// earlier or later; the journal has no more than diagnostics that say which failed.
TEST(Hooks, R70WhateverTheyDoTheOutcomeIsTheSame) {
  const std::string steps = R"("failure_mode":"continue","steps":[
    {"name":"good"},{"name":"bad","max_retries":1,"retry_delay":"1s"},{"name":"below","after":["bad"]},
    {"name":"next","after":["good"]},{"name":"not","when":{"path":"x","exists":true}}])";
  struct Ends {
    std::vector<std::string> states;
    std::vector<int64_t> instants;
    std::string context;
    size_t records, diagnostics;
  };
  const auto run = [&](const std::string& hooks, const ScriptedRunner::Script& hook) {
    World world;
    world.publish(hooks + steps);
    world.runner().by_function["good"] = [](const auto&) { return after(kSecond, ok(R"({"a":1})")); };
    world.runner().by_function["next"] = [](const auto&) { return after(kMinute, ok(R"({"b":2})")); };
    world.runner().by_function["bad"] = [](const auto&) { return fail("boom"); };
    world.runner().by_function["g"] = hook;
    const ExecutionId id = world.start()->id;
    const int64_t began = world.now();
    world.run();
    Ends ends;
    const auto view = world.show(id);
    for (const journal::Step& step : view.state.steps) {
      ends.states.push_back(step_text(step));
      ends.instants.push_back(step.ended_at - began);
    }
    ends.context = view.context;
    ends.diagnostics = world.records_of<journal::Diagnostic>(id).size();
    ends.records = world.events_of(id).size() - ends.diagnostics;
    for (const auto& diagnostic : world.records_of<journal::Diagnostic>(id))
      EXPECT_EQ(diagnostic.code, "hook_failed");
    return ends;
  };
  const Ends without = run("", [](const auto&) { return ok(); });
  const auto await_something = [](const auto&) { return await(); };
  const std::vector<std::pair<const char*, ScriptedRunner::Script>> what_they_do = {
      {"done", [](const auto&) { return ok(R"({"a":"other","c":3})"); }},
      {"slow", [](const auto&) { return after(kSecond, ok()); }},
      {"failed", [](const auto&) { return fail("hooks may fail", journal::ErrorClass::terminal); }},
      {"skip", [](const auto&) { return skip(); }},
      {"snooze", [](const auto&) { return snooze(kSecond); }},
      {"await", await_something},
      {"expand", [](const auto&) { return expand({child("leaf")}); }},
      {"hang", [](const auto&) { return hang(); }},
  };
  for (const auto& [name, hook] : what_they_do) {
    const Ends with = run(kAll, hook);
    EXPECT_EQ(with.states, without.states) << name;
    EXPECT_EQ(with.instants, without.instants) << name;
    EXPECT_EQ(with.context, without.context) << name;
    EXPECT_EQ(with.records, without.records) << name;
    const bool fails = std::string_view(name) != "done" && std::string_view(name) != "slow";
    EXPECT_EQ(with.diagnostics > without.diagnostics, fails) << name;
  }
}

// R70: one at a time for an execution, also those that wait when it is over; one that does not return does
// not keep the others waiting for ever.
TEST(Hooks, R70OneAtATimeAndAllOfThem) {
  World world;
  world.publish(std::string(kAll) + R"("steps":[{"name":"a"},{"name":"b"},{"name":"c","after":["a","b"]}])");
  world.runner().by_function["g"] = [n = 0](const auto&) mutable {
    return n++ == 0 ? hang() : after(kSecond, ok());
  };
  const ExecutionId id = world.start()->id;
  world.settle();
  EXPECT_EQ(world.show(id).state.state, State::completed) << "nobody waits for hooks";
  world.run();
  std::vector<const Called*> hooks;
  for (const Called& call : world.runner().calls)
    if (call.kind == worker::Kind::hook) hooks.push_back(&call);
  ASSERT_EQ(hooks.size(), 9u);
  EXPECT_EQ(hooks[0]->fate, Called::Fate::abandoned);
  for (size_t i = 1; i < hooks.size(); ++i) {
    EXPECT_EQ(hooks[i]->fate, Called::Fate::returned);
    EXPECT_GE(hooks[i]->at, hooks[i - 1]->ended_at) << i;
  }
  EXPECT_EQ(world.engine().running_steps(), 0u);
}

}  // namespace
}  // namespace pirn::sim
