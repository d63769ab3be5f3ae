// The rules of executions and steps, one test each; the names are those of semantics.md.
#include <gtest/gtest.h>

#include "host/simulate/world.h"

namespace pirn::sim {
namespace {

using journal::ErrorClass;
using journal::State;

TEST(Execution, AnEmptyWorkflowCompletesAtOnce) {
  World world;
  world.publish(R"("steps":[])");
  const ExecutionId id = world.start()->id;
  EXPECT_EQ(world.show(id).state.state, State::completed);
}

TEST(Execution, StepsRunInOrderOfTheirDependencies) {
  World world;
  world.publish(R"("steps":[{"name":"c","after":["a","b"]},{"name":"a"},{"name":"b","after":["a"]}])");
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  std::vector<std::string> order;
  for (const Called& call : world.runner().calls) order.push_back(call.step);
  EXPECT_EQ(order, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(Execution, AThreeStepExecutionMakesFourCommits) {
  World world;
  world.publish(R"("steps":[{"name":"a"},{"name":"b","after":["a"]},{"name":"c","after":["b"]}])");
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.next_commit, 5u);
}

TEST(Execution, TheFirstRecordSaysWhatRuns) {
  World world;
  const auto release = world.publish(R"("steps":[{"name":"a"}])");
  const ExecutionId id = world.start(R"({"x":1})", "key-1")->id;
  const auto created = world.records_of<journal::Created>(id);
  ASSERT_EQ(created.size(), 1u);
  EXPECT_EQ(created[0].origin->pins, std::vector<Digest>{release->digest});
  EXPECT_EQ(created[0].origin->definition, release->workflow_digests[0]);
  EXPECT_EQ(created[0].origin->definition_schema, 1u);
  EXPECT_FALSE(created[0].root) << "it is the outermost itself";
  EXPECT_EQ(world.show(id).state.root, id);
  EXPECT_EQ(created[0].key, "key-1");
  EXPECT_FALSE(created[0].input_digest.is_zero());
}

// ---- R1 to R7: dependents ----

struct Case {
  std::string on_error;
  Act first;
  std::string first_state, second_state;
  State final_state;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.on_error << " after " << one.first_state; }

class DependentOf : public testing::TestWithParam<Case> {};

TEST_P(DependentOf, AStepThatDidNotComplete) {
  World world;
  world.publish(R"("failure_mode":"continue","steps":[{"name":"a","max_retries":0,"on_error":")" +
                GetParam().on_error + R"("},{"name":"b","after":["a"]}])");
  world.runner().by_function["a"] = [](const auto&) { return GetParam().first; };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "a"), GetParam().first_state);
  EXPECT_EQ(world.step_state(id, "b"), GetParam().second_state);
  EXPECT_EQ(world.show(id).state.state, GetParam().final_state);
}

INSTANTIATE_TEST_SUITE_P(
    Rules, DependentOf,
    testing::Values(Case{"fail", fail("x"), "failed", "skipped(upstream_failed)", State::failed},  // R1
                    Case{"continue", fail("x"), "failed(tolerated)", "completed",
                         State::completed},                                                       // R3, R6
                    Case{"skip", fail("x"), "skipped(on_error)", "completed", State::completed},  // R5
                    Case{"fail", skip("no need"), "skipped(requested)", "completed", State::completed}  // R5
                    ));

TEST(Execution, R4OfSeveralBranchesOneTakenIsEnough) {
  World world;
  world.publish(R"("steps":[{"name":"a"},
    {"name":"left","after":["a"],"when":{"path":"n","less":5}},
    {"name":"right","after":["a"],"when":{"path":"n","greater_or_equal":5}},
    {"name":"join","after":["left","right"]}])");
  const ExecutionId id = world.start(R"({"n":7})")->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "left"), "skipped(condition)");
  EXPECT_EQ(world.step_state(id, "right"), "completed");
  EXPECT_EQ(world.step_state(id, "join"), "completed");
}

