// What people say to a step that awaits: interventions (R47) and approvals (R67).
#include "tests/host/engine/waiting.h"

namespace pirn::sim {
namespace {

using journal::State;
using Action = engine::Resume::Action;

// ---- R47: interventions ----

// The step "ask" has failed, and a rule lets somebody decide; the next call of it succeeds.
ExecutionId start_intervention(World& world, const std::string& options = "") {
  world.publish(R"("steps":[{"name":"ask","recovery":[{"action":"manual"}])" + options +
                R"(},{"name":"use","after":["ask"]}])");
  world.runner().by_function["ask"] = [&world](const auto&) {
    return calls_of(world, "ask") == 1 ? fail("broken") : ok(R"({"mended":true})");
  };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "ask"), "awaiting");
  EXPECT_EQ(world.visible(id), "paused");
  return id;
}

TEST(Intervention, CompleteGivesTheValue) {
  World world;
  const ExecutionId id = start_intervention(world);
  ASSERT_TRUE(world.resume(id, R"({"by":"hand"})", "ask"));
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.context(id), R"({"by":"hand"})");
}

TEST(Intervention, RetryCallsTheStepAgain) {
  World world;
  const ExecutionId id = start_intervention(world);
  ASSERT_TRUE(world.resume(id, "{}", "ask", Action::retry));
  world.run();
  EXPECT_EQ(world.context(id), R"({"mended":true})");
  EXPECT_EQ(calls_of(world, "ask"), 2u);
  EXPECT_EQ(world.show(id).state.steps[0].failures, 1u);
}

TEST(Intervention, SkipSatisfiesItsDependents) {
  World world;
  const ExecutionId id = start_intervention(world);
  ASSERT_TRUE(world.resume(id, "{}", "ask", Action::skip));
  world.run();
  EXPECT_EQ(world.step_state(id, "ask"), "skipped(recovery)");
  EXPECT_EQ(world.step_state(id, "use"), "completed");
  EXPECT_EQ(world.show(id).state.state, State::completed);
}

TEST(Intervention, FailFailsWithTheErrorThatWasThereAndCountsItOnce) {
  for (const bool tolerated : {false, true}) {
    World world;
    const ExecutionId id = start_intervention(world, tolerated ? R"(,"on_error":"continue")" : "");
    ASSERT_TRUE(world.resume(id, "{}", "ask", Action::fail));
    world.run();
    EXPECT_EQ(world.step_state(id, "ask"), tolerated ? "failed(tolerated)" : "failed");
    EXPECT_EQ(world.show(id).state.steps[0].failures, 1u);
    EXPECT_EQ(world.show(id).state.steps[0].error->code, "broken");
    EXPECT_EQ(world.show(id).state.state, tolerated ? State::completed : State::failed);
  }
}

TEST(Intervention, OutlivesACrash) {
  World world;
  const ExecutionId id = start_intervention(world);
  world.crash();
  ASSERT_TRUE(world.resume(id, "{}", "ask", Action::fail));
  EXPECT_EQ(world.show(id).state.error->code, "broken");
}

TEST(Intervention, IsNotApproved) {
  World world;
  const ExecutionId id = start_intervention(world);
  expect_refused(world.approve(id, "ask"), Code::invalid_transition, "intervention");
  EXPECT_EQ(world.step_state(id, "ask"), "awaiting");
}

// ---- R67: approvals ----

TEST(Approval, CompletesTheStepWithWhoSaidWhat) {
  World world;
  const ExecutionId id = start_awaiting(world);
  ASSERT_TRUE(world.approve(id, "ask", true, {"ada", true}));
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.context(id), R"({"approved":true,"approver":"ada","comment":"seen"})");
  EXPECT_EQ(calls_of(world, "ask"), 1u);
}

TEST(Approval, ARejectionCompletesItToo) {
  World world;
  const ExecutionId id = start_awaiting(world);
  ASSERT_TRUE(world.approve(id, "ask", false, {"ada", true}));
  world.run();
  EXPECT_EQ(world.step_state(id, "ask"), "completed");
  EXPECT_EQ(world.context(id), R"({"approved":false,"approver":"ada","comment":"seen"})");
}

TEST(Approval, IsForTheListedAndForHoldersOfThePermission) {
  World world;
  const ExecutionId id = start_awaiting(world, of_kind("approval", {"ada", "grace"}));
  const uint64_t before = world.show(id).state.next_seq;
  expect_refused(world.approve(id, "ask", true, {"mallory", false}), Code::permission_denied, "mallory");
  expect_refused(world.resume(id, "{}", "", Action::complete, {"mallory", false}), Code::permission_denied,
                 "mallory");
  EXPECT_EQ(world.show(id).state.next_seq, before) << "nothing changed";
  EXPECT_TRUE(world.approve(id, "ask", true, {"grace", false}));
  World second;
  const ExecutionId other = start_awaiting(second, of_kind("approval", {"ada"}));
  EXPECT_TRUE(second.approve(other, "ask", true, {"boss", true}));
}

TEST(Approval, OfAStepThatDoesNotAwaitIsRefused) {
  World world;
  const ExecutionId id = start_awaiting(world);
  expect_refused(world.approve(id, "use"), Code::invalid_transition, "step use is pending");
  expect_refused(world.approve(id, "nobody"), Code::not_found, "nobody");
  ASSERT_TRUE(world.approve(id, "ask"));
  expect_refused(world.approve(id, "ask"), Code::invalid_transition, "completed");
}

TEST(Approval, DoesNotEndAPauseByHand) {
  World world;
  const ExecutionId id = start_awaiting(world);
  ASSERT_TRUE(world.pause(id));
  EXPECT_EQ(*world.approve(id, "ask"), "paused");
  world.run();
  EXPECT_EQ(world.step_state(id, "use"), "ready");
  ASSERT_TRUE(world.resume(id));
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
}

TEST(Approval, WhatWaitsIsListedOldestFirstAndOnlyToItsTenant) {
  World world;
  const ExecutionId first = start_awaiting(world, of_kind("approval", {"ada"}));
  world.advance(kSecond);
  const ExecutionId second = world.start()->id;
  world.settle();
  const auto waiting = world.waiting();
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_EQ(waiting[0].id, first);
  EXPECT_EQ(waiting[1].id, second);
  EXPECT_EQ(waiting[0].step, "ask");
  EXPECT_EQ(waiting[0].await->approvers, std::vector<std::string>{"ada"});
  EXPECT_TRUE(world.waiting("other").empty());
  ASSERT_TRUE(world.approve(first, "ask"));
  EXPECT_EQ(world.waiting().size(), 1u);
}

}  // namespace
}  // namespace pirn::sim
