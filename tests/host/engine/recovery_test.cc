// What follows a failure: recovery rules, fallbacks, functions for timeouts (R19, R20, R46, R47).
#include <gtest/gtest.h>

#include "host/simulate/world.h"

namespace pirn::sim {
namespace {

using journal::ErrorClass;
using journal::State;
using worker::Kind;

std::string step(const std::string& options) {
  return R"("steps":[{"name":"a","max_retries":1,"retry_delay":"1s","retry_backoff":"fixed",)" + options +
         R"(},{"name":"b","after":["a"]}])";
}
ScriptedRunner::Script always_fails(std::string code, ErrorClass error_class = ErrorClass::retryable) {
  return [=](const worker::Invocation&) { return fail(code, error_class); };
}

TEST(Recovery, AFallbackFunctionTakesThePlaceOfAnExhaustedStep) {
  World world;
  world.publish(step(R"("fallback":"plan_b")"));
  world.runner().by_function["a"] = always_fails("x");
  world.runner().by_function["plan_b"] = [](const auto&) { return ok(R"({"from":"b"})"); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "a"), "completed");
  EXPECT_EQ(world.step_state(id, "b"), "completed");
  EXPECT_EQ(world.context(id), R"({"from":"b"})");
  const Called& call = world.runner().calls[2];
  EXPECT_EQ(call.kind, Kind::fallback);
  EXPECT_EQ(call.function, "plan_b");
  EXPECT_EQ(call.input, R"({"error":{"code":"x","message":"told to","class":"retryable"}})");
  for (const bool restarted : {false, true}) {
    if (restarted) world.crash();
    const journal::ExecutionState state = world.show(id).state;
    EXPECT_TRUE(state.steps[0].fallback_used);
    EXPECT_EQ(state.steps[0].failures, 2u) << "the retries come first";
    ASSERT_TRUE(state.steps[0].error);
    EXPECT_EQ(state.steps[0].error->code, "x") << "what the fallback stands in for is still to be seen";
    EXPECT_FALSE(state.steps[1].error);
  }
}

TEST(Recovery, ARetryThatSucceedsLeavesNoError) {
  World world;
  world.publish(step(R"("fallback":"plan_b")"));
  int calls = 0;
  world.runner().by_function["a"] = [&](const auto&) { return ++calls == 1 ? fail("x") : ok(); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_FALSE(world.show(id).state.steps[0].error);
  EXPECT_FALSE(world.show(id).state.steps[0].fallback_used);
}

TEST(Recovery, AFallbackThatFailsIsTheStepsFailure) {
  World world;
  world.publish(step(R"("fallback":"plan_b","on_error":"continue")"));
  world.runner().by_function["a"] = always_fails("x");
  world.runner().by_function["plan_b"] = always_fails("y");
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "a"), "failed(tolerated)");
  EXPECT_EQ(world.show(id).state.steps[0].error->code, "y");
  EXPECT_EQ(world.runner().calls.size(), 4u) << "twice a, once its fallback, then b";
}

TEST(Recovery, AFallbackIsAValueOrASkip) {
  World world;
  world.publish(R"("steps":[{"name":"a","max_retries":0,"fallback":{"value":{"rate":1.5}}},
    {"name":"s","max_retries":0,"fallback":{"value":7}},
    {"name":"c","max_retries":0,"fallback":{"skip":true}},{"name":"end","after":["a","s","c"]}])");
  for (const char* name : {"a", "s", "c"}) world.runner().by_function[name] = always_fails("x");
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "a"), "completed");
  EXPECT_EQ(world.step_state(id, "s"), "completed");
  EXPECT_EQ(world.show(id).state.steps[1].result->value.as_integer(), 7);
  EXPECT_EQ(world.step_state(id, "c"), "skipped(recovery)");
  EXPECT_EQ(world.step_state(id, "end"), "completed");
  EXPECT_EQ(world.context(id), R"({"rate":1.5})");
}