TEST(Execution, R4AllUntakenIsUntakenRecursivelyInOneCommit) {
  World world;
  world.publish(R"("steps":[{"name":"a"},
    {"name":"l","after":["a"],"when":{"path":"go","equals":true}},
    {"name":"r","after":["a"],"when":{"path":"go","exists":true}},
    {"name":"join","after":["l","r"]},{"name":"end","after":["join"]}])");
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "join"), "skipped(not_taken)");
  EXPECT_EQ(world.step_state(id, "end"), "skipped(not_taken)");
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.show(id).state.next_commit, 3u)
      << "the start and the completion of a, with everything that follows";
}

TEST(Execution, ADependentIsBlockedOnlyWhenAllItsDependenciesAreOver) {
  World world;
  world.publish(
      R"("failure_mode":"continue","steps":[{"name":"bad","max_retries":0},{"name":"slow"},{"name":"join","after":["bad","slow"]}])");
  world.runner().by_function["bad"] = [](const auto&) { return fail("x"); };
  world.runner().by_function["slow"] = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId id = world.start()->id;
  world.settle();
  EXPECT_EQ(world.step_state(id, "join"), "pending");
  world.run();
  EXPECT_EQ(world.step_state(id, "join"), "skipped(upstream_failed)");
  EXPECT_EQ(world.show(id).state.steps[2].extra->reason, "dependency bad failed: x: told to");
}

// ---- conditions that are functions ----

TEST(Consultation, DecidesAConditionAndIsAskedAgainAfterACrash) {
  World world;
  world.publish(R"("steps":[{"name":"a","when":{"function":"sunny"}}])");
  bool lost = true;
  world.runner().by_function["sunny"] = [&](const auto&) { return lost ? hang() : answer(true); };
  const ExecutionId id = world.start()->id;
  world.settle();
  EXPECT_EQ(world.step_state(id, "a"), "asking");
  lost = false;
  world.crash();
  world.run();
  EXPECT_EQ(world.step_state(id, "a"), "completed");
  EXPECT_EQ(world.show(id).state.steps[0].invocations, 1u);
}

TEST(Consultation, OfAConditionThatFailsOrTakesTooLongSkips) {
  for (const Act& act : {fail("oops"), hang()}) {
    World world;
    world.publish(R"("steps":[{"name":"a","when":{"function":"sunny"}}])");
    world.runner().by_function["sunny"] = [&](const auto&) { return act; };
    const ExecutionId id = world.start()->id;
    world.run();
    EXPECT_EQ(world.step_state(id, "a"), "skipped(condition)");
    const auto diagnostics = world.records_of<journal::Diagnostic>(id);
    ASSERT_EQ(diagnostics.size(), 1u);
    EXPECT_EQ(diagnostics[0].code, "consultation_failed");
  }
}

// ---- retries ----

TEST(Retry, R18MaxRetriesCountsWhatFollowsTheFirstTry) {
  World world;
  world.publish(R"("steps":[{"name":"a","max_retries":2,"retry_delay":"1s","retry_backoff":"exponential"}])");
  world.runner().by_function["a"] = [](const auto&) { return fail("x"); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(world.runner().calls.size(), 3u);
  std::vector<int64_t> delays;
  for (const auto& retry : world.records_of<journal::StepRetry>(id)) delays.push_back(retry.delay);
  EXPECT_EQ(delays, (std::vector<int64_t>{kSecond, 2 * kSecond}));
  EXPECT_EQ(world.runner().calls[2].attempt, 3u);
}

TEST(Retry, ATerminalErrorIsNeverRetried) {
  World world;
  world.publish(R"("steps":[{"name":"a","max_retries":5}])");
  world.runner().by_function["a"] = [](const auto&) { return fail("x", ErrorClass::terminal); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.runner().calls.size(), 1u);
  EXPECT_EQ(world.show(id).state.state, State::failed);
}

TEST(Retry, ABackoffFunctionIsAskedAndTheFixedDelayIsItsDefault) {
  World world;
  world.publish(
      R"("steps":[{"name":"a","max_retries":2,"retry_delay":"3s","retry_max_delay":"10s","retry_backoff":{"function":"wait"}}])");
  world.runner().by_function["a"] = [](const auto&) { return fail("x"); };
  int asked = 0;
  std::vector<std::string> questions;
  world.runner().by_function["wait"] = [&](const auto& invocation) {
    questions.push_back(invocation.input);
    return ++asked == 1 ? answer_delay(60 * kSecond) : fail("no idea");
  };
  const ExecutionId id = world.start()->id;
  world.run();
  std::vector<int64_t> delays;
  for (const auto& retry : world.records_of<journal::StepRetry>(id)) delays.push_back(retry.delay);
  EXPECT_EQ(delays, (std::vector<int64_t>{10 * kSecond, 3 * kSecond})) << "capped; then the default";
  ASSERT_EQ(questions.size(), 2u);
  EXPECT_EQ(
      questions[0],
      R"({"attempt":1,"base_delay_ms":3000,"error":{"code":"x","message":"told to","class":"retryable"}})");
}

TEST(Retry, TheTimerKeepsItsInstantOverACrash) {
  World world;
  world.publish(R"("steps":[{"name":"a","max_retries":1,"retry_delay":"1h","retry_backoff":"fixed"}])");
  int calls = 0;
  world.runner().by_function["a"] = [&](const auto&) { return ++calls == 1 ? fail("x") : ok(); };
  const int64_t started = world.now();
  const ExecutionId id = world.start()->id;
  world.settle();
  world.pass_time(30 * kMinute);
  world.crash();
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.now(), started + 60 * kMinute);
}

