// Nested workflows (R32): what goes in, what comes back, and what a stop of either means for the other.
#include <gtest/gtest.h>

#include "tests/host/engine/nested.h"

namespace pirn::sim {
namespace {

using journal::State;
using worker::Kind;

TEST(Nested, GivesBackWhatItsStepsWroteAndNothingElse) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner"},{"name":"after","after":["n"]})", kInner);
  world.runner().by_function["x"] = [](const auto&) { return ok(R"({"a":1,"b":1})"); };
  world.runner().by_function["y"] = [](const auto&) { return ok(R"({"b":2})"); };
  const ExecutionId id = world.start(R"({"in":7})")->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.context(id), R"({"a":1,"b":2,"in":7})");
  const ExecutionId child = child_of(world, id);
  EXPECT_EQ(world.show(child).state.state, State::completed);
  EXPECT_EQ(world.context(child), R"({"a":1,"b":2,"in":7})") << "it began with what the step sees";
  const auto created = world.records_of<journal::Created>(child);
  EXPECT_EQ(created[0].parent, id);
  EXPECT_EQ(created[0].root, id);
  EXPECT_EQ(created[0].parent_step, 0u);
  const journal::ResultPtr slot = world.show(id).state.steps[0].result;
  EXPECT_EQ(slot->map.entries.size(), 2u) << "the delta, without the input";
}

TEST(Nested, AKeyThatIsWrittenBackInPlaceOfTheInputCounts) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner"})", R"("steps":[{"name":"x"}])");
  world.runner().by_function["x"] = [](const auto&) { return ok(R"({"in":8})"); };
  const ExecutionId id = world.start(R"({"in":7})")->id;
  world.run();
  EXPECT_EQ(world.context(id), R"({"in":8})");
}

TEST(Nested, AnEmptyWorkflowIsOverAtOnce) {
  World world;
  publish(world, R"({"name":"n","workflow":"p::inner"},{"name":"m","workflow":"inner","after":["n"]})",
          R"("steps":[])");
  const ExecutionId id = world.start()->id;
  EXPECT_EQ(world.show(id).state.state, State::completed);
}

TEST(Nested, FunctionsMapInAndOut) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner","params":{"p":1},"input":"narrow","result":"summary"})",
          kInner);
  world.runner().by_function["narrow"] = [](const auto&) { return ok(R"({"extra":true})"); };
  world.runner().by_function["y"] = [](const auto&) { return ok(R"({"big":"data"})"); };
  world.runner().by_function["summary"] = [](const auto&) { return ok(R"({"size":4})"); };
  const ExecutionId id = world.start(R"({"in":7})")->id;
  world.run();
  EXPECT_EQ(world.context(id), R"({"in":7,"size":4})");
  EXPECT_EQ(world.runner().calls[0].kind, Kind::input);
  EXPECT_EQ(world.runner().calls[0].input, R"({"workflow":"inner"})");
  const ExecutionId child = child_of(world, id);
  EXPECT_EQ(world.context(child), R"({"big":"data","extra":true,"in":7,"p":1})");
  const Called& result = world.runner().calls.back();
  EXPECT_EQ(result.kind, Kind::result);
  EXPECT_EQ(result.input, R"({"workflow":"inner","execution":")" + child.text() +
                              R"(","state":"completed","context":{"big":"data","extra":true,"in":7,"p":1}})");
}

TEST(Nested, ItsFailureIsAnErrorOfTheStepThatIsRetriedWithANewExecution) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner","max_retries":1,"retry_delay":"1s"})",
          R"("steps":[{"name":"x","max_retries":0}])");
  int calls = 0;
  world.runner().by_function["x"] = [&](const auto&) { return ++calls < 2 ? fail("lost") : ok(); };
  const ExecutionId id = world.start()->id;
  world.settle();
  const ExecutionId first = child_of(world, id);
  const journal::StepError error = *world.show(id).state.steps[0].error;
  EXPECT_EQ(error.code, "nested_workflow_failed");
  EXPECT_EQ(error.details,
            R"({"error":{"class":"retryable","code":"lost","message":"told to"},"error_step":"x",)"
            R"("execution_id":")" +
                first.text() + R"(","workflow":"inner"})");
  world.crash();
  world.settle();
  EXPECT_EQ(world.show(id).state.steps[0].error->details, error.details) << "the same text after a restart";
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_NE(child_of(world, id), first);
  EXPECT_EQ(world.show(first).state.state, State::failed) << "what has ended, stays";
}