TEST(Recovery, R46TheFirstMatchingRuleDecides) {
  World world;
  world.publish(step(
      R"("recovery":[{"on":["lost"],"action":"skip"},{"on":[{"class":"terminal"}],"action":"fallback","fallback":"plan_b"}])"));
  world.runner().by_function["a"] = always_fails("lost");
  const ExecutionId skipped = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(skipped, "a"), "skipped(recovery)");
  EXPECT_EQ(world.step_state(skipped, "b"), "completed");
  EXPECT_EQ(world.records_of<journal::StepFailed>(skipped)[0].rule, 1u);
  world.runner().by_function["a"] = always_fails("broken", ErrorClass::terminal);
  const ExecutionId fallen_back = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(fallen_back, "a"), "completed");
  world.runner().by_function["a"] = always_fails("other");
  const ExecutionId none = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(none, "a"), "failed") << "no rule matches: the step's own policy, then on_error";
  EXPECT_EQ(world.show(none).state.steps[0].failures, 2u);
}

TEST(Recovery, R46ARuleRetriesWithItsOwnPolicyAndCountsWithTheSteps) {
  World world;
  world.publish(step(
      R"("recovery":[{"on":["busy"],"action":"retry","max_retries":3,"retry_delay":"10s","retry_backoff":"fixed"}])"));
  int calls = 0;
  world.runner().by_function["a"] = [&](const auto&) { return ++calls == 1 ? fail("other") : fail("busy"); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "a"), "failed");
  const auto retries = world.records_of<journal::StepRetry>(id);
  ASSERT_EQ(retries.size(), 3u) << "one by the step's policy, two by the rule's: three failures in all";
  EXPECT_EQ(retries[0].delay, kSecond);
  EXPECT_EQ(retries[1].delay, 10 * kSecond);
}

TEST(Recovery, R46TheRulesOfTheStepComeBeforeThoseOfTheWorkflow) {
  World world;
  world.publish(R"("recovery":[{"on":["x"],"action":"abort"}],"failure_mode":"continue",
    "steps":[{"name":"a","max_retries":5,"recovery":[{"on":["x"],"action":"skip"}]},
             {"name":"b","max_retries":5,"on_error":"continue"},{"name":"c"},{"name":"d","after":["c"]}])");
  world.runner().by_function["a"] = always_fails("x");
  world.runner().by_function["b"] = always_fails("x");
  world.runner().by_function["c"] = [](const auto&) { return after(kMinute, ok()); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "a"), "skipped(recovery)");
  EXPECT_EQ(world.step_state(id, "b"), "failed") << "abort fails the workflow whatever on_error says";
  EXPECT_EQ(world.show(id).state.state, State::failed) << "and stops it, in mode continue too";
  EXPECT_EQ(world.step_state(id, "d"), "skipped(aborted)");
}

TEST(Recovery, R46AConditionFunctionDecidesWhetherARuleApplies) {
  for (const bool truth : {true, false}) {
    World world;
    world.publish(step(
        R"("recovery":[{"when":{"function":"is_night"},"action":"skip"},{"action":"fallback","fallback":{"value":{"k":1}}}])"));
    world.runner().by_function["a"] = always_fails("x");
    world.runner().by_function["is_night"] = [=](const auto&) { return after(kSecond, answer(truth)); };
    const ExecutionId id = world.start()->id;
    world.settle();
    EXPECT_EQ(world.step_state(id, "a"), "asking");
    EXPECT_EQ(world.runner().calls[1].input,
              R"({"error":{"code":"x","message":"told to","class":"retryable"}})");
    world.run();
    EXPECT_EQ(world.step_state(id, "a"), truth ? "skipped(recovery)" : "completed");
    EXPECT_EQ(world.show(id).state.steps[0].failures, 1u) << "counted once";
    EXPECT_EQ(world.show(id).state.state, State::completed);
  }
}

