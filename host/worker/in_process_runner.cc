#include "host/worker/in_process_runner.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <deque>
#include <iterator>
#include <optional>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include "host/worker/call.h"
#include "host/worker/call_scope.h"
#include "packager/mutex/mutex.h"

namespace pirn::worker {

namespace {

// A queued invocation that no thread took for so long gets a new thread.
constexpr auto kStall = std::chrono::milliseconds(2);
// Functions that take less than this are run one after the other by one thread: waking another costs more.
constexpr int64_t kShortNs = 20'000;
constexpr int kSpins = 1'000;  // some tens of microseconds
constexpr int kLockSpins = 1'000;
// Between two looks at a thread that ends, at first and at last.
constexpr std::chrono::milliseconds kFirstPause(1), kLastPause(1'000);

// Of the calling thread.
int64_t thread_cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

// What the operator sees of a release. It outlives the use and holds nothing of it: whoever asks must not
// become the last to let go of a library.
struct ReleaseStatus {
  std::atomic<bool> retired{false}, over{false}, still_mapped{false};
  std::atomic<uint32_t> stuck{0};
};
using ReleaseStatusPtr = std::shared_ptr<ReleaseStatus>;

// A stuck call may still be in it. It stays within reach, so that nobody takes it for a leak.
void keep_for_ever(std::unique_ptr<LoadedRelease> loaded) {
  static Mutex mutex;
  static auto& kept = *new std::vector<std::unique_ptr<LoadedRelease>>;
  const MutexLock lock(mutex);
  kept.push_back(std::move(loaded));
}

// One release in this runner. Held by the engine's side until it retires, by jobs, and by threads that have
// called it; the last to let go unloads it.
class ReleaseUse {
 public:
  ReleaseUse(registry::ReleasePtr release, ReleaseStatusPtr status)
      : release_(std::move(release)), status_(std::move(status)) {}
  ~ReleaseUse() {
    if (kept_)
      keep_for_ever(std::move(loaded_));
    else if (loaded_)
      status_->still_mapped = loaded_->unload() == library::Unloaded::resident;
    status_->over = true;
  }

  bool retired() const { return status_->retired; }
  void retire() { status_->retired = true; }
  // A call was abandoned while it ran: this release is never deinitialised.
  void add_stuck() {
    kept_ = true;
    ++status_->stuck;
  }
  void remove_stuck() { --status_->stuck; }

  // The loaded library, or why it cannot be had now; the first caller loads it, the others wait for that. A
  // failure is not remembered: what was wrong with the disk may be right at the next try.
  Result<const LoadedRelease*> get(const LibrarySource& source) {
    if (const LoadedRelease* ready = loaded()) return ready;
    const MutexLock lock(loading_);
    if (!loaded_) {
      auto loaded = load(source);
      if (!loaded) {
        spdlog::error("{}", describe(loaded.error()));
        return std::move(loaded).error();
      }
      loaded_ = std::move(loaded).value();
      ready_.store(loaded_.get(), std::memory_order_release);
    }
    return loaded_.get();
  }
  // nullptr: not yet.
  const LoadedRelease* loaded() const { return ready_.load(std::memory_order_acquire); }

 private:
  Result<std::unique_ptr<LoadedRelease>> load(const LibrarySource& source) const {
    PIRN_TRY(const std::string bytes, source(*release_));
    return LoadedRelease::load(*release_, bytes);
  }

  const registry::ReleasePtr release_;
  const ReleaseStatusPtr status_;
  std::atomic<bool> kept_{false};
  std::atomic<const LoadedRelease*> ready_{nullptr};
  Mutex loading_;
  std::unique_ptr<LoadedRelease> loaded_ PIRN_GUARDED_BY(loading_);  // until ready_ is set
};
using ReleaseUsePtr = std::shared_ptr<ReleaseUse>;

// One invocation under way, at an address that never changes: only pointers change hands. The engine's thread
// fills it, a thread of the pool runs it, and the engine's thread takes what came of it and lets go of
// everything, so that memory is freed where it was allocated.
struct RunningInvocation {
  Invocation invocation;
  std::atomic<uint32_t> signals{0};
  Outcome outcome;
  ReleaseUsePtr use;
  bool abandoned = false;  // the engine's thread only
};

}  // namespace

class InProcessRunner::ThreadPool : public std::enable_shared_from_this<ThreadPool> {
 public:
  ThreadPool(Options options, LibrarySource source, Listener& listener, Wakeup& wakeup)
      : options_(std::move(options)), source_(std::move(source)), listener_(listener), wakeup_(wakeup) {}

