// What the operator does to the file while the host works. Reading goes through the readers' connections;
// writing takes the writer's connection between two commits, so that there still is one that writes.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "host/store/sqlite_store.h"
#include "packager/file/descriptor.h"
#include "packager/file/whole_file.h"
#include "packager/mutex/mutex.h"

namespace pirn::store {

namespace {

// Whether what it belongs to is open. A young one has a journal and no row yet.
Result<bool> is_open(Connection& connection, ExecutionId id) {
  const std::string number = std::to_string(id.value);
  PIRN_TRY(const int64_t row, connection.integer("SELECT open + 1 FROM executions WHERE id = " + number));
  if (row != 0) return row == 2;
  PIRN_TRY(const int64_t commits,
           connection.integer("SELECT count(*) FROM (SELECT 1 FROM journal WHERE stream = " + number +
                              " LIMIT 1)"));
  return commits != 0;
}

// What open executions were made from (R65): such a one has adopted nested executions of theirs, which it may
// have to roll back.
Result<std::set<ExecutionId>> adopted_from(Connection& connection) {
  std::vector<ExecutionId> next;
  const auto add = [&](std::string_view text) {
    if (const auto id = parse_execution_id(text)) next.push_back(*id);
  };
  const auto each = [&](const std::string& sql, int columns) -> Status {
    PIRN_TRY(Statement rows, connection.prepare(sql));
    int code = SQLITE_ROW;
    while ((code = rows.step()) == SQLITE_ROW)
      for (int column = 0; column < columns; ++column) add(rows.bytes(column));
    return code == SQLITE_DONE ? Status() : Status(connection.error(code, "reading"));
  };
  PIRN_DO(
      each("SELECT json_extract(body, '$.retry_of') FROM executions INDEXED BY executions_open"
           " WHERE open = 1 AND json_valid(body)",
           1));
  // A young one has a journal and no row yet.
  PIRN_DO(
      each("SELECT json_extract(body, '$.events[0].retry_of') FROM journal"
           " WHERE pos > (SELECT watermark FROM meta) AND commit_no = 1 AND json_valid(body)"
           " AND NOT EXISTS (SELECT 1 FROM executions WHERE id = stream)",
           1));
  std::set<ExecutionId> all;
  while (!next.empty()) {
    const ExecutionId id = next.back();
    next.pop_back();
    if (!all.insert(id).second) continue;
    PIRN_DO(
        each("SELECT json_extract(body, '$.retry_of'), json_extract(body, '$.root') FROM executions"
             " WHERE json_valid(body) AND id = " +
                 std::to_string(id.value),
             2));
  }
  return all;
}

}  // namespace

Status copy_database(const std::string& from, const std::string& to) {
  // Made here, for its owner alone; what is there already stays as it is.
  if (!file::FileDescriptor(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)))
    return Error{errno == EEXIST ? Code::conflict : Code::io_failed,
                 "making '" + to + "' failed: " + std::strerror(errno),
                 {},
                 Blame::world};
  const Reading reading(from, "a backup");
  const auto copied = [&]() -> Status {
    PIRN_TRY(Connection connection, Connection::open(from, Connection::Mode::read_only, nullptr));
    PIRN_TRY(Statement copy, connection.prepare("VACUUM INTO ?"));
    copy.bind(1, std::string_view(to));
    const int code = copy.run();
    if (code != SQLITE_OK) {
      Error error = connection.error(code, "copying");
      error.code = Code::io_failed;
      return error;
    }
    return file::sync_file(to);
  };
  const Status status = copied();
  if (!status) ::unlink(to.c_str());
  return status;
}

Result<std::vector<ExecutionId>> SqliteStore::old(const Old& old, size_t limit) const {
  PIRN_TRY(ReaderPool::Lease lease, pool_.lend());
  Connection& connection = lease.connection();
  PIRN_TRY(
      Statement * rows,
      connection.cached("SELECT id, CASE WHEN json_valid(body) THEN json_extract(body, '$.root') END FROM "
                        "(SELECT id, ended_at, body,"
                        " row_number() OVER (PARTITION BY tenant, package, workflow ORDER BY id DESC) AS nth"
                        " FROM executions WHERE open = 0 AND (?1 = '' OR tenant = ?1)"
                        " AND (?2 = '' OR package = ?2) AND (?3 = '' OR workflow = ?3))"
                        " WHERE nth > ?4 AND ended_at < ?5 ORDER BY id"));
  const ResetAtEnd reset(*rows);
  rows->bind(1, std::string_view(old.tenant));
  rows->bind(2, std::string_view(old.package));
  rows->bind(3, std::string_view(old.workflow));
  rows->bind(4, static_cast<int64_t>(std::min<uint64_t>(old.keep_last, INT64_MAX)));
  rows->bind(5, old.ended_before);
  PIRN_TRY(const std::set<ExecutionId> needed, adopted_from(connection));
  std::vector<ExecutionId> found;
  int code = SQLITE_ROW;
  while (found.size() < limit && (code = rows->step()) == SQLITE_ROW) {
    const ExecutionId id{static_cast<uint64_t>(rows->integer(0))};
    if (needed.contains(id)) continue;
    // Only that of a nested execution is written down.
    if (const auto root = parse_execution_id(rows->bytes(1)); root && *root != id) {
      PIRN_TRY(const bool open, is_open(connection, *root));
      if (open || needed.contains(*root)) continue;
    }
    found.push_back(id);
  }
  if (code != SQLITE_ROW && code != SQLITE_DONE) return connection.error(code, "reading");
  return found;
}

