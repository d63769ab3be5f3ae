// What the tests of every store's promises share: the stores, and changes that own what they view.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include "host/store/memory_store.h"
#include "host/store/sqlite_store.h"

namespace pirn::store {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kNoon = 1'780'000'000'000 * kMs;

// A place where a store is opened again and again, as by hosts that follow each other.
class Place {
 public:
  virtual ~Place() = default;
  virtual std::unique_ptr<Store> open() = 0;
};

class MemoryPlace final : public Place {
 public:
  std::unique_ptr<Store> open() override { return std::make_unique<MemoryStore>(contents_); }

 private:
  std::shared_ptr<MemoryStoreContents> contents_ = make_memory_store_contents();
};

class SqlitePlace final : public Place {
 public:
  SqlitePlace() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pirn-store-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~SqlitePlace() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<Store> open() override {
    SqliteStore::Options options;
    options.checkpoint_step_bytes = 256 << 10;  // often, so that every test runs across checkpoints
    auto store = SqliteStore::open(directory_ + "/pirn.db", options);
    EXPECT_TRUE(store) << describe(store.error());
    return std::move(store).value();
  }

 private:
  std::string directory_;
};

using MakePlace = std::unique_ptr<Place> (*)();
struct Kind {
  std::string name;
  MakePlace make;
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

ExecutionId id_at(int64_t ms_after_noon, uint64_t counter = 0) {
  return {(static_cast<uint64_t>(kNoon / kMs + ms_after_noon) << 21) + counter};
}

// Owns what a Change only views.
class Batch {
 public:
  Batch& commit(ExecutionId id, uint32_t commit_no, std::string body = "{}", uint32_t schema = 1) {
    bodies_.push_back(std::make_unique<std::string>(std::move(body)));
    journal_.push_back({id, commit_no, schema, *bodies_.back()});
    return *this;
  }
  Batch& row(StoredExecution row) {
    rows_.push_back(std::make_unique<StoredExecution>(std::move(row)));
    const StoredExecution& kept = *rows_.back();
    executions_.push_back({kept.columns(), kept.open, kept.body});
    return *this;
  }
  Batch& tenant(ExecutionId stream, uint32_t commit_no, std::string name, std::string body) {
    kept_tenants_.push_back(
        std::make_unique<StoredTenant>(StoredTenant{stream, commit_no, std::move(name), std::move(body)}));
    const StoredTenant& kept = *kept_tenants_.back();
    tenants_.push_back({kept.stream, kept.commit_no, kept.tenant, kept.body});
    return *this;
  }
  // `tenant` and `id` are literals.
  Batch& event(std::string_view tenant, std::string_view id, int64_t at, std::string_view body) {
    events_.push_back({tenant, id, at, body});
    return *this;
  }
  Batch& complete() {
    complete_ = true;
    return *this;
  }
  Status to(Store& store) const { return to(store, store.lease()); }
  Status to(Store& store, const Lease& lease) const {
    return store.commit({lease, journal_, executions_, complete_, tenants_, events_});
  }

 private:
  std::vector<std::unique_ptr<std::string>> bodies_;
  std::vector<std::unique_ptr<StoredExecution>> rows_;
  std::vector<std::unique_ptr<StoredTenant>> kept_tenants_;
  std::vector<JournalRow> journal_;
  std::vector<ExecutionRow> executions_;
  std::vector<TenantRow> tenants_;
  std::vector<EventRow> events_;
  bool complete_ = false;
};

StoredExecution execution(ExecutionId id, uint32_t commit_no = 1, std::string state = "running",
                          std::string tenant = "acme") {
  StoredExecution row;
  row.id = id;
  row.commit_no = commit_no;
  row.open = state == "pending" || state == "running" || state == "stopping";
  row.state = std::move(state);
  row.tenant = std::move(tenant);
  row.package = "etl";
  row.version = "1.0.0";
  row.workflow = "daily";
  row.created_at = static_cast<int64_t>(id.value >> 21) * kMs;
  row.body = "{\"commit\":" + std::to_string(commit_no) + "}";
  return row;
}

std::string text_of(const StoredExecution& row) {
  std::string out = row.id.text() + " " + std::to_string(row.commit_no) + (row.open ? " open " : " closed ");
  for (const std::string& text : {row.state, row.tenant, row.package, row.version, row.workflow,
                                  row.release.hex(), row.key, row.input_digest.hex(), row.body})
    out += text + "|";
  for (const int64_t at : {row.created_at, row.started_at, row.ended_at}) out += std::to_string(at) + " ";
  return out;
}

std::string text_of(const StoredCommit& commit) {
  return commit.stream.text() + "/" + std::to_string(commit.commit_no) + "/" + std::to_string(commit.schema) +
         " " + commit.body;
}

std::string text_of(const Result<std::optional<StoredExecution>>& found) {
  if (!found) return found.error().message;
  return *found ? text_of(**found) : "none";
}

[[maybe_unused]] std::vector<ExecutionId> ids_of(const Result<std::vector<StoredExecution>>& rows) {
  EXPECT_TRUE(rows) << describe(rows.error());
  std::vector<ExecutionId> ids;
  for (const StoredExecution& row : *rows) ids.push_back(row.id);
  return ids;
}

[[maybe_unused]] std::vector<uint32_t> numbers_of(const Result<std::vector<StoredCommit>>& commits) {
  EXPECT_TRUE(commits) << describe(commits.error());
  std::vector<uint32_t> numbers;
  for (const StoredCommit& commit : *commits) numbers.push_back(commit.commit_no);
  return numbers;
}

struct Recovered {
  std::vector<std::string> executions, commits;
  bool operator==(const Recovered&) const = default;
};
[[maybe_unused]] Recovered recover(Store& store) {
  Recovered out;
  const Status status = store.recover(
      [&](StoredExecution row) -> Status {
        out.executions.push_back(text_of(row));
        return {};
      },
      [&](StoredCommit commit) -> Status {
        out.commits.push_back(text_of(commit));
        return {};
      });
  EXPECT_TRUE(status) << describe(status.error());
  std::sort(out.executions.begin(), out.executions.end());  // their order is not promised
  return out;
}

class Conformance : public ::testing::TestWithParam<Kind> {
 protected:
  // The next host: the one before is gone, in whatever state it was.
  void reopen() {
    store_.reset();
    store_ = place_->open();
  }
  Store& store() { return *store_; }
  void write(const Batch& batch) {
    const Status status = batch.to(store());
    ASSERT_TRUE(status) << describe(status.error());
  }
  ExecutionFilter filter(uint32_t limit = 100) {
    ExecutionFilter filter;
    filter.tenant = "acme";
    filter.limit = limit;
    return filter;
  }

  std::unique_ptr<Place> place_ = GetParam().make();
  std::unique_ptr<Store> store_ = place_->open();
};

}  // namespace
}  // namespace pirn::store