TEST(Retry, WhatGoesOnWaitingIsNotWrittenAgain) {
  World world;
  world.publish(R"("steps":[{"name":"a","max_retries":1,"retry_delay":"1h"}])");
  world.runner().by_function["a"] = [](const auto&) { return fail("x"); };
  const ExecutionId id = world.start()->id;
  world.settle();
  world.crash();
  EXPECT_EQ(world.store().stats()->commits, 0u) << "of the store that the host came back with";
  EXPECT_EQ(world.step_state(id, "a"), "retry_wait");
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
}

// ---- failure ----

TEST(FailFast, R2R27R28DrainsWhatRunsAndEndsTheRest) {
  World world;
  world.publish(R"("steps":[{"name":"bad","max_retries":0},{"name":"below","after":["bad"]},
    {"name":"polite"},{"name":"stubborn"},{"name":"later","after":["stubborn"]}])");
  world.runner().by_function["bad"] = [](const auto&) { return after(kSecond, fail("boom")); };
  world.runner().by_function["polite"] = [](const auto&) { return after(kMinute, ok()); };
  world.runner().by_function["stubborn"] = [](const auto&) {
    Act act = after(5 * kSecond, ok(R"({"done":true})"));
    act.ignores_cancel = true;
    return act;
  };
  const int64_t started = world.now();
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "below"), "skipped(upstream_failed)");
  EXPECT_EQ(world.step_state(id, "polite"), "cancelled");
  EXPECT_EQ(world.now(), started + 5 * kSecond) << "polite was told, and nobody waits for the grace";
  EXPECT_EQ(world.step_state(id, "stubborn"), "completed")
      << "one that returns ok while draining is completed";
  EXPECT_EQ(world.step_state(id, "later"), "skipped(aborted)");
  const auto view = world.show(id);
  EXPECT_EQ(view.state.state, State::failed);
  EXPECT_EQ(view.state.error->code, "boom");
  EXPECT_EQ(view.context, R"({"done":true})");
}

TEST(FailFast, WhatIgnoresTheCancelIsFencedAfterTheGrace) {
  World world;
  world.publish(R"("steps":[{"name":"bad","max_retries":0},{"name":"deaf","timeout":"infinity"}])");
  world.runner().by_function["bad"] = [](const auto&) { return fail("boom"); };
  world.runner().by_function["deaf"] = [](const auto&) { return hang(); };
  const int64_t started = world.now();
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "deaf"), "cancelled");
  EXPECT_EQ(world.now(), started + 30 * kSecond);
}

