// Functions that kill the host (S17).
#include "tests/host/engine/waiting.h"

namespace pirn::sim {
namespace {

using journal::State;

// The host dies of the newest call, and comes back.
void die_of_the_last_call(World& world) { world.crash({{world.runner().calls.back().id, {}}}); }

TEST(Crash, AStepMayKillTheHostThreeTimes) {
  World world;
  world.publish(R"("steps":[{"name":"bomb","max_retries":5},{"name":"next","after":["bomb"]}])");
  world.runner().by_function["bomb"] = [](const auto&) { return hang(); };
  const ExecutionId id = world.start()->id;
  world.settle();
  for (uint32_t crashes = 1; crashes <= 3; ++crashes) {
    die_of_the_last_call(world);
    EXPECT_EQ(world.step_state(id, "bomb"), "running");
    EXPECT_EQ(world.show(id).state.steps[0].extra->crashes, crashes);
    EXPECT_EQ(world.show(id).state.steps[0].failures, 0u);
  }
  die_of_the_last_call(world);
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(world.show(id).state.error->code, "crashed");
  EXPECT_EQ(world.step_state(id, "bomb"), "failed") << "and none of the five retries";
  EXPECT_EQ(calls_of(world, "bomb"), 4u);
}

TEST(Crash, HowTheProcessEndedIsInTheJournalAndInTheError) {
  World world;
  world.publish(R"("steps":[{"name":"bomb","max_crashes":1}])");
  world.runner().by_function["bomb"] = [](const auto&) { return hang(); };
  const ExecutionId id = world.start()->id;
  world.settle();
  world.crash({{world.runner().calls.back().id, {}, "exit(3)"}});
  world.crash({{world.runner().calls.back().id, {}, "SIGSEGV"}});
  const auto interrupted = world.records_of<journal::StepInterrupted>(id);
  ASSERT_EQ(interrupted.size(), 2u);
  EXPECT_EQ(interrupted[0].cause, "exit(3)");
  EXPECT_EQ(interrupted[1].cause, "SIGSEGV");
  EXPECT_EQ(
      world.show(id).state.error->message,
      "the step crashed the process that it ran in 2 times, the last time by SIGSEGV; its max_crashes is 1");
}

TEST(Crash, TheDefinitionSaysHowOften) {
  World world;
  world.publish(
      R"("steps":[{"name":"bomb","max_crashes":0,"on_error":"skip"},{"name":"next","after":["bomb"]}])");
  world.runner().by_function["bomb"] = [](const auto&) { return hang(); };
  const ExecutionId id = world.start()->id;
  world.settle();
  die_of_the_last_call(world);
  world.run();
  EXPECT_EQ(world.step_state(id, "bomb"), "skipped(on_error)");
  EXPECT_EQ(world.step_state(id, "next"), "completed");
  EXPECT_EQ(calls_of(world, "bomb"), 1u);
  EXPECT_EQ(world.show(id).state.state, State::completed);
}

TEST(Crash, NeighboursAreNotBlamed) {
  World world;
  world.publish(R"("steps":[{"name":"other"},{"name":"bomb","max_crashes":0}])");
  world.runner().by_function["bomb"] = [](const auto&) { return hang(); };
  world.runner().by_function["other"] = [](const auto&) { return hang(); };
  const ExecutionId id = world.start()->id;
  world.settle();
  die_of_the_last_call(world);
  EXPECT_EQ(world.show(id).state.error->code, "crashed");
  EXPECT_EQ(world.show(id).state.steps[0].extra->interruptions, 1u);
  EXPECT_EQ(world.show(id).state.steps[0].extra->crashes, 0u);
  EXPECT_EQ(world.step_state(id, "other"), "cancelled");
}

TEST(Crash, InterruptionsAreWithoutLimit) {
  World world;
  world.publish(R"("steps":[{"name":"a"}])");
  int lives = 0;
  world.runner().by_function["a"] = [&](const auto&) { return ++lives < 20 ? hang() : ok(); };
  const ExecutionId id = world.start()->id;
  world.settle();
  while (world.show(id).state.state == State::running) world.crash();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.show(id).state.steps[0].extra->interruptions, 19u);
}

TEST(Crash, AConditionThatKillsTheHostIsNotAskedAgain) {
  World world;
  world.publish(R"("steps":[{"name":"a","when":{"function":"bomb"}}])");
  world.runner().by_function["bomb"] = [](const auto&) { return hang(); };
  const ExecutionId id = world.start()->id;
  world.settle();
  die_of_the_last_call(world);
  EXPECT_EQ(world.step_state(id, "a"), "skipped(condition)");
  EXPECT_EQ(calls_of(world, "bomb"), 1u);
}

TEST(Crash, AnOnTimeoutHandlerThatKillsTheHostFailsItsStep) {
  World world;
  const ExecutionId id = start_awaiting(world, until(kHour, "bomb"), R"(,"max_retries":0)");
  world.runner().by_function["bomb"] = [](const auto&) { return hang(); };
  world.advance(kHour);
  die_of_the_last_call(world);
  EXPECT_EQ(world.show(id).state.error->code, "crashed");
}

TEST(Crash, ARollbackThatKillsTheHostIsAFailedRollback) {
  World world;
  world.publish(R"("steps":[{"name":"a","rollback":"undo","max_retries":1},
                            {"name":"b","after":["a"],"max_retries":0}])");
  world.runner().by_function["b"] = [](const auto&) { return fail("no"); };
  world.runner().by_function["undo"] = [](const auto&) { return hang(); };
  const ExecutionId id = world.start()->id;
  world.settle();
  die_of_the_last_call(world);
  EXPECT_EQ(world.show(id).state.state, State::compensating) << "one retry is left";
  world.advance(2'000'000'000);
  ASSERT_EQ(calls_of(world, "undo"), 2u);
  die_of_the_last_call(world);
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(world.show(id).state.steps[0].extra->rollback_error->code, "crashed");
  EXPECT_EQ(calls_of(world, "undo"), 2u);
}

TEST(Crash, ALastHandlerThatKillsTheHostHasHadItsTurn) {
  for (const char* handler : {"on_success", "on_failure"}) {
    World world;
    world.publish(std::string(R"("steps":[{"name":"a","max_retries":0}],")") + handler + R"(":"alarm")");
    if (std::string_view(handler) == "on_failure")
      world.runner().by_function["a"] = [](const auto&) { return fail("no"); };
    world.runner().by_function["alarm"] = [](const auto&) { return hang(); };
    const ExecutionId id = world.start()->id;
    world.settle();
    ASSERT_EQ(calls_of(world, "alarm"), 1u) << handler;
    world.crash();
    ASSERT_EQ(calls_of(world, "alarm"), 2u) << "an innocent one runs again";
    die_of_the_last_call(world);
    EXPECT_TRUE(journal::terminal(world.show(id).state.state)) << handler;
    EXPECT_EQ(calls_of(world, "alarm"), 2u) << handler;
    EXPECT_EQ(world.records_of<journal::Diagnostic>(id).back().code, "handler_failed");
  }
}

TEST(Crash, AHandlerOfAStepThatKillsTheHostIsNotCalledAgain) {
  World world;
  world.publish(
      R"("steps":[{"name":"a","max_retries":0,"on_error":"continue"},{"name":"b"}],"on_step_error":"note")");
  world.runner().by_function["a"] = [](const auto&) { return fail("no"); };
  world.runner().by_function["b"] = [](const auto&) { return hang(); };
  world.runner().by_function["note"] = [](const auto&) { return hang(); };
  const ExecutionId id = world.start()->id;
  world.settle();
  const auto note = std::find_if(world.runner().calls.begin(), world.runner().calls.end(),
                                 [](const Called& call) { return call.function == "note"; });
  world.crash({{note->id, {}}});
  EXPECT_EQ(calls_of(world, "note"), 1u);
  EXPECT_EQ(world.step_state(id, "b"), "running");
}

// R70: what hooks do changes no outcome, and a step that begins again calls none that would kill the host
// again.
TEST(Crash, AHookThatKillsTheHostIsTheLastOneOfItsExecution) {
  World world;
  world.publish(
      R"("hooks":{"on_start":"bomb","on_finish":"seen"},"steps":[{"name":"a"},{"name":"b","after":["a"]}])");
  world.runner().by_function["a"] = [](const auto&) { return after(kSecond, ok()); };
  world.runner().by_function["bomb"] = [](const auto&) {
    Act act = ok();
    act.kills_host = true;
    return act;
  };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.crashes(), 1);
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.show(id).state.steps[0].extra->crashes, 0u) << "the step is not to blame";
  EXPECT_EQ(world.show(id).state.steps[0].extra->interruptions, 1u);
  EXPECT_EQ(calls_of(world, "bomb"), 1u);
  EXPECT_EQ(calls_of(world, "seen"), 0u);
  EXPECT_EQ(world.records_of<journal::HookCrashed>(id).size(), 1u);
  const ExecutionId other = world.start()->id;
  world.run();
  EXPECT_EQ(calls_of(world, "bomb"), 2u) << "another execution has its own hooks";
  EXPECT_EQ(world.show(other).state.state, State::completed);
}

// Its execution is over, or has not begun: nothing but the call itself is lost, and it would do so again.
TEST(Crash, AFunctionThatMapsIntoOrOutOfANestedWorkflowAndKillsTheHostIsNotAskedAgain) {
  for (const std::string function : {"input", "result"}) {
    World world;
    world.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
      {"name":"w","steps":[{"name":"n","workflow":"inner","max_retries":1,"retry_delay":"1s",")" +
                                    function + R"(":"bomb"}]},{"name":"inner","steps":[{"name":"x"}]}]})");
    world.runner().by_function["bomb"] = [](const auto&) {
      Act act = ok();
      act.kills_host = true;
      return act;
    };
    const ExecutionId id = world.start()->id;
    world.run();
    EXPECT_EQ(world.crashes(), 2) << function;
    EXPECT_EQ(world.show(id).state.state, State::failed) << function;
    EXPECT_EQ(world.show(id).state.error->code, "crashed") << function;
    EXPECT_EQ(calls_of(world, "bomb"), 2u) << function;
    EXPECT_EQ(calls_of(world, "x"), function == "input" ? 0u : 2u);
  }
}

}  // namespace
}  // namespace pirn::sim
