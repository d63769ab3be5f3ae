// R48: steps take what they ask for of what the host has, and wait for it.
#include "host/engine/resources.h"

#include <gtest/gtest.h>

#include "host/simulate/world.h"

namespace pirn::sim {
namespace {

using journal::State;

engine::Options with(std::vector<definition::Resource> amounts) {
  engine::Options options;
  options.capacity = engine::Capacity::of(std::move(amounts));
  return options;
}

// A step that asks for these resources.
std::string step(const std::string& name, const std::string& resources, const std::string& more = "") {
  return R"({"name":")" + name + R"(","resources":)" + resources + more + "}";
}
std::string steps(std::initializer_list<std::string> all) {
  std::string out;
  for (const std::string& one : all) out += (out.empty() ? "" : ",") + one;
  return "\"steps\":[" + out + "]";
}

std::vector<std::string> called(World& world) {
  std::vector<std::string> names;
  for (const Called& call : world.runner().calls) names.push_back(call.step);
  return names;
}
std::string input_of(World& world, const std::string& step) {
  for (const Called& call : world.runner().calls)
    if (call.step == step) return call.input;
  return "not called";
}
using Strings = std::vector<std::string>;

void all_take(World& world, int64_t ns) {
  world.runner().script = [ns](const auto&) { return after(ns, ok()); };
}

TEST(Resources, NoMoreRunAtATimeThanFitAndAllRun) {
  World world(with({{"gpu", 2}}));
  all_take(world, kMinute);
  world.publish(steps({step("a", R"({"gpu":1})"), step("b", R"({"gpu":1})"), step("c", R"({"gpu":1})"),
                       step("d", R"({"gpu":2})")}));
  const ExecutionId id = world.start()->id;
  world.settle();
  EXPECT_EQ(called(world), (Strings{"a", "b"}));
  EXPECT_EQ(world.step_state(id, "c"), "ready");
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.runner().most_at_once, 2u);
}

TEST(Resources, FractionsAddUp) {
  World world(with({{"cpu", 1}}));
  all_take(world, kMinute);
  world.publish(steps({step("a", R"({"cpu":0.4})"), step("b", R"({"cpu":0.6})"), step("c", R"({"cpu":0.1})"),
                       step("d", R"({"cpu":0.9})")}));
  const ExecutionId id = world.start()->id;
  world.settle();
  EXPECT_EQ(called(world), (Strings{"a", "b"}));
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.runner().most_at_once, 2u);
}

TEST(Resources, AStepIsToldWhatItHas) {
  World world(with({{"gpu", 3}, {"cpu", 2}}));
  all_take(world, kMinute);
  world.publish(
      steps({step("a", R"({"gpu":1,"cpu":0.5})"), step("b", R"({"gpu":2})"), R"({"name":"free"})"}));
  ASSERT_TRUE(world.start());
  world.settle();
  EXPECT_EQ(input_of(world, "a"), R"({"resources":{"cpu":0.5,"gpu":1},"gpus":[0]})");
  EXPECT_EQ(input_of(world, "b"), R"({"resources":{"gpu":2},"gpus":[1,2]})");
  EXPECT_EQ(input_of(world, "free"), "");
}

TEST(Resources, AFallbackHasThemToo) {
  World world(with({{"gpu", 1}}));
  world.runner().by_function["a"] = [](const auto&) { return fail("broken"); };
  world.publish(steps({step("a", R"({"gpu":1})", R"(,"max_retries":0,"fallback":"b")")}));
  const ExecutionId id = world.start()->id;
  world.run();
  ASSERT_EQ(world.runner().calls.size(), 2u);
  const std::string& input = world.runner().calls[1].input;
  EXPECT_TRUE(input.starts_with(R"({"error":{"code":"broken")")) << input;
  EXPECT_TRUE(input.ends_with(R"(,"resources":{"gpu":1},"gpus":[0]})")) << input;
  EXPECT_EQ(world.show(id).state.state, State::completed);
}

