// Engine time is read from the steady clock, whatever is done to the wall clock (R72).
#include "host/clock.h"

#include <gtest/gtest.h>

namespace pirn {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(Clock, R72FollowsTheSteadyClockFromWhereTheEngineSays) {
  ClockReading machine{5000 * kSecond, 10 * kSecond};
  Clock clock([&] { return machine; }, "boot");
  EXPECT_EQ(clock.now(), 5000 * kSecond) << "the wall clock, until the engine says otherwise";
  machine = {9000 * kSecond, 12 * kSecond};
  EXPECT_EQ(clock.now(), 5002 * kSecond);
  EXPECT_EQ(clock.wall(), 9000 * kSecond);
  machine.wall = 0;
  EXPECT_EQ(clock.now(), 5002 * kSecond);
  clock.follow(7000 * kSecond);
  EXPECT_EQ(clock.now(), 7012 * kSecond);
  EXPECT_EQ(clock.boot(), "boot");
}

TEST(Clock, TheSystemsClocksGoOn) {
  const ClockReading first = read_system_clocks();
  EXPECT_GT(first.wall, 1'700'000'000 * kSecond);
  EXPECT_GT(first.steady, 0);
  EXPECT_GE(read_system_clocks().steady, first.steady);
  EXPECT_EQ(boot_of_system(), boot_of_system());
  EXPECT_EQ(Clock().boot(), boot_of_system());
}

}  // namespace
}  // namespace pirn