// The breaker, open already, refuses "no" in the turn in which "long" begins.
TEST(FailFast, WhatBeganInTheSameTurnIsToldToo) {
  World world;
  const std::string guarded = R"("task":"down","max_retries":0,"circuit_breaker":"b",
    "circuit_breaker_opts":{"failure_threshold":1,"reset_timeout":"1h"}})";
  world.publish(R"("steps":[{"name":"long"},{"name":"no",)" + guarded + "]");
  world.runner().by_function["long"] = [](const auto&) { return after(kMinute, ok()); };
  world.runner().by_function["down"] = [](const auto&) { return fail("down"); };
  ASSERT_TRUE(world.start());
  world.run();
  const int64_t started = world.now();
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.error->code, "circuit_open");
  EXPECT_EQ(world.step_state(id, "long"), "cancelled");
  EXPECT_EQ(world.now(), started) << "nobody waits for what nobody wants";
}

TEST(FailFast, AStepThatIsNotCancellableHasItsOwnTimeout) {
  World world;
  world.publish(
      R"("steps":[{"name":"bad","max_retries":0},{"name":"firm","cancellable":false,"timeout":"2m"}])");
  world.runner().by_function["bad"] = [](const auto&) { return fail("boom"); };
  world.runner().by_function["firm"] = [](const auto&) { return after(kMinute, ok()); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.step_state(id, "firm"), "completed");
  EXPECT_EQ(world.show(id).state.state, State::failed);
}

TEST(Continue, IndependentStepsGoOnAndTheFirstErrorIsTheError) {
  World world;
  world.publish(
      R"("failure_mode":"continue","steps":[{"name":"bad","max_retries":0},{"name":"worse","after":["fine"],"max_retries":0},
        {"name":"fine"},{"name":"later","after":["fine"]},{"name":"below","after":["bad"]}])");
  world.runner().by_function["bad"] = [](const auto&) { return after(kSecond, fail("first")); };
  world.runner().by_function["worse"] = [](const auto&) { return fail("second"); };
  world.runner().by_function["fine"] = [](const auto&) { return after(kMinute, ok(R"({"kept":1})")); };
  const ExecutionId id = world.start()->id;
  world.advance(2 * kSecond);
  EXPECT_EQ(world.step_state(id, "below"), "skipped(upstream_failed)");
  EXPECT_EQ(world.step_state(id, "fine"), "running");
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::failed);
  EXPECT_EQ(world.show(id).state.error->code, "first");
  EXPECT_EQ(world.step_state(id, "worse"), "failed") << "by itself, and not as one that was stopped";
  EXPECT_EQ(world.step_state(id, "fine"), "completed");
  EXPECT_EQ(world.step_state(id, "later"), "completed");
  EXPECT_EQ(world.context(id), R"({"kept":1})");
}

// What on_error tolerates or skips has not failed hard, and stops nobody.
TEST(FailFast, R2OnErrorOfAStepGoesFirst) {
  for (const std::string on_error : {"continue", "skip"}) {
    World world;
    world.publish(R"("steps":[{"name":"bad","max_retries":0,"on_error":")" + on_error +
                  R"("},{"name":"below","after":["bad"]},{"name":"long"}])");
    world.runner().by_function["bad"] = [](const auto&) { return after(kSecond, fail("boom")); };
    world.runner().by_function["long"] = [](const auto&) { return after(kMinute, ok()); };
    const ExecutionId id = world.start()->id;
    world.run();
    EXPECT_EQ(world.show(id).state.state, State::completed) << on_error;
    EXPECT_EQ(world.step_state(id, "below"), "completed") << on_error;
    EXPECT_EQ(world.step_state(id, "long"), "completed") << on_error;
  }
}

// ---- cancel ----

TEST(Cancel, R28EverythingThatIsNotOverIsCancelled) {
  World world;
  world.publish(R"("steps":[{"name":"a"},{"name":"b","after":["a"]}])");
  world.runner().by_function["a"] = [](const auto&) { return after(kMinute, ok()); };
  const ExecutionId id = world.start()->id;
  EXPECT_EQ(*world.cancel(id), State::stopping);
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::cancelled);
  EXPECT_EQ(world.step_state(id, "a"), "cancelled");
  EXPECT_EQ(world.step_state(id, "b"), "cancelled");
}

