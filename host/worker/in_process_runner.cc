#include "host/worker/in_process_runner.h"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include "host/worker/call.h"
#include "host/worker/last_words.h"

namespace pirn::worker {

namespace {

// A queued invocation that no thread took for so long gets a new thread.
constexpr auto kStall = std::chrono::milliseconds(2);
// Functions that take less than this are run one after the other by one thread: waking another costs more.
constexpr int64_t kShortNs = 20'000;
constexpr int kSpins = 1'000;  // some tens of microseconds

int64_t unix_now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What the operator sees of a release. It outlives the tenure and holds nothing of it: whoever asks must not
// become the last to let go of a library.
struct Standing {
  std::atomic<bool> retired{false}, over{false}, still_mapped{false};
  std::atomic<uint32_t> stuck{0};
};
using StandingPtr = std::shared_ptr<Standing>;

// One release in this runner. Held by the engine's side until it retires, by jobs, and by threads that have
// called it; the last to let go unloads it.
class Tenure {
 public:
  Tenure(registry::ReleasePtr release, StandingPtr standing)
      : release_(std::move(release)), standing_(std::move(standing)) {}
  ~Tenure() {
    if (kept_)
      (void)loaded_.release();  // left loaded on purpose: a stuck call may still be in it
    else if (loaded_)
      standing_->still_mapped = loaded_->unload() == library::Unloaded::resident;
    standing_->over = true;
  }

  bool retired() const { return standing_->retired; }
  void retire() { standing_->retired = true; }
  // A call was abandoned while it ran: this release is never deinitialised.
  void add_stuck() {
    kept_ = true;
    ++standing_->stuck;
  }
  void remove_stuck() { --standing_->stuck; }

  // The loaded library, or why it cannot be had now; the first caller loads it, the others wait for that. A
  // failure is not remembered: what was wrong with the disk may be right at the next try.
  Result<const LoadedRelease*> get(const LibrarySource& source) {
    if (const LoadedRelease* ready = loaded()) return ready;
    std::lock_guard lock(loading_);
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
  const StandingPtr standing_;
  std::atomic<bool> kept_{false};
  std::atomic<const LoadedRelease*> ready_{nullptr};
  std::mutex loading_;
  std::unique_ptr<LoadedRelease> loaded_;  // guarded by loading_ until ready_ is set
};
using TenurePtr = std::shared_ptr<Tenure>;

// The place of one invocation under way. A deque of them never moves.
struct Place {
  std::atomic<uint64_t> invocation{0};
  std::atomic<uint32_t> signals{0};
  std::atomic<bool> abandoned{false};
  TenurePtr tenure;  // the engine's thread
};

struct Job {
  Invocation invocation;
  Place* place = nullptr;  // holds the tenure until the completion is taken
};

struct Done {
  Completion completion;
  Place* place = nullptr;
};

}  // namespace

class InProcessRunner::Pool : public std::enable_shared_from_this<Pool> {
 public:
  Pool(Options options, LibrarySource source, Listener& listener, Wakeup& wakeup)
      : options_(options), source_(std::move(source)), listener_(listener), wakeup_(wakeup) {}

  void run() {
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < options_.threads; ++i) add_thread();
    monitor_ = std::thread([this] { watch(); });
  }
  void stop();

  size_t capacity() const { return under_way_ >= options_.capacity ? 0 : options_.capacity - under_way_; }
  void start(std::span<Invocation> batch);
  void take_completions(std::vector<Completion>& out);
  void cancel(uint64_t invocation, Signal signal);
  void retire(const registry::ReleasePtr& release);
  std::vector<Residence> residences() const;
  uint32_t stuck_calls() const { return stuck_; }

 private:
  // What the operator sees of a release, from its first invocation until its memory is gone.
  struct Resident {
    registry::ReleasePtr release;
    StandingPtr standing;
  };

  void add_thread();  // with mutex_ held
  void work();
  void watch();
  void run_job(Job& job);
  bool spin(std::unique_lock<std::mutex>& lock);
  TenurePtr tenure_of(const registry::ReleasePtr& release);
  void leave(Place& place);
  void bury(TenurePtr tenure);  // of a retired release: whoever lets go last calls deinit, and that blocks

  const Options options_;
  const LibrarySource source_;
  Listener& listener_;
  Wakeup& wakeup_;

  // The engine's thread only.
  std::deque<Place> places_;
  std::vector<Place*> free_;
  size_t under_way_ = 0;
  std::unordered_map<registry::ReleasePtr, TenurePtr> tenures_;
  std::vector<Done> taken_;

  std::mutex mutex_;
  std::condition_variable work_;     // a job, a retirement, the end
  std::condition_variable stalled_;  // a job while the monitor is not watching, the end
  std::deque<Job> queue_;            // guarded by mutex_
  size_t idle_ = 0;                  // guarded by mutex_
  uint64_t jobs_taken_ = 0;          // guarded by mutex_
  uint64_t retirements_ = 0;         // guarded by mutex_
  std::vector<TenurePtr>
      graveyard_;  // guarded by mutex_: let go of on a pool thread, since that may run deinit
  std::vector<std::thread> threads_;  // guarded by mutex_
  std::atomic<size_t> queued_{0};     // queue_.size(), for the spinning thread
  bool spinning_ = false;             // guarded by mutex_: a thread is looking for a job
  bool watching_ = false;             // guarded by mutex_: the monitor looks at the queue again soon
  bool stopping_ = false;             // guarded by mutex_
  std::thread monitor_;

