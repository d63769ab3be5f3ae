// What a step waits for beside `after`: one of several steps, a group; and which ready step goes first.
#include <gtest/gtest.h>

#include "host/simulate/world.h"

namespace pirn::sim {
namespace {

using journal::State;

std::vector<std::string> called(World& world) {
  std::vector<std::string> steps;
  for (const Called& call : world.runner().calls) steps.push_back(call.step);
  return steps;
}

ScriptedRunner::Script always(const Act& act) {
  return [act](const auto&) { return act; };
}

// What a step's slot can be read from, as the runner asks: "ok", "absent" or "no ancestor".
std::string access(const worker::Invocation& invocation, std::string_view ancestor) {
  const journal::StepResult* slot = nullptr;
  switch (invocation.frame->result_of(invocation.step, ancestor, slot)) {
    case worker::Frame::Access::ok:
      return "ok";
    case worker::Frame::Access::absent:
      return "absent";
    case worker::Frame::Access::not_an_ancestor:
      return "no ancestor";
  }
  return "";
}

// ---- after_any (R7) ----

constexpr const char* kRace = R"("failure_mode":"continue","steps":[
  {"name":"slow","max_retries":0,"on_error":"continue"},{"name":"fast","max_retries":0,"on_error":"continue"},
  {"name":"first","after_any":["slow","fast"]}])";

TEST(AfterAny, R7TheFirstCompletedMemberFiresAtOnceAndTheOthersGoOn) {
  World world;
  world.publish(kRace);
  world.runner().by_function["slow"] = always(after(kMinute, ok(R"({"from":"slow","slow":1})")));
  world.runner().by_function["fast"] = always(after(kSecond, ok(R"({"from":"fast"})")));
  const ExecutionId id = world.start()->id;
  world.advance(2 * kSecond);
  EXPECT_EQ(world.step_state(id, "first"), "completed");
  EXPECT_EQ(world.step_state(id, "slow"), "running") << "a loser goes on";
  world.run();
  EXPECT_EQ(world.step_state(id, "slow"), "completed");
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(called(world), (std::vector<std::string>{"slow", "fast", "first"})) << "the dependent runs once";
}

TEST(AfterAny, SeesOnlyTheMembersThatFiredItAndTheJournalNamesThem) {
  World world;
  world.publish(kRace);
  world.runner().by_function["slow"] = always(after(kSecond, ok(R"({"slow":1})")));
  world.runner().by_function["fast"] = always(ok(R"({"fast":1})"));
  std::string slow, fast;
  world.runner().by_function["first"] = [&](const auto& invocation) {
    fast = access(invocation, "fast"), slow = access(invocation, "slow");
    return after(kMinute, ok());
  };
  const ExecutionId id = world.start(R"({"in":0})")->id;
  world.run();
  EXPECT_EQ(world.runner().calls.back().context, R"({"fast":1,"in":0})");
  EXPECT_EQ(fast, "ok");
  EXPECT_EQ(slow, "no ancestor") << "it did not fire the step, though it has a slot by now";
  const auto ready = world.records_of<journal::StepReady>(id);
  ASSERT_EQ(ready.size(), 3u);
  EXPECT_EQ(ready[2].fired_by, std::vector<uint32_t>{1});
  EXPECT_EQ(world.context(id), R"({"fast":1,"in":0,"slow":1})");
}

TEST(AfterAny, ASoftMemberFiresOnlyWhenNoneCanCompleteAnyMore) {
  World world;
  world.publish(kRace);
  world.runner().by_function["fast"] = always(skip("no need"));
  world.runner().by_function["slow"] = always(after(kMinute, fail("x")));
  const ExecutionId id = world.start()->id;
  world.advance(kSecond);
  EXPECT_EQ(world.step_state(id, "first"), "pending") << "the slow one may still complete";
  world.run();
  EXPECT_EQ(world.step_state(id, "slow"), "failed(tolerated)");
  EXPECT_EQ(world.step_state(id, "first"), "completed");
  EXPECT_EQ(world.records_of<journal::StepReady>(id)[2].fired_by, (std::vector<uint32_t>{0, 1}));
}

