// What came back: outcomes of invocations, answers of consultations, timers.
#include "host/engine/execution.h"

#include <cassert>

#include "host/engine/retry.h"
#include "host/journal/codec.h"

namespace pirn::engine {

using journal::AfterFailure;
using journal::SkipKind;
using journal::State;
using journal::Step;
using journal::StepState;
using journal::Stopping;
using scheduler::kNoTimer;
using worker::Kind;
using worker::Outcome;

// ---- outcomes ----

void Execution::on_completion(Decision& decision, worker::Completion& completion) {
  open_commit();
  if (completion.kind == Kind::hook) {
    if (completion.invocation == hook_running_) on_hook_done(decision, &completion.outcome);
    return;
  }
  if (ended()) return;
  const uint32_t step = completion.step;
  assert(step < plan_->n_steps());
  if (state_.steps[step].invocation != completion.invocation) {
    emit(decision,
         journal::Diagnostic{"stale_result", "the outcome of a fenced invocation was discarded", step});
    return;
  }
  if (state_.steps[step].state == StepState::asking) return on_answer(decision, step, completion.outcome);
  left_running(decision, step);
  record_emissions(decision, completion.outcome);
  if (state_.state == State::stopping)
    on_drained(decision, step, completion.outcome);
  else
    on_task_outcome(decision, step, completion.outcome);
}

void Execution::left_running(Decision& decision, uint32_t step) {
  --n_running_;
  decision.timers.remove(local_[step].timer);
}

void Execution::record_emissions(Decision& decision, Outcome& outcome) {
  for (journal::Emitted& emitted : outcome.emitted) emit(decision, std::move(emitted));
  for (journal::Diagnostic& diagnostic : outcome.diagnostics) emit(decision, std::move(diagnostic));
}

void Execution::on_task_outcome(Decision& decision, uint32_t step, Outcome& outcome) {
  using journal::ErrorClass;
  switch (outcome.kind) {
    case Outcome::Kind::done:
      return complete(decision, step, std::move(outcome.result));
    case Outcome::Kind::failed:
      return fail_step(decision, step, std::move(outcome.error));
    case Outcome::Kind::skip:
      skip(decision, step, SkipKind::requested, std::move(outcome.reason));
      settle(decision);
      return finish_if_done(decision);
    case Outcome::Kind::cancelled:  // R29: outside a stop it is an error
      return fail_step(
          decision, step,
          make_error("invalid_return", "the task returned CANCELLED although nothing was being cancelled"));
    case Outcome::Kind::snooze:
    case Outcome::Kind::await:
    case Outcome::Kind::expand:
      return fail_step(
          decision, step,
          make_error("unsupported", "the outcomes SNOOZE, AWAIT and EXPAND are not enforced by this version",
                     ErrorClass::terminal));
  }
}

// S21: a step that finishes while the workflow stops.
void Execution::on_drained(Decision& decision, uint32_t step, Outcome& outcome) {
  if (outcome.kind == Outcome::Kind::done) return complete(decision, step, std::move(outcome.result));
  const std::string reason = outcome.kind == Outcome::Kind::failed
                                 ? outcome.error->code + ": " + outcome.error->message
                                 : outcome.reason;
  const bool partial = outcome.kind == Outcome::Kind::cancelled;
  emit(decision, journal::StepCancelled{step, reason, partial ? std::move(outcome.result) : nullptr});
  hook(decision, step, &definition::Hooks::on_failure);
  hook(decision, step, &definition::Hooks::on_finish);
  ended_step(decision, step);
  worklist_.clear();
  finish_if_done(decision);
}

// S7.
void Execution::complete(Decision& decision, uint32_t step, journal::ResultPtr result) {
  if (result && result->is_map && result->map.empty()) result = nullptr;
  if (result) {
    const size_t bytes = journal::size_bytes(*result);
    if (stored_bytes_ + bytes > decision.execution_limit_bytes) return refuse_result(decision, step, bytes);
    stored_bytes_ += bytes;
  }
  frame_->set(step, result);
  if (result) {
    const journal::Delta delta = context_delta(step, *result);
    note_conflicts(decision, step, delta);
    local_[step].after = local_[step].after.with(delta, stamp(step));
    all_ = all_.with(delta, stamp(step));
  }
  emit(decision,
       journal::StepCompleted{step, std::move(result), decision.now - state_.steps[step].invoked_at});
  hook(decision, step, &definition::Hooks::on_success);
  hook(decision, step, &definition::Hooks::on_finish);
  ended_step(decision, step);
  settle(decision);
  finish_if_done(decision);
}

// A size limit is an error, never a truncation: the step fails with it, or is cancelled if the workflow stops
// anyway.
void Execution::refuse_result(Decision& decision, uint32_t step, size_t bytes) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::failed;
  outcome.error = make_error("execution_too_large",
                             "the step's result of " + std::to_string(bytes) +
                                 " bytes would take the execution above its limit of " +
                                 std::to_string(decision.execution_limit_bytes) + " bytes",
                             journal::ErrorClass::terminal);
  if (state_.state == State::stopping) return on_drained(decision, step, outcome);
  fail_step(decision, step, std::move(outcome.error));
}