TEST(Nested, AResultFunctionMayTurnAFailureIntoAValue) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner","result":"forgive"})",
          R"("steps":[{"name":"x","max_retries":0}])");
  world.runner().by_function["x"] = [](const auto&) { return fail("lost"); };
  world.runner().by_function["forgive"] = [](const worker::Invocation& call) {
    EXPECT_NE(call.input.find(R"("state":"failed")"), std::string::npos) << call.input;
    EXPECT_NE(call.input.find(R"("error":{"code":"lost")"), std::string::npos) << call.input;
    return ok(R"({"found":0})");
  };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.context(id), R"({"found":0})");
}

std::vector<std::string> rolled_back(World& world) {
  std::vector<std::string> steps;
  for (const Called& call : world.runner().calls)
    if (call.kind == Kind::rollback) steps.push_back(call.step);
  return steps;
}

const char* const kSagaSteps =
    R"({"name":"a","rollback":"undo"},{"name":"n","workflow":"inner","after":["a"]},
       {"name":"b","after":["n"],"rollback":"undo"},{"name":"bad","after":["b"],"max_retries":0})";
const char* const kSagaInner =
    R"("steps":[{"name":"x","rollback":"undo"},{"name":"deep","workflow":"innermost","after":["x"]},
       {"name":"y","after":["deep"],"rollback":"undo"},{"name":"free","after":["y"]}]},
       {"name":"innermost","steps":[{"name":"i","rollback":"undo"},{"name":"j","after":["i"],"rollback":"undo"}])";

