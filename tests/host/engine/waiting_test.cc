// Steps that snooze and await (R13 to R17, R21; S11 to S14): one test a rule.
#include "tests/host/engine/waiting.h"

namespace pirn::sim {
namespace {

using journal::State;

// ---- R17, S11: snoozing ----

TEST(Snooze, TheStepSleepsAndItsAttemptStays) {
  World world;
  world.publish(R"("steps":[{"name":"a","max_retries":0},{"name":"other"}])");
  int calls = 0;
  world.runner().by_function["a"] = [&](const auto&) { return ++calls < 4 ? snooze(kMinute) : ok(); };
  const ExecutionId id = world.start()->id;
  world.settle();
  EXPECT_EQ(world.step_state(id, "a"), "snoozed");
  EXPECT_EQ(world.step_state(id, "other"), "completed") << "only the step sleeps";
  EXPECT_EQ(world.visible(id), "running");
  world.advance(kMinute - 1);
  EXPECT_EQ(calls, 1) << "never early";
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed) << "with max_retries 0: no retry was used up";
  const journal::Step step = world.show(id).state.steps[0];
  EXPECT_EQ(step.failures, 0u);
  EXPECT_EQ(step.invocations, 4u);
  EXPECT_EQ(step.extra->snoozes, 3u);
  for (const Called& call : world.runner().calls) EXPECT_EQ(call.attempt, 1u);
}

TEST(Snooze, ItsTimerIsDurable) {
  World world;
  world.publish(R"("steps":[{"name":"a"}])");
  int calls = 0;
  world.runner().by_function["a"] = [&](const auto&) { return ++calls == 1 ? snooze(kHour) : ok(); };
  const ExecutionId id = world.start()->id;
  const int64_t began = world.now();
  world.settle();
  world.advance(kMinute);
  world.crash();
  EXPECT_EQ(world.step_state(id, "a"), "snoozed");
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.runner().calls.back().at, began + kHour);
}

TEST(Snooze, MoreThanMaxSnoozesIsATerminalError) {
  World world;
  world.publish(R"("steps":[{"name":"a","max_retries":5,"max_snoozes":2}])");
  world.runner().by_function["a"] = [](const auto&) { return snooze(kSecond); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(world.show(id).state.error->code, "max_snoozes_exceeded");
  EXPECT_EQ(calls_of(world, "a"), 3u) << "two snoozes, and none of the five retries";
}

TEST(Snooze, TheWorkflowsTimeoutBoundsIt) {
  World world;
  world.publish(R"("timeout":"10m","steps":[{"name":"a"}])");
  world.runner().by_function["a"] = [](const auto&) { return snooze(kHour); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.error->code, "workflow_timeout");
  EXPECT_EQ(world.step_state(id, "a"), "cancelled");
  EXPECT_EQ(world.show(id).state.ended_at - world.show(id).state.started_at, 10 * kMinute);
}

TEST(Snooze, ForEverIsNoSnooze) {
  World world;
  world.publish(R"("steps":[{"name":"a","max_retries":0}])");
  world.runner().by_function["a"] = [](const auto&) { return snooze(journal::kNever); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.error->code, "invalid_return");
}

// ---- R13, R14, S12, S13: awaiting and its answer ----

TEST(Await, AResumeCompletesTheStepAndNothingIsCalledAgain) {
  World world;
  const ExecutionId id = start_awaiting(world);
  EXPECT_EQ(world.step_state(id, "ask"), "awaiting");
  EXPECT_EQ(world.visible(id), "paused") << "nothing but an awaiting step is left";
  ASSERT_TRUE(world.resume(id, R"({"colour":"green"})"));
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(calls_of(world, "ask"), 1u);
  EXPECT_EQ(world.runner().calls.back().step, "use");
  EXPECT_EQ(world.runner().calls.back().context, R"({"colour":"green"})");
  const auto resumed = world.records_of<journal::Resumed>(id);
  ASSERT_EQ(resumed.size(), 1u);
  EXPECT_EQ(resumed[0].step, 0u);
  EXPECT_EQ(resumed[0].by, "ops");
}

TEST(Await, AnnouncesTheStepThatWaits) {
  World world;
  const ExecutionId id = start_awaiting(world);
  const auto paused = world.records_of<journal::Paused>(id);
  ASSERT_EQ(paused.size(), 1u);
  EXPECT_EQ(paused[0].step, 0u);
}

TEST(Await, IndependentBranchesGoOn) {
  World world;
  world.publish(R"("steps":[{"name":"ask"},{"name":"slow"},{"name":"late","after":["slow"]}])");
  world.runner().by_function["ask"] = [](const auto&) { return await(); };
  world.runner().by_function["slow"] = [](const auto&) { return after(kMinute, ok()); };
  const ExecutionId id = world.start()->id;
  world.settle();
  EXPECT_EQ(world.visible(id), "running");
  world.run();
  EXPECT_EQ(world.step_state(id, "late"), "completed");
  EXPECT_EQ(world.visible(id), "paused");
}

TEST(Await, SurvivesACrashAtEveryCommit) {
  for (uint64_t lost = 1; lost <= 4; ++lost) {
    for (const bool uncertain : {false, true}) {
      World world;
      world.publish(R"("steps":[{"name":"ask"},{"name":"use","after":["ask"]}])");
      world.runner().by_function["ask"] = [](const auto&) { return await(until(kHour)); };
      world.fail_commit(lost, uncertain);
      auto started = world.start("{}", "key");
      while (!started) started = world.start("{}", "key");
      const ExecutionId id = started->id;
      world.settle();
      if (world.step_state(id, "ask") == "awaiting" && !world.resume(id, R"({"n":1})") &&
          world.step_state(id, "ask") == "awaiting") {
        ASSERT_TRUE(world.resume(id, R"({"n":1})")) << "the lost resume is given again";
      }
      world.run();
      EXPECT_EQ(world.show(id).state.state, State::completed) << lost << uncertain;
      EXPECT_EQ(world.context(id), R"({"n":1})");
    }
  }
}

TEST(Await, AResumeWithoutAStepAnswersAllThatAwait) {
  World world;
  world.publish(R"("steps":[{"name":"a","context_key":"a"},{"name":"b","context_key":"b"}])");
  world.runner().script = [](const auto&) { return await(); };
  const ExecutionId id = world.start()->id;
  world.settle();
  ASSERT_TRUE(world.resume(id, R"({"x":1})"));
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.context(id), R"({"a":{"x":1},"b":{"x":1}})");
}

