// What the engine's thread sleeps on: any thread wakes it, a timer is a timeout. Waking a blocked thread
// costs more than a turn of the engine, so the sleeper first spins a little.
#pragma once

#include <atomic>
#include <cstdint>

#include "host/worker/runner.h"
#include "packager/mutex/mutex.h"

namespace pirn::worker {

class Alarm final : public Wakeup {
 public:
  // Any thread.
  void wake() override;
  // One thread. Returns at once when there was a wake() since the last wait() returned, else blocks until
  // there is one, or for at most `timeout_ns`.
  void wait(int64_t timeout_ns);

 private:
  Mutex mutex_;
  ConditionVariable changed_;
  std::atomic<bool> rung_{false};
  std::atomic<bool> sleeping_{false};
};

}  // namespace pirn::worker
