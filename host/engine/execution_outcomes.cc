// What came back: outcomes of invocations, answers of consultations, timers.
#include "host/engine/execution.h"
#include "host/engine/invocation_input.h"

#include <algorithm>
#include <cassert>

#include "host/journal/codec.h"

namespace pirn::engine {

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
    if (completion.invocation != observers_->running_hook()) return note_stale(decision, completion);
    if (!ended()) {
      limit(decision, journal::kNoStep, completion.kind, completion.outcome);
      record_emissions(decision, completion.outcome);
    }
    return on_hook_done(decision, &completion.outcome);
  }
  const uint32_t step = completion.step;
  const bool current =
      !ended() && step < state_.steps.size() && state_.steps[step].invocation == completion.invocation;
  if (!ended() && (current || completion.kind == Kind::handler))
    limit(decision, current ? step : journal::kNoStep, completion.kind, completion.outcome);
  if (completion.kind == Kind::handler && !current) {
    if (!observers_->awaits_handler(completion.invocation)) return note_stale(decision, completion);
    if (!ended()) record_emissions(decision, completion.outcome);
    return on_handler_done(decision, completion.invocation, &completion.outcome);
  }
  if (ended()) return;
  if (!current) return note_stale(decision, completion);
  if (completion.kind == Kind::rollback) {
    record_emissions(decision, completion.outcome);
    return on_rollback_outcome(decision, step, completion.outcome);
  }
  if (state_.steps[step].state == StepState::asking) return on_answer(decision, step, completion.outcome);
  record_emissions(decision, completion.outcome);
  if (completion.kind == Kind::input) return on_child_input(decision, step, completion.outcome);
  left_running(decision, step, &completion.outcome);
  if (state_.state == State::stopping)
    on_drained(decision, step, completion.outcome);
  else
    on_task_outcome(decision, step, completion.outcome);
}

// A fenced call has returned after all (R20). One that says it was cancelled has done what it was told to.
void Execution::note_stale(Decision& decision, const worker::Completion& completion) {
  if (ended() || completion.outcome.kind == Outcome::Kind::cancelled) return;
  const uint32_t known = completion.step < state_.steps.size() ? completion.step : journal::kNoStep;
  emit(decision,
       journal::Diagnostic{
           "stale_result",
           "a " + std::string(name_of(completion.kind)) +
               " returned after its time was up or its work was stopped; what it said was discarded",
           known});
}

void Execution::left_running(Decision& decision, uint32_t step, const Outcome* outcome) {
  progress_.end_running();
  // Whether an expansion is one, expand() says.
  const bool undecided = outcome && outcome->kind == Outcome::Kind::expand && state_.state == State::running;
  if (guarded(step) && !undecided) tell_breaker(decision, step, outcome);
  decision.timers.remove(local_[step].timer);
  if (!decision.resources.idle()) decision.resources.release(id(), step);
}

// The step goes on without its invocation: what that still does, does not count.
void Execution::abandon(Decision& decision, uint32_t step, const Outcome* outcome) {
  const uint64_t invocation = state_.steps[step].invocation;
  decision.change.signals.push_back({invocation, worker::Runner::Signal::cancel});
  decision.change.signals.push_back({invocation, worker::Runner::Signal::abandon});
  left_running(decision, step, outcome);
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
    case Outcome::Kind::expand:
      return expand(decision, step, outcome);
    case Outcome::Kind::snooze:
      return snooze(decision, step, outcome.duration);
    case Outcome::Kind::await:
      return await(decision, step, outcome.await ? *outcome.await : worker::AwaitRequest());
  }
}

// S21: a step that finishes while the workflow stops.
void Execution::on_drained(Decision& decision, uint32_t step, Outcome& outcome) {
  if (outcome.kind == Outcome::Kind::done) return complete(decision, step, std::move(outcome.result));
  const std::string reason = outcome.kind == Outcome::Kind::failed
                                 ? outcome.error->code + ": " + outcome.error->message
                                 : outcome.reason;
  const bool partial = outcome.kind == Outcome::Kind::cancelled;
  end_cancelled(decision, step, reason,
                partial ? without_reserved_keys(decision, step, std::move(outcome.result)) : nullptr);
  progress_.clear_due();
  finish_if_done(decision);
}