// S1: beside one that completed the softer ones do not count, and what lies above them is not seen.
TEST(AfterAny, R7BesideACompletedMemberTheSofterOnesDoNotFire) {
  World world;
  world.publish(R"("steps":[{"name":"above"},{"name":"soft","after":["above"]},{"name":"good"},
    {"name":"first","after_any":["soft","good"]}])");
  world.runner().by_function["above"] = always(ok(R"({"above":1})"));
  world.runner().by_function["soft"] = always(skip("no need"));
  world.runner().by_function["good"] = always(after(kMinute, ok(R"({"good":1})")));
  std::string above;
  world.runner().by_function["first"] = [&](const worker::Invocation& invocation) {
    above = access(invocation, "above");
    return ok();
  };
  const ExecutionId id = world.start()->id;
  world.run();
  ASSERT_EQ(world.step_state(id, "first"), "completed");
  EXPECT_EQ(world.runner().calls.back().context, R"({"good":1})");
  EXPECT_EQ(above, "no ancestor");
  EXPECT_EQ(world.records_of<journal::StepReady>(id).back().fired_by, std::vector<uint32_t>{2});
}

// However many members complete, they count once: what else the step waits for is waited for.
TEST(AfterAny, R7SeveralCompletedMembersCountOnce) {
  World world;
  world.publish(R"("steps":[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"slow"},
    {"name":"joined","after":["slow"],"after_any":["a","b","c"]}])");
  world.runner().by_function["slow"] = always(after(kMinute, ok()));
  const ExecutionId id = world.start()->id;
  world.advance(kSecond);
  EXPECT_EQ(world.step_state(id, "joined"), "pending");
  world.run();
  EXPECT_EQ(world.step_state(id, "joined"), "completed");
  EXPECT_EQ(called(world), (std::vector<std::string>{"a", "b", "c", "slow", "joined"}));
}

struct AllOver {
  std::string first_condition, second_condition, state;
};
void PrintTo(const AllOver& over, std::ostream* out) {
  *out << over.first_condition << " and " << over.second_condition;
}
class AfterAnyWhenNoneIsTaken : public testing::TestWithParam<AllOver> {};

// "a" fails hard unless its condition is false.
TEST_P(AfterAnyWhenNoneIsTaken, TheDependentIsSkipped) {
  World world;
  world.publish(
      R"("failure_mode":"continue","steps":[{"name":"a","max_retries":0,"when":{"path":"a","exists":)" +
      GetParam().first_condition + R"(}},{"name":"b","when":{"path":"b","exists":)" +
      GetParam().second_condition + R"(}},{"name":"c","after_any":["a","b"]}])");
  world.runner().by_function["a"] = always(fail("x"));
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "c"), GetParam().state);
}
INSTANTIATE_TEST_SUITE_P(Rules, AfterAnyWhenNoneIsTaken,
                         testing::Values(AllOver{"false", "true", "skipped(upstream_failed)"},
                                         AllOver{"true", "true", "skipped(not_taken)"},
                                         AllOver{"false", "false", "completed"}));

TEST(AfterAny, BothSetsMustPass) {
  World world;
  world.publish(
      R"("failure_mode":"continue","steps":[{"name":"a"},{"name":"b"},{"name":"gate","max_retries":0},
    {"name":"c","after":["gate"],"after_any":["a","b"]}])");
  world.runner().by_function["b"] = always(after(kMinute, ok()));
  world.runner().by_function["gate"] = always(after(kSecond, fail("shut")));
  const ExecutionId id = world.start()->id;
  world.settle();
  EXPECT_EQ(world.step_state(id, "c"), "pending") << "fired, but the gate is open";
  world.advance(2 * kSecond);
  EXPECT_EQ(world.step_state(id, "c"), "skipped(upstream_failed)");
  EXPECT_EQ(world.show(id).state.steps[3].extra->reason, "dependency gate failed: shut: told to");
}

TEST(AfterAny, WhatFiredItIsFixedThroughRetriesAndCrashes) {
  for (const bool crash : {false, true}) {
    World world;
    world.publish(R"("steps":[{"name":"slow"},{"name":"fast"},
      {"name":"first","after_any":["slow","fast"],"max_retries":1,"retry_delay":"1h","retry_backoff":"fixed"},
      {"name":"last","after":["first"]}])");
    world.runner().by_function["slow"] = always(after(kMinute, ok(R"({"slow":1})")));
    world.runner().by_function["fast"] = always(ok(R"({"fast":1})"));
    world.runner().by_function["first"] = [](const auto& invocation) {
      return invocation.attempt == 1 ? fail("x") : ok();
    };
    (void)world.start();
    world.advance(30 * kMinute);
    if (crash) world.crash();
    world.run();
    EXPECT_EQ(world.runner().calls.back().step, "last");
    EXPECT_EQ(world.runner().calls.back().context, R"({"fast":1})");
  }
}