TEST(Resources, AreGivenBackHoweverAStepEnds) {
  const auto wait_for_hang = R"(,"timeout":"10s","max_retries":0,"on_error":"skip")";
  World world(with({{"licence", 1}}));
  world.publish("\"failure_mode\":\"continue\"," +
                steps({step("fails", R"({"licence":1})", R"(,"max_retries":1,"retry_delay":"1s")"),
                       step("hangs", R"({"licence":1})", wait_for_hang), step("snoozes", R"({"licence":1})"),
                       step("awaits", R"({"licence":1})"), step("last", R"({"licence":1})")}));
  world.runner().by_function["fails"] = [](const auto&) { return fail("broken"); };
  world.runner().by_function["hangs"] = [](const auto&) { return hang(); };
  world.runner().by_function["snoozes"] = [n = 0](const auto&) mutable {
    return n++ == 0 ? snooze(kSecond) : ok();
  };
  world.runner().by_function["awaits"] = [](const auto&) { return await(); };
  const ExecutionId id = world.start()->id;
  world.advance(kMinute);
  EXPECT_EQ(world.step_state(id, "last"), "completed");
  EXPECT_EQ(world.step_state(id, "snoozes"), "completed");
  EXPECT_EQ(world.step_state(id, "awaits"), "awaiting") << "who waits for somebody holds nothing";
  EXPECT_TRUE(world.show(id).claims.empty());
}

TEST(Resources, AreSharedAmongExecutionsAndTenants) {
  World world(with({{"gpu", 1}}));
  all_take(world, kMinute);
  world.publish(steps({step("a", R"({"gpu":1})")}));
  world.releases.publish("other",
                         R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w",)" +
                             steps({step("a", R"({"gpu":1})")}) + "}]}");
  const ExecutionId first = world.start()->id, second = world.start()->id;
  const ExecutionId others = world.start("{}", "", "w", "other")->id;
  world.settle();
  EXPECT_EQ(world.step_state(first, "a"), "running");
  world.advance(kMinute);
  EXPECT_EQ(world.show(others, "other").state.steps[0].state, journal::StepState::running)
      << "tenants take turns";
  EXPECT_EQ(world.step_state(second, "a"), "ready");
  world.run();
  EXPECT_EQ(world.show(second).state.state, State::completed);
}

TEST(Resources, PriorityDecidesWhoGoesAndWaitingCounts) {
  World world(with({{"gpu", 1}}));
  all_take(world, 20 * kSecond);
  world.publish(steps({step("holds", R"({"gpu":1})", R"(,"priority":100)"), step("low", R"({"gpu":1})"),
                       step("high", R"({"gpu":1})", R"(,"priority":5)"), R"({"name":"timer","after":[]})",
                       step("late", R"({"gpu":1})", R"(,"priority":15,"after":["timer"])")}));
  ASSERT_TRUE(world.start());
  world.run();
  EXPECT_EQ(called(world), (Strings{"holds", "timer", "high", "low", "late"}))
      << "low has waited 20 s longer than late, which is worth more than 15";
}

TEST(Resources, WhoWantsAllIsNotStarvedByTheSmall) {
  World world(with({{"cpu", 2}}));
  all_take(world, kMinute);
  world.publish(steps({step("a", R"({"cpu":1})"), step("whole", R"({"cpu":2})"), step("b", R"({"cpu":1})")}));
  ASSERT_TRUE(world.start());
  world.run();
  EXPECT_EQ(called(world), (Strings{"a", "whole", "b"}));
}

// Also of those who ask for something else beside it.
TEST(Resources, WhoWantsTwoThingsIsNotOvertakenAtEither) {
  World world(with({{"cpu", 2}, {"gpu", 1}}));
  all_take(world, kMinute);
  world.publish(steps({step("a", R"({"cpu":1})"), step("both", R"({"cpu":2,"gpu":1})"),
                       step("b", R"({"cpu":1})"), step("c", R"({"gpu":1})")}));
  ASSERT_TRUE(world.start());
  world.run();
  EXPECT_EQ(called(world), (Strings{"a", "both", "b", "c"}));
}

TEST(Resources, AWaitingStepKeepsItsSlotAndSequentialStaysInOrder) {
  World world(with({{"gpu", 1}}));
  all_take(world, kMinute);
  world.publish("\"strategy\":\"sequential\"," + steps({step("a", R"({"gpu":1})"), R"({"name":"b"})"}));
  const ExecutionId first = world.start()->id;
  world.advance(kSecond);
  const ExecutionId second = world.start()->id;
  world.settle();
  EXPECT_EQ(world.step_state(second, "a"), "ready");
  EXPECT_EQ(world.step_state(second, "b"), "ready") << "b is behind a";
  world.run();
  for (const ExecutionId id : {first, second}) EXPECT_EQ(world.show(id).state.state, State::completed);
}

