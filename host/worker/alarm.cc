#include "host/worker/alarm.h"

#include <chrono>
#include <thread>

#include "packager/mutex/mutex.h"

namespace pirn::worker {

namespace {
constexpr int kSpins = 50;
}

void Alarm::wake() {
  if (rung_.exchange(true)) return;  // whoever rang first wakes the sleeper
  if (!sleeping_.load()) return;
  // The lock orders this after the sleeper's last look at rung_.
  const MutexLock lock(mutex_);
  changed_.notify_one();
}

void Alarm::wait(int64_t timeout_ns) {
  for (int i = 0; i < kSpins; ++i) {
    if (rung_.exchange(false)) return;
    std::this_thread::yield();
  }
  MutexLock lock(mutex_);
  sleeping_ = true;
  const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(timeout_ns);
  while (!rung_.load() && changed_.wait_until(mutex_, until)) {
  }
  sleeping_ = false;
  rung_ = false;
}

}  // namespace pirn::worker