  void run() {
    const MutexLock lock(mutex_);
    for (size_t i = 0; i < options_.threads; ++i) add_thread();
    monitor_ = std::thread([this] { watch(); });
  }
  void stop();

  size_t slots() const { return options_.capacity; }
  void start(std::span<Invocation> batch);
  void take_completions(std::vector<Completion>& out);
  void take_freed(std::vector<uint32_t>& out) {
    out.insert(out.end(), freed_.begin(), freed_.end());
    freed_.clear();
  }
  void cancel(uint64_t invocation, Signal signal);
  void retire(const registry::ReleasePtr& release);
  std::vector<Residence> residences() const;
  uint32_t stuck_calls() const { return stuck_; }
  CrashRecord* record() const { return options_.record.get(); }

 private:
  using Clock = std::chrono::steady_clock;

  // A thread that was one too many and has left the packages. Destructors of a package's thread_local
  // variables may still run on it, and may take for ever.
  struct Ended {
    std::thread thread;
    pid_t id;
    bool gone() const { return tgkill(getpid(), id, 0) != 0; }
  };

  // What the operator sees of a release, from its first invocation until its memory is gone.
  struct Resident {
    registry::ReleasePtr release;
    ReleaseStatusPtr status;
  };

  void add_thread() PIRN_REQUIRES(mutex_);
  void try_to_add_thread() PIRN_REQUIRES(mutex_);
  void work();
  void watch();
  std::thread leave_threads() PIRN_REQUIRES(mutex_);
  void shrink() PIRN_REQUIRES(mutex_);
  // These three give the mutex back for a while.
  void join_ended() PIRN_REQUIRES(mutex_);
  void done(RunningInvocation& running) PIRN_REQUIRES(mutex_);
  bool spin() PIRN_REQUIRES(mutex_);
  void join_or_detach_ended();
  void wait_for_news(Clock::time_point join_at) PIRN_REQUIRES(mutex_);
  int64_t run_job(RunningInvocation& running, int64_t now, CrashRecord::Slot* slot);
  void lock_from_engine() PIRN_ACQUIRE(mutex_);
  ReleaseUsePtr use_of(const registry::ReleasePtr& release);
  void leave(RunningInvocation& running);
  void defer_unload(
      ReleaseUsePtr use);  // of a retired release: whoever lets go last calls deinit, and that blocks

  const Options options_;
  const LibrarySource source_;
  Listener& listener_;
  Wakeup& wakeup_;

  // The engine's thread only.
  std::deque<RunningInvocation> running_;
  std::vector<RunningInvocation*> free_;
  std::unordered_map<registry::ReleasePtr, ReleaseUsePtr> uses_;
  std::vector<RunningInvocation*> starting_, taken_;
  std::vector<uint32_t> freed_;  // tenants, since take_freed()