TEST(Await, AResumeWithAStepAnswersThatOneOnly) {
  World world;
  world.publish(R"("steps":[{"name":"a"},{"name":"b"}])");
  world.runner().script = [](const auto&) { return await(); };
  const ExecutionId id = world.start()->id;
  world.settle();
  EXPECT_EQ(*world.resume(id, "{}", "b"), "paused");
  EXPECT_EQ(world.step_state(id, "a"), "awaiting");
  EXPECT_EQ(world.step_state(id, "b"), "completed");
}

TEST(Await, WhatIsTooLargeIsRefusedAndTheStepStaysAwaiting) {
  engine::Options options;
  options.execution_limit_bytes = 1000;
  World world(options);
  const ExecutionId id = start_awaiting(world);
  expect_refused(world.resume(id, "{\"x\":\"" + std::string(2000, 'y') + "\"}"), Code::execution_too_large,
                 "1000");
  expect_refused(world.resume(id, R"({"__x":1})"), Code::invalid_argument, "__x");
  EXPECT_EQ(world.step_state(id, "ask"), "awaiting");
}

TEST(Await, ACancelEndsIt) {
  World world;
  const ExecutionId id = start_awaiting(world, until(kHour));
  ASSERT_TRUE(world.cancel(id));
  EXPECT_EQ(world.show(id).state.state, State::cancelled);
  EXPECT_EQ(world.step_state(id, "ask"), "cancelled");
  EXPECT_TRUE(world.idle()) << "its deadline is gone";
}

