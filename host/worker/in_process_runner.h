// Runs invocations on threads of the host process: for releases of tenants whose code the operator trusts.
//
// What it can promise is limited by the process: a crash of package code is a crash of the host, and a
// function that neither returns nor polls for cancellation keeps its thread for ever. Such a call is
// abandoned (its outcome is discarded), counted as stuck, and its release is never deinitialised.
//
// Threads: a small pool, which grows when a queued invocation finds no free thread for some milliseconds, up
// to one for each invocation that may be under way; so a blocking function delays its neighbours by little,
// and fast functions do not pay for threads that nobody needs. Threads above the first ones that had nothing
// to do for `idle_time` end, and their memory goes back to the system.
//
// A release is loaded at its first invocation, on a pool thread, once for each (tenant, release). Whoever
// uses it holds it; after retire() the last one to let go calls deinit and unloads.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "host/worker/crash_record.h"
#include "host/worker/loaded_release.h"
#include "host/worker/runner.h"

namespace pirn::worker {

class InProcessRunner final : public Runner {
 public:
  struct Options {
    size_t capacity = 2048;  // invocations under way, and at most as many threads
    size_t threads = 2;      // to begin with
    bool measure = false;    // the processor time of each call, which takes two calls of the system
    // Engine time, asked on any thread; a test may leave it out.
    std::function<int64_t()> now = [] {
      return std::chrono::duration_cast<std::chrono::nanoseconds>(
                 std::chrono::system_clock::now().time_since_epoch())
          .count();
    };
    // So many threads as were never needed within such a time are too many.
    std::chrono::nanoseconds idle_time = std::chrono::seconds(10);
    // Of the calls that are under way; null: none. Threads that are stuck hold it when the runner is gone.
    std::shared_ptr<CrashRecord> record;
    // Begins a thread of the pool; throws std::system_error when the system has none left, which a test
    // cannot bring about for one process alone.
    std::function<std::thread(std::function<void()>)> begin_thread = [](std::function<void()> work) {
      return std::thread(std::move(work));
    };
  };
  // The arguments outlive the runner.
  InProcessRunner(Options options, LibrarySource source, Listener& listener, Wakeup& wakeup);
  // Waits for the functions that are running, but not for stuck ones: then the threads and the release are
  // left.
  ~InProcessRunner() override;

  size_t slots() const override;
  void start(std::span<Invocation> batch) override;
  void take_completions(std::vector<Completion>& out) override;
  void take_freed(std::vector<uint32_t>& out) override;
  void cancel(uint64_t invocation, Signal signal) override;
  void keep_suspects(std::span<const Suspect> suspects) override;
  void put_on_trial(const Trial& trial) override;
  void retire(const registry::ReleasePtr& release) override;
  std::vector<Residence> residences() const override;
  uint32_t stuck_calls() const override;

 private:
  class ThreadPool;
  std::shared_ptr<ThreadPool> pool_;  // shared with its threads, which may outlive the runner when stuck
};

}  // namespace pirn::worker
