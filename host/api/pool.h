// A few threads for what may block: the registry, reads of the store, probes. The network thread and the
// engine's thread never wait for any of it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pirn::api {

class Pool {
 public:
  // `limit`: jobs that wait.
  Pool(size_t threads, size_t limit);
  ~Pool();

  // Any thread. New work; false when too much waits or the pool has stopped, and the job is dropped.
  bool offer(std::function<void()> job);
  // Any thread. The continuation of work that was admitted; dropped only after stop().
  void post(std::function<void()> job);
  // Finishes what is under way, drops what waits, joins. Idempotent.
  void stop();

 private:
  void work();

  const size_t limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;  // guarded by mutex_
  bool stopped_ = false;                    // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace pirn::api