TEST(Recovery, R46WhatAbortsIsTheErrorWhateverFailedBefore) {
  World world;
  world.publish(R"("failure_mode":"continue","steps":[{"name":"a","max_retries":0},
    {"name":"b","recovery":[{"on":["stop"],"action":"abort"}]},{"name":"c"}])");
  world.runner().by_function["a"] = [](const auto&) { return fail("early"); };
  world.runner().by_function["b"] = [](const auto&) { return after(kMinute, fail("stop")); };
  world.runner().by_function["c"] = [](const auto&) { return after(2 * kMinute, ok()); };
  const ExecutionId id = world.start()->id;
  world.run();
  const journal::ExecutionState state = world.show(id).state;
  EXPECT_EQ(state.error->code, "stop");
  EXPECT_EQ(state.error_step, 1u);
  EXPECT_EQ(world.step_state(id, "c"), "cancelled");
}

TEST(Recovery, R47SomebodyDecides) {
  World world;
  world.publish(step(R"("recovery":[{"action":"manual"}])"));
  world.runner().by_function["a"] = always_fails("x");
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "a"), "awaiting");
  EXPECT_EQ(world.show(id).state.steps[0].extra->await->kind, "intervention");
  EXPECT_EQ(world.records_of<journal::Paused>(id)[0].step, 0u);
}

TEST(Recovery, R20AFunctionOfTheContextAnswersTheTimeout) {
  World world;
  world.publish(R"("steps":[{"name":"a","timeout":{"function":"by_size"},"max_retries":0}])");
  world.runner().by_function["by_size"] = [](const auto&) { return answer_delay(7 * kSecond); };
  world.runner().by_function["a"] = [](const auto&) { return hang(); };
  const ExecutionId id = world.start()->id;
  world.run();
  const journal::ExecutionState state = world.show(id).state;
  EXPECT_EQ(state.steps[0].error->code, "timeout");
  EXPECT_EQ(state.ended_at - state.started_at, 7 * kSecond);
  EXPECT_EQ(world.runner().calls[0].kind, Kind::duration);
}

TEST(Recovery, ATimeoutFunctionThatFailsLeavesTheDefault) {
  World world;
  world.publish(R"("steps":[{"name":"a","timeout":{"function":"by_size"},"max_retries":0}])");
  world.runner().by_function["by_size"] = always_fails("x");
  world.runner().by_function["a"] = [](const auto&) { return hang(); };
  const ExecutionId id = world.start()->id;
  world.run();
  const journal::ExecutionState state = world.show(id).state;
  EXPECT_EQ(state.ended_at - state.started_at, 5 * kMinute);
  EXPECT_EQ(world.records_of<journal::Diagnostic>(id)[0].code, "consultation_failed");
}

TEST(Recovery, SurvivesTheHostAtEveryCommit) {
  for (const bool uncertain : {false, true}) {
    for (uint64_t n = 1; n < 12; ++n) {
      SCOPED_TRACE("commit " + std::to_string(n) + (uncertain ? ", uncertain" : ""));
      World world;
      world.publish(R"("steps":[{"name":"a","max_retries":1,"retry_delay":"1s","timeout":{"function":"limit"},
        "recovery":[{"when":{"function":"never"},"action":"abort"}],"fallback":"plan_b"},{"name":"b","after":["a"]}])");
      world.runner().by_function["limit"] = [](const auto&) { return answer_delay(kMinute); };
      world.runner().by_function["never"] = [](const auto&) { return answer(false); };
      world.runner().by_function["a"] = always_fails("x");
      world.runner().by_function["plan_b"] = [](const auto&) { return ok(R"({"k":1})"); };
      world.fail_commit(n, uncertain);
      auto started = world.start("{}", "key");
      if (!started) started = world.start("{}", "key");
      world.run();
      EXPECT_EQ(world.show(started->id).state.state, State::completed);
      EXPECT_EQ(world.context(started->id), R"({"k":1})");
      EXPECT_EQ(world.show(started->id).state.steps[0].failures, 2u);
    }
  }
}

}  // namespace
}  // namespace pirn::sim
