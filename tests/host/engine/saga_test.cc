// Compensation, attempts of whole workflows, and the handlers of the end (R22 to R26, R30, R61, R64).
#include <gtest/gtest.h>

#include "host/simulate/world.h"

namespace pirn::sim {
namespace {

using journal::Compensation;
using journal::ErrorClass;
using journal::State;
using worker::Kind;

// The steps that were rolled back, in order.
std::vector<std::string> rolled_back(World& world) {
  std::vector<std::string> steps;
  for (const Called& call : world.runner().calls)
    if (call.kind == Kind::rollback) steps.push_back(call.step);
  return steps;
}

size_t calls_of(World& world, std::string_view function) {
  return static_cast<size_t>(std::count_if(world.runner().calls.begin(), world.runner().calls.end(),
                                           [&](const Called& call) { return call.function == function; }));
}

const char* const kOrder = R"(
  {"name":"reserve","rollback":"release"},
  {"name":"charge","after":["reserve"],"rollback":"refund"},
  {"name":"log","after":["charge"]},
  {"name":"ship","after":["log"],"rollback":"recall","max_retries":0})";

std::string order(const std::string& options = "") { return options + "\"steps\":[" + kOrder + "]"; }

TEST(Saga, R24CompletedStepsAreRolledBackNewestFirstWithoutTheFailingOne) {
  World world;
  world.publish(order());
  world.runner().by_function["ship"] = [](const auto&) { return fail("no_carrier"); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(rolled_back(world), (std::vector<std::string>{"charge", "reserve"}));
  EXPECT_EQ(world.show(id).state.steps[0].compensation, Compensation::done);
  EXPECT_EQ(world.show(id).state.steps[2].compensation, Compensation::none) << "log declares no rollback";
  EXPECT_EQ(world.step_state(id, "charge"), "completed") << "terminal states never change";
}

TEST(Saga, R24TheOrderIsThatOfCommitsNotOfDeclaration) {
  World world;
  world.publish(R"("steps":[{"name":"a","rollback":"ra"},{"name":"b","rollback":"rb"},
                            {"name":"c","after":["a","b"],"max_retries":0}])");
  world.runner().by_function["a"] = [](const auto&) { return after(2 * kSecond, ok()); };
  world.runner().by_function["c"] = [](const auto&) { return fail("x"); };
  ASSERT_TRUE(world.start());
  world.run();
  EXPECT_EQ(rolled_back(world), (std::vector<std::string>{"a", "b"})) << "b completed first";
}

TEST(Saga, R27AStepThatFinishesWhileDrainingIsRolledBackToo) {
  World world;
  world.publish(R"("steps":[{"name":"slow","rollback":"undo"},{"name":"bad","max_retries":0}])");
  world.runner().by_function["slow"] = [](const auto&) {
    Act act = after(kSecond, ok());
    act.ignores_cancel = true;
    return act;
  };
  world.runner().by_function["bad"] = [](const auto&) { return fail("x"); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "slow"), "completed");
  EXPECT_EQ(rolled_back(world), std::vector<std::string>{"slow"});
}

TEST(Saga, ARollbackIsToldItsResultAndTheError) {
  World world;
  world.publish(order());
  world.runner().by_function["charge"] = [](const auto&) { return ok(R"({"receipt":"r-1"})"); };
  world.runner().by_function["ship"] = [](const auto&) { return fail("no_carrier"); };
  ASSERT_TRUE(world.start());
  world.run();
  const auto refund = std::find_if(world.runner().calls.begin(), world.runner().calls.end(),
                                   [](const Called& call) { return call.function == "refund"; });
  ASSERT_NE(refund, world.runner().calls.end());
  EXPECT_EQ(
      refund->input,
      R"({"result":{"receipt":"r-1"},"error":{"code":"no_carrier","message":"told to","class":"retryable"}})");
  EXPECT_NE(refund->context.find(R"("__error_step__":"ship")"), std::string::npos) << refund->context;
  EXPECT_NE(refund->context.find(R"("receipt":"r-1")"), std::string::npos);
}

