// A mutex that is taken in the order of asking. Mutex may be taken again at once by whoever has just
// given it back: a thread that writes one record after the other, each with its sync, can keep the others out
// for seconds.
//
// Any thread. It is for few threads and for sections that wait for a disk: handing over wakes all that wait.
#pragma once

#include <cstdint>

#include "packager/mutex/mutex.h"

namespace pirn::registry {

class PIRN_CAPABILITY("mutex") FairMutex {
 public:
  void lock() PIRN_ACQUIRE() {
    const MutexLock lock(mutex_);
    const uint64_t mine = next_++;
    while (serving_ != mine) changed_.wait(mutex_);
  }

  void unlock() PIRN_RELEASE() {
    {
      const MutexLock lock(mutex_);
      ++serving_;
    }
    changed_.notify_all();
  }

  // As of Mutex.
  void is_held() const PIRN_ASSERTS_HELD() {}

  // How many hold it or wait for it.
  uint64_t users() const {
    const MutexLock lock(mutex_);
    return next_ - serving_;
  }

 private:
  mutable Mutex mutex_;
  ConditionVariable changed_;
  uint64_t next_ PIRN_GUARDED_BY(mutex_) = 0;     // the next number to be given
  uint64_t serving_ PIRN_GUARDED_BY(mutex_) = 0;  // whose turn it is
};

}  // namespace pirn::registry