TEST(Nested, TheRollbackOfItsParentRollsItsStepsBackInTheirPlace) {
  World world;
  publish(world, kSagaSteps, kSagaInner);
  world.runner().by_function["bad"] = [](const auto&) { return fail("x"); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(rolled_back(world), (std::vector<std::string>{"b", "y", "j", "i", "x", "a"}));
  const journal::ExecutionState state = world.show(id).state;
  EXPECT_EQ(state.state, State::failed);
  EXPECT_EQ(state.steps[1].compensation, journal::Compensation::done);
  EXPECT_EQ(world.show(state.steps[1].extra->child).state.state, State::completed)
      << "what has ended, stays: another execution rolls it back";
  EXPECT_EQ(world.show(state.steps[1].extra->rollback_child).state.retry_of, state.steps[1].extra->child);
}

TEST(Nested, ItsRollbackReachesTheChildrenOfItsGrafts) {
  for (uint64_t crash_at = 0; crash_at < 20; ++crash_at) {
    World world;
    world.releases.functions.push_back({"undo", static_cast<uint32_t>(Kind::rollback)});
    publish(
        world, kSagaSteps,
        R"("steps":[{"name":"g","graft":true,"rollback":"undo"},{"name":"y","after_graft":["g"],"rollback":"undo"}])");
    world.runner().by_function["g"] = [](const auto&) {
      return expand(
          {child("c1", R"({"rollback":"undo"})"), child("c2", R"({"when":{"path":"no","exists":true}})")});
    };
    world.runner().by_function["bad"] = [](const auto&) { return fail("x"); };
    const ExecutionId id = world.start()->id;
    if (crash_at > 0) world.fail_commit(crash_at, false);
    world.run();
    std::vector<std::string> expected = {"b", "y", "c1", "g", "a"};
    std::vector<std::string> undone = rolled_back(world);
    if (crash_at > 0) undone.erase(std::unique(undone.begin(), undone.end()), undone.end());  // called again
    EXPECT_EQ(undone, expected) << crash_at;
    const journal::ExecutionState state = world.show(id).state;
    EXPECT_EQ(state.steps[1].compensation, journal::Compensation::done) << crash_at;
    EXPECT_EQ(world.step_state(state.steps[1].extra->rollback_child, "c1"), "completed") << crash_at;
  }
}

TEST(Nested, ARollbackThatFailsInsideIsListedOutside) {
  World world;
  publish(world, kSagaSteps, R"("steps":[{"name":"x","rollback":"stuck","max_retries":0}])");
  world.runner().by_function["bad"] = [](const auto&) { return fail("x"); };
  world.runner().by_function["stuck"] = [](const auto&) { return fail("jammed"); };
  const ExecutionId id = world.start()->id;
  world.run();
  const journal::ExecutionState state = world.show(id).state;
  EXPECT_EQ(state.steps[1].compensation, journal::Compensation::failed);
  EXPECT_EQ(state.steps[1].extra->rollback_error->code, "rollback_failed");
  EXPECT_EQ(state.steps[0].compensation, journal::Compensation::done) << "the others go on";
}

TEST(Nested, ItsRollbackSurvivesTheHostAtEveryCommit) {
  for (const bool uncertain : {false, true}) {
    for (uint64_t n = 1; n < 24; ++n) {
      SCOPED_TRACE("commit " + std::to_string(n) + (uncertain ? ", uncertain" : ""));
      World world;
      publish(world, kSagaSteps, kSagaInner);
      world.runner().by_function["bad"] = [](const auto&) { return fail("x"); };
      world.fail_commit(n, uncertain);
      auto started = world.start("{}", "key");
      if (!started) started = world.start("{}", "key");
      world.run();
      const journal::ExecutionState state = world.show(started->id).state;
      EXPECT_EQ(state.state, State::failed);
      EXPECT_EQ(state.steps[0].compensation, journal::Compensation::done);
      EXPECT_EQ(state.steps[1].compensation, journal::Compensation::done);
      std::vector<std::string> order = rolled_back(world);
      order.erase(std::unique(order.begin(), order.end()), order.end());  // what was under way runs again
      EXPECT_EQ(order, (std::vector<std::string>{"b", "y", "j", "i", "x", "a"}));
    }
  }
}

// Both levels, the host lost at each commit in turn: nothing is lost and no child is begun twice.
TEST(Nested, SurvivesTheHostAtEveryCommit) {
  for (const bool uncertain : {false, true}) {
    for (uint64_t n = 1; n < 12; ++n) {
      SCOPED_TRACE("commit " + std::to_string(n) + (uncertain ? ", uncertain" : ""));
      World world;
      publish(
          world,
          R"({"name":"a"},{"name":"n","workflow":"inner","after":["a"],"input":"in","result":"out"},{"name":"z","after":["n"]})",
          R"("steps":[{"name":"x"},{"name":"deep","workflow":"innermost","after":["x"]}]},{"name":"innermost","steps":[{"name":"i"}])");
      world.runner().by_function["i"] = [](const auto&) { return ok(R"({"i":1})"); };
      world.runner().by_function["out"] = [](const auto&) { return ok(R"({"o":1})"); };
      world.fail_commit(n, uncertain);
      auto started = world.start("{}", "key");
      if (!started) started = world.start("{}", "key");
      const ExecutionId id = started->id;
      world.run();
      EXPECT_EQ(world.show(id).state.state, State::completed);
      EXPECT_EQ(world.context(id), R"({"o":1})");
      const ExecutionId child = child_of(world, id, 1);
      EXPECT_EQ(world.show(child).state.state, State::completed);
      EXPECT_EQ(world.records_of<journal::Stopped>(child).size(), 1u);
    }
  }
}

// ---- what takes its place ----

TEST(Nested, WhatAFallbackGaveInItsPlaceIsNotRolledBack) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner","input":"narrow","max_retries":0,"fallback":{"value":1}},
                    {"name":"bad","after":["n"],"max_retries":0})",
          R"("steps":[{"name":"x","rollback":"undo"}])");
  world.runner().by_function["narrow"] = [](const auto&) { return fail("x"); };
  world.runner().by_function["bad"] = [](const auto&) { return fail("x"); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(world.step_state(id, "n"), "completed");
  EXPECT_EQ(world.show(id).state.steps[0].compensation, journal::Compensation::none)
      << "it never began an execution";
}

TEST(Nested, WhatAPersonGaveInItsPlaceIsNotRolledBack) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner","recovery":[{"action":"manual"}]},
                    {"name":"bad","after":["n"],"max_retries":0})",
          R"("failure_mode":"continue","steps":[{"name":"x","rollback":"undo"},
             {"name":"y","max_retries":0}])");
  for (const char* function : {"y", "bad"})
    world.runner().by_function[function] = [](const auto&) { return fail("x"); };
  const ExecutionId id = world.start()->id;
  world.run();
  ASSERT_TRUE(world.resume(id, "{}", "n"));
  world.run();
  EXPECT_EQ(world.step_state(id, "n"), "completed");
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(calls_of(world, "undo"), 0u);
}

