// Retrying what failed and running again from a step (R65): always a new execution.
#include <gtest/gtest.h>

#include "host/simulate/world.h"

namespace pirn::sim {
namespace {

using journal::State;

Result<engine::Started> rerun(World& world, ExecutionId id, std::string from = "", bool on_active = false,
                              std::string tenant = "t") {
  std::optional<Result<engine::Started>> answer;
  engine::Rerun command;
  command.tenant = std::move(tenant);
  command.id = id;
  command.from = std::move(from);
  command.on_active = on_active;
  command.reply = [&](Result<engine::Started> started) { answer = std::move(started); };
  engine::Command as_command = std::move(command);
  EXPECT_TRUE(world.engine().inbox().push(as_command));
  world.turn();
  return *answer;
}
std::vector<std::string> called_since(World& world, size_t before) {
  std::vector<std::string> steps;
  for (size_t i = before; i < world.runner().calls.size(); ++i) steps.push_back(world.runner().calls[i].step);
  return steps;
}

const char* const kChain = R"("steps":[{"name":"a"},{"name":"b","after":["a"],"max_retries":0},
  {"name":"side","after":["a"]},{"name":"c","after":["b"]}])";

TEST(Rerun, ARetryTakesOverWhatCompletedAndRunsTheRest) {
  World world;
  world.publish(R"("failure_mode":"continue",)" + std::string(kChain));
  world.runner().by_function["a"] = [](const auto&) { return ok(R"({"a":1})"); };
  world.runner().by_function["b"] = [](const auto&) { return fail("lost"); };
  const ExecutionId first = world.start(R"({"in":7})")->id;
  world.run();
  ASSERT_EQ(world.show(first).state.state, State::failed);
  world.runner().by_function["b"] = [](const auto&) { return ok(R"({"b":2})"); };
  const size_t before = world.runner().calls.size();
  const auto again = rerun(world, first);
  ASSERT_TRUE(again) << describe(again.error());
  world.run();
  EXPECT_EQ(called_since(world, before), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(world.show(again->id).state.state, State::completed);
  EXPECT_EQ(world.context(again->id), R"({"a":1,"b":2,"in":7})");
  EXPECT_EQ(world.show(again->id).state.retry_of, first);
  EXPECT_EQ(world.show(first).state.state, State::failed) << "what has ended, stays";
  EXPECT_EQ(world.runner().calls.back().context, R"({"a":1,"b":2,"in":7})");
}

TEST(Rerun, WhatWasRolledBackRunsAgain) {
  World world;
  world.publish(R"("steps":[{"name":"a","rollback":"undo"},{"name":"b","after":["a"],"max_retries":0}])");
  world.runner().by_function["b"] = [](const auto&) { return fail("lost"); };
  const ExecutionId first = world.start()->id;
  world.run();
  const size_t before = world.runner().calls.size();
  world.runner().by_function["b"] = [](const auto&) { return ok(); };
  ASSERT_TRUE(rerun(world, first));
  world.run();
  EXPECT_EQ(called_since(world, before), (std::vector<std::string>{"a", "b"}));
}

// R65: the same before and after a crash, when what runs again has long ended.
TEST(Rerun, WhatWasAdoptedHasNotSeenWhatRunsAgain) {
  World world;
  world.publish(R"("steps":[{"name":"a","rollback":"undo","group":"g"},{"name":"b","after":["a"]},
    {"name":"y","after_group":"g"},{"name":"z","after":["b","y"],"max_retries":0}])");
  for (const char* step : {"a", "b", "y"})
    world.runner().by_function[step] = [step](const auto&) {
      return ok(R"({")" + std::string(step) + R"(":1})");
    };
  world.runner().by_function["z"] = [](const auto&) { return fail("lost"); };
  const ExecutionId first = world.start()->id;
  world.run();
  world.runner().by_function["z"] = [](const auto&) {
    Act act = ok();
    act.takes = kMinute;
    return act;
  };
  const size_t before = world.runner().calls.size();
  const auto again = rerun(world, first);
  ASSERT_TRUE(again);
  world.advance(kSecond);
  ASSERT_EQ(world.show(again->id).state.steps[0].state, journal::StepState::completed);
  world.crash();
  world.run();
  EXPECT_EQ(called_since(world, before), (std::vector<std::string>{"a", "z", "z"}));
  for (size_t i = before; i < world.runner().calls.size(); ++i)
    if (const Called& call = world.runner().calls[i]; call.step == "z") {
      EXPECT_EQ(call.context, R"({"b":1,"y":1})");
    }
  EXPECT_EQ(world.context(again->id), R"({"a":1,"b":1,"y":1})");
}