  std::atomic<int64_t> typical_ns_{0};  // moving average of what functions take

  std::mutex done_mutex_;
  std::vector<Done> done_;  // guarded by done_mutex_

  mutable std::mutex residents_mutex_;
  std::vector<Resident> residents_;  // guarded by residents_mutex_
  std::atomic<uint32_t> stuck_{0};
};

// ---- the engine's thread ----

TenurePtr InProcessRunner::Pool::tenure_of(const registry::ReleasePtr& release) {
  TenurePtr& tenure = tenures_[release];
  if (tenure) return tenure;
  auto standing = std::make_shared<Standing>();
  tenure = std::make_shared<Tenure>(release, standing);
  std::lock_guard lock(residents_mutex_);
  std::erase_if(residents_,
                [](const Resident& past) { return past.standing->over && !past.standing->still_mapped; });
  residents_.push_back({release, std::move(standing)});
  return tenure;
}

void InProcessRunner::Pool::start(std::span<Invocation> batch) {
  std::lock_guard lock(mutex_);
  for (Invocation& invocation : batch) {
    if (free_.empty()) free_.push_back(&places_.emplace_back());
    Place* place = free_.back();
    free_.pop_back();
    ++under_way_;
    place->signals.store(0, std::memory_order_relaxed);
    place->abandoned.store(false, std::memory_order_relaxed);
    place->invocation.store(invocation.id, std::memory_order_relaxed);
    place->tenure = tenure_of(invocation.frame->release);
    queue_.push_back({std::move(invocation), place});
  }
  // One thread is enough for short functions; for long ones a thread that takes a job wakes the next
  // (work()).
  queued_ = queue_.size();
  if (idle_ > 0 && !spinning_) work_.notify_one();
  if (!watching_) stalled_.notify_one();
}

void InProcessRunner::Pool::take_completions(std::vector<Completion>& out) {
  taken_.clear();
  {
    std::lock_guard lock(done_mutex_);
    taken_.swap(done_);
  }
  for (Done& done : taken_) {
    Place& place = *done.place;
    if (place.abandoned)  // it was stuck, and has returned after all
      place.tenure->remove_stuck(), --stuck_;
    else
      out.push_back(std::move(done.completion));
    leave(place);
  }
}

void InProcessRunner::Pool::leave(Place& place) {
  place.invocation = 0;
  if (place.tenure->retired()) bury(std::move(place.tenure));
  place.tenure = nullptr;
  free_.push_back(&place);
  --under_way_;
}

void InProcessRunner::Pool::cancel(uint64_t invocation, Signal signal) {
  const auto place = std::find_if(places_.begin(), places_.end(),
                                  [&](const Place& p) { return p.invocation == invocation; });
  if (place == places_.end() || place->abandoned) return;
  place->signals |= PIRN_SIG_CANCEL;
  if (signal != Signal::abandon) return;
  Job unstarted;
  {
    std::lock_guard lock(mutex_);
    const auto queued =
        std::find_if(queue_.begin(), queue_.end(), [&](const Job& job) { return job.place == &*place; });
    if (queued != queue_.end()) {  // no thread has it yet
      unstarted = std::move(*queued);
      queue_.erase(queued);
      queued_ = queue_.size();
    }
  }
  if (unstarted.place) return leave(*place);
  place->abandoned = true;
  place->tenure->add_stuck();
  ++stuck_;
}

void InProcessRunner::Pool::retire(const registry::ReleasePtr& release) {
  const auto found = tenures_.find(release);
  if (found == tenures_.end()) return;
  found->second->retire();
  bury(std::move(found->second));
  tenures_.erase(found);
}

void InProcessRunner::Pool::bury(TenurePtr tenure) {
  std::lock_guard lock(mutex_);
  graveyard_.push_back(std::move(tenure));
  ++retirements_;
  work_.notify_all();  // every thread lets go of it
}

std::vector<Residence> InProcessRunner::Pool::residences() const {
  std::vector<Residence> out;
  std::lock_guard lock(residents_mutex_);
  for (const Resident& resident : residents_) {
    const Standing& standing = *resident.standing;
    const bool over = standing.over;
    if (over && !standing.still_mapped) continue;
    out.push_back({resident.release->tenant, resident.release->package, resident.release->version,
                   resident.release->digest, standing.retired, over, standing.stuck});
  }
  return out;
}

// ---- the pool's threads ----

void InProcessRunner::Pool::add_thread() {
  threads_.emplace_back([pool = shared_from_this()] { pool->work(); });
}

void InProcessRunner::Pool::work() {
  pthread_setname_np(pthread_self(), "pirn-task");
  const SignalStack signal_stack;
  std::vector<TenurePtr> used;  // whose functions this thread has called, or would have
  uint64_t retirements_seen = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (retirements_seen != retirements_) {
      retirements_seen = retirements_;
      std::vector<TenurePtr> buried;
      buried.swap(graveyard_);
      lock.unlock();
      for (const TenurePtr& tenure : used)
        if (tenure->retired() && tenure->loaded()) tenure->loaded()->detach_thread();
      std::erase_if(used, [](const TenurePtr& tenure) { return tenure->retired(); });
      buried.clear();
      lock.lock();
      continue;
    }
    if (!queue_.empty()) {
      Job job = std::move(queue_.front());
      queue_.pop_front();
      queued_.store(queue_.size(), std::memory_order_relaxed);
      ++jobs_taken_;
      const bool wake_another = !queue_.empty() && idle_ > 0 && typical_ns_ > kShortNs;
      lock.unlock();
      if (wake_another) work_.notify_one();
      const TenurePtr& tenure = job.place->tenure;
      if (std::find(used.begin(), used.end(), tenure) == used.end()) used.push_back(tenure);
      run_job(job);
      lock.lock();
      continue;
    }
    if (stopping_) break;
    if (spin(lock)) continue;
    // While it spun it heard nothing: what was said meanwhile is looked at, not waited for.
    ++idle_;
    work_.wait(lock, [&] { return !queue_.empty() || stopping_ || retirements_seen != retirements_; });
    --idle_;
  }
  lock.unlock();
  for (const TenurePtr& tenure : used)
    if (const LoadedRelease* loaded = tenure->loaded()) loaded->detach_thread();
}

