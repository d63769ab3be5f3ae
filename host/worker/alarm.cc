#include "host/worker/alarm.h"

#include <chrono>
#include <thread>

namespace pirn::worker {

namespace {
constexpr int kSpins = 50;
}

void Alarm::wake() {
  if (rung_.exchange(true)) return;  // whoever rang first wakes the sleeper
  if (!sleeping_.load()) return;
  // The lock orders this after the sleeper's last look at rung_.
  std::lock_guard lock(mutex_);
  changed_.notify_one();
}

void Alarm::wait(int64_t timeout_ns) {
  for (int i = 0; i < kSpins; ++i) {
    if (rung_.exchange(false)) return;
    std::this_thread::yield();
  }
  std::unique_lock lock(mutex_);
  sleeping_ = true;
  changed_.wait_for(lock, std::chrono::nanoseconds(timeout_ns), [&] { return rung_.load(); });
  sleeping_ = false;
  rung_ = false;
}

}  // namespace pirn::worker
