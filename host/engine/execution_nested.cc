// A step whose work is another workflow (R32): the step runs while its child, an execution of its own, does;
// the child's end is the step's outcome. Both are decided in one turn and committed in one transaction, so
// neither is ever without the other.
#include "host/engine/execution.h"
#include "host/engine/invocation_input.h"
#include "host/engine/retry.h"
#include "host/journal/codec.h"

namespace pirn::engine {

namespace {

// A step cancels its child when its own time is up, or when its workflow stops.
bool stopped_by_step(const Execution& child) {
  return child.state().state == journal::State::cancelled && child.state().stopped_with_parent;
}

}  // namespace

using journal::FinalState;
using journal::State;
using journal::StepState;
using worker::Kind;
using worker::Outcome;

// S5 of such a step. What the child starts with is the step's context with its parameters over it, unless a
// function says otherwise; that one is asked first, under the step's own token.
void Execution::start_nested(Decision& decision, uint32_t step, uint64_t token) {
  const definition::Step& of_step = plan_->step(step);
  if (of_step.input.empty()) return begin_child(decision, step, nullptr);
  worker::Invocation call = invocation(decision, Kind::input, step, of_step.input);
  call.id = token;
  call.deadline = later(decision.now, decision.consultation_limit_ns);
  call.input = nested_input(of_step.nested);
  set_timer(decision, step, call.deadline);
  decision.change.invocations.push_back(std::move(call));
}

void Execution::begin_child(Decision& decision, uint32_t step, const journal::ResultPtr& over) {
  journal::Delta input;
  fold_.after(step).for_each([&](const journal::Context::Entry& entry) {
    if (!entry.key.starts_with("__")) input.put(entry.key, entry.value);
  });
  if (const std::string_view params = plan_->params(step); !params.empty())
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
  if (Status fits = check_input(decision, input); !fits) {
    Outcome refused;
    refused.kind = Outcome::Kind::failed;
    refused.error = make_error(std::string(catalogue_entry(fits.error().code).name), fits.error().message,
                               journal::ErrorClass::terminal);
    left_running(decision, step, &refused);
    return fail_step(decision, step, std::move(refused.error));
  }
  set_timer(decision, step, later(state_.steps[step].invoked_at, timeout_of(step)));
  local_[step].child_open = true;
  decision.change.child_starts.push_back({this, step, state_.steps[step].extra->child, std::move(input), {}});
}

// The answer of the function that maps into a child.
void Execution::on_child_input(Decision& decision, uint32_t step, Outcome& outcome) {
  if (state_.state != State::stopping && outcome.kind == Outcome::Kind::done)
    return begin_child(decision, step, outcome.result);
  left_running(decision, step, nullptr);
  if (outcome.kind == Outcome::Kind::done) {  // no child, no result
    outcome.kind = Outcome::Kind::cancelled;
    outcome.result = nullptr;
  }
  if (state_.state == State::stopping) return on_drained(decision, step, outcome);
  fail_step(decision, step, std::move(outcome.error));
}

// What the steps of this execution wrote, and nothing of what it started with.
journal::Delta Execution::written() const { return fold_.all().written_above({0, 0, 0}); }

// `child` has ended. A step that has gone on without it does not care.
void Execution::on_child_ended(Decision& decision, const Execution& child) {
  const uint32_t step = child.state().parent_step;
  if (ended() || step >= state_.steps.size()) return;
  const journal::Step& current = state_.steps[step];
  if (current.compensation == journal::Compensation::running && current.extra->rollback_child == child.id()) {
    open_commit();
    return on_rollback_outcome(decision, step, undone(child));
  }
  if (current.state != StepState::running || !nested(step) || current.extra->child != child.id()) return;
  open_commit();
  local_[step].child_open = false;
  const std::string& mapper = plan_->step(step).result;
  const bool asks = !mapper.empty() && state_.state == State::running && !stopped_by_step(child);
  // After a crash: the function that took the host with it would do so again.
  const bool killed = asks && decision.killed_host(current.invocation);
  if (asks && !killed) return ask_for_result(decision, child, mapper);
  Outcome outcome =
      killed ? crashed(decision.cause_of(current.invocation)) : outcome_of(decision, child, step);
  limit(decision, step, Kind::task, outcome);
  left_running(decision, step, &outcome);
  if (state_.state == State::stopping) return on_drained(decision, step, outcome);
  on_task_outcome(decision, step, outcome);
}

// What the end of a child is to its step.
Outcome Execution::outcome_of(const Decision& decision, const Execution& child, uint32_t step) const {
  Outcome outcome;
  if (child.state().state == State::completed) {
    journal::StepResult result;
    result.map = child.written();
    outcome.result = std::make_shared<const journal::StepResult>(std::move(result));
    return outcome;
  }
  if (stopped_by_step(child) && state_.state == State::stopping && !time_is_up(step, decision.now)) {
    outcome.kind = Outcome::Kind::cancelled;
    outcome.reason = "the workflow is stopping";
    return outcome;
  }
  outcome.kind = Outcome::Kind::failed;
  outcome.error = stopped_by_step(child) ? out_of_time(step) : nested_error(child);
  return outcome;
}

// The function that maps out of a child may turn a failure into a value. It is called under the step's own
// token, so that its answer is the step's outcome.
void Execution::ask_for_result(Decision& decision, const Execution& child, std::string_view mapper) {
  const uint32_t step = child.state().parent_step;
  worker::Invocation call = invocation(decision, Kind::result, step, mapper);
  call.id = state_.steps[step].invocation;
  call.deadline = later(decision.now, decision.consultation_limit_ns);
  call.input = nested_result_input(child.state(), child.context_json());
  set_timer(decision, step, call.deadline);
  decision.change.invocations.push_back(std::move(call));
}

journal::ErrorPtr Execution::nested_error(const Execution& child) const {
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

// The rollback of a nested step is an execution, too: it adopts what the child had completed and compensates
// it. After a crash the one that is under way goes on by itself.
void Execution::roll_back_child(Decision& decision, uint32_t step) {
  const journal::Step& current = state_.steps[step];
  if (current.compensation == journal::Compensation::running) {
    decision.change.waiting.push_back({this, step, current.extra->rollback_child});
    return;
  }
  const ExecutionId undoing = decision.ids.next(decision.now);
  emit(decision,
       journal::RollbackStarted{step, current.extra->rollback_failures + 1, decision.next_invocation++,
                                undoing, state_.origin->workflow, id()});
  decision.change.child_starts.push_back({this, step, undoing, {}, current.extra->child});
}

void Execution::cannot_undo(Decision& decision, uint32_t step, std::string why) {
  open_commit();
  Outcome outcome;
  outcome.kind = Outcome::Kind::failed;
  outcome.error = make_error("rollback_failed", std::move(why), journal::ErrorClass::terminal);
  on_rollback_outcome(decision, step, outcome);
}

Outcome Execution::undone(const Execution& child) {
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

// The step does not want its child any more: it stops, or its time is up. It goes on running until its child
// has ended, so that whatever follows comes after what the child undoes.
void Execution::stop_child(Decision& decision, uint32_t step) {
  const bool rollback = state_.state == State::stopping ? to_compensate() : true;
  decision.change.child_stops.push_back({state_.steps[step].extra->child,
                                         "its parent " + id().text() + " does not wait for it any more",
                                         rollback});
}

// After a crash: the child was not committed with the step, or its input was still being asked for. Of a
// function that took the host with it that was the answer.
void Execution::lost_child(Decision& decision, uint32_t step) {
  open_commit();
  local_[step].child_open = false;
  const uint64_t invocation = state_.steps[step].invocation;
  if (decision.killed_host(invocation)) {
    Outcome outcome = crashed(decision.cause_of(invocation));
    return on_child_input(decision, step, outcome);
  }
  if (progress_.running() > 0) progress_.end_running();
  if (guarded(step)) tell_breaker(decision, step, nullptr);
  decision.timers.remove(local_[step].timer);
  interrupt(decision, step);
  finish_if_done(decision);
}

}  // namespace pirn::engine
