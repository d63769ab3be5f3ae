#include "host/engine/progress.h"

#include <gtest/gtest.h>

#include "tests/host/engine/parts.h"

namespace pirn::engine {
namespace {

using journal::SkipKind;
using journal::StepState;
using journal::Strategy;

std::vector<uint32_t> all_due(Progress& progress, const GrownPlan& plan) {
  std::vector<uint32_t> steps;
  while (const auto step = progress.next_due(plan)) steps.push_back(*step);
  return steps;
}

TEST(Progress, AStepIsDueWhenAllThatItWaitsForIsOver) {
  const GrownPlan plan(plan_of(
      R"("steps":[{"name":"a"},{"name":"b"},{"name":"c","after":["a","b"]},{"name":"d","after":["a"]}])"));
  EndedSteps ended(4);
  Progress progress;
  progress.begin(*plan.shared(), Strategy::as_defined);
  EXPECT_FALSE(progress.waits(0));
  EXPECT_TRUE(progress.waits(2));
  ended.complete(0);
  progress.end_step(plan, ended.steps, 0);
  EXPECT_EQ(all_due(progress, plan), (std::vector<uint32_t>{3}));
  EXPECT_EQ(progress.verdict(plan, ended.steps, 2), Verdict::wait);
  ended.fail(1);
  progress.end_step(plan, ended.steps, 1);
  EXPECT_EQ(all_due(progress, plan), (std::vector<uint32_t>{2}));
  EXPECT_EQ(progress.verdict(plan, ended.steps, 2), Verdict::block);
  EXPECT_EQ(progress.first_bad(plan, ended.steps, 2), 1u);
  EXPECT_FALSE(progress.all_over());
  for (const uint32_t step : {2u, 3u}) {
    ended.end(step, StepState::skipped, SkipKind::upstream_failed);
    progress.end_step(plan, ended.steps, step);
  }
  EXPECT_TRUE(progress.all_over());
}

TEST(Progress, VerdictsAreDueInCanonicalOrder) {
  const GrownPlan plan(
      plan_of(R"("steps":[{"name":"last","after":["first"]},{"name":"first"},{"name":"second"}])"));
  Progress progress;
  progress.begin(*plan.shared(), Strategy::as_defined);
  for (const uint32_t step : {2u, 0u, 1u}) progress.make_due(plan, step);
  std::vector<uint32_t> by_rank;
  for (uint32_t rank = 0; rank < 3; ++rank) by_rank.push_back(plan.at_rank(rank));
  EXPECT_EQ(all_due(progress, plan), by_rank);
}

TEST(Progress, OfAfterAnyTheFirstCompletedOneIsEnough) {
  const GrownPlan plan(plan_of(R"("steps":[{"name":"a"},{"name":"b"},{"name":"c","after_any":["a","b"]}])"));
  EndedSteps ended(3);
  Progress progress;
  progress.begin(*plan.shared(), Strategy::as_defined);
  ended.fail(0);
  progress.end_step(plan, ended.steps, 0);
  EXPECT_TRUE(all_due(progress, plan).empty()) << "the other one may still complete";
  ended.complete(1);
  progress.end_step(plan, ended.steps, 1);
  EXPECT_EQ(all_due(progress, plan), (std::vector<uint32_t>{2}));
  EXPECT_EQ(progress.verdict(plan, ended.steps, 2), Verdict::pass);
  EXPECT_EQ(firing_members(plan, ended.steps, 2, UINT64_MAX), (std::vector<uint32_t>{1}));
  EXPECT_TRUE(firing_members(plan, ended.steps, 2, 1).empty()) << "it had not ended by then";
}

TEST(Progress, AGraftInAGroupIsOverWithItsLastChild) {
  GrownPlan plan(plan_of(R"("steps":[{"name":"g","graft":true,"group":"all"},{"name":"m","group":"all"},
    {"name":"z","after_group":"all"}])"));
  EndedSteps ended(3);
  Progress progress;
  progress.begin(*plan.shared(), Strategy::as_defined);
  const ExpansionPtr expansion = expand(plan, 0, {"x", "y"});
  ASSERT_TRUE(expansion);
  ended.steps.resize(5);
  progress.add_children(plan, *expansion);
  ended.complete(0);
  EXPECT_EQ(progress.end_step(plan, ended.steps, 0), kNone);
  ended.complete(1);
  EXPECT_EQ(progress.end_step(plan, ended.steps, 1), kNone);
  ended.complete(3);
  EXPECT_EQ(progress.end_step(plan, ended.steps, 3), kNone);
  EXPECT_TRUE(all_due(progress, plan).empty());
  ended.complete(4);
  EXPECT_EQ(progress.end_step(plan, ended.steps, 4), plan.join_of(0))
      << "the graft is over, and was a member";
  EXPECT_EQ(all_due(progress, plan), (std::vector<uint32_t>{2}));
}

TEST(Progress, PriorityDecidesWhichReadyStepIsNextUnlessStepsGoOneByOne) {
  const GrownPlan plan(plan_of(R"("steps":[{"name":"a"},{"name":"b","priority":5},{"name":"c"}])"));
  for (const bool one_by_one : {false, true}) {
    Progress progress;
    progress.begin(*plan.shared(), one_by_one ? Strategy::sequential : Strategy::parallel);
    for (const uint32_t step : {2u, 1u, 0u}) progress.push_ready(plan, step);
    EXPECT_EQ(progress.ready(), 3u);
    EXPECT_EQ(progress.pop_ready(), one_by_one ? 0u : 1u);
    EXPECT_TRUE(progress.take_ready(2));
    EXPECT_FALSE(progress.take_ready(2));
    progress.begin_running();
    EXPECT_EQ(progress.has_free_slot(), !one_by_one);
    progress.end_running();
    progress.begin_waiting();
    EXPECT_EQ(progress.has_free_slot(), !one_by_one) << "who waits for resources has its slot";
    progress.forget_waiting();
    EXPECT_TRUE(progress.has_free_slot());
  }
}

TEST(Progress, TheBarrierHoldsAHigherLevelUntilTheLowerOneIsOver) {
  const GrownPlan plan(
      plan_of(R"("strategy":"hybrid","steps":[{"name":"a"},{"name":"slow"},{"name":"b","after":["a"]}])"));
  EndedSteps ended(3);
  Progress progress;
  progress.begin(*plan.shared(), Strategy::as_defined);
  progress.raise_barrier(plan);
  ended.complete(0);
  progress.end_step(plan, ended.steps, 0);
  progress.push_ready(plan, 2);
  EXPECT_EQ(progress.ready(), 0u);
  ended.complete(1);
  progress.end_step(plan, ended.steps, 1);
  EXPECT_EQ(progress.ready(), 1u);
}

TEST(ProgressDeathTest, AStepEndsOnce) {
  const GrownPlan plan(plan_of(R"("steps":[{"name":"a"}])"));
  EndedSteps ended(1);
  Progress progress;
  progress.begin(*plan.shared(), Strategy::as_defined);
  ended.complete(0);
  progress.end_step(plan, ended.steps, 0);
  EXPECT_DEATH(progress.end_step(plan, ended.steps, 0), "a step ends once");
}

}  // namespace
}  // namespace pirn::engine
