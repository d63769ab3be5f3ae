// Reading pirn.db: the questions of host/store/store.h over one connection, and the pool that lends
// connections to threads. Private to this folder.
#pragma once

#include "host/store/database_file.h"
#include "host/store/sqlite.h"
#include "host/store/store.h"
#include "host/store/wal_watch.h"
#include "packager/mutex/mutex.h"

namespace pirn::store {

// The columns of each kind of row, in the order that its function expects. A row that does not match its
// checksum comes back `damaged`, and without its body.
extern const char* const kExecutionColumns;
StoredExecution read_execution(const Statement& row);
extern const char* const kCommitColumns;
StoredCommit read_commit(const Statement& row);
extern const char* const kTenantColumns;
StoredTenant read_tenant(const Statement& row);

// What is written into the column `sum`.
int64_t checksum_of(const JournalRow& row);
int64_t checksum_of(const ExecutionRow& row);
int64_t checksum_of(const TenantRow& row);
int64_t checksum_of(const EventRow& row);

// store_corrupt, for a row that is damaged.
Error damaged_row(const std::string& file, const std::string& what);

// One thread at a time. Each question is one statement, so that it sees whole commits only.
class SqliteReader {
 public:
  explicit SqliteReader(Connection& connection) : connection_(connection) {}

  Result<std::optional<StoredExecution>> find(std::string_view tenant, ExecutionId id);
  Result<std::optional<StoredExecution>> find_by_key(std::string_view tenant, std::string_view key);
  Result<std::vector<StoredExecution>> list(const ExecutionFilter& filter);
  Result<std::vector<StoredCommit>> journal(ExecutionId id, uint32_t after_commit, uint32_t limit);
  Result<ExecutionId> last_id();
  Result<int64_t> newest_instant();
  Result<std::vector<StoredTenant>> tenants();
  Result<std::optional<StoredTenant>> find_tenant(std::string_view tenant);
  Result<std::optional<StoredEvent>> find_event(std::string_view tenant, std::string_view id);
  Result<FileUse> use();
  // Rows only; executions are counted, at about 50 ns each.
  Result<StoreStats> stats();

 private:
  Result<std::optional<StoredExecution>> first(Statement& statement);

  Connection& connection_;
};

// The statement that list() runs for a filter, with the values to bind in their order. Pure.
struct ListQuery {
  std::string sql;
  std::vector<std::string_view> texts;  // views of the filter, bound first
  std::vector<int64_t> integers;
};
ListQuery list_query(const ExecutionFilter& filter);

// Read-only connections, opened when they are first needed. Any thread.
//
// The WAL starts again from its beginning only when nobody reads from it. When readers that overlap each
// other have kept it from that for too long, the writer holds new ones back, for a moment, until it has.
class ReaderPool {
 public:
  ReaderPool(std::string path, const char* vfs, size_t limit)
      : path_(std::move(path)), vfs_(vfs), limit_(limit) {}

  // Gives the connection back at its end.
  class Lease {
   public:
    Lease(ReaderPool& pool, std::unique_ptr<Connection> connection)
        : pool_(&pool), connection_(std::move(connection)), reading_(pool.path_) {}
    ~Lease() {
      if (connection_) pool_->give_back(std::move(connection_));
    }
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    Connection& connection() { return *connection_; }

   private:
    ReaderPool* pool_;
    std::unique_ptr<Connection> connection_;
    Reading reading_;
  };

  // Waits while all are lent, and for a moment while new readers are held back.
  Result<Lease> lend();

  void hold_back(bool yes);
  bool none_lent() const;

 private:
  void give_back(std::unique_ptr<Connection> connection);

  const std::string path_;
  const char* const vfs_;
  const size_t limit_;
  mutable Mutex mutex_;
  ConditionVariable changed_;
  std::vector<std::unique_ptr<Connection>> idle_ PIRN_GUARDED_BY(mutex_);
  size_t lent_ PIRN_GUARDED_BY(mutex_) = 0;
  bool held_back_ PIRN_GUARDED_BY(mutex_) = false;
};

}  // namespace pirn::store
