#include "host/engine/transitions/outcomes.h"

#include <algorithm>

#include "host/engine/invocation_input.h"
#include "host/engine/transitions/circuit.h"
#include "host/engine/transitions/compensation.h"
#include "host/engine/transitions/consultations.h"
#include "host/engine/transitions/error_rules.h"
#include "host/engine/transitions/expansion.h"
#include "host/engine/transitions/handlers.h"
#include "host/engine/transitions/hooks.h"
#include "host/engine/transitions/lifecycle.h"
#include "host/engine/transitions/nested.h"
#include "host/engine/transitions/settle.h"
#include "host/engine/transitions/waiting.h"

namespace pirn::engine::transitions {

using journal::SkipKind;
using journal::State;
using journal::StepState;
using worker::Kind;
using worker::Outcome;

namespace {

// A fenced call has returned after all (R20). One that says it was cancelled has done what it was told to.
void note_stale(Execution& execution, Decision& decision, const worker::Completion& completion) {
  if (execution.ended() || completion.outcome.kind == Outcome::Kind::cancelled) return;
  const uint32_t known =
      completion.step < execution.state().steps.size() ? completion.step : journal::kNoStep;
  execution.emit(
      decision, journal::Diagnostic{
                    "stale_result",
                    "a " + std::string(name_of(completion.kind)) +
                        " returned after its time was up or its work was stopped; what it said was discarded",
                    known});
}

// Different writes of one key by steps that are not ordered: legal, decided by canonical order, worth knowing
// (R8).
void note_conflicts(Execution& execution, Decision& decision, uint32_t step, const journal::Delta& delta) {
  constexpr size_t kMost = 32;  // a map may have many keys
  size_t n_conflicts = 0;
  for (const journal::Delta::Entry& entry : delta.entries) {
    const journal::Context::Entry* present = execution.fold.all().find(entry.key);
    if (!present || present->stamp.rank == 0) continue;
    const uint32_t writer = execution.plan().written_by(present->stamp);
    if (present->unset == entry.unset && present->value == entry.value) continue;
    if (execution.frame->is_ancestor(writer, step) || execution.frame->is_ancestor(step, writer)) continue;
    if (++n_conflicts > kMost) continue;
    execution.emit(decision,
                   journal::Diagnostic{"context_conflict",
                                       "the unordered steps " + execution.plan().name(writer) + " and " +
                                           execution.plan().name(step) + " write different values of '" +
                                           entry.key + "'; the later one in canonical order counts",
                                       step});
  }
  if (n_conflicts > kMost)
    execution.emit(decision, journal::Diagnostic{"context_conflict",
                                                 "the step " + execution.plan().name(step) +
                                                     " and others write different values of " +
                                                     std::to_string(n_conflicts - kMost) + " more keys",
                                                 step});
}

}  // namespace

void on_completion(Execution& execution, Decision& decision, worker::Completion& completion) {
  execution.open_commit();
  if (completion.kind == Kind::hook) {
    if (completion.invocation != execution.observers->running_hook())
      return note_stale(execution, decision, completion);
    if (!execution.ended()) {
      limit(execution, decision, journal::kNoStep, completion.kind, completion.outcome);
      record_emissions(execution, decision, completion.outcome);
    }
    return on_hook_done(execution, decision, &completion.outcome);
  }
  const uint32_t step = completion.step;
  const bool current = !execution.ended() && step < execution.state().steps.size() &&
                       execution.step(step).invocation == completion.invocation;
  if (!execution.ended() && (current || completion.kind == Kind::handler))
    limit(execution, decision, current ? step : journal::kNoStep, completion.kind, completion.outcome);
  if (completion.kind == Kind::handler && !current) {
    if (!execution.observers->awaits_handler(completion.invocation))
      return note_stale(execution, decision, completion);
    if (!execution.ended()) record_emissions(execution, decision, completion.outcome);
    return on_handler_done(execution, decision, completion.invocation, &completion.outcome);
  }
  if (execution.ended()) return;
  if (!current) return note_stale(execution, decision, completion);
  if (completion.kind == Kind::rollback) {
    record_emissions(execution, decision, completion.outcome);
    return on_rollback_outcome(execution, decision, step, completion.outcome);
  }
  if (execution.step(step).state == StepState::asking)
    return on_answer(execution, decision, step, completion.outcome);
  record_emissions(execution, decision, completion.outcome);
  if (completion.kind == Kind::input) return on_child_input(execution, decision, step, completion.outcome);
  left_running(execution, decision, step, &completion.outcome);
  if (execution.state().state == State::stopping)
    on_drained(execution, decision, step, completion.outcome);
  else
    on_task_outcome(execution, decision, step, completion.outcome);
}

void left_running(Execution& execution, Decision& decision, uint32_t step, const Outcome* outcome) {
  execution.progress.end_running();
  // Whether an expansion is one, expand(execution) says.
  const bool undecided =
      outcome && outcome->kind == Outcome::Kind::expand && execution.state().state == State::running;
  if (execution.plan().guarded(step) && !undecided) tell_breaker(execution, decision, step, outcome);
  decision.timers.remove(execution.local[step].timer);
  if (!decision.resources.idle()) decision.resources.release(execution.id(), step);
}

// The step goes on without its invocation: what that still does, does not count.
void abandon(Execution& execution, Decision& decision, uint32_t step, const Outcome* outcome) {
  const uint64_t invocation = execution.step(step).invocation;
  decision.change.signals.push_back({invocation, worker::Runner::Signal::cancel});
  decision.change.signals.push_back({invocation, worker::Runner::Signal::abandon});
  left_running(execution, decision, step, outcome);
}

void record_emissions(Execution& execution, Decision& decision, Outcome& outcome) {
  for (journal::Emitted& emitted : outcome.emitted) execution.emit(decision, std::move(emitted));
  for (journal::Diagnostic& diagnostic : outcome.diagnostics) execution.emit(decision, std::move(diagnostic));
}

void on_task_outcome(Execution& execution, Decision& decision, uint32_t step, Outcome& outcome) {
  using journal::ErrorClass;
  switch (outcome.kind) {
    case Outcome::Kind::done:
      return complete(execution, decision, step, std::move(outcome.result));
    case Outcome::Kind::failed:
      return fail_step(execution, decision, step, std::move(outcome.error));
    case Outcome::Kind::skip:
      skip(execution, decision, step, SkipKind::requested, std::move(outcome.reason));
      settle(execution, decision);
      return finish_if_done(execution, decision);
    case Outcome::Kind::cancelled:  // R29: outside a stop it is an error
      return fail_step(
          execution, decision, step,
          make_error("invalid_return", "the task returned CANCELLED although nothing was being cancelled"));
    case Outcome::Kind::expand:
      return expand(execution, decision, step, outcome);
    case Outcome::Kind::snooze:
      return snooze(execution, decision, step, outcome.duration);
    case Outcome::Kind::await:
      return await(execution, decision, step, outcome.await ? *outcome.await : worker::AwaitRequest());
  }
}

// S21: a step that finishes while the workflow stops.
void on_drained(Execution& execution, Decision& decision, uint32_t step, Outcome& outcome) {
  if (outcome.kind == Outcome::Kind::done)
    return complete(execution, decision, step, std::move(outcome.result));
  const std::string reason = outcome.kind == Outcome::Kind::failed
                                 ? outcome.error->code + ": " + outcome.error->message
                                 : outcome.reason;
  const bool partial = outcome.kind == Outcome::Kind::cancelled;
  end_cancelled(
      execution, decision, step, reason,
      partial ? without_reserved_keys(execution, decision, step, std::move(outcome.result)) : nullptr);
  execution.progress.clear_due();
  finish_if_done(execution, decision);
}

// R10: of whatever a step's result is to be. In-process calls are refused such writes one by one; results
// have other sources, too.
journal::ResultPtr without_reserved_keys(Execution& execution, Decision& decision, uint32_t step,
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
  execution.emit(decision,
                 journal::Diagnostic{
                     "reserved_key",
                     "keys of the result that begin with __ are reserved and were dropped: " + names, step});
  journal::StepResult kept = *result;
  std::erase_if(kept.map.entries, reserved);
  return std::make_shared<const journal::StepResult>(std::move(kept));
}

// S7.
void complete(Execution& execution, Decision& decision, uint32_t step, journal::ResultPtr result) {
  result = without_reserved_keys(execution, decision, step, std::move(result));
  record_completion(execution, decision, step, std::move(result));
  settle(execution, decision);
  finish_if_done(execution, decision);
}

void record_completion(Execution& execution, Decision& decision, uint32_t step, journal::ResultPtr result) {
  execution.frame->set(step, result);
  if (result) {
    execution.stored.add_result(execution.plan(), step, *result);
    const journal::Delta delta = context_delta(execution.plan(), step, *result);
    note_conflicts(execution, decision, step, delta);
    execution.fold.write(execution.plan(), step, delta, execution.state().patches.size());
  }
  execution.emit(decision,
                 journal::StepCompleted{step, std::move(result), execution.ran_for(decision.now, step)});
  hook(execution, decision, step, &definition::Hooks::on_success);
  hook(execution, decision, step, &definition::Hooks::on_finish);
  ended_step(execution, decision, step);
}

void limit(const Execution& execution, const Decision& decision, uint32_t step, Kind kind, Outcome& outcome) {
  std::string lack = execution.stored.lack(decision.size_limits, execution.plan(), step, kind, outcome);
  if (lack.empty()) return;
  outcome = Outcome();
  outcome.kind = Outcome::Kind::failed;
  outcome.error = make_error(std::string(catalogue_entry(Code::execution_too_large).name), std::move(lack),
                             journal::ErrorClass::terminal);
}

}  // namespace pirn::engine::transitions