// R10: of whatever a step's result is to be. In-process calls are refused such writes one by one; results
// have other sources, too.
journal::ResultPtr Execution::without_reserved_keys(Decision& decision, uint32_t step,
                                                    journal::ResultPtr result) {
  constexpr size_t kMostNamed = 5;
  const auto reserved = [](const journal::Delta::Entry& entry) { return entry.key.starts_with("__"); };
  if (!result || !result->is_map) return result;
  const std::vector<journal::Delta::Entry>& entries = result->map.entries;
  const auto n = static_cast<size_t>(std::count_if(entries.begin(), entries.end(), reserved));
  if (n == 0) return result;
  std::string names;
  size_t named = 0;
  for (const journal::Delta::Entry& entry : entries)
    if (reserved(entry) && named++ < kMostNamed) names += (names.empty() ? "'" : ", '") + entry.key + "'";
  if (n > kMostNamed) names += " and " + std::to_string(n - kMostNamed) + " more";
  emit(decision, journal::Diagnostic{
                     "reserved_key",
                     "keys of the result that begin with __ are reserved and were dropped: " + names, step});
  journal::StepResult kept = *result;
  std::erase_if(kept.map.entries, reserved);
  return std::make_shared<const journal::StepResult>(std::move(kept));
}

// S7.
void Execution::complete(Decision& decision, uint32_t step, journal::ResultPtr result) {
  result = without_reserved_keys(decision, step, std::move(result));
  record_completion(decision, step, std::move(result));
  settle(decision);
  finish_if_done(decision);
}

void Execution::record_completion(Decision& decision, uint32_t step, journal::ResultPtr result) {
  frame_->set(step, result);
  if (result) {
    measure_result(step, *result);
    const journal::Delta delta = context_delta(plan_, step, *result);
    note_conflicts(decision, step, delta);
    fold_.write(plan_, step, delta, state_.patches.size());
  }
  emit(decision, journal::StepCompleted{step, std::move(result), ran_for(decision, step)});
  hook(decision, step, &definition::Hooks::on_success);
  hook(decision, step, &definition::Hooks::on_finish);
  ended_step(decision, step);
}

// Different writes of one key by steps that are not ordered: legal, decided by canonical order, worth knowing
// (R8).
void Execution::note_conflicts(Decision& decision, uint32_t step, const journal::Delta& delta) {
  constexpr size_t kMost = 32;  // a map may have many keys
  size_t n_conflicts = 0;
  for (const journal::Delta::Entry& entry : delta.entries) {
    const journal::Context::Entry* present = fold_.all().find(entry.key);
    if (!present || present->stamp.rank == 0) continue;
    const uint32_t writer = plan_->written_by(present->stamp);
    if (present->unset == entry.unset && present->value == entry.value) continue;
    if (frame_->is_ancestor(writer, step) || frame_->is_ancestor(step, writer)) continue;
    if (++n_conflicts > kMost) continue;
    emit(decision, journal::Diagnostic{"context_conflict",
                                       "the unordered steps " + plan_->name(writer) + " and " +
                                           plan_->name(step) + " write different values of '" + entry.key +
                                           "'; the later one in canonical order counts",
                                       step});
  }
  if (n_conflicts > kMost)
    emit(decision,
         journal::Diagnostic{"context_conflict",
                             "the step " + plan_->name(step) + " and others write different values of " +
                                 std::to_string(n_conflicts - kMost) + " more keys",
                             step});
}

// ---- consultations ----

void Execution::ask(Decision& decision, uint32_t step, Kind kind, std::string_view function, uint32_t rule) {
  const Step& current = state_.steps[step];
  worker::Invocation call = invocation(decision, kind, step, function);
  call.deadline = later(decision.now, decision.consultation_limit_ns);
  if (kind == Kind::backoff || rule != 0) call.attempt = current.failures;  // the one that has just failed
  if (kind == Kind::backoff) {
    call.input = backoff_input(call.attempt, retry_policy(step, rule).delay_ns, *current.error);
  } else if (rule != 0) {
    call.input = error_input(*current.error);
  }
  emit(decision, journal::StepAsked{step, kind, call.id, rule, fired_by_to_record(step)});
  progress_.begin_asking();
  set_timer(decision, step, call.deadline);
  decision.change.invocations.push_back(std::move(call));
}

// After a crash: the same question.
void Execution::ask_again(Decision& decision, uint32_t step) {
  const Step& current = state_.steps[step];
  const definition::Step& of_step = plan_->step(step);
  const uint32_t number = current.extra->rule;
  switch (current.asking) {
    case Kind::backoff:
      return ask(decision, step, Kind::backoff, retry_policy(step, number).backoff.function, number);
    case Kind::duration:
      return ask(decision, step, Kind::duration, of_step.timeout_function);
    default:
      return ask(decision, step, Kind::condition,
                 number != 0 ? rule(step, number).when : of_step.when.function, number);
  }
}

