// Throughput, latency and memory of the engine with the real store and the real runner.
#include <malloc.h>
#include <stdlib.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <stdexcept>

#include "host/store/memory_store.h"
#include "host/store/sqlite_store.h"
#include "tests/bench/bench_host.h"
#include "tests/bench/figures.h"
#include "tests/bench/package_file.h"
#include "tests/bench/scratch.h"
#include "tests/bench/store_limit.h"

namespace pirn::bench {

namespace {

constexpr size_t kOutstanding = 960;  // executions under way at once, for throughput

std::unique_ptr<store::Store> open_sqlite(const std::string& file, int64_t cache_bytes = 64 << 20) {
  store::SqliteStore::Options options;
  options.cache_bytes = cache_bytes;
  auto store = store::SqliteStore::open(file, options);
  if (!store) {
    std::fprintf(stderr, "%s\n", describe(store.error()).c_str());
    std::exit(1);
  }
  return std::move(store).value();
}

// Keeps `outstanding` executions of a workflow under way.
class Load {
 public:
  Load(BenchHost& host, std::string workflow, size_t outstanding)
      : host_(host), workflow_(std::move(workflow)), outstanding_(outstanding) {}

  // The caller's thread, for so long.
  void run_for(double seconds) {
    const int64_t end = now_ns() + static_cast<int64_t>(seconds * 1e9);
    while (now_ns() < end) {
      const uint64_t under_way = started_ - host_.ended.load();
      for (uint64_t i = under_way; i < outstanding_; ++i, ++started_)
        host_.start(workflow_, [](Result<engine::Started>) {});
      if (under_way + outstanding_ / 4 >= outstanding_)
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
  void drain() {
    while (host_.ended.load() < started_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

 private:
  BenchHost& host_;
  const std::string workflow_;
  const size_t outstanding_;
  uint64_t started_ = 0;
};

}  // namespace

std::vector<Figure> throughput(const Settings& settings) {
  Scratch scratch;
  BenchReleases releases;
  releases.publish(package_bytes(PIRN_BENCH_PACKAGE_1));
  double seconds = 0;
  uint64_t commits = 0, ended = 0;
  std::vector<double> turns_ms;
  {
    BenchHost host(open_sqlite(scratch.file()), releases);
    host.on_turn = [&](int64_t ns) { turns_ms.push_back(static_cast<double>(ns) / 1e6); };
    host.recover();
    host.run();
    Load load(host, "three", kOutstanding);
    load.run_for(1);
    const int64_t begin = now_ns();
    const uint64_t commits_before = host.commits, ended_before = host.ended;
    load.run_for(settings.seconds);
    seconds = static_cast<double>(now_ns() - begin) / 1e9;
    commits = host.commits - commits_before;
    ended = host.ended - ended_before;
    load.drain();
    host.stop();
  }
  // The raw limit with as many workflows in a commit as the engine had in a turn.
  const RawLimit raw = raw_sqlite_limit(scratch.path(), std::min(settings.seconds, 10), 64);
  return {{"durable_commits_per_s", static_cast<double>(commits) / seconds, "1/s", 150'000, true,
           raw.commits_per_s, 0},
          {"workflows_3step_per_s", static_cast<double>(ended) / seconds, "1/s", 40'000, true,
           raw.workflows_per_s, 0.4},
          {"durable_turn_p99_ms", percentile(turns_ms, 0.99), "ms", 5, false, std::nullopt, 0}};
}

std::vector<Figure> step_latency(const Settings& settings) {
  Scratch scratch;
  BenchReleases releases;
  releases.publish(package_bytes(PIRN_BENCH_PACKAGE_1));
  BenchHost host(open_sqlite(scratch.file()), releases);
  // From one invocation of a chain to the next: outcome, decision, fsync, dispatch.
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<double> latencies;
  int64_t last = 0;
  bool over = false;
  host.on_tick = [&](ExecutionId, int64_t at) {
    std::lock_guard lock(mutex);
    if (last) latencies.push_back(static_cast<double>(at - last) / 1e6);
    last = at;
  };
  host.on_end = [&](ExecutionId, std::string_view) {
    std::lock_guard lock(mutex);
    over = true;
    last = 0;
    changed.notify_one();
  };
  host.recover();
  host.run();
  const int64_t end = now_ns() + std::min(settings.seconds, 10) * 1'000'000'000ll;
  while (now_ns() < end) {
    host.start("chain", [](Result<engine::Started>) {});
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return over; });
    over = false;
  }
  host.stop();
  const RawLimit raw = raw_sqlite_limit(scratch.path(), 2, 1);
  const double fsync_ms = 1000.0 / raw.workflows_per_s;
  return {{"step_latency_p50_ms", percentile(latencies, 0.5), "ms", 0.25, false, fsync_ms, 0},
          {"step_latency_p99_ms", percentile(latencies, 0.99), "ms", 1.5, false, fsync_ms, 0}};
}

std::vector<Figure> memory_store(const Settings& settings) {
  BenchReleases releases;
  releases.publish(package_bytes(PIRN_BENCH_PACKAGE_1));
  BenchHost host(
      std::make_unique<store::MemoryStore>(store::make_memory_store_contents(store::kEndedJournalBytes)),
      releases);
  host.recover();
  host.run();
  Load load(host, "three", kOutstanding);
  load.run_for(0.5);
  const int64_t begin = now_ns();
  const uint64_t before = host.ended;
  load.run_for(std::min(settings.seconds, 2));
  const double ns = static_cast<double>(now_ns() - begin);
  const double steps = static_cast<double>(host.ended - before) * 3;
  load.drain();
  // All that were started have ended, so that no run is counted in part.
  const double bytes = static_cast<double>(host.journal_bytes), runs = static_cast<double>(host.ended);
  return {{"memory_store_step_ns", ns / steps, "ns", 1000, false, std::nullopt, 0},
          {"journal_bytes_per_step", bytes / (3 * runs), "B", 450, false, std::nullopt, 0},
          {"journal_bytes_per_run", bytes / runs, "B", 1350, false, std::nullopt, 0}};
}

std::vector<Figure> parked(const Settings&) {
  constexpr size_t kExecutions = 100'000;
  BenchReleases releases;
  releases.publish(package_bytes(PIRN_BENCH_PACKAGE_1));
  // The engine's memory: the store's page cache is bounded, and is kept small here so as not to be counted.
  Scratch scratch;
  BenchHost host(open_sqlite(scratch.file(), 1 << 20), releases);
  host.recover();
  host.run();
  const auto park = [&](size_t n) {
    for (size_t i = 0; i < n; ++i) {
      host.start("parked", [](Result<engine::Started>) {});
      // The inbox keeps the memory of its longest backlog, which is nobody's who waits.
      if (i % 1'000 == 999) host.stats();
    }
    for (;;) {  // all have failed once and wait
      const engine::EngineStats stats = host.stats();
      if (stats.running_steps == 0 && stats.ready_executions == 0) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  };
  park(10'000);  // whatever is allocated once
  malloc_trim(0);
  const size_t before = mallinfo2().uordblks;
  park(kExecutions);
  malloc_trim(0);
  const size_t after = mallinfo2().uordblks;
  return {{"parked_execution_bytes", static_cast<double>(after - before) / kExecutions, "B", 2048, false,
           std::nullopt, 0}};
}

std::vector<Figure> many_steps(const Settings&) {
  const std::string library = package_bytes(PIRN_BENCH_PACKAGE_WIDE);
  const PackageText package = package_text(library);
  const int64_t parsing = now_ns();
  const bool valid = static_cast<bool>(definition::parse(package.definition, "wide", &package.functions));
  const double parse_ms = static_cast<double>(now_ns() - parsing) / 1e6;
  if (!valid) throw std::runtime_error("the definition of many steps is refused");
  BenchReleases releases;
  releases.publish(library);
  BenchHost host(std::make_unique<store::MemoryStore>(), releases);
  host.recover();
  host.run();
  const auto seconds_of = [&](const char* workflow) {
    const uint64_t before = host.ended;
    const int64_t begin = now_ns();
    host.start(workflow, [](Result<engine::Started>) {});
    while (host.ended == before) std::this_thread::sleep_for(std::chrono::microseconds(100));
    return static_cast<double>(now_ns() - begin) / 1e9;
  };
  (void)seconds_of("graph");  // what is allocated once, the plan among it
  const double graph = seconds_of("graph");
  // At its end everything about the children is still in memory, and the journal, too.
  const auto in_use = [] {
    const struct mallinfo2 info = mallinfo2();
    return static_cast<double>(info.uordblks + info.hblkhd);
  };
  const double before = in_use();
  std::promise<double> at_end;
  host.on_end = [&](ExecutionId, std::string_view) { at_end.set_value(in_use()); };
  const double graft = seconds_of("graft");
  const double bytes = (at_end.get_future().get() - before) / 100'000;
  return {{"graft_100k_children_s", graft, "s", 2, false, std::nullopt, 0},
          {"graft_bytes_per_child", bytes, "B", 4096, false, std::nullopt, 0},
          {"graph_10k_steps_s", graph, "s", 2, false, std::nullopt, 0},
          {"validate_10k_steps_ms", parse_ms, "ms", 100, false, std::nullopt, 0}};
}

std::vector<Figure> recovery(const Settings&) {
  constexpr size_t kOpen = 100'000;
  constexpr size_t kClosedRows = 10'000'000;
  Scratch scratch;
  make_package(scratch, 0);
  {
    const auto registry = open_registry(scratch.path());
    BenchHost host(open_sqlite(scratch.file()), *registry);
    host.recover();
    host.run();
    Load load(host, "three", kOutstanding);
    while (host.commits < kClosedRows) load.run_for(1);
    load.drain();
    for (size_t i = 0; i < kOpen; ++i) host.start("parked", [](Result<engine::Started>) {});
    while (host.stats().running_steps > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const int64_t begin = now_ns();
  const auto registry = open_registry(scratch.path());
  BenchHost host(open_sqlite(scratch.file()), *registry);
  std::promise<int64_t> first;
  host.on_tick = [&, done = false](ExecutionId, int64_t at) mutable {
    if (!done) first.set_value(at);
    done = true;
  };
  host.recover();
  host.run();
  host.start("chain", [](Result<engine::Started>) {});
  const double seconds = static_cast<double>(first.get_future().get() - begin) / 1e9;
  host.stop();
  return {{"recovery_100k_open_executions_s", seconds, "s", 2, false, std::nullopt, 0}};
}

std::vector<Figure> hot_swap(const Settings& settings) {
  Scratch scratch;
  BenchReleases releases;
  const std::string versions[] = {package_bytes(PIRN_BENCH_PACKAGE_1), package_bytes(PIRN_BENCH_PACKAGE_2)};
  releases.publish(versions[0]);
  BenchHost host(open_sqlite(scratch.file()), releases);
  std::mutex mutex;
  std::map<ExecutionId, int64_t> started;
  std::vector<double> latencies;
  std::atomic<uint64_t> failed{0};
  host.on_end = [&](ExecutionId id, std::string_view) {
    std::lock_guard lock(mutex);
    const auto found = started.find(id);
    if (found == started.end()) return;
    latencies.push_back(static_cast<double>(now_ns() - found->second) / 1e6);
    started.erase(found);
  };
  host.recover();
  host.run();
  // Half the sustained rate, evenly paced; `swaps` deployments while it runs.
  const auto phase = [&](double rate, double seconds, int swaps) {
    {
      std::lock_guard lock(mutex);
      latencies.clear();
    }
    const int64_t begin = now_ns();
    uint64_t sent = 0;
    int swapped = 0;
    for (;;) {
      const double elapsed = static_cast<double>(now_ns() - begin) / 1e9;
      if (elapsed >= seconds) break;
      if (swapped < swaps && elapsed > seconds * (swapped + 1) / (swaps + 1))
        releases.publish(versions[++swapped % 2]);
      const uint64_t due = static_cast<uint64_t>(elapsed * rate);
      for (; sent < due; ++sent) {
        const int64_t at = now_ns();
        host.start("three", [&, at](Result<engine::Started> result) {
          if (!result) {
            ++failed;
            return;
          }
          std::lock_guard lock(mutex);
          started.emplace(result->id, at);
        });
      }
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
    for (;;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      std::lock_guard lock(mutex);
      if (started.empty() && host.ended.load() > 0) break;
    }
    std::lock_guard lock(mutex);
    return percentile(latencies, 0.99);
  };
  Load warm(host, "three", kOutstanding);
  warm.run_for(1);
  const uint64_t before = host.ended;
  warm.run_for(3);
  const double rate = static_cast<double>(host.ended - before) / 3 / 2;
  warm.drain();
  const double seconds = std::min(settings.seconds, 10);
  const double without = phase(rate, seconds, 0);
  const double with = phase(rate, seconds, 20);
  host.stop();
  return {{"hot_swap_failed_executions", static_cast<double>(failed), "", 0, false, std::nullopt, 0},
          {"hot_swap_added_p99_ms", std::max(0.0, with - without), "ms", 5, false, without, 0}};
}

}  // namespace pirn::bench
