// The embedded store: one SQLite file, pirn.db, in WAL mode, with an fsync before any commit is acknowledged.
//
// Commits. A change is one transaction: its journal rows, then its execution rows, then perhaps the
// watermark. The lease (owner and epoch) is read inside of it, so that a store which was opened later
// elsewhere fences this one. After any error the store is finished: what became of a commit whose fsync
// failed is known only to the next opening, which first makes durable what it finds (make_wal_durable) and
// only then believes it.
//
// Checkpoints are this writer's alone (SQLite before 3.51.3 can damage the WAL when two connections do both
// at once) and small: whenever kStep bytes of the WAL are not yet in the database, the next commit or an idle
// moment moves them, which takes some 2 to 3 ms. SQLite's automatic ones at 4 MB showed as turns of 20 ms.
// The WAL then starts again from its beginning, so that its file keeps its size: an fdatasync of a file that
// does not grow costs half. Readers can keep the WAL from starting again; above wal_limit_bytes new ones wait
// until it has.
//
// 8 KiB pages: against 4 KiB 10 % to 30 % more rows a second in commits of 64 executions and more, and the
// same with fewer; 16 KiB lose 15 % in commits of 16.
//
// Threads: recover(), commit() and maintain() belong to the engine's thread. The questions may be asked from
// any thread: the engine's own use its connection and never wait for others, all other threads share a small
// pool of read-only connections.
#pragma once

#include <array>
#include <atomic>
#include <thread>

#include "host/store/database_file.h"
#include "host/store/sqlite_reader.h"
#include "host/store/store.h"
#include "packager/mutex/mutex.h"

namespace pirn::store {

class SqliteStore final : public Store, public DatabaseFile {
 public:
  struct Options {
    size_t readers =
        12;  // connections for other threads; as many as read at once, so that none waits for long reads
    size_t checkpoint_step_bytes = 2u << 20;  // as much of the WAL is moved at once
    size_t wal_limit_bytes = 64u << 20;       // above it new readers are held back
    int64_t cache_bytes = 64 << 20;           // the writer's page cache
    const char* vfs = nullptr;                // SQLite's name of another file system: tests
  };

