#include "tests/bench/store_limit.h"

#include <sqlite3.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace pirn::bench {

namespace {

constexpr const char* kTables = R"sql(
PRAGMA page_size = 8192;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA mmap_size = 0;
PRAGMA wal_autocheckpoint = 0;
PRAGMA cache_size = -65536;
CREATE TABLE journal(pos INTEGER PRIMARY KEY, stream INTEGER NOT NULL, commit_no INTEGER NOT NULL,
  schema INTEGER NOT NULL, body TEXT NOT NULL);
CREATE UNIQUE INDEX journal_by_stream ON journal(stream, commit_no);
CREATE TABLE executions(id INTEGER PRIMARY KEY, commit_no INTEGER NOT NULL, open INTEGER NOT NULL,
  state TEXT NOT NULL, tenant TEXT NOT NULL, package TEXT NOT NULL, version TEXT NOT NULL, workflow TEXT NOT NULL,
  release BLOB NOT NULL, key TEXT NOT NULL, input_digest BLOB NOT NULL, created_at INTEGER NOT NULL,
  started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL, body TEXT NOT NULL);
CREATE UNIQUE INDEX executions_by_key ON executions(tenant, key) WHERE key <> '';
CREATE INDEX executions_by_tenant ON executions(tenant, id, workflow, package);
CREATE INDEX executions_open ON executions(tenant) WHERE open = 1;
CREATE INDEX executions_unsuccessful ON executions(tenant) WHERE state IN ('failed', 'cancelled');
)sql";

class Writer {
 public:
  explicit Writer(const std::string& path) {
    check(sqlite3_open(path.c_str(), &db_));
    check(sqlite3_exec(db_, kTables, nullptr, nullptr, nullptr));
    begin_ = prepare("BEGIN IMMEDIATE");
    commit_ = prepare("COMMIT");
    journal_ = prepare("INSERT INTO journal VALUES(?, ?, ?, ?, ?)");
    execution_ = prepare("INSERT INTO executions VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  }
  ~Writer() {
    for (sqlite3_stmt* statement : {begin_, commit_, journal_, execution_}) sqlite3_finalize(statement);
    sqlite3_close(db_);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // As in the engine, the commits of executions that run side by side alternate: all first ones, all second
  // ones.
  void write(int workflows) {
    run(begin_);
    for (int commit_no = 1; commit_no <= 4; ++commit_no)
      for (int i = 0; i < workflows; ++i) write_journal_row(id_ + i, commit_no);
    for (int i = 0; i < workflows; ++i) write_execution(id_ + i);
    run(commit_);
    id_ += workflows;
    unmoved_bytes_ += static_cast<size_t>(workflows) * 2'100;
    if (unmoved_bytes_ < (2u << 20)) return;
    unmoved_bytes_ = 0;
    check(sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr));
  }

 private:
  void write_journal_row(sqlite3_int64 stream, int commit_no) {
    sqlite3_bind_int64(journal_, 1, ++pos_);
    sqlite3_bind_int64(journal_, 2, stream);
    sqlite3_bind_int(journal_, 3, commit_no);
    sqlite3_bind_int(journal_, 4, 1);
    text(journal_, 5, commit_body_);
    run(journal_);
  }
  void write_execution(sqlite3_int64 id) {
    static const unsigned char digest[32] = {1};
    int at = 0;
    sqlite3_bind_int64(execution_, ++at, id);
    sqlite3_bind_int(execution_, ++at, 4);
    sqlite3_bind_int(execution_, ++at, 0);
    for (const char* name : {"completed", "acme", "etl", "1.0.0", "daily"})
      sqlite3_bind_text(execution_, ++at, name, -1, SQLITE_STATIC);
    sqlite3_bind_blob(execution_, ++at, digest, sizeof digest, SQLITE_STATIC);
    sqlite3_bind_text(execution_, ++at, "", 0, SQLITE_STATIC);
    sqlite3_bind_blob(execution_, ++at, digest, sizeof digest, SQLITE_STATIC);
    for (int i = 0; i < 3; ++i) sqlite3_bind_int64(execution_, ++at, 1'780'000'000'000'000'000 + pos_);
    text(execution_, ++at, state_body_);
    run(execution_);
  }

  sqlite3_stmt* prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
    return statement;
  }
  static void text(sqlite3_stmt* statement, int at, const std::string& value) {
    sqlite3_bind_text(statement, at, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
  }
  void run(sqlite3_stmt* statement) {
    sqlite3_step(statement);
    check(sqlite3_reset(statement));
  }
  void check(int code) {
    if (code == SQLITE_OK) return;
    std::fprintf(stderr, "store_limit: %s\n", db_ != nullptr ? sqlite3_errmsg(db_) : sqlite3_errstr(code));
    std::exit(1);
  }

  sqlite3* db_ = nullptr;
  sqlite3_stmt *begin_ = nullptr, *commit_ = nullptr, *journal_ = nullptr, *execution_ = nullptr;
  // As long as those of a workflow of three steps, the four of the journal on the average.
  const std::string commit_body_ = std::string(323, 'j'), state_body_ = std::string(500, 's');
  sqlite3_int64 pos_ = 0, id_ = sqlite3_int64{1'780'000'000'000} << 21;
  size_t unmoved_bytes_ = 0;
};

void remove_database(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm"}) unlink((path + suffix).c_str());
}

}  // namespace

RawLimit raw_sqlite_limit(const std::string& directory, double seconds, int workflows_per_commit) {
  using Clock = std::chrono::steady_clock;
  const std::string path = directory + "/store_limit.db";
  remove_database(path);
  double elapsed = 0;
  uint64_t workflows = 0;
  {
    Writer writer(path);
    const Clock::time_point start = Clock::now();
    while (elapsed < seconds) {
      writer.write(workflows_per_commit);
      workflows += static_cast<uint64_t>(workflows_per_commit);
      elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    }
  }
  remove_database(path);
  const double rate = static_cast<double>(workflows) / elapsed;
  return {rate, rate * 4};
}

}  // namespace pirn::bench
