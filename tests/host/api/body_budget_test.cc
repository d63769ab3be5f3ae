#include "host/api/body_budget.h"

#include <gtest/gtest.h>

#include "host/api/client_timeouts.h"

namespace pirn::api {
namespace {

using namespace std::chrono_literals;

TEST(BodyBudget, NoCallerHoldsAllOfIt) {
  BodyBudget budget(100, 50);
  EXPECT_TRUE(budget.take("red", 50));
  EXPECT_EQ(budget.take("red", 1).error().code, Code::busy);
  EXPECT_TRUE(budget.take("", 30)) << "the operator has a share as well";
  EXPECT_EQ(budget.take("blue", 21).error().code, Code::busy);
  EXPECT_TRUE(budget.take("blue", 20));
  EXPECT_EQ(budget.taken(), 100u);
  budget.give_back("red", 10);
  EXPECT_TRUE(budget.take("blue", 10));
  EXPECT_EQ(budget.take("red", 1).error().code, Code::busy) << "the whole is taken";
  budget.give_back("red", 40);
  budget.give_back("blue", 30);
  budget.give_back("", 30);
  EXPECT_EQ(budget.taken(), 0u);
}

TEST(BodyDeadline, AllowsAPauseAndAMinimumRate) {
  const ClientTimeouts timeouts{1s, 1s, 10s, 1s, 100};
  const BodyDeadline::Clock::time_point begin{};
  BodyDeadline deadline(timeouts, begin);
  EXPECT_EQ(deadline.at(), begin + 10s) << "nothing at all may come for so long";
  deadline.arrived(50, begin + 9s);
  EXPECT_EQ(deadline.at(), begin + 10s + 500ms) << "half a second's worth of the rate";
  // At the rate it goes on for ever.
  BodyDeadline steady(timeouts, begin);
  for (int second = 1; second < 1000; ++second) {
    steady.arrived(100, begin + std::chrono::seconds(second));
    EXPECT_GT(steady.at(), begin + std::chrono::seconds(second));
  }
  // What comes fast does not buy a longer silence.
  BodyDeadline fast(timeouts, begin);
  fast.arrived(1'000'000'000, begin + 1s);
  EXPECT_EQ(fast.at(), begin + 11s);
}

}  // namespace
}  // namespace pirn::api
