// Executions that are held by hand (E4, E5, P10), patches (2.7), and what is not legal (R31).
#include "tests/host/engine/waiting.h"

namespace pirn::sim {
namespace {

using journal::State;
using Action = engine::Resume::Action;

// ---- E4, E5, P10: held by hand ----

TEST(Pause, WhatRunsFinishesAndNothingStarts) {
  World world;
  world.publish(R"("steps":[{"name":"a"},{"name":"b","after":["a"]}])");
  world.runner().by_function["a"] = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId id = world.start()->id;
  world.settle();
  EXPECT_EQ(*world.pause(id), "paused");
  world.run();
  EXPECT_EQ(world.step_state(id, "a"), "completed");
  EXPECT_EQ(world.step_state(id, "b"), "ready");
  EXPECT_EQ(world.visible(id), "paused");
  EXPECT_EQ(*world.resume(id), "running");
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
}

TEST(Pause, OutlivesACrash) {
  World world;
  world.publish(R"("steps":[{"name":"a"},{"name":"b","after":["a"]}])");
  world.runner().by_function["a"] = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId id = world.start()->id;
  world.settle();
  ASSERT_TRUE(world.pause(id));
  world.crash();
  world.run();
  EXPECT_EQ(world.visible(id), "paused");
  EXPECT_EQ(world.step_state(id, "a"), "ready") << "the lost invocation does not start again";
  ASSERT_TRUE(world.resume(id));
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
}

TEST(Pause, TimersThatComeDueWaitForItsEnd) {
  World world;
  world.publish(R"("steps":[{"name":"nap"},{"name":"again","retry_delay":"1m"}])");
  int naps = 0, tries = 0;
  world.runner().by_function["nap"] = [&](const auto&) { return ++naps == 1 ? snooze(kMinute) : ok(); };
  world.runner().by_function["again"] = [&](const auto&) { return ++tries == 1 ? fail("x") : ok(); };
  const ExecutionId id = world.start()->id;
  world.settle();
  ASSERT_TRUE(world.pause(id));
  world.advance(kHour);
  EXPECT_EQ(world.step_state(id, "nap"), "snoozed");
  EXPECT_EQ(world.step_state(id, "again"), "retry_wait");
  world.crash();
  world.advance(kHour);
  EXPECT_EQ(naps + tries, 2);
  ASSERT_TRUE(world.resume(id));
  world.settle();
  EXPECT_EQ(world.show(id).state.state, State::completed) << "at once: they were due long ago";
}

TEST(Pause, TimersThatAreNotDueAtItsEndAreKept) {
  World world;
  world.publish(R"("steps":[{"name":"nap"}])");
  int naps = 0;
  world.runner().by_function["nap"] = [&](const auto&) { return ++naps == 1 ? snooze(kHour) : ok(); };
  const ExecutionId id = world.start()->id;
  const int64_t began = world.now();
  world.settle();
  ASSERT_TRUE(world.pause(id));
  ASSERT_TRUE(world.resume(id));
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.runner().calls.back().at, began + kHour);
}

TEST(Pause, DeadlinesHoldMeanwhile) {
  World world;
  const ExecutionId id =
      start_awaiting(world, until(kHour), R"(,"on_error":"continue")", R"("timeout":"2h",)");
  ASSERT_TRUE(world.pause(id));
  world.advance(kHour);
  EXPECT_EQ(world.step_state(id, "ask"), "failed(tolerated)");
  EXPECT_EQ(world.step_state(id, "use"), "ready");
  world.advance(kHour);
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(world.show(id).state.error->code, "workflow_timeout");
}

TEST(Pause, TheEndWaitsForTheResume) {
  World world;
  world.publish(R"("steps":[{"name":"a"}])");
  world.runner().by_function["a"] = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId id = world.start()->id;
  world.settle();
  ASSERT_TRUE(world.pause(id));
  world.run();
  EXPECT_EQ(world.step_state(id, "a"), "completed");
  EXPECT_EQ(world.show(id).state.state, State::running) << "E8 leaves running, not paused";
  ASSERT_TRUE(world.resume(id));
  EXPECT_EQ(world.show(id).state.state, State::completed);
}

TEST(Pause, ACancelEndsIt) {
  World world;
  const ExecutionId id = start_awaiting(world);
  ASSERT_TRUE(world.pause(id));
  ASSERT_TRUE(world.cancel(id));
  EXPECT_EQ(world.show(id).state.state, State::cancelled);
}

TEST(Pause, LeavesAwaitingStepsToTheirOwnAnswers) {
  World world;
  const ExecutionId id = start_awaiting(world);
  ASSERT_TRUE(world.pause(id));
  EXPECT_EQ(*world.resume(id, R"({"n":1})"), "paused") << "no more by hand, and still the step awaits";
  EXPECT_EQ(world.step_state(id, "ask"), "awaiting");
  ASSERT_TRUE(world.pause(id));
  EXPECT_EQ(*world.resume(id, R"({"m":2})", "ask"), "running");
  world.run();
  EXPECT_EQ(world.context(id), R"({"m":2,"n":1})");
  EXPECT_EQ(world.show(id).state.patches.size(), 1u) << "what a named step is given is no patch";
}

// ---- 2.7: patches ----

TEST(Patch, IsSeenByRetriesAndByDependents) {
  World world;
  world.publish(R"("steps":[{"name":"a","retry_delay":"1m"},{"name":"b","after":["a"]}])");
  int tries = 0;
  world.runner().by_function["a"] = [&](const auto&) {
    return ++tries == 1 ? fail("x") : ok(R"({"own":1})");
  };
  const ExecutionId id = world.start(R"({"n":1})")->id;
  world.settle();
  ASSERT_TRUE(world.pause(id));
  ASSERT_TRUE(world.resume(id, R"({"n":2})"));
  world.run();
  EXPECT_EQ(world.runner().calls[0].context, R"({"n":1})");
  EXPECT_EQ(world.runner().calls[1].context, R"({"n":2})");
  EXPECT_EQ(world.runner().calls[2].context, R"({"n":2,"own":1})");
  EXPECT_EQ(world.context(id), R"({"n":2,"own":1})");
}

TEST(Patch, LiesOverWhatWasWrittenBeforeItAndUnderWhatComesAfter) {
  for (const bool crashes : {false, true}) {
    World world;
    world.publish(
        R"("steps":[{"name":"a"},{"name":"b","after":["a"]},{"name":"c","after":["b"]},{"name":"d","after":["c"]}])");
    world.runner().by_function["a"] = [](const auto&) { return ok(R"({"x":"a","y":"a"})"); };
    world.runner().by_function["d"] = [](const auto&) { return after(kSecond, ok()); };
    world.runner().by_function["b"] = [](const auto&) { return after(kSecond, ok(R"({"z":"b"})")); };
    world.runner().by_function["c"] = [](const auto&) { return ok(R"({"y":"c"})"); };
    const ExecutionId id = world.start()->id;
    world.settle();
    ASSERT_TRUE(world.pause(id));
    world.run();
    EXPECT_EQ(world.step_state(id, "b"), "completed");
    ASSERT_TRUE(world.resume(id, R"({"x":"patch","y":"patch"})"));
    world.settle();
    const size_t n_calls = world.runner().calls.size();
    EXPECT_EQ(world.runner().calls[n_calls - 2].context, R"({"x":"patch","y":"patch","z":"b"})") << crashes;
    if (crashes) world.crash();
    world.run();
    EXPECT_EQ(world.runner().calls.back().context, R"({"x":"patch","y":"c","z":"b"})") << crashes;
    EXPECT_EQ(world.context(id), R"({"x":"patch","y":"c","z":"b"})") << crashes;
  }
}

TEST(Patch, CountsAgainstTheLimit) {
  engine::Options options;
  options.execution_limit_bytes = 1000;
  World world(options);
  const ExecutionId id = start_awaiting(world);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(world.pause(id));
    const auto resumed = world.resume(id, "{\"x\":\"" + std::string(600, 'y') + "\"}");
    EXPECT_EQ(static_cast<bool>(resumed), i == 0);
  }
  EXPECT_TRUE(world.show(id).state.paused) << "what was refused changed nothing";
}

