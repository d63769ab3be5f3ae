// The runner with real libraries: who loads, who shares, who leaves, and what is left behind. Nothing sleeps:
// the package stops at a gate that the test opens, and says what happens to it.
#include "host/worker/in_process_runner.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "host/worker/alarm.h"
#include "tests/host/worker/frame.h"
#include "tests/host/worker/package/workshop.h"

namespace pirn::worker {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kTooLong = std::chrono::seconds(120);

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The test's end of the line to its packages.
class Workshop : public workshop {
 public:
  Workshop() : workshop{&on_heard, &on_wait} {}

  void open_gate() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void close_gate() {
    std::lock_guard lock(mutex_);
    open_ = false;
  }
  int heard_of(int version, const std::string& what) {
    std::lock_guard lock(mutex_);
    return times_[{version, what}];
  }
  // Blocks until it was heard that often.
  [[nodiscard]] bool hears(int version, const std::string& what, int times) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kTooLong, [&] { return times_[{version, what}] >= times; });
  }
  std::set<std::thread::id> threads_that_said(const std::string& what) {
    std::lock_guard lock(mutex_);
    return threads_[what];
  }

 private:
  static void on_heard(workshop* self, int version, const char* what) {
    auto& shop = *static_cast<Workshop*>(self);
    std::lock_guard lock(shop.mutex_);
    ++shop.times_[{version, what}];
    shop.threads_[what].insert(std::this_thread::get_id());
    shop.changed_.notify_all();
  }
  static void on_wait(workshop* self) {
    auto& shop = *static_cast<Workshop*>(self);
    std::unique_lock lock(shop.mutex_);
    shop.changed_.wait(lock, [&] { return shop.open_; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  std::map<std::pair<int, std::string>, int> times_;
  std::map<std::string, std::set<std::thread::id>> threads_;
};

class Silent : public Listener {
  void on_log(const Invocation&, uint32_t, std::string_view) override {}
  void on_progress(const Invocation&, double, std::string_view) override {}
  void on_stream(const Invocation&, std::string_view, bool) override {}
};

class InProcessRunnerTest : public ::testing::Test {
 protected:
  void open(InProcessRunner::Options options = {64, 2}) {
    runner_ = std::make_unique<InProcessRunner>(
        options,
        [this](const registry::Release& release) -> Result<std::string> {
          ++loads_;
          if (disk_is_gone_ || release.package == "unreadable")
            return Error{Code::io_failed, "the disk is gone"};
          return read_file(release.package == "garbage"
                               ? "/proc/self/cmdline"
                               : std::string(PIRN_WORKSHOPS "/") + release.package + ".so");
        },
        silent_, alarm_);
  }

  registry::ReleasePtr release(const std::string& package, const std::string& tenant = "acme") {
    auto made = std::make_shared<registry::Release>();
    made->tenant = tenant;
    made->package = package;
    made->version = "1.0.0";
    made->digest = sha256(tenant + package);
    made->library = sha256(read_file(std::string(PIRN_WORKSHOPS "/") + package + ".so"));
    for (const char* id : {"count", "block", "obey", "split", "linger", "watch"})
      made->functions.push_back({id, PIRN_KIND_TASK});
    return made;
  }

  Invocation invocation(const registry::ReleasePtr& of, std::string_view function) {
    Invocation invocation;
    invocation.id = ++last_id_;
    invocation.frame = TestFrame::make(of);
    invocation.step_name = "step";
    invocation.function = function;
    invocation.params = params_;
    return invocation;
  }
  uint64_t start(const registry::ReleasePtr& of, std::string_view function, int times = 1) {
    std::vector<Invocation> batch;
    for (int i = 0; i < times; ++i) batch.push_back(invocation(of, function));
    runner_->start(batch);
    return last_id_;
  }
  // Takes completions until there are so many.
  std::vector<Completion> take(size_t n) {
    std::vector<Completion> out;
    const auto end = Clock::now() + kTooLong;
    runner_->take_completions(out);
    while (out.size() < n && Clock::now() < end) {
      alarm_.wait(1'000'000'000);
      runner_->take_completions(out);
    }
    EXPECT_EQ(out.size(), n);
    return out;
  }
  static int64_t number(const Completion& completion, std::string_view key) {
    const auto& result = completion.outcome.result;
    const journal::Delta::Entry* entry = result ? result->map.find(key) : nullptr;
    return entry ? entry->value.as_integer() : -1;
  }
  size_t freed() {  // slots, since the last call
    std::vector<uint32_t> tenants;
    return runner_->take_freed(tenants), tenants.size();
  }
  // For what happens on other threads and tells nobody.
  template <class Condition>
  bool until(Condition condition) {
    const auto end = Clock::now() + kTooLong;
    while (!condition()) {
      if (Clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  Workshop workshop_;
  const std::string params_ =
      "{\"workshop\":" + std::to_string(reinterpret_cast<intptr_t>(static_cast<workshop*>(&workshop_))) + "}";
  Silent silent_;
  Alarm alarm_;
  std::atomic<int> loads_{0};
  std::atomic<bool> disk_is_gone_{false};
  uint64_t last_id_ = 0;
  std::unique_ptr<InProcessRunner> runner_;
};

TEST_F(InProcessRunnerTest, AReleaseIsLoadedOnceForAllThreads) {
  open({64, 4});
  start(release("workshop-1"), "count", 0);
  EXPECT_EQ(loads_, 0) << "only when it is needed";
  const auto one = release("workshop-1");
  for (int i = 0; i < 4; ++i) start(one, "count", 16);
  std::set<int64_t> counts;
  std::set<uint64_t> invocations;
  for (const Completion& completion : take(64)) {
    EXPECT_EQ(completion.outcome.kind, Outcome::Kind::done);
    counts.insert(number(completion, "count"));
    invocations.insert(completion.invocation);
  }
  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(counts.size(), 64u) << "one set of static variables";
  EXPECT_EQ(*counts.rbegin(), 64);
  EXPECT_EQ(invocations.size(), 64u) << "each invocation completes exactly once";
  EXPECT_EQ(freed(), 64u);
}

TEST_F(InProcessRunnerTest, ReleasesSideBySideHaveTheirOwnVariables) {
  open();
  const auto one = release("workshop-1"), two = release("workshop-2"),
             others = release("workshop-1", "rival");
  const auto next = [&](const registry::ReleasePtr& of) {
    start(of, "count");
    const auto completions = take(1);
    return std::pair(number(completions[0], "version"), number(completions[0], "count"));
  };
  EXPECT_EQ(next(one), std::pair(int64_t{1}, int64_t{1}));
  EXPECT_EQ(next(two), std::pair(int64_t{2}, int64_t{1}));
  EXPECT_EQ(next(one), std::pair(int64_t{1}, int64_t{2}));
  EXPECT_EQ(next(others), std::pair(int64_t{1}, int64_t{1})) << "the same bytes for another tenant";
  EXPECT_EQ(next(two), std::pair(int64_t{2}, int64_t{2}));
  EXPECT_EQ(loads_, 3);
  EXPECT_EQ(runner_->residences().size(), 3u);
}

TEST_F(InProcessRunnerTest, AGraftInCHandsOverItsChildren) {
  open();
  const auto split = [&](std::string_view params) {
    std::vector<Invocation> batch{invocation(release("workshop-1"), "split")};
    batch[0].params = params;
    runner_->start(batch);
  };
  split(R"({"parts":100000})");
  const std::vector<Completion> done = take(1);
  ASSERT_EQ(done.size(), 1u);
  ASSERT_EQ(done[0].outcome.kind, Outcome::Kind::expand);
  ASSERT_EQ(done[0].outcome.children.size(), 100'000u);
  EXPECT_EQ(done[0].outcome.children.back(),
            (journal::Child{0, 0, "part-99999", "count", "", R"({"max_retries":0})"}));
  split(R"({"parts":100001})");
  EXPECT_EQ(take(1)[0].outcome.kind, Outcome::Kind::failed) << "one more than there may be";
}

TEST_F(InProcessRunnerTest, CancelIsCooperative) {
  open();
  const uint64_t id = start(release("workshop-1"), "obey");
  ASSERT_TRUE(workshop_.hears(1, "entered", 1));
  runner_->cancel(id, Runner::Signal::cancel);
  const auto completions = take(1);
  EXPECT_EQ(completions[0].invocation, id);
  EXPECT_EQ(completions[0].outcome.kind, Outcome::Kind::cancelled);
  EXPECT_EQ(runner_->stuck_calls(), 0u);
  runner_->cancel(id, Runner::Signal::cancel);
  runner_->cancel(id, Runner::Signal::abandon);
  EXPECT_EQ(runner_->stuck_calls(), 0u) << "it has completed";
}

TEST_F(InProcessRunnerTest, ASignalIsForItsInvocationAlone) {
  open();
  const auto one = release("workshop-1");
  const uint64_t first = start(one, "obey");
  const uint64_t second = start(one, "obey");
  ASSERT_TRUE(workshop_.hears(1, "entered", 2));
  runner_->cancel(second, Runner::Signal::cancel);
  EXPECT_EQ(take(1)[0].invocation, second);
  // The place of the second one is used again: its signal is gone.
  const uint64_t third = start(one, "obey");
  ASSERT_TRUE(workshop_.hears(1, "entered", 3));
  runner_->cancel(first, Runner::Signal::cancel);
  EXPECT_EQ(take(1)[0].invocation, first);
  runner_->cancel(third, Runner::Signal::cancel);
  EXPECT_EQ(take(1)[0].invocation, third);
}

TEST_F(InProcessRunnerTest, AnAbandonedCallIsStuckAndItsReleaseNeverDeinitialised) {
  open();
  const auto one = release("workshop-1");
  const uint64_t id = start(one, "block");
  ASSERT_TRUE(workshop_.hears(1, "entered", 1));
  runner_->cancel(id, Runner::Signal::abandon);
  runner_->cancel(id, Runner::Signal::abandon);
  EXPECT_EQ(runner_->stuck_calls(), 1u);
  std::vector<uint32_t> freed;
  runner_->take_freed(freed);
  EXPECT_TRUE(freed.empty()) << "and its tenant the slot";
  ASSERT_EQ(runner_->residences().size(), 1u);
  EXPECT_EQ(runner_->residences()[0].stuck_calls, 1u);
  start(one, "count");
  EXPECT_EQ(number(take(1)[0], "count"), 1) << "others go on";
  runner_->take_freed(freed);
  EXPECT_EQ(freed.size(), 1u);
  runner_->retire(one);
  EXPECT_TRUE(runner_->residences()[0].retired);

  workshop_.open_gate();
  ASSERT_TRUE(workshop_.hears(1, "left", 1));
  std::vector<Completion> late;
  ASSERT_TRUE(until([&] { return runner_->take_completions(late), runner_->stuck_calls() == 0; }));
  ASSERT_EQ(late.size(), 1u) << "whoever has abandoned it knows that it is fenced";
  EXPECT_EQ(late[0].invocation, id);
  EXPECT_EQ(late[0].outcome.kind, Outcome::Kind::done);
  runner_->take_freed(freed);
  EXPECT_EQ(freed.size(), 2u) << "now the slot is free";
  runner_.reset();
  EXPECT_EQ(workshop_.heard_of(1, "deinit"), 0) << "nobody knows what it left behind";
}

TEST_F(InProcessRunnerTest, WhatIsAbandonedInTheQueueNeverRuns) {
  open({1, 1});
  const auto one = release("workshop-1");
  std::vector<Invocation> batch;
  batch.push_back(invocation(one, "block"));
  batch.push_back(invocation(one, "count"));
  const uint64_t queued = batch[1].id;
  runner_->start(batch);
  ASSERT_TRUE(workshop_.hears(1, "entered", 1));
  runner_->cancel(queued, Runner::Signal::abandon);
  EXPECT_EQ(runner_->stuck_calls(), 0u);
  workshop_.open_gate();
  EXPECT_NE(take(1)[0].invocation, queued);
  EXPECT_EQ(freed(), 2u) << "its slot, too, is free";
  start(one, "count");
  EXPECT_EQ(number(take(1)[0], "count"), 1);
}

TEST_F(InProcessRunnerTest, BlockingCallsDoNotStarveOthers) {
  open({32, 1});
  const auto one = release("workshop-1"), two = release("workshop-2");
  start(one, "block", 16);
  start(two, "count", 4);
  EXPECT_TRUE(workshop_.hears(1, "entered", 16)) << "a thread for each";
  for (const Completion& completion : take(4)) EXPECT_EQ(number(completion, "version"), 2);
  EXPECT_EQ(workshop_.heard_of(1, "left"), 0);
  workshop_.open_gate();
  take(16);
}

// Begins the first threads, and from then on none until it is allowed to.
class Scarce {
 public:
  std::function<std::thread(std::function<void()>)> after(int threads) {
    left_ = threads;
    return [this](std::function<void()> work) {
      if (left_ <= 0) {
        ++refused_;
        throw std::system_error(EAGAIN, std::generic_category());
      }
      --left_;
      return std::thread(std::move(work));
    };
  }
  void allow(int threads) { left_ = threads; }
  int refused() const { return refused_; }

 private:
  std::atomic<int> left_{0}, refused_{0};
};

TEST_F(InProcessRunnerTest, WithoutAThreadLeftCallsWaitForThoseThatThereAre) {
  Scarce threads;
  open({.capacity = 64, .threads = 1, .begin_thread = threads.after(1)});
  const auto one = release("workshop-1");
  start(one, "block");
  ASSERT_TRUE(workshop_.hears(1, "entered", 1));
  const uint64_t waiting = start(one, "count");
  ASSERT_TRUE(until([&] { return threads.refused() >= 2; })) << "it is tried again and again";
  EXPECT_EQ(freed(), 0u) << "nothing was lost";
  workshop_.open_gate();
  const auto completions = take(2);
  EXPECT_EQ(completions[1].invocation, waiting);
  EXPECT_EQ(completions[1].outcome.kind, Outcome::Kind::done);
}

TEST_F(InProcessRunnerTest, AThreadIsBegunWhenTheSystemHasOneAgain) {
  Scarce threads;
  open({.capacity = 64, .threads = 1, .begin_thread = threads.after(1)});
  const auto one = release("workshop-1");
  start(one, "block");
  ASSERT_TRUE(workshop_.hears(1, "entered", 1));
  const uint64_t waiting = start(one, "count");
  ASSERT_TRUE(until([&] { return threads.refused() > 0; }));
  threads.allow(1);
  EXPECT_EQ(take(1)[0].invocation, waiting) << "while the first one blocks its thread";
  workshop_.open_gate();
  take(1);
}

// How many threads of the pool there are. The threads may outlive it.
class Counted {
 public:
  std::function<std::thread(std::function<void()>)> begin() {
    return [alive = alive_](std::function<void()> work) {
      return std::thread([alive, work = std::move(work)] {
        ++*alive;
        work();
        --*alive;
      });
    };
  }
  int alive() const { return *alive_; }

 private:
  const std::shared_ptr<std::atomic<int>> alive_ = std::make_shared<std::atomic<int>>(0);
};

TEST_F(InProcessRunnerTest, ThreadsOfABurstEndAndAreThereAgainForTheNextOne) {
  Counted threads;
  open({.capacity = 64,
        .threads = 2,
        .idle_time = std::chrono::milliseconds(1),
        .begin_thread = threads.begin()});
  const auto one = release("workshop-1");
  for (int burst = 1; burst <= 2; ++burst) {
    start(one, "block", 32);
    ASSERT_TRUE(workshop_.hears(1, "entered", 32 * burst)) << "a thread for each";
    workshop_.open_gate();
    take(32);
    ASSERT_TRUE(until([&] { return threads.alive() == 2; })) << "the first ones stay";
    EXPECT_GE(workshop_.heard_of(1, "detach"), 30 * burst) << "each has left the package";
    start(one, "count", 8);
    take(8);
    workshop_.close_gate();
  }
  EXPECT_EQ(threads.alive(), 2);
}

TEST_F(InProcessRunnerTest, ThreadsThatAreNeededDoNotEnd) {
  Counted threads;
  open({.capacity = 64,
        .threads = 1,
        .idle_time = std::chrono::milliseconds(1),
        .begin_thread = threads.begin()});
  const auto one = release("workshop-1"), two = release("workshop-2");
  start(one, "block", 8);
  ASSERT_TRUE(workshop_.hears(1, "entered", 8));
  // While eight block, those that come and go beside them get theirs, and give them back.
  for (int i = 0; i < 50; ++i) {
    start(two, "count", 4);
    take(4);
  }
  ASSERT_TRUE(until([&] { return threads.alive() == 8; })) << "one for each that blocks";
  workshop_.open_gate();
  EXPECT_EQ(take(8).size(), 8u);
  EXPECT_TRUE(until([&] { return threads.alive() == 1; }));
}

// What a package does when a thread ends may take for ever; new threads are begun all the same.
TEST_F(InProcessRunnerTest, ThreadsThatDoNotEndKeepNobodyWaiting) {
  open({.capacity = 64, .threads = 1, .idle_time = std::chrono::milliseconds(1)});
  const auto one = release("workshop-1");
  const auto cancel_all = [&](uint64_t last, uint64_t n) {
    for (uint64_t id = last - n + 1; id <= last; ++id) runner_->cancel(id, Runner::Signal::cancel);
    take(n);
  };
  const uint64_t lingering = start(one, "linger", 4);
  ASSERT_TRUE(workshop_.hears(1, "entered", 4));
  cancel_all(lingering, 4);
  ASSERT_TRUE(workshop_.hears(1, "lingers", 3));
  const uint64_t obeying = start(one, "obey", 8);
  EXPECT_TRUE(workshop_.hears(1, "entered", 12)) << "a thread for each";
  cancel_all(obeying, 8);
  workshop_.open_gate();
  EXPECT_TRUE(workshop_.hears(1, "gone", 3));
}

// The record is in a file that is mapped: a stuck call that returns at last writes to it.
TEST_F(InProcessRunnerTest, AStuckCallOutlivesTheRunnerAndHasItsRecord) {
  Counted threads;
  auto opened = CrashRecord::open("");
  ASSERT_TRUE(opened);
  std::shared_ptr<CrashRecord> record = std::move(*opened);
  const std::weak_ptr<CrashRecord> still_there = record;
  open({.capacity = 64, .threads = 2, .record = record, .begin_thread = threads.begin()});
  const auto one = release("workshop-1");
  const uint64_t stuck = start(one, "block");
  ASSERT_TRUE(workshop_.hears(1, "entered", 1));
  runner_->cancel(stuck, Runner::Signal::abandon);
  runner_.reset();
  record.reset();
  EXPECT_FALSE(still_there.expired());
  workshop_.open_gate();
  ASSERT_TRUE(workshop_.hears(1, "left", 1));
  EXPECT_TRUE(until([&] { return threads.alive() == 0 && still_there.expired(); }));
}

TEST_F(InProcessRunnerTest, ACallIsInTheRecordWhileItRuns) {
  std::string file = (std::filesystem::temp_directory_path() / "pirn-record-XXXXXX").string();
  close(mkstemp(file.data()));
  const auto running = [&] {
    const auto seen = CrashRecord::open(file);
    return (*seen)->last_life().running;
  };
  auto opened = CrashRecord::open(file);
  ASSERT_TRUE(opened);
  const std::shared_ptr<CrashRecord> record = std::move(*opened);
  record->begin_life();
  open({.capacity = 64, .threads = 2, .record = record});
  const auto one = release("workshop-1");
  const uint64_t id = start(one, "block");
  ASSERT_TRUE(workshop_.hears(1, "entered", 1));
  EXPECT_EQ(running(), (std::vector<LastCall>{{id, {{77}, 0, Kind::task}}}));
  workshop_.open_gate();
  take(1);
  EXPECT_EQ(running(), (std::vector<LastCall>{}));
  runner_.reset();
  std::filesystem::remove(file);
}

TEST_F(InProcessRunnerTest, ARetiredReleaseIsUnloadedAndTheNextLoadIsFresh) {
  open();
  const auto one = release("workshop-1"), two = release("workshop-2");
  start(one, "count", 8);
  take(8);
  start(two, "count");
  take(1);
  runner_->retire(one);
  ASSERT_TRUE(until([&] { return runner_->residences().size() == 1; }));
  EXPECT_EQ(runner_->residences()[0].package, "workshop-2") << "the other one stays";
  EXPECT_EQ(workshop_.heard_of(1, "deinit"), 1);
  EXPECT_EQ(workshop_.heard_of(2, "deinit"), 0);
  EXPECT_GE(workshop_.heard_of(1, "detach"), 1) << "threads say that they will call no more";
  EXPECT_FALSE(workshop_.threads_that_said("deinit").contains(std::this_thread::get_id())) << "it may block";
  start(one, "count");
  EXPECT_EQ(number(take(1)[0], "count"), 1);
  runner_->retire(release("workshop-1"));  // never seen by this runner
  EXPECT_EQ(runner_->residences().size(), 2u);
}

TEST_F(InProcessRunnerTest, ARetiredReleaseWaitsForItsCalls) {
  open();
  const auto one = release("workshop-1");
  start(one, "block");
  ASSERT_TRUE(workshop_.hears(1, "entered", 1));
  runner_->retire(one);
  ASSERT_EQ(runner_->residences().size(), 1u);
  EXPECT_TRUE(runner_->residences()[0].retired);
  EXPECT_FALSE(runner_->residences()[0].still_mapped);
  EXPECT_EQ(workshop_.heard_of(1, "deinit"), 0);
  workshop_.open_gate();
  ASSERT_TRUE(workshop_.hears(1, "detach", 1)) << "the call is over, its thread has let go";
  EXPECT_EQ(workshop_.heard_of(1, "deinit"), 0) << "its completion has not been taken";
  EXPECT_EQ(take(1)[0].outcome.kind, Outcome::Kind::done);
  ASSERT_TRUE(workshop_.hears(1, "deinit", 1));
  EXPECT_FALSE(workshop_.threads_that_said("deinit").contains(std::this_thread::get_id()))
      << "never on the engine's thread";
  ASSERT_TRUE(until([&] { return runner_->residences().empty(); }));
}

TEST_F(InProcessRunnerTest, CallsOfARetiredReleaseGetTheDrainSignal) {
  open();
  const auto one = release("workshop-1"), two = release("workshop-2");
  start(one, "watch");
  const uint64_t other = start(two, "obey");
  ASSERT_TRUE(workshop_.hears(1, "entered", 1));
  ASSERT_TRUE(workshop_.hears(2, "entered", 1));
  runner_->retire(one);
  EXPECT_EQ(number(take(1)[0], "signals"), int64_t{PIRN_SIG_DRAIN});
  runner_->cancel(other, Runner::Signal::cancel);
  EXPECT_EQ(take(1)[0].outcome.kind, Outcome::Kind::cancelled) << "the other release goes on";
}

TEST_F(InProcessRunnerTest, ACallGetsTheDeadlineSignalBeforeItsDeadline) {
  static std::atomic<int64_t> now{1'000'000'000};
  InProcessRunner::Options options{64, 2};
  options.now = [] { return now.load(); };
  open(options);
  Invocation watched = invocation(release("workshop-1"), "watch");
  watched.deadline = 2'000'000'000;
  runner_->start(std::span(&watched, 1));
  ASSERT_TRUE(workshop_.hears(1, "entered", 1));
  now = 1'900'000'000;
  EXPECT_EQ(number(take(1)[0], "signals"), int64_t{PIRN_SIG_DEADLINE});
}

TEST_F(InProcessRunnerTest, ShutdownDeinitialisesOnceWhatIsLoaded) {
  open();
  start(release("workshop-1"), "count", 4);
  take(4);
  start(release("workshop-2"), "block");
  ASSERT_TRUE(workshop_.hears(2, "entered", 1));
  workshop_.open_gate();
  runner_.reset();
  EXPECT_EQ(workshop_.heard_of(2, "left"), 1) << "what runs is waited for";
  EXPECT_EQ(workshop_.heard_of(1, "deinit"), 1);
  EXPECT_EQ(workshop_.heard_of(2, "deinit"), 1);
}

// Threads that were about to block when the runner ends, or when a release retires, must hear of it.
TEST_F(InProcessRunnerTest, NobodyMissesTheEnd) {
  const auto one = release("workshop-1");
  for (int i = 0; i < 300; ++i) {
    open({8, 2});
    if (i % 2 == 0) {
      start(one, "count");
      take(1);
      if (i % 4 == 0) {
        runner_->retire(one);
        ASSERT_TRUE(until([&] { return runner_->residences().empty(); }));
      }
    }
    runner_.reset();
  }
  EXPECT_EQ(workshop_.heard_of(1, "deinit"), 150);
}

size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  size_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

TEST_F(InProcessRunnerTest, LoadingAndUnloadingLeavesNothingBehind) {
  open();
  const int cycles = kSanitized ? 20 : 200;
  size_t settled = 0;
  for (int i = 0; i < cycles; ++i) {
    const auto swapped = release(i % 2 == 0 ? "workshop-1" : "workshop-2");
    start(swapped, "count");
    const auto completions = take(1);
    ASSERT_EQ(number(completions[0], "count"), 1) << "fresh variables each time";
    ASSERT_EQ(number(completions[0], "version"), i % 2 == 0 ? 1 : 2);
    runner_->retire(swapped);
    ASSERT_TRUE(until([&] { return runner_->residences().empty(); }));
    if (i == cycles / 4) settled = resident_bytes();
  }
  EXPECT_EQ(loads_, cycles);
  EXPECT_EQ(read_file("/proc/self/maps").find("workshop"), std::string::npos);
  if (kSanitized) return;  // its shadow grows by itself
  EXPECT_LT(resident_bytes(), settled + (2u << 20));
}

TEST_F(InProcessRunnerTest, AReleaseThatCannotBeLoadedFailsItsStepsAndNothingElse) {
  open();
  auto altered = std::make_shared<registry::Release>(*release("workshop-1"));
  altered->library = sha256("other bytes");
  auto garbage = std::make_shared<registry::Release>(*release("garbage"));
  garbage->library = sha256(read_file("/proc/self/cmdline"));
  auto lacking = std::make_shared<registry::Release>(*release("workshop-2"));
  lacking->functions.push_back({"dance", PIRN_KIND_TASK});
  auto surplus = std::make_shared<registry::Release>(*release("workshop-2"));
  surplus->functions.pop_back();
  auto bent = std::make_shared<registry::Release>(*release("workshop-2"));
  bent->functions.back().kind = PIRN_KIND_CONDITION;
  for (const registry::ReleasePtr& unusable :
       {release("unreadable"), registry::ReleasePtr(garbage), release("workshop-broken"),
        registry::ReleasePtr(altered), registry::ReleasePtr(lacking), registry::ReleasePtr(surplus),
        registry::ReleasePtr(bent)}) {
    SCOPED_TRACE(unusable->package);
    start(unusable, "count", 3);
    for (const Completion& completion : take(3)) {
      ASSERT_EQ(completion.outcome.kind, Outcome::Kind::failed);
      EXPECT_EQ(completion.outcome.error->code, "release_unavailable");
      EXPECT_EQ(completion.outcome.error->error_class, journal::ErrorClass::transient);
      EXPECT_FALSE(completion.outcome.error->message.empty());
    }
    runner_->retire(unusable);
  }
  EXPECT_EQ(workshop_.heard_of(3, "deinit"), 0) << "after a failed init there is nothing to end";
  start(release("workshop-1"), "count");
  EXPECT_EQ(number(take(1)[0], "count"), 1);
}

TEST_F(InProcessRunnerTest, ALibraryThatDiffersFromItsManifestIsToldApart) {
  open();
  auto other = std::make_shared<registry::Release>(*release("workshop-1"));
  other->functions[0].id = "dance";
  other->version = "2.0.0";
  start(other, "count");
  const std::string message = take(1)[0].outcome.error->message;
  for (const char* difference : {"the version is '2.0.0' in the manifest and '1.0.0' in the library",
                                 "the function 'dance' is in the manifest but not in the library",
                                 "the function 'count' is in the library but not in the manifest"})
    EXPECT_NE(message.find(difference), std::string::npos) << message;
}

TEST_F(InProcessRunnerTest, AReleaseThatCouldNotBeLoadedIsTriedAgain) {
  open();
  const auto one = release("workshop-1");
  disk_is_gone_ = true;
  start(one, "count", 3);
  for (const Completion& completion : take(3)) EXPECT_EQ(completion.outcome.kind, Outcome::Kind::failed);
  EXPECT_EQ(loads_, 3) << "each is told what is wrong now";
  disk_is_gone_ = false;
  start(one, "count", 2);
  for (const Completion& completion : take(2)) EXPECT_EQ(completion.outcome.kind, Outcome::Kind::done);
  EXPECT_EQ(loads_, 4);
  EXPECT_EQ(workshop_.heard_of(1, "deinit"), 0);
}

// Threads that were asked for a release and never had it have nothing to detach from.
TEST_F(InProcessRunnerTest, NobodyLoadsAReleaseToLeaveIt) {
  open();
  disk_is_gone_ = true;
  const auto one = release("workshop-1");
  start(one, "count", 4);
  take(4);
  disk_is_gone_ = false;
  runner_->retire(one);
  ASSERT_TRUE(until([&] { return runner_->residences().empty(); }));
  runner_.reset();
  EXPECT_EQ(loads_, 4);
  EXPECT_EQ(workshop_.heard_of(1, "detach"), 0);
}

}  // namespace
}  // namespace pirn::worker
