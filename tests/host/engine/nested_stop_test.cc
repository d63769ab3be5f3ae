// Nested workflows that are stopped: by their parent, by its failure, by their step's timeout, by somebody
// (R27, R32). Whatever they undo is waited for.
#include <gtest/gtest.h>

#include <tuple>

#include "tests/host/engine/nested.h"

namespace pirn::sim {
namespace {

using journal::State;

TEST(Nested, ACancelGoesDownAndSoDoesItsRollback) {
  for (const bool rollback : {false, true}) {
    World world;
    publish(world, R"({"name":"n","workflow":"inner"})",
            R"("steps":[{"name":"x","rollback":"undo"},{"name":"y","after":["x"]}])");
    world.runner().by_function["y"] = [](const auto&) { return after(kMinute, ok()); };
    const int64_t started = world.now();
    const ExecutionId id = world.start()->id;
    world.settle();
    ASSERT_TRUE(world.cancel(id, "t", rollback));
    world.run();
    EXPECT_EQ(world.now(), started) << "at once, not when the grace is over";
    EXPECT_EQ(world.show(id).state.state, State::cancelled);
    EXPECT_EQ(world.step_state(id, "n"), "cancelled");
    EXPECT_EQ(world.show(child_of(world, id)).state.state, State::cancelled);
    EXPECT_EQ(calls_of(world, "undo"), rollback ? 1u : 0u);
    EXPECT_LE(world.show(child_of(world, id)).state.ended_at, world.show(id).state.ended_at)
        << "the parent waits for it";
  }
}

TEST(Nested, AFailureBesideItStopsItAndRollsItBack) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner"},{"name":"bad","max_retries":0})",
          R"("steps":[{"name":"x","rollback":"undo"},{"name":"y","after":["x"]}])");
  world.runner().by_function["y"] = [](const auto&) { return after(kMinute, ok()); };
  world.runner().by_function["bad"] = [](const auto&) { return after(kSecond, fail("x")); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(world.show(child_of(world, id)).state.state, State::cancelled);
  EXPECT_EQ(calls_of(world, "undo"), 1u);
  const auto cancels = world.records_of<journal::StepCancelled>(id);
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].reason, "the workflow is stopping") << "not that its time was up";
}

TEST(Nested, WhoCancelsTheChildFailsTheStep) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner","max_retries":0})", kInner);
  world.runner().by_function["x"] = [](const auto&) { return after(kMinute, ok()); };
  const ExecutionId id = world.start()->id;
  world.settle();
  ASSERT_TRUE(world.cancel(child_of(world, id)));
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(world.show(id).state.steps[0].error->code, "nested_workflow_cancelled");
  EXPECT_NE(world.show(id).state.steps[0].error->details.find(R"("reason":"user_requested")"),
            std::string::npos);
}

TEST(Nested, WhatSomebodyHasCancelledIsTriedAgainOnlyIfThePolicyNamesIt) {
  const std::tuple<const char*, const char*, size_t> cases[] = {
      {"", "", 1u},
      {R"(,"retry_on":["nested_workflow_cancelled"])", "", 2u},
      {R"(,"retry_on":["nested_workflow_failed"])", "", 1u},
      {R"(,"max_retries":0)", R"(,"max_retries":1)", 1u},  // the workflow's own retries
      {R"(,"max_retries":0)", R"(,"max_retries":1,"retry_on":["nested_workflow_cancelled"])", 2u},
  };
  for (const auto& [of_step, of_workflow, calls] : cases) {
    World world;
    world.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
      {"name":"w","steps":[{"name":"n","workflow":"inner")" +
                                    std::string(of_step) + "}]" + of_workflow + R"(},{"name":"inner",)" +
                                    kInner + "}]}");
    world.runner().by_function["x"] = [](const auto&) { return after(kMinute, ok()); };
    const ExecutionId id = world.start()->id;
    world.settle();
    ASSERT_TRUE(world.cancel(child_of(world, id)));
    world.run();
    EXPECT_EQ(calls_of(world, "x"), calls) << of_step << of_workflow;
    EXPECT_EQ(world.show(id).state.state, calls == 2 ? State::completed : State::failed)
        << of_step << of_workflow;
  }
}

TEST(Nested, ATimeoutOfTheStepCancelsTheChild) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner","timeout":"10s","max_retries":0})", kInner);
  world.runner().by_function["x"] = [](const auto&) { return after(kMinute, ok()); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.steps[0].error->code, "timeout");
  EXPECT_EQ(world.show(id).state.ended_at - world.show(id).state.started_at, 10 * kSecond);
  EXPECT_EQ(world.show(child_of(world, id)).state.state, State::cancelled);
}

