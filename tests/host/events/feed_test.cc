#include "host/events/feed.h"

#include <gtest/gtest.h>

#include <thread>

namespace pirn::events {
namespace {

constexpr ExecutionId kOne{1}, kTwo{2};

TEST(Feed, GivesASubscriberWhatComesAfterItOfItsExecutionOnly) {
  Feed feed;
  feed.publish_commit(kOne, 1, "before", false);
  const auto subscription = feed.subscribe(kOne);
  feed.publish_commit(kOne, 2, "after", false);
  feed.publish_commit(kTwo, 1, "another's", false);
  feed.publish_live(kOne, "log", "{}");
  feed.publish_commit(kOne, 3, "end", true);
  const auto batch = subscription->take();
  ASSERT_EQ(batch.items.size(), 3u);
  EXPECT_EQ(*batch.items[0].text, "after");
  EXPECT_EQ(batch.items[0].commit_no, 2u);
  EXPECT_EQ(batch.items[1].name, "log");
  EXPECT_TRUE(batch.items[2].last);
  EXPECT_EQ(batch.lost, 0u);
  EXPECT_TRUE(subscription->take().items.empty());
}

TEST(Feed, LosesTheOldestOfASlowSubscriberAndCountsThem) {
  Feed feed(3);
  const auto slow = feed.subscribe(kOne);
  for (uint32_t i = 1; i <= 5; ++i) feed.publish_commit(kOne, i, std::to_string(i), false);
  const auto batch = slow->take();
  ASSERT_EQ(batch.items.size(), 3u);
  EXPECT_EQ(batch.lost, 2u);
  EXPECT_EQ(batch.items.front().commit_no, 3u);
  feed.publish_commit(kOne, 6, "6", false);
  EXPECT_EQ(slow->take().lost, 0u);
}

TEST(Feed, HoldsSoManyBytesForASlowSubscriber) {
  Feed feed(1000, 10);
  const auto slow = feed.subscribe(kOne);
  for (int i = 0; i < 100; ++i) feed.publish_live(kOne, "log", "1234");
  auto batch = slow->take();
  EXPECT_EQ(batch.items.size(), 2u);
  EXPECT_EQ(batch.lost, 98u);
  // One that is larger alone is held; it pushes out all others, and the next one pushes it out.
  feed.publish_live(kOne, "log", "1234");
  feed.publish_commit(kOne, 1, std::string(100, 'x'), false);
  batch = slow->take();
  ASSERT_EQ(batch.items.size(), 1u);
  EXPECT_EQ(batch.items[0].commit_no, 1u);
  EXPECT_EQ(batch.lost, 1u);
  feed.publish_commit(kOne, 2, std::string(100, 'x'), false);
  feed.publish_live(kOne, "log", "12");
  batch = slow->take();
  ASSERT_EQ(batch.items.size(), 1u);
  EXPECT_EQ(batch.items[0].name, "log");
  EXPECT_EQ(batch.lost, 1u);
}

TEST(Feed, CallsReadyOnceAndAtOnceWhenSomethingWaits) {
  Feed feed;
  const auto subscription = feed.subscribe(kOne);
  int calls = 0;
  subscription->when_ready([&] { ++calls; });
  EXPECT_EQ(calls, 0);
  feed.publish_live(kOne, "log", "{}");
  feed.publish_live(kOne, "log", "{}");
  EXPECT_EQ(calls, 1);
  subscription->when_ready([&] { ++calls; });
  EXPECT_EQ(calls, 2);
}

TEST(Feed, ASubscriptionMayEndInsideItsOwnCall) {
  Feed feed;
  auto subscription = feed.subscribe(kOne);
  subscription->when_ready([&] { subscription.reset(); });
  feed.publish_live(kOne, "log", "{}");
  EXPECT_EQ(subscription, nullptr);
  EXPECT_EQ(feed.subscribers(), 0u);
  EXPECT_FALSE(feed.watched(kOne));
}

TEST(Feed, KeepsOrderBetweenThreads) {
  constexpr uint32_t kCommits = 20'000;
  Feed feed(kCommits);
  const auto subscription = feed.subscribe(kOne);
  std::thread writer([&] {
    for (uint32_t i = 1; i <= kCommits; ++i) feed.publish_commit(kOne, i, "x", i == kCommits);
  });
  uint32_t seen = 0;
  while (seen < kCommits) {
    for (const Item& item : subscription->take().items) ASSERT_EQ(item.commit_no, ++seen);
    // Others come and go meanwhile.
    feed.subscribe(kOne);
  }
  writer.join();
  EXPECT_EQ(feed.subscribers(), 1u);
}

}  // namespace
}  // namespace pirn::events
