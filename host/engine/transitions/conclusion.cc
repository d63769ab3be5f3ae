#include "host/engine/transitions/conclusion.h"

#include "host/engine/dead_letters.h"
#include "host/engine/invocation_input.h"
#include "host/engine/retry.h"
#include "host/engine/transitions/handlers.h"
#include "host/engine/transitions/lifecycle.h"

namespace pirn::engine::transitions {

using journal::FinalState;
using journal::HandlerEvent;
using journal::State;
using journal::StopCause;

namespace {

FinalState final_state(const Execution& execution) {
  if (execution.state().state == State::running) return FinalState::completed;
  return execution.state().cause == StopCause::fail ? FinalState::failed : FinalState::cancelled;
}

void start_conclusion(Execution& execution, Decision& decision, HandlerEvent handler) {
  start_handler(execution, decision, handler, journal::kNoStep,
                conclusion_input(handler, execution.state(), execution.names()));
}

// R34. A nested execution leaves none: its failure is its parent's to deal with.
void leave_dead_letter(Execution& execution, Decision& decision) {
  const definition::Workflow& workflow = execution.plan().workflow();
  if (!workflow.dead_letter || execution.state().parent) return;
  const journal::Origin& origin = *execution.state().origin;
  journal::DeadLetter letter{origin.package,
                             origin.version,
                             origin.workflow,
                             "",
                             "",
                             execution.state().attempt,
                             decision.now,
                             later(decision.now, workflow.dead_letter_ttl_ns)};
  if (execution.state().error) letter.code = execution.state().error->code;
  if (execution.state().error_step != journal::kNoStep)
    letter.step = execution.names()[execution.state().error_step];
  execution.emit(decision, journal::DeadLettered{letter.expires_at});
  decision.dead_letters.insert(origin.tenant, execution.id(), std::move(letter), decision.now);
}

// F1: all steps are reset, patches are dropped, the deadline stays.
bool try_workflow_again(Execution& execution, Decision& decision) {
  const definition::RetryPolicy& policy = execution.plan().workflow().retry;
  if (!retry_allowed(policy, *execution.state().error, execution.state().attempt)) return false;
  const int64_t delay = jittered_delay(policy, raw_delay(policy, execution.state().attempt), execution.id(),
                                       "", execution.state().attempt);
  const int64_t wake_at = later(decision.now, delay);
  execution.emit(decision, journal::WorkflowRetry{execution.state().attempt + 1, execution.state().error,
                                                  execution.state().error_step, delay, wake_at});
  execution.begin_anew();
  if (execution.state().deadline != journal::kNever)
    execution.deadline_timer =
        decision.timers.add(execution.state().deadline, {&execution, Timer::What::workflow_deadline, 0});
  execution.start_timer = decision.timers.add(wake_at, {&execution, Timer::What::start, 0});
  if (execution.state().parent) decision.change.attempts.push_back(&execution);
  return true;
}

}  // namespace

// Everything is over but the workflow's own last word.
void conclude(Execution& execution, Decision& decision) {
  start_timers(execution, decision).remove(execution.start_timer);
  decision.timers.remove(execution.deadline_timer);
  decision.timers.remove(execution.grace_timer);
  const definition::Handlers& handlers = execution.plan().workflow().handlers;
  const FinalState final = final_state(execution);
  if (final == FinalState::failed && try_workflow_again(execution, decision)) return;
  execution.concluding = true;
  if (final == FinalState::completed && !handlers.on_success.empty())
    return start_conclusion(execution, decision, HandlerEvent::on_success);
  if (final == FinalState::failed && !handlers.on_failure.empty())
    return start_conclusion(execution, decision, HandlerEvent::on_failure);
  if (final == FinalState::cancelled && execution.state().cleanup && !handlers.on_cancel.empty())
    return start_conclusion(execution, decision, HandlerEvent::on_cancel);
  finalise(execution, decision);
}

// F2, F3.
void finalise(Execution& execution, Decision& decision) {
  const FinalState final = final_state(execution);
  if (final == FinalState::failed) {
    leave_dead_letter(execution, decision);
    execution.emit(decision, journal::Failed{execution.state().error, execution.state().error_step});
  }
  const int64_t duration = execution.state().started_at ? decision.now - execution.state().started_at : 0;
  execution.emit(decision, journal::Stopped{final, duration, execution.state().tolerated_failures});
  execution.mark_last_commit(decision);
  if (execution.state().parent) decision.change.ended_children.push_back(&execution);
}

}  // namespace pirn::engine::transitions
