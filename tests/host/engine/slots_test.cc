// The tenants' shares of the runner's slots (R71).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "host/simulate/world.h"

namespace pirn::sim {
namespace {

using journal::State;
using worker::Kind;

class Slots : public testing::Test {
 protected:
  Slots() {
    world.runner().script = [this](const worker::Invocation& call) {
      tenants[call.frame->execution] = call.frame->release->tenant;
      if (call.step_name == "b" && takes[Kind::task] == 0) return await();
      const auto took = takes.find(call.kind);
      const int64_t time = took == takes.end() ? 0 : took->second;
      return after(time, call.kind == Kind::duration ? answer_delay(kMinute) : ok());
    };
  }

  // A workflow "w" of so many steps that depend on nothing.
  void wide(const std::string& tenant, int n_steps) {
    std::string steps;
    for (int i = 0; i < n_steps; ++i) steps += (i == 0 ? "" : ",") + named("s" + std::to_string(i));
    publish(tenant, R"({"name":"w","steps":[)" + steps + "]}");
  }
  static std::string named(const std::string& step) { return R"({"name":")" + step + "\"}"; }
  void publish(const std::string& tenant, const std::string& workflow) {
    world.releases.publish(
        tenant, R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[)" + workflow + "]}");
  }
  ExecutionId start(const std::string& tenant) { return world.start("{}", "", "w", tenant)->id; }
  State state(ExecutionId id, std::string_view tenant = "t") { return world.show(id, tenant).state.state; }

  std::map<std::string, size_t> under_way() {
    std::map<std::string, size_t> out;
    for (const Called& call : world.runner().calls)
      if (call.fate == Called::Fate::under_way) ++out[tenants.at(call.execution)];
    return out;
  }
  using Counts = std::map<std::string, size_t>;
  engine::SlotUse use() { return world.ask<engine::EngineStats>(engine::Stats{}).value().slots; }

  World world;
  std::map<Kind, int64_t> takes = {{Kind::task, kMinute}};  // by kind; others take no time
  std::map<ExecutionId, std::string> tenants;
};

TEST_F(Slots, ManyLongStepsOfOneTenantKeepNobodyWaiting) {
  takes[Kind::task] = 60 * kMinute;
  wide("t", 100);
  wide("u", 3);
  start("t");
  world.settle();
  EXPECT_EQ(under_way(), (Counts{{"t", 56}})) << "of 64, for 8 are the reserve";
  start("u");
  world.settle();
  EXPECT_EQ(under_way(), (Counts{{"t", 56}, {"u", 3}}));
}

TEST_F(Slots, AreSharedByWeightAsTheyBecomeFree) {
  for (const char* tenant : {"t", "u"}) {
    wide(tenant, 200);
    start(tenant);
  }
  world.releases.allot("u", {3, 0});
  world.settle();
  world.advance(kMinute);  // the first ones end
  EXPECT_EQ(under_way(), (Counts{{"t", 14}, {"u", 42}}));
  world.releases.allot("t", {3, 0});
  world.advance(kMinute);
  EXPECT_EQ(under_way(), (Counts{{"t", 28}, {"u", 28}})) << "without a restart";
  const engine::SlotUse now = use();
  EXPECT_EQ(now.total, 64u);
  EXPECT_EQ(now.in_use, 56u);
  EXPECT_EQ(now.reserve, 8u);
  ASSERT_EQ(now.tenants.size(), 2u);
  EXPECT_EQ(now.tenants[0].tenant, "t");
  EXPECT_EQ(now.tenants[0].weight, 3u);
  EXPECT_EQ(now.tenants[0].running, 28u);
  EXPECT_DOUBLE_EQ(now.tenants[0].share, 28);
  // 64 at first, 56 a minute later, 8 when the weight changed, and 56 now.
  EXPECT_EQ(now.tenants[0].waiting + now.tenants[1].waiting, 400u - 64 - 56 - 8 - 56);
}

TEST_F(Slots, OfATenantWithACapAreNeverMore) {
  wide("t", 10);
  world.releases.allot("t", {1, 3});
  const ExecutionId id = start("t");
  world.settle();
  EXPECT_EQ(under_way(), (Counts{{"t", 3}}));
  EXPECT_EQ(use().tenants.at(0).max_running_steps, 3u);
  world.releases.allot("t", {1, 5});
  world.settle();
  world.turn();
  EXPECT_EQ(under_way(), (Counts{{"t", 5}}));
  world.releases.allot("t", {1, 2});
  world.run();
  EXPECT_EQ(state(id), State::completed);
  EXPECT_EQ(world.runner().most_at_once, 5u);
}