// S8, S9.
void Execution::fail_step(Decision& decision, uint32_t step, journal::ErrorPtr error) {
  const definition::Step& of_step = plan_->step(step);
  const uint32_t failures = state_.steps[step].failures + 1;
  const int64_t duration = decision.now - state_.steps[step].invoked_at;
  if (retry_allowed(of_step.retry, *error, failures)) {
    emit(decision, journal::StepFailed{step, error, AfterFailure::retry, duration});
    if (of_step.retry.backoff.kind == definition::Backoff::Kind::function)
      ask(decision, step, Kind::backoff, of_step.retry.backoff.function);
    else
      schedule_retry(decision, step, raw_delay(of_step.retry, failures));
    return;
  }
  if (of_step.on_error == definition::OnError::skip) {
    emit(decision, journal::StepFailed{step, error, AfterFailure::skip, duration});
    skip(decision, step, SkipKind::on_error, error->code + ": " + error->message);
    settle(decision);
    return finish_if_done(decision);
  }
  const bool tolerated = of_step.on_error == definition::OnError::keep_going;
  emit(decision,
       journal::StepFailed{step, error, tolerated ? AfterFailure::tolerate : AfterFailure::fail, duration});
  hook(decision, step, &definition::Hooks::on_failure);
  hook(decision, step, &definition::Hooks::on_finish);
  ended_step(decision, step);
  settle(decision);
  if (!tolerated && plan_->workflow().failure_mode == definition::FailureMode::fail_fast) {
    Stopping record;
    record.error = state_.error;
    record.step = state_.error_step;
    return stop(decision, std::move(record));
  }
  finish_if_done(decision);
}

void Execution::schedule_retry(Decision& decision, uint32_t step, int64_t raw_delay_ns) {
  const definition::Step& of_step = plan_->step(step);
  const int64_t delay =
      jittered_delay(of_step.retry, raw_delay_ns, id(), of_step.name, state_.steps[step].failures);
  const int64_t wake_at = later(decision.now, delay);
  emit(decision, journal::StepRetry{step, delay, wake_at});
  set_timer(decision, step, wake_at);
}

// ---- consultations ----

void Execution::ask(Decision& decision, uint32_t step, Kind kind, std::string_view function) {
  worker::Invocation call = invocation(decision, kind, step, function);
  call.deadline = later(decision.now, decision.consultation_limit_ns);
  if (kind == Kind::backoff) {
    // The question is about the attempt that has just failed.
    call.attempt = state_.steps[step].failures;
    call.input = "{\"attempt\":";
    journal::append_unsigned(call.input, call.attempt);
    call.input += ",\"base_delay_ms\":";
    journal::append_integer(call.input, plan_->step(step).retry.delay_ns / 1'000'000);
    if (state_.steps[step].error) {
      call.input += ",\"error\":";
      journal::append_error(call.input, *state_.steps[step].error);
    }
    call.input += '}';
  }
  emit(decision, journal::StepAsked{step, kind, call.id});
  ++n_asking_;
  set_timer(decision, step, call.deadline);
  decision.change.invocations.push_back(std::move(call));
}

