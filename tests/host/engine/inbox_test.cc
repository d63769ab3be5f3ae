#include "host/engine/inbox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <thread>

namespace pirn::engine {
namespace {

struct CountingWakeup : worker::Wakeup {
  void wake() override { ++count; }
  std::atomic<int> count{0};
};

Command numbered(int number) {
  Cancel cancel;
  cancel.reason = std::to_string(number);
  return cancel;
}
int number_of(const Command& command) { return std::stoi(std::get<Cancel>(command).reason); }

TEST(Inbox, KeepsTheOrderOfArrival) {
  CountingWakeup wakeup;
  Inbox inbox(10, wakeup);
  for (int i = 0; i < 5; ++i) {
    Command command = numbered(i);
    EXPECT_TRUE(inbox.push(command));
  }
  EXPECT_EQ(wakeup.count, 1) << "whoever found it empty has woken the engine for all";
  std::vector<Command> out;
  EXPECT_EQ(inbox.take(3, out), 3u);
  EXPECT_EQ(inbox.take(3, out), 2u);
  EXPECT_EQ(inbox.take(3, out), 0u);
  ASSERT_EQ(out.size(), 5u);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(number_of(out[static_cast<size_t>(i)]), i);
  Command command = numbered(5);
  EXPECT_TRUE(inbox.push(command));
  EXPECT_EQ(wakeup.count, 2);
}

TEST(Inbox, AFullOneLeavesTheCommandToItsOwner) {
  CountingWakeup wakeup;
  Inbox inbox(2, wakeup);
  for (int i = 0; i < 2; ++i) {
    Command command = numbered(i);
    EXPECT_TRUE(inbox.push(command));
  }
  Command refused = numbered(77);
  EXPECT_FALSE(inbox.push(refused));
  EXPECT_EQ(number_of(refused), 77) << "untouched";
  std::vector<Command> out;
  EXPECT_EQ(inbox.take(1, out), 1u);
  EXPECT_TRUE(inbox.push(refused));
}

TEST(Inbox, AClosedOneTakesNothingMoreAndGivesWhatItHas) {
  CountingWakeup wakeup;
  Inbox inbox(10, wakeup);
  Command first = numbered(1), second = numbered(2);
  EXPECT_TRUE(inbox.push(first));
  EXPECT_FALSE(inbox.closed());
  inbox.close();
  EXPECT_TRUE(inbox.closed());
  EXPECT_FALSE(inbox.push(second));
  EXPECT_EQ(number_of(second), 2);
  std::vector<Command> out;
  EXPECT_EQ(inbox.take(10, out), 1u);
}

TEST(Inbox, ManyThreadsLoseNothing) {
  constexpr int kThreads = 4, kEach = 2'000;
  CountingWakeup wakeup;
  Inbox inbox(64, wakeup);
  std::vector<std::thread> writers;
  for (int t = 0; t < kThreads; ++t)
    writers.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        Command command = numbered(t * kEach + i);
        while (!inbox.push(command)) std::this_thread::yield();
      }
    });
  std::vector<Command> out;
  while (out.size() < kThreads * kEach)
    if (inbox.take(16, out) == 0) std::this_thread::yield();
  for (std::thread& writer : writers) writer.join();
  std::map<int, int> last;  // by writer
  for (const Command& command : out) {
    const int number = number_of(command), writer = number / kEach;
    if (last.contains(writer)) {
      ASSERT_EQ(number, last[writer] + 1);
    }
    last[writer] = number;
  }
  EXPECT_EQ(last.size(), static_cast<size_t>(kThreads));
  EXPECT_GT(wakeup.count, 0);
}

template <class Of>
Command from(const char* tenant) {
  Of command;
  command.tenant = tenant;
  return command;
}
void push_all(Inbox& inbox, int n, const char* tenant, Command (*make)(const char*)) {
  for (int i = 0; i < n; ++i) {
    Command command = make(tenant);
    ASSERT_TRUE(inbox.push(command));
  }
}
std::map<std::string, int> by_tenant(const std::vector<Command>& commands) {
  std::map<std::string, int> counts;
  for (const Command& command : commands)
    std::visit(
        [&](const auto& each) {
          if constexpr (requires { each.tenant; }) ++counts[each.tenant];
        },
        command);
  return counts;
}

