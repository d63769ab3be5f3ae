// What is done to a data directory while the host works: old executions are removed, by order or by policy,
// and everything is copied elsewhere. An execution goes with all that is known of it, logbook included.
//
// Any thread; what takes long blocks its caller only. The engine's commits wait for one small transaction at
// most, except while the file is compacted.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "host/maintenance/disk.h"
#include "host/maintenance/verify.h"
#include "packager/error/error.h"
#include "packager/mutex/mutex.h"
#include "registry/ids.h"

namespace pirn::store {
class Store;
class MemoryStore;
class DatabaseFile;
struct StoredExecution;
}  // namespace pirn::store
namespace pirn::logbook {
class Logbook;
}

namespace pirn::maintenance {

// Which executions are old enough to go. With both bounds: those that are beyond both.
struct Rule {
  std::string tenant, package, workflow;  // empty: any
  int64_t older_than_ns = 0;              // since their end; 0: no matter how long ago
  uint64_t keep_last = 0;                 // so many of each workflow stay
};
// invalid_argument: a rule without a bound would remove everything.
Status check(const Rule& rule);

// How long the ids of events are remembered at least, so that none is taken twice (R39).
inline constexpr int64_t kDefaultEventWindow = 30ll * 86'400'000'000'000;

struct Policy {
  std::vector<Rule> rules;
  int64_t every_ns = 3'600'000'000'000;
  // Of the tenants' own journals: what is older goes, when the rules are applied. 0: nothing.
  int64_t tenant_journal_ns = 0;
  int64_t event_window_ns = kDefaultEventWindow;
  // Without rules a store in memory keeps so many ended executions of each workflow, for else it would fill
  // the memory. Applied whenever there are twice as many as the last time left.
  uint64_t keep_in_memory = 10'000;
};

struct Pruned {
  uint64_t executions = 0;
  uint64_t tenant_commits = 0;  // of the tenants' own journals
  uint64_t event_ids = 0;
  uint64_t kept_for_letters = 0;  // old enough, but a dead letter of theirs waits, which a retry starts from
};

struct Count {
  std::string tenant, state;
  uint64_t executions = 0;
};

struct PolicyState {
  int64_t last_run_at = 0;  // ns since 1970; 0: not yet
  int64_t next_run_at = 0;  // 0: there is no policy
  uint64_t removed = 0;     // since the start of the host
  std::string last_error;
};

class Maintenance {
 public:
  // `file`: the store when it is on a disk, else null; `memory`: the store when it is in memory, else null.
  // All are borrowed.
  Maintenance(store::Store& store, store::DatabaseFile* file, const store::MemoryStore* memory,
              logbook::Logbook& logbook, DiskWatch& disk, std::string data_directory, Policy policy);

  // Removes what the rule calls old, or only counts it; not whose dead letter waits. A rule that names no
  // workflow and says how old also removes what is as old of the tenants' own journals, and ids of events
  // beyond their window.
  Result<Pruned> prune(const Rule& rule, int64_t now, bool dry_run);
  // Removes one ended execution. not_found; invalid_transition when it, or what it belongs to, is open;
  // conflict when its dead letter waits.
  Status remove(const std::string& tenant, ExecutionId id);
  // Gives free space back to the file system. unsupported in memory.
  Status compact();
  // Copies the data directory to a new one, from which a host can be started: first the executions, then the
  // registry that they refer to. It gets its name when it is whole (backup.h); an error leaves nothing of it.
  Status back_up(const std::string& directory, int64_t now) const;
  // Everything that is kept (verify.h).
  Result<Verification> verify() const;
  // Forgets what the logbook knows of executions that are gone.
  Status sweep();
  DiskWatch& disk() const { return disk_; }

  // Executions by tenant and state.
  Result<std::vector<Count>> counts() const;

  // The policy by the host's clock: when it is due next (INT64_MAX: never), and doing it.
  int64_t next_run_at() const { return next_run_at_; }
  // Takes the turn that is due: whoever gets true runs the policy.
  bool begin_run(int64_t now);
  void run_policy(int64_t now);
  PolicyState policy_state() const;

 private:
  Result<std::set<ExecutionId>> waiting_letters(const std::string& tenant) const;
  Result<std::optional<store::StoredExecution>> row_of(const std::string& tenant, ExecutionId id) const;
  ExecutionId root_of(const store::StoredExecution& row) const;
  Result<bool> is_open(const std::string& tenant, ExecutionId id) const;
  Status prune_tenants(const std::string& tenant, int64_t before, int64_t now, bool dry_run, Pruned& pruned);
  Status copy_everything(const std::string& directory) const;

  store::Store& store_;
  store::DatabaseFile* const file_;
  const store::MemoryStore* const memory_;
  logbook::Logbook& logbook_;
  DiskWatch& disk_;
  const std::string data_directory_;
  const Policy policy_;
  std::atomic<int64_t> next_run_at_;
  std::atomic<uint64_t> ended_at_most_;  // in memory: with more the policy runs at once
  Mutex pruning_;                        // one at a time
  mutable Mutex state_mutex_;
  PolicyState state_ PIRN_GUARDED_BY(state_mutex_);
};

}  // namespace pirn::maintenance
