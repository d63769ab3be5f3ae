// Where execution state is kept. One interface, one conformance suite, several stores: memory and SQLite
// (embedded); a store of several hosts fits the same shape.
//
// The engine is the only writer: recover() is called from its thread, and commit() from it or from its
// committer's, one at a time. The read functions may be called from any thread at any time and see whole
// commits only.
//
// What is on disk: a journal (one row for each commit, append only) and a projection (one row for each
// execution: its whole state as of a commit, and the columns that lists and searches need). The projection
// may lag for open executions; a watermark says up to which journal position it is complete, and recovery
// folds only what lies beyond. An execution's last commit writes its row in the same transaction, so a closed
// execution is never stale.
//
// A store on a disk keeps a checksum with each row (checksum.h) and compares it whenever it reads the row.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/journal/codec.h"
#include "registry/ids.h"

namespace pirn::store {

// A longer body is refused, never cut.
inline constexpr size_t kBodyLimit = 256u << 20;

// One commit of one stream: of an execution, or of a tenant's own (its schedules and events). Views are valid
// during the call of commit() only.
struct JournalRow {
  ExecutionId stream;
  uint32_t commit_no = 0;  // 1, 2, 3, … within the stream
  uint32_t schema = 1;
  std::string_view body;  // JSON text (host/journal/codec.h)
};

// One execution's projection, replaced as a whole.
struct ExecutionRow : journal::StateColumns {
  bool open = true;
  std::string_view body;  // JSON text: the rest of the whole state
};

// The projection of a tenant's own stream, replaced as a whole; it may lag like that of an open execution.
struct TenantRow {
  ExecutionId stream;
  uint32_t commit_no = 0;   // the last commit that it includes
  std::string_view tenant;  // each has one stream
  std::string_view body;    // JSON text of the whole state
};

// An event that a tenant was told of under an id, which is never taken twice (R39). Written once.
struct EventRow {
  std::string_view tenant, id;
  int64_t at = 0;         // ns since 1970
  std::string_view body;  // JSON text: what it started
};

struct Change {
  Lease lease;  // of the host that writes; any other than the store's is refused (store_fenced)
  std::span<const JournalRow> journal;
  std::span<const ExecutionRow> executions;
  bool complete = false;  // with this change the projection is complete: the watermark moves to its last row
  std::span<const TenantRow> tenants = {};
  std::span<const EventRow> events = {};
};

struct StoredTenant {
  ExecutionId stream;
  uint32_t commit_no = 0;
  std::string tenant, body;
  bool damaged = false;  // as of a StoredExecution
};

struct StoredEvent {
  int64_t at = 0;
  std::string body;
};

struct StoredExecution {
  ExecutionId id;
  uint32_t commit_no = 0;
  bool open = true;
  std::string state, tenant, package, version, workflow;
  Digest release;
  std::string key;
  Digest input_digest;
  int64_t created_at = 0, started_at = 0, ended_at = 0;
  std::string body;
  // The row does not match its checksum (checksum.h). Its body is empty then, which no decoder accepts: a
  // caller that does not look at the flag cannot take damaged data for good. Only recover(), list() and
  // tenants() hand out such rows; the other questions answer store_corrupt.
  bool damaged = false;

  journal::StateColumns columns() const {
    return {id,      commit_no, state,        tenant,     package,    version, workflow,
            release, key,       input_digest, created_at, started_at, ended_at};
  }
};

struct StoredCommit {
  ExecutionId stream;
  uint32_t commit_no = 0;
  uint32_t schema = 1;
  std::string body;
  bool damaged = false;  // as of a StoredExecution; only recover() hands out such rows
};

struct ExecutionFilter {
  std::string tenant;
  std::string package, workflow;    // empty: any
  std::vector<std::string> states;  // empty: any
  int64_t since = 0;                // created at or after; an id carries its time, so that a scan ends there
  ExecutionId before;               // cursor: only older ids; zero: from the newest
  uint32_t limit = 100;
};

struct StoreStats {
  uint64_t journal_rows = 0, executions = 0, open_executions = 0;
  uint64_t size_bytes = 0, wal_bytes = 0;
  uint64_t free_bytes = 0;   // of the file, that new rows will take
  uint64_t commits = 0;      // transactions since the opening
  uint64_t tenant_rows = 0;  // of journal_rows: commits of the tenants' own streams
  uint64_t event_ids = 0;    // of events that are remembered
};

// Which executions are old: closed before an instant, and not among the newest of their workflow.
struct Old {
  std::string tenant, package, workflow;  // empty: any
  int64_t ended_before = INT64_MAX;       // ns since 1970
  uint64_t keep_last = 0;                 // of each workflow
};

// The past of the tenants' own streams. Only commits that the tenant's row includes belong to it: a recovery
// does not need them any more.
struct TenantPast {
  std::string tenant;          // empty: all tenants
  int64_t commits_before = 0;  // ns since 1970; 0: none
  int64_t events_before = 0;   // the ids of events that were told before; 0: none
};
struct TenantPastSize {
  uint64_t commits = 0, events = 0;
};

struct StateCount {
  std::string tenant, state;
  uint64_t executions = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  // What this opening took, durable: an owner of its own, and the last epoch + 1.
  virtual Lease lease() const = 0;
  Epoch epoch() const { return lease().epoch; }

