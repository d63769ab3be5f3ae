#include "host/store/sqlite_reader.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>

#include "host/store/checksum.h"
#include "packager/mutex/mutex.h"

namespace pirn::store {

const char* const kExecutionColumns =
    "id, commit_no, open, state, tenant, package, version, workflow, release, key, input_digest, created_at, "
    "started_at, ended_at, body, sum";
const char* const kCommitColumns = "stream, commit_no, schema, body, sum";
const char* const kTenantColumns = "stream, commit_no, tenant, body, sum";

namespace {

Digest read_digest(const Statement& row, int column) {
  Digest digest;
  const std::string_view bytes = row.bytes(column);
  std::memcpy(digest.bytes.data(), bytes.data(), std::min(bytes.size(), digest.bytes.size()));
  return digest;
}

// Ids of this century are positive in SQLite's signed integers; what a client sends may be anything.
int64_t stored_id(ExecutionId id) { return static_cast<int64_t>(std::min<uint64_t>(id.value, INT64_MAX)); }

// An id begins with the milliseconds of its creation; hosts' clocks may differ by this much.
constexpr int64_t kClockSlackMs = 3'600'000;
int64_t first_id_since(int64_t since_ns) {
  const int64_t ms = since_ns / 1'000'000 - kClockSlackMs;
  return ms <= 0 ? 0 : std::min<int64_t>(ms, INT64_MAX >> 21) << 21;
}

constexpr std::chrono::milliseconds kHeldBack{250};

// One list of columns for what is written and what was read.
template <class Row>
int64_t sum_of_execution(const Row& row) {
  const auto bytes = [](const Digest& digest) {
    return std::string_view(reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size());
  };
  Checksum sum;
  sum.add(static_cast<int64_t>(row.id.value)).add(int64_t{row.commit_no}).add(int64_t{row.open});
  for (const std::string_view text :
       {std::string_view(row.state), std::string_view(row.tenant), std::string_view(row.package),
        std::string_view(row.version), std::string_view(row.workflow), bytes(row.release),
        std::string_view(row.key), bytes(row.input_digest)})
    sum.add(text);
  sum.add(row.created_at).add(row.started_at).add(row.ended_at).add(std::string_view(row.body));
  return sum.value();
}

template <class Row>
int64_t sum_of_commit(const Row& row) {
  return Checksum()
      .add(static_cast<int64_t>(row.stream.value))
      .add(int64_t{row.commit_no})
      .add(int64_t{row.schema})
      .add(std::string_view(row.body))
      .value();
}

template <class Row>
int64_t sum_of_tenant(const Row& row) {
  return Checksum()
      .add(static_cast<int64_t>(row.stream.value))
      .add(int64_t{row.commit_no})
      .add(std::string_view(row.tenant))
      .add(std::string_view(row.body))
      .value();
}

template <class Row>
void compare(const Statement& statement, int column, int64_t sum, Row& row) {
  if (statement.is_null(column) || statement.integer(column) == sum) return;
  row.damaged = true;
  row.body.clear();
}

bool all_of_states(const std::vector<std::string>& states, std::initializer_list<std::string_view> set) {
  return !states.empty() && std::all_of(states.begin(), states.end(), [&](const std::string& state) {
    return std::find(set.begin(), set.end(), state) != set.end();
  });
}

}  // namespace

int64_t checksum_of(const JournalRow& row) { return sum_of_commit(row); }
int64_t checksum_of(const ExecutionRow& row) { return sum_of_execution(row); }
int64_t checksum_of(const TenantRow& row) { return sum_of_tenant(row); }
int64_t checksum_of(const EventRow& row) {
  return Checksum().add(row.tenant).add(row.id).add(row.at).add(row.body).value();
}

Error damaged_row(const std::string& file, const std::string& what) {
  return {Code::store_corrupt, "'" + file + "' is damaged: " + what + " does not match its checksum",
          "Restore a backup; pirn store verify lists everything that is damaged.", Blame::world};
}

StoredExecution read_execution(const Statement& row) {
  const auto text = [&](int column) { return std::string(row.bytes(column)); };
  StoredExecution out;
  out.id = {static_cast<uint64_t>(row.integer(0))};
  out.commit_no = static_cast<uint32_t>(row.integer(1));
  out.open = row.integer(2) != 0;
  out.state = text(3);
  out.tenant = text(4);
  out.package = text(5);
  out.version = text(6);
  out.workflow = text(7);
  out.release = read_digest(row, 8);
  out.key = text(9);
  out.input_digest = read_digest(row, 10);
  out.created_at = row.integer(11);
  out.started_at = row.integer(12);
  out.ended_at = row.integer(13);
  out.body = text(14);
  compare(row, 15, sum_of_execution(out), out);
  return out;
}

StoredCommit read_commit(const Statement& row) {
  StoredCommit out{{static_cast<uint64_t>(row.integer(0))},
                   static_cast<uint32_t>(row.integer(1)),
                   static_cast<uint32_t>(row.integer(2)),
                   std::string(row.bytes(3))};
  compare(row, 4, sum_of_commit(out), out);
  return out;
}

StoredTenant read_tenant(const Statement& row) {
  StoredTenant out{{static_cast<uint64_t>(row.integer(0))},
                   static_cast<uint32_t>(row.integer(1)),
                   std::string(row.bytes(2)),
                   std::string(row.bytes(3))};
  compare(row, 4, sum_of_tenant(out), out);
  return out;
}

Result<std::optional<StoredExecution>> SqliteReader::first(Statement& statement) {
  const int code = statement.step();
  if (code == SQLITE_ROW) {
    StoredExecution row = read_execution(statement);
    if (row.damaged) return damaged_row(connection_.path(), "the row of execution " + row.id.text());
    return std::optional(std::move(row));
  }
  if (code != SQLITE_DONE) return connection_.error(code, "reading");
  return std::optional<StoredExecution>();
}

Result<std::optional<StoredExecution>> SqliteReader::find(std::string_view tenant, ExecutionId id) {
  static const std::string sql =
      std::string("SELECT ") + kExecutionColumns + " FROM executions WHERE id = ? AND tenant = ?";
  PIRN_TRY(Statement * statement, connection_.cached(sql));
  const ResetAtEnd reset(*statement);
  statement->bind(1, stored_id(id));
  statement->bind(2, tenant);
  return first(*statement);
}

Result<std::optional<StoredExecution>> SqliteReader::find_by_key(std::string_view tenant,
                                                                 std::string_view key) {
  static const std::string sql = std::string("SELECT ") + kExecutionColumns +
                                 " FROM executions INDEXED BY executions_by_key"
                                 " WHERE tenant = ? AND key = ? AND key <> ''";
  PIRN_TRY(Statement * statement, connection_.cached(sql));
  const ResetAtEnd reset(*statement);
  statement->bind(1, tenant);
  statement->bind(2, key);
  return first(*statement);
}

// The index is named, so that the plan never depends on statistics. `open = 1` and the literal states repeat
// the conditions of the partial indices, which SQLite must find in the statement to use them.
ListQuery list_query(const ExecutionFilter& filter) {
  const bool open =
      all_of_states(filter.states, {"pending", "running", "paused", "stopping", "compensating"});
  const bool unsuccessful = all_of_states(filter.states, {"failed", "cancelled"});
  ListQuery query;
  query.sql = std::string("SELECT ") + kExecutionColumns + " FROM executions INDEXED BY " +
              (open           ? "executions_open WHERE open = 1 AND"
               : unsuccessful ? "executions_unsuccessful WHERE state IN ('failed', 'cancelled') AND"
                              : "executions_by_tenant WHERE") +
              " tenant = ?";
  query.texts.push_back(filter.tenant);
  const auto equals = [&](const char* column, const std::string& value) {
    if (value.empty()) return;
    query.sql += std::string(" AND ") + column + " = ?";
    query.texts.push_back(value);
  };
  equals("package", filter.package);
  equals("workflow", filter.workflow);
  if (!filter.states.empty()) {
    query.sql += " AND state IN (";
    for (const std::string& state : filter.states) {
      query.sql += query.sql.back() == '(' ? "?" : ", ?";
      query.texts.push_back(state);
    }
    query.sql += ")";
  }
  query.sql += " AND id >= ? AND id < ? AND created_at >= ? ORDER BY id DESC LIMIT ?";
  query.integers = {first_id_since(filter.since), filter.before ? stored_id(filter.before) : INT64_MAX,
                    filter.since, filter.limit};
  return query;
}

Result<std::vector<StoredExecution>> SqliteReader::list(const ExecutionFilter& filter) {
  const ListQuery query = list_query(filter);
  // Not kept: a client chooses how many states it names, and so how many texts there could be.
  PIRN_TRY(Statement statement, connection_.prepare(query.sql));
  int at = 0;
  for (const std::string_view text : query.texts) statement.bind(++at, text);
  for (const int64_t integer : query.integers) statement.bind(++at, integer);
  std::vector<StoredExecution> out;
  int code = SQLITE_ROW;
  while ((code = statement.step()) == SQLITE_ROW) out.push_back(read_execution(statement));
  if (code != SQLITE_DONE) return connection_.error(code, "reading");
  return out;
}

Result<std::vector<StoredCommit>> SqliteReader::journal(ExecutionId id, uint32_t after_commit,
                                                        uint32_t limit) {
  static const std::string sql = std::string("SELECT ") + kCommitColumns +
                                 " FROM journal INDEXED BY journal_by_stream WHERE stream = ? AND commit_no "
                                 "> ? ORDER BY commit_no LIMIT ?";
  PIRN_TRY(Statement * statement, connection_.cached(sql));
  const ResetAtEnd reset(*statement);
  statement->bind(1, stored_id(id));
  statement->bind(2, int64_t{after_commit});
  statement->bind(3, int64_t{limit});
  std::vector<StoredCommit> out;
  int code = SQLITE_ROW;
  while ((code = statement->step()) == SQLITE_ROW) {
    out.push_back(read_commit(*statement));
    if (out.back().damaged)
      return damaged_row(connection_.path(),
                         "commit " + std::to_string(out.back().commit_no) + " of stream " + id.text());
  }
  if (code != SQLITE_DONE) return connection_.error(code, "reading");
  return out;
}

Result<ExecutionId> SqliteReader::last_id() {
  PIRN_TRY(const int64_t id, connection_.integer("SELECT max(stream) FROM journal"));
  return ExecutionId{static_cast<uint64_t>(id)};
}

Result<int64_t> SqliteReader::newest_instant() {
  PIRN_TRY(Statement newest, connection_.prepare(std::string("SELECT ") + kCommitColumns +
                                                 " FROM journal ORDER BY pos DESC LIMIT 1"));
  const int code = newest.step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) return connection_.error(code, "reading");
  constexpr std::string_view kBegin = "{\"at\":";
  const std::string body =
      code == SQLITE_ROW ? read_commit(newest).body : std::string();  // of a damaged one empty
  int64_t at = 0;
  if (body.starts_with(kBegin)) std::from_chars(body.data() + kBegin.size(), body.data() + body.size(), at);
  return at;
}

