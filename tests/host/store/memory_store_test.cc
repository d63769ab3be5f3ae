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

TEST(MemoryStore, GrowsAcrossChunks) {
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

}  // namespace
}  // namespace pirn::store