TEST(Saga, ARollbackIsTimed) {
  World world;
  world.publish(order());
  world.runner().by_function["refund"] = [](const auto&) { return after(3 * kSecond, ok()); };
  world.runner().by_function["ship"] = [](const auto&) { return fail("no_carrier"); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.records_of<journal::RollbackDone>(id)[0].duration, 3 * kSecond);
}

TEST(Saga, R25AFailingRollbackIsRetriedAndTheOthersGoOn) {
  World world;
  world.publish(R"("steps":[{"name":"a","rollback":"ra"},
    {"name":"b","after":["a"],"rollback":"rb","max_retries":2,"retry_delay":"1s","retry_backoff":"fixed"},
    {"name":"c","after":["b"],"max_retries":0}])");
  world.runner().by_function["rb"] = [](const auto&) { return fail("stuck"); };
  world.runner().by_function["c"] = [](const auto&) { return fail("x"); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(rolled_back(world), (std::vector<std::string>{"b", "b", "b", "a"}));
  const journal::ExecutionState state = world.show(id).state;
  EXPECT_EQ(state.state, State::failed);
  EXPECT_EQ(state.error->code, "x") << "the error is still the first one";
  EXPECT_EQ(state.steps[1].compensation, Compensation::failed);
  EXPECT_EQ(state.steps[1].extra->rollback_error->code, "stuck");
  EXPECT_EQ(state.steps[0].compensation, Compensation::done);
  EXPECT_GE(state.ended_at - state.started_at, 2 * kSecond) << "the step's own policy";
}

TEST(Saga, R61OnlyDoneIsASuccessOfARollback) {
  World world;
  world.publish(
      R"("steps":[{"name":"a","rollback":"ra","max_retries":0},{"name":"c","after":["a"],"max_retries":0}])");
  world.runner().by_function["ra"] = [](const auto&) { return skip("no need"); };
  world.runner().by_function["c"] = [](const auto&) { return fail("x"); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.steps[0].compensation, Compensation::failed);
  EXPECT_EQ(world.show(id).state.steps[0].extra->rollback_error->code, "invalid_return");
}

