#include "host/engine/transitions/waiting.h"

#include "host/engine/invocation_input.h"
#include "host/engine/transitions/calls.h"
#include "host/engine/transitions/error_rules.h"
#include "host/engine/transitions/outcomes.h"

namespace pirn::engine::transitions {

using journal::ErrorClass;
using journal::kNever;
using journal::Step;
using worker::Kind;
using worker::Outcome;

// S11.
void snooze(Execution& execution, Decision& decision, uint32_t step, int64_t delay) {
  const uint32_t limit = execution.plan().step(step).max_snoozes;
  if (execution.step(step).extra->snoozes >= limit)
    return fail_step(
        execution, decision, step,
        make_error("max_snoozes_exceeded",
                   "the step snoozed more often than its max_snoozes of " + std::to_string(limit),
                   ErrorClass::terminal));
  const int64_t wake_at = later(decision.now, delay);
  if (wake_at == kNever)
    return fail_step(execution, decision, step, make_error("invalid_return", "a snooze must have an end"));
  execution.emit(decision,
                 journal::StepSnoozed{step, delay, wake_at, decision.now - execution.step(step).invoked_at});
  set_timer(execution, decision, step, wake_at);
}

// S12. What the function leaves open the definition says; an approval is what people mean by waiting.
void await(Execution& execution, Decision& decision, uint32_t step, const worker::AwaitRequest& request) {
  const definition::Step& of_step = execution.plan().step(step);
  journal::Await await = request.await;
  if (await.kind.empty()) await.kind = "approval";
  if (await.on_timeout.empty()) await.on_timeout = of_step.on_timeout;
  if (request.timeout)
    await.deadline = later(decision.now, *request.timeout);
  else if (of_step.await_inherits)  // R15
    await.deadline = later(decision.now, execution.timeout_of(step));
  std::string reason = "the step awaits: " + await.kind;
  begin_await(execution, decision, step, std::move(await), std::move(reason));
}

void begin_await(Execution& execution, Decision& decision, uint32_t step, journal::Await await,
                 std::string reason) {
  const int64_t deadline = await.deadline;
  execution.emit(decision,
                 journal::StepAwaiting{step, std::make_shared<const journal::Await>(std::move(await)),
                                       execution.ran_for(decision.now, step)});
  execution.emit(decision, journal::Paused{step, std::move(reason)});
  if (deadline == kNever) return;
  set_timer(execution, decision, step, deadline);
  if (deadline > execution.state().deadline)
    execution.emit(decision, journal::Diagnostic{"await_outlives_workflow",
                                                 "the step may wait longer than its workflow may take; the "
                                                 "workflow's timeout will end it",
                                                 step});
}

// S14.
void on_await_due(Execution& execution, Decision& decision, uint32_t step) {
  if (!execution.step(step).extra->await->on_timeout.empty())
    return ask_on_timeout(execution, decision, step);
  fail_step(execution, decision, step,
            make_error("await_timeout", "no answer came before the deadline of the await"));
}

// The handler takes the place of the task: its answer is the step's, and it has the step's time.
void ask_on_timeout(Execution& execution, Decision& decision, uint32_t step) {
  worker::Invocation call =
      invocation(execution, decision, Kind::handler, step, execution.step(step).extra->await->on_timeout);
  call.for_step = true;
  call.deadline = later(decision.now, execution.timeout_of(step));
  call.input = await_timeout_input(execution.plan().name(step), call.attempt);
  execution.emit(decision, journal::StepAsked{step, Kind::handler, call.id, 0, {}});
  execution.progress.begin_asking();
  set_timer(execution, decision, step, call.deadline);
  decision.change.invocations.push_back(std::move(call));
}

void on_timeout_answer(Execution& execution, Decision& decision, uint32_t step, Outcome& outcome) {
  execution.emit(decision, journal::StepAnswered{step, Kind::handler, false, 0, nullptr});
  on_task_outcome(execution, decision, step, outcome);
}

}  // namespace pirn::engine::transitions
