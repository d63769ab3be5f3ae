#include "host/store/sqlite_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/filesystem/operations.hpp>
#include <cassert>

#include "host/store/sqlite_schema.h"
#include "packager/file/descriptor.h"
#include "packager/mutex/mutex.h"

namespace pirn::store {

namespace {

// After an fsync that failed, the operating system may hold pages of the WAL that look clean and are not on
// the disk; SQLite would read them, believe them and move a part of them. Writing the same bytes once more
// makes them dirty, so that the fsync that follows means something. Before any connection is open.
Status make_wal_durable(const std::string& path, const char* vfs_name) {
  initialize_sqlite();
  sqlite3_vfs* vfs = sqlite3_vfs_find(vfs_name);
  if (vfs == nullptr)
    return Error{Code::store_unopenable, "there is no file system named '" + std::string(vfs_name) + "'"};
  const std::string wal = path + "-wal";
  int exists = 0;
  if (vfs->xAccess(vfs, wal.c_str(), SQLITE_ACCESS_EXISTS, &exists) != SQLITE_OK || exists == 0) return {};

  const std::unique_ptr<char[]> memory(new char[static_cast<size_t>(vfs->szOsFile)]());
  auto* file = reinterpret_cast<sqlite3_file*>(memory.get());
  int flags = SQLITE_OPEN_WAL | SQLITE_OPEN_READWRITE;
  int code = vfs->xOpen(vfs, wal.c_str(), file, flags, &flags);
  if (code == SQLITE_OK) {
    sqlite3_int64 size = 0;
    code = file->pMethods->xFileSize(file, &size);
    std::string part(64u << 10, '\0');  // SQLite's file systems take less than 128 KiB at once
    for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size;) {
      const int length =
          static_cast<int>(std::min<sqlite3_int64>(size - at, static_cast<sqlite3_int64>(part.size())));
      code = file->pMethods->xRead(file, part.data(), length, at);
      if (code == SQLITE_OK) code = file->pMethods->xWrite(file, part.data(), length, at);
      at += length;
    }
    if (code == SQLITE_OK && size != 0) code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  }
  if (file->pMethods != nullptr) file->pMethods->xClose(file);
  if (code == SQLITE_OK) return {};
  return Error{Code::store_unopenable, "'" + wal + "' could not be made durable: " + sqlite3_errstr(code), "",
               Blame::world};
}

// SQLite would let the group and others read what it makes; its other files take after this one. Who may not
// make the file hears it from SQLite.
void make_private(const std::string& path) {
  const file::FileDescriptor made(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
}

// An error of opening: the same message under the code that says that nothing was opened, except where the
// code says more.
Error unopenable(Error error) {
  if (error.code == Code::store_failed) error.code = Code::store_unopenable;
  return error;
}

Status configure(Connection& connection, const SqliteStore::Options& options) {
  // The page size holds for a new file only, and must come first.
  PIRN_DO(connection.execute("PRAGMA page_size = 8192"));
  PIRN_TRY(const std::string mode, connection.text("PRAGMA journal_mode = WAL"));
  if (mode != "wal")
    return Error{Code::store_unopenable, "'" + connection.path() + "' cannot use a write-ahead log here",
                 "Choose a directory on a local file system.", Blame::world};
  PIRN_DO(connection.execute("PRAGMA synchronous = FULL"));
  PIRN_DO(connection.execute("PRAGMA mmap_size = 0"));
  PIRN_DO(connection.execute("PRAGMA wal_autocheckpoint = 0"));
  PIRN_DO(connection.execute("PRAGMA temp_store = MEMORY"));
  PIRN_DO(connection.execute("PRAGMA cache_size = -" + std::to_string(options.cache_bytes >> 10)));
  // A WAL that grew beyond its limit is cut back when it starts again.
  return connection.execute("PRAGMA journal_size_limit = " + std::to_string(options.wal_limit_bytes));
}

// What an earlier host left in the WAL goes to the database before anything is read from it.
Status empty_the_wal(Connection& connection) {
  const int code =
      sqlite3_wal_checkpoint_v2(connection.handle(), nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
  // Somebody reads, an operator's shell perhaps: the checkpoints of the host's work will do it.
  if (code == SQLITE_OK || (code & 0xFF) == SQLITE_BUSY) return {};
  return connection.error(code, "checkpointing");
}

std::string many_rows(std::string_view insert, size_t rows, std::string_view row,
                      std::string_view behind = "") {
  std::string statement(insert);
  for (size_t i = 0; i < rows; ++i) statement.append(i == 0 ? "" : ", ").append(row);
  return statement.append(behind);
}

Status check_size(std::string_view body, ExecutionId id) {
  if (body.size() <= kBodyLimit) return {};
  return Error{Code::too_large, "a body of stream " + id.text() + " has " + std::to_string(body.size()) +
                                    " bytes; the limit is " + std::to_string(kBodyLimit)};
}

constexpr std::string_view kInsertJournal =
    "INSERT INTO journal(pos, stream, commit_no, schema, body, sum) VALUES ";
constexpr std::string_view kJournalRow = "(?, ?, ?, ?, ?, ?)";
constexpr std::string_view kInsertExecutions =
    "INSERT INTO executions(id, commit_no, open, state, tenant, package, version, workflow, release, key,"
    " input_digest, created_at, started_at, ended_at, body, sum) VALUES ";
constexpr std::string_view kExecutionRow = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr std::string_view kOrUpdateExecution =
    " ON CONFLICT(id) DO UPDATE SET commit_no = excluded.commit_no, open = excluded.open, state = "
    "excluded.state,"
    " tenant = excluded.tenant, package = excluded.package, version = excluded.version,"
    " workflow = excluded.workflow, release = excluded.release, key = excluded.key,"
    " input_digest = excluded.input_digest, created_at = excluded.created_at, started_at = "
    "excluded.started_at,"
    " ended_at = excluded.ended_at, body = excluded.body, sum = excluded.sum";
constexpr std::string_view kUpsertTenant =
    "INSERT INTO tenants(stream, commit_no, tenant, body, sum) VALUES(?, ?, ?, ?, ?)"
    " ON CONFLICT(stream) DO UPDATE SET commit_no = excluded.commit_no, body = excluded.body,"
    " sum = excluded.sum";

}  // namespace

void SqliteStore::prepare_process() { initialize_sqlite(); }

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path, Options options) {
  const auto opened = [&]() -> Result<std::unique_ptr<SqliteStore>> {
    PIRN_DO(make_wal_durable(path, options.vfs));
    if (options.vfs == nullptr) make_private(path);
    PIRN_TRY(Connection connection, Connection::open(path, Connection::Mode::read_write_create, options.vfs));
    PIRN_DO(check_identity(connection));
    PIRN_DO(configure(connection, options));
    PIRN_DO(empty_the_wal(connection));
    PIRN_DO(migrate(connection));
    std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(connection), path, options));
    const MutexLock lock(store->writing_);
    PIRN_DO(store->prepare());
    PIRN_DO(store->take_lease());
    return store;
  };
  auto store = opened();
  if (!store) return unopenable(std::move(store).error());
  return store;
}