TEST(Saga, ARollbackHasTheTimeoutOfItsStep) {
  World world;
  world.publish(
      R"("steps":[{"name":"a","rollback":"ra","max_retries":0,"timeout":"10s"},{"name":"c","after":["a"],"max_retries":0}])");
  world.runner().by_function["ra"] = [](const auto&) { return hang(); };
  world.runner().by_function["c"] = [](const auto&) { return fail("x"); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(world.show(id).state.steps[0].extra->rollback_error->code, "timeout");
}

struct Policy {
  const char* options;
  bool rolls_back;
};
void PrintTo(const Policy& policy, std::ostream* out) { *out << policy.options; }
class R26Compensation : public testing::TestWithParam<Policy> {};
TEST_P(R26Compensation, OfAFailure) {
  World world;
  world.publish(order(GetParam().options));
  world.runner().by_function["ship"] = [](const auto&) { return fail("no_carrier"); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(!rolled_back(world).empty(), GetParam().rolls_back);
}
INSTANTIATE_TEST_SUITE_P(Policies, R26Compensation,
                         testing::Values(Policy{"", true}, Policy{R"("failure_mode":"continue",)", false},
                                         Policy{R"("compensate":"never",)", false},
                                         Policy{R"("failure_mode":"continue","compensate":"always",)",
                                                true}));

TEST(Saga, R26ACancelRollsBackOnlyWhenAsked) {
  for (const bool rollback : {false, true}) {
    World world;
    world.publish(order(R"("on_cancel":"tidy",)"));
    world.runner().by_function["log"] = [](const auto&) { return after(kMinute, ok()); };
    const ExecutionId id = world.start()->id;
    world.settle();
    ASSERT_TRUE(world.cancel(id, "t", rollback));
    world.run();
    EXPECT_EQ(world.show(id).state.state, State::cancelled);
    EXPECT_EQ(rolled_back(world).size(), rollback ? 2u : 0u);
    EXPECT_EQ(world.runner().calls.back().function, "tidy") << "after the last rollback";
    EXPECT_EQ(world.runner().calls.back().input, R"({"event":"on_cancel","reason":"user_requested"})");
  }
}

TEST(Saga, R30WithoutCleanupTheHandlerIsNotCalled) {
  World world;
  world.publish(order(R"("on_cancel":"tidy",)"));
  world.runner().by_function["log"] = [](const auto&) { return after(kMinute, ok()); };
  const ExecutionId id = world.start()->id;
  world.settle();
  ASSERT_TRUE(world.cancel(id, "t", false, false));
  world.run();
  EXPECT_EQ(calls_of(world, "tidy"), 0u);
}

TEST(Saga, R64OnFailureComesAfterTheRollbacksAndBeforeTheEnd) {
  World world;
  world.publish(order(R"("on_failure":"alarm",)"));
  world.runner().by_function["ship"] = [](const auto&) { return fail("no_carrier"); };
  world.runner().by_function["refund"] = [](const auto&) {
    return fail("bank_closed", ErrorClass::terminal);
  };
  const ExecutionId id = world.start()->id;
  world.run();
  const Called& last = world.runner().calls.back();
  EXPECT_EQ(last.function, "alarm");
  EXPECT_EQ(last.step, "");
  EXPECT_EQ(
      last.input,
      R"({"event":"on_failure","step":"ship","attempt":1,)"
      R"("error":{"code":"no_carrier","message":"told to","class":"retryable"},)"
      R"("rollback_errors":[{"step":"charge","error":{"code":"bank_closed","message":"told to","class":"terminal"}}]})");
  EXPECT_EQ(world.records_of<journal::Stopped>(id).size(), 1u);
  const std::vector<Event> events = world.events_of(id);
  EXPECT_TRUE(std::holds_alternative<journal::Stopped>(events.back().record));
}

TEST(Saga, AHandlerCannotChangeTheOutcome) {
  World world;
  world.publish(R"("on_success":"cheer","steps":[{"name":"a"}])");
  world.runner().by_function["cheer"] = [](const auto&) { return after(kSecond, fail("hoarse")); };
  const ExecutionId id = world.start()->id;
  world.settle();
  EXPECT_EQ(world.show(id).state.state, State::running) << "it is not over before its handler is";
  EXPECT_EQ(world.cancel(id).error().code, Code::invalid_transition) << "but it is settled";
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  const auto diagnostics = world.records_of<journal::Diagnostic>(id);
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0].code, "handler_failed");
}

TEST(Saga, AHandlerThatRanAgainAfterACrashIsNoneOfTheOnesUnderWay) {
  World world;
  world.publish(R"("on_failure":"mourn","steps":[{"name":"a","max_retries":0}])");
  world.runner().by_function["a"] = [](const auto&) { return fail("x"); };
  world.runner().by_function["mourn"] = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId id = world.start()->id;
  world.settle();
  world.crash();
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_TRUE(world.show(id).state.handlers.empty());
}

// Both attempts fail with the same words; neither call is the other's lost self.
TEST(Saga, R23HandlersOfSeveralAttemptsAreUnderWayAtATime) {
  World world;
  world.publish(
      R"("max_retries":1,"retry_delay":"1s","on_step_error":"note","steps":[{"name":"a","max_retries":0}])");
  world.runner().by_function["a"] = [](const auto&) { return fail("x"); };
  world.runner().by_function["note"] = [](const auto&) { return after(kMinute, ok()); };
  const ExecutionId id = world.start()->id;
  world.advance(kSecond);
  EXPECT_EQ(world.runner().calls.size(), 4u);
  EXPECT_EQ(world.records_of<journal::HandlerStarted>(id).size(), 2u);
  EXPECT_EQ(world.show(id).state.handlers.size(), 2u);
}

TEST(Saga, AHandlerHasALimit) {
  World world;
  world.publish(R"("on_success":"cheer","steps":[{"name":"a"}])");
  world.runner().by_function["cheer"] = [](const auto&) { return hang(); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.records_of<journal::HandlerDone>(id)[0].error->code, "timeout");
}