Result<std::vector<StoredTenant>> SqliteReader::tenants() {
  PIRN_TRY(Statement statement,
           connection_.prepare(std::string("SELECT ") + kTenantColumns + " FROM tenants ORDER BY stream"));
  std::vector<StoredTenant> out;
  int code = SQLITE_ROW;
  while ((code = statement.step()) == SQLITE_ROW) out.push_back(read_tenant(statement));
  if (code != SQLITE_DONE) return connection_.error(code, "reading");
  return out;
}

Result<std::optional<StoredTenant>> SqliteReader::find_tenant(std::string_view tenant) {
  static const std::string sql = std::string("SELECT ") + kTenantColumns + " FROM tenants WHERE tenant = ?";
  PIRN_TRY(Statement * statement, connection_.cached(sql));
  const ResetAtEnd reset(*statement);
  statement->bind(1, tenant);
  const int code = statement->step();
  if (code == SQLITE_ROW) {
    StoredTenant row = read_tenant(*statement);
    if (row.damaged) return damaged_row(connection_.path(), "the row of the tenant '" + row.tenant + "'");
    return std::optional(std::move(row));
  }
  if (code != SQLITE_DONE) return connection_.error(code, "reading");
  return std::optional<StoredTenant>();
}

Result<std::optional<StoredEvent>> SqliteReader::find_event(std::string_view tenant, std::string_view id) {
  PIRN_TRY(Statement * statement,
           connection_.cached("SELECT at, body, sum FROM events WHERE tenant = ? AND id = ?"));
  const ResetAtEnd reset(*statement);
  statement->bind(1, tenant);
  statement->bind(2, id);
  const int code = statement->step();
  if (code == SQLITE_ROW) {
    const EventRow row{tenant, id, statement->integer(0), statement->bytes(1)};
    if (!statement->is_null(2) && statement->integer(2) != checksum_of(row))
      return damaged_row(connection_.path(), "the event '" + std::string(id) + "'");
    return std::optional(StoredEvent{row.at, std::string(row.body)});
  }
  if (code != SQLITE_DONE) return connection_.error(code, "reading");
  return std::optional<StoredEvent>();
}

