// What comes after the last step: completed steps are compensated, newest first (R24 to R26), the workflow
// tries again (R22) or its last handler runs, and the end is recorded (E11, E12, F1 to F3).
#include "host/engine/execution.h"
#include "host/engine/invocation_input.h"

#include <algorithm>

#include "host/engine/dead_letters.h"
#include "host/engine/retry.h"
#include "host/journal/codec.h"

namespace pirn::engine {

using journal::Compensation;
using journal::FinalState;
using journal::HandlerEvent;
using journal::State;
using journal::Step;
using journal::StepState;
using journal::StopCause;
using worker::Kind;
using worker::Outcome;

// ---- compensation ----

bool Execution::to_compensate() const {
  if (state_.cause == StopCause::cancel) return state_.rollback;
  switch (plan_->workflow().compensate) {
    case definition::Compensate::always:
      return true;
    case definition::Compensate::never:
      return false;
    default:
      return plan_->workflow().failure_mode == definition::FailureMode::fail_fast;
  }
}

void Execution::compensate(Decision& decision) {
  if (to_compensate()) rollbacks_.edit() = Rollbacks(plan_, state_.steps);
  if (rollbacks_->empty()) return conclude(decision);
  const std::vector<uint32_t> steps = rollbacks_->in_order();
  journal::Compensating record{static_cast<uint32_t>(steps.size()), state_.origin->workflow, id(), {}};
  for (const uint32_t step : steps) record.steps.push_back(names()[step]);
  emit(decision, std::move(record));
  next_rollback(decision);
}

void Execution::next_rollback(Decision& decision) {
  if (rollbacks_->empty()) return conclude(decision);
  const uint32_t step = rollbacks_->next();
  const Step& current = state_.steps[step];
  if (current.compensation != Compensation::pending || current.wake_at <= decision.now)
    return start_rollback(decision, step);
  local_[step].timer = decision.timers.add(current.wake_at, {this, Timer::What::rollback, step});
}

// After a crash: the one that was under way runs again, unless it took the host with it, which is a failure.
void Execution::resume_rollbacks(Decision& decision) {
  rollbacks_.edit() = Rollbacks(plan_, state_.steps);
  if (!rollbacks_->empty()) {
    const uint32_t step = rollbacks_->next();
    const Step& current = state_.steps[step];
    if (current.compensation == Compensation::running && decision.killed_host(current.invocation))
      return on_rollback_outcome(decision, step, crashed(decision.cause_of(current.invocation)));
  }
  next_rollback(decision);
}

void Execution::start_rollback(Decision& decision, uint32_t step) {
  const definition::Step& of_step = plan_->step(step);
  if (of_step.rollback.empty()) return roll_back_child(decision, step);
  worker::Invocation call = invocation(decision, Kind::rollback, step, of_step.rollback);
  call.attempt = state_.steps[step].extra->rollback_failures + 1;
  call.deadline = later(decision.now, of_step.timeout_ns);
  call.context = concluding_context();
  call.input = rollback_input(state_.steps[step].result.get(),
                              state_.cause == StopCause::fail ? state_.error.get() : nullptr);
  emit(decision, journal::RollbackStarted{step, call.attempt, call.id, {}, state_.origin->workflow, id()});
  if (call.deadline != journal::kNever)
    local_[step].timer = decision.timers.add(call.deadline, {this, Timer::What::rollback, step});
  decision.change.invocations.push_back(std::move(call));
}

// R25, R61: anything but done is a failure. It is retried by the step's policy, then the others go on.
void Execution::on_rollback_outcome(Decision& decision, uint32_t step, const Outcome& outcome) {
  decision.timers.remove(local_[step].timer);
  const int64_t duration = decision.now - state_.steps[step].invoked_at;
  const std::string& workflow = state_.origin->workflow;
  if (outcome.kind == Outcome::Kind::done) {
    emit(decision, journal::RollbackDone{step, duration, workflow, id()});
  } else {
    const journal::ErrorPtr error = outcome.kind == Outcome::Kind::failed
                                        ? outcome.error
                                        : make_error("invalid_return", "a rollback answers DONE or FAILED");
    const definition::RetryPolicy& policy = plan_->step(step).retry;
    const uint32_t failures = state_.steps[step].extra->rollback_failures + 1;
    if (retry_allowed(policy, *error, failures)) {
      // A backoff function is asked about steps only: a rollback waits for the delay that it would start
      // from.
      const int64_t delay =
          jittered_delay(policy, raw_delay(policy, failures), id(), plan_->name(step), failures);
      emit(decision,
           journal::RollbackFailed{step, error, later(decision.now, delay), duration, workflow, id()});
      return next_rollback(decision);
    }
    emit(decision, journal::RollbackFailed{step, error, journal::kNever, duration, workflow, id()});
  }
  rollbacks_.edit().end_next();
  next_rollback(decision);
}

// Its time is up, or the wait before its next try is over.
void Execution::on_rollback_due(Decision& decision, uint32_t step) {
  const Step& current = state_.steps[step];
  if (current.compensation == Compensation::pending) return start_rollback(decision, step);
  decision.change.signals.push_back({current.invocation, worker::Runner::Signal::cancel});
  decision.change.signals.push_back({current.invocation, worker::Runner::Signal::abandon});
  Outcome outcome;
  outcome.kind = Outcome::Kind::failed;
  outcome.error = make_error("timeout", "the rollback did not finish within the step's timeout of " +
                                            definition::print_duration(plan_->step(step).timeout_ns));
  on_rollback_outcome(decision, step, outcome);
}

// ---- the end ----

FinalState Execution::final_state() const {
  if (state_.state == State::running) return FinalState::completed;
  return state_.cause == StopCause::fail ? FinalState::failed : FinalState::cancelled;
}

// Everything is over but the workflow's own last word.
void Execution::conclude(Decision& decision) {
  start_timers(decision).remove(start_timer_);
  decision.timers.remove(deadline_timer_);
  decision.timers.remove(grace_timer_);
  const definition::Handlers& handlers = plan_->workflow().handlers;
  const FinalState final = final_state();
  if (final == FinalState::failed && try_workflow_again(decision)) return;
  concluding_ = true;
  if (final == FinalState::completed && !handlers.on_success.empty())
    return start_conclusion(decision, HandlerEvent::on_success);
  if (final == FinalState::failed && !handlers.on_failure.empty())
    return start_conclusion(decision, HandlerEvent::on_failure);
  if (final == FinalState::cancelled && state_.cleanup && !handlers.on_cancel.empty())
    return start_conclusion(decision, HandlerEvent::on_cancel);
  finalise(decision);
}

void Execution::start_conclusion(Decision& decision, HandlerEvent handler) {
  start_handler(decision, handler, journal::kNoStep, conclusion_input(handler, state_, names()));
}

// F2, F3.
void Execution::finalise(Decision& decision) {
  const FinalState final = final_state();
  if (final == FinalState::failed) {
    leave_dead_letter(decision);
    emit(decision, journal::Failed{state_.error, state_.error_step});
  }
  const int64_t duration = state_.started_at ? decision.now - state_.started_at : 0;
  emit(decision, journal::Stopped{final, duration, state_.tolerated_failures});
  decision.change.drafts[draft_].last = true;
  if (state_.parent) decision.change.ended_children.push_back(this);
}

// R34. A nested execution leaves none: its failure is its parent's to deal with.
void Execution::leave_dead_letter(Decision& decision) {
  const definition::Workflow& workflow = plan_->workflow();
  if (!workflow.dead_letter || state_.parent) return;
  const journal::Origin& origin = *state_.origin;
  journal::DeadLetter letter{origin.package,
                             origin.version,
                             origin.workflow,
                             "",
                             "",
                             state_.attempt,
                             decision.now,
                             later(decision.now, workflow.dead_letter_ttl_ns)};
  if (state_.error) letter.code = state_.error->code;
  if (state_.error_step != journal::kNoStep) letter.step = names()[state_.error_step];
  emit(decision, journal::DeadLettered{letter.expires_at});
  decision.dead_letters.insert(origin.tenant, id(), std::move(letter), decision.now);
}

// F1: all steps are reset, patches are dropped, the deadline stays.
bool Execution::try_workflow_again(Decision& decision) {
  const definition::RetryPolicy& policy = plan_->workflow().retry;
  if (!retry_allowed(policy, *state_.error, state_.attempt)) return false;
  const int64_t delay = jittered_delay(policy, raw_delay(policy, state_.attempt), id(), "", state_.attempt);
  const int64_t wake_at = later(decision.now, delay);
  emit(decision, journal::WorkflowRetry{state_.attempt + 1, state_.error, state_.error_step, delay, wake_at});
  begin_anew();
  if (state_.deadline != journal::kNever)
    deadline_timer_ = decision.timers.add(state_.deadline, {this, Timer::What::workflow_deadline, 0});
  start_timer_ = decision.timers.add(wake_at, {this, Timer::What::start, 0});
  if (state_.parent) decision.change.attempts.push_back(this);
  return true;
}

}  // namespace pirn::engine