TEST(Cancel, R31IsRefusedWhereItIsNotLegalAndChangesNothing) {
  World world;
  world.publish(R"("steps":[{"name":"a"}])");
  const ExecutionId id = world.start()->id;
  world.run();
  const size_t before = world.published_commits();
  EXPECT_EQ(world.cancel(id).error().code, Code::invalid_transition);
  EXPECT_EQ(world.cancel(ExecutionId{12345}).error().code, Code::not_found);
  EXPECT_EQ(world.published_commits(), before);
}

TEST(Cancel, R29ThePartialResultIsKeptAndNotMerged) {
  World world;
  world.publish(R"("steps":[{"name":"a"}])");
  world.runner().by_function["a"] = [](const auto&) {
    Act act = after(kSecond, ok(R"({"half":1})"));
    act.outcome.kind = worker::Outcome::Kind::cancelled;
    act.ignores_cancel = true;
    return act;
  };
  const ExecutionId id = world.start()->id;
  (void)world.cancel(id);
  world.run();
  EXPECT_EQ(world.context(id), "{}");
  ASSERT_TRUE(world.show(id).state.steps[0].result);
}

TEST(Cancel, R29OutsideOfAStopCancelledIsAnError) {
  World world;
  world.publish(R"("steps":[{"name":"a","max_retries":0}])");
  world.runner().by_function["a"] = [](const auto&) {
    Act act = ok();
    act.outcome.kind = worker::Outcome::Kind::cancelled;
    return act;
  };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.error->code, "invalid_return");
}

// ---- concurrency, keys ----

TEST(Concurrency, R62StepConcurrencyBoundsAnExecution) {
  World world;
  std::string steps;
  for (int i = 0; i < 20; ++i)
    steps += std::string(i ? "," : "") + "{\"name\":\"s" + std::to_string(i) + "\"}";
  world.publish("\"step_concurrency\":4,\"steps\":[" + steps + "]");
  world.runner().script = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId id = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.runner().most_at_once, 4u);
}

TEST(Concurrency, TenantsTakeTurns) {
  World world;
  for (const char* tenant : {"big", "small"})
    world.releases.publish(
        tenant,
        R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w","steps":[{"name":"a"}]}]})");
  world.runner().limit = 1;
  world.runner().script = [](const auto&) { return after(kSecond, ok()); };
  for (int i = 0; i < 10; ++i) (void)world.start("{}", "", "w", "big");
  const ExecutionId small = world.start("{}", "", "w", "small")->id;
  world.run();
  size_t place = 0;
  while (world.runner().calls[place].execution != small) ++place;
  EXPECT_LE(place, 2u) << "not behind the ten of the other tenant";
}

TEST(StartKey, IsUniqueWithinATenant) {
  World world;
  world.publish(R"("steps":[{"name":"a"}])");
  const auto first = world.start(R"({"x":1})", "k");
  EXPECT_FALSE(first->existing);
  EXPECT_EQ(world.start(R"({"x":1})", "k")->id, first->id) << "while it is open";
  world.run();
  const auto again = world.start(R"({"x":1})", "k");
  EXPECT_EQ(again->id, first->id) << "when it is closed";
  EXPECT_TRUE(again->existing);
  EXPECT_EQ(world.start(R"({"x":2})", "k").error().code, Code::start_key_conflict);
  world.crash();
  EXPECT_EQ(world.start(R"({"x":1})", "k")->id, first->id) << "after a crash";

  world.releases.publish(
      "other",
      R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w","steps":[{"name":"a"}]}]})");
  world.runner().by_function["a"] = [](const auto&) { return after(kMinute, ok()); };
  ASSERT_TRUE(world.start("{}", "open"));
  for (const char* key : {"k", "open"}) {
    const auto foreign = world.start(R"({"x":2})", key, "w", "other");
    ASSERT_TRUE(foreign) << key;
    EXPECT_FALSE(foreign->existing) << "another tenant's key is another key: " << key;
  }
}

