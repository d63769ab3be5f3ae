// A few threads that work for several owners in turn.
//
// Each owner has a queue of its own. A free thread takes the first job of the owner whose turn it is, so a
// job waits for at most one job of each other owner between two of its own. An owner has a limit of jobs that
// run at once, which leaves threads for the others even when its jobs never end, and a limit of jobs that
// wait: whoever exceeds that is refused, and nobody else.
//
// Rejected: one queue with a limit for all, in which whoever fills it is served and everybody else refused.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "packager/mutex/mutex.h"

namespace pirn::api {

struct WorkerLimits {
  size_t threads = 1;
  size_t running_per_owner = 1;   // at most; jobs beyond it wait while threads are idle
  size_t waiting_per_owner = 64;  // offered jobs at most; continuations do not count against it
};

// Since the start, but for those that say "now".
struct WorkerFigures {
  uint64_t waiting = 0, running = 0, owners = 0;  // now; owners: with a job that waits or runs
  uint64_t done = 0;                              // jobs that have run
  uint64_t refused = 0;                           // jobs whose owner had as many waiting as it may
};

class FairWorkers {
 public:
  using Job = std::function<void()>;

  explicit FairWorkers(WorkerLimits limits);
  ~FairWorkers();
  FairWorkers(const FairWorkers&) = delete;
  FairWorkers& operator=(const FairWorkers&) = delete;

  // Any thread. New work; false when the owner has too much waiting or the workers have stopped. The job is
  // then destroyed on this thread.
  bool offer(std::string_view owner, Job job);
  // Any thread. The continuation of work that was let in, and bounded there; dropped only after stop().
  void post(std::string_view owner, Job job);
  // Finishes the jobs that run, drops those that wait, joins. Idempotent; not from a job.
  void stop();

  // Any thread.
  WorkerFigures figures() const;

 private:
  struct Owner {
    std::deque<Job> waiting;
    size_t running = 0;
    bool in_ring = false;
  };
  using Owners = std::map<std::string, Owner, std::less<>>;

  bool enqueue(std::string_view owner, Job&& job, bool bounded);
  // Puts an owner at the end of the ring if one of its jobs may start.
  void line_up(Owners::iterator owner) PIRN_REQUIRES(mutex_);
  void work();

  const WorkerLimits limits_;
  mutable Mutex mutex_;
  ConditionVariable changed_;
  Owners owners_ PIRN_GUARDED_BY(mutex_);                      // those with a job that waits or runs
  std::deque<Owners::iterator> ring_ PIRN_GUARDED_BY(mutex_);  // owners whose next job may start, each once
  WorkerFigures figures_ PIRN_GUARDED_BY(mutex_);              // `owners` is not kept
  bool stopped_ PIRN_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace pirn::api
