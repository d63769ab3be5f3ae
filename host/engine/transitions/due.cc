#include "host/engine/transitions/due.h"

#include <cassert>

#include "host/engine/transitions/compensation.h"
#include "host/engine/transitions/consultations.h"
#include "host/engine/transitions/error_rules.h"
#include "host/engine/transitions/handlers.h"
#include "host/engine/transitions/hooks.h"
#include "host/engine/transitions/lifecycle.h"
#include "host/engine/transitions/nested.h"
#include "host/engine/transitions/outcomes.h"
#include "host/engine/transitions/settle.h"
#include "host/engine/transitions/waiting.h"

namespace pirn::engine::transitions {

using journal::State;
using journal::Step;
using journal::StepState;
using journal::Stopping;
using scheduler::kNoTimer;
using worker::Kind;
using worker::Outcome;

namespace {

void on_step_due(Execution& execution, Decision& decision, uint32_t step) {
  const Step& current = execution.step(step);
  switch (current.state) {
    case StepState::retry_wait:
    case StepState::snoozed:
      if (execution.state().paused) return;          // the end of the pause looks at it
      return make_ready(execution, decision, step);  // S16
    case StepState::awaiting:
      return on_await_due(execution, decision, step);
    case StepState::asking: {
      decision.change.signals.push_back({current.invocation, worker::Runner::Signal::abandon});
      Outcome outcome;
      outcome.kind = Outcome::Kind::failed;
      outcome.error = make_error("timeout", "no answer within the limit of a consultation");
      return on_answer(execution, decision, step, outcome);
    }
    case StepState::running: {  // S10: the token is revoked with the next record
      if (execution.local[step].child_open) return stop_child(execution, decision, step);
      Outcome outcome;
      outcome.kind = Outcome::Kind::failed;
      outcome.error = out_of_time(execution, step);
      abandon(execution, decision, step, &outcome);
      if (execution.state().state == State::stopping) return on_drained(execution, decision, step, outcome);
      return fail_step(execution, decision, step, std::move(outcome.error));
    }
    default:
      assert(false && "only steps that wait have a timer");
  }
}

// Calls that did not return within the grace are fenced; those that are not cancellable have their own
// timeout. A nested execution has its own grace, and what it undoes takes the time that it takes.
void on_grace_over(Execution& execution, Decision& decision) {
  for (uint32_t step = 0; step < execution.plan().n_steps(); ++step) {
    const Step& current = execution.step(step);
    if (current.state != StepState::running || !execution.plan().step(step).cancellable ||
        execution.local[step].child_open)
      continue;
    abandon(execution, decision, step);
    end_cancelled(execution, decision, step, "the grace period was over");
  }
  execution.progress.clear_due();
  finish_if_done(execution, decision);
}

}  // namespace

void on_due(Execution& execution, Decision& decision, const Timer& due) {
  execution.open_commit();
  switch (due.what) {
    case Timer::What::start:
      execution.start_timer = kNoTimer;
      return begin(execution, decision);
    case Timer::What::step:
      execution.local[due.step].timer = kNoTimer;
      return on_step_due(execution, decision, due.step);
    case Timer::What::grace:
      execution.grace_timer = kNoTimer;
      return on_grace_over(execution, decision);
    case Timer::What::hook:
      execution.observers.edit().hook_timer() = kNoTimer;
      decision.change.signals.push_back(
          {execution.observers->running_hook(), worker::Runner::Signal::abandon});
      return on_hook_done(execution, decision, nullptr);
    case Timer::What::handler:
      return on_handler_due(execution, decision, due.step);
    case Timer::What::rollback:
      execution.local[due.step].timer = kNoTimer;
      return on_rollback_due(execution, decision, due.step);
    case Timer::What::workflow_deadline: {
      execution.deadline_timer = kNoTimer;
      Stopping record;
      record.error = make_error("workflow_timeout", "the workflow did not finish within its timeout",
                                journal::ErrorClass::terminal);
      return stop(execution, decision, std::move(record));
    }
  }
}

journal::ErrorPtr out_of_time(const Execution& execution, uint32_t step) {
  return make_error(
      "timeout", "the step did not finish within " + definition::print_duration(execution.timeout_of(step)));
}

}  // namespace pirn::engine::transitions