TEST(StartKey, IsForOneWorkflow) {
  World world;
  world.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
    {"name":"w","steps":[{"name":"a"}]},{"name":"v","steps":[{"name":"a"}]}]})");
  const auto first = world.start("{}", "k", "w");
  EXPECT_EQ(world.start("{}", "k", "p::w")->id, first->id);
  EXPECT_EQ(world.start("{}", "k", "v").error().code, Code::start_key_conflict);
}

TEST(Input, MayNotHoldReservedKeys) {
  World world;
  world.publish(R"("steps":[])");
  EXPECT_EQ(world.start(R"({"__error__":1})").error().code, Code::invalid_argument);
}

TEST(Limits, AResultThatIsTooMuchForTheExecutionIsAnErrorOfItsStep) {
  engine::Options options;
  options.execution_limit_bytes = 100;
  World world(options);
  world.publish(R"("steps":[{"name":"a"},{"name":"b","after":["a"]}])");
  world.runner().script = [](const auto& invocation) {
    return ok("{\"" + std::string(invocation.step_name) + "\":\"" + std::string(60, 'x') + "\"}");
  };
  const ExecutionId id = world.start()->id;
  world.settle();
  world.crash();
  world.run();
  EXPECT_EQ(world.step_state(id, "a"), "completed");
  EXPECT_EQ(world.show(id).state.error->code, "execution_too_large");
}

TEST(Recovery, LeavesAsideWhatItCannotReadAndTakesItUpLater) {
  World world;
  const auto release = world.publish(R"("steps":[{"name":"a"},{"name":"b","after":["a"]}])");
  world.runner().script = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId lost = world.start()->id;
  world.releases.unreadable = release;
  world.crash();
  ASSERT_EQ(world.engine().damaged_executions().size(), 1u);
  world.publish(R"("description":"two","steps":[{"name":"a"}])");
  const ExecutionId other = world.start()->id;
  world.run();
  EXPECT_EQ(world.show(other).state.state, State::completed) << "the host serves everybody else";
  world.releases.unreadable = nullptr;
  world.crash();
  world.run();
  EXPECT_EQ(world.show(lost).state.state, State::completed);
}

// ---- hot swap ----

TEST(Swap, RunningExecutionsStayOnTheReleaseThatTheyPinned) {
  World world;
  const auto v1 = world.publish(R"("description":"one","steps":[{"name":"a"},{"name":"b","after":["a"]}])");
  world.runner().script = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId first = world.start()->id;
  const auto v2 = world.publish(R"("description":"two","steps":[{"name":"only"}])");
  const ExecutionId second = world.start()->id;
  world.crash();
  world.run();
  EXPECT_EQ(world.show(first).state.origin->pins, std::vector<Digest>{v1->digest});
  EXPECT_EQ(world.show(second).state.origin->pins, std::vector<Digest>{v2->digest});
  EXPECT_EQ(world.step_state(first, "b"), "completed");
  EXPECT_EQ(world.runner().retired, std::vector<registry::ReleasePtr>{v1}) << "when nothing pins it any more";
}

// ---- crash ----

TEST(Crash, S17TheStepInFlightRunsAgainAndIsNotBlamed) {
  World world;
  world.publish(R"("steps":[{"name":"a"},{"name":"b","after":["a"],"max_retries":0}])");
  world.runner().by_function["b"] = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId id = world.start()->id;
  world.settle();
  world.crash();
  world.run();
  const auto view = world.show(id);
  EXPECT_EQ(view.state.state, State::completed);
  EXPECT_EQ(view.state.steps[0].invocations, 1u) << "completed steps are not run again";
  EXPECT_EQ(view.state.steps[1].invocations, 2u);
  EXPECT_EQ(view.state.steps[1].extra->interruptions, 1u);
  EXPECT_EQ(view.state.steps[1].failures, 0u);
}

TEST(Crash, AnOutcomeOfBeforeTheCrashCannotCommit) {
  World world;
  world.publish(R"("steps":[{"name":"a"}])");
  world.runner().by_function["a"] = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId id = world.start()->id;
  const uint64_t old_token = world.runner().calls.back().id;
  world.crash();
  EXPECT_NE(world.show(id).state.steps[0].invocation, old_token);
}

}  // namespace
}  // namespace pirn::sim
