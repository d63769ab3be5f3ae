#include "host/engine/inbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
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

}  // namespace
}  // namespace pirn::engine
