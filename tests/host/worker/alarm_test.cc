#include "host/worker/alarm.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace pirn::worker {
namespace {

constexpr int64_t kForEver = 120'000'000'000;

TEST(Alarm, WhatRangBeforeIsNotWaitedFor) {
  Alarm alarm;
  alarm.wake();
  alarm.wake();
  alarm.wait(kForEver);
}

TEST(Alarm, ATimeoutEndsTheWait) {
  Alarm alarm;
  alarm.wait(0);
  alarm.wait(1'000);
}

// Two sides that each sleep until the other wakes them: one lost wake-up would stop both.
TEST(Alarm, NoWakeUpIsLost) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr int kRounds = 1'000;
#else
  constexpr int kRounds = 10'000;
#endif
  Alarm ping, pong;
  std::atomic<int> at{0};
  std::thread other([&] {
    for (int i = 0; i < kRounds; ++i) {
      while (at.load() != 2 * i + 1) ping.wait(kForEver);
      at = 2 * i + 2;
      pong.wake();
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    at = 2 * i + 1;
    ping.wake();
    while (at.load() != 2 * i + 2) pong.wait(kForEver);
  }
  other.join();
  EXPECT_EQ(at, 2 * kRounds);
}

}  // namespace
}  // namespace pirn::worker