  Mutex mutex_;
  ConditionVariable work_;     // a job, a retirement, the end
  ConditionVariable stalled_;  // a job while the monitor is not watching, a further thread, the end
  std::deque<RunningInvocation*> queue_ PIRN_GUARDED_BY(mutex_);
  std::vector<RunningInvocation*> done_ PIRN_GUARDED_BY(mutex_);
  size_t idle_ PIRN_GUARDED_BY(mutex_) = 0;
  size_t least_idle_ PIRN_GUARDED_BY(mutex_) = 0;  // since the monitor looked last
  size_t to_end_ PIRN_GUARDED_BY(mutex_) = 0;      // so many threads are too many
  uint64_t jobs_taken_ PIRN_GUARDED_BY(mutex_) = 0;
  uint64_t retirements_ PIRN_GUARDED_BY(mutex_) = 0;
  std::vector<ReleaseUsePtr> to_unload_
      PIRN_GUARDED_BY(mutex_);  // let go of on a pool thread, since that may run deinit
  std::vector<std::thread> threads_ PIRN_GUARDED_BY(mutex_);
  size_t leaving_ PIRN_GUARDED_BY(mutex_) = 0;        // on their way from threads_ to ended_
  std::vector<Ended> ended_ PIRN_GUARDED_BY(mutex_);  // to be joined
  bool newly_ended_ PIRN_GUARDED_BY(mutex_) = false;  // the monitor has not seen all of ended_
  size_t waking_ PIRN_GUARDED_BY(mutex_) = 0;         // threads that are waking the engine
  std::atomic<size_t> queued_{0};                     // queue_.size(), for the spinning thread
  bool spinning_ PIRN_GUARDED_BY(mutex_) = false;     // a thread is looking for a job
  bool watching_ PIRN_GUARDED_BY(mutex_) = false;     // the monitor looks at the queue again soon
  bool short_of_threads_ PIRN_GUARDED_BY(mutex_) = false;
  bool stopping_ PIRN_GUARDED_BY(mutex_) = false;
  bool said_not_gone_ = false;   // the monitor only
  Clock::time_point look_at_{};  // the monitor only: at the threads; zero: there are the first ones only
  std::thread monitor_;

  std::atomic<int64_t> typical_ns_{0};  // moving average of what functions take

