// The store without a disk: for trials, tests and the simulator. What it holds ends with the process.
//
// The contents are an object of their own, the "disk": a test or the simulator crashes a host by dropping its
// engine and its store, and opens the next store over the same contents, which takes the next epoch and so
// fences the dropped one. Commits cost well under a microsecond a row: each is one piece of memory, chained
// to the one before in its stream, so that a stream can be freed when its execution has ended.
#pragma once

#include <cstdint>
#include <memory>

#include "host/store/store.h"
#include "packager/mutex/mutex.h"

namespace pirn::store {

// Opaque; shared by the stores that are opened over it, one after the other. Any thread.
class MemoryStoreContents;
// Of executions that have ended their rows are kept, which are their final states, until they are removed;
// and their journals, the newest of them, up to `ended_journal_bytes` together. Of older ones only the last
// commit is kept. So the memory of a host does not grow with what has happened; by default everything stays.
// A test may let the store refuse smaller bodies.
std::shared_ptr<MemoryStoreContents> make_memory_store_contents(size_t ended_journal_bytes = SIZE_MAX,
                                                                size_t body_limit = kBodyLimit);
inline constexpr size_t kEndedJournalBytes = 16u << 20;  // of a host

class MemoryStore final : public Store {
 public:
  MemoryStore() : MemoryStore(make_memory_store_contents()) {}
  // Opens the contents that an earlier store left behind.
  explicit MemoryStore(std::shared_ptr<MemoryStoreContents> contents);

  // What a failing commit leaves behind. `uncertain`: an error was reported, but all of it is durable.
  enum class Failure { nothing_written, uncertain };
  // The n-th commit from now fails (1: the next one), and every later one is refused. The writer's thread.
  void fail_commit(uint64_t n, Failure failure = Failure::nothing_written);

  Lease lease() const override { return lease_; }
  Result<ExecutionId> last_id() const override;
  Result<int64_t> newest_instant() const override;
  // Not under the mutex: nothing else writes yet, and what is called back may ask the store.
  Status recover(const std::function<Status(StoredExecution)>& on_execution,
                 const std::function<Status(StoredCommit)>& on_commit) override PIRN_NOT_CHECKED;
  Status commit(const Change& change) override;
  Result<bool> maintain() override {
    if (failed_) return *failed_;
    return false;
  }

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

  Result<std::vector<ExecutionId>> old(const Old& old, size_t limit) const override;
  Status remove(std::span<const ExecutionId> executions) override;
  Result<TenantPastSize> tenant_past(const TenantPast& past) const override;
  Result<TenantPastSize> remove_tenant_past(const TenantPast& past, size_t limit) override;
  Result<std::vector<StateCount>> counts() const override;
  // Executions that have ended and are kept. Cheap.
  uint64_t ended() const;

 private:
  std::shared_ptr<MemoryStoreContents> contents_;
  Lease lease_;
  uint64_t commits_ = 0;  // guarded by the contents' lock
  uint64_t fail_at_ = 0;  // counts down; 0: no failure was asked for
  Failure failure_ = Failure::nothing_written;
  std::optional<Error> failed_;  // the error that ended this store
};

}  // namespace pirn::store
