#include "host/maintenance/maintenance.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <boost/filesystem/operations.hpp>
#include <boost/filesystem/path.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>

#include "host/journal/tenant_codec.h"
#include "host/logbook/logbook.h"
#include "host/maintenance/backup.h"
#include "host/maintenance/files.h"
#include "host/store/memory_store.h"
#include "host/store/sqlite_store.h"
#include "packager/file/whole_file.h"
#include "packager/json/json.h"
#include "packager/mutex/mutex.h"

namespace pirn::maintenance {

namespace {

namespace fs = boost::filesystem;

// Executions that one transaction removes: commits of the engine wait for one such.
constexpr size_t kAtOnce = 64;
constexpr size_t kTenantRowsAtOnce = 512;
constexpr uint64_t kCompactRoom = 8u << 20;  // that stays while a file is compacted
constexpr size_t kCounted = 1'000'000;

Error in_memory() {
  return Error{Code::unsupported, "this host keeps its executions in memory",
               "They end with it; start it with --store sqlite to keep them."};
}

Status copy_one(const fs::path& from, const fs::path& to) {
  boost::system::error_code error;
  fs::copy_file(from, to, error);
  if (!error) fs::permissions(to, fs::owner_read | fs::owner_write, error);
  if (error) return io_failed("copying to", to.string(), error.message());
  return file::sync_file(to.string());
}

Status make_directory(const fs::path& path) {
  boost::system::error_code error;
  if (!fs::create_directory(path, error) && !error)
    return Error{Code::conflict, "'" + path.string() + "' is there already",
                 "Name a directory that is not there."};
  if (!error) fs::permissions(path, fs::owner_all, error);
  return error ? Status(io_failed("making", path.string(), error.message())) : Status();
}

// A blob is written under another name and renamed when it is whole.
Status copy_blobs(const fs::path& from, const fs::path& to) {
  PIRN_DO(make_directory(to));
  boost::system::error_code error;
  for (fs::directory_iterator each(from, error), end; !error && each != end; each.increment(error))
    if (each->path().filename().string().front() != '.')
      PIRN_DO(copy_one(each->path(), to / each->path().filename()));
  if (error) return io_failed("reading", from.string(), error.message());
  return file::sync_folder(to.string());
}

// A nested execution says in its row what it belongs to.
ExecutionId root_in(const store::StoredExecution& row) {
  const auto body = parse_own_json(row.body, "a row", {});
  const boost::json::value* root =
      body && body->is_object() ? body->as_object().if_contains("root") : nullptr;
  const auto id = root != nullptr && root->is_string()
                      ? parse_execution_id(std::string_view(root->as_string()))
                      : Result<ExecutionId>(row.id);
  return id ? *id : row.id;
}

}  // namespace

Status check(const Rule& rule) {
  if (rule.older_than_ns > 0 || rule.keep_last > 0) return {};
  return Error{Code::invalid_argument, "the rule has no bound, so that nothing would be kept",
               "Say how old, or how many of each workflow stay, or both."};
}

Maintenance::Maintenance(store::Store& store, store::DatabaseFile* file, const store::MemoryStore* memory,
                         logbook::Logbook& logbook, DiskWatch& disk, std::string data_directory,
                         Policy policy)
    : store_(store),
      file_(file),
      memory_(memory),
      logbook_(logbook),
      disk_(disk),
      data_directory_(std::move(data_directory)),
      policy_([&] {
        if (memory != nullptr && policy.rules.empty())
          policy.rules.push_back({.keep_last = policy.keep_in_memory});
        return std::move(policy);
      }()),
      next_run_at_(policy_.rules.empty() && policy_.tenant_journal_ns == 0 ? INT64_MAX : 0),
      ended_at_most_(file == nullptr ? 2 * policy_.keep_in_memory : UINT64_MAX) {}

Result<Pruned> Maintenance::prune(const Rule& rule, int64_t now, bool dry_run) {
  PIRN_DO(check(rule));
  const MutexLock lock(pruning_);
  const store::Old old{rule.tenant, rule.package, rule.workflow,
                       rule.older_than_ns > 0 ? now - rule.older_than_ns : INT64_MAX, rule.keep_last};
  Pruned pruned;
  PIRN_TRY(std::vector<ExecutionId> all, store_.old(old, kCounted));
  // Behind it: an execution ends and leaves its letter in one transaction.
  PIRN_TRY(const std::set<ExecutionId> letters, waiting_letters(rule.tenant));
  pruned.kept_for_letters = std::erase_if(all, [&](ExecutionId id) { return letters.contains(id); });
  for (size_t at = 0; !dry_run && at < all.size(); at += kAtOnce) {
    const std::span<const ExecutionId> part(all.data() + at, std::min(kAtOnce, all.size() - at));
    PIRN_DO(store_.remove(part));
    PIRN_DO(logbook_.forget(part));
  }
  pruned.executions = all.size();
  if (rule.older_than_ns > 0 && rule.package.empty() && rule.workflow.empty())
    PIRN_DO(prune_tenants(rule.tenant, now - rule.older_than_ns, now, dry_run, pruned));
  return pruned;
}

Status Maintenance::prune_tenants(const std::string& tenant, int64_t before, int64_t now, bool dry_run,
                                  Pruned& pruned) {
  const store::TenantPast past{tenant, before, std::min(before, now - policy_.event_window_ns)};
  const auto add = [&](const store::TenantPastSize& size) {
    pruned.tenant_commits += size.commits;
    pruned.event_ids += size.events;
    return size.commits + size.events > 0;
  };
  if (dry_run) {
    PIRN_TRY(const store::TenantPastSize size, store_.tenant_past(past));
    add(size);
    return {};
  }
  for (bool more = true; more;) {
    PIRN_TRY(const store::TenantPastSize size, store_.remove_tenant_past(past, kTenantRowsAtOnce));
    more = add(size);
  }
  return {};
}

// A young execution has a journal and no row yet.
// Also of a damaged row: then its columns are all that is known.
Result<std::optional<store::StoredExecution>> Maintenance::row_of(const std::string& tenant,
                                                                  ExecutionId id) const {
  auto row = store_.find(tenant, id);
  if (row || row.error().code != Code::store_corrupt) return row;
  PIRN_TRY(auto rows, store_.list({.tenant = tenant, .before = {id.value + 1}, .limit = 1}));
  if (rows.empty() || rows.front().id != id) return row;
  return std::optional(std::move(rows.front()));
}

// What it belongs to, by its row or else by its journal.
ExecutionId Maintenance::root_of(const store::StoredExecution& row) const {
  if (!row.damaged) return root_in(row);
  const auto commits = store_.journal(row.id, 0, 1);
  const auto first = commits && !commits->empty()
                         ? journal::decode_commit(commits->front().body, commits->front().schema)
                         : Result<journal::Commit>(Error());
  if (!first || first->records.empty()) return row.id;
  const auto* created = std::get_if<journal::Created>(&first->records.front());
  return created && created->root ? created->root : row.id;
}

Result<bool> Maintenance::is_open(const std::string& tenant, ExecutionId id) const {
  PIRN_TRY(const auto row, row_of(tenant, id));
  if (row) return row->open;
  PIRN_TRY(const auto commits, store_.journal(id, 0, 1));
  return !commits.empty();
}

Status Maintenance::remove(const std::string& tenant, ExecutionId id) {
  const MutexLock lock(pruning_);
  const auto open = [&] {
    return Error{Code::invalid_transition, "execution " + id.text() + " is open and cannot be deleted",
                 "Cancel it first: pirn run cancel " + id.text()};
  };
  PIRN_TRY(const auto row, row_of(tenant, id));
  PIRN_TRY(const bool is_open, this->is_open(tenant, id));
  if (is_open) return open();
  if (!row) return Error{Code::not_found, "there is no execution '" + id.text() + "'"};
  const ExecutionId root = root_of(*row);
  PIRN_TRY(bool part_of_open, this->is_open(tenant, root));
  // A retry of what it belongs to may have adopted it (R65), which the store knows.
  if (!part_of_open && root != id) {
    PIRN_TRY(const auto old,
             store_.old({.tenant = tenant, .package = row->package, .workflow = row->workflow}, SIZE_MAX));
    part_of_open = !std::binary_search(old.begin(), old.end(), id);
  }
  if (part_of_open)
    return Error{Code::invalid_transition,
                 "execution " + id.text() + " belongs to one that is open and cannot be deleted",
                 "It may have to be rolled back yet."};
  PIRN_TRY(const std::set<ExecutionId> letters, waiting_letters(tenant));
  if (letters.contains(id))
    return Error{Code::conflict, "the dead letter of execution " + id.text() + " waits to be retried",
                 "Retry or discard it first: pirn dlq retry " + id.text()};
  PIRN_DO(store_.remove({&id, 1}));
  return logbook_.forget({&id, 1});
}

// Of one tenant, or of all: their rows with the commits that the rows do not know yet.
Result<std::set<ExecutionId>> Maintenance::waiting_letters(const std::string& tenant) const {
  std::set<ExecutionId> letters;
  PIRN_TRY(const std::vector<store::StoredTenant> tenants, store_.tenants());
  for (const store::StoredTenant& row : tenants) {
    if (!tenant.empty() && row.tenant != tenant) continue;
    PIRN_TRY(journal::TenantState state, journal::decode_tenant_state(row.body));
    PIRN_TRY(const auto commits, store_.journal(row.stream, row.commit_no, UINT32_MAX));
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

Status Maintenance::compact() {
  if (file_ == nullptr) return in_memory();
  // The new file is written twice before the old one can go: beside it, and into its log. Without room for
  // that it is not begun, for it would first take from those who run what is left.
  PIRN_TRY(const store::FileUse file, file_->use());
  const uint64_t needed = 2 * file.used;
  PIRN_TRY(const DiskSpace space, disk_.ask(file_->path().substr(0, file_->path().rfind('/'))));
  if (space.free < needed + kCompactRoom)
    return Error{Code::store_full,
                 "there is no room to compact '" + file_->path() + "': that takes " + std::to_string(needed) +
                     " bytes for a while, and " + std::to_string(space.free) + " are left",
                 "The free space stays in the file, for new executions.", Blame::world};
  return file_->compact();
}

namespace {

// Whether a directory that is to be made would lie in the other one, whatever symbolic links are on the way.
bool is_inside(const fs::path& directory, const fs::path& other) {
  boost::system::error_code ignored;
  const fs::path parent = fs::weakly_canonical(directory.parent_path(), ignored);
  const fs::path root = fs::weakly_canonical(other, ignored);
  return !root.empty() &&
         std::mismatch(root.begin(), root.end(), parent.begin(), parent.end()).first == root.end();
}

}  // namespace

Status Maintenance::back_up(const std::string& named, int64_t now) const {
  if (file_ == nullptr) return in_memory();
  // "copy/", as a shell completes it, is "copy".
  const std::string directory = named.substr(0, named.find_last_not_of('/') + 1);
  if (!directory.starts_with('/'))
    return Error{Code::invalid_argument, "'" + directory + "' is not an absolute path",
                 "Name a directory of the host's machine that is not there yet."};
  const auto there = [&] {
    return Error{Code::conflict, "'" + directory + "' is there already",
                 "Name a directory that is not there."};
  };
  boost::system::error_code ignored;
  if (fs::exists(fs::symlink_status(directory, ignored))) return there();
  if (is_inside(directory, data_directory_))
    return Error{Code::invalid_argument,
                 "'" + directory + "' is inside the data directory that is to be copied",
                 "Name a directory elsewhere, best on another disk."};
  const std::string unfinished = directory + ".partial";
  // A backup that was killed has left it, perhaps with everything but its name: nobody was told that it is there.
  if (is_unfinished_backup(unfinished) || is_unnamed_backup(unfinished)) fs::remove_all(unfinished, ignored);
  PIRN_DO(make_directory(unfinished));
  const auto copied = [&]() -> Status {
    PIRN_DO(begin_manifest(unfinished));
    PIRN_DO(copy_everything(unfinished));
    PIRN_DO(complete_manifest(unfinished, now));
    if (::renameat2(AT_FDCWD, unfinished.c_str(), AT_FDCWD, directory.c_str(), RENAME_NOREPLACE) != 0) {
      if (errno == EEXIST) return there();
      return io_failed("renaming to", directory, std::strerror(errno));
    }
    return file::sync_folder(fs::path(directory).parent_path().string());
  };
  Status status = copied();
  if (!status) fs::remove_all(unfinished, ignored);
  return status;
}

Status Maintenance::copy_everything(const std::string& directory) const {
  const fs::path to(directory), from(data_directory_);
  PIRN_DO(file_->back_up((to / "pirn.db").string()));
  PIRN_DO(store::copy_database((from / "registry.db").string(), (to / "registry.db").string()));
  for (const char* beside : {"registry.pepper", "registry.sealed"})
    PIRN_DO(copy_one(from / beside, to / beside));
  PIRN_DO(copy_blobs(from / "blobs", to / "blobs"));
  PIRN_DO(store::copy_database((from / "logbook.db").string(), (to / "logbook.db").string()));
  return file::sync_folder(to.string());
}

Result<Verification> Maintenance::verify() const {
  return maintenance::verify(data_directory_, file_ == nullptr ? std::string() : file_->path());
}

Status Maintenance::sweep() {
  ExecutionId after;
  for (;;) {
    PIRN_TRY(const std::vector<ExecutionId> known, logbook_.executions(after, 1000));
    if (known.empty()) return {};
    std::vector<ExecutionId> gone;
    for (const ExecutionId id : known) {
      const auto commits = store_.journal(id, 0, 1);
      if (!commits && commits.error().code != Code::store_corrupt) return commits.error();
      if (commits && commits->empty()) gone.push_back(id);  // a damaged journal is one
    }
    PIRN_DO(logbook_.forget(gone));
    after = known.back();
  }
}

Result<std::vector<Count>> Maintenance::counts() const {
  std::vector<Count> all;
  PIRN_TRY(const auto counts, store_.counts());
  for (const store::StateCount& each : counts) all.push_back({each.tenant, each.state, each.executions});
  return all;
}

bool Maintenance::begin_run(int64_t now) {
  int64_t due = next_run_at_;
  if (due > now && memory_ != nullptr && memory_->ended() > ended_at_most_) {
    ended_at_most_ = UINT64_MAX;  // until the run has left its number
    next_run_at_ = now + policy_.every_ns;
    return true;
  }
  return due <= now && next_run_at_.compare_exchange_strong(due, now + policy_.every_ns);
}

void Maintenance::run_policy(int64_t now) {
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
  if (policy_.tenant_journal_ns > 0) {
    Pruned pruned;
    const MutexLock lock(pruning_);
    tell(prune_tenants("", now - policy_.tenant_journal_ns, now, false, pruned));
  }
  tell(sweep());
  if (memory_ != nullptr) ended_at_most_ = 2 * std::max(memory_->ended(), policy_.keep_in_memory);
  const MutexLock lock(state_mutex_);
  state_.last_run_at = now;
  state_.removed += removed;
  state_.last_error = problem;
}

PolicyState Maintenance::policy_state() const {
  const MutexLock lock(state_mutex_);
  PolicyState state = state_;
  state.next_run_at = next_run_at_ == INT64_MAX ? 0 : next_run_at_.load();
  return state;
}

}  // namespace pirn::maintenance