// One transaction beside the commits. After an error the store is finished, as after one of a commit; but for a full
// disk, which SQLite reports before the transaction's last frame is in the log: so none of it has happened.
template <class Work>
Status SqliteStore::maintenance(Work work) {
  const MutexLock lock(writing_);
  if (failed_) return *failed_;
  const auto done = [&]() PIRN_REQUIRES(writing_) -> Status {
    PIRN_DO(run(begin_, "pruning"));
    PIRN_DO(check_fence(lease_));
    PIRN_DO(work());
    return run(commit_, "pruning");
  };
  if (Status status = done(); !status) {
    const bool full = (sqlite3_errcode(connection_.handle()) & 0xFF) == SQLITE_FULL;
    if (sqlite3_get_autocommit(connection_.handle()) == 0 && rollback_.run() != SQLITE_OK)
      return fail(std::move(status).error());
    if (full)
      return Error{Code::store_full,
                   "the disk is full, and nothing was removed: pruning needs some room to begin with",
                   "Free some MiB on the disk of '" + path_ + "' and prune again.", Blame::world};
    return fail(std::move(status).error());
  }
  checkpoint_if_due();
  return failed_ ? Status(*failed_) : Status();
}

Status SqliteStore::remove(std::span<const ExecutionId> executions) {
  return maintenance([&]() -> Status {
    writing_.is_held();
    PIRN_TRY(Statement * row, connection_.cached("DELETE FROM executions WHERE id = ? AND open = 0"));
    PIRN_TRY(Statement * journal, connection_.cached("DELETE FROM journal WHERE stream = ?"));
    for (const ExecutionId id : executions) {
      row->bind(1, static_cast<int64_t>(id.value));
      PIRN_DO(run(*row, "pruning"));
      if (sqlite3_changes(connection_.handle()) == 0) continue;
      journal->bind(1, static_cast<int64_t>(id.value));
      PIRN_DO(run(*journal, "pruning"));
    }
    return {};
  });
}

namespace {

// Commits of a tenant's stream that its row includes, and that are older than an instant. Within a stream
// time and commit_no increase together.
constexpr const char* kPastCommits =
    " FROM journal WHERE stream IN (SELECT stream FROM tenants WHERE ?1 = '' OR tenant = ?1)"
    " AND commit_no <= (SELECT commit_no FROM tenants WHERE tenants.stream = journal.stream)"
    " AND CASE WHEN json_valid(body) THEN coalesce(json_extract(body, '$.at'), 0) < ?2 ELSE 0 END";
constexpr const char* kPastEvents = " FROM events WHERE (?1 = '' OR tenant = ?1) AND at < ?2";

}  // namespace

Result<TenantPastSize> SqliteStore::tenant_past(const TenantPast& past) const {
  PIRN_TRY(ReaderPool::Lease lease, pool_.lend());
  Connection& connection = lease.connection();
  const auto count = [&](const char* which, int64_t before) -> Result<uint64_t> {
    PIRN_TRY(Statement * rows, connection.cached(std::string("SELECT count(*)") + which));
    const ResetAtEnd reset(*rows);
    rows->bind(1, std::string_view(past.tenant));
    rows->bind(2, before);
    const int code = rows->step();
    if (code != SQLITE_ROW) return connection.error(code, "reading");
    return static_cast<uint64_t>(rows->integer(0));
  };
  TenantPastSize size;
  PIRN_TRY(size.commits, count(kPastCommits, past.commits_before));
  PIRN_TRY(size.events, count(kPastEvents, past.events_before));
  return size;
}

