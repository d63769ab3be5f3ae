#include "host/scheduler/waiting_line.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>

namespace pirn::scheduler {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

struct Line {
  explicit Line(std::vector<int64_t> capacities) {
    for (const int64_t capacity : capacities) pool.add(capacity);
  }
  WaitingLine<std::string>::Ticket push(std::string name, std::vector<Share> shares, int32_t priority = 0,
                                        int64_t at = 0, uint32_t tenant = 0) {
    shares_of[name] = shares;
    return line.push(pool, tenant, std::move(name), std::move(shares), priority, at);
  }
  std::string next() { return line.next(pool).value_or("-"); }
  void done(const std::string& name) {
    pool.give_back(shares_of.at(name));
    line.look_again();
  }

  ResourcePool pool;
  WaitingLine<std::string> line;
  std::map<std::string, std::vector<Share>> shares_of;
};

TEST(WaitingLine, GoesByPriorityThenByArrival) {
  Line line({1});
  line.push("first", {{0, 1}});
  line.push("second", {{0, 1}});
  line.push("urgent", {{0, 1}}, 5);
  std::vector<std::string> order;
  for (std::string name; (name = line.next()) != "-"; line.done(name)) order.push_back(name);
  EXPECT_EQ(order, (std::vector<std::string>{"urgent", "first", "second"}));
}

TEST(WaitingLine, ASecondOfWaitingIsWorthOnePriority) {
  Line line({1});
  line.push("old", {{0, 1}}, 0, 0);
  line.push("urgent", {{0, 1}}, 10, 9 * kSecond);
  line.push("late", {{0, 1}}, 10, 11 * kSecond);
  EXPECT_EQ(line.next(), "urgent");
  line.done("urgent");
  EXPECT_EQ(line.next(), "old") << "it has waited for more than the ten seconds that the other is ahead";
}

TEST(WaitingLine, NobodyIsOvertakenAtAResource) {
  Line line({4});
  line.push("small", {{0, 1}});
  EXPECT_EQ(line.next(), "small");
  line.push("whole", {{0, 4}});
  line.push("smaller", {{0, 1}});
  EXPECT_EQ(line.next(), "-") << "there are 3, and who wants 4 stands before";
  line.done("small");
  EXPECT_EQ(line.next(), "whole");
}

TEST(WaitingLine, WhoWaitsForSomethingElseIsNotHeldUp) {
  Line line({1, 1});
  line.push("a", {{0, 1}});
  EXPECT_EQ(line.next(), "a");
  line.push("b", {{0, 1}});
  line.push("c", {{1, 1}});
  EXPECT_EQ(line.next(), "c");
}

TEST(WaitingLine, WhoWaitsForTwoThingsKeepsBoth) {
  Line line({1, 1});
  line.push("a", {{0, 1}});
  EXPECT_EQ(line.next(), "a");
  line.push("both", {{0, 1}, {1, 1}});
  line.push("b", {{1, 1}});
  EXPECT_EQ(line.next(), "-");
  line.done("a");
  EXPECT_EQ(line.next(), "both");
  line.done("both");
  EXPECT_EQ(line.next(), "b");
}

TEST(WaitingLine, TenantsTakeTurnsWhateverTheirPriorities) {
  Line line({1});
  for (int i = 0; i < 3; ++i) line.push("loud" + std::to_string(i), {{0, 1}}, 1'000'000, 0, 1);
  line.push("quiet", {{0, 1}}, 0, 0, 2);
  std::vector<std::string> order;
  for (std::string name; (name = line.next()) != "-"; line.done(name)) order.push_back(name);
  EXPECT_EQ(order, (std::vector<std::string>{"loud0", "quiet", "loud1", "loud2"}));
}

TEST(WaitingLine, WhoLeavesIsInNobodysWay) {
  Line line({4});
  line.push("small", {{0, 1}});
  EXPECT_EQ(line.next(), "small");
  const auto ticket = line.push("whole", {{0, 4}});
  line.push("smaller", {{0, 1}});
  EXPECT_EQ(line.next(), "-");
  line.line.remove(ticket);
  EXPECT_EQ(line.next(), "smaller");
  EXPECT_EQ(line.line.size(), 0u);
}

TEST(WaitingLine, WhatThereWillNeverBeIsInNobodysWay) {
  Line line({4});
  const auto ticket = line.push("too much", {{0, 5}});
  line.push("some", {{0, 1}});
  EXPECT_EQ(line.next(), "some");
  line.line.remove(ticket);
  EXPECT_EQ(line.next(), "-");
}

// Whatever comes and goes: never more than there is, all of it back in the end, and everybody has his turn.
RC_GTEST_PROP(WaitingLine, EverybodyGoesAndNothingIsOverdrawn, ()) {
  const auto capacities = *rc::gen::container<std::vector<int64_t>>(3, rc::gen::inRange<int64_t>(1, 5));
  Line line(capacities);
  std::vector<std::string> running;
  int64_t now = 0;
  size_t gone = 0;
  const int n = *rc::gen::inRange(1, 60);
  const auto start_some = [&] {
    for (std::string name; (name = line.next()) != "-"; ++gone) running.push_back(name);
    for (uint32_t resource = 0; resource < 3; ++resource)
      RC_ASSERT(line.pool.in_use(resource) <= line.pool.capacity(resource));
  };
  for (int i = 0; i < n; ++i) {
    std::vector<Share> shares;
    for (uint32_t resource = 0; resource < 3; ++resource)
      if (const auto amount = *rc::gen::inRange<int64_t>(0, capacities[resource] + 1))
        shares.push_back({resource, amount});
    if (shares.empty()) shares.push_back({0, 1});
    line.push(std::to_string(i), shares, *rc::gen::inRange(-3, 4), now += kSecond,
              *rc::gen::inRange<uint32_t>(0, 3));
    start_some();
    if (!running.empty() && *rc::gen::arbitrary<bool>()) {
      const auto one = running.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(running));
      line.done(*one);
      running.erase(one);
      start_some();
    }
  }
  while (!running.empty()) {
    line.done(running.back());
    running.pop_back();
    start_some();
  }
  RC_ASSERT(gone == static_cast<size_t>(n));
  for (uint32_t resource = 0; resource < 3; ++resource) RC_ASSERT(line.pool.in_use(resource) == 0);
}

}  // namespace
}  // namespace pirn::scheduler