void Execution::on_answer(Decision& decision, uint32_t step, Outcome& outcome) {
  const Kind kind = state_.steps[step].asking;
  const uint32_t number = state_.steps[step].extra->rule;
  progress_.end_asking();
  decision.timers.remove(local_[step].timer);
  record_emissions(decision, outcome);
  if (kind == Kind::handler) return on_timeout_answer(decision, step, outcome);
  journal::ErrorPtr error;
  if (outcome.kind == Outcome::Kind::failed) error = outcome.error;
  if (outcome.kind != Outcome::Kind::done && !error)
    error = make_error("invalid_return", "a consultation answers DONE or FAILED");
  if (!error && kind == Kind::duration && outcome.duration <= 0)
    error = make_error("invalid_return", "a timeout must be longer than 0");
  const bool truth = !error && outcome.truth;
  emit(decision, journal::StepAnswered{step, kind, truth, error ? 0 : outcome.duration, error});
  if (error)
    emit(decision, journal::Diagnostic{"consultation_failed",
                                       "the " + std::string(name_of(kind)) + " function failed (" +
                                           error->code + ": " + error->message + "); its default holds",
                                       step});
  if (kind == Kind::backoff) {
    const int64_t delay = error ? retry_policy(step, number).delay_ns : outcome.duration;
    return schedule_retry(decision, step, number, delay);
  }
  if (kind == Kind::condition && number != 0) {
    const Failure failure{step, state_.steps[step].error, true};
    return truth ? apply_rule(decision, failure, number) : recover(decision, failure, number + 1);
  }
  if (kind == Kind::duration)
    make_ready(decision, step, error ? 0 : outcome.duration);
  else if (truth)
    admit(decision, step);
  else
    skip(decision, step, SkipKind::condition,
         error ? "the condition failed: " + error->message : "the condition is false");
  settle(decision);
  finish_if_done(decision);
}

// ---- timers ----

void Execution::on_due(Decision& decision, const Timer& due) {
  open_commit();
  switch (due.what) {
    case Timer::What::start:
      start_timer_ = kNoTimer;
      return begin(decision);
    case Timer::What::step:
      local_[due.step].timer = kNoTimer;
      return on_step_due(decision, due.step);
    case Timer::What::grace:
      grace_timer_ = kNoTimer;
      return on_grace_over(decision);
    case Timer::What::hook:
      observers_.edit().hook_timer() = kNoTimer;
      decision.change.signals.push_back({observers_->running_hook(), worker::Runner::Signal::abandon});
      return on_hook_done(decision, nullptr);
    case Timer::What::handler:
      return on_handler_due(decision, due.step);
    case Timer::What::rollback:
      local_[due.step].timer = kNoTimer;
      return on_rollback_due(decision, due.step);
    case Timer::What::workflow_deadline: {
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
    case StepState::snoozed:
      if (state_.paused) return;          // the end of the pause looks at it
      return make_ready(decision, step);  // S16
    case StepState::awaiting:
      return on_await_due(decision, step);
    case StepState::asking: {
      decision.change.signals.push_back({current.invocation, worker::Runner::Signal::abandon});
      Outcome outcome;
      outcome.kind = Outcome::Kind::failed;
      outcome.error = make_error("timeout", "no answer within the limit of a consultation");
      return on_answer(decision, step, outcome);
    }
    case StepState::running: {  // S10: the token is revoked with the next record
      if (local_[step].child_open) return stop_child(decision, step);
      Outcome outcome;
      outcome.kind = Outcome::Kind::failed;
      outcome.error = out_of_time(step);
      abandon(decision, step, &outcome);
      if (state_.state == State::stopping) return on_drained(decision, step, outcome);
      return fail_step(decision, step, std::move(outcome.error));
    }
    default:
      assert(false && "only steps that wait have a timer");
  }
}

journal::ErrorPtr Execution::out_of_time(uint32_t step) const {
  return make_error("timeout",
                    "the step did not finish within " + definition::print_duration(timeout_of(step)));
}

// Calls that did not return within the grace are fenced; those that are not cancellable have their own
// timeout. A nested execution has its own grace, and what it undoes takes the time that it takes.
void Execution::on_grace_over(Decision& decision) {
  for (uint32_t step = 0; step < plan_->n_steps(); ++step) {
    const Step& current = state_.steps[step];
    if (current.state != StepState::running || !plan_->step(step).cancellable || local_[step].child_open)
      continue;
    abandon(decision, step);
    end_cancelled(decision, step, "the grace period was over");
  }
  progress_.clear_due();
  finish_if_done(decision);
}

}  // namespace pirn::engine