  mutable Mutex residents_mutex_;
  std::vector<Resident> residents_ PIRN_GUARDED_BY(residents_mutex_);
  std::atomic<uint32_t> stuck_{0};
};

// ---- the engine's thread ----

ReleaseUsePtr InProcessRunner::ThreadPool::use_of(const registry::ReleasePtr& release) {
  ReleaseUsePtr& use = uses_[release];
  if (use) return use;
  auto status = std::make_shared<ReleaseStatus>();
  use = std::make_shared<ReleaseUse>(release, status);
  const MutexLock lock(residents_mutex_);
  std::erase_if(residents_,
                [](const Resident& past) { return past.status->over && !past.status->still_mapped; });
  residents_.push_back({release, std::move(status)});
  return use;
}

// The pool's threads hold the lock for some nanoseconds at a time, while to sleep for it costs microseconds.
void InProcessRunner::ThreadPool::lock_from_engine() {
  for (int i = 0; i <= kLockSpins; ++i) {
    if (mutex_.try_lock()) return;
    __builtin_ia32_pause();
  }
  mutex_.lock();
}

void InProcessRunner::ThreadPool::start(std::span<Invocation> batch) {
  starting_.clear();
  for (Invocation& invocation : batch) {
    if (free_.empty()) free_.push_back(&running_.emplace_back());
    RunningInvocation* running = free_.back();
    free_.pop_back();
    running->signals.store(0, std::memory_order_relaxed);
    running->abandoned = false;
    running->use = use_of(invocation.frame->release);
    running->invocation = std::move(invocation);
    starting_.push_back(running);
  }
  lock_from_engine();
  const MutexLock lock(mutex_, kAdopt);
  queue_.insert(queue_.end(), starting_.begin(), starting_.end());
  // One thread is enough for short functions; for long ones a thread that takes a job wakes the next
  // (work()).
  queued_.store(queue_.size(), std::memory_order_relaxed);
  if (idle_ > 0 && !spinning_) work_.notify_one();
  if (!watching_) stalled_.notify_one();
}

void InProcessRunner::ThreadPool::take_completions(std::vector<Completion>& out) {
  taken_.clear();
  {
    lock_from_engine();
    const MutexLock lock(mutex_, kAdopt);
    taken_.swap(done_);
  }
  for (RunningInvocation* running : taken_) {
    const Invocation& invocation = running->invocation;
    if (running->abandoned) running->use->remove_stuck(), --stuck_;  // it has returned after all
    out.push_back({invocation.id, invocation.frame->execution, invocation.step, invocation.kind,
                   std::move(running->outcome)});
    leave(*running);
  }
}

void InProcessRunner::ThreadPool::leave(RunningInvocation& running) {
  freed_.push_back(running.invocation.frame->tenant);
  // The rest is overwritten by the next invocation.
  running.invocation.id = 0;
  running.invocation.frame = nullptr;
  running.invocation.context = {};
  running.invocation.input.clear();
  if (running.use->retired()) defer_unload(std::move(running.use));
  running.use = nullptr;
  free_.push_back(&running);
}

void InProcessRunner::ThreadPool::cancel(uint64_t invocation, Signal signal) {
  const auto running = std::find_if(running_.begin(), running_.end(), [&](const RunningInvocation& p) {
    return p.invocation.id == invocation;
  });
  if (running == running_.end() || running->abandoned) return;
  running->signals |= PIRN_SIG_CANCEL;
  if (signal != Signal::abandon) return;
  bool unstarted = false;
  {
    const MutexLock lock(mutex_);
    const auto queued = std::find(queue_.begin(), queue_.end(), &*running);
    if (queued != queue_.end()) {  // no thread has it yet
      unstarted = true;
      queue_.erase(queued);
      queued_ = queue_.size();
    }
  }
  if (unstarted) return leave(*running);
  running->abandoned = true;
  running->use->add_stuck();
  ++stuck_;
}

void InProcessRunner::ThreadPool::retire(const registry::ReleasePtr& release) {
  const auto found = uses_.find(release);
  if (found == uses_.end()) return;
  found->second->retire();
  for (RunningInvocation& running : running_)
    if (running.use == found->second) running.signals |= PIRN_SIG_DRAIN;
  defer_unload(std::move(found->second));
  uses_.erase(found);
}

void InProcessRunner::ThreadPool::defer_unload(ReleaseUsePtr use) {
  const MutexLock lock(mutex_);
  to_unload_.push_back(std::move(use));
  ++retirements_;
  work_.notify_all();  // every thread lets go of it
}

std::vector<Residence> InProcessRunner::ThreadPool::residences() const {
  std::vector<Residence> out;
  const MutexLock lock(residents_mutex_);
  for (const Resident& resident : residents_) {
    const ReleaseStatus& status = *resident.status;
    const bool over = status.over;
    if (over && !status.still_mapped) continue;
    out.push_back({resident.release->tenant, resident.release->package, resident.release->version,
                   resident.release->digest, status.retired, over, status.stuck});
  }
  return out;
}

// ---- the pool's threads ----

void InProcessRunner::ThreadPool::add_thread() {
  threads_.push_back(options_.begin_thread([pool = shared_from_this()] { pool->work(); }));
}

// The system may have none left: what is queued waits for those that there are, and it is tried again.
void InProcessRunner::ThreadPool::try_to_add_thread() {
  try {
    add_thread();
    short_of_threads_ = false;
  } catch (const std::system_error& failure) {
    if (!std::exchange(short_of_threads_, true))  // it is tried every few milliseconds, and said once
      spdlog::warn("no thread for waiting calls, {} are there: {}", threads_.size(), failure.what());
  }
}

void InProcessRunner::ThreadPool::work() {
  pthread_setname_np(pthread_self(), "pirn-task");
  const SignalStack signal_stack;
  CrashRecord::Slot* const slot = options_.record ? options_.record->take_slot() : nullptr;
  std::vector<ReleaseUsePtr> used;  // whose functions this thread has called, or would have
  std::thread self;                 // when it is one too many
  uint64_t retirements_seen = 0;
  int64_t now = 0;  // when the last job ended; 0: some time ago
  MutexLock lock(mutex_);
  for (;;) {
    if (retirements_seen != retirements_) {
      retirements_seen = retirements_;
      std::vector<ReleaseUsePtr> unloaded;
      unloaded.swap(to_unload_);
      lock.unlock();
      for (const ReleaseUsePtr& use : used)
        if (use->retired() && use->loaded()) use->loaded()->detach_thread();
      std::erase_if(used, [](const ReleaseUsePtr& use) { return use->retired(); });
      unloaded.clear();
      lock.lock();
      continue;
    }
    if (!queue_.empty()) {
      RunningInvocation& running = *queue_.front();
      queue_.pop_front();
      queued_.store(queue_.size(), std::memory_order_relaxed);
      ++jobs_taken_;
      const bool wake_another = !queue_.empty() && idle_ > 0 && typical_ns_ > kShortNs;
      lock.unlock();
      if (wake_another) work_.notify_one();
      if (std::find(used.begin(), used.end(), running.use) == used.end()) used.push_back(running.use);
      now = run_job(running, now != 0 ? now : options_.now(), slot);
      lock.lock();
      done(running);
      continue;
    }
    if (stopping_) break;
    if (to_end_ > 0) {
      self = leave_threads();
      break;
    }
    now = 0;
    if (spin()) continue;
    // While it spun it heard nothing: what was said meanwhile is looked at, not waited for.
    ++idle_;
    while (queue_.empty() && !stopping_ && to_end_ == 0 && retirements_seen == retirements_)
      work_.wait(mutex_);
    least_idle_ = std::min(least_idle_, --idle_);
  }
  lock.unlock();
  if (slot) options_.record->give_back(slot);
  for (const ReleaseUsePtr& use : used)
    if (const LoadedRelease* loaded = use->loaded()) loaded->detach_thread();
  if (!self.joinable()) return;
  used.clear();
  lock.lock();
  ended_.push_back({std::move(self), gettid()});
  newly_ended_ = true;
  --leaving_;
  stalled_.notify_all();
}

// Looks for a job a little longer before the thread blocks, one thread at a time: under load the next batch
// is only microseconds away, and waking a blocked thread costs the engine more than that.
bool InProcessRunner::ThreadPool::spin() {
  if (spinning_) return false;
  spinning_ = true;
  mutex_.unlock();
  for (int i = 0; i < kSpins && queued_.load(std::memory_order_relaxed) == 0; ++i) __builtin_ia32_pause();
  mutex_.lock();
  spinning_ = false;
  return !queue_.empty();
}

// Returns when it ended: between two jobs that follow each other the clock is read once.
int64_t InProcessRunner::ThreadPool::run_job(RunningInvocation& running, int64_t now,
                                             CrashRecord::Slot* slot) {
  const Invocation& invocation = running.invocation;
  // Before the library is loaded: its constructors and its init are code of the package, too.
  const CallNote note(slot, invocation);
  if (auto loaded = running.use->get(source_)) {
    const pirn_fn function = (*loaded)->find(invocation.function);
    assert(function && "the definition was checked against the functions of its release");
    const int64_t cpu_before = options_.measure ? thread_cpu_ns() : 0;
    CallScope scope((*loaded)->name());
    running.outcome = Call(invocation, listener_, running.signals, now, {}, &options_.now)
                          .run(function, (*loaded)->state());
    scope.end(running.outcome, invocation.step);
    const int64_t end = options_.now();
    if (options_.measure) listener_.on_cost(invocation, thread_cpu_ns() - cpu_before, end - now);
    const int64_t typical = typical_ns_.load(std::memory_order_relaxed);
    typical_ns_.store((typical * 7 + (end - now)) / 8, std::memory_order_relaxed);
    return end;
  } else {
    Outcome outcome;
    outcome.kind = Outcome::Kind::failed;
    outcome.error = std::make_shared<const journal::StepError>(
        journal::StepError{"release_unavailable", loaded.error().message,
                           loaded.error().code == Code::release_withdrawn ? journal::ErrorClass::terminal
                                                                          : journal::ErrorClass::transient,
                           ""});
    running.outcome = std::move(outcome);
    return options_.now();
  }
}

void InProcessRunner::ThreadPool::done(RunningInvocation& running) {
  done_.push_back(&running);
  if (done_.size() > 1) return;  // whoever was first has woken the engine for all that follow
  if (stopping_) return;         // a stuck call has returned after all; there may be no engine any more
  ++waking_;
  mutex_.unlock();
  wakeup_.wake();
  mutex_.lock();
  if (--waking_ == 0 && stopping_) stalled_.notify_all();
}

// The calling thread is one too many. It keeps its own handle until it has left the packages, which may take
// long; then the monitor joins it.
std::thread InProcessRunner::ThreadPool::leave_threads() {
  const auto own = std::find_if(threads_.begin(), threads_.end(), [](const std::thread& thread) {
    return thread.get_id() == std::this_thread::get_id();
  });
  assert(own != threads_.end());
  std::thread self = std::move(*own);
  threads_.erase(own);
  --to_end_;
  ++leaving_;
  return self;
}

// So many threads as were idle all the time since this was called last are not needed. Which of them end does
// not matter: those that have just been woken do.
void InProcessRunner::ThreadPool::shrink() {
  const size_t above = threads_.size() - std::min(threads_.size(), options_.threads);
  to_end_ = std::min(std::exchange(least_idle_, idle_), above);
  for (size_t i = 0; i < to_end_; ++i) work_.notify_one();
}

// Threads that are not gone yet are not waited for. What the threads had is given back to the system: the
// allocator would keep it.
void InProcessRunner::ThreadPool::join_ended() {
  std::vector<Ended> ended;
  ended.swap(ended_);
  newly_ended_ = false;
  const bool last = to_end_ + leaving_ == 0;
  mutex_.unlock();
  const auto gone =
      std::partition(ended.begin(), ended.end(), [](const Ended& thread) { return !thread.gone(); });
  const bool any = gone != ended.end();
  for (auto thread = gone; thread != ended.end(); ++thread) thread->thread.join();
  ended.erase(gone, ended.end());
  if (any && last) malloc_trim(0);
  mutex_.lock();
  std::move(ended.begin(), ended.end(), std::back_inserter(ended_));
}

// Until there is something to do for the monitor: for a job, at once; for an ended thread that is not gone,
// at `join_at`; for threads that are too many, at look_at_.
void InProcessRunner::ThreadPool::wait_for_news(Clock::time_point join_at) {
  const bool above = threads_.size() > options_.threads;
  if (!above) {
    look_at_ = {};
  } else if (look_at_ == Clock::time_point{}) {
    look_at_ = Clock::now() + options_.idle_time;
    least_idle_ = idle_;
  }
  if (!above && ended_.empty()) {
    while (!stopping_ && queue_.empty() && !newly_ended_) stalled_.wait(mutex_);
    return;
  }
  const auto until = !above ? join_at : ended_.empty() ? look_at_ : std::min(look_at_, join_at);
  while (!stopping_ && queue_.empty() && !newly_ended_ && stalled_.wait_until(mutex_, until)) {
  }
  if (!above || Clock::now() < look_at_) return;
  shrink();
  look_at_ = Clock::now() + options_.idle_time;
}

// Wakes or adds a thread when jobs wait and none was taken for a while, and ends those that are too many. It
// never waits for code of packages.
void InProcessRunner::ThreadPool::watch() {
  Clock::time_point join_at{};
  std::chrono::milliseconds pause = kFirstPause;  // between two looks at ended threads that are not gone
  MutexLock lock(mutex_);
  for (;;) {
    watching_ = false;
    wait_for_news(join_at);
    watching_ = true;
    if (newly_ended_) pause = kFirstPause, join_at = {};
    if (!ended_.empty() && Clock::now() >= join_at) {
      join_ended();
      if (pause == kLastPause && !ended_.empty() && !std::exchange(said_not_gone_, true))
        spdlog::warn("{} threads do not end: destructors of thread_local variables of a package still run",
                     ended_.size());
      join_at = Clock::now() + pause;
      pause = std::min(pause * 2, kLastPause);
    }
    if (stopping_) return;
    if (queue_.empty()) continue;
    const uint64_t taken_before = jobs_taken_;
    const auto until = Clock::now() + kStall;
    while (!stopping_ && stalled_.wait_until(mutex_, until)) {
    }
    if (stopping_) return;
    if (queue_.empty() || jobs_taken_ != taken_before) continue;
    if (idle_ > 0)
      work_.notify_one();
    else if (threads_.size() + ended_.size() < options_.capacity)
      try_to_add_thread();
  }
}

// Threads that were too many and are not gone by the end of a second are left: they use nothing of the pool
// but its memory, which they hold.
void InProcessRunner::ThreadPool::join_or_detach_ended() {
  std::vector<Ended> all;
  {
    const MutexLock lock(mutex_);
    all.swap(ended_);
  }
  const auto end = Clock::now() + std::chrono::seconds(1);
  for (Ended& each : all) {
    while (!each.gone() && Clock::now() < end) std::this_thread::yield();
    each.gone() ? each.thread.join() : each.thread.detach();
  }
}

void InProcessRunner::ThreadPool::stop() {
  std::vector<std::thread> threads;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    queue_.clear();
    work_.notify_all();
    stalled_.notify_all();
    threads.swap(threads_);
  }
  monitor_.join();
  {
    const MutexLock lock(mutex_);
    while (leaving_ != 0 || waking_ != 0) stalled_.wait(mutex_);
  }
  join_or_detach_ended();
  const bool stuck = stuck_ > 0;
  for (std::thread& thread : threads) {
    if (stuck)
      thread.detach();  // which of them is stuck cannot be known; the process is about to end
    else
      thread.join();
  }
}

// ---- the runner ----

InProcessRunner::InProcessRunner(Options options, LibrarySource source, Listener& listener, Wakeup& wakeup)
    : pool_(std::make_shared<ThreadPool>(options, std::move(source), listener, wakeup)) {
  pool_->run();
}
InProcessRunner::~InProcessRunner() { pool_->stop(); }
size_t InProcessRunner::slots() const { return pool_->slots(); }
void InProcessRunner::start(std::span<Invocation> batch) { pool_->start(batch); }
void InProcessRunner::take_completions(std::vector<Completion>& out) { pool_->take_completions(out); }
void InProcessRunner::take_freed(std::vector<uint32_t>& out) { pool_->take_freed(out); }
void InProcessRunner::cancel(uint64_t invocation, Signal signal) { pool_->cancel(invocation, signal); }
void InProcessRunner::keep_suspects(std::span<const Suspect> suspects) {
  if (CrashRecord* const record = pool_->record()) record->keep_suspects(suspects);
}
void InProcessRunner::put_on_trial(const Trial& trial) {
  if (CrashRecord* const record = pool_->record()) record->put_on_trial(trial);
}
void InProcessRunner::retire(const registry::ReleasePtr& release) { pool_->retire(release); }
std::vector<Residence> InProcessRunner::residences() const { return pool_->residences(); }
uint32_t InProcessRunner::stuck_calls() const { return pool_->stuck_calls(); }

}  // namespace pirn::worker
