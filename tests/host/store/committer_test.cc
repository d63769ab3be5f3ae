#include "host/store/committer.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>

#include "host/store/memory_store.h"

namespace pirn::store {
namespace {

// One row of one execution's journal, and the change that writes it.
struct OneCommit {
  OneCommit(const Store& store, uint32_t commit_no)
      : rows{{{7}, commit_no, 1, "{}"}}, change{store.lease(), rows, {}} {}
  std::vector<JournalRow> rows;
  Change change;
};

TEST(CommitThread, CommitsAndTells) {
  MemoryStore store;
  std::promise<void> woken;
  CommitThread committer(store, [&] { woken.set_value(); });
  const OneCommit one(store, 1);
  committer.begin(one.change, {});
  woken.get_future().wait();
  EXPECT_TRUE(committer.finished());
  EXPECT_TRUE(committer.finish());
  EXPECT_EQ(store.journal({7}, 0, 10)->size(), 1u);
}

TEST(CommitThread, ManyChangesOneAfterTheOther) {
  MemoryStore store;
  std::atomic<int> woken = 0;
  constexpr uint32_t kMany = 2'000;
  {
    CommitThread committer(store, [&] { ++woken; });
    for (uint32_t n = 1; n <= kMany; ++n) {
      const OneCommit one(store, n);
      committer.begin(one.change, {});
      ASSERT_TRUE(committer.finish());
    }
  }
  EXPECT_EQ(store.journal({7}, 0, 2 * kMany)->size(), kMany);
  EXPECT_EQ(woken, static_cast<int>(kMany));
}

TEST(CommitThread, PreparesBeforeItCommitsAndDropsWhatPrepared) {
  MemoryStore store;
  CommitThread committer(store, [] {});
  OneCommit one(store, 1);
  std::string body;
  auto held = std::make_shared<int>(0);
  committer.begin(one.change, [&store, &body, &one, held] {
    EXPECT_EQ(store.journal({7}, 0, 10)->size(), 0u);
    body = "{\"prepared\":1}";
    one.rows.front().body = body;
  });
  ASSERT_TRUE(committer.finish());
  EXPECT_EQ(store.journal({7}, 0, 10)->front().body, body);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(CommitThread, AnErrorIsToldOnce) {
  MemoryStore store;
  CommitThread committer(store, [] {});
  store.fail_commit(1, MemoryStore::Failure::nothing_written);
  const OneCommit one(store, 1);
  committer.begin(one.change, {});
  const Status failed = committer.finish();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::store_failed);
  EXPECT_FALSE(committer.finished());
}

TEST(CommitThread, ItsEndWaitsForWhatIsUnderWay) {
  MemoryStore store;
  const OneCommit one(store, 1);
  CommitThread(store, [] {}).begin(one.change, {});
  EXPECT_EQ(store.journal({7}, 0, 10)->size(), 1u);
}

}  // namespace
}  // namespace pirn::store
