// R44, R60: a strategy and an order change when steps run, never what comes out.
#include <gtest/gtest.h>

#include "host/simulate/world.h"

namespace pirn::sim {
namespace {

using journal::State;
using journal::Strategy;

std::vector<std::string> called(World& world) {
  std::vector<std::string> steps;
  for (const Called& call : world.runner().calls) steps.push_back(call.step);
  return steps;
}

// Two chains of different pace, one of them with a priority, and what joins them.
constexpr const char* kSteps = R"("steps":[{"name":"a"},{"name":"a2","after":["a"],"priority":5},
  {"name":"b"},{"name":"b2","after":["b"]},{"name":"end","after":["a2","b2"]}])";

struct Ran {
  std::vector<std::string> order;
  std::string context;
  size_t most_at_once;
};

Ran run(const std::string& of_definition, Strategy of_start, int crash_after_seconds = 0) {
  World world;
  world.publish(of_definition + kSteps);
  world.runner().script = [](const auto& invocation) {
    const std::string name(invocation.step_name);
    const int64_t takes = name == "b" ? kMinute : kSecond;
    return after(takes, ok("{\"" + name + "\":1,\"last\":\"" + name + "\"}"));
  };
  const ExecutionId id = world.start("{}", "", "w", "t", of_start)->id;
  if (crash_after_seconds) {
    world.advance(crash_after_seconds * kSecond);
    world.crash();
  }
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  return {called(world), world.context(id), world.runner().most_at_once};
}

using Order = std::vector<std::string>;
const Order kParallel = {"a", "b", "a2", "b2", "end"};
const Order kSequential = {"a", "a2", "b", "b2", "end"};
const std::string kContext = R"({"a":1,"a2":1,"b":1,"b2":1,"end":1,"last":"end"})";

TEST(Strategy, ParallelIsTheDataFlow) {
  const Ran parallel = run("", Strategy::as_defined);
  EXPECT_EQ(parallel.order, kParallel);
  EXPECT_EQ(parallel.most_at_once, 2u);
  EXPECT_EQ(parallel.context, kContext);
}

TEST(Strategy, SequentialIsOneAtATimeInCanonicalOrder) {
  const Ran sequential = run(R"("strategy":"sequential",)", Strategy::as_defined);
  EXPECT_EQ(sequential.order, kSequential);
  EXPECT_EQ(sequential.most_at_once, 1u);
  EXPECT_EQ(sequential.context, kContext);
}

TEST(Strategy, SequentialPaysNoHeedToPriorities) {
  World world;
  world.publish(R"("strategy":"sequential","steps":[{"name":"a"},{"name":"b","priority":9}])");
  (void)world.start();
  world.run();
  EXPECT_EQ(called(world), (Order{"a", "b"}));
}

TEST(Strategy, HybridWaitsForEachLevel) {
  World world;
  world.publish(
      R"("strategy":"hybrid","steps":[{"name":"a"},{"name":"a2","after":["a"]},{"name":"b"},{"name":"b2","after":["b"]}])");
  world.runner().by_function["b"] = [](const auto&) { return after(kMinute, ok()); };
  const ExecutionId id = world.start()->id;
  world.advance(30 * kSecond);
  EXPECT_EQ(world.step_state(id, "a2"), "ready") << "b is of a lower level and still runs";
  world.run();
  EXPECT_EQ(called(world), (Order{"a", "b", "a2", "b2"}));
}

TEST(Strategy, HybridHoldsWhileAStepOfTheLevelWaitsForItsRetry) {
  World world;
  world.publish(R"("strategy":"hybrid","steps":[{"name":"a"},{"name":"a2","after":["a"]},
    {"name":"b","max_retries":1,"retry_delay":"1h","retry_backoff":"fixed"}])");
  world.runner().by_function["b"] = [](const auto& invocation) {
    return invocation.attempt == 1 ? fail("x") : ok();
  };
  const ExecutionId id = world.start()->id;
  world.advance(kMinute);
  EXPECT_EQ(world.step_state(id, "a2"), "ready");
  world.crash();
  world.run();
  EXPECT_EQ(called(world), (Order{"a", "b", "b", "a2"}));
}

TEST(Strategy, HybridHoldsTheChildrenOfAGraftOnALevelOfTheirOwn) {
  World world;
  world.publish(
      R"("strategy":"hybrid","steps":[{"name":"g","graft":true},{"name":"beside"},{"name":"next","after":["beside"]},
    {"name":"last","after_graft":["g"]}])");
  world.runner().by_function["g"] = [](const auto&) { return expand({child("c1"), child("c2")}); };
  world.runner().by_function["beside"] = [](const auto&) { return after(kSecond, ok()); };
  world.runner().by_function["next"] = [](const auto&) { return after(kMinute, ok()); };
  world.runner().by_function["child"] = [](const auto&) { return after(kMinute, ok()); };
  const ExecutionId id = world.start()->id;
  world.settle();
  EXPECT_EQ(world.step_state(id, "c1"), "ready");
  world.advance(2 * kSecond);
  EXPECT_EQ(world.step_state(id, "c1"), "running");
  EXPECT_EQ(world.step_state(id, "next"), "running") << "it is of the children's level";
  world.run();
  EXPECT_EQ(called(world).back(), "last");
}