TEST(Nested, AFallbackRunsAgainAfterACrash) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner","max_retries":0,"fallback":"instead"})",
          R"("steps":[{"name":"x","max_retries":0}])");
  world.runner().by_function["x"] = [](const auto&) { return fail("x"); };
  world.runner().by_function["instead"] = [](const auto&) { return after(kSecond, ok(R"({"f":1})")); };
  const ExecutionId id = world.start()->id;
  world.settle();
  world.crash();
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.context(id), R"({"f":1})");
  EXPECT_EQ(calls_of(world, "instead"), 2u);
}

// The time of the step is up; what becomes of its execution is no matter of the fallback that runs meanwhile.
TEST(Nested, TheEndOfItsExecutionIsNotThatOfAFallback) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner","timeout":"10s","max_retries":0,"fallback":"instead"})",
          kInner);
  world.runner().by_function["x"] = [](const auto&) { return after(kMinute, ok()); };
  world.runner().by_function["instead"] = [](const auto&) { return after(kSecond, ok(R"({"f":1})")); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.context(id), R"({"f":1})");
  EXPECT_EQ(world.show(id).state.ended_at - world.show(id).state.started_at, 11 * kSecond);
}

TEST(Nested, WhatMapsIntoItIsNoResultWhenTheWorkflowStops) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner","input":"narrow"})", kInner);
  Act stubborn = after(kSecond, ok(R"({"k":1})"));
  stubborn.ignores_cancel = true;
  world.runner().by_function["narrow"] = [&](const auto&) { return stubborn; };
  const ExecutionId id = world.start()->id;
  ASSERT_TRUE(world.cancel(id));
  world.run();
  EXPECT_EQ(world.step_state(id, "n"), "cancelled");
  EXPECT_EQ(world.show(id).state.steps[0].result, nullptr);
}

// All in one turn: the nested execution ends, so does the last step of its parent, which is rolled back.
TEST(Nested, IsRolledBackInTheTurnInWhichItEnds) {
  World world;
  world.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
    {"name":"w","failure_mode":"continue","compensate":"always","steps":[
      {"name":"bad","max_retries":0},{"name":"n","workflow":"inner"}]},
    {"name":"inner","steps":[{"name":"x","rollback":"undo"}]}]})");
  world.runner().by_function["bad"] = [](const auto&) { return fail("x"); };
  world.runner().by_function["x"] = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(calls_of(world, "undo"), 1u);
}

// ---- workflows of other packages ----

// "shop" with the workflow "buy", whose step contains "pay::charge"; pay has the step `task`.
registry::ReleasePtr publish_shop(World& world,
                                  const std::string& step = R"({"name":"n","workflow":"pay::charge"})") {
  return world.releases.publish("t", R"({"schema":1,"package":{"name":"shop","version":"1.0.0"},"workflows":[
    {"name":"buy","steps":[{"name":"first"},)" +
                                         step + "]}]}");
}
registry::ReleasePtr publish_pay(World& world, const std::string& version, const std::string& task,
                                 const std::string& workflow = "charge") {
  return world.releases.publish(
      "t", R"({"schema":1,"package":{"name":"pay","version":")" + version + R"("},"workflows":[{"name":")" +
               workflow + R"(","steps":[{"name":"x","task":")" + task + R"(","rollback":"undo"}]}]})");
}

TEST(Nested, AWorkflowOfAnotherPackageRunsOnTheReleaseThatWasPinned) {
  World world;
  const auto pay1 = publish_pay(world, "1.0.0", "old");
  const auto shop = publish_shop(world, R"({"name":"n","workflow":"pay::charge","after":["first"]})");
  const ExecutionId before = world.start("{}", "", "buy")->id;
  const auto pay2 = publish_pay(world, "2.0.0", "new");
  const ExecutionId after = world.start("{}", "", "buy")->id;
  world.crash();
  world.run();
  EXPECT_EQ(world.show(before).state.state, State::completed);
  EXPECT_EQ(world.show(after).state.state, State::completed);
  EXPECT_EQ(world.show(before).state.origin->pins, (std::vector<Digest>{shop->digest, pay1->digest}));
  EXPECT_EQ(world.show(after).state.origin->pins, (std::vector<Digest>{shop->digest, pay2->digest}));
  const auto child = world.show(child_of(world, before, 1)).state;
  EXPECT_EQ(child.origin->package, "pay");
  EXPECT_EQ(child.origin->version, "1.0.0");
  EXPECT_EQ(child.origin->pins, std::vector<Digest>{pay1->digest});
  EXPECT_EQ(child.root, before);
}

