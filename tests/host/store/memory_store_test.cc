// What is the memory store's own: failing on request, and contents that outlive a crashed host.
#include "host/store/memory_store.h"

#include <gtest/gtest.h>

namespace pirn::store {
namespace {

Status commit(MemoryStore& store, uint32_t commit_no) {
  const JournalRow row{{7}, commit_no, 1, "{}"};
  return store.commit({store.lease(), {&row, 1}, {}, false});
}

size_t commits_in(const Store& store) { return store.journal({7}, 0, 100)->size(); }

TEST(MemoryStore, TheNthCommitFailsAndNothingOfItIsThere) {
  const auto contents = make_memory_store_contents();
  MemoryStore store(contents);
  store.fail_commit(3);
  EXPECT_TRUE(commit(store, 1));
  EXPECT_TRUE(commit(store, 2));
  EXPECT_FALSE(commit(store, 3));
  EXPECT_FALSE(commit(store, 3)) << "a store that failed takes nothing more";
  EXPECT_EQ(commits_in(store), 2u);

  MemoryStore next(contents);
  EXPECT_EQ(next.epoch(), store.epoch() + 1);
  EXPECT_TRUE(commit(next, 3));
}

TEST(MemoryStore, AnUncertainFailureLeavesTheCommitBehind) {
  const auto contents = make_memory_store_contents();
  MemoryStore store(contents);
  store.fail_commit(1, MemoryStore::Failure::uncertain);
  EXPECT_FALSE(commit(store, 1));
  EXPECT_EQ(commits_in(MemoryStore(contents)), 1u);
}

TEST(MemoryStore, KeepsManyStreamsApart) {
  MemoryStore store;
  const std::string small(300, 's'), large(600'000, 'l');
  for (uint32_t n = 1; n <= 8'000; ++n) {
    const JournalRow row{{1 + n % 1'500}, n, 1, n % 1'000 == 0 ? large : small};
    ASSERT_TRUE(store.commit({store.lease(), {&row, 1}, {}, false}));
  }
  for (uint64_t id = 1; id <= 1'500; ++id) {
    const auto commits = store.journal({id}, 0, 100);
    ASSERT_GE(commits->size(), 5u);
    for (const StoredCommit& commit : *commits)
      ASSERT_TRUE(commit.body == (commit.commit_no % 1'000 == 0 ? large : small));
  }
}

// An execution from its start to its end, in `n` commits of 1,000 bytes.
void run_one(MemoryStore& store, uint64_t id, uint32_t n, const std::string& workflow = "daily",
             const std::string& key = "") {
  const std::string body(1'000, 'b');
  for (uint32_t commit_no = 1; commit_no <= n; ++commit_no) {
    const JournalRow journal{{id}, commit_no, 1, body};
    ExecutionRow row;
    row.id = {id};
    row.commit_no = commit_no;
    row.open = commit_no != n;
    row.state = row.open ? "running" : "completed";
    row.tenant = "acme";
    row.package = "etl";
    row.workflow = workflow;
    row.key = key;
    row.body = "{}";
    const bool projects = commit_no == 1 || commit_no == n;
    ASSERT_TRUE(store.commit({store.lease(), {&journal, 1}, {&row, projects ? 1u : 0u}, false}));
  }
}

TEST(MemoryStore, KeepsTheJournalsOfTheNewestEndedExecutionsOnly) {
  MemoryStore store(make_memory_store_contents(10'000));
  for (uint64_t id = 1; id <= 4; ++id) run_one(store, id, 4);
  const auto commits = [&](uint64_t id) { return store.journal({id}, 0, 100)->size(); };
  EXPECT_EQ(commits(4), 4u);
  EXPECT_EQ(commits(3), 4u);
  EXPECT_EQ(commits(2), 1u) << "12,000 bytes are more than are kept";
  EXPECT_EQ(commits(1), 1u);
  EXPECT_EQ(store.journal({1}, 0, 100)->front().commit_no, 4u) << "how it ended";
  EXPECT_EQ((*store.find("acme", {1}))->state, "completed");
}

// What a busy host keeps, with the policy that it has in memory, does not grow with what it has done.
TEST(MemoryStore, StaysFlatUnderLoad) {
  MemoryStore store(make_memory_store_contents(100'000));
  const auto round = [&](uint64_t first) {
    for (uint64_t id = first; id < first + 2'000; ++id) run_one(store, id, 3, "daily", std::to_string(id));
    const auto old = store.old({.keep_last = 100}, SIZE_MAX);
    ASSERT_TRUE(old);
    ASSERT_TRUE(store.remove(*old));
  };
  round(1);
  const StoreStats before = *store.stats();
  EXPECT_EQ(before.executions, 100u);
  for (uint64_t first = 10'001; first <= 100'001; first += 10'000) round(first);
  const StoreStats after = *store.stats();
  EXPECT_EQ(after.executions, 100u);
  EXPECT_EQ(after.journal_rows, before.journal_rows);
  EXPECT_LT(after.size_bytes, before.size_bytes + 10'000);
  EXPECT_FALSE(*store.find_by_key("acme", "10001")) << "a key goes with its execution";
  EXPECT_TRUE(*store.find_by_key("acme", "102000"));
  EXPECT_EQ(store.ended(), 100u);
}

}  // namespace
}  // namespace pirn::store
