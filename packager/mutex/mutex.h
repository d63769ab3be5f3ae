// Mutexes whose rules the compiler checks: clang with -Wthread-safety refuses code that uses guarded data without
// the mutex (tests/lint). Other compilers see plain mutexes; nothing here costs anything over those of <mutex>.
//
//   Mutex mutex_;
//   size_t idle_ PIRN_GUARDED_BY(mutex_) = 0;     // only while mutex_ is held
//   void shrink() PIRN_REQUIRES(mutex_);          // the caller holds mutex_
//   void stop() PIRN_EXCLUDES(mutex_);            // the caller must not hold it
//
// A condition is waited for in a loop, `while (!ready_) changed_.wait(mutex_);`, because the checker does not look
// into predicates.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define PIRN_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define PIRN_THREAD_ATTRIBUTE(x)
#endif
#define PIRN_CAPABILITY(name) PIRN_THREAD_ATTRIBUTE(capability(name))
#define PIRN_SCOPED_CAPABILITY PIRN_THREAD_ATTRIBUTE(scoped_lockable)
#define PIRN_GUARDED_BY(mutex) PIRN_THREAD_ATTRIBUTE(guarded_by(mutex))
#define PIRN_POINTEE_GUARDED_BY(mutex) PIRN_THREAD_ATTRIBUTE(pt_guarded_by(mutex))
#define PIRN_ACQUIRE(...) PIRN_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define PIRN_ACQUIRE_SHARED(...) PIRN_THREAD_ATTRIBUTE(acquire_shared_capability(__VA_ARGS__))
#define PIRN_TRY_ACQUIRE(...) PIRN_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define PIRN_RELEASE(...) PIRN_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define PIRN_RELEASE_SHARED(...) PIRN_THREAD_ATTRIBUTE(release_shared_capability(__VA_ARGS__))
#define PIRN_RELEASE_GENERIC(...) PIRN_THREAD_ATTRIBUTE(release_generic_capability(__VA_ARGS__))
#define PIRN_REQUIRES(...) PIRN_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define PIRN_REQUIRES_SHARED(...) PIRN_THREAD_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define PIRN_ASSERTS_HELD(...) PIRN_THREAD_ATTRIBUTE(assert_capability(__VA_ARGS__))
#define PIRN_EXCLUDES(...) PIRN_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
// For a function that the checker cannot follow; a comment beside it says why it is right.
#define PIRN_NOT_CHECKED PIRN_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace pirn {

class PIRN_CAPABILITY("mutex") Mutex {
 public:
  void lock() PIRN_ACQUIRE() { mutex_.lock(); }
  void unlock() PIRN_RELEASE() { mutex_.unlock(); }
  bool try_lock() PIRN_TRY_ACQUIRE(true) { return mutex_.try_lock(); }
  // For the body of a function object that is only called while the mutex is held: tells the checker so.
  void is_held() const PIRN_ASSERTS_HELD() {}

 private:
  friend class ConditionVariable;
  std::mutex mutex_;
};

// Many readers or one writer.
class PIRN_CAPABILITY("mutex") SharedMutex {
 public:
  void lock() PIRN_ACQUIRE() { mutex_.lock(); }
  void unlock() PIRN_RELEASE() { mutex_.unlock(); }
  void lock_shared() PIRN_ACQUIRE_SHARED() { mutex_.lock_shared(); }
  void unlock_shared() PIRN_RELEASE_SHARED() { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

struct Adopt {};
inline constexpr Adopt kAdopt;  // the mutex is held already

// Holds a mutex until the end of the block. M: Mutex, SharedMutex or another class with their functions.
template <class M>
class PIRN_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(M& mutex) PIRN_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  MutexLock(M& mutex, Adopt) PIRN_REQUIRES(mutex) : mutex_(mutex) {}
  ~MutexLock() PIRN_RELEASE() {
    if (held_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  // For a part of the block that must not hold it.
  void unlock() PIRN_RELEASE() {
    mutex_.unlock();
    held_ = false;
  }
  void lock() PIRN_ACQUIRE() {
    mutex_.lock();
    held_ = true;
  }

 private:
  M& mutex_;
  bool held_ = true;
};

// Holds a SharedMutex for reading until the end of the block.
class PIRN_SCOPED_CAPABILITY ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mutex) PIRN_ACQUIRE_SHARED(mutex) : mutex_(mutex) { mutex_.lock_shared(); }
  ~ReaderLock() PIRN_RELEASE_GENERIC() { mutex_.unlock_shared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex& mutex_;
};

// A condition variable. Waits may end for no reason: ask for the condition in a loop.
class ConditionVariable {
 public:
  void notify_one() { changed_.notify_one(); }
  void notify_all() { changed_.notify_all(); }

  void wait(Mutex& mutex) PIRN_REQUIRES(mutex) {
    Adopted lock(mutex.mutex_);
    changed_.wait(lock.lock);
  }
  // false: the time has come.
  template <class Clock, class Duration>
  bool wait_until(Mutex& mutex, const std::chrono::time_point<Clock, Duration>& time) PIRN_REQUIRES(mutex) {
    Adopted lock(mutex.mutex_);
    return changed_.wait_until(lock.lock, time) == std::cv_status::no_timeout;
  }

 private:
  // The caller holds the mutex before and after.
  struct Adopted {
    explicit Adopted(std::mutex& mutex) : lock(mutex, std::adopt_lock) {}
    ~Adopted() { lock.release(); }
    std::unique_lock<std::mutex> lock;
  };
  std::condition_variable changed_;
};

}  // namespace pirn