TEST(Resources, AreShownToWhoWaits) {
  World world(with({{"gpu", 1}}));
  all_take(world, kMinute);
  world.publish(steps({step("a", R"({"gpu":1})"), step("b", R"({"gpu":1})")}));
  const ExecutionId id = world.start()->id;
  world.settle();
  const engine::View view = world.show(id);
  ASSERT_EQ(view.claims.size(), 2u);
  EXPECT_FALSE(view.claims[0].waiting);
  EXPECT_EQ(view.claims[0].gpus, (std::vector<uint32_t>{0}));
  EXPECT_TRUE(view.claims[1].waiting);
  EXPECT_FALSE(view.claims[1].hopeless);
  EXPECT_EQ(view.claims[1].needs, (std::vector<definition::Resource>{{"gpu", 1}}));
}

TEST(Resources, ACancelledStepLeavesTheLine) {
  World world(with({{"gpu", 1}}));
  all_take(world, kMinute);
  world.publish(steps({step("a", R"({"gpu":1})")}));
  const ExecutionId first = world.start()->id, second = world.start()->id, third = world.start()->id;
  world.settle();
  ASSERT_TRUE(world.cancel(second));
  EXPECT_EQ(world.show(second).state.state, State::cancelled);
  world.run();
  EXPECT_EQ(world.show(first).state.state, State::completed);
  EXPECT_EQ(world.show(third).state.state, State::completed);
  EXPECT_EQ(world.runner().calls.size(), 2u);
}

TEST(Resources, APausedExecutionIsInNobodysWay) {
  World world(with({{"gpu", 1}}));
  all_take(world, kMinute);
  world.publish(steps({step("a", R"({"gpu":1})")}));
  const ExecutionId first = world.start()->id, second = world.start()->id, third = world.start()->id;
  world.settle();
  ASSERT_TRUE(world.pause(second));
  world.advance(10 * kMinute);
  EXPECT_EQ(world.show(first).state.state, State::completed);
  EXPECT_EQ(world.step_state(second, "a"), "ready");
  EXPECT_EQ(world.show(third).state.state, State::completed);
  ASSERT_TRUE(world.resume(second));
  world.run();
  EXPECT_EQ(world.show(second).state.state, State::completed);
}

TEST(Resources, AfterACrashEverythingIsFreeAndAllGoOn) {
  World world(with({{"gpu", 1}}));
  all_take(world, kMinute);
  world.publish(steps({step("a", R"({"gpu":1})"), step("b", R"({"gpu":1})"), step("c", R"({"gpu":1})")}));
  const ExecutionId id = world.start()->id;
  world.advance(90 * kSecond);  // a is over, b runs, c waits
  world.crash();
  EXPECT_EQ(world.runner().under_way(), 1u);
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.runner().most_at_once, 1u);
}

TEST(Resources, WhatTheHostHasNotIsRefusedAtTheStart) {
  World world(with({{"gpu", 1}, {"cpu", 2}}));
  world.publish(steps({step("a", R"({"gpu":2,"memory":1})"), step("b", R"({"cpu":2})")}));
  const auto refused = world.start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::resources_insufficient);
  EXPECT_EQ(refused.error().message,
            "the step 'a' of the workflow 'w' asks for 2 gpu of 1, 1 memory of 0 that the host has");
}

TEST(Resources, WhatANestedWorkflowAsksForCountsToo) {
  World world(with({{"cpu", 1}}));
  world.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
      {"name":"w","steps":[{"name":"child","workflow":"inner"}]},
      {"name":"inner",)" + steps({step("a", R"({"gpu":1})")}) +
                                  "}]}");
  EXPECT_EQ(world.start().error().code, Code::resources_insufficient);
}

TEST(Resources, WhatANestedWorkflowOfAnotherPackageAsksForCountsToo) {
  World world(with({{"gpu", 1}}));
  const auto of = [](const std::string& package, const std::string& workflow) {
    return R"({"schema":1,"package":{"name":")" + package + R"(","version":"1.0.0"},"workflows":[)" +
           workflow + "]}";
  };
  world.releases.publish("t", of("bank", R"({"name":"pay","steps":[)" + step("a", R"({"gpu":2})") + "]}"));
  world.releases.publish("t", of("shop", R"({"name":"w","steps":[{"name":"n","workflow":"bank::pay"}]})"));
  const auto refused = world.start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::resources_insufficient);
  EXPECT_NE(refused.error().message.find("'pay'"), std::string::npos) << refused.error().message;
}

