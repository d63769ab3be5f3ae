// What events say of the execution that they belong to (semantics, 2.9).
#include <gtest/gtest.h>

#include "tests/host/engine/nested.h"

namespace pirn::sim {
namespace {

using journal::Begun;
using Names = std::vector<std::string>;

// "workflow execution trigger attempt" of each start.
Names starts(World& world, ExecutionId id) {
  Names out;
  for (const Begun& begun : world.records_of<Begun>(id))
    out.push_back(begun.workflow + " " + begun.execution.text() + " " + begun.trigger + " " +
                  std::to_string(begun.attempt));
  return out;
}

TEST(EventFields, AStartNamesWorkflowExecutionAndTrigger) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner","max_retries":0})",
          R"("max_retries":1,"retry_delay":"1s","steps":[{"name":"x","max_retries":0}])");
  int calls = 0;
  world.runner().by_function["x"] = [&](const auto&) { return ++calls == 1 ? fail("lost") : ok(); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(starts(world, id), Names{"w " + id.text() + " manual 1"});
  const ExecutionId child = child_of(world, id);
  EXPECT_EQ(starts(world, child),
            (Names{"inner " + child.text() + " nested 1", "inner " + child.text() + " nested 2"}))
      << "every attempt says it";
}

TEST(EventFields, RollbacksNameWorkflowExecutionAndSteps) {
  World world;
  world.publish(R"("steps":[{"name":"reserve","rollback":"release"},
                   {"name":"charge","after":["reserve"],"rollback":"refund","max_retries":1,"retry_delay":"1s"},
                   {"name":"ship","after":["charge"],"max_retries":0}])");
  int refunds = 0;
  world.runner().by_function["refund"] = [&](const auto&) {
    return ++refunds == 1 ? fail("busy") : after(3 * kSecond, ok());
  };
  world.runner().by_function["ship"] = [](const auto&) { return fail("no_carrier"); };
  const ExecutionId id = world.start()->id;
  world.run();
  const auto all = world.records_of<journal::Compensating>(id);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].candidates, 2u);
  EXPECT_EQ(all[0].workflow, "w");
  EXPECT_EQ(all[0].execution, id);
  EXPECT_EQ(all[0].steps, (Names{"charge", "reserve"})) << "in the order in which they are rolled back";
  const auto check = [&](const auto& records, std::vector<uint32_t> steps) {
    ASSERT_EQ(records.size(), steps.size());
    for (size_t i = 0; i < steps.size(); ++i) {
      EXPECT_EQ(records[i].step, steps[i]);
      EXPECT_EQ(records[i].workflow, "w");
      EXPECT_EQ(records[i].execution, id);
    }
  };
  check(world.records_of<journal::RollbackStarted>(id), {1, 1, 0});
  check(world.records_of<journal::RollbackFailed>(id), {1});
  const auto done = world.records_of<journal::RollbackDone>(id);
  check(done, {1, 0});
  EXPECT_EQ(done[0].duration, 3 * kSecond) << "of the call that has done it";
}

// The rollback of a nested execution is an execution of the same workflow.
TEST(EventFields, ARollbackOfANestedExecutionSaysWhatItIs) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner"},{"name":"bad","after":["n"],"max_retries":0})",
          R"("steps":[{"name":"x","rollback":"undo"}])");
  world.runner().by_function["bad"] = [](const auto&) { return fail("no"); };
  const ExecutionId id = world.start()->id;
  world.run();
  const auto rollbacks = world.records_of<journal::RollbackStarted>(id);
  ASSERT_EQ(rollbacks.size(), 1u);
  EXPECT_EQ(rollbacks[0].workflow, "w");
  EXPECT_EQ(rollbacks[0].execution, id);
  const ExecutionId undoing = rollbacks[0].child;
  EXPECT_EQ(starts(world, undoing), Names{"inner " + undoing.text() + " rollback 1"});
  const auto all = world.records_of<journal::Compensating>(undoing);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].steps, Names{"x"});
}

}  // namespace
}  // namespace pirn::sim
