// How long the engine's thread is held at most, and by what: everything that tenants share waits as long.
#include <atomic>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include "host/store/memory_store.h"
#include "host/store/sqlite_store.h"
#include "tests/bench/bench_host.h"
#include "tests/bench/figures.h"
#include "tests/bench/scratch.h"

namespace pirn::bench {

namespace {

constexpr size_t kParked = 100'000;
constexpr size_t kSmall = 16;  // small workflows of the other tenant that are under way
constexpr int kAgain = 20;
constexpr const char* kOther = "other";

// The longest turn since the last look.
class Watch {
 public:
  explicit Watch(BenchHost& host) {
    host.on_loop = [this](int64_t ns) {
      if (ns > longest_.load(std::memory_order_relaxed)) longest_.store(ns, std::memory_order_relaxed);
    };
  }
  double look_ms() { return static_cast<double>(longest_.exchange(0)) / 1e6; }

 private:
  std::atomic<int64_t> longest_{0};
};

// Another tenant's small workflows, from before the first command until after the last one; each that ends
// starts the next one, on the engine's thread.
class Others {
 public:
  explicit Others(BenchHost& host) : host_(host) {
    host_.on_end = [this](ExecutionId, std::string_view tenant) {
      if (tenant == kOther) ended();
    };
  }
  void begin() {
    for (size_t i = 0; i < kSmall; ++i) {
      ++under_way_;
      host_.start(
          "three", [](Result<engine::Started>) {}, kOther);
    }
  }
  void end() {
    going_on_ = false;
    while (under_way_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

 private:
  void ended() {
    if (going_on_)
      host_.start(
          "three", [](Result<engine::Started>) {}, kOther);
    else
      --under_way_;
  }

  BenchHost& host_;
  std::atomic<bool> going_on_{true};
  std::atomic<size_t> under_way_{0};
};

}  // namespace

std::vector<Figure> longest_turn(const Settings&) {
  BenchReleases releases;
  releases.publish(package_bytes(PIRN_BENCH_PACKAGE_1));
  releases.publish(package_bytes(PIRN_BENCH_PACKAGE_1), kOther);
  Scratch scratch;
  auto store = store::SqliteStore::open(scratch.file(), {});
  if (!store) throw std::runtime_error(describe(store.error()));
  BenchHost host(std::move(store).value(), releases);
  Watch watch(host);
  Others others(host);
  host.recover();
  host.run();
  for (size_t i = 0; i < kParked; ++i) {
    host.start("parked", [](Result<engine::Started>) {});
    if (i % 1'000 == 999) host.stats();
  }
  const auto settled = [&] {
    for (;;) {
      const engine::EngineStats stats = host.stats();
      if (stats.running_steps == 0 && stats.ready_executions == 0) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  };
  settled();
  double longest = 0;
  others.begin();
  (void)watch.look_ms();
  const auto measure = [&](const char* what, int times, const std::function<void()>& act) {
    const int64_t begin = now_ns();
    for (int i = 0; i < times; ++i) act();
    const double took = static_cast<double>(now_ns() - begin) / 1e6 / times;
    const double held = watch.look_ms();
    longest = std::max(longest, held);
    std::fprintf(stderr, "  %-36s %8.2f ms the longest turn, %10.2f ms until answered\n", what, held, took);
  };

  ExecutionId large;
  measure("a large run, up to its wait", 1, [&] {
    engine::Start start;
    start.tenant = "bench";
    start.workflow = "large";
    large = host.ask<engine::Started>(std::move(start)).value().id;
    engine::ListOpen newest;
    newest.tenant = "bench";
    newest.limit = 1;
    for (;;) {
      const auto lines = host.ask<std::vector<engine::ExecutionSummary>>(engine::ListOpen(newest)).value();
      if (lines.at(0).done + 1 == lines.at(0).total && lines.at(0).running == 0) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  const std::string tenant = "bench";
  const auto list = [&](const char* workflow) {
    engine::ListOpen of;
    of.tenant = tenant;
    of.workflow = workflow;
    (void)host.ask<std::vector<engine::ExecutionSummary>>(std::move(of));
  };
  measure("status, metrics, health", kAgain, [&] { (void)host.stats(); });
  measure("a list", kAgain, [&] { list(""); });
  measure("a list of what is not there", kAgain, [&] { list("three"); });
  measure("a list of what awaits somebody", kAgain, [&] {
    (void)host.ask<std::vector<engine::AwaitingStep>>(engine::ListAwaiting{tenant, 100, {}});
  });
  measure("show a large run", kAgain / 4, [&] {
    (void)host.ask<std::optional<engine::View>>(engine::Show{tenant, large, {}});
  });
  measure("pause a large run and resume it", kAgain / 4, [&] {
    (void)host.ask<std::string_view>(engine::Pause{tenant, large, "", {}});
    engine::Resume resume;
    resume.tenant = tenant;
    resume.id = large;
    (void)host.ask<std::string_view>(std::move(resume));
  });
  measure("cancel a large run", 1, [&] {
    engine::Cancel cancel;
    cancel.tenant = tenant;
    cancel.id = large;
    (void)host.ask<journal::State>(std::move(cancel));
  });
  measure("cancel all", 1, [&] {
    engine::CancelAll all;
    all.tenant = tenant;
    (void)host.ask<std::vector<ExecutionId>>(std::move(all)).value();
  });
  others.end();
  host.stop();
  return {{"engine_longest_turn_ms", longest, "ms", 20, false, std::nullopt, 0}};
}

}  // namespace pirn::bench