TEST_F(Slots, OfThoseWhoWaitForOneTheViewSaysWhy) {
  wide("t", 10);
  world.releases.allot("t", {1, 3});
  const ExecutionId id = start("t");
  world.settle();
  const std::optional<engine::SlotWait> wait = world.show(id).slot;
  ASSERT_TRUE(wait);
  EXPECT_EQ(wait->total, 64u);
  EXPECT_EQ(wait->in_use, 3u);
  EXPECT_EQ(wait->running, 3u);
  EXPECT_EQ(wait->share, 3.0) << "no more than the cap";
  EXPECT_EQ(wait->max_running_steps, 3u);
  ASSERT_TRUE(world.pause(id));
  EXPECT_FALSE(world.show(id).slot) << "now it waits for somebody";
  ASSERT_TRUE(world.resume(id));
  world.releases.allot("t", {1, 0});
  world.settle();
  world.turn();
  EXPECT_EQ(under_way(), (Counts{{"t", 10}}));
  EXPECT_FALSE(world.show(id).slot) << "everything runs";
}

TEST_F(Slots, AreBackAfterACrash) {
  wide("t", 100);
  const ExecutionId id = start("t");
  world.settle();
  world.crash();
  EXPECT_EQ(under_way(), (Counts{{"t", 56}}));
  world.run();
  EXPECT_EQ(state(id), State::completed);
  EXPECT_EQ(use().in_use, 0u);
}

TEST_F(Slots, OfStepsThatWaitForResourcesAreNoExceptions) {
  publish("t", R"({"name":"w","steps":[{"name":"a","resources":{"cpu":1}},{"name":"b","resources":{"cpu":1}},
                 {"name":"c","resources":{"cpu":1}}]})");
  publish("u", R"({"name":"w","steps":[{"name":"a","resources":{"cpu":1}}]})");
  world.lose();
  world.options().capacity = engine::Capacity::of({{"cpu", 2}});
  world.come_back();
  world.releases.allot("t", {1, 1});
  const ExecutionId capped = start("t");
  world.settle();
  EXPECT_EQ(under_way(), (Counts{{"t", 1}}));
  start("u");
  world.settle();
  EXPECT_EQ(under_way(), (Counts{{"t", 1}, {"u", 1}})) << "what it waits for is kept from nobody";
  world.run();
  EXPECT_EQ(state(capped), State::completed);
}