TEST(AfterAny, AFalseConditionHandsOnWhatFiredItAlsoAfterACrash) {
  for (const bool crash : {false, true}) {
    World world;
    world.publish(R"("steps":[{"name":"slow"},{"name":"fast"},{"name":"held"},
      {"name":"first","after_any":["slow","fast"],"when":{"path":"fast","exists":false}},
      {"name":"last","after":["first","held"]}])");
    world.runner().by_function["slow"] = always(after(kSecond, ok(R"({"slow":1})")));
    world.runner().by_function["fast"] = always(ok(R"({"fast":1})"));
    world.runner().by_function["held"] = always(after(kMinute, ok()));
    const ExecutionId id = world.start()->id;
    world.advance(30 * kSecond);
    EXPECT_EQ(world.step_state(id, "first"), "skipped(condition)");
    if (crash) world.crash();
    world.run();
    EXPECT_EQ(world.runner().calls.back().step, "last");
    EXPECT_EQ(world.runner().calls.back().context, R"({"fast":1})") << "not what came after it had passed";
  }
}

TEST(AfterAny, AnAskedConditionKeepsWhatFiredIt) {
  World world;
  world.publish(R"("steps":[{"name":"slow"},{"name":"fast"},
    {"name":"first","after_any":["slow","fast"],"when":{"function":"sunny"}}])");
  world.runner().by_function["slow"] = always(after(kSecond, ok(R"({"slow":1})")));
  world.runner().by_function["fast"] = always(ok(R"({"fast":1})"));
  world.runner().by_function["sunny"] = always(after(3 * kSecond, answer(true)));
  const ExecutionId id = world.start()->id;
  world.advance(2 * kSecond);
  EXPECT_EQ(world.records_of<journal::StepAsked>(id)[0].fired_by, std::vector<uint32_t>{1});
  world.crash();
  world.run();
  EXPECT_EQ(world.runner().calls.back().context, R"({"fast":1})");
  EXPECT_TRUE(world.records_of<journal::StepReady>(id).back().fired_by.empty()) << "it is recorded once";
}

TEST(AfterAny, AStepThatOthersFiredIsNotBelowAFailedMember) {
  World world;
  world.publish(R"("steps":[{"name":"a"},{"name":"b","max_retries":0},{"name":"held"},
    {"name":"c","after_any":["a","b"]},{"name":"d","after":["c","held"]},{"name":"e","after_any":["b","held"]}])");
  world.runner().by_function["b"] = always(after(kSecond, fail("x")));
  world.runner().by_function["held"] = always(after(kMinute, ok()));
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "d"), "skipped(aborted)");
  EXPECT_EQ(world.step_state(id, "e"), "skipped(upstream_failed)");
}

// ---- groups ----

constexpr const char* kGroup = R"("failure_mode":"continue","steps":[
  {"name":"a","group":"g","max_retries":0},{"name":"b","group":"g"},{"name":"next","after_group":"g"},{"name":"end","after":["next"]}])";

TEST(Group, IsOverWhenAllItsMembersAre) {
  World world;
  world.publish(kGroup);
  world.runner().by_function["a"] = always(ok(R"({"a":1,"both":"a"})"));
  world.runner().by_function["b"] = always(after(kMinute, ok(R"({"b":1,"both":"b"})")));
  std::string seen;
  world.runner().by_function["end"] = [&](const auto& invocation) {
    seen = access(invocation, "a") + " " + access(invocation, "b");
    return ok();
  };
  const ExecutionId id = world.start()->id;
  world.advance(kSecond);
  EXPECT_EQ(world.step_state(id, "next"), "pending");
  world.run();
  EXPECT_EQ(world.runner().calls[2].context, R"({"a":1,"b":1,"both":"b"})");
  EXPECT_EQ(seen, "ok ok");
  EXPECT_EQ(world.records_of<journal::Diagnostic>(id)[0].code, "context_conflict");
}

TEST(Group, ItsMembersCountAsAnyDependencies) {
  const struct {
    Act a;
    std::string next;
  } cases[] = {{fail("x"), "skipped(upstream_failed)"}, {skip("no"), "completed"}};
  for (const auto& [act, next] : cases) {
    World world;
    world.publish(kGroup);
    world.runner().by_function["a"] = always(act);
    const ExecutionId id = world.start()->id;
    world.run();
    EXPECT_EQ(world.step_state(id, "next"), next);
  }
}