TEST(Rerun, FromAStepRunsItAndWhatDependsOnIt) {
  World world;
  world.publish(kChain);
  const ExecutionId first = world.start()->id;
  world.run();
  const size_t before = world.runner().calls.size();
  const auto again = rerun(world, first, "b");
  ASSERT_TRUE(again);
  world.run();
  EXPECT_EQ(called_since(world, before), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(world.show(again->id).state.state, State::completed);
  EXPECT_EQ(world.show(again->id).state.n_terminal(), 4u);
}

TEST(Rerun, OnTheActiveReleaseWhenAskedTo) {
  World world;
  world.publish(kChain);
  const ExecutionId first = world.start()->id;
  world.run();
  world.publish(
      R"("steps":[{"name":"new"},{"name":"c","after":["b"]},{"name":"b","after":["a"]},{"name":"a"}])");
  const size_t before = world.runner().calls.size();
  ASSERT_TRUE(rerun(world, first, "c"));
  world.run();
  EXPECT_EQ(called_since(world, before), std::vector<std::string>{"c"}) << "the pins stay";
  ASSERT_TRUE(rerun(world, first, "c", true));
  world.run();
  EXPECT_EQ(called_since(world, before), (std::vector<std::string>{"c", "new", "c"}))
      << "by name, not by number";
}

// R65, R12: an expansion is never computed again where it is known.
const char* const kFan =
    R"("failure_mode":"continue","steps":[{"name":"plan"},{"name":"fan","graft":true,"after":["plan"]},
  {"name":"join","after_graft":["fan"]},{"name":"other","graft":true},{"name":"late","after":["other"]}])";

TEST(Rerun, AGraftIsTakenOverWithItsChildren) {
  World world;
  world.publish(kFan);
  bool bad = true;
  world.runner().by_function["fan"] = [](const auto&) {
    return expand({child("c1"), child("c2", R"({"max_retries":0})"), child("c3")}, R"({"n":3})");
  };
  world.runner().by_function["other"] = [](const auto&) { return expand({child("d1"), child("d2")}); };
  world.runner().by_function["child"] = [&](const worker::Invocation& call) {
    if (bad && call.step_name == "c2") return fail("bad");
    return ok(R"({"by":")" + std::string(call.step_name) + "\"}");
  };
  const ExecutionId first = world.start()->id;
  world.run();
  ASSERT_EQ(world.show(first).state.state, State::failed);
  bad = false;
  size_t before = world.runner().calls.size();
  const auto again = rerun(world, first);
  ASSERT_TRUE(again) << describe(again.error());
  world.crash();
  world.run();
  const engine::View view = world.show(again->id);
  EXPECT_EQ(view.state.state, State::completed);
  std::vector<std::string> called = called_since(world, before);
  called.erase(std::unique(called.begin(), called.end()), called.end());  // what the crash has taken
  EXPECT_EQ(called, (std::vector<std::string>{"c2", "join"}));
  EXPECT_EQ(view.state.n_children, 5u);
  EXPECT_EQ(view.state.n_terminal(), 10u);
  EXPECT_EQ(
      world.runner().calls.back().context,
      R"({"c1":{"by":"c1"},"c1_by":"c1","c2":{"by":"c2"},"c2_by":"c2","c3":{"by":"c3"},"c3_by":"c3","n":3})");

  // From the step before the first graft: that one expands anew, the other one stays with its children.
  before = world.runner().calls.size();
  const auto third = rerun(world, again->id, "plan");
  ASSERT_TRUE(third);
  world.run();
  EXPECT_EQ(called_since(world, before), (std::vector<std::string>{"plan", "fan", "c1", "c2", "c3", "join"}));
  EXPECT_EQ(world.show(third->id).state.n_children, 5u);
  EXPECT_EQ(world.step_state(third->id, "d2"), "completed");

  // From behind it: nothing of it runs.
  before = world.runner().calls.size();
  ASSERT_TRUE(rerun(world, third->id, "join"));
  world.run();
  EXPECT_EQ(called_since(world, before), std::vector<std::string>{"join"});

  const auto alone = rerun(world, third->id, "c2");
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().message, "'c2' is a child of the graft 'fan', and no child runs again alone");
  EXPECT_NE(alone.error().hint.find("--from fan."), std::string::npos) << alone.error().hint;

  // On another release the children may be others.
  world.publish(kFan);
  before = world.runner().calls.size();
  ASSERT_TRUE(rerun(world, third->id, "join", true));
  world.run();
  EXPECT_EQ(called_since(world, before),
            (std::vector<std::string>{"fan", "other", "c1", "c2", "c3", "d1", "d2", "late", "join"}));
}

