// Whose turn it is, deterministically: jobs wait for each other, and no test for a clock.
#include "host/api/fair_workers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <map>
#include <memory>
#include <random>

namespace pirn::api {
namespace {

TEST(FairWorkers, AnOwnerWhoseJobsNeverEndLeavesThreadsForTheOthers) {
  std::latch opened(1), two_run(2), other_ran(1);
  std::atomic<int> begun = 0;
  FairWorkers workers({.threads = 4, .running_per_owner = 2, .waiting_per_owner = 100});
  for (int i = 0; i < 50; ++i)
    EXPECT_TRUE(workers.offer("greedy", [&] {
      if (begun.fetch_add(1) < 2) two_run.count_down();
      opened.wait();
    }));
  two_run.wait();
  EXPECT_TRUE(workers.offer("other", [&] { other_ran.count_down(); }));
  other_ran.wait();  // for ever, if the greedy one had all threads
  EXPECT_EQ(begun, 2);
  const WorkerFigures figures = workers.figures();
  EXPECT_EQ(figures.running >= 2, true);
  EXPECT_EQ(figures.waiting, 48u);
  opened.count_down();
}

TEST(FairWorkers, RefusesOnlyTheOwnerThatIsOverItsLimit) {
  std::latch opened(1), runs(1);
  FairWorkers workers({.threads = 1, .running_per_owner = 1, .waiting_per_owner = 3});
  EXPECT_TRUE(workers.offer("greedy", [&] {
    runs.count_down();
    opened.wait();
  }));
  runs.wait();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(workers.offer("greedy", [] {}));
  EXPECT_FALSE(workers.offer("greedy", [] {}));
  EXPECT_TRUE(workers.offer("other", [] {})) << "the limit is each owner's";
  EXPECT_EQ(workers.figures().refused, 1u);
  workers.post("greedy", [] {});  // a continuation is not new work
  EXPECT_EQ(workers.figures().waiting, 5u);
  EXPECT_EQ(workers.figures().owners, 2u);
  opened.count_down();
}

TEST(FairWorkers, StopFinishesWhatRunsAndDropsWhatWaits) {
  const auto held = std::make_shared<int>(0);
  std::latch opened(1), runs(1);
  std::atomic<bool> finished = false, dropped_ran = false;
  FairWorkers workers({.threads = 1, .running_per_owner = 1, .waiting_per_owner = 10});
  workers.post("a", [&] {
    runs.count_down();
    opened.wait();
    finished = true;
  });
  runs.wait();
  for (const char* owner : {"a", "b", "c"}) workers.post(owner, [&dropped_ran, held] { dropped_ran = true; });
  std::thread stopper([&] { workers.stop(); });
  // Refused because the workers have stopped: no owner has more than one job that waits.
  for (int owner = 0; workers.offer(std::to_string(owner), [] {}); ++owner) std::this_thread::yield();
  opened.count_down();
  stopper.join();
  EXPECT_TRUE(finished);
  EXPECT_FALSE(dropped_ran);
  EXPECT_EQ(held.use_count(), 1) << "what a dropped job held is given back";
  EXPECT_FALSE(workers.offer("a", [] {}));
  workers.post("a", [&dropped_ran] { dropped_ran = true; });
  workers.stop();
  const WorkerFigures figures = workers.figures();
  EXPECT_EQ(figures.waiting + figures.running + figures.owners, 0u);
  EXPECT_FALSE(dropped_ran);
}

// One thread and random arrivals, some of them from within jobs: between the moment that it is an owner's
// turn to wait and the start of its next job, every other owner has started one job at most.
TEST(FairWorkers, NobodyWaitsForMoreThanOneJobOfEachOther) {
  struct Event {
    bool start;
    int owner;
  };
  for (uint32_t seed = 1; seed <= 100; ++seed) {
    std::mt19937 random(seed);
    const int n_owners = 1 + static_cast<int>(random() % 6);
    std::vector<Event> events;  // by the only worker, or before it begins
    std::latch begin(1), all_done(1);
    int left = 60;
    FairWorkers workers({.threads = 1, .running_per_owner = 1, .waiting_per_owner = 1000});
    std::atomic<int> open = 1;
    std::function<void(int)> arrive = [&](int owner) {
      events.push_back({false, owner});
      ++open;
      workers.post(std::to_string(owner), [&, owner] {
        events.push_back({true, owner});
        for (uint32_t more = random() % 3; more > 0 && left > 0; --more, --left)
          arrive(static_cast<int>(random() % static_cast<uint32_t>(n_owners)));
        if (--open == 0) all_done.count_down();
      });
    };
    workers.post("the gate", [&] { begin.wait(); });
    for (int i = 0; i < 20; ++i)
      arrive(static_cast<int>(random() % 3 == 0 ? random() % static_cast<uint32_t>(n_owners) : 0));
    if (--open == 0) all_done.count_down();
    begin.count_down();
    all_done.wait();
    workers.stop();
    std::map<int, size_t> waiting;             // jobs that have arrived and not started
    std::map<int, std::map<int, int>> passed;  // by whoever waits: jobs of others since its turn began
    for (const Event& event : events) {
      if (!event.start) {
        if (waiting[event.owner]++ == 0) passed[event.owner].clear();
        continue;
      }
      ASSERT_GT(waiting[event.owner], 0u);
      --waiting[event.owner];
      passed[event.owner].clear();
      for (const auto& [other, jobs] : waiting) {
        if (other == event.owner || jobs == 0) continue;
        ASSERT_LE(++passed[other][event.owner], 1) << "seed " << seed << ", " << other << " waits";
      }
    }
    for (const auto& [owner, jobs] : waiting) EXPECT_EQ(jobs, 0u) << "seed " << seed;
  }
}

// Several threads: limits hold at every moment, every job that was let in runs once, and nothing is left
// over.
TEST(FairWorkers, KeepsItsLimitsAndLosesNothing) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    const WorkerLimits limits{.threads = 1 + random() % 4,
                              .running_per_owner = 1 + random() % 3,
                              .waiting_per_owner = 1 + random() % 8};
    constexpr size_t kOwners = 5;
    std::array<std::atomic<size_t>, kOwners> running{};
    std::atomic<size_t> all = 0, ran = 0, broken = 0;
    size_t let_in = 0, refused = 0;
    FairWorkers workers(limits);
    for (int i = 0; i < 400; ++i) {
      const size_t owner = random() % 3 == 0 ? random() % kOwners : 0;
      const bool in = workers.offer(std::to_string(owner), [&, owner] {
        if (++running[owner] > limits.running_per_owner || ++all > limits.threads) ++broken;
        std::this_thread::yield();
        --all;
        --running[owner];
        ++ran;
      });
      (in ? let_in : refused) += 1;
      if (random() % 4 == 0) std::this_thread::yield();
    }
    while (ran < let_in) std::this_thread::yield();
    workers.stop();
    EXPECT_EQ(broken, 0u) << "seed " << seed;
    const WorkerFigures figures = workers.figures();
    EXPECT_EQ(figures.done, let_in);
    EXPECT_EQ(figures.refused, refused);
    EXPECT_EQ(figures.waiting + figures.running + figures.owners, 0u) << "seed " << seed;
  }
}

}  // namespace
}  // namespace pirn::api