// Three workflows of one tenant with two slots, where "a" and "b" share a processor and "p" needs none.
class SlotsAndResources : public Slots {
 protected:
  SlotsAndResources() {
    world.lose();
    world.options().capacity = engine::Capacity::of({{"cpu", 1}});
    world.come_back();
    world.releases.allot("t", {1, 2});
  }
  void publish_three(const std::string& plain_steps) {
    publish("t", R"({"name":"a","steps":[{"name":"a","resources":{"cpu":1},"timeout":"10s","max_retries":0}]},
                    {"name":"b","steps":[{"name":"b","resources":{"cpu":1}}]},
                    {"name":"p","steps":[)" +
                     plain_steps + "]}");
  }
  ExecutionId begin(const std::string& workflow) { return world.start("{}", "", workflow, "t")->id; }
  size_t calls(const std::string& function) {
    return static_cast<size_t>(std::count_if(world.runner().calls.begin(), world.runner().calls.end(),
                                             [&](const Called& call) { return call.function == function; }));
  }
};

TEST_F(SlotsAndResources, ASlotThatIsFreedBehindTheDispatchWakesWhoHasWaitedForResources) {
  publish_three(R"({"name":"p","timeout":"infinity"})");
  world.runner().by_function["a"] = [](const auto&) { return hang(); };
  world.runner().by_function["p"] = [](const auto&) { return after(60 * kMinute, ok()); };
  for (const char* workflow : {"a", "b", "p"}) begin(workflow);
  world.settle();
  ASSERT_EQ(calls("a") + calls("p"), 2u);
  ASSERT_EQ(calls("b"), 0u);
  world.advance(10 * kSecond);  // and "a" is given up
  EXPECT_EQ(calls("b"), 1u) << "the engine would sleep until something else wakes it";
}

TEST_F(SlotsAndResources, StepsThatNeedNothingElseDoNotKeepOthersOut) {
  std::string plain;
  for (int i = 0; i < 50; ++i) plain += (i == 0 ? "" : ",") + named("p" + std::to_string(i));
  publish_three(plain);
  world.runner().by_function["a"] = [](const auto&) { return after(7 * kSecond, ok()); };
  world.runner().script = [](const auto&) { return after(5 * kSecond, ok()); };
  begin("a");
  const ExecutionId waits = begin("b");
  const ExecutionId many = begin("p");
  world.settle();
  ASSERT_EQ(calls("b"), 0u);
  world.advance(20 * kSecond);
  EXPECT_EQ(state(waits), State::completed);
  EXPECT_EQ(state(many), State::running);
  world.run();
  EXPECT_EQ(state(many), State::completed);
}

TEST_F(SlotsAndResources, StepsThatHaveWaitedForResourcesDoNotKeepOthersOutEither) {
  world.lose();
  world.options().capacity = engine::Capacity::of({{"cpu", 2}});
  world.come_back();
  publish("t", R"({"name":"a","steps":[{"name":"a","resources":{"cpu":2}}]},
                  {"name":"b","steps":[{"name":"b","resources":{"cpu":1}}]},
                  {"name":"p","steps":[{"name":"p"},{"name":"q"},{"name":"r"},{"name":"s"}]})");
  world.runner().by_function["p"] = [](const auto&) { return after(5 * kSecond, ok()); };
  world.runner().script = [](const auto&) { return after(7 * kSecond, ok()); };
  begin("a");
  for (int i = 0; i < 20; ++i) begin("b");
  const ExecutionId plain = begin("p");
  world.advance(kMinute);
  EXPECT_EQ(state(plain), State::completed);
  EXPECT_LT(calls("b"), 20u) << "some have no slot yet, and would go before it";
}

// Whatever calls package code takes a slot; and its time begins when it has it.
struct CallCase {
  const char* name;
  Kind kind;
  std::string workflow;
  bool cancels = false;  // to be rolled back
};
void PrintTo(const CallCase& of, std::ostream* out) { *out << of.name; }
class SlotsOfCalls : public Slots, public testing::WithParamInterface<CallCase> {
 protected:
  void cancel_all(const CallCase& of, const std::vector<ExecutionId>& ids) {
    if (!of.cancels) return;
    for (const ExecutionId id : ids) EXPECT_TRUE(world.cancel(id, "t", true));
  }
};

TEST_P(SlotsOfCalls, ThatWaitForOneHaveTheirTimeAfterwards) {
  const CallCase& of = GetParam();
  constexpr int kRuns = 6;
  takes = {{Kind::task, 0}, {of.kind, 4 * kSecond}};  // of 5 s that a consultation may take
  publish("t", of.workflow);
  world.releases.allot("t", {1, 2});
  std::vector<ExecutionId> ids;
  for (int i = 0; i < kRuns; ++i) ids.push_back(start("t"));
  world.settle();
  cancel_all(of, ids);
  world.settle();
  EXPECT_EQ(under_way(), (Counts{{"t", 2}}));
  world.advance(4 * kSecond * kRuns);
  world.run();
  size_t returned = 0;
  for (const Called& call : world.runner().calls)
    if (call.kind == of.kind) returned += call.fate == Called::Fate::returned;
  EXPECT_EQ(returned, static_cast<size_t>(kRuns)) << "none was given up for want of a slot";
  for (const ExecutionId id : ids) EXPECT_TRUE(world.records_of<journal::Diagnostic>(id).empty());
  EXPECT_EQ(use().in_use, 0u);
}

TEST_P(SlotsOfCalls, AreLimitedInTimeAllTheSame) {
  const CallCase& of = GetParam();
  takes = {{Kind::task, 0}, {of.kind, 400 * kSecond}};
  publish("t", of.workflow);
  world.releases.allot("t", {1, 1});
  std::vector<ExecutionId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(start("t"));
  world.settle();
  cancel_all(of, ids);
  world.run();
  size_t abandoned = 0;
  for (const Called& call : world.runner().calls)
    if (call.kind == of.kind) abandoned += call.fate == Called::Fate::abandoned;
  EXPECT_EQ(abandoned, 3u);
  for (const ExecutionId id : ids) EXPECT_TRUE(journal::terminal(state(id)));
  EXPECT_EQ(use().in_use, 0u);
}

// After a crash what had waited is called as what was under way is.
TEST_P(SlotsOfCalls, SurviveACrash) {
  const CallCase& of = GetParam();
  takes = {{Kind::task, 0}, {of.kind, kSecond}};
  publish("t", of.workflow);
  world.releases.allot("t", {1, 1});
  std::vector<ExecutionId> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(start("t"));
  world.settle();
  cancel_all(of, ids);
  world.settle();
  world.crash();
  EXPECT_LE(under_way()["t"], 1u);
  world.run();
  for (const ExecutionId id : ids) EXPECT_TRUE(journal::terminal(state(id)));
  EXPECT_EQ(use().in_use, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    EveryKind, SlotsOfCalls,
    testing::Values(
        CallCase{"condition", Kind::condition,
                 R"({"name":"w","steps":[{"name":"a","when":{"function":"if"}}]})"},
        CallCase{"duration", Kind::duration,
                 R"({"name":"w","steps":[{"name":"a","timeout":{"function":"limit"}}]})"},
        CallCase{"handler", Kind::handler, R"({"name":"w","steps":[],"on_success":"after"})"},
        CallCase{"hook", Kind::hook, R"({"name":"w","steps":[{"name":"a","hooks":{"on_success":"watch"}}]})"},
        CallCase{"rollback", Kind::rollback,
                 R"({"name":"w","steps":[{"name":"a","rollback":"undo","timeout":"5s","max_retries":0},
                 {"name":"b","after":["a"]}]})",
                 true}),
    [](const testing::TestParamInfo<CallCase>& info) { return std::string(info.param.name); });

