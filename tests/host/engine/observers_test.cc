#include "host/engine/observers.h"

#include <gtest/gtest.h>

#include "host/engine/execution.h"
#include "host/engine/rollbacks.h"
#include "tests/host/engine/parts.h"

namespace pirn::engine {
namespace {

TEST(Observers, HooksRunOneAtATimeInTheirOrder) {
  Timers timers;
  Observers observers;
  EXPECT_TRUE(observers.idle());
  observers.add_hook({1, "f", ""});
  observers.add_hook({2, "g", ""});
  const auto first = observers.next_hook();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->step, 1u);
  observers.begin_hook(77, 1);
  EXPECT_FALSE(observers.next_hook()) << "one runs";
  EXPECT_EQ(observers.running_hook(), 77u);
  EXPECT_EQ(observers.end_hook(timers), 1u);
  EXPECT_EQ(observers.next_hook()->step, 2u);
  EXPECT_TRUE(observers.idle());
}

TEST(Observers, HandlersEndOnceAndTakeTheirTimersAway) {
  Timers timers;
  const PlanPtr plan = plan_of(R"("steps":[])");
  Execution execution({1}, plan, 0);
  const auto timer = [&] { return timers.add(5, {&execution, Timer::What::handler, 0}); };
  Observers observers;
  observers.begin_handler((uint64_t{1} << 40) + 8, timer());
  observers.begin_handler((uint64_t{1} << 40) + 9, timer());
  EXPECT_FALSE(observers.idle());
  EXPECT_EQ(observers.handler_due(10), 0u);
  EXPECT_EQ(observers.handler_due(9), (uint64_t{1} << 40) + 9);
  EXPECT_EQ(*observers.handler_timer((uint64_t{1} << 40) + 9), scheduler::kNoTimer) << "it is spent";
  EXPECT_TRUE(observers.end_handler((uint64_t{1} << 40) + 8, timers));
  EXPECT_FALSE(observers.end_handler((uint64_t{1} << 40) + 8, timers));
  EXPECT_EQ(timers.size(), 1u) << "the other one's, which take_due() would have taken";
  EXPECT_TRUE(observers.awaits_handler((uint64_t{1} << 40) + 9));
  EXPECT_FALSE(observers.awaits_handler(9));
}

// R24: in the reverse order of commits; what was rolled back, or cannot be, is left out.
TEST(Rollbacks, AreTheCompletedStepsThatCanBeUndoneNewestFirst) {
  const GrownPlan plan(
      plan_of(R"("steps":[{"name":"a","rollback":"u"},{"name":"b"},{"name":"c","rollback":"u"},
    {"name":"d","rollback":"u"},{"name":"e","rollback":"u"}])"));
  EndedSteps ended(5);
  ended.complete(2);
  ended.complete(0);
  ended.complete(1);
  ended.complete(3);
  ended.fail(4);
  ended.steps[3].compensation = journal::Compensation::done;
  Rollbacks rollbacks(plan, ended.steps);
  EXPECT_EQ(rollbacks.in_order(), (std::vector<uint32_t>{0, 2}));
  EXPECT_EQ(rollbacks.next(), 0u);
  rollbacks.end_next();
  EXPECT_EQ(rollbacks.next(), 2u);
  rollbacks.end_next();
  EXPECT_TRUE(rollbacks.empty());
}

}  // namespace
}  // namespace pirn::engine