TEST(Group, AllUntakenIsUntaken) {
  World world;
  world.publish(R"("steps":[{"name":"a","group":"g","when":{"path":"x","exists":true}},
    {"name":"b","group":"g","when":{"path":"y","exists":true}},{"name":"next","after_group":"g"}])");
  const ExecutionId none = world.start()->id;
  EXPECT_EQ(world.step_state(none, "next"), "skipped(not_taken)");
  const ExecutionId one = world.start(R"({"x":1})")->id;
  world.run();
  EXPECT_EQ(world.step_state(one, "next"), "completed");
}

TEST(Group, SaysWhichMemberBlocksByOrderOfCommits) {
  World world;
  world.publish(R"("failure_mode":"continue","steps":[{"name":"a","group":"g","max_retries":0},
    {"name":"b","group":"g","max_retries":0},{"name":"next","after_group":"g"}])");
  world.runner().by_function["a"] = always(after(kMinute, fail("late")));
  world.runner().by_function["b"] = always(after(kSecond, fail("soon")));
  const ExecutionId id = world.start()->id;
  world.advance(kSecond);
  world.crash();
  world.run();
  EXPECT_EQ(world.show(id).state.steps[2].extra->reason, "dependency b failed: soon: told to");
}

TEST(Group, ADependentOfAGroupIsBelowTheFailureOfAMember) {
  World world;
  world.publish(R"("steps":[{"name":"a","group":"g","max_retries":0},{"name":"held","group":"g"},
    {"name":"next","after_group":"g"},{"name":"other","after":["held"]}])");
  world.runner().by_function["a"] = always(after(kSecond, fail("x")));
  world.runner().by_function["held"] = always(after(kMinute, ok()));
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "next"), "skipped(upstream_failed)");
  EXPECT_EQ(world.step_state(id, "other"), "skipped(aborted)");
}

TEST(Group, IsRecoveredAtEveryCommit) {
  for (uint64_t lost = 1; lost <= 6; ++lost) {
    for (const bool uncertain : {false, true}) {
      World world;
      world.publish(kGroup);
      world.runner().by_function["a"] = always(ok(R"({"a":1})"));
      world.runner().by_function["b"] = always(after(kSecond, ok(R"({"b":1})")));
      world.fail_commit(lost, uncertain);
      auto started = world.start("{}", "key");
      if (!started) started = world.start("{}", "key");
      world.run();
      EXPECT_EQ(world.context(started->id), R"({"a":1,"b":1})") << lost;
      EXPECT_EQ(world.step_state(started->id, "end"), "completed") << lost;
      EXPECT_EQ(world.runner().calls.back().context, R"({"a":1,"b":1})") << lost;
    }
  }
}

// ---- priority (R60) ----

TEST(Priority, R60HigherGoesFirstThenTheCanonicalOrder) {
  World world;
  world.publish(
      R"("step_concurrency":1,"steps":[{"name":"low","priority":-1},{"name":"a"},{"name":"b"},{"name":"high","priority":7}])");
  (void)world.start();
  world.run();
  EXPECT_EQ(called(world), (std::vector<std::string>{"high", "a", "b", "low"}));
}

// "first" is declared behind "last", which waits for "before" and so comes later.
TEST(Priority, R60TheCanonicalOrderIsNotThatOfDeclaration) {
  World world;
  world.publish(R"("step_concurrency":1,"steps":[{"name":"last","after":["before"]},
    {"name":"first","max_retries":1,"retry_delay":"1s"},{"name":"before"}])");
  world.runner().by_function["first"] = [n = 0](const auto&) mutable { return n++ ? ok() : fail("no"); };
  world.runner().by_function["before"] = always(after(kMinute, ok()));
  (void)world.start();
  world.run();
  EXPECT_EQ(called(world), (std::vector<std::string>{"first", "before", "first", "last"}));
}

TEST(Priority, SurvivesACrash) {
  World world;
  world.publish(
      R"("step_concurrency":1,"steps":[{"name":"low","priority":-1},{"name":"a"},{"name":"high","priority":7}])");
  world.runner().by_function["high"] = always(after(kMinute, ok()));
  (void)world.start();
  world.advance(kSecond);
  world.crash();
  world.run();
  EXPECT_EQ(called(world), (std::vector<std::string>{"high", "high", "a", "low"}));
}

}  // namespace
}  // namespace pirn::sim