TEST(Rerun, AGraftThatWasRolledBackExpandsAnew) {
  World world;
  world.publish(
      R"("steps":[{"name":"fan","graft":true,"rollback":"undo"},{"name":"b","after_graft":["fan"],"max_retries":0}])");
  world.runner().by_function["fan"] = [](const auto&) { return expand({child("c1")}); };
  world.runner().by_function["b"] = [](const auto&) { return fail("bad"); };
  const ExecutionId first = world.start()->id;
  world.run();
  world.runner().by_function["b"] = [](const auto&) { return ok(); };
  const size_t before = world.runner().calls.size();
  const auto again = rerun(world, first);
  ASSERT_TRUE(again);
  world.run();
  EXPECT_EQ(called_since(world, before), (std::vector<std::string>{"fan", "c1", "b"}));
  EXPECT_EQ(world.show(again->id).state.state, State::completed);
}

TEST(Rerun, WhatCannotBeChangesNothing) {
  World world;
  world.publish(R"("steps":[{"name":"a"}])");
  world.runner().by_function["a"] = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId id = world.start()->id;
  EXPECT_EQ(rerun(world, id).error().code, Code::invalid_transition) << "it runs";
  world.run();
  EXPECT_EQ(rerun(world, id).error().code, Code::invalid_transition) << "nothing failed";
  EXPECT_EQ(rerun(world, id, "b").error().code, Code::not_found);
  EXPECT_EQ(rerun(world, id, "a", false, "other").error().code, Code::not_found)
      << "a foreign one is a missing one";
  EXPECT_EQ(rerun(world, ExecutionId{42}).error().code, Code::not_found);
  EXPECT_EQ(world.runner().calls.size(), 1u);
}

TEST(Rerun, SurvivesTheHostAtEveryCommit) {
  for (const bool uncertain : {false, true}) {
    for (uint64_t n = 1; n < 5; ++n) {
      World world;
      world.publish(R"("failure_mode":"continue",)" + std::string(kChain));
      world.runner().by_function["b"] = [](const auto&) { return fail("lost"); };
      const ExecutionId first = world.start()->id;
      world.run();
      world.runner().by_function["b"] = [](const auto&) { return ok(); };
      const size_t before = world.runner().calls.size();
      const auto again = rerun(world, first);
      ASSERT_TRUE(again);
      world.fail_commit(n, uncertain);
      world.run();
      EXPECT_EQ(world.show(again->id).state.state, State::completed);
      for (const std::string& step : called_since(world, before))
        EXPECT_TRUE(step == "b" || step == "c") << step;
    }
  }
}

}  // namespace
}  // namespace pirn::sim