TEST(Inbox, ATenantThatSendsThousandsDelaysTheOthersByNoMoreThanATurn) {
  CountingWakeup wakeup;
  Inbox inbox(100'000, wakeup);
  push_all(inbox, 5'000, "greedy", from<Cancel>);
  for (const char* tenant : {"a", "b"}) push_all(inbox, 10, tenant, from<Cancel>);
  std::vector<Command> out;
  EXPECT_EQ(inbox.take(512, out), 512u);
  EXPECT_EQ(by_tenant(out), (std::map<std::string, int>{{"greedy", 492}, {"a", 10}, {"b", 10}}));
  EXPECT_TRUE(inbox.has_more());
  // Also those that come when the queue of the greedy one is there already.
  push_all(inbox, 3, "late", from<Cancel>);
  out.clear();
  EXPECT_EQ(inbox.take(512, out), 512u);
  EXPECT_EQ(by_tenant(out)["late"], 3);
}

TEST(Inbox, DearCommandsCountForMany) {
  CountingWakeup wakeup;
  Inbox inbox(100'000, wakeup);
  push_all(inbox, 500, "walker", from<ListOpen>);
  push_all(inbox, 1'000, "starter", from<Cancel>);
  std::vector<Command> out;
  inbox.take(512, out);
  EXPECT_EQ(by_tenant(out), (std::map<std::string, int>{{"walker", 4}, {"starter", 256}}))
      << "a turn is shared by what is done in it, not by the number of commands";
}

TEST(Inbox, OneCommandIsTakenHoweverDearItIs) {
  CountingWakeup wakeup;
  Inbox inbox(10, wakeup);
  push_all(inbox, 2, "walker", from<ListOpen>);
  std::vector<Command> out;
  EXPECT_EQ(inbox.take(1, out), 1u);
  EXPECT_EQ(inbox.take(1, out), 1u);
  EXPECT_EQ(inbox.take(1, out), 0u);
  EXPECT_FALSE(inbox.has_more());
}

// Random tenants, commands and turns: nothing is lost or overtakes within its tenant, and while a tenant
// waits no other one gets more than two shares, unless all that waits fits into one turn.
TEST(Inbox, ServesTenantsInTurnAndKeepsTheirOrder) {
  for (uint32_t seed = 1; seed <= 25; ++seed) {
    std::mt19937 random(seed);
    CountingWakeup wakeup;
    Inbox inbox(100'000, wakeup);
    std::map<std::string, int> pushed, taken;
    std::map<std::string, std::map<std::string, size_t>>
        passed;  // by whoever waits: what others did meanwhile
    const size_t turn = 1 + random() % 200;
    for (int round = 0; round < 60; ++round) {
      for (uint32_t n = random() % 200; round < 30 && n > 0; --n) {
        const std::string tenant(1, static_cast<char>('a' + (random() % 2 ? 0 : random() % 4)));
        Cancel cancel;
        cancel.tenant = tenant;
        cancel.reason = std::to_string(pushed[tenant]++);
        Command command = std::move(cancel);
        ASSERT_TRUE(inbox.push(command));
      }
      std::vector<Command> out;
      ASSERT_LE(inbox.take(turn, out), turn);
      for (Command& command : out) {
        const Cancel& cancel = std::get<Cancel>(command);
        ASSERT_EQ(cancel.reason, std::to_string(taken[cancel.tenant]++)) << "seed " << seed;
        passed[cancel.tenant].clear();
        for (const auto& [tenant, count] : pushed) {
          if (tenant == cancel.tenant || taken[tenant] == count) continue;
          ASSERT_LE(++passed[tenant][cancel.tenant], std::max(2 * kWalkCost, turn)) << "seed " << seed;
        }
      }
    }
    std::vector<Command> rest;
    while (inbox.take(turn, rest) > 0) {
    }
    size_t all = rest.size();
    for (const auto& [tenant, count] : taken) all += static_cast<size_t>(count);
    size_t sent = 0;
    for (const auto& [tenant, count] : pushed) sent += static_cast<size_t>(count);
    EXPECT_EQ(all, sent) << "seed " << seed;
    EXPECT_FALSE(inbox.has_more());
  }
}

}  // namespace
}  // namespace pirn::engine