TEST(Nested, AVersionThatDoesNotFitLeavesDependentsOnTheOneBefore) {
  World world;
  publish_pay(world, "1.0.0", "old");
  publish_shop(world);
  publish_pay(world, "2.0.0", "new", "charge_card");
  const ExecutionId id = world.start("{}", "", "buy")->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(calls_of(world, "old"), 1u);
}

TEST(Nested, NothingStartsWithoutWhatItContains) {
  World world;
  publish_shop(world);
  const auto refused = world.start("{}", "", "buy");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::requirement_unmet);
  publish_pay(world, "1.0.0", "old");
  EXPECT_TRUE(world.start("{}", "", "buy"));
}

TEST(Nested, AWorkflowOfAnotherPackageIsRolledBackOnItsOwnRelease) {
  World world;
  const auto pay1 = publish_pay(world, "1.0.0", "old");
  publish_shop(world, R"({"name":"n","workflow":"pay::charge"},{"name":"bad","after":["n"]})");
  world.runner().by_function["bad"] = [](const auto&) { return fail("no"); };
  const ExecutionId id = world.start("{}", "", "buy")->id;
  publish_pay(world, "2.0.0", "new");
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  ASSERT_EQ(calls_of(world, "undo"), 1u);
  const auto undo = std::find_if(world.runner().calls.begin(), world.runner().calls.end(),
                                 [](const Called& call) { return call.function == "undo"; });
  EXPECT_EQ(world.show(undo->execution).state.origin->pins, std::vector<Digest>{pay1->digest});
}

// ---- a pause holds the family ----

// "w" has two nested steps that run and one behind them; "inner" contains "innermost".
struct Family {
  explicit Family(World& world) : world(world) {
    world.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
      {"name":"w","steps":[{"name":"n","workflow":"inner"},{"name":"m","workflow":"inner"},{"name":"z","after":["n","m"]}]},
      {"name":"inner","steps":[{"name":"x"},{"name":"deep","workflow":"innermost","after":["x"]},{"name":"y","after":["deep"]}]},
      {"name":"innermost","steps":[{"name":"p"},{"name":"q","after":["p"]}]}]})");
    world.runner().script = [](const auto&) { return after(kMinute, ok()); };
    id = world.start()->id;
    world.advance(kMinute + kSecond);  // "p" of both runs
    child = child_of(world, id);
    deep = child_of(world, child, 1);
  }
  World& world;
  ExecutionId id, child, deep;
};

TEST(Nested, APauseOfItsParentHoldsItAndAResumeLetsItGo) {
  World world;
  Family family(world);
  ASSERT_TRUE(world.pause(family.id));
  EXPECT_EQ(world.visible(family.child), "paused");
  EXPECT_EQ(world.visible(family.deep), "paused");
  const auto paused = world.records_of<journal::Paused>(family.deep);
  ASSERT_EQ(paused.size(), 1u);
  EXPECT_TRUE(paused[0].with_parent);
  const size_t calls = world.runner().calls.size();
  world.advance(10 * kMinute);
  EXPECT_EQ(world.runner().calls.size(), calls) << "what ran has finished, and nothing has started";
  EXPECT_EQ(world.step_state(family.deep, "p"), "completed");
  EXPECT_EQ(world.resume(family.child).error().code, Code::invalid_transition);
  EXPECT_EQ(world.resume(family.deep).error().code, Code::invalid_transition);
  world.crash();
  world.advance(10 * kMinute);
  EXPECT_EQ(world.runner().calls.size(), calls);
  EXPECT_EQ(world.resume(family.deep).error().code, Code::invalid_transition) << "it is known after a crash";
  ASSERT_TRUE(world.resume(family.id));
  EXPECT_EQ(world.visible(family.child), "running");
  EXPECT_EQ(world.visible(family.deep), "running");
  world.run();
  EXPECT_EQ(world.show(family.id).state.state, State::completed);
}

