#include "host/api/wrong_keys.h"

#include <gtest/gtest.h>

namespace pirn::api {
namespace {

constexpr WrongKeys::Limits kLimits = {.free = 3,
                                       .refill_ms = 1'000,
                                       .first_delay_ms = 100,
                                       .longest_delay_ms = 400,
                                       .held_of_source = 2,
                                       .held = 3,
                                       .addresses = 4,
                                       .keys = 4};

void use_up(WrongKeys& keys, const std::string& address, const std::string& key, int64_t now = 0) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(keys.ask(address, key, now).hold_ms, 0);
    keys.was_wrong(address, key, now);
  }
}

TEST(WrongKeys, AFewAreFreeThenEachWaitsLonger) {
  WrongKeys keys(kLimits);
  use_up(keys, "a", "k");
  for (const int64_t expected : {100, 200, 400, 400}) {
    EXPECT_EQ(keys.ask("a", "k", 0).hold_ms, expected);
    keys.go_on("a", "k");
    keys.was_wrong("a", "k", 0);
  }
  EXPECT_EQ(keys.figures().wrong, 7u);
  EXPECT_EQ(keys.figures().held_back, 4u);
  EXPECT_EQ(keys.ask("b", "k", 0).hold_ms, 0) << "another address has done nothing";
}

TEST(WrongKeys, ComeBackWithTime) {
  WrongKeys keys(kLimits);
  use_up(keys, "a", "k");
  EXPECT_NE(keys.ask("a", "k", 999).hold_ms, 0);
  EXPECT_EQ(keys.ask("a", "k", 1'000).hold_ms, 0);
  keys.was_wrong("a", "k", 1'000);
  EXPECT_NE(keys.ask("a", "k", 1'500).hold_ms, 0);
  EXPECT_EQ(keys.ask("a", "k", 60'000).hold_ms, 0);
}

// However many connections it opens, an address has so many requests waiting and no more; the keys of the
// rest are not even looked at.
TEST(WrongKeys, BeyondThoseThatWaitTheyAreRefusedUnread) {
  WrongKeys keys(kLimits);
  use_up(keys, "a", "k");
  use_up(keys, "b", "k");
  EXPECT_NE(keys.ask("a", "k", 0).hold_ms, 0);
  EXPECT_NE(keys.ask("a", "k", 0).hold_ms, 0);
  const auto refused = keys.ask("a", "k", 0);
  EXPECT_EQ(refused.hold_ms, 0);
  EXPECT_EQ(refused.retry_after_ms, 1'000);
  EXPECT_NE(keys.ask("b", "k", 0).hold_ms, 0);
  EXPECT_NE(keys.ask("b", "k", 0).retry_after_ms, 0) << "of all addresses together no more than three wait";
  keys.go_on("a", "k");
  EXPECT_NE(keys.ask("a", "k", 0).hold_ms, 0);
  EXPECT_EQ(keys.figures().refused, 2u);
}

// Behind one address sit many people: nobody waits for what others try there.
TEST(WrongKeys, NonsenseOfTheSameAddressHoldsUpNoKeyThatThereIs) {
  WrongKeys keys(kLimits);
  use_up(keys, "a", "");
  EXPECT_NE(keys.ask("a", "", 0).hold_ms, 0);
  EXPECT_NE(keys.ask("a", "", 0).hold_ms, 0);
  EXPECT_NE(keys.ask("a", "", 0).retry_after_ms, 0) << "all that may wait do";
  for (const char* key : {"mine", "new"}) {
    const auto advice = keys.ask("a", key, 0);
    EXPECT_EQ(advice.hold_ms + advice.retry_after_ms, 0) << key;
  }
  // Nor does nonsense of all addresses together, also for a key whose secret is tried.
  use_up(keys, "b", "");
  EXPECT_NE(keys.ask("b", "", 0).hold_ms, 0);
  EXPECT_NE(keys.ask("b", "", 0).retry_after_ms, 0);
  use_up(keys, "a", "mine");
  EXPECT_NE(keys.ask("a", "mine", 0).hold_ms, 0) << "wrong secrets for this very key come from there";
  EXPECT_EQ(keys.ask("a", "new", 0).hold_ms, 0);
  EXPECT_EQ(keys.ask("c", "mine", 0).hold_ms, 0) << "from elsewhere it is let in";
  keys.go_on("a", "mine");
  EXPECT_EQ(keys.ask("a", "mine", 1'000).hold_ms, 0);
}

TEST(WrongKeys, ManyAddressesTakeNoMoreMemory) {
  WrongKeys keys(kLimits);
  for (int i = 0; i < 10'000; ++i) {
    keys.was_wrong("address " + std::to_string(i), "k", 0);
    keys.was_wrong("address " + std::to_string(i), "", 0);
  }
  EXPECT_LE(keys.remembered(), kLimits.addresses + kLimits.keys);
}

}  // namespace
}  // namespace pirn::api
