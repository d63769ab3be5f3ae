// Timeouts of steps and workflows, and what fenced calls come back with (R20, R21).
#include <gtest/gtest.h>

#include "tests/host/engine/diagnostics.h"

namespace pirn::sim {
namespace {

using journal::State;

TEST(Timeout, R20IsRetryableAndTheLateResultIsFenced) {
  World world;
  world.publish(
      R"("steps":[{"name":"a","timeout":"10s","max_retries":1,"retry_delay":"5s","retry_backoff":"fixed"}])");
  int calls = 0;
  world.runner().by_function["a"] = [&](const auto&) {
    return ++calls == 1 ? hang() : after(9 * kSecond, ok(R"({"by":"second"})"));
  };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed) << "each invocation has its own 10 s";
  EXPECT_EQ(world.context(id), R"({"by":"second"})");
  const auto failures = world.records_of<journal::StepFailed>(id);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].error->code, "timeout");
  ASSERT_EQ(world.runner().calls.size(), 2u);
  EXPECT_EQ(world.runner().calls[0].fate, Called::Fate::abandoned);
  EXPECT_EQ(world.runner().calls[0].ended_at - world.runner().calls[0].at, 10 * kSecond);
}

// The call of each kind hears that it is not wanted any more and goes on all the same.
TEST(Timeout, R20AFencedCallThatReturnsAfterAllLeavesOneDiagnostic) {
  const char* const kWaits = R"({"name":"z","timeout":"1h"})";
  const std::pair<const char*, const char*> cases[] = {
      {"a", R"({"name":"a","timeout":"2s","max_retries":0,"on_error":"continue"},)"},
      {"ask", R"({"name":"b","when":{"function":"ask"}},)"},
      {"limit", R"({"name":"b","timeout":{"function":"limit"}},)"},
      {"plan_b", R"({"name":"b","timeout":"2s","max_retries":0,"fallback":"plan_b","on_error":"continue"},)"},
      {"watch", R"({"name":"b","hooks":{"on_start":"watch"}},)"},
  };
  for (const auto& [function, step] : cases)
    for (const bool deaf : {true, false}) {
      World world;
      world.publish(R"("steps":[)" + std::string(step) + kWaits + "]");
      world.runner().script = [&, name = std::string(function)](const worker::Invocation& call) {
        if (call.function == "z") return after(10 * kMinute, ok());
        if (call.function == "b" && name == "plan_b") return fail("bad");
        if (call.function != name) return ok();
        Act act = after(kMinute, ok(R"({"late":true})"));
        act.ignores_cancel = deaf;
        return act;
      };
      const ExecutionId id = world.start()->id;
      world.run();
      EXPECT_EQ(world.show(id).state.state, State::completed) << function;
      EXPECT_EQ(diagnostics_of(world, id, "stale_result"), deaf ? 1u : 0u)
          << function << ": one that says it was cancelled has done what it was told to";
      EXPECT_EQ(world.context(id).find("late"), world.context(id).npos)
          << function << ": " << world.context(id);
    }
}

TEST(Timeout, R20NothingIsSaidOfWhatReturnsAfterTheEnd) {
  World world;
  world.publish(R"("steps":[{"name":"a","timeout":"2s","max_retries":0}])");
  world.runner().by_function["a"] = [](const auto&) {
    Act act = after(kMinute, ok());
    act.ignores_cancel = true;
    return act;
  };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(diagnostics_of(world, id, "stale_result"), 0u);
}

TEST(Timeout, R21OfTheWorkflowStopsItWithItsOwnError) {
  World world;
  world.publish(R"("timeout":"10s","steps":[{"name":"a","timeout":"1h"},{"name":"b","after":["a"]}])");
  world.runner().by_function["a"] = [&](const auto&) { return after(kMinute, ok()); };
  const ExecutionId id = world.start()->id;
  world.run();
  const auto view = world.show(id);
  EXPECT_EQ(view.state.state, State::failed);
  EXPECT_EQ(view.state.error->code, "workflow_timeout");
  EXPECT_EQ(world.step_state(id, "a"), "cancelled");
  EXPECT_EQ(world.step_state(id, "b"), "skipped(aborted)");
}

}  // namespace
}  // namespace pirn::sim