TEST(Await, AFailureElsewhereEndsIt) {
  World world;
  world.publish(R"("steps":[{"name":"ask"},{"name":"bad","max_retries":0}])");
  world.runner().by_function["ask"] = [](const auto&) { return await(); };
  world.runner().by_function["bad"] = [](const auto&) { return after(kSecond, fail("x")); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(world.step_state(id, "ask"), "cancelled") << "S19: it had started";
}

// ---- R15, S14: deadlines ----

TEST(AwaitDeadline, WithoutAHandlerTheStepFailsAndIsNotTriedAgain) {
  World world;
  const ExecutionId id = start_awaiting(world, until(2 * kDay), R"(,"max_retries":5)");
  world.advance(2 * kDay - 1);
  EXPECT_EQ(world.step_state(id, "ask"), "awaiting")
      << "never early, and the step's timeout of 5 min is over";
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(world.show(id).state.error->code, "await_timeout");
  EXPECT_EQ(calls_of(world, "ask"), 1u);
}

TEST(AwaitDeadline, IsTriedAgainWhenTheAuthorListsIt) {
  World world;
  const ExecutionId id =
      start_awaiting(world, until(kHour), R"(,"max_retries":2,"retry_on":["await_timeout"])");
  world.run();
  EXPECT_EQ(world.show(id).state.error->code, "await_timeout");
  EXPECT_EQ(calls_of(world, "ask"), 3u);
}

TEST(AwaitDeadline, OnErrorDecides) {
  World world;
  const ExecutionId id = start_awaiting(world, until(kHour), R"(,"on_error":"skip")");
  world.run();
  EXPECT_EQ(world.step_state(id, "ask"), "skipped(on_error)");
  EXPECT_EQ(world.show(id).state.state, State::completed);
}

TEST(AwaitDeadline, SurvivesAHostThatIsDownMeanwhile) {
  World world;
  const ExecutionId id = start_awaiting(world, until(kHour));
  world.pass_time(3 * kHour);
  world.crash();
  world.run();
  EXPECT_EQ(world.show(id).state.error->code, "await_timeout");
}

TEST(AwaitDeadline, TheHandlersAnswerIsTheSteps) {
  World world;
  const ExecutionId id = start_awaiting(world, until(kHour, "escalate"));
  world.runner().by_function["escalate"] = [](const auto&) { return ok(R"({"by":"default"})"); };
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.context(id), R"({"by":"default"})");
  EXPECT_EQ(world.show(id).state.steps[0].failures, 0u);
  const Called& call = world.runner().calls[1];
  EXPECT_EQ(call.kind, worker::Kind::handler);
  EXPECT_EQ(call.input, R"({"event":"on_timeout","step":"ask","attempt":1})");
  EXPECT_EQ(calls_of(world, "ask"), 1u);
}

TEST(AwaitDeadline, TheHandlerIsToldTheContext) {
  World world;
  world.publish(R"("steps":[{"name":"first"},{"name":"ask","after":["first"]}])");
  world.runner().by_function["first"] = [](const auto&) { return ok(R"({"order":7})"); };
  world.runner().by_function["ask"] = [](const auto&) { return await(until(kHour, "escalate")); };
  (void)world.start(R"({"in":1})");
  world.run();
  EXPECT_EQ(world.runner().calls.back().function, "escalate");
  EXPECT_EQ(world.runner().calls.back().context, R"({"in":1,"order":7})");
}

TEST(AwaitDeadline, TheDefinitionNamesTheHandlerWhenTheFunctionDoesNot) {
  World world;
  const ExecutionId id = start_awaiting(world, until(kHour), R"(,"on_timeout":"usual")");
  world.runner().by_function["usual"] = [](const auto&) { return skip("nobody was there"); };
  world.run();
  EXPECT_EQ(world.step_state(id, "ask"), "skipped(requested)");
}

TEST(AwaitDeadline, PassesDuringAPauseAsWell) {
  World world;
  const ExecutionId id = start_awaiting(world, until(kHour, "escalate"));
  world.runner().by_function["escalate"] = [](const auto&) { return ok(R"({"answer":1})"); };
  ASSERT_TRUE(world.pause(id));
  world.advance(kHour - kSecond);
  EXPECT_EQ(calls_of(world, "escalate"), 0u);
  world.advance(kSecond);
  EXPECT_EQ(calls_of(world, "escalate"), 1u);
  EXPECT_EQ(world.step_state(id, "ask"), "completed");
  EXPECT_EQ(world.step_state(id, "use"), "ready") << "steps start when the pause ends";
  world.advance(kHour);
  ASSERT_TRUE(world.resume(id));
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);

  const ExecutionId other = start_awaiting(world, until(kHour), R"(,"max_retries":0)");
  ASSERT_TRUE(world.pause(other));
  world.advance(kHour);
  EXPECT_EQ(world.show(other).state.state, State::failed) << "without a handler it fails at its deadline";
}

