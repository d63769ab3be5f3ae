// The campaign's judgement is shown histories in which something went wrong: each must be found.
#include "tests/crash/evidence.h"

#include <gtest/gtest.h>

namespace pirn::crash {
namespace {

constexpr const char* kHealthy =
    "ran x1 begin 1 11 1.0.0 100\n"
    "ran x1 left 1 12 1.0.0 200\n"
    "seen x1 begin\n"
    "ran x1 left 1 13 1.0.0 300\n"
    "seen x1 left\n";

Problems judge(const std::string& text) {
  Problems problems;
  const Ledger ledger = read_ledger(text, problems);
  for (auto& problem : check_ledger(ledger)) problems.push_back(problem);
  return problems;
}

TEST(Ledger, AStepThatWasInterruptedMayRunAgain) { EXPECT_EQ(judge(kHealthy), Problems{}); }

TEST(Ledger, FindsAStepThatRanAfterItWasSeenCompleted) {
  EXPECT_EQ(judge(std::string(kHealthy) + "ran x1 begin 1 14 1.0.0 400\n").size(), 1u);
}
TEST(Ledger, FindsAnInvocationThatRanTwice) {
  EXPECT_EQ(judge("ran x1 a 1 11 1.0.0 1\nran x1 a 1 11 1.0.0 2\n").size(), 1u);
}
TEST(Ledger, FindsAnAttemptThatFell) {
  EXPECT_EQ(judge("ran x1 a 2 11 1.0.0 1\nran x1 a 1 12 1.0.0 2\n").size(), 1u);
}
TEST(Ledger, FindsAnExecutionThatChangedItsVersion) {
  EXPECT_EQ(judge("ran x1 a 1 11 1.0.0 1\nran x1 b 1 12 2.0.0 2\n").size(), 1u);
}
TEST(Ledger, FindsATornLine) { EXPECT_EQ(judge("ran x1 a 1 1ran x2 b 1 12 1.0.0 2\n").size(), 1u); }

// One step that fails once, is interrupted once, and completes.
std::vector<Event> history() {
  return {{1, 10, "workflow.create", "", "", 0, 0, 0}, {2, 10, "workflow.start", "", "", 0, 0, 0},
          {3, 20, "step.start", "a", "", 1, 1, 0},     {4, 30, "step.exception", "a", "", 0, 0, 0},
          {5, 30, "step.retry", "a", "", 0, 0, 90},    {6, 90, "step.start", "a", "", 2, 2, 0},
          {7, 95, "step.interrupt", "a", "", 0, 0, 0}, {8, 96, "step.start", "a", "", 2, 3, 0},
          {9, 99, "step.stop", "a", "", 0, 0, 0},      {10, 99, "workflow.stop", "", "completed", 0, 0, 0}};
}
std::vector<Effect> effects() {
  return {{1, "x", "a", 1, 1, "1", 25}, {2, "x", "a", 2, 2, "1", 91}, {3, "x", "a", 2, 3, "1", 97}};
}
const Expectation kOneFailure{{{"a", 1}}};

TEST(History, AcceptsWhatHoldsTogether) {
  EXPECT_EQ(check_history("x", history(), effects(), kOneFailure), Problems{});
}

TEST(History, AStartThatNeverRanIsNoProblemUnlessItStopped) {
  auto ran = effects();
  ran.erase(ran.begin() + 1);
  EXPECT_EQ(check_history("x", history(), ran, kOneFailure), Problems{});
  ran.pop_back();
  EXPECT_EQ(check_history("x", history(), ran, kOneFailure).size(), 1u);
}
TEST(History, FindsAGap) {
  auto events = history();
  for (size_t i = 5; i < events.size(); ++i) ++events[i].seq;
  EXPECT_EQ(check_history("x", events, effects(), kOneFailure).size(), 1u);
}
TEST(History, FindsACrashThatWasBlamed) {
  auto events = history();
  events[6].type = "step.exception";
  EXPECT_EQ(check_history("x", events, effects(), kOneFailure).size(), 1u);
}
TEST(History, FindsARetryThatWasEarly) {
  auto events = history();
  events[5].at_ns = 89;
  EXPECT_EQ(check_history("x", events, effects(), kOneFailure).size(), 1u);
}
TEST(History, FindsAnEffectThatWasNeverStarted) {
  auto ran = effects();
  ran.push_back({4, "x", "a", 2, 7, "1", 98});
  EXPECT_EQ(check_history("x", history(), ran, kOneFailure).size(), 1u);
}
TEST(History, FindsTwoEndsAndNone) {
  auto events = history();
  events.pop_back();
  EXPECT_EQ(check_history("x", events, effects(), kOneFailure).size(), 1u);
  events.push_back({10, 99, "workflow.stop", "", "completed", 0, 0, 0});
  events.push_back({11, 99, "workflow.stop", "", "completed", 0, 0, 0});
  EXPECT_EQ(check_history("x", events, effects(), kOneFailure).size(), 2u);
}
TEST(History, FindsAFailedEnd) {
  auto events = history();
  events.back().state = "failed";
  EXPECT_EQ(check_history("x", events, effects(), kOneFailure).size(), 1u);
}

}  // namespace
}  // namespace pirn::crash
