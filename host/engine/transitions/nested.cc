#include "host/engine/transitions/nested.h"

#include "host/engine/invocation_input.h"
#include "host/engine/retry.h"
#include "host/engine/transitions/calls.h"
#include "host/engine/transitions/circuit.h"
#include "host/engine/transitions/compensation.h"
#include "host/engine/transitions/due.h"
#include "host/engine/transitions/error_rules.h"
#include "host/engine/transitions/lifecycle.h"
#include "host/engine/transitions/outcomes.h"
#include "host/engine/transitions/restart.h"
#include "host/journal/codec.h"

namespace pirn::engine::transitions {

using journal::State;
using journal::StepState;
using worker::Kind;
using worker::Outcome;

namespace {

journal::ErrorPtr nested_error(const Execution& child);

// A step cancels its child when its own time is up, or when its workflow stops.
bool stopped_by_step(const Execution& child) {
  return child.state().state == journal::State::cancelled && child.state().stopped_with_parent;
}

void begin_child(Execution& execution, Decision& decision, uint32_t step, const journal::ResultPtr& over) {
  journal::Delta input;
  execution.fold.after(step).for_each([&](const journal::Context::Entry& entry) {
    if (!entry.key.starts_with("__")) input.put(entry.key, entry.value);
  });
  if (const std::string_view params = execution.plan().params(step); !params.empty())
    if (const auto of_step = journal::parse_object(params))
      for (const journal::Delta::Entry& entry : of_step->entries) input.put(entry.key, entry.value);
  if (over && over->is_map)
    for (const journal::Delta::Entry& entry : over->map.entries) {
      if (entry.key.starts_with("__")) continue;
      if (entry.unset)
        std::erase_if(input.entries, [&](const auto& given) { return given.key == entry.key; });
      else
        input.put(entry.key, entry.value);
    }
  if (Status fits = check_input(decision.size_limits, input); !fits) {
    Outcome refused;
    refused.kind = Outcome::Kind::failed;
    refused.error = make_error(std::string(catalogue_entry(fits.error().code).name), fits.error().message,
                               journal::ErrorClass::terminal);
    left_running(execution, decision, step, &refused);
    return fail_step(execution, decision, step, std::move(refused.error));
  }
  set_timer(execution, decision, step, later(execution.step(step).invoked_at, execution.timeout_of(step)));
  execution.local[step].child_open = true;
  decision.change.child_starts.push_back(
      {&execution, step, execution.step(step).extra->child, std::move(input), {}});
}

// What the end of a child is to its step.
Outcome outcome_of(const Execution& execution, const Decision& decision, const Execution& child,
                   uint32_t step) {
  Outcome outcome;
  if (child.state().state == State::completed) {
    journal::StepResult result;
    // What its steps wrote, and nothing of what it started with.
    result.map = child.context().written_above({0, 0, 0});
    outcome.result = std::make_shared<const journal::StepResult>(std::move(result));
    return outcome;
  }
  if (stopped_by_step(child) && execution.state().state == State::stopping &&
      !execution.time_is_up(step, decision.now)) {
    outcome.kind = Outcome::Kind::cancelled;
    outcome.reason = "the workflow is stopping";
    return outcome;
  }
  outcome.kind = Outcome::Kind::failed;
  outcome.error = stopped_by_step(child) ? out_of_time(execution, step) : nested_error(child);
  return outcome;
}

// The function that maps out of a child may turn a failure into a value. It is called under the step's own
// token, so that its answer is the step's outcome.
void ask_for_result(Execution& execution, Decision& decision, const Execution& child,
                    std::string_view mapper) {
  const uint32_t step = child.state().parent_step;
  worker::Invocation call = invocation(execution, decision, Kind::result, step, mapper);
  call.id = execution.step(step).invocation;
  call.deadline = later(decision.now, decision.consultation_limit_ns);
  call.input = nested_result_input(child.state(), child.context_json());
  set_timer(execution, decision, step, call.deadline);
  decision.change.invocations.push_back(std::move(call));
}

journal::ErrorPtr nested_error(const Execution& child) {
  const journal::ExecutionState& state = child.state();
  const bool cancelled = state.state == State::cancelled;
  journal::StepError error{std::string(cancelled ? kNestedCancelled : "nested_workflow_failed"),
                           "the nested workflow " + state.origin->workflow +
                               (cancelled ? " was cancelled" : " failed") + " (execution " +
                               child.id().text() + ")",
                           journal::ErrorClass::retryable, ""};
  std::string& details = error.details;
  details = "{\"workflow\":\"" + state.origin->workflow + "\",\"execution_id\":\"" + child.id().text() + '"';
  if (cancelled && !state.reason.empty()) {
    error.message += ": " + state.reason;
    details += ",\"reason\":";
    journal::append_json_string(details, state.reason);
  }
  if (state.error) {
    error.message += ": " + state.error->code + ": " + state.error->message;
    details += ",\"error\":";
    journal::append_error(details, *state.error);
  }
  if (state.error_step != journal::kNoStep)
    details += ",\"error_step\":\"" + child.names()[state.error_step] + '"';
  details += '}';
  details = journal::canonical_own(details);  // in the form in which a restart finds it
  return std::make_shared<const journal::StepError>(std::move(error));
}

Outcome undone(const Execution& child) {
  Outcome outcome;
  for (uint32_t step = 0; step < child.state().steps.size(); ++step) {
    const journal::Step& current = child.state().steps[step];
    if (current.compensation != journal::Compensation::failed) continue;
    outcome.kind = Outcome::Kind::failed;
    outcome.error =
        make_error("rollback_failed",
                   "the rollback of the nested step " + child.names()[step] + " failed (execution " +
                       child.id().text() + "): " + current.extra->rollback_error->message,
                   journal::ErrorClass::terminal);
  }
  return outcome;
}

}  // namespace

// S5 of such a step. What the child starts with is the step's context with its parameters over it, unless a
// function says otherwise; that one is asked first, under the step's own token.
void start_nested(Execution& execution, Decision& decision, uint32_t step, uint64_t token) {
  const definition::Step& of_step = execution.plan().step(step);
  if (of_step.input.empty()) return begin_child(execution, decision, step, nullptr);
  worker::Invocation call = invocation(execution, decision, Kind::input, step, of_step.input);
  call.id = token;
  call.deadline = later(decision.now, decision.consultation_limit_ns);
  call.input = nested_input(of_step.nested);
  set_timer(execution, decision, step, call.deadline);
  decision.change.invocations.push_back(std::move(call));
}

// The answer of the function that maps into a child.
void on_child_input(Execution& execution, Decision& decision, uint32_t step, Outcome& outcome) {
  if (execution.state().state != State::stopping && outcome.kind == Outcome::Kind::done)
    return begin_child(execution, decision, step, outcome.result);
  left_running(execution, decision, step, nullptr);
  if (outcome.kind == Outcome::Kind::done) {  // no child, no result
    outcome.kind = Outcome::Kind::cancelled;
    outcome.result = nullptr;
  }
  if (execution.state().state == State::stopping) return on_drained(execution, decision, step, outcome);
  fail_step(execution, decision, step, std::move(outcome.error));
}

// `child` has ended. A step that has gone on without it does not care.
void on_child_ended(Execution& execution, Decision& decision, const Execution& child) {
  const uint32_t step = child.state().parent_step;
  if (execution.ended() || step >= execution.state().steps.size()) return;
  const journal::Step& current = execution.step(step);
  if (current.compensation == journal::Compensation::running && current.extra->rollback_child == child.id()) {
    execution.open_commit();
    return on_rollback_outcome(execution, decision, step, undone(child));
  }
  if (current.state != StepState::running || !execution.nested(step) || current.extra->child != child.id())
    return;
  execution.open_commit();
  execution.local[step].child_open = false;
  const std::string& mapper = execution.plan().step(step).result;
  const bool asks = !mapper.empty() && execution.state().state == State::running && !stopped_by_step(child);
  // After a crash: the function that took the host with it would do so again.
  const bool killed = asks && decision.killed_host(current.invocation);
  if (asks && !killed) return ask_for_result(execution, decision, child, mapper);
  Outcome outcome =
      killed ? crashed(decision.cause_of(current.invocation)) : outcome_of(execution, decision, child, step);
  limit(execution, decision, step, Kind::task, outcome);
  left_running(execution, decision, step, &outcome);
  if (execution.state().state == State::stopping) return on_drained(execution, decision, step, outcome);
  on_task_outcome(execution, decision, step, outcome);
}

// The rollback of a nested step is an execution, too: it adopts what the child had completed and compensates
// it. After a crash the one that is under way goes on by itself.
void roll_back_child(Execution& execution, Decision& decision, uint32_t step) {
  const journal::Step& current = execution.step(step);
  if (current.compensation == journal::Compensation::running) {
    decision.change.waiting.push_back({&execution, step, current.extra->rollback_child});
    return;
  }
  const ExecutionId undoing = decision.ids.next(decision.now);
  execution.emit(decision, journal::RollbackStarted{step, current.extra->rollback_failures + 1,
                                                    decision.next_invocation++, undoing,
                                                    execution.state().origin->workflow, execution.id()});
  decision.change.child_starts.push_back({&execution, step, undoing, {}, current.extra->child});
}

void cannot_undo(Execution& execution, Decision& decision, uint32_t step, std::string why) {
  execution.open_commit();
  Outcome outcome;
  outcome.kind = Outcome::Kind::failed;
  outcome.error = make_error("rollback_failed", std::move(why), journal::ErrorClass::terminal);
  on_rollback_outcome(execution, decision, step, outcome);
}

// The step does not want its child any more: it stops, or its time is up. It goes on running until its child
// has ended, so that whatever follows comes after what the child undoes.
void stop_child(Execution& execution, Decision& decision, uint32_t step) {
  const bool rollback = execution.state().state == State::stopping ? to_compensate(execution) : true;
  decision.change.child_stops.push_back(
      {execution.step(step).extra->child,
       "its parent " + execution.id().text() + " does not wait for it any more", rollback});
}

// After a crash: the child was not committed with the step, or its input was still being asked for. Of a
// function that took the host with it that was the answer.
void lost_child(Execution& execution, Decision& decision, uint32_t step) {
  execution.open_commit();
  execution.local[step].child_open = false;
  const uint64_t invocation = execution.step(step).invocation;
  if (decision.killed_host(invocation)) {
    Outcome outcome = crashed(decision.cause_of(invocation));
    return on_child_input(execution, decision, step, outcome);
  }
  if (execution.progress.running() > 0) execution.progress.end_running();
  if (execution.plan().guarded(step)) tell_breaker(execution, decision, step, nullptr);
  decision.timers.remove(execution.local[step].timer);
  interrupt(execution, decision, step);
  finish_if_done(execution, decision);
}

}  // namespace pirn::engine::transitions