TEST_F(Slots, AreNotGivenToCallsThatNobodyWantsAnyMore) {
  takes = {{Kind::condition, kSecond}};
  publish("t", R"({"name":"w","steps":[{"name":"a","when":{"function":"if"}}]})");
  world.releases.allot("t", {1, 1});
  start("t");
  const ExecutionId cancelled = start("t");
  const ExecutionId last = start("t");
  ASSERT_TRUE(world.cancel(cancelled));
  world.run();
  EXPECT_EQ(state(last), State::completed);
  for (const Called& call : world.runner().calls) EXPECT_NE(call.execution, cancelled);
}

// One slot becomes free at a time, and the calls of two tenants wait for it.
TEST_F(Slots, AreGivenToTheCallsOfTenantsInTurn) {
  world.runner().limit = 1;
  takes = {{Kind::condition, kSecond}};
  for (const char* tenant : {"t", "u"})
    publish(tenant, R"({"name":"w","steps":[{"name":"a","when":{"function":"if"}}]})");
  for (int i = 0; i < 10; ++i) start("t");
  start("u");
  start("u");
  world.settle();
  world.advance(5 * kSecond);
  size_t of_u = 0;
  for (const Called& call : world.runner().calls)
    of_u += call.kind == Kind::condition && tenants.at(call.execution) == "u";
  EXPECT_EQ(of_u, 2u);
}

// The function that maps out of the nested workflow waits for the slot that the conditions have.
TEST_F(Slots, ACancelReachesACallThatWaitsForOne) {
  publish("t", R"({"name":"w","steps":[{"name":"n","workflow":"inner","result":"map"}]},
                  {"name":"inner","steps":[{"name":"x"}]},
                  {"name":"asks","steps":[{"name":"a","when":{"function":"if"}}]})");
  world.releases.allot("t", {1, 1});
  takes = {{Kind::task, kSecond}, {Kind::condition, 4 * kSecond}, {Kind::result, 4 * kSecond}};
  const ExecutionId id = start("t");
  world.settle();
  ASSERT_TRUE(world.start("{}", "", "asks", "t"));
  world.advance(kSecond);
  ASSERT_EQ(world.runner().calls.back().function, "if");
  ASSERT_TRUE(world.cancel(id));
  world.advance(4 * kSecond);
  const auto map = std::find_if(world.runner().calls.begin(), world.runner().calls.end(),
                                [](const Called& call) { return call.function == "map"; });
  ASSERT_NE(map, world.runner().calls.end());
  EXPECT_EQ(map->fate, Called::Fate::returned) << "it was asked to stop as soon as it had begun";
  EXPECT_EQ(map->ended_at, map->at);
  EXPECT_EQ(state(id), State::cancelled);
}

}  // namespace
}  // namespace pirn::sim