TEST(Saga, R22AFailedWorkflowBeginsAgainFromItsInput) {
  World world;
  world.publish(R"("max_retries":2,"retry_delay":"1m","retry_backoff":"fixed","on_failure":"alarm",
    "steps":[{"name":"a","rollback":"ra"},{"name":"b","after":["a"],"max_retries":0}])");
  int tries = 0;
  world.runner().by_function["a"] = [&](const worker::Invocation& call) {
    EXPECT_EQ(call.frame->workflow_attempt, static_cast<uint32_t>(++tries));
    return ok(R"({"seen":true})");
  };
  world.runner().by_function["b"] = [&](const auto&) { return tries < 3 ? fail("x") : ok(); };
  const ExecutionId id = world.start()->id;
  world.settle();
  EXPECT_EQ(world.show(id).state.state, State::pending) << "it waits";
  EXPECT_EQ(world.context(id), "{}") << "what the first attempt wrote is gone";
  world.run();
  const journal::ExecutionState state = world.show(id).state;
  EXPECT_EQ(state.state, State::completed);
  EXPECT_EQ(state.attempt, 3u);
  EXPECT_EQ(rolled_back(world), (std::vector<std::string>{"a", "a"})) << "each attempt";
  EXPECT_EQ(calls_of(world, "alarm"), 0u) << "only after the last attempt";
  EXPECT_GE(state.ended_at - state.started_at, 2 * kMinute);
  EXPECT_EQ(world.records_of<journal::WorkflowRetry>(id).size(), 2u);
}

