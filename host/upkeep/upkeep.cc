#include "host/upkeep/upkeep.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/filesystem/operations.hpp>
#include <boost/filesystem/path.hpp>

#include "host/journal/tenant_codec.h"
#include "host/logbook/logbook.h"
#include "host/store/sqlite_store.h"

namespace pirn::upkeep {

namespace {

namespace fs = boost::filesystem;

// Executions that one transaction removes: commits of the engine wait for one such.
constexpr size_t kAtOnce = 64;
constexpr size_t kCounted = 1'000'000;

Error in_memory() {
  return Error{Code::unsupported, "this host keeps its executions in memory",
               "They end with it; start it with --store sqlite to keep them."};
}

Error failed(const std::string& doing, const std::string& path, const std::string& reason) {
  return Error{Code::io_failed, doing + " '" + path + "' failed: " + reason, {}, Blame::world};
}

Status sync_directory(const std::string& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = directory >= 0 && ::fsync(directory) == 0;
  if (directory >= 0) ::close(directory);
  return synced ? Status() : Status(failed("syncing", path, "the system refuses it"));
}

Status copy_one(const fs::path& from, const fs::path& to) {
  boost::system::error_code error;
  fs::copy_file(from, to, error);
  if (!error) fs::permissions(to, fs::owner_read | fs::owner_write, error);
  if (error) return failed("copying to", to.string(), error.message());
  const int file = ::open(to.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = file >= 0 && ::fsync(file) == 0;
  if (file >= 0) ::close(file);
  return synced ? Status() : Status(failed("syncing", to.string(), "the system refuses it"));
}

Status make_directory(const fs::path& path) {
  boost::system::error_code error;
  if (!fs::create_directory(path, error) && !error)
    return Error{Code::conflict, "'" + path.string() + "' is there already",
                 "Name a directory that is not there."};
  if (!error) fs::permissions(path, fs::owner_all, error);
  return error ? Status(failed("making", path.string(), error.message())) : Status();
}

// A blob is written under another name and renamed when it is whole.
Status copy_blobs(const fs::path& from, const fs::path& to) {
  PIRN_DO(make_directory(to));
  boost::system::error_code error;
  for (fs::directory_iterator each(from, error), end; !error && each != end; each.increment(error))
    if (each->path().filename().string().front() != '.')
      PIRN_DO(copy_one(each->path(), to / each->path().filename()));
  if (error) return failed("reading", from.string(), error.message());
  return sync_directory(to.string());
}

}  // namespace

Status check(const Rule& rule) {
  if (rule.older_than_ns > 0 || rule.keep_last > 0) return {};
  return Error{Code::invalid_argument, "the rule has no bound, so that nothing would be kept",
               "Say how old, or how many of each workflow stay, or both."};
}

Upkeep::Upkeep(store::SqliteStore* store, logbook::Logbook& logbook, std::string data_directory,
               Policy policy)
    : store_(store),
      logbook_(logbook),
      data_directory_(std::move(data_directory)),
      policy_(std::move(policy)),
      next_run_at_(store_ == nullptr || policy_.rules.empty() ? INT64_MAX : 0) {}

Result<Pruned> Upkeep::prune(const Rule& rule, int64_t now, bool dry_run) {
  PIRN_DO(check(rule));
  if (store_ == nullptr) return in_memory();
  const std::lock_guard lock(pruning_);
  const store::SqliteStore::Old old{rule.tenant, rule.package, rule.workflow,
                                    rule.older_than_ns > 0 ? now - rule.older_than_ns : INT64_MAX,
                                    rule.keep_last};
  Pruned pruned;
  PIRN_TRY(std::vector<ExecutionId> all, store_->old(old, kCounted));
  // Behind it: an execution ends and leaves its letter in one transaction.
  PIRN_TRY(const std::set<ExecutionId> letters, waiting_letters(rule.tenant));
  pruned.kept_for_letters = std::erase_if(all, [&](ExecutionId id) { return letters.contains(id); });
  for (size_t at = 0; !dry_run && at < all.size(); at += kAtOnce) {
    const std::span<const ExecutionId> part(all.data() + at, std::min(kAtOnce, all.size() - at));
    PIRN_DO(store_->remove(part));
    PIRN_DO(logbook_.forget(part));
  }
  pruned.executions = all.size();
  return pruned;
}

// Of one tenant, or of all: their rows with the commits that the rows do not know yet.
Result<std::set<ExecutionId>> Upkeep::waiting_letters(const std::string& tenant) const {
  std::set<ExecutionId> letters;
  PIRN_TRY(const std::vector<store::StoredTenant> tenants, store_->tenants());
  for (const store::StoredTenant& row : tenants) {
    if (!tenant.empty() && row.tenant != tenant) continue;
    PIRN_TRY(journal::TenantState state, journal::decode_tenant_state(row.body));
    PIRN_TRY(const auto commits, store_->journal(row.stream, row.commit_no, UINT32_MAX));
    for (const store::StoredCommit& commit : commits) {
      PIRN_TRY(const auto decoded, journal::decode_tenant_commit(commit.body, commit.schema));
      for (const journal::TenantRecord& record : decoded.records)
        if (!journal::replay(state, record, decoded.at))
          return Error{Code::journal_corrupt,
                       "the journal of the tenant '" + row.tenant + "' is damaged in its commit " +
                           std::to_string(commit.commit_no),
                       "", Blame::world};
    }
    for (const auto& [id, letter] : state.letters) letters.insert(id);
  }
  return letters;
}

Status Upkeep::compact() {
  if (store_ == nullptr) return in_memory();
  return store_->compact();
}

Status Upkeep::back_up(const std::string& directory) const {
  if (store_ == nullptr) return in_memory();
  if (!directory.starts_with('/'))
    return Error{Code::invalid_argument, "'" + directory + "' is not an absolute path",
                 "Name a directory of the host's machine that is not there yet."};
  const fs::path to(directory), from(data_directory_);
  PIRN_DO(make_directory(to));
  PIRN_DO(store_->back_up((to / "pirn.db").string()));
  PIRN_DO(store::copy_database((from / "registry.db").string(), (to / "registry.db").string()));
  for (const char* beside : {"registry.pepper", "registry.sealed"})
    PIRN_DO(copy_one(from / beside, to / beside));
  PIRN_DO(copy_blobs(from / "blobs", to / "blobs"));
  PIRN_DO(store::copy_database((from / "logbook.db").string(), (to / "logbook.db").string()));
  return sync_directory(to.string());
}

Status Upkeep::sweep() {
  if (store_ == nullptr) return {};
  ExecutionId after;
  for (;;) {
    PIRN_TRY(const std::vector<ExecutionId> known, logbook_.executions(after, 1000));
    if (known.empty()) return {};
    std::vector<ExecutionId> gone;
    for (const ExecutionId id : known) {
      PIRN_TRY(const auto commits, store_->journal(id, 0, 1));
      if (commits.empty()) gone.push_back(id);
    }
    PIRN_DO(logbook_.forget(gone));
    after = known.back();
  }
}

Result<std::vector<Count>> Upkeep::counts() const {
  std::vector<Count> all;
  if (store_ == nullptr) return all;
  PIRN_TRY(const auto counts, store_->counts());
  for (const store::SqliteStore::Count& each : counts)
    all.push_back({each.tenant, each.state, each.executions});
  return all;
}

bool Upkeep::begin_run(int64_t now) {
  int64_t due = next_run_at_;
  return due <= now && next_run_at_.compare_exchange_strong(due, now + policy_.every_ns);
}

void Upkeep::run_policy(int64_t now) {
  uint64_t removed = 0;
  std::string problem;
  const auto tell = [&](const Status& status) {
    if (!status && problem.empty()) problem = status.error().message;
  };
  for (const Rule& rule : policy_.rules) {
    const Result<Pruned> pruned = prune(rule, now, false);
    if (pruned)
      removed += pruned->executions;
    else
      tell(pruned.error());
  }
  tell(sweep());
  const std::lock_guard lock(state_mutex_);
  state_.last_run_at = now;
  state_.removed += removed;
  state_.last_error = problem;
}

PolicyState Upkeep::policy_state() const {
  const std::lock_guard lock(state_mutex_);
  PolicyState state = state_;
  state.next_run_at = next_run_at_ == INT64_MAX ? 0 : next_run_at_.load();
  return state;
}

}  // namespace pirn::upkeep