void Execution::on_answer(Decision& decision, uint32_t step, Outcome& outcome) {
  const Kind kind = state_.steps[step].asking;
  --n_asking_;
  decision.timers.remove(local_[step].timer);
  record_emissions(decision, outcome);
  journal::ErrorPtr error;
  if (outcome.kind == Outcome::Kind::failed) error = outcome.error;
  if (outcome.kind != Outcome::Kind::done && !error)
    error = make_error("invalid_return", "a consultation answers DONE or FAILED");
  emit(decision,
       journal::StepAnswered{step, kind, !error && outcome.truth, error ? 0 : outcome.duration, error});
  if (error)
    emit(decision, journal::Diagnostic{"consultation_failed",
                                       "the " + std::string(name_of(kind)) + " function failed (" +
                                           error->code + ": " + error->message + "); its default holds",
                                       step});
  if (kind == Kind::backoff)
    return schedule_retry(decision, step, error ? plan_->step(step).retry.delay_ns : outcome.duration);
  if (!error && outcome.truth)
    make_ready(decision, step);
  else
    skip(decision, step, SkipKind::condition,
         error ? "the condition failed: " + error->message : "the condition is false");
  settle(decision);
  finish_if_done(decision);
}

// ---- timers ----

void Execution::on_due(Decision& decision, const Due& due) {
  open_commit();
  switch (due.what) {
    case Due::What::start:
      start_timer_ = kNoTimer;
      return begin(decision);
    case Due::What::step:
      local_[due.step].timer = kNoTimer;
      return on_step_due(decision, due.step);
    case Due::What::grace:
      grace_timer_ = kNoTimer;
      return on_grace_over(decision);
    case Due::What::hook:
      hook_timer_ = kNoTimer;
      decision.change.signals.push_back({hook_running_, worker::Runner::Signal::abandon});
      return on_hook_done(decision, nullptr);
    case Due::What::workflow_deadline: {
      deadline_timer_ = kNoTimer;
      Stopping record;
      record.error = make_error("workflow_timeout", "the workflow did not finish within its timeout",
                                journal::ErrorClass::terminal);
      return stop(decision, std::move(record));
    }
  }
}

void Execution::on_step_due(Decision& decision, uint32_t step) {
  const Step& current = state_.steps[step];
  switch (current.state) {
    case StepState::retry_wait:
      return make_ready(decision, step);  // S16
    case StepState::asking: {
      decision.change.signals.push_back({current.invocation, worker::Runner::Signal::abandon});
      Outcome outcome;
      outcome.kind = Outcome::Kind::failed;
      outcome.error = make_error("timeout", "no answer within the limit of a consultation");
      return on_answer(decision, step, outcome);
    }
    case StepState::running: {  // S10: the token is revoked with the next record
      decision.change.signals.push_back({current.invocation, worker::Runner::Signal::cancel});
      decision.change.signals.push_back({current.invocation, worker::Runner::Signal::abandon});
      left_running(decision, step);
      Outcome outcome;
      outcome.kind = Outcome::Kind::failed;
      outcome.error = make_error("timeout", "the step did not finish within " +
                                                definition::print_duration(plan_->step(step).timeout_ns));
      if (state_.state == State::stopping) return on_drained(decision, step, outcome);
      return fail_step(decision, step, std::move(outcome.error));
    }
    default:
      assert(false && "only steps that wait have a timer");
  }
}

// Steps that did not end within the grace are fenced; those that are not cancellable have their own timeout.
void Execution::on_grace_over(Decision& decision) {
  for (uint32_t step = 0; step < plan_->n_steps(); ++step) {
    const Step& current = state_.steps[step];
    if (current.state != StepState::running || !plan_->step(step).cancellable) continue;
    decision.change.signals.push_back({current.invocation, worker::Runner::Signal::abandon});
    left_running(decision, step);
    emit(decision, journal::StepCancelled{step, "the grace period was over", nullptr});
    hook(decision, step, &definition::Hooks::on_failure);
    hook(decision, step, &definition::Hooks::on_finish);
    ended_step(decision, step);
  }
  worklist_.clear();
  finish_if_done(decision);
}

}  // namespace pirn::engine
