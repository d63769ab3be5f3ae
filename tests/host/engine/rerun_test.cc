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
