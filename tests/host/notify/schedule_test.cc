#include "host/notify/schedule.h"

#include <gtest/gtest.h>

namespace pirn::notify {
namespace {

Notice notice(const std::string& step) { return {"acme", {7}, step, 1, "{}", 0}; }

TEST(Schedule, GivesOutWhatIsDueInItsOrder) {
  Schedule schedule;
  EXPECT_EQ(schedule.next(), INT64_MAX);
  schedule.add(notice("b"), 20);
  schedule.add(notice("a"), 10);
  EXPECT_EQ(schedule.next(), 10);
  EXPECT_FALSE(schedule.take(9));
  EXPECT_EQ(schedule.take(20)->step, "a");
  EXPECT_EQ(schedule.take(20)->step, "b");
  EXPECT_FALSE(schedule.take(INT64_MAX));
}

TEST(Schedule, TriesAgainWithGrowingDelaysAndGivesUp) {
  Schedule schedule({.first_delay_ns = 10, .max_delay_ns = 35, .attempts = 5});
  schedule.add(notice("a"), 0);
  std::vector<int64_t> instants;
  int64_t now = 0;
  for (;;) {
    const auto due = schedule.take(now);
    ASSERT_TRUE(due);
    const auto next = schedule.failed(*due, now);
    if (!next) break;
    instants.push_back(*next - now);
    EXPECT_FALSE(schedule.take(*next - 1)) << "never early";
    now = *next;
  }
  EXPECT_EQ(instants, (std::vector<int64_t>{10, 20, 35, 35}));
  EXPECT_EQ(schedule.size(), 0u);
}

}  // namespace
}  // namespace pirn::notify