// ---- R31: what is not legal ----

TEST(InvalidTransition, ChangesNothing) {
  World world;
  const ExecutionId id = start_awaiting(world);
  const uint64_t before = world.show(id).state.next_seq;
  expect_refused(world.resume(id, "{}", "use"), Code::invalid_transition, "step use is pending");
  expect_refused(world.resume(id, "{}", "nobody"), Code::not_found, "nobody");
  expect_refused(world.resume(id, "{}", "", Action::skip), Code::invalid_argument, "step");
  for (const Action action : {Action::retry, Action::skip, Action::fail})
    expect_refused(world.resume(id, "{}", "ask", action), Code::invalid_transition, "approval");
  EXPECT_EQ(world.show(id).state.next_seq, before);

  ASSERT_TRUE(world.pause(id));
  expect_refused(world.pause(id), Code::invalid_transition, "is paused and cannot be paused");
  ASSERT_TRUE(world.resume(id, "{}", "ask"));
  world.run();
  expect_refused(world.pause(id), Code::invalid_transition, "is completed and cannot be paused");
  expect_refused(world.resume(id), Code::invalid_transition, "is completed and cannot be resumed");
  expect_refused(world.approve(id, "ask"), Code::invalid_transition, "is completed and cannot be approved");
}

TEST(InvalidTransition, RunningWithNothingThatWaitsIsNotResumed) {
  World world;
  world.publish(R"("steps":[{"name":"a"}])");
  world.runner().by_function["a"] = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId id = world.start()->id;
  world.settle();
  expect_refused(world.resume(id), Code::invalid_transition, "neither paused nor waiting");
}

TEST(InvalidTransition, StoppingIsNeitherPausedNorResumed) {
  World world;
  world.publish(R"("steps":[{"name":"a"}])");
  world.runner().by_function["a"] = [](const auto&) { return hang(); };
  const ExecutionId id = world.start()->id;
  world.settle();
  ASSERT_TRUE(world.cancel(id));
  expect_refused(world.pause(id), Code::invalid_transition, "is stopping");
  expect_refused(world.resume(id), Code::invalid_transition, "is stopping");
  expect_refused(world.approve(id, "a"), Code::invalid_transition, "is stopping");
}

TEST(InvalidTransition, UnknownAndForeignAreTheSame) {
  World world;
  const ExecutionId id = start_awaiting(world);
  const ExecutionId unknown{12345};
  const auto same = [](const Error& a, const Error& b, ExecutionId of_a, ExecutionId of_b) {
    std::string text = describe(a);
    const size_t at = text.find(of_a.text());
    if (at != std::string::npos) text.replace(at, of_a.text().size(), of_b.text());
    return a.code == Code::not_found && text == describe(b);
  };
  EXPECT_TRUE(same(world.pause(id, "other").error(), world.pause(unknown).error(), id, unknown));
  EXPECT_TRUE(same(world.resume(id, "{}", "", Action::complete, {"x", true}, "other").error(),
                   world.resume(unknown).error(), id, unknown));
  EXPECT_TRUE(same(world.approve(id, "ask", true, {"x", true}, "other").error(),
                   world.approve(unknown, "ask").error(), id, unknown));
  EXPECT_EQ(world.step_state(id, "ask"), "awaiting");
}

}  // namespace
}  // namespace pirn::sim
