// A mutex that is taken in the order of asking. std::mutex may be taken again at once by whoever has just
// given it back: a thread that writes one record after the other, each with its sync, can keep the others out
// for seconds.
//
// Any thread. It is for few threads and for sections that wait for a disk: handing over wakes all that wait.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace pirn::registry {

class FairMutex {
 public:
  void lock() {
    std::unique_lock lock(mutex_);
    const uint64_t mine = next_++;
    changed_.wait(lock, [&] { return serving_ == mine; });
  }

  void unlock() {
    {
      const std::lock_guard lock(mutex_);
      ++serving_;
    }
    changed_.notify_all();
  }

  // How many hold it or wait for it.
  uint64_t users() const {
    const std::lock_guard lock(mutex_);
    return next_ - serving_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t next_ = 0, serving_ = 0;  // guarded by mutex_: the next number to be given; whose turn it is
};

}  // namespace pirn::registry