TEST(Nested, WhatSomebodyPausedByItselfStaysSo) {
  World world;
  Family family(world);
  ASSERT_TRUE(world.pause(family.child));
  EXPECT_EQ(world.visible(family.deep), "paused") << "below it everything is held";
  ASSERT_TRUE(world.pause(family.id));
  ASSERT_TRUE(world.resume(family.id));
  world.advance(10 * kMinute);
  EXPECT_EQ(world.visible(family.child), "paused");
  EXPECT_EQ(world.step_state(family.deep, "q"), "ready");
  EXPECT_EQ(world.step_state(family.id, "m"), "completed") << "its brother goes on";
  ASSERT_TRUE(world.resume(family.child));
  world.run();
  EXPECT_EQ(world.show(family.id).state.state, State::completed);
}

// The child comes into being while its parent is paused already, and one tries again meanwhile.
TEST(Nested, WhatBeginsDuringThePauseIsHeldFromTheBeginning) {
  World world;
  publish(world, R"({"name":"n","workflow":"inner","input":"narrow"},{"name":"m","workflow":"inner"})",
          R"("max_retries":1,"retry_delay":"1m","steps":[{"name":"x","max_retries":0}])");
  world.runner().by_function["narrow"] = [](const auto&) { return after(kSecond, ok("{}")); };
  world.runner().by_function["x"] = [](const auto&) { return after(2 * kSecond, fail("bad")); };
  const ExecutionId id = world.start()->id;
  world.settle();
  ASSERT_TRUE(world.pause(id));
  world.advance(10 * kMinute);
  const ExecutionId late = child_of(world, id, 0), tries = child_of(world, id, 1);
  EXPECT_EQ(world.visible(late), "paused");
  EXPECT_EQ(world.show(late).state.steps[0].invocations, 0u);
  EXPECT_EQ(world.visible(tries), "paused");
  EXPECT_EQ(world.show(tries).state.attempt, 2u) << "the first one has failed, which is recorded";
  EXPECT_EQ(world.show(tries).state.steps[0].invocations, 0u);
  world.crash();
  world.advance(10 * kMinute);
  world.runner().by_function["x"] = [](const auto&) { return ok(); };
  EXPECT_EQ(calls_of(world, "x"), 1u);
  ASSERT_TRUE(world.resume(id));
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
}

TEST(Nested, ACancelOfAPausedParentEndsAlsoWhatItCannotCancel) {
  for (const char* cancellable : {"true", "false"}) {
    World world;
    publish(world, R"({"name":"n","workflow":"inner","cancellable":)" + std::string(cancellable) + "}",
            kInner);
    world.runner().by_function["x"] = [](const auto&) { return after(kSecond, ok()); };
    const ExecutionId id = world.start()->id;
    world.settle();
    ASSERT_TRUE(world.pause(id));
    world.advance(kMinute);
    const ExecutionId child = child_of(world, id);
    EXPECT_EQ(world.visible(child), "paused");
    ASSERT_TRUE(world.cancel(id));
    world.advance(kMinute);
    EXPECT_EQ(world.show(id).state.state, State::cancelled);
    const bool goes_on = std::string_view(cancellable) == "false";
    EXPECT_EQ(world.show(child).state.state, goes_on ? State::completed : State::cancelled);
  }
}

TEST(Nested, APauseSurvivesTheHostAtEveryCommit) {
  for (const bool uncertain : {false, true})
    for (uint64_t n = 1; n < 8; ++n) {
      World world;
      Family family(world);
      world.fail_commit(n, uncertain);
      if (!world.pause(family.id)) (void)world.pause(family.id);
      ASSERT_EQ(world.visible(family.id), "paused");
      world.advance(10 * kMinute);
      EXPECT_EQ(world.visible(family.deep), "paused") << n << uncertain;
      world.fail_commit(n, uncertain);
      if (!world.resume(family.id)) (void)world.resume(family.id);
      world.run();
      EXPECT_EQ(world.show(family.id).state.state, State::completed) << n << uncertain;
    }
}

}  // namespace
}  // namespace pirn::sim