  // Before any other part of the process uses SQLite; open() does it otherwise, and then it may be too late
  // for settings that save a lock at each of SQLite's allocations. Any thread.
  static void prepare_process();
  // Creates the file when there is none, brings an older one to today's schema, and takes the next epoch.
  // store_unopenable, store_schema_too_new, store_corrupt.
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& path, Options options);
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& path) { return open(path, Options()); }
  ~SqliteStore() override;

  Lease lease() const override { return lease_; }
  Result<ExecutionId> last_id() const override;
  Result<int64_t> newest_instant() const override;
  void claim() override { engine_.store(std::this_thread::get_id(), std::memory_order_relaxed); }
  // Not under writing_: nothing else writes yet, and what is called back may ask the store.
  Status recover(const std::function<Status(StoredExecution)>& on_execution,
                 const std::function<Status(StoredCommit)>& on_commit) override PIRN_NOT_CHECKED;
  Status commit(const Change& change) override;
  Result<bool> maintain() override;

  Result<std::optional<StoredExecution>> find(std::string_view tenant, ExecutionId id) const override;
  Result<std::optional<StoredExecution>> find_by_key(std::string_view tenant,
                                                     std::string_view key) const override;
  Result<std::vector<StoredExecution>> list(const ExecutionFilter& filter) const override;
  Result<std::vector<StoredCommit>> journal(ExecutionId id, uint32_t after_commit,
                                            uint32_t limit) const override;
  Result<std::vector<StoredTenant>> tenants() const override;
  Result<std::optional<StoredTenant>> find_tenant(std::string_view tenant) const override;
  Result<std::optional<StoredEvent>> find_event(std::string_view tenant, std::string_view id) const override;
  Result<StoreStats> stats() const override;

  // ---- what the operator does to the file while the host works (sqlite_maintenance.cc): any thread ----

  Result<std::vector<ExecutionId>> old(const Old& old, size_t limit) const override;
  Status remove(std::span<const ExecutionId> executions) override;
  Result<TenantPastSize> tenant_past(const TenantPast& past) const override;
  Result<TenantPastSize> remove_tenant_past(const TenantPast& past, size_t limit) override;
  Result<std::vector<StateCount>> counts() const override;
  const std::string& path() const override { return path_; }
  Result<FileUse> use() const override;
  Result<bool> taken_over() const override;
  Status back_up(const std::string& to) const override;
  Status compact() override;

 private:
  // One statement writes this many rows; what is left over goes one by one.
  static constexpr size_t kRowsAtOnce = 16;
  struct Rows {
    Statement one, many;
  };

  SqliteStore(Connection connection, const std::string& path, Options options);

  Status prepare() PIRN_REQUIRES(writing_);
  Status take_lease() PIRN_REQUIRES(writing_);
  Status transaction(const Change& change) PIRN_REQUIRES(writing_);
  Status check_fence(const Lease& lease) PIRN_REQUIRES(writing_);
  template <class Row, class Bind>
  Status write(std::span<const Row> rows, Rows& statements, std::string_view doing, Bind bind)
      PIRN_REQUIRES(writing_);
  Status insert_journal(std::span<const JournalRow> rows) PIRN_REQUIRES(writing_);
  Status upsert_executions(std::span<const ExecutionRow> rows) PIRN_REQUIRES(writing_);
  Status upsert_tenant(const TenantRow& row) PIRN_REQUIRES(writing_);
  Status insert_event(const EventRow& row) PIRN_REQUIRES(writing_);
  Status run(Statement& statement, std::string_view doing) PIRN_REQUIRES(writing_);
  template <class Work>
  Status maintenance(Work work);
  Status fail(Error error) PIRN_REQUIRES(writing_);

  void checkpoint_if_due() PIRN_REQUIRES(writing_);
  void checkpoint(int mode) PIRN_REQUIRES(writing_);
  size_t wal_bytes_now() const PIRN_REQUIRES(writing_) { return wal_frames_ * page_bytes_; }

  template <class Question>
  auto ask(Question question) const;

  const Options options_;
  const std::string path_;
  // Only a question of the engine's own thread contends for it with the writer.
  mutable Mutex writing_;
  mutable Connection connection_ PIRN_GUARDED_BY(writing_);
  Statement begin_ PIRN_GUARDED_BY(writing_);
  Statement commit_ PIRN_GUARDED_BY(writing_);
  Statement rollback_ PIRN_GUARDED_BY(writing_);
  Statement read_lease_ PIRN_GUARDED_BY(writing_);
  Statement set_watermark_ PIRN_GUARDED_BY(writing_);
  Statement upsert_tenant_ PIRN_GUARDED_BY(writing_);
  Statement insert_event_ PIRN_GUARDED_BY(writing_);
  Rows journal_ PIRN_GUARDED_BY(writing_);
  Rows executions_ PIRN_GUARDED_BY(writing_);
  mutable SqliteReader own_reader_ PIRN_GUARDED_BY(writing_);
  std::atomic<std::thread::id> engine_;
  mutable ReaderPool pool_;

  Lease lease_;
  int64_t last_pos_ PIRN_GUARDED_BY(writing_) = 0;
  std::atomic<uint64_t> commits_ = 0;
  std::optional<Error> failed_ PIRN_GUARDED_BY(writing_);

  size_t page_bytes_ PIRN_GUARDED_BY(writing_) = 0;
  size_t wal_frames_ PIRN_GUARDED_BY(writing_) = 0;    // in the WAL after the last commit
  size_t moved_frames_ PIRN_GUARDED_BY(writing_) = 0;  // of them, when a checkpoint was last tried
  bool readers_held_back_ PIRN_GUARDED_BY(writing_) = false;
};

}  // namespace pirn::store