// "undo 10s to 70s": when each call of these functions began and ended, in seconds since the first call.
std::vector<std::string> spans_of(World& world, const std::vector<std::string>& functions) {
  std::vector<std::string> out;
  const int64_t begin = world.runner().calls.front().at;
  for (const Called& call : world.runner().calls)
    if (std::find(functions.begin(), functions.end(), call.function) != functions.end())
      out.push_back(call.function + " " + std::to_string((call.at - begin) / kSecond) + " to " +
                    std::to_string((call.ended_at - begin) / kSecond));
  return out;
}

TEST(Nested, AStepThatIsOutOfTimeIsTriedAgainWhenItsChildIsUndone) {
  for (const bool crash : {false, true}) {
    World world;
    publish(
        world,
        R"({"name":"n","workflow":"inner","timeout":"10s","max_retries":1,"retry_delay":"1s","retry_backoff":"fixed"})",
        R"("steps":[{"name":"x","rollback":"undo"},{"name":"y","after":["x"]}])");
    int calls = 0;
    world.runner().by_function["y"] = [&](const auto&) {
      return after(++calls == 1 ? kMinute : kSecond, ok());
    };
    world.runner().by_function["undo"] = [](const auto&) { return after(kMinute, ok()); };
    const ExecutionId id = world.start()->id;
    if (crash) {
      world.advance(30 * kSecond);
      world.crash();  // the rollback begins anew
    }
    world.run();
    EXPECT_EQ(world.show(id).state.state, State::completed);
    const auto failures = world.records_of<journal::StepFailed>(id);
    ASSERT_EQ(failures.size(), 1u);
    EXPECT_EQ(failures[0].error->code, "timeout");
    const std::vector<std::string> spans = spans_of(world, {"x", "undo"});
    EXPECT_EQ(spans,
              crash ? (std::vector<std::string>{"x 0 to 0", "undo 10 to 30", "undo 30 to 90", "x 91 to 91"})
                    : (std::vector<std::string>{"x 0 to 0", "undo 10 to 70", "x 71 to 71"}));
  }
}

const char* const kSlowSaga =
    R"("steps":[{"name":"x","rollback":"undo"},{"name":"y","after":["x"]}],"on_cancel":"say")";

// The grace is for calls. What nested executions undo, and say at their end, is waited for on every level.
TEST(Nested, TheGraceDoesNotCutWhatIsUndone) {
  for (const bool crash : {false, true}) {
    World world;
    world.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
      {"name":"w","on_failure":"alarm","steps":[{"name":"p","rollback":"rp"},{"name":"n","workflow":"middle","after":["p"]},
        {"name":"bad","after":["p"],"max_retries":0},{"name":"deaf","after":["p"]}]},
      {"name":"middle","steps":[{"name":"m","rollback":"rm"},{"name":"deep","workflow":"inner","after":["m"]}]},
      {"name":"inner",)" + std::string(kSlowSaga) +
                                    "}]}");
    world.runner().script = [](const worker::Invocation& call) {
      if (call.function == "bad") return after(5 * kSecond, fail("bad"));
      if (call.function == "y") return after(kMinute, ok());
      Act act = ok();
      act.takes = call.function == "undo" ? 2 * kMinute : call.function == "say" ? kMinute : 0;
      if (call.function == "deaf") act.takes = 10 * kMinute, act.ignores_cancel = true;
      return act;
    };
    const ExecutionId id = world.start()->id;
    if (crash) {
      world.advance(kMinute);  // the grace is over, and the host is lost
      world.crash();
    }
    world.run();
    const int64_t late = crash ? 55 : 0;  // the rollback runs again from 60 on
    EXPECT_EQ(spans_of(world, {"undo", "say", "rm", "rp", "alarm"}).size(), crash ? 6u : 5u);
    std::vector<std::string> spans = spans_of(world, {"undo", "say", "rm", "rp", "alarm"});
    if (crash) spans.erase(spans.begin());
    const auto span = [&](const char* function, int64_t from, int64_t to) {
      return function + (" " + std::to_string(from + late)) + " to " + std::to_string(to + late);
    };
    EXPECT_EQ(spans,
              (std::vector<std::string>{span("undo", 5, 125), span("say", 125, 185), span("rm", 185, 185),
                                        span("rp", 185, 185), span("alarm", 185, 185)}));
    EXPECT_EQ(world.step_state(id, "deaf"), "cancelled");
    EXPECT_EQ(world.show(id).state.steps[3].ended_at - world.show(id).state.started_at, 35 * kSecond)
        << "the grace is over for a call";
    EXPECT_EQ(world.step_state(id, "n"), "cancelled");
  }
}

