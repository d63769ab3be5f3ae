#include "host/scheduler/catch_up.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace pirn::scheduler {
namespace {

constexpr Pace kPace{.starts = 4, .every_ns = 100, .when_busy_ns = 1'000};

struct Debt {
  char name;
  int left;  // starts
};

class CatchUpTest : public testing::Test {
 protected:
  std::string round(int64_t now) {
    std::string started;
    catch_up.round(
        now, [&](uint32_t tenant) { return busy.contains(tenant); },
        [&](Debt& debt) {
          started += debt.name;
          if (starts_make_busy) busy = {1, 5};
          return --debt.left > 0;
        });
    return started;
  }

  CatchUp<Debt> catch_up{kPace};
  std::set<uint32_t> busy;
  bool starts_make_busy = false;
};

TEST_F(CatchUpTest, StartsSoManyARoundAndARoundEverySoOften) {
  EXPECT_EQ(catch_up.next_timer(), std::nullopt);
  catch_up.push(1, {'a', 10});
  EXPECT_EQ(round(1'000), "aaaa");
  EXPECT_EQ(catch_up.next_timer(), 1'100);
  EXPECT_EQ(round(1'099), "");
  EXPECT_EQ(round(1'100), "aaaa");
  EXPECT_EQ(round(5'000), "aa") << "no round is made up for";
  EXPECT_EQ(catch_up.next_timer(), std::nullopt);
  EXPECT_EQ(catch_up.size(), 0u);
}

TEST_F(CatchUpTest, TakesTenantsInTurnAndWithinOneWhatIsBehind) {
  catch_up.push(1, {'a', 100});
  catch_up.push(1, {'b', 100});
  catch_up.push(5, {'x', 3});
  EXPECT_EQ(round(1'000), "axbx");
  EXPECT_EQ(round(2'000), "axba");
  EXPECT_EQ(round(3'000), "baba");
}

TEST_F(CatchUpTest, PassesOverATenantThatIsBusy) {
  catch_up.push(1, {'a', 100});
  catch_up.push(5, {'x', 100});
  busy = {1};
  EXPECT_EQ(round(1'000), "xxxx");
  busy = {5};
  EXPECT_EQ(round(2'000), "aaaa");
}

TEST_F(CatchUpTest, WhatIsServedSpoilsNotItsOwnRound) {
  starts_make_busy = true;
  catch_up.push(1, {'a', 100});
  catch_up.push(5, {'x', 100});
  EXPECT_EQ(round(1'000), "axax");
}

TEST_F(CatchUpTest, GoesOnOneByOneWhileAllAreBusy) {
  catch_up.push(1, {'a', 100});
  catch_up.push(5, {'x', 100});
  busy = {1, 5};
  EXPECT_EQ(round(1'000), "a");
  EXPECT_EQ(catch_up.next_timer(), 2'000);
  EXPECT_EQ(round(1'999), "");
  EXPECT_EQ(round(2'000), "x");
  busy = {};
  EXPECT_EQ(round(3'000), "axax");
}

}  // namespace
}  // namespace pirn::scheduler