  // The calling thread is the engine's from now on: what it asks never waits for other readers. Cheap.
  virtual void claim() {}

  // The greatest id of a stream that was ever journaled; zero: none. New ids of executions must be above it.
  virtual Result<ExecutionId> last_id() const = 0;

  // Calls on_execution for each open execution's row, then on_commit for each journal row beyond the
  // watermark that its execution's or tenant's row does not include yet (so never for a closed execution), in
  // the order of commit. A callback's error ends the recovery with it.
  virtual Status recover(const std::function<Status(StoredExecution)>& on_execution,
                         const std::function<Status(StoredCommit)>& on_commit) = 0;

  // One durable transaction: all of the change, or nothing. After an error nothing may be acknowledged and
  // the host stops: store_failed, store_fenced, too_large (a body above kBodyLimit). The store refuses every
  // later commit, for what became of this one is known only to the next opening.
  virtual Status commit(const Change& change) = 0;

  // Spends idle time on maintenance (checkpoints). Returns whether there is more to do. An error, of this maintenance
  // or of anything since the last commit, means what it means of a commit: the host stops.
  virtual Result<bool> maintain() = 0;

  // Reads: any thread. The projection's view; of open executions it may be old or not there yet.
  virtual Result<std::optional<StoredExecution>> find(std::string_view tenant, ExecutionId id) const = 0;
  virtual Result<std::optional<StoredExecution>> find_by_key(std::string_view tenant,
                                                             std::string_view key) const = 0;
  // Newest first.
  virtual Result<std::vector<StoredExecution>> list(const ExecutionFilter& filter) const = 0;
  // Commits after `after_commit`, ascending, at most `limit`.
  virtual Result<std::vector<StoredCommit>> journal(ExecutionId id, uint32_t after_commit,
                                                    uint32_t limit) const = 0;
  // The rows of all tenants, by stream.
  virtual Result<std::vector<StoredTenant>> tenants() const = 0;
  virtual Result<std::optional<StoredTenant>> find_tenant(std::string_view tenant) const = 0;
  virtual Result<std::optional<StoredEvent>> find_event(std::string_view tenant,
                                                        std::string_view id) const = 0;
  virtual Result<StoreStats> stats() const = 0;

  // Maintenance: any thread.

  // The oldest `limit` of the old executions. One that belongs to an open execution is not old: it may have
  // to be rolled back yet.
  virtual Result<std::vector<ExecutionId>> old(const Old& old, size_t limit) const = 0;
  // Removes closed executions with their journals in one transaction, for which a commit may have to wait;
  // open ones stay. An error ends the store as that of a commit does.
  virtual Status remove(std::span<const ExecutionId> executions) = 0;
  // Counts the past of the tenants' streams.
  virtual Result<TenantPastSize> tenant_past(const TenantPast& past) const = 0;
  // Removes about `limit` rows of it in one transaction; both counts 0: nothing is left. Errors as remove().
  virtual Result<TenantPastSize> remove_tenant_past(const TenantPast& past, size_t limit) = 0;
  // Executions by tenant and state.
  virtual Result<std::vector<StateCount>> counts() const = 0;

  // The instant that the newest commit begins with; 0: there is none, or it is damaged. A host begins no
  // earlier.
  virtual Result<int64_t> newest_instant() const = 0;
};

}  // namespace pirn::store
