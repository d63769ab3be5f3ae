// `store_bench [DIRECTORY [SECONDS]]`: the store's commit beside the raw limit, with the same rows.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <algorithm>

#include "host/store/memory_store.h"
#include "host/store/sqlite_store.h"
#include "tests/bench/store_limit.h"

namespace {

using pirn::ExecutionId;
using Clock = std::chrono::steady_clock;

struct Figures {
  double workflows_per_s = 0;
  double p50_ms = 0, p99_ms = 0, max_ms = 0;  // of a commit
  uint64_t wal_bytes = 0;
};

Figures measure(pirn::store::Store& store, double seconds, int workflows) {
  std::vector<pirn::store::JournalRow> journal;
  std::vector<pirn::store::ExecutionRow> executions;
  std::vector<double> turns_ms;
  const std::string commit_body(230, 'j'), state_body(350, 's');
  uint64_t id = uint64_t{1'780'000'000'000} << 21, written = 0;
  double elapsed = 0;
  const Clock::time_point start = Clock::now();
  while (elapsed < seconds) {
    journal.clear();
    executions.clear();
    for (uint32_t commit_no = 1; commit_no <= 4; ++commit_no)
      for (int i = 0; i < workflows; ++i)
        journal.push_back({{id + static_cast<uint64_t>(i)}, commit_no, 1, commit_body});
    for (int i = 0; i < workflows; ++i) {
      const int64_t at = 1'780'000'000'000'000'000 + static_cast<int64_t>(written);
      executions.push_back({{.id = {id + static_cast<uint64_t>(i)},
                             .commit_no = 4,
                             .state = "completed",
                             .tenant = "acme",
                             .package = "etl",
                             .version = "1.0.0",
                             .workflow = "daily",
                             .created_at = at,
                             .started_at = at,
                             .ended_at = at},
                            false,
                            state_body});
    }
    const Clock::time_point begin = Clock::now();
    if (auto status = store.commit({store.lease(), journal, executions, false}); !status) {
      std::fprintf(stderr, "%s\n", describe(status.error()).c_str());
      std::exit(1);
    }
    const Clock::time_point end = Clock::now();
    turns_ms.push_back(std::chrono::duration<double, std::milli>(end - begin).count());
    id += static_cast<uint64_t>(workflows);
    written += static_cast<uint64_t>(workflows);
    elapsed = std::chrono::duration<double>(end - start).count();
  }
  std::sort(turns_ms.begin(), turns_ms.end());
  const auto stats = store.stats();
  return {static_cast<double>(written) / elapsed, turns_ms[turns_ms.size() / 2],
          turns_ms[turns_ms.size() * 99 / 100], turns_ms.back(), stats ? stats->wal_bytes : 0};
}

void print(const char* name, int workflows, const Figures& figures) {
  std::printf("%-8s %4d in a commit: %8.0f workflows/s, commit p50 %.2f p99 %.2f max %.2f ms, WAL %.1f MB\n",
              name, workflows, figures.workflows_per_s, figures.p50_ms, figures.p99_ms, figures.max_ms,
              static_cast<double>(figures.wal_bytes) / 1e6);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : ".";
  const double seconds = argc > 2 ? std::atof(argv[2]) : 5;
  for (const int workflows : {1, 16, 64, 256}) {
    std::printf("%-8s %4d in a commit: %8.0f workflows/s\n", "raw", workflows,
                pirn::bench::raw_sqlite_limit(directory, seconds, workflows).workflows_per_s);
    const std::string path = directory + "/store_bench.db";
    {
      auto store = pirn::store::SqliteStore::open(path);
      if (!store) {
        std::fprintf(stderr, "%s\n", describe(store.error()).c_str());
        return 1;
      }
      print("sqlite", workflows, measure(**store, seconds, workflows));
    }
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
    pirn::store::MemoryStore memory;
    print("memory", workflows, measure(memory, std::min(seconds, 0.5), workflows));
  }
}
