#include "host/api/connection_table.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace pirn::api {
namespace {

using Activity = ConnectionTable::Activity;
using Id = ConnectionTable::Id;

struct Table : ConnectionTable {
  using ConnectionTable::ConnectionTable;
  Id stranger(const std::string& peer) { return add(Door::network, peer); }
  Id local() { return add(Door::local, ""); }
  // A connection of a caller with a key; 0: it was refused.
  Id known(const std::string& tenant, Activity activity = Activity::idle) {
    const Id id = stranger("10.0.0.1");
    set(id, Activity::request);
    if (!authenticate(id, tenant)) {
      remove(id);
      return 0;
    }
    set(id, activity);
    return id;
  }
  bool is_closed(Id id) const { return closed.contains(id); }

  std::set<Id> closed;

 private:
  Id add(Door door, const std::string& peer) {
    auto id = std::make_shared<Id>(0);
    return *id = open(door, peer, [this, id] {
      closed.insert(*id);
      remove(*id);  // as a connection does, and it is no harm
    });
  }
};

TEST(ConnectionTable, StrangersPushOutTheirOldest) {
  Table table({.local = 2, .network = 10, .strangers = 4, .strangers_of_address = 2});
  const Id a = table.stranger("a"), b = table.stranger("a");
  const Id third = table.stranger("a");
  EXPECT_TRUE(third != 0 && table.is_closed(a) && !table.is_closed(b)) << "its own address first";
  const Id c = table.stranger("c"), d = table.stranger("d");
  EXPECT_EQ(table.count().strangers, 4u);
  const Id e = table.stranger("e");
  EXPECT_TRUE(e != 0 && table.is_closed(b)) << "the oldest of all";
  EXPECT_FALSE(table.is_closed(c) || table.is_closed(d) || table.is_closed(third));
  // One whose request is answered goes when all others do so, too: it may never read the answer.
  for (const Id id : {third, c, d, e}) table.set(id, Activity::request);
  EXPECT_NE(table.stranger("f"), 0u);
  EXPECT_TRUE(table.is_closed(third));
  EXPECT_EQ(table.count().strangers, 4u);
}

TEST(ConnectionTable, StrangersKeepOutNobodyWithAKey) {
  Table table({.local = 2, .network = 6, .strangers = 3, .strangers_of_address = 3});
  const Id red = table.known("red");
  for (int i = 0; i < 100; ++i) table.stranger("flood" + std::to_string(i % 7));
  EXPECT_FALSE(table.is_closed(red));
  EXPECT_NE(table.known("blue"), 0u);
  EXPECT_NE(table.local(), 0u) << "nor the operator";
  EXPECT_EQ(table.count().known, 2u);
}

TEST(ConnectionTable, TheUnixSocketIsCountedApart) {
  Table table({.local = 2, .network = 4, .strangers = 2, .strangers_of_address = 2});
  const Id one = table.local(), two = table.local();
  EXPECT_NE(table.stranger("a"), 0u);
  EXPECT_FALSE(table.is_closed(one));
  EXPECT_NE(table.local(), 0u);
  EXPECT_TRUE(table.is_closed(one)) << "the oldest one that is idle";
  table.set(two, Activity::request);
  const Id four = table.local();
  table.set(four, Activity::request);
  EXPECT_EQ(table.local(), 0u) << "those with requests under way stay";
}

TEST(ConnectionTable, ACallerWithFewGetsAPlaceOfTheOneWithMost) {
  Table table({.local = 1, .network = 6, .strangers = 2, .strangers_of_address = 2});
  const Id busy = table.known("red", Activity::request), stream = table.known("red", Activity::stream),
           idle = table.known("red");
  const Id blue = table.known("blue");
  EXPECT_NE(blue, 0u);
  EXPECT_EQ(table.count().known, 4u);
  const Id second = table.known("blue");
  EXPECT_NE(second, 0u);
  EXPECT_TRUE(table.is_closed(idle)) << "an idle one first";
  EXPECT_FALSE(table.is_closed(stream));
  // Two and two: nobody has fewer, and what is idle of one's own goes.
  EXPECT_NE(table.known("blue"), 0u);
  EXPECT_TRUE(table.is_closed(blue));
  const Id green = table.known("green", Activity::request);
  EXPECT_NE(green, 0u);
  EXPECT_EQ(table.count().known, 4u);
  EXPECT_FALSE(table.is_closed(busy)) << "a request under way is never ended";
}

TEST(ConnectionTable, TheOneWithMostIsRefusedWhenAllOfHisAreBusy) {
  Table table({.local = 1, .network = 6, .strangers = 2, .strangers_of_address = 2});
  const Id one = table.known("red", Activity::request), two = table.known("red", Activity::request),
           three = table.known("red", Activity::request);
  EXPECT_EQ(table.known("red"), 0u) << "one place of four is out of his reach";
  const Id blue = table.known("blue", Activity::request);
  EXPECT_NE(blue, 0u);
  EXPECT_EQ(table.known("green"), 0u) << "there is nothing that could be closed";
  table.set(two, Activity::stream);
  EXPECT_EQ(table.known("red"), 0u) << "one's own watchers stay";
  EXPECT_NE(table.known("green"), 0u);
  EXPECT_TRUE(table.is_closed(two) && !table.is_closed(one) && !table.is_closed(three));
}

TEST(ConnectionTable, NoCallerHasMoreThanThreeQuarters) {
  for (const size_t places : {1, 2, 3, 4, 5, 8, 100}) {
    Table table({.local = 1, .network = places + 2, .strangers = 2, .strangers_of_address = 2});
    size_t held = 0;
    for (size_t i = 0; i < 2 * places; ++i) held += table.known("red", Activity::request) != 0;
    EXPECT_EQ(held, std::max<size_t>(1, places * 3 / 4)) << places;
    if (places > 1) {
      EXPECT_NE(table.known("blue", Activity::request), 0u) << places;
    }
  }
  // Of one's own, what is idle goes, though there is room for others.
  Table table({.local = 1, .network = 6, .strangers = 2, .strangers_of_address = 2});
  const Id idle = table.known("red");
  EXPECT_NE(table.known("red", Activity::request), 0u);
  EXPECT_NE(table.known("red", Activity::request), 0u);
  EXPECT_NE(table.known("red", Activity::request), 0u);
  EXPECT_TRUE(table.is_closed(idle));
  EXPECT_EQ(table.count().known, 3u);
  // Nor does a connection that changes its owner get round it.
  const Id blue = table.known("blue", Activity::request);
  EXPECT_FALSE(table.authenticate(blue, "red"));
  EXPECT_TRUE(table.authenticate(blue, "blue"));
}

TEST(ConnectionTable, WhatIsIdleOfAnotherIsFoundBehindTheOneWithMost) {
  Table table({.local = 1, .network = 10, .strangers = 2, .strangers_of_address = 2});
  for (int i = 0; i < 5; ++i) EXPECT_NE(table.known("red", Activity::request), 0u);
  for (int i = 0; i < 3; ++i) EXPECT_NE(table.known("blue"), 0u);
  EXPECT_NE(table.known("green", Activity::request), 0u) << "red has most, and nothing to give";
  EXPECT_EQ(table.count().known, 8u);
}

TEST(ConnectionTable, MakesRoomWithWhatOnlyWaits) {
  Table table({.local = 2, .network = 6, .strangers = 2, .strangers_of_address = 2});
  const Id known = table.known("red"), stranger = table.stranger("a"), local = table.local();
  EXPECT_TRUE(table.make_room());
  EXPECT_TRUE(table.is_closed(stranger));
  EXPECT_TRUE(table.make_room());
  EXPECT_TRUE(table.is_closed(known));
  EXPECT_FALSE(table.make_room()) << "the operator's are not taken for it";
  table.close_all();
  EXPECT_TRUE(table.is_closed(local));
  EXPECT_EQ(table.count().local, 0u);
}

TEST(ConnectionTable, CountsWhomItClosedForOthersAndWhomItTurnedAway) {
  Table table({.local = 1, .network = 4, .strangers = 2, .strangers_of_address = 2});
  table.set(table.local(), Activity::request);
  EXPECT_EQ(table.local(), 0u);
  const Id red = table.known("red", Activity::request);
  EXPECT_EQ(table.known("red", Activity::request), 0u);
  for (const char* peer : {"a", "b", "c"}) table.stranger(peer);
  EXPECT_EQ(table.count().closed, 1u) << "a, for c";
  EXPECT_EQ(table.count().refused, 2u) << "one of each door";
  EXPECT_EQ(table.count().local + table.count().known + table.count().strangers, 4u);
  table.remove(red);
  table.close_all();
  EXPECT_EQ(table.count().closed, 1u) << "the end of a connection makes no room for another";
}

// The limit of open files for as long as it lives.
class Descriptors {
 public:
  explicit Descriptors(rlim_t most) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit wanted = before_;
    wanted.rlim_cur = most;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &wanted), 0);
  }
  ~Descriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(ConnectionLimits, LeaveDescriptorsToTheOtherDoorAndToTheHost) {
  for (const rlim_t most : {16, 40, 200, 1'024, 4'000}) {
    const Descriptors descriptors(most);
    const ConnectionLimits limits = within_descriptors({});
    EXPECT_LE(limits.local + limits.network, most - std::min<rlim_t>(1'024, most / 4)) << most;
    EXPECT_GE(limits.local, most / 4) << most;
    EXPECT_GE(limits.network, most / 4) << most;
    EXPECT_LT(limits.strangers, limits.network) << most;
    EXPECT_LE(limits.strangers_of_address, limits.strangers) << most;
  }
  const Descriptors descriptors(4'000);
  const ConnectionLimits few = within_descriptors({20, 30, 10, 5});
  EXPECT_EQ(few.local, 20u);
  EXPECT_EQ(few.network, 30u);
  EXPECT_EQ(few.strangers, 10u);
  EXPECT_EQ(few.strangers_of_address, 5u);
}

}  // namespace
}  // namespace pirn::api