TEST(AwaitDeadline, AtTheWorkflowsOwnInstantTheWorkflowsComesFirst) {
  for (const bool restart : {false, true}) {
    World world;
    const ExecutionId id = start_awaiting(world, until(kHour, "escalate"), "", R"("timeout":"1h",)");
    if (restart) world.crash();
    world.run();
    EXPECT_EQ(calls_of(world, "escalate"), 0u);
    ASSERT_TRUE(world.show(id).state.error);
    EXPECT_EQ(world.show(id).state.error->code, "workflow_timeout");
    EXPECT_EQ(world.step_state(id, "ask"), "cancelled");
  }
}

TEST(AwaitDeadline, TheHandlerMayAwaitAgain) {
  World world;
  const ExecutionId id = start_awaiting(world, until(kHour, "escalate"));
  world.runner().by_function["escalate"] = [](const auto&) { return await(until(kDay)); };
  world.advance(2 * kHour);
  EXPECT_EQ(world.step_state(id, "ask"), "awaiting");
  ASSERT_TRUE(world.resume(id, R"({"late":true})"));
  world.run();
  EXPECT_EQ(world.context(id), R"({"late":true})");
}

TEST(AwaitDeadline, AHandlerThatFailsFailsTheStepWhichIsTriedAgain) {
  World world;
  const ExecutionId id = start_awaiting(world, until(kHour, "escalate"), R"(,"max_retries":1)");
  world.runner().by_function["escalate"] = [](const auto&) { return fail("smtp_down"); };
  world.run();
  EXPECT_EQ(world.show(id).state.error->code, "smtp_down");
  EXPECT_EQ(calls_of(world, "ask"), 2u);
}

TEST(AwaitDeadline, AHandlerThatHangsIsATimeoutOfTheStep) {
  World world;
  const ExecutionId id =
      start_awaiting(world, until(kHour, "escalate"), R"(,"max_retries":0,"timeout":"1m")");
  world.runner().by_function["escalate"] = [](const auto&) { return hang(); };
  world.run();
  EXPECT_EQ(world.show(id).state.error->code, "timeout");
  EXPECT_EQ(world.show(id).state.ended_at - world.show(id).state.started_at, kHour + kMinute);
}

TEST(AwaitDeadline, AHandlerThatWasLostIsAskedAgain) {
  World world;
  const ExecutionId id = start_awaiting(world, until(kHour, "escalate"));
  world.runner().by_function["escalate"] = [](const auto&) { return hang(); };
  world.advance(kHour);
  EXPECT_EQ(world.step_state(id, "ask"), "asking");
  EXPECT_EQ(world.visible(id), "running");
  world.runner().by_function["escalate"] = [](const auto&) { return ok(R"({"n":2})"); };
  world.crash();
  world.run();
  EXPECT_EQ(world.context(id), R"({"n":2})");
}

TEST(AwaitDeadline, AnApprovalInheritsTheStepsTimeoutIfItWasGiven) {
  World world;
  const ExecutionId id = start_awaiting(world, {}, R"(,"timeout":"48h","await_approval":true)");
  EXPECT_EQ(world.show(id).state.steps[0].extra->await->deadline, world.now() + 48 * kHour);
  world.run();
  EXPECT_EQ(world.show(id).state.error->code, "await_timeout");
}

TEST(AwaitDeadline, ThereIsNoneOtherwise) {
  for (const char* options : {R"(,"timeout":"48h")", R"(,"await_approval":true)"}) {
    World world;
    const ExecutionId id = start_awaiting(world, {}, options);
    world.advance(30 * kDay);
    EXPECT_EQ(world.step_state(id, "ask"), "awaiting") << options;
    EXPECT_TRUE(world.idle());
  }
}

TEST(AwaitDeadline, BeyondTheWorkflowsItIsWorthADiagnostic) {
  World world;
  const ExecutionId id = start_awaiting(world, until(kDay), "", R"("timeout":"2h",)");
  EXPECT_EQ(diagnostics_of(world, id), std::vector<std::string>{"await_outlives_workflow"});
  world.run();
  EXPECT_EQ(world.show(id).state.error->code, "workflow_timeout");
  World shorter;
  const ExecutionId other = start_awaiting(shorter, until(kHour), "", R"("timeout":"2h",)");
  EXPECT_TRUE(diagnostics_of(shorter, other).empty());
}

}  // namespace
}  // namespace pirn::sim