Result<FileUse> SqliteReader::use() {
  PIRN_TRY(const int64_t pages, connection_.integer("PRAGMA page_count"));
  PIRN_TRY(const int64_t free_pages, connection_.integer("PRAGMA freelist_count"));
  PIRN_TRY(const int64_t page_bytes, connection_.integer("PRAGMA page_size"));
  return FileUse{static_cast<uint64_t>((pages - free_pages) * page_bytes),
                 static_cast<uint64_t>(free_pages * page_bytes)};
}

Result<StoreStats> SqliteReader::stats() {
  static const std::string sql =
      "SELECT coalesce((SELECT max(pos) FROM journal) - (SELECT min(pos) FROM journal) + 1, 0),"
      " (SELECT count(*) FROM executions),"
      " (SELECT count(*) FROM executions INDEXED BY executions_open WHERE open = 1),"
      " (SELECT count(*) FROM journal INDEXED BY journal_by_stream WHERE stream < 2097152),"
      " (SELECT count(*) FROM events)";
  PIRN_TRY(Statement * statement, connection_.cached(sql));
  const ResetAtEnd reset(*statement);
  const int code = statement->step();
  if (code != SQLITE_ROW) return connection_.error(code, "reading");
  StoreStats stats;
  stats.journal_rows = static_cast<uint64_t>(statement->integer(0));
  stats.executions = static_cast<uint64_t>(statement->integer(1));
  stats.open_executions = static_cast<uint64_t>(statement->integer(2));
  stats.tenant_rows = static_cast<uint64_t>(statement->integer(3));
  stats.event_ids = static_cast<uint64_t>(statement->integer(4));
  PIRN_TRY(const FileUse file, use());
  stats.free_bytes = file.free;
  return stats;
}