// Looks for a job a little longer before the thread blocks, one thread at a time: under load the next batch
// is only microseconds away, and waking a blocked thread costs the engine more than that.
bool InProcessRunner::Pool::spin(std::unique_lock<std::mutex>& lock) {
  if (spinning_) return false;
  spinning_ = true;
  lock.unlock();
  for (int i = 0; i < kSpins && queued_.load(std::memory_order_relaxed) == 0; ++i) __builtin_ia32_pause();
  lock.lock();
  spinning_ = false;
  return !queue_.empty();
}

void InProcessRunner::Pool::run_job(Job& job) {
  const Invocation& invocation = job.invocation;
  Done done{{invocation.id, invocation.frame->execution, invocation.step, invocation.kind, {}}, job.place};
  Outcome& outcome = done.completion.outcome;
  const int64_t begin = unix_now_ns();
  if (auto loaded = job.place->tenure->get(source_)) {
    const pirn_fn function = (*loaded)->find(invocation.function);
    assert(function && "the definition was checked against the functions of its release");
    const InvocationNote note(invocation.id);
    outcome = Call(invocation, listener_, job.place->signals, begin).run(function, (*loaded)->state());
    typical_ns_ = (typical_ns_ * 7 + (unix_now_ns() - begin)) / 8;
  } else {
    outcome.kind = Outcome::Kind::failed;
    outcome.error = std::make_shared<const journal::StepError>(
        journal::StepError{"release_unavailable", loaded.error().message,
                           loaded.error().code == Code::release_withdrawn ? journal::ErrorClass::terminal
                                                                          : journal::ErrorClass::transient,
                           ""});
  }
  bool first;
  {
    std::lock_guard lock(done_mutex_);
    first = done_.empty();
    done_.push_back(std::move(done));
  }
  if (first) wakeup_.wake();
}

// Wakes or adds a thread when jobs wait and none was taken for a while.
void InProcessRunner::Pool::watch() {
  std::unique_lock lock(mutex_);
  for (;;) {
    watching_ = false;
    stalled_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    watching_ = true;
    const uint64_t taken_before = jobs_taken_;
    stalled_.wait_for(lock, kStall, [&] { return stopping_; });
    if (stopping_) return;
    if (queue_.empty() || jobs_taken_ != taken_before) continue;
    if (idle_ > 0)
      work_.notify_one();
    else if (threads_.size() < options_.capacity)
      add_thread();
  }
}

void InProcessRunner::Pool::stop() {
  std::vector<std::thread> threads;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_.clear();
    work_.notify_all();
    stalled_.notify_all();
    threads.swap(threads_);
  }
  monitor_.join();
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
    : pool_(std::make_shared<Pool>(options, std::move(source), listener, wakeup)) {
  pool_->run();
}
InProcessRunner::~InProcessRunner() { pool_->stop(); }
size_t InProcessRunner::capacity() const { return pool_->capacity(); }
void InProcessRunner::start(std::span<Invocation> batch) { pool_->start(batch); }
void InProcessRunner::take_completions(std::vector<Completion>& out) { pool_->take_completions(out); }
void InProcessRunner::cancel(uint64_t invocation, Signal signal) { pool_->cancel(invocation, signal); }
void InProcessRunner::retire(const registry::ReleasePtr& release) { pool_->retire(release); }
std::vector<Residence> InProcessRunner::residences() const { return pool_->residences(); }
uint32_t InProcessRunner::stuck_calls() const { return pool_->stuck_calls(); }

}  // namespace pirn::worker
