// What is known of executions beside their journals: what running functions said (lines of log, pieces of
// streams), and how much processor time their steps took. Kept in a database of its own, logbook.db, because
// none of it may ever hold up or fail a step: the journal is the truth, this is best effort. It is written
// behind the back of those who speak, survives the end of the process, and goes when the execution goes.
//
// Bounded three times, and each time it is the oldest that is lost, and counted: the lines of one execution,
// all lines together, and what waits to be written. A database that fails loses what it was given and is
// tried again with the next; health() tells.
//
// The alternative, log lines as records of the journal, was rejected: a chatty function would make commits
// larger, recovery slower and executions impossible to keep.
//
// Any thread, except where a function says otherwise.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "host/store/sqlite.h"
#include "packager/error/error.h"
#include "packager/mutex/mutex.h"
#include "registry/ids.h"

namespace pirn::logbook {

inline constexpr int32_t kNoLevel = -1;

// One thing that was said.
struct LogLine {
  uint64_t n = 0;  // its number: increases within the host's life and across lives
  ExecutionId execution;
  int64_t at = 0;  // ns since 1970
  std::string step;
  uint32_t attempt = 1;
  int32_t level = kNoLevel;  // of a log line: 0 trace … 4 error; a piece of a stream has none
  std::string text;          // JSON object, as watchers get it
};

struct Filter {
  ExecutionId execution;
  uint64_t after = 0;  // only later numbers
  std::string step;    // empty: any
  std::optional<uint32_t> attempt;
  int32_t level = kNoLevel;  // at least; kNoLevel: pieces of streams, too
  uint32_t limit = 1000;
};
struct Page {
  std::vector<LogLine> lines;  // by number
  bool more = false;
  uint64_t lost = 0;  // of this execution, in all its life
};

// Processor time of the calls of one step.
struct Cost {
  std::string step;
  uint64_t calls = 0;
  int64_t cpu_ns = 0, wall_ns = 0;
};

struct Health {
  uint64_t lines = 0, bytes = 0;  // kept
  uint64_t lost = 0;              // since the opening, whatever the reason
  uint64_t failures = 0;          // writes that failed, since the opening
  std::string last_error;
};

class Logbook {
 public:
  struct Options {
    uint64_t lines_of_execution = 10'000, bytes_of_execution = 4 << 20;
    uint64_t bytes = 1 << 30;          // of all lines
    uint64_t waiting_bytes = 8 << 20;  // that are not written yet
  };
  // `path`: of the file, or ":memory:". With `moved_to` a file that is damaged is moved there, and a new one
  // begun; it stays empty otherwise. store_unopenable.
  static Result<std::unique_ptr<Logbook>> open(const std::string& path, Options options,
                                               std::string* moved_to = nullptr);
  static Result<std::unique_ptr<Logbook>> open(const std::string& path) { return open(path, Options()); }
  // Writes what waits.
  ~Logbook();
  Logbook(const Logbook&) = delete;

  // Does not block. Returns the number that the line got.
  uint64_t write(LogLine line);
  // Adds a call to what a step has cost. Does not block.
  void spend(ExecutionId execution, std::string_view step, int64_t cpu_ns, int64_t wall_ns);

  // These wait for what was written before the call, and for the disk.
  Result<Page> read(const Filter& filter) const;
  Result<std::vector<Cost>> costs(ExecutionId execution) const;
  // The executions are gone: all that is known of them goes, too.
  Status forget(std::span<const ExecutionId> executions);
  // Those of which something is known, ascending, behind `after`.
  Result<std::vector<ExecutionId>> executions(ExecutionId after, uint32_t limit) const;
  Health health() const;

 private:
  struct Spent {
    uint64_t calls = 0;
    int64_t cpu_ns = 0, wall_ns = 0;
  };
  using CostKey = std::pair<ExecutionId, std::string>;
  struct Batch {
    std::deque<LogLine> lines;
    std::map<CostKey, Spent> costs;
    std::map<ExecutionId, uint64_t> lost;  // before they could be written
  };

  Logbook(store::Connection connection, Options options);
  static bool move_away(const std::string& path);
  Status prepare() PIRN_REQUIRES(database_mutex_);
  Status reserve() PIRN_REQUIRES(database_mutex_);
  void work();
  void wait_until_written() const;
  Status write_down(const Batch& batch) PIRN_REQUIRES(database_mutex_);
  Status insert(const Batch& batch) PIRN_REQUIRES(database_mutex_);
  Status keep_within(ExecutionId execution) PIRN_REQUIRES(database_mutex_);
  Status keep_within_all() PIRN_REQUIRES(database_mutex_);
  Status drop_lines(ExecutionId execution, uint64_t up_to, uint64_t lines, uint64_t bytes)
      PIRN_REQUIRES(database_mutex_);
  Status in_transaction(const std::function<Status()>& work) PIRN_REQUIRES(database_mutex_);

  const Options options_;

  mutable Mutex waiting_mutex_;
  ConditionVariable arrived_;
  mutable ConditionVariable written_;
  Batch waiting_ PIRN_GUARDED_BY(waiting_mutex_);
  uint64_t waiting_bytes_ PIRN_GUARDED_BY(waiting_mutex_) = 0;
  uint64_t next_ PIRN_GUARDED_BY(waiting_mutex_) = 1;
  uint64_t reserved_ PIRN_GUARDED_BY(waiting_mutex_) = 0;
  uint64_t batches_given_ PIRN_GUARDED_BY(waiting_mutex_) = 0;
  uint64_t batches_written_ PIRN_GUARDED_BY(waiting_mutex_) = 0;
  uint64_t lost_ PIRN_GUARDED_BY(waiting_mutex_) = 0;
  uint64_t failures_ PIRN_GUARDED_BY(waiting_mutex_) = 0;
  std::string last_error_ PIRN_GUARDED_BY(waiting_mutex_);
  bool stopping_ PIRN_GUARDED_BY(waiting_mutex_) = false;

  mutable Mutex database_mutex_;
  mutable store::Connection connection_ PIRN_GUARDED_BY(database_mutex_);
  struct Kept {
    uint64_t lines = 0, bytes = 0;
    uint64_t cut = 0;  // lines that had to make room, since the opening
  } kept_ PIRN_GUARDED_BY(database_mutex_);

  std::thread writer_;
};

}  // namespace pirn::logbook