// Nothing is better the next time, so the workflow is not tried again either.
TEST(Saga, R22ATerminalErrorEndsTheWorkflowsOwnRetries) {
  World world;
  world.publish(R"("max_retries":5,"on_failure":"alarm","steps":[{"name":"b"}])");
  world.runner().by_function["b"] = [](const auto&) { return fail("x", ErrorClass::terminal); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(world.show(id).state.attempt, 1u);
  EXPECT_EQ(calls_of(world, "b"), 1u);
  EXPECT_EQ(calls_of(world, "alarm"), 1u);
}

TEST(Saga, R22TheWorkflowsOwnRetriesAreForTheErrorsThatItsPolicyNames) {
  for (const char* policy : {R"("no_retry_on":["x"])", R"("retry_on":["y"])"}) {
    World world;
    world.publish(R"("max_retries":5,)" + std::string(policy) + R"(,"steps":[{"name":"b","max_retries":0}])");
    world.runner().by_function["b"] = [](const auto&) { return fail("x"); };
    const ExecutionId id = world.start()->id;
    world.run();
    EXPECT_EQ(world.show(id).state.attempt, 1u) << policy;
  }
}

TEST(Saga, R22TheLastAttemptFailsTheExecution) {
  World world;
  world.publish(R"("max_retries":1,"on_failure":"alarm","steps":[{"name":"b","max_retries":0}])");
  world.runner().by_function["b"] = [](const auto&) { return fail("x"); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(world.show(id).state.attempt, 2u);
  EXPECT_EQ(calls_of(world, "alarm"), 1u);
}

TEST(Saga, R21TheTimeoutOfAWorkflowCountsOverItsAttempts) {
  World world;
  world.publish(R"("timeout":"90s","max_retries":5,"retry_delay":"1m","retry_backoff":"fixed",
    "steps":[{"name":"b","max_retries":0}])");
  world.runner().by_function["b"] = [](const auto&) { return fail("x"); };
  const ExecutionId id = world.start()->id;
  world.run();
  const journal::ExecutionState state = world.show(id).state;
  EXPECT_EQ(state.state, State::failed);
  EXPECT_EQ(state.error->code, "workflow_timeout");
  EXPECT_EQ(state.ended_at - state.started_at, 90 * kSecond) << "in the wait before the third attempt";
}

TEST(Saga, R21TheTimeoutOfAWorkflowDoesNotInterruptItsCompensation) {
  for (const char* mode : {"continue", "fail_fast"}) {
    World world;
    world.publish(R"("failure_mode":")" + std::string(mode) + R"(","compensate":"always","timeout":"10s",
      "steps":[{"name":"a","rollback":"undo"},{"name":"b","after":["a"],"max_retries":0}])");
    world.runner().by_function["b"] = [](const auto&) { return fail("x"); };
    world.runner().by_function["undo"] = [](const auto&) { return after(kMinute, ok()); };
    const ExecutionId id = world.start()->id;
    world.run();
    EXPECT_EQ(world.show(id).state.state, State::failed) << mode;
    EXPECT_EQ(world.show(id).state.error->code, "x") << mode;
    EXPECT_EQ(world.show(id).state.steps[0].compensation, journal::Compensation::done) << mode;
  }
}

TEST(Saga, R23OnStepErrorIsCalledForEachFailureAndNobodyWaitsForIt) {
  World world;
  world.publish(R"("on_step_error":"note","steps":[{"name":"a","max_retries":1,"retry_delay":"1s"}])");
  world.runner().by_function["a"] = [](const auto&) { return fail("x"); };
  world.runner().by_function["note"] = [](const auto&) { return after(kMinute, ok()); };
  const ExecutionId id = world.start()->id;
  world.advance(2 * kSecond);
  EXPECT_EQ(world.show(id).state.state, State::failed) << "long before the handler returns";
  EXPECT_EQ(calls_of(world, "note"), 2u);
  EXPECT_EQ(world.runner().calls[1].function, "note") << "before the retry";
  EXPECT_EQ(
      world.runner().calls[1].input,
      R"({"event":"on_step_error","step":"a","attempt":1,"error":{"code":"x","message":"told to","class":"retryable"}})");
  world.run();
}

// What is told of an attempt that is over is told again by a host that comes back, also of children that are
// no more.
TEST(Saga, R23OnStepErrorSurvivesARestartBetweenAttempts) {
  World world;
  world.publish(
      R"("on_step_error":"note","max_retries":1,"retry_delay":"1h","steps":[{"name":"g","graft":true}])");
  world.runner().by_function["g"] = [](const auto&) { return expand({child("c", R"({"max_retries":0})")}); };
  world.runner().by_function["child"] = [](const auto& call) {
    return call.frame->workflow_attempt == 1 ? fail("x") : ok();
  };
  world.runner().by_function["note"] = [](const auto&) { return after(kMinute, ok()); };
  const ExecutionId id = world.start()->id;
  world.advance(kSecond);
  EXPECT_EQ(world.show(id).state.state, State::pending);
  world.crash();
  EXPECT_EQ(calls_of(world, "note"), 2u) << "at least once";
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.records_of<journal::HandlerDone>(id).size(), 1u);
}

// The host is lost at each commit in turn, once before and once after it is durable: the same things happen,
// no completed step and no completed rollback runs again.
TEST(Saga, SurvivesTheHostAtEveryCommit) {
  for (const bool uncertain : {false, true}) {
    for (uint64_t n = 1; n < 16; ++n) {
      World world;
      world.publish(order(R"("on_failure":"alarm","max_retries":1,"retry_delay":"1s",)"));
      std::map<std::string, int> done;
      for (const char* function : {"release", "refund", "reserve", "charge", "log", "alarm"})
        world.runner().by_function[function] = [&, function](const auto&) {
          ++done[function];
          return ok();
        };
      world.runner().by_function["ship"] = [](const auto&) { return fail("no_carrier"); };
      world.fail_commit(n, uncertain);
      auto started = world.start("{}", "key");
      if (!started) started = world.start("{}", "key");
      const ExecutionId id = started->id;
      world.run();
      SCOPED_TRACE("commit " + std::to_string(n) + (uncertain ? ", uncertain" : ""));
      const journal::ExecutionState state = world.show(id).state;
      EXPECT_EQ(state.state, State::failed);
      EXPECT_EQ(state.attempt, 2u);
      EXPECT_EQ(state.steps[0].compensation, Compensation::done);
      EXPECT_EQ(state.steps[1].compensation, Compensation::done);
      EXPECT_EQ(world.records_of<journal::RollbackDone>(id).size(), 4u) << "two attempts, two steps";
      EXPECT_EQ(world.records_of<journal::HandlerDone>(id).size(), 1u);
      EXPECT_EQ(world.records_of<journal::Stopped>(id).size(), 1u);
      for (const auto& [function, count] : done) {
        const int expected = function == "alarm" ? 1 : 2;
        EXPECT_GE(count, expected) << function;
        EXPECT_LE(count, expected + 1) << function << ": only what was under way runs again";
      }
    }
  }
}

}  // namespace
}  // namespace pirn::sim