TEST(Strategy, TheStartSaysItBeforeTheDefinitionAndItSurvivesACrash) {
  for (const int crash_after : {0, 30}) {
    const Ran one = run(R"("strategy":"parallel",)", Strategy::sequential, crash_after);
    EXPECT_EQ(one.most_at_once, 1u);
    EXPECT_EQ(one.context, kContext);
    const Ran many = run(R"("strategy":"sequential",)", Strategy::parallel, crash_after);
    EXPECT_EQ(many.most_at_once, 2u);
    EXPECT_EQ(many.context, kContext);
    const Ran levels = run("", Strategy::hybrid, crash_after);
    EXPECT_EQ(levels.context, kContext);
    if (!crash_after) {
      EXPECT_EQ(levels.order, (Order{"a", "b", "a2", "b2", "end"}));
    }
  }
}

// The younger one's timer is in the place of one that is over, before the older one's.
TEST(Strategy, R60OfOneInstantTheTimersOfTheOlderExecutionComeFirst) {
  World world;
  world.publish(R"("steps":[{"name":"a"}])");
  const int64_t noon = world.now() + kMinute;
  const auto start_at = [&](int64_t instant) {
    engine::Start start;
    start.tenant = "t";
    start.workflow = "w";
    start.beginning.at = instant;
    return world.ask<engine::Started>(std::move(start))->id;
  };
  const ExecutionId first = start_at(world.now() + kSecond), older = start_at(noon);
  world.advance(2 * kSecond);
  const ExecutionId younger = start_at(noon);
  world.run();
  std::vector<ExecutionId> order;
  for (const Called& call : world.runner().calls) order.push_back(call.execution);
  EXPECT_EQ(order, (std::vector<ExecutionId>{first, older, younger}));
}

// ---- the order (R60) ----

// Of two lanes: the short way is declared first, the long one leads through `mid`.
constexpr const char* kLanes = R"("steps":[{"name":"short","estimate":"4s"},{"name":"long","estimate":"1s"},
  {"name":"mid","after":["long"],"estimate":"6s"},{"name":"end","after":["short","mid"],"estimate":"1s"}])";

Order order_of(const std::string& of_definition, const std::string& steps) {
  World world;
  world.publish(R"("step_concurrency":1,)" + of_definition + steps);
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  return called(world);
}

TEST(CriticalPath, R60TheLongestWayGoesFirst) {
  EXPECT_EQ(order_of("", kLanes), (Order{"short", "long", "mid", "end"}));
  EXPECT_EQ(order_of(R"("order":"canonical",)", kLanes), (Order{"short", "long", "mid", "end"}));
  EXPECT_EQ(order_of(R"("order":"critical_path",)", kLanes), (Order{"long", "mid", "short", "end"}));
}

TEST(CriticalPath, R60APriorityComesBeforeIt) {
  EXPECT_EQ(order_of(R"("order":"critical_path",)",
                     R"("steps":[{"name":"a","estimate":"1s","priority":1},{"name":"b","estimate":"9s"}])"),
            (Order{"a", "b"}));
}

TEST(CriticalPath, R60EqualWaysGoInCanonicalOrder) {
  EXPECT_EQ(order_of(R"("order":"critical_path",)", R"("steps":[{"name":"b"},{"name":"a"},{"name":"c"}])"),
            (Order{"b", "a", "c"}));
}

// A timeout counts where there is no estimate, and what has neither is the longest.
TEST(CriticalPath, R60ALengthIsTheEstimateOrElseTheTimeout) {
  EXPECT_EQ(
      order_of(
          R"("order":"critical_path",)",
          R"("steps":[{"name":"estimated","estimate":"2s","timeout":"1h"},{"name":"limited","timeout":"3s"},
                       {"name":"endless","timeout":"infinity"},{"name":"usual"}])"),
      (Order{"endless", "usual", "limited", "estimated"}));
}

TEST(CriticalPath, R60SequentialIsInCanonicalOrderAllTheSame) {
  EXPECT_EQ(order_of(R"("order":"critical_path","strategy":"sequential",)", kLanes),
            (Order{"short", "long", "mid", "end"}));
}

// Ways lead through groups, grafts, races; the children of a graft have what lies behind all of them.
TEST(CriticalPath, R60WaysLeadThroughEverythingThatIsAwaited) {
  EXPECT_EQ(order_of(R"("order":"critical_path",)",
                     R"("steps":[{"name":"x","estimate":"5s"},{"name":"m1","group":"g","estimate":"1s"},
                       {"name":"m2","group":"g","estimate":"2s"},{"name":"behind","after_group":"g","estimate":"9s"}])"),
            (Order{"m2", "m1", "behind", "x"}));
  EXPECT_EQ(order_of(R"("order":"critical_path",)",
                     R"("steps":[{"name":"x","estimate":"5s"},{"name":"r1","estimate":"1s"},
                       {"name":"r2","estimate":"1s"},{"name":"won","after_any":["r1","r2"],"estimate":"7s"}])"),
            (Order{"r1", "r2", "won", "x"}))
      << "r2 was ready before the race was over";
  World world;
  world.publish(R"("step_concurrency":1,"order":"critical_path","steps":[{"name":"x","estimate":"5s"},
    {"name":"split","graft":true,"estimate":"1s"},{"name":"sum","after_graft":["split"],"estimate":"9s"}])");
  world.runner().by_function["split"] = [](const auto&) {
    return expand({child("c1", R"({"estimate":"1s"})"), child("c2", R"({"estimate":"3s"})")});
  };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(called(world), (Order{"split", "c2", "c1", "sum", "x"}));
  EXPECT_EQ(world.show(id).state.state, State::completed);
}

TEST(CriticalPath, R60OutlivesTheHost) {
  World world;
  world.publish(R"("step_concurrency":1,"order":"critical_path",)" + std::string(kLanes));
  (void)world.start();
  world.settle();
  world.crash();
  world.run();
  EXPECT_EQ(called(world), (Order{"long", "mid", "short", "end"}));
}

}  // namespace
}  // namespace pirn::sim