SqliteStore::SqliteStore(Connection connection, const std::string& path, Options options)
    : options_(options),
      path_(path),
      connection_(std::move(connection)),
      own_reader_(connection_),
      engine_(std::this_thread::get_id()),
      pool_(path, options.vfs, options.readers) {
  sqlite3_wal_hook(
      connection_.handle(),
      [](void* self, sqlite3*, const char*, int frames) {
        SqliteStore& store = *static_cast<SqliteStore*>(self);
        store.writing_.is_held();  // the hook is called from a commit
        store.wal_frames_ = static_cast<size_t>(frames);
        return SQLITE_OK;
      },
      this);
}

SqliteStore::~SqliteStore() {
  // The last connection moves what is left in the WAL when it closes. Not after a failure: the next opening
  // judges.
  if (failed_) sqlite3_db_config(connection_.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

Status SqliteStore::prepare() {
  const auto prepare_into = [this](Statement& statement, std::string_view sql)
                                PIRN_REQUIRES(writing_) -> Status {
    PIRN_TRY(statement, connection_.prepare(sql));
    return {};
  };
  PIRN_DO(prepare_into(begin_, "BEGIN IMMEDIATE"));
  PIRN_DO(prepare_into(commit_, "COMMIT"));
  PIRN_DO(prepare_into(rollback_, "ROLLBACK"));
  PIRN_DO(prepare_into(read_lease_, "SELECT owner, epoch FROM meta WHERE id = 1"));
  const auto prepare_rows = [&](Rows& rows, std::string_view insert, std::string_view row,
                                std::string_view behind) PIRN_REQUIRES(writing_) -> Status {
    PIRN_DO(prepare_into(rows.one, many_rows(insert, 1, row, behind)));
    return prepare_into(rows.many, many_rows(insert, kRowsAtOnce, row, behind));
  };
  PIRN_DO(prepare_rows(journal_, kInsertJournal, kJournalRow, ""));
  PIRN_DO(prepare_rows(executions_, kInsertExecutions, kExecutionRow, kOrUpdateExecution));
  PIRN_DO(prepare_into(upsert_tenant_, kUpsertTenant));
  PIRN_DO(prepare_into(insert_event_, "INSERT INTO events(tenant, id, at, body, sum) VALUES(?, ?, ?, ?, ?)"));
  return prepare_into(set_watermark_, "UPDATE meta SET watermark = ? WHERE id = 1");
}

Status SqliteStore::take_lease() {
  // SQLite's random() is seeded by the system.
  PIRN_DO(connection_.execute("UPDATE meta SET owner = random(), epoch = epoch + 1 WHERE id = 1"));
  PIRN_TRY(const int64_t owner, connection_.integer("SELECT owner FROM meta WHERE id = 1"));
  PIRN_TRY(const int64_t epoch, connection_.integer("SELECT epoch FROM meta WHERE id = 1"));
  // An operator may have pruned the newest rows; a position at or below the watermark is never used again.
  PIRN_TRY(last_pos_, connection_.integer("SELECT max(watermark, coalesce((SELECT max(pos) FROM journal), 0))"
                                          " FROM meta WHERE id = 1"));
  PIRN_TRY(const int64_t page, connection_.integer("PRAGMA page_size"));
  lease_ = {static_cast<uint64_t>(owner), static_cast<Epoch>(epoch)};
  page_bytes_ = static_cast<size_t>(page);
  return {};
}

Status SqliteStore::recover(const std::function<Status(StoredExecution)>& on_execution,
                            const std::function<Status(StoredCommit)>& on_commit) {
  claim();
  int code = SQLITE_ROW;
  PIRN_TRY(Statement open, connection_.prepare(std::string("SELECT ") + kExecutionColumns +
                                               " FROM executions INDEXED BY executions_open WHERE open = 1"));
  while ((code = open.step()) == SQLITE_ROW) PIRN_DO(on_execution(read_execution(open)));
  if (code != SQLITE_DONE) return connection_.error(code, "reading");

  PIRN_TRY(Statement tail,
           connection_.prepare("SELECT j.stream, j.commit_no, schema, j.body, j.sum FROM journal AS j"
                               " LEFT JOIN executions AS e ON e.id = j.stream"
                               " LEFT JOIN tenants AS t ON t.stream = j.stream"
                               " WHERE j.pos > (SELECT watermark FROM meta WHERE id = 1)"
                               " AND (e.id IS NULL OR e.commit_no < j.commit_no)"
                               " AND (t.stream IS NULL OR t.commit_no < j.commit_no) ORDER BY j.pos"));
  while ((code = tail.step()) == SQLITE_ROW) PIRN_DO(on_commit(read_commit(tail)));
  if (code != SQLITE_DONE) return connection_.error(code, "reading");
  return {};
}

Status SqliteStore::commit(const Change& change) {
  const MutexLock lock(writing_);
  if (failed_) return *failed_;
  // Before the transaction and not after it: what it acknowledges need not wait for the maintenance.
  checkpoint_if_due();
  if (failed_) return *failed_;
  if (Status status = transaction(change); !status) {
    if (sqlite3_get_autocommit(connection_.handle()) == 0) rollback_.run();
    return fail(std::move(status).error());
  }
  commits_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

Status SqliteStore::transaction(const Change& change) {
  PIRN_DO(run(begin_, "beginning a commit to"));
  PIRN_DO(check_fence(change.lease));
  PIRN_DO(insert_journal(change.journal));
  PIRN_DO(upsert_executions(change.executions));
  for (const TenantRow& row : change.tenants) PIRN_DO(upsert_tenant(row));
  for (const EventRow& row : change.events) PIRN_DO(insert_event(row));
  if (change.complete) {
    set_watermark_.bind(1, last_pos_);
    PIRN_DO(run(set_watermark_, "writing to"));
  }
  return run(commit_, "a commit to");
}

Status SqliteStore::check_fence(const Lease& lease) {
  const ResetAtEnd reset(read_lease_);
  const int code = read_lease_.step();
  if (code != SQLITE_ROW) return connection_.error(code, "reading");
  const Lease current{static_cast<uint64_t>(read_lease_.integer(0)),
                      static_cast<Epoch>(read_lease_.integer(1))};
  if (current == lease) return {};
  return Error{Code::store_fenced,
               "a commit of epoch " + std::to_string(lease.epoch) + " was refused; '" + connection_.path() +
                   "' is at epoch " + std::to_string(current.epoch) + ", of another opening",
               "", Blame::world};
}

// `bind` binds one row behind the parameter `at`, and leaves `at` at its last one.
template <class Row, class Bind>
Status SqliteStore::write(std::span<const Row> rows, Rows& statements, std::string_view doing, Bind bind) {
  while (!rows.empty()) {
    const bool many = rows.size() >= kRowsAtOnce;
    Statement& statement = many ? statements.many : statements.one;
    const auto part = rows.first(many ? kRowsAtOnce : 1);
    int at = 0;
    for (const Row& row : part) bind(statement, at, row);
    PIRN_DO(run(statement, doing));
    rows = rows.subspan(part.size());
  }
  return {};
}

Status SqliteStore::insert_journal(std::span<const JournalRow> rows) {
  for (const JournalRow& row : rows) PIRN_DO(check_size(row.body, row.stream));
  return write(rows, journal_, "writing the journal of",
               [this](Statement& statement, int& at, const JournalRow& row) {
                 writing_.is_held();
                 statement.bind(++at, ++last_pos_);
                 statement.bind(++at, static_cast<int64_t>(row.stream.value));
                 statement.bind(++at, int64_t{row.commit_no});
                 statement.bind(++at, int64_t{row.schema});
                 statement.bind(++at, row.body);
                 statement.bind(++at, checksum_of(row));
               });
}

Status SqliteStore::upsert_executions(std::span<const ExecutionRow> rows) {
  for (const ExecutionRow& row : rows) PIRN_DO(check_size(row.body, row.id));
  return write(rows, executions_, "writing an execution of",
               [](Statement& statement, int& at, const ExecutionRow& row) {
                 const auto bind = [&](auto value) { statement.bind(++at, value); };
                 bind(static_cast<int64_t>(row.id.value));
                 bind(int64_t{row.commit_no});
                 bind(int64_t{row.open});
                 bind(row.state);
                 bind(row.tenant);
                 bind(row.package);
                 bind(row.version);
                 bind(row.workflow);
                 statement.bind_blob(++at, row.release.bytes.data(), row.release.bytes.size());
                 bind(row.key);
                 statement.bind_blob(++at, row.input_digest.bytes.data(), row.input_digest.bytes.size());
                 bind(row.created_at);
                 bind(row.started_at);
                 bind(row.ended_at);
                 bind(row.body);
                 bind(checksum_of(row));
               });
}

Status SqliteStore::upsert_tenant(const TenantRow& row) {
  PIRN_DO(check_size(row.body, row.stream));
  upsert_tenant_.bind(1, static_cast<int64_t>(row.stream.value));
  upsert_tenant_.bind(2, int64_t{row.commit_no});
  upsert_tenant_.bind(3, row.tenant);
  upsert_tenant_.bind(4, row.body);
  upsert_tenant_.bind(5, checksum_of(row));
  return run(upsert_tenant_, "writing a tenant of");
}

Status SqliteStore::insert_event(const EventRow& row) {
  insert_event_.bind(1, row.tenant);
  insert_event_.bind(2, row.id);
  insert_event_.bind(3, row.at);
  insert_event_.bind(4, row.body);
  insert_event_.bind(5, checksum_of(row));
  return run(insert_event_, "writing an event of");
}

Status SqliteStore::run(Statement& statement, std::string_view doing) {
  const int code = statement.run();
  if (code == SQLITE_OK) return {};
  return connection_.error(code, doing);
}

Status SqliteStore::fail(Error error) {
  assert(!failed_);
  return failed_.emplace(std::move(error));
}

Result<bool> SqliteStore::maintain() {
  // The committer thread does maintenance, too; the engine does not wait for it.
  if (!writing_.try_lock()) return false;
  const MutexLock lock(writing_, kAdopt);
  if (!failed_) checkpoint_if_due();
  if (failed_) return *failed_;
  return false;
}

void SqliteStore::checkpoint_if_due() {
  if (wal_frames_ < moved_frames_) moved_frames_ = 0;  // the WAL started again
  if (readers_held_back_) {
    // Nobody reads: the WAL can start again at once, whatever the next commit may be.
    if (pool_.none_lent()) checkpoint(SQLITE_CHECKPOINT_RESTART);
    return;
  }
  if ((wal_frames_ - moved_frames_) * page_bytes_ < options_.checkpoint_step_bytes) return;
  checkpoint(SQLITE_CHECKPOINT_PASSIVE);
  if (!failed_ && wal_bytes_now() >= options_.wal_limit_bytes) {
    readers_held_back_ = true;
    pool_.hold_back(true);
  }
}

void SqliteStore::checkpoint(int mode) {
  sqlite3* const handle = connection_.handle();
  sqlite3_busy_timeout(handle, 0);  // a reader of another process is not waited for
  const int code = sqlite3_wal_checkpoint_v2(handle, nullptr, mode, nullptr, nullptr);
  sqlite3_busy_timeout(handle, 5'000);
  moved_frames_ = wal_frames_;
  if (mode == SQLITE_CHECKPOINT_RESTART) {
    if (code == SQLITE_OK) wal_frames_ = moved_frames_ = 0;
    readers_held_back_ = false;
    pool_.hold_back(false);
  }
  if (code != SQLITE_OK && (code & 0xFF) != SQLITE_BUSY)
    (void)fail(connection_.error(code, "a checkpoint of"));
}

// The engine's own thread asks through the writer's connection: it never waits for the pool, and sees each
// commit that it made.
template <class Question>
auto SqliteStore::ask(Question question) const {
  using Answer = decltype(question(own_reader_));
  if (engine_.load(std::memory_order_relaxed) == std::this_thread::get_id()) {
    const MutexLock lock(writing_);
    return question(own_reader_);
  }
  Result<ReaderPool::Lease> lease = pool_.lend();
  if (!lease) return Answer(std::move(lease).error());
  SqliteReader reader(lease->connection());
  return question(reader);
}

Result<ExecutionId> SqliteStore::last_id() const {
  return ask([](SqliteReader& reader) { return reader.last_id(); });
}

Result<int64_t> SqliteStore::newest_instant() const {
  return ask([](SqliteReader& reader) { return reader.newest_instant(); });
}

Result<std::optional<StoredExecution>> SqliteStore::find(std::string_view tenant, ExecutionId id) const {
  return ask([&](SqliteReader& reader) { return reader.find(tenant, id); });
}

Result<std::optional<StoredExecution>> SqliteStore::find_by_key(std::string_view tenant,
                                                                std::string_view key) const {
  return ask([&](SqliteReader& reader) { return reader.find_by_key(tenant, key); });
}

Result<std::vector<StoredExecution>> SqliteStore::list(const ExecutionFilter& filter) const {
  return ask([&](SqliteReader& reader) { return reader.list(filter); });
}

Result<std::vector<StoredCommit>> SqliteStore::journal(ExecutionId id, uint32_t after_commit,
                                                       uint32_t limit) const {
  return ask([&](SqliteReader& reader) { return reader.journal(id, after_commit, limit); });
}

Result<std::vector<StoredTenant>> SqliteStore::tenants() const {
  return ask([](SqliteReader& reader) { return reader.tenants(); });
}

Result<std::optional<StoredTenant>> SqliteStore::find_tenant(std::string_view tenant) const {
  return ask([&](SqliteReader& reader) { return reader.find_tenant(tenant); });
}

Result<std::optional<StoredEvent>> SqliteStore::find_event(std::string_view tenant,
                                                           std::string_view id) const {
  return ask([&](SqliteReader& reader) { return reader.find_event(tenant, id); });
}

Result<FileUse> SqliteStore::use() const {
  return ask([](SqliteReader& reader) { return reader.use(); });
}

Result<StoreStats> SqliteStore::stats() const {
  PIRN_TRY(StoreStats stats, ask([](SqliteReader& reader) { return reader.stats(); }));
  const auto size = [](const std::string& path) -> uint64_t {
    boost::system::error_code error;
    const auto bytes = boost::filesystem::file_size(path, error);
    return error ? 0 : bytes;
  };
  stats.size_bytes = size(path_);
  stats.wal_bytes = size(path_ + "-wal");
  stats.commits = commits_.load(std::memory_order_relaxed);
  return stats;
}

}  // namespace pirn::store