// It has done its work, and its last handler takes longer than the grace.
TEST(Nested, WhatCompletesWhileItsParentStopsIsRolledBackWithIt) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner"},{"name":"bad","max_retries":0})",
          R"("on_success":"say","steps":[{"name":"x","rollback":"undo"}])");
  world.runner().by_function["say"] = [](const auto&) { return after(kMinute, ok()); };
  world.runner().by_function["bad"] = [](const auto&) { return after(kSecond, fail("bad")); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "n"), "completed");
  EXPECT_EQ(world.show(child_of(world, id)).state.state, State::completed);
  EXPECT_EQ(calls_of(world, "undo"), 1u);
  EXPECT_EQ(world.show(id).state.steps[0].compensation, journal::Compensation::done);
}

TEST(Nested, WhatCompletesWhenItsTimeIsUpIsItsStepsOutcome) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner","timeout":"10s","max_retries":0})",
          R"("on_success":"say","steps":[{"name":"x"}])");
  world.runner().by_function["x"] = [](const auto&) { return ok(R"({"v":1})"); };
  world.runner().by_function["say"] = [](const auto&) { return after(kMinute, ok()); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.context(id), R"({"v":1})");
}

// It fails by itself while its parent stops it, or while its step's time runs out: there is no second
// attempt.
TEST(Nested, AnAttemptThatNobodyWantsDoesNotBegin) {
  for (const bool timeout : {false, true}) {
    World world;
    publish(
        world,
        R"({"name":"n","workflow":"inner","max_retries":0)" +
            std::string(timeout ? R"(,"timeout":"10s"},{"name":"z","timeout":"1h"})"
                                : R"(},{"name":"bad","max_retries":0})"),
        R"("max_retries":3,"retry_delay":"1h","steps":[{"name":"x","rollback":"undo"},{"name":"y","after":["x"],"max_retries":0}])");
    world.runner().by_function["y"] = [](const auto&) { return after(kSecond, fail("no")); };
    world.runner().by_function["undo"] = [](const auto&) { return after(kMinute, ok()); };
    world.runner().by_function["bad"] = [](const auto&) { return after(5 * kSecond, fail("bad")); };
    const ExecutionId id = world.start()->id;
    world.run();
    EXPECT_EQ(calls_of(world, "x"), 1u);
    EXPECT_EQ(world.show(id).state.state, State::failed);
    EXPECT_EQ(world.show(child_of(world, id)).state.state, State::cancelled);
    EXPECT_EQ(world.show(id).state.error->code, timeout ? "timeout" : "bad");
    EXPECT_EQ(world.show(child_of(world, id)).state.ended_at - world.show(id).state.started_at, 61 * kSecond);
  }
}

// R32: as its parent is; out of time always; cancelled by somebody if he asks for it.
TEST(Nested, WhenItIsStoppedItIsRolledBackIfWhoStopsItIs) {
  enum class Stop {
    failure,
    cancel,
    cancel_with_rollback,
    timeout,
    cancel_of_child,
    cancel_of_child_with_rollback
  };
  const std::tuple<Stop, const char*, size_t> cases[] = {
      {Stop::failure, "auto", 1u},
      {Stop::failure, "always", 1u},
      {Stop::failure, "never", 0u},
      {Stop::cancel, "always", 0u},
      {Stop::cancel_with_rollback, "never", 1u},
      {Stop::timeout, "never", 1u},
      {Stop::cancel_of_child, "always", 0u},
      {Stop::cancel_of_child_with_rollback, "never", 1u},
  };
  for (const auto& [stop, compensate, undone] : cases) {
    SCOPED_TRACE(std::string(compensate) + " " + std::to_string(static_cast<int>(stop)));
    World world;
    const std::string timeout = stop == Stop::timeout ? R"(,"timeout":"10s")" : "";
    const std::string bad = stop == Stop::failure ? R"(,{"name":"bad","max_retries":0})" : "";
    world.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
      {"name":"w","compensate":")" + std::string(compensate) +
                                    R"(","steps":[{"name":"n","workflow":"inner","max_retries":0)" + timeout +
                                    "}" + bad + R"(]},{"name":"inner",)" + kSlowSaga + "}]}");
    world.runner().by_function["y"] = [](const auto&) { return after(kMinute, ok()); };
    world.runner().by_function["bad"] = [](const auto&) { return after(kSecond, fail("bad")); };
    const ExecutionId id = world.start()->id;
    world.settle();
    if (stop == Stop::cancel || stop == Stop::cancel_with_rollback) {
      ASSERT_TRUE(world.cancel(id, "t", stop == Stop::cancel_with_rollback));
    } else if (stop != Stop::failure && stop != Stop::timeout) {
      ASSERT_TRUE(world.cancel(child_of(world, id), "t", stop == Stop::cancel_of_child_with_rollback));
    }
    world.run();
    EXPECT_EQ(calls_of(world, "undo"), undone);
  }
}

}  // namespace
}  // namespace pirn::sim