// What is past is found beside the writer: what stays may be any number of rows, and the engine's commits
// would wait while they are looked at.
Result<TenantPastSize> SqliteStore::remove_tenant_past(const TenantPast& past, size_t limit) {
  std::vector<int64_t> commits;
  std::vector<std::pair<std::string, std::string>> events;
  {
    PIRN_TRY(ReaderPool::Lease lease, pool_.lend());
    const auto find = [&](const std::string& sql, int64_t before, auto take) -> Status {
      PIRN_TRY(Statement * rows, lease.connection().cached(sql));
      const ResetAtEnd reset(*rows);
      rows->bind(1, std::string_view(past.tenant));
      rows->bind(2, before);
      rows->bind(3, static_cast<int64_t>(limit));
      int code = SQLITE_ROW;
      while ((code = rows->step()) == SQLITE_ROW) take(*rows);
      return code == SQLITE_DONE ? Status() : Status(lease.connection().error(code, "reading"));
    };
    PIRN_DO(find(std::string("SELECT pos") + kPastCommits + " LIMIT ?3", past.commits_before,
                 [&](const Statement& row) { commits.push_back(row.integer(0)); }));
    PIRN_DO(find(std::string("SELECT tenant, id") + kPastEvents + " LIMIT ?3", past.events_before,
                 [&](const Statement& row) { events.emplace_back(row.bytes(0), row.bytes(1)); }));
  }
  if (commits.empty() && events.empty()) return TenantPastSize{};
  PIRN_DO(maintenance([&]() -> Status {
    writing_.is_held();
    PIRN_TRY(Statement * commit, connection_.cached("DELETE FROM journal WHERE pos = ?"));
    for (const int64_t pos : commits) {
      commit->bind(1, pos);
      PIRN_DO(run(*commit, "pruning"));
    }
    PIRN_TRY(Statement * event, connection_.cached("DELETE FROM events WHERE tenant = ? AND id = ?"));
    for (const auto& [tenant, id] : events) {
      event->bind(1, std::string_view(tenant));
      event->bind(2, std::string_view(id));
      PIRN_DO(run(*event, "pruning"));
    }
    return {};
  }));
  return TenantPastSize{commits.size(), events.size()};
}

Status SqliteStore::compact() {
  const MutexLock lock(writing_);
  if (failed_) return *failed_;
  // The new file is made beside the old one, not in memory.
  PIRN_DO(connection_.execute("PRAGMA temp_store = FILE"));
  const Status vacuumed = connection_.execute("VACUUM");
  const int why = sqlite3_errcode(connection_.handle()) & 0xFF;
  PIRN_DO(connection_.execute("PRAGMA temp_store = MEMORY"));
  if (!vacuumed) {
    // Without room nothing has changed. What else goes wrong is an error of the disk.
    if (why == SQLITE_FULL) {
      // What was written of the new file lies in the log, and takes the last room from everybody.
      sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
      return Error{Code::store_full,
                   "there is no room to compact '" + connection_.path() +
                       "': its free space stays in it, for new "
                       "executions",
                   "A second file of its size has to fit on the disk. Leave the space to new executions, or "
                   "make room for a moment.",
                   Blame::world};
    }
    return why == SQLITE_BUSY ? vacuumed : fail(vacuumed.error());
  }
  // The space is given back when the log has moved into the file, for which readers have to leave.
  const int code =
      sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if (code == SQLITE_OK) {
    wal_frames_ = moved_frames_ = 0;
  } else if ((code & 0xFF) != SQLITE_BUSY) {
    return fail(connection_.error(code, "a checkpoint of"));
  }
  return {};
}

Result<bool> SqliteStore::taken_over() const {
  PIRN_TRY(ReaderPool::Lease lease, pool_.lend());
  PIRN_TRY(Statement row, lease.connection().prepare("SELECT owner, epoch FROM meta WHERE id = 1"));
  const int code = row.step();
  if (code != SQLITE_ROW) return lease.connection().error(code, "reading");
  return lease_ != Lease{static_cast<uint64_t>(row.integer(0)), static_cast<Epoch>(row.integer(1))};
}

Status SqliteStore::back_up(const std::string& to) const { return copy_database(path_, to); }

Result<std::vector<StateCount>> SqliteStore::counts() const {
  PIRN_TRY(ReaderPool::Lease lease, pool_.lend());
  Connection& connection = lease.connection();
  PIRN_TRY(Statement * rows,
           connection.cached("SELECT tenant, state, count(*) FROM executions GROUP BY tenant, state"
                             " ORDER BY tenant, state"));
  const ResetAtEnd reset(*rows);
  std::vector<StateCount> counts;
  int code = SQLITE_ROW;
  while ((code = rows->step()) == SQLITE_ROW)
    counts.push_back(
        {std::string(rows->bytes(0)), std::string(rows->bytes(1)), static_cast<uint64_t>(rows->integer(2))});
  if (code != SQLITE_DONE) return connection.error(code, "reading");
  return counts;
}

}  // namespace pirn::store
