#include "host/scheduler/timers.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

namespace pirn::scheduler {
namespace {

TEST(Timers, NothingIsDueOfNothing) {
  Timers<int> timers;
  EXPECT_EQ(timers.next(), std::nullopt);
  EXPECT_EQ(timers.take_due(INT64_MAX), std::nullopt);
  TimerHandle none = kNoTimer;
  timers.remove(none);
  EXPECT_EQ(none, kNoTimer);
}

TEST(Timers, ATimerIsDueAtItsInstantAndNotBefore) {
  Timers<int> timers;
  timers.add(10, 1);
  EXPECT_EQ(timers.next(), 10);
  EXPECT_EQ(timers.take_due(9), std::nullopt);
  EXPECT_EQ(timers.take_due(10), 1);
  EXPECT_EQ(timers.take_due(10), std::nullopt);
}

TEST(Timers, RemovedTimersDoNotGather) {
  Timers<int> timers;
  TimerHandle most = 0;
  timers.add(0, 0);
  for (int i = 1; i < 1'000; ++i) {
    TimerHandle handle = timers.add(i, i);
    most = std::max(most, handle);
    timers.remove(handle);
    EXPECT_EQ(handle, kNoTimer);
    ASSERT_EQ(timers.size(), 1u);
    ASSERT_EQ(timers.next(), 0);
  }
  EXPECT_LE(most, 3u) << "handles are used again";
}

TEST(Timers, NothingWaitsForARemovedTimer) {
  Timers<int> timers;
  for (int i = 100; i < 200; ++i) timers.add(i, i);
  TimerHandle first = timers.add(1, 1);
  timers.remove(first);
  EXPECT_EQ(timers.next(), 100);
  EXPECT_EQ(timers.take_due(99), std::nullopt);
  EXPECT_EQ(timers.take_due(100), 100);
}

// Against a list that is searched from end to end.
struct Model {
  struct One {
    int64_t at;
    TimerHandle handle;
    int due;
    bool operator<(const One& other) const { return std::pair(at, due) < std::pair(other.at, other.due); }
  };
  std::set<One> all;
};

RC_GTEST_PROP(Timers, AreASortedList, ()) {
  Timers<int> timers;
  Model model;
  int added = 0;
  for (int n = *rc::gen::inRange(0, 200); n > 0; --n) {
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
      case 1: {
        const int64_t at = *rc::gen::inRange<int64_t>(0, 30);
        const int due = added++ * 7 % 1'009;  // each once, and not in their order
        const TimerHandle handle = timers.add(at, due);
        for (const auto& one : model.all) RC_ASSERT(one.handle != handle);
        model.all.insert({at, handle, due});
        break;
      }
      case 2: {
        if (model.all.empty()) break;
        auto victim = std::next(model.all.begin(),
                                *rc::gen::inRange<int64_t>(0, static_cast<int64_t>(model.all.size())));
        TimerHandle handle = victim->handle;
        timers.remove(handle);
        model.all.erase(victim);
        break;
      }
      default: {
        const int64_t now = *rc::gen::inRange<int64_t>(0, 30);
        const auto due = timers.take_due(now);
        const bool expected = !model.all.empty() && model.all.begin()->at <= now;
        RC_ASSERT(due.has_value() == expected);
        if (!expected) break;
        RC_ASSERT(*due == model.all.begin()->due);
        model.all.erase(model.all.begin());
      }
    }
    RC_ASSERT(timers.size() == model.all.size());
    RC_ASSERT(timers.next() ==
              (model.all.empty() ? std::nullopt : std::optional<int64_t>(model.all.begin()->at)));
  }
  while (!model.all.empty()) {
    RC_ASSERT(timers.take_due(INT64_MAX) == model.all.begin()->due);
    model.all.erase(model.all.begin());
  }
  RC_ASSERT(timers.size() == 0u);
}

}  // namespace
}  // namespace pirn::scheduler