TEST(Resources, WhatItsPackageSaysThatAHostMustHave) {
  registry::Release release;
  release.package = "lab";
  release.resources = {{"gpu", 2}, {"beam", 1}};
  EXPECT_TRUE(engine::check_resources(engine::Capacity(), release));
  EXPECT_TRUE(engine::check_resources(engine::Capacity::of({{"gpu", 2}, {"beam", 1}}), release));
  const Status refused = engine::check_resources(engine::Capacity::of({{"gpu", 1}}), release);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::resources_insufficient);
  EXPECT_EQ(refused.error().message, "the package 'lab' asks for 2 gpu of 1, 1 beam of 0 that the host has");
}

TEST(Resources, AChildThatAsksForTooMuchFailsItsGraft) {
  World world(with({{"gpu", 1}}));
  world.publish(R"("steps":[{"name":"g","graft":true}])");
  world.runner().by_function["g"] = [](const auto&) {
    return expand({child("x", R"({"resources":{"gpu":2}})")});
  };
  const ExecutionId id = world.start()->id;
  world.run();
  const engine::View view = world.show(id);
  EXPECT_EQ(view.state.state, State::failed);
  EXPECT_EQ(view.state.error->code, "resources_insufficient");
  EXPECT_EQ(view.state.steps[0].invocations, 1u) << "it would be the same again";
}

TEST(Resources, ChildrenOfAGraftWaitAsStepsDo) {
  World world(with({{"gpu", 1}}));
  world.publish(R"("steps":[{"name":"g","graft":true}])");
  world.runner().by_function["g"] = [](const auto&) {
    return expand({child("x", R"({"resources":{"gpu":1}})"), child("y", R"({"resources":{"gpu":1}})")});
  };
  world.runner().by_function["child"] = [](const auto&) { return after(kMinute, ok()); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.runner().most_at_once, 1u);
}

// The operator's mistake is no failure of the workflow.
TEST(Resources, WhatTheHostHasLostIsWaitedForAndSeen) {
  World world(with({{"gpu", 1}}));
  all_take(world, kMinute);
  world.publish(steps({step("a", R"({"gpu":1})")}));
  const ExecutionId id = world.start()->id;
  world.lose();
  world.options().capacity = engine::Capacity::of({{"cpu", 1}});
  world.come_back();
  world.settle();
  ASSERT_EQ(world.show(id).claims.size(), 1u);
  EXPECT_TRUE(world.show(id).claims[0].hopeless);
  world.lose();
  world.options().capacity = engine::Capacity::of({{"gpu", 1}});
  world.come_back();
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
}

TEST(Resources, TakeTurnsWithStepsThatNeedNothing) {
  World world(with({{"cpu", 8}}));
  world.runner().limit = 2;
  all_take(world, kMinute);
  world.publish(steps({R"({"name":"a"})", R"({"name":"b"})", R"({"name":"c"})", step("d", R"({"cpu":1})")}));
  const ExecutionId free = world.start()->id;
  (void)free;
  const ExecutionId asks = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(asks).state.state, State::completed);
  EXPECT_EQ(world.runner().most_at_once, 2u);
}

TEST(Resources, AreReadFromText) {
  EXPECT_EQ(*engine::parse_resource("gpu=2"), (definition::Resource{"gpu", 2}));
  EXPECT_EQ(*engine::parse_resource("cpu=1.5"), (definition::Resource{"cpu", 1.5}));
  EXPECT_EQ(*engine::parse_resource("cpu=0"), (definition::Resource{"cpu", 0}));
  for (const char* wrong : {"gpu", "=2", "GPU=2", "gpu=", "gpu=two", "gpu=-1", "gpu=2x", "gpu=1e13"})
    EXPECT_EQ(engine::parse_resource(wrong).error().code, Code::invalid_argument) << wrong;
}

// What follows from the refusal is the end of the child: the workflow begins anew, without it.
TEST(Resources, AChildThatItsBreakerRefusesGivesThemBackBeforeTheNextAttempt) {
  World world(with({{"gpu", 1}}));
  const std::string guarded =
      R"("circuit_breaker":"bank","circuit_breaker_opts":{"failure_threshold":1,"reset_timeout":"1h"},"max_retries":0)";
  world.publish(R"("max_retries":1,"retry_delay":"1s","steps":[{"name":"trip","on_error":"continue",)" +
                guarded + R"(},{"name":"g","graft":true,"after":["trip"]}])");
  world.runner().by_function["trip"] = [](const auto&) { return fail("x"); };
  world.runner().by_function["g"] = [&](const auto&) {
    return expand({child("c", "{\"resources\":{\"gpu\":1}," + guarded + "}")});
  };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(world.show(id).state.error->code, "circuit_open");
  EXPECT_EQ(world.show(id).state.attempt, 2u);
}

}  // namespace
}  // namespace pirn::sim
