// apply() against the tables of semantics 2.5 and 2.6.
#include "host/journal/state.h"
#include "host/journal/invocation.h"

#include <gtest/gtest.h>

#include <set>

namespace pirn::journal {
namespace {

constexpr StepState kStates[] = {StepState::pending,  StepState::asking,     StepState::ready,
                                 StepState::running,  StepState::retry_wait, StepState::snoozed,
                                 StepState::awaiting, StepState::completed,  StepState::failed,
                                 StepState::skipped,  StepState::cancelled};

ExecutionState created(uint32_t n_steps = 2) {
  ExecutionState state;
  Created record;
  record.origin = make_origin({.tenant = "t"});
  record.n_steps = n_steps;
  record.wake_at = 7;
  apply(state, std::move(record), 100);
  return state;
}
ExecutionState running(StepState first = StepState::pending) {
  ExecutionState state = created();
  apply(state, Begun{1, 5'000}, 101);
  state.steps[0].state = first;
  return state;
}

const ErrorPtr kError = std::make_shared<const StepError>(StepError{"code", "words"});

struct Case {
  const char* name;
  Record record;
  std::set<StepState> from;  // where it is legal
  StepState to;              // what it leaves
};
const std::set<StepState> kOpen = {StepState::pending, StepState::asking,     StepState::ready,
                                   StepState::running, StepState::retry_wait, StepState::snoozed,
                                   StepState::awaiting};
const AwaitPtr kAwait = std::make_shared<const Await>(Await{"approval", {"ada"}, "", "", kNever});

std::vector<Case> cases() {
  using S = StepState;
  return {
      {"step.ready", StepReady{0}, {S::pending, S::retry_wait, S::snoozed, S::awaiting}, S::ready},
      {"step.start", StepStarted{0, 1, 9}, {S::ready}, S::running},
      {"step.stop", StepCompleted{0, nullptr, 1}, {S::running, S::awaiting}, S::completed},
      {"step.skip", StepSkipped{0, SkipKind::requested, "r"}, kOpen, S::skipped},
      {"step.exception fail",
       StepFailed{0, kError, AfterFailure::fail, 1},
       {S::ready, S::running, S::awaiting},
       S::failed},
      {"step.exception tolerate",
       StepFailed{0, kError, AfterFailure::tolerate, 1},
       {S::ready, S::running, S::awaiting},
       S::failed},
      {"step.exception retry",
       StepFailed{0, kError, AfterFailure::retry, 1},
       {S::ready, S::running, S::awaiting},
       S::retry_wait},
      {"step.exception fallback",
       StepFailed{0, kError, AfterFailure::fallback, 1},
       {S::ready, S::running, S::awaiting},
       S::retry_wait},
      {"step.exception ask",
       StepFailed{0, kError, AfterFailure::ask, 1},
       {S::ready, S::running, S::awaiting},
       S::retry_wait},
      {"step.settle fail", StepSettled{0, AfterFailure::fail}, {S::retry_wait, S::awaiting}, S::failed},
      {"step.settle tolerate",
       StepSettled{0, AfterFailure::tolerate},
       {S::retry_wait, S::awaiting},
       S::failed},
      {"step.settle retry", StepSettled{0, AfterFailure::retry}, {S::retry_wait, S::awaiting}, S::retry_wait},
      {"step.retry", StepRetry{0, 5, 500}, {S::retry_wait}, S::retry_wait},
      {"step.snooze", StepSnoozed{0, 5, 500, 1}, {S::running}, S::snoozed},
      {"step.await", StepAwaiting{0, kAwait, 1}, {S::running, S::retry_wait}, S::awaiting},
      {"step.adopt", StepAdopted{0, nullptr}, {S::pending}, S::completed},
      {"step.cancel", StepCancelled{0, "r", nullptr}, kOpen, S::cancelled},
      {"step.interrupt", StepInterrupted{0, false}, {S::running}, S::ready},
      {"step.ask",
       StepAsked{0, Kind::condition, 9},
       {S::pending, S::asking, S::retry_wait, S::awaiting},
       S::asking},
      {"step.answer", StepAnswered{0, Kind::condition, true, 0, nullptr}, {S::asking}, S::pending},
  };
}

TEST(State, EachRecordLeavesWhatTheTableSays) {
  for (const Case& c : cases()) {
    for (const StepState from : c.from) {
      SCOPED_TRACE(std::string(c.name) + " from " + std::string(name_of(from)));
      ExecutionState state = running(from);
      const uint64_t seq = state.next_seq;
      apply(state, Record(c.record), 200);
      EXPECT_EQ(name_of(state.steps[0].state), name_of(c.to));
      EXPECT_EQ(state.next_seq, seq + 1);
      EXPECT_EQ(state.steps[1].state, StepState::pending) << "no other step is touched";
      if (terminal(c.to)) {
        EXPECT_EQ(state.steps[0].ended_at, 200);
        EXPECT_EQ(state.steps[0].ended_seq, seq) << "the commit order";
        EXPECT_EQ(state.steps[0].invocation, 0u);
      }
    }
  }
}

TEST(StateDeathTest, AnyOtherTransitionIsABug) {
  GTEST_FLAG_SET(death_test_style, "fast");
  for (const Case& c : cases()) {
    for (const StepState from : kStates) {
      if (c.from.contains(from)) continue;
      SCOPED_TRACE(std::string(c.name) + " from " + std::string(name_of(from)));
      ExecutionState state = running(from);
      EXPECT_DEATH(apply(state, Record(c.record), 200), "");
    }
  }
}

TEST(Replay, SaysOfEachTransitionWhatApplyWouldDo) {
  for (const Case& c : cases()) {
    for (const StepState from : kStates) {
      SCOPED_TRACE(std::string(c.name) + " from " + std::string(name_of(from)));
      ExecutionState state = running(from);
      EXPECT_EQ(replay(state, Record(c.record), 200), c.from.contains(from));
    }
  }
}

TEST(Replay, RefusesWhatNamesAStepThatIsNotThere) {
  const std::vector<Record> nowhere = {
      StepReady{2},
      StepReady{kNoStep},
      StepReady{1, 0, {2}},
      StepAsked{1, Kind::condition, 9, 0, {2}},
      Stopping{StopCause::fail, kError, 2},
      Failed{kError, 2},
      Diagnostic{"c", "m", 2},
      Emitted{2, "scope", "message", ""},
      HandlerStarted{HandlerEvent::on_step_error, 9, 2, ""},
      Paused{2, ""},
      Resumed{2, {}, ""},
      CircuitRejected{2, "breaker"},
  };
  for (size_t i = 0; i < nowhere.size(); ++i) {
    SCOPED_TRACE(i);
    ExecutionState state = running();
    EXPECT_FALSE(replay(state, Record(nowhere[i]), 200));
  }
}

TEST(Replay, TheFirstEventCreatesAndNoOtherDoes) {
  Created record;
  record.origin = make_origin({.tenant = "t"});
  ExecutionState state;
  EXPECT_FALSE(replay(state, Begun{1, 5'000}, 100));
  state = {};
  record.n_steps = UINT32_MAX;
  EXPECT_FALSE(replay(state, Record(record), 100)) << "no disk makes the host allocate that";
  state = created();
  record.n_steps = 2;
  EXPECT_FALSE(replay(state, Record(record), 100));
}

TEST(StateDeathTest, AnEndedExecutionNeverChanges) {
  for (const FinalState final_state : {FinalState::completed, FinalState::failed, FinalState::cancelled}) {
    ExecutionState state = running();
    apply(state, Stopped{final_state, 1, 0}, 300);
    EXPECT_TRUE(terminal(state.state));
    EXPECT_EQ(name_of(state.state), name_of(final_state));
    EXPECT_EQ(state.ended_at, 300);
    EXPECT_DEATH(apply(state, StepReady{0}, 301), "");
    EXPECT_DEATH(apply(state, Diagnostic{"c", "m"}, 301), "");
    EXPECT_DEATH(apply(state, Stopped{final_state, 1, 0}, 301), "");
  }
}

TEST(StateDeathTest, NothingStartsOutsideOfARun) {
  ExecutionState pending = created();
  pending.steps[0].state = StepState::ready;
  EXPECT_DEATH(apply(pending, StepStarted{0, 1, 9}, 200), "");
  ExecutionState stopping = running(StepState::ready);
  apply(stopping, Stopping{StopCause::cancel}, 200);
  EXPECT_DEATH(apply(stopping, StepStarted{0, 1, 9}, 201), "");
  EXPECT_DEATH(apply(stopping, Begun{2, 1}, 201), "");
  EXPECT_DEATH(apply(stopping, Stopping{StopCause::fail}, 201), "") << "a stop has one cause";
  ExecutionState state = running();
  EXPECT_DEATH(apply(state, StepReady{2}, 200), "") << "there are two steps";
}

TEST(State, AnAttemptIsCountedByFailuresAlone) {
  ExecutionState state = running(StepState::ready);
  apply(state, StepStarted{0, 1, 11}, 200);
  apply(state, StepInterrupted{0, true}, 210);
  apply(state, StepStarted{0, 1, 12}, 220);
  EXPECT_EQ(state.steps[0].invocation, 12u);
  apply(state, StepFailed{0, kError, AfterFailure::retry, 1}, 230);
  apply(state, StepRetry{0, 70, 300}, 230);
  EXPECT_EQ(state.steps[0].wake_at, 300);
  EXPECT_EQ(state.steps[0].invocation, 0u);
  const Step& step = state.steps[0];
  EXPECT_EQ(step.failures, 1u);
  EXPECT_EQ(step.invocations, 2u);
  EXPECT_EQ(step.extra->interruptions, 1u);
  EXPECT_EQ(step.extra->crashes, 1u);
  EXPECT_EQ(step.started_at, 200) << "of the first invocation";
  EXPECT_EQ(step.invoked_at, 220) << "of the last";
  EXPECT_EQ(step.error, kError);
  apply(state, StepReady{0}, 300);
  EXPECT_EQ(state.steps[0].wake_at, 0);
  apply(state, StepStarted{0, 2, 13}, 300);
  apply(state, StepCompleted{0, nullptr, 5}, 305);
  EXPECT_EQ(state.steps[0].error, nullptr) << "what succeeded in the end has no error";
}

TEST(State, TheFirstHardFailureIsTheError) {
  ExecutionState state = running(StepState::running);
  state.steps[1].state = StepState::running;
  const auto second = std::make_shared<const StepError>(StepError{"second", ""});
  apply(state, StepFailed{1, kError, AfterFailure::fail, 1}, 200);
  apply(state, StepFailed{0, second, AfterFailure::fail, 1}, 201);
  EXPECT_EQ(state.error, kError);
  EXPECT_EQ(state.error_step, 1u);
}

TEST(State, AToleratedFailureIsNoError) {
  ExecutionState state = running(StepState::running);
  apply(state, StepFailed{0, kError, AfterFailure::tolerate, 1}, 200);
  EXPECT_EQ(state.error, nullptr);
  EXPECT_EQ(state.tolerated_failures, 1u);
  EXPECT_TRUE(state.steps[0].tolerated);
}

TEST(State, AFailureThatSkipsEndsWithTheSkip) {
  ExecutionState state = running(StepState::running);
  apply(state, StepFailed{0, kError, AfterFailure::skip, 1}, 200);
  EXPECT_FALSE(terminal(state.steps[0].state));
  apply(state, StepSkipped{0, SkipKind::on_error, ""}, 200);
  EXPECT_EQ(state.steps[0].dependency_class(), StepClass::soft);
  EXPECT_EQ(state.steps[0].failures, 1u);
}

TEST(State, APartialResultStaysInItsSlot) {
  ExecutionState state = running(StepState::running);
  const auto partial = std::make_shared<const StepResult>();
  apply(state, StepCancelled{0, "asked", partial}, 200);
  EXPECT_EQ(state.steps[0].result, partial);
  EXPECT_EQ(state.steps[0].extra->reason, "asked");
}

TEST(State, StoppingKeepsItsCauseAndItsLimit) {
  ExecutionState state = running();
  apply(state, Stopping{StopCause::fail, kError, 1, "", true, false, 900}, 200);
  EXPECT_EQ(state.state, State::stopping);
  EXPECT_EQ(state.cause, StopCause::fail);
  EXPECT_EQ(state.error, kError);
  EXPECT_EQ(state.error_step, 1u);
  EXPECT_EQ(state.grace_until, 900);
  EXPECT_TRUE(state.rollback);
  EXPECT_FALSE(state.cleanup);
  ExecutionState cancelled = running();
  apply(cancelled, Stopping{StopCause::cancel, nullptr, kNoStep, "why"}, 200);
  EXPECT_EQ(cancelled.reason, "why");
  EXPECT_EQ(cancelled.error, nullptr);
}

TEST(State, APatientExecutionWaitsUntilItsTime) {
  ExecutionState state = created();
  EXPECT_EQ(state.state, State::pending);
  EXPECT_EQ(state.wake_at, 7);
  EXPECT_EQ(state.created_at, 100);
  apply(state, Begun{1, 5'000}, 101);
  EXPECT_EQ(state.wake_at, 0);
  EXPECT_EQ(state.started_at, 101);
  EXPECT_EQ(state.deadline, 5'000);
}

TEST(State, AShiftMovesWhatIsPendingInEngineTimeAndNothingElse) {
  ExecutionState state = created();
  EXPECT_TRUE(has_instants_ahead(state));
  apply(state, ClockShifted{1'000}, 100);
  EXPECT_EQ(state.wake_at, 1'007);
  EXPECT_EQ(state.created_at, 100) << "what has been stays as it was";
  state.wakes_by_wall_clock = true;
  EXPECT_FALSE(has_instants_ahead(state));
  apply(state, ClockShifted{1'000}, 100);
  EXPECT_EQ(state.wake_at, 1'007) << "an instant of the wall clock";

  ExecutionState begun = running();
  const int64_t started_at = begun.started_at;
  begun.deadline = 5'000;
  begun.steps[0].state = StepState::snoozed;
  begun.steps[0].wake_at = 300;
  begun.steps[1].state = StepState::awaiting;
  Await await;
  await.deadline = 400;
  begun.steps[1].extra.edit().await = std::make_shared<const Await>(await);
  apply(begun, ClockShifted{-50}, 200);
  EXPECT_EQ(begun.deadline, 4'950);
  EXPECT_EQ(begun.steps[0].wake_at, 250);
  EXPECT_EQ(begun.steps[1].extra->await->deadline, 350);
  EXPECT_EQ(begun.started_at, started_at);
  begun.steps[1].state = StepState::running;
  begun.steps[1].invoked_at = 190;
  apply(begun, ClockShifted{10}, 200);
  EXPECT_EQ(begun.steps[1].invoked_at, 200);
  EXPECT_FALSE(replay(begun, ClockShifted{INT64_MAX}, 200)) << "no clock is set so far";
}

// Semantics 2.3, the only thing that dependents look at.
TEST(State, ClassesOfSteps) {
  const auto class_of = [](StepState state, SkipKind kind = SkipKind::none, bool tolerated = false) {
    Step step;
    step.state = state;
    step.skip_kind = kind;
    step.tolerated = tolerated;
    return step.dependency_class();
  };
  for (const StepState state : kOpen) EXPECT_EQ(class_of(state), StepClass::open) << name_of(state);
  EXPECT_EQ(class_of(StepState::completed), StepClass::ok);
  EXPECT_EQ(class_of(StepState::failed), StepClass::bad);
  EXPECT_EQ(class_of(StepState::failed, SkipKind::none, true), StepClass::soft);
  EXPECT_EQ(class_of(StepState::cancelled), StepClass::bad);
  for (const SkipKind kind : {SkipKind::requested, SkipKind::on_error, SkipKind::recovery})
    EXPECT_EQ(class_of(StepState::skipped, kind), StepClass::soft) << name_of(kind);
  for (const SkipKind kind : {SkipKind::condition, SkipKind::not_taken})
    EXPECT_EQ(class_of(StepState::skipped, kind), StepClass::untaken) << name_of(kind);
  for (const SkipKind kind : {SkipKind::upstream_failed, SkipKind::aborted})
    EXPECT_EQ(class_of(StepState::skipped, kind), StepClass::bad) << name_of(kind);
}

GraftExpanded expanded(std::vector<Child> children) {
  return {0, std::make_shared<const std::vector<Child>>(std::move(children))};
}

TEST(State, ChildrenStandBehindTheDeclaredSteps) {
  ExecutionState state = running(StepState::running);
  apply(state, expanded({{0, 0, "a", "t", "", ""}, {0, 1, "b", "t", "", ""}}), 200);
  EXPECT_EQ(state.steps.size(), 4u);
  EXPECT_EQ(state.n_declared(), 2u);
  EXPECT_EQ(state.expansions.at(0)->at(1).name, "b");
  EXPECT_EQ(state.steps[3].state, StepState::pending);
}

TEST(State, AStepCarriesThePatchItWasCommittedUnder) {
  ExecutionState state = running(StepState::running);
  apply(state, Paused{}, 200);
  EXPECT_TRUE(state.paused);
  Delta patch;
  patch.put("k", Value::of_integer(1));
  apply(state, Resumed{kNoStep, patch, "ada"}, 210);
  EXPECT_FALSE(state.paused);
  ASSERT_EQ(state.patches.size(), 1u);
  apply(state, StepCompleted{0, nullptr, 1}, 220);
  EXPECT_EQ(state.steps[0].extra->patch, 1u);
  apply(state, Paused{1, "waits"}, 230);
  EXPECT_FALSE(state.paused) << "one step that waits is no manual pause";
}

TEST(State, ARollbackIsTriedAgainOrGivenUp) {
  ExecutionState state = running(StepState::running);
  apply(state, StepCompleted{0, nullptr, 1}, 200);
  apply(state, Stopping{StopCause::fail, kError, 1}, 210);
  apply(state, Compensating{1}, 210);
  apply(state, RollbackStarted{0, 1, 77}, 210);
  EXPECT_EQ(state.steps[0].compensation, Compensation::running);
  EXPECT_EQ(state.steps[0].state, StepState::completed) << "terminal states never change";
  apply(state, RollbackFailed{0, kError, 500, 1}, 220);
  EXPECT_EQ(state.steps[0].compensation, Compensation::pending);
  EXPECT_EQ(state.steps[0].wake_at, 500);
  apply(state, RollbackStarted{0, 2, 78}, 500);
  apply(state, RollbackFailed{0, kError, kNever, 1}, 510);
  EXPECT_EQ(state.steps[0].compensation, Compensation::failed);
  EXPECT_EQ(state.steps[0].extra->rollback_failures, 2u);
  EXPECT_EQ(state.steps[0].extra->rollback_error->code, "code");
}

TEST(State, ANewAttemptBeginsFromTheInput) {
  ExecutionState state = running(StepState::running);
  apply(state, expanded({{0, 0, "a", "t", "", ""}}), 200);
  apply(state, StepCompleted{0, nullptr, 1}, 200);
  apply(state, Paused{}, 200);
  Delta patch;
  patch.put("k", Value::of_integer(1));
  apply(state, Resumed{kNoStep, patch, "ada"}, 200);
  apply(state, Stopping{StopCause::fail, kError, 1}, 210);
  apply(state, WorkflowRetry{2, kError, 1, 50, 260}, 210);
  EXPECT_EQ(state.state, State::pending);
  EXPECT_EQ(state.wake_at, 260);
  EXPECT_EQ(state.steps.size(), 2u);
  EXPECT_EQ(state.steps[0].state, StepState::pending);
  EXPECT_EQ(state.error, nullptr);
  EXPECT_TRUE(state.patches.empty());
  const int64_t first_start = state.started_at;
  apply(state, Begun{2, 5'000}, 260);
  EXPECT_EQ(state.attempt, 2u);
  EXPECT_EQ(state.started_at, first_start) << "a timeout counts from the first start (R21)";
}

TEST(State, AHandlerIsOpenUntilItAnswers) {
  ExecutionState state = running();
  const uint64_t lost = first_invocation(1), again = first_invocation(2);
  apply(state, HandlerStarted{HandlerEvent::on_step_error, lost, 0, "{}"}, 200);
  apply(state, HandlerStarted{HandlerEvent::on_step_error, again, 0, "{}"}, 300);
  ASSERT_EQ(state.handlers.size(), 1u) << "started again after a crash";
  EXPECT_EQ(state.handlers[0].invocation, again);
  apply(state, HandlerStarted{HandlerEvent::on_step_error, again + 1, 0, "{}"}, 305);
  EXPECT_EQ(state.handlers.size(), 2u) << "of another attempt: in one life of the host nothing starts again";
  apply(state, HandlerDone{again + 1, nullptr}, 306);
  apply(state, HandlerDone{lost, nullptr}, 310);
  EXPECT_EQ(state.handlers.size(), 1u) << "the lost one says nothing any more";
  apply(state, HandlerDone{again, kError}, 320);
  EXPECT_TRUE(state.handlers.empty());
}

TEST(State, WhatFollowsAFailureMayBeSettledLater) {
  ExecutionState state = running(StepState::running);
  apply(state, StepFailed{0, kError, AfterFailure::ask, 1}, 200);
  apply(state, StepAsked{0, Kind::condition, 9, 2}, 200);
  EXPECT_EQ(state.steps[0].extra->rule, 2u);
  apply(state, StepAnswered{0, Kind::condition, true, 0, nullptr}, 210);
  EXPECT_EQ(state.steps[0].state, StepState::retry_wait) << "where it was before the question";
  apply(state, StepSettled{0, AfterFailure::fallback}, 210);
  EXPECT_TRUE(state.steps[0].fallback_used);
  apply(state, StepCompleted{0, nullptr, 0}, 210);
  EXPECT_EQ(state.steps[0].state, StepState::completed);
  EXPECT_EQ(state.steps[0].failures, 1u) << "counted once";
}

TEST(State, CountsWhatHasEnded) {
  ExecutionState state = running(StepState::running);
  EXPECT_EQ(state.n_terminal(), 0u);
  apply(state, StepCompleted{0, nullptr, 1}, 200);
  apply(state, StepSkipped{1, SkipKind::not_taken, ""}, 200);
  EXPECT_EQ(state.n_terminal(), 2u);
}

}  // namespace
}  // namespace pirn::journal