Result<ReaderPool::Lease> ReaderPool::lend() {
  {
    MutexLock lock(mutex_);
    // Being held back is a courtesy to the writer, with an end: nobody may depend on its next turn.
    const auto until = std::chrono::steady_clock::now() + kHeldBack;
    while (held_back_ && changed_.wait_until(mutex_, until)) {
    }
    while (lent_ >= limit_) changed_.wait(mutex_);
    ++lent_;
    if (!idle_.empty()) {
      std::unique_ptr<Connection> connection = std::move(idle_.back());
      idle_.pop_back();
      return Lease(*this, std::move(connection));
    }
  }
  Result<Connection> opened = Connection::open(path_, Connection::Mode::read_only, vfs_);
  if (!opened) {
    give_back(nullptr);
    return std::move(opened).error();
  }
  return Lease(*this, std::make_unique<Connection>(std::move(opened).value()));
}

void ReaderPool::give_back(std::unique_ptr<Connection> connection) {
  const MutexLock lock(mutex_);
  --lent_;
  if (connection) idle_.push_back(std::move(connection));
  changed_.notify_all();
}

void ReaderPool::hold_back(bool yes) {
  const MutexLock lock(mutex_);
  held_back_ = yes;
  if (!yes) changed_.notify_all();
}

bool ReaderPool::none_lent() const {
  const MutexLock lock(mutex_);
  return lent_ == 0;
}

}  // namespace pirn::store
