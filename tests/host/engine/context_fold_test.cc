#include "host/engine/context_fold.h"

#include <gtest/gtest.h>

#include "tests/host/engine/parts.h"

namespace pirn::engine {
namespace {

journal::Delta put(const char* key, int64_t value) {
  journal::Delta delta;
  delta.put(key, journal::Value::of_integer(value));
  return delta;
}
std::string text_of(const journal::Context& context) {
  std::string out;
  context.append_json(out);
  return out;
}

TEST(ContextFold, AStepSeesTheInputAndItsAncestorsAndNobodyElse) {
  const GrownPlan plan(plan_of(R"("steps":[{"name":"a"},{"name":"b"},{"name":"c","after":["a"]}])"));
  EndedSteps ended(3);
  ContextFold fold;
  fold.begin(*plan.shared(), put("in", 1));
  for (const uint32_t step : {0u, 1u}) {
    fold.look(plan, ended.steps, {}, step);
    fold.write(plan, step, put(step == 0 ? "a" : "b", 2), 0);
    fold.end_step(plan, step);
  }
  EXPECT_EQ(text_of(fold.visible(plan, ended.steps, {}, 2)), R"({"a":2,"in":1})");
  EXPECT_EQ(text_of(fold.all()), R"({"a":2,"b":2,"in":1})");
}

// Of two writes the one of the later step in canonical order counts, whichever came first (R8).
TEST(ContextFold, DoesNotDependOnTheOrderInWhichStepsEnd) {
  const GrownPlan plan(plan_of(R"("steps":[{"name":"a"},{"name":"b"}])"));
  EndedSteps ended(2);
  for (const bool reversed : {false, true}) {
    ContextFold fold;
    fold.begin(*plan.shared(), {});
    for (uint32_t i = 0; i < 2; ++i) {
      const uint32_t step = reversed ? 1 - i : i;
      fold.look(plan, ended.steps, {}, step);
      fold.write(plan, step, put("k", step), 0);
    }
    EXPECT_EQ(text_of(fold.all()), R"({"k":1})");
  }
}

TEST(ContextFold, APatchIsSeenWhenTheStepIsLookedAtAgain) {
  const GrownPlan plan(plan_of(R"("steps":[{"name":"a"}])"));
  EndedSteps ended(1);
  ContextFold fold;
  fold.begin(*plan.shared(), put("k", 1));
  fold.look(plan, ended.steps, {}, 0);
  fold.patch(1, put("k", 2));
  EXPECT_EQ(text_of(fold.after(0)), R"({"k":1})");
  fold.look(plan, ended.steps, {}, 0);
  EXPECT_EQ(text_of(fold.after(0)), R"({"k":2})");
  fold.write(plan, 0, put("k", 3), 0);
  EXPECT_EQ(text_of(fold.all()), R"({"k":2})") << "it was written before the patch";
}

TEST(ContextFold, WhoAwaitsAGroupSeesItsMembersAndTheChildrenOfItsGrafts) {
  GrownPlan plan(plan_of(R"("steps":[{"name":"g","graft":true,"group":"all"},{"name":"m","group":"all"},
    {"name":"z","after_group":"all"}])"));
  EndedSteps ended(3);
  ContextFold fold;
  fold.begin(*plan.shared(), {});
  const ExpansionPtr expansion = expand(plan, 0, {"x"});
  ASSERT_TRUE(expansion);
  ended.steps.resize(4);
  fold.add_children(*expansion);
  fold.write(plan, 0, put("g", 1), 0);
  fold.end_step(plan, 0);
  fold.look(plan, ended.steps, {}, 3);
  EXPECT_EQ(text_of(fold.after(3)), R"({"g":1})") << "a child sees what its graft has written";
  fold.write(plan, 3, put("x", 2), 0);
  fold.end_step(plan, 3);
  fold.write(plan, 1, put("m", 3), 0);
  fold.end_step(plan, 1);
  EXPECT_EQ(text_of(fold.visible(plan, ended.steps, {}, 2)), R"({"m":3})") << "the graft is not over";
  fold.end_graft(plan, plan.join_of(0));
  EXPECT_EQ(text_of(fold.visible(plan, ended.steps, {}, 2)), R"({"g":1,"m":3,"x":2})");
}

// R65: what was adopted has not seen what runs again.
TEST(ContextFold, AnAdoptedStepSeesOnlyAdoptedOnes) {
  const GrownPlan plan(plan_of(R"("steps":[{"name":"a"},{"name":"b"},{"name":"c","after":["a","b"]}])"));
  EndedSteps ended(3);
  ended.steps[1].adopted = ended.steps[2].adopted = true;
  ContextFold fold;
  fold.begin(*plan.shared(), {});
  fold.write(plan, 0, put("a", 1), 0);
  fold.write(plan, 1, put("b", 1), 0);
  EXPECT_EQ(text_of(fold.visible(plan, ended.steps, {}, 2)), R"({"b":1})");
}

TEST(ContextFold, ASlotContributesByItsContextKey) {
  const GrownPlan plan(plan_of(R"("steps":[{"name":"a"},{"name":"b","context_key":"k"}])"));
  journal::StepResult map;
  map.map = put("x", 1);
  journal::StepResult value;
  value.is_map = false;
  value.value = journal::Value::of_integer(7);
  const auto contribution = [&](uint32_t step, const journal::StepResult& result) {
    return text_of(journal::Context().with(context_delta(plan, step, result), {}));
  };
  EXPECT_EQ(contribution(0, map), R"({"x":1})");
  EXPECT_EQ(contribution(0, value), "{}") << "a value without a key is a result only";
  EXPECT_EQ(contribution(1, map), R"({"k":{"x":1}})");
  EXPECT_EQ(contribution(1, value), R"({"k":7})");
}

}  // namespace
}  // namespace pirn::engine
