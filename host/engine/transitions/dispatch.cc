#include "host/engine/transitions/dispatch.h"

#include "host/engine/breakers.h"
#include "host/engine/invocation_input.h"
#include "host/engine/transitions/calls.h"
#include "host/engine/transitions/circuit.h"
#include "host/engine/transitions/error_rules.h"
#include "host/engine/transitions/hooks.h"
#include "host/engine/transitions/nested.h"

namespace pirn::engine::transitions {

using journal::Step;
using worker::Kind;

namespace {

bool start_step(Execution& execution, Decision& decision, uint32_t step);

// A step that waits for resources has its slot: who is behind it does not take it away.
bool take_up(Execution& execution, Decision& decision, uint32_t step) {
  const std::vector<definition::Resource>& needs = execution.plan().step(step).resources;
  if (needs.empty()) return start_step(execution, decision, step);
  decision.resources.wait(execution.id(), step, execution.tenant_number(), needs,
                          execution.plan().step(step).priority, decision.now);
  execution.progress.begin_waiting();
  return false;
}

bool start_step(Execution& execution, Decision& decision, uint32_t step) {
  const Step& current = execution.step(step);
  const uint32_t attempt = current.failures + 1;
  const int64_t deadline = later(decision.now, execution.timeout_of(step));
  const Kind kind = current.fallback_used ? Kind::fallback : Kind::task;
  const std::string_view function = current.fallback_used
                                        ? std::string_view(fallback_function(execution, step))
                                        : execution.plan().task(step);
  worker::Invocation call = invocation(execution, decision, kind, step, function);
  call.attempt = attempt;
  call.deadline = deadline;
  if (kind == Kind::task && execution.plan().guarded(step) &&
      !decision.breakers.admits(execution.state().origin->tenant, execution.plan().step(step).breaker,
                                call.id, decision.now)) {
    // First: what follows may begin the workflow anew, and then there is no such child any more.
    if (!decision.resources.idle()) decision.resources.release(execution.id(), step);
    reject(execution, decision, step);
    return false;
  }
  if (current.fallback_used) call.input = error_input(*current.error);
  if (!execution.plan().step(step).resources.empty())
    call.input = decision.resources.input_of(execution.id(), step, call.input);
  const bool is_nested = kind == Kind::task && execution.nested(step);
  const ExecutionId child = is_nested ? decision.ids.next(decision.now) : ExecutionId();
  execution.emit(decision, journal::StepStarted{step, attempt, call.id, kind, child});
  execution.progress.begin_running();
  set_timer(execution, decision, step, deadline);
  hook(execution, decision, step, &definition::Hooks::on_start);
  if (is_nested)
    start_nested(execution, decision, step, call.id);
  else
    decision.change.invocations.push_back(std::move(call));
  return true;
}

}  // namespace

bool start_next(Execution& execution, Decision& decision) {
  return take_up(execution, decision, execution.progress.pop_ready());
}

bool call_out_of_turn(Execution& execution, Decision& decision, uint32_t step) {
  if (!execution.dispatchable() || !execution.progress.take_ready(step)) return false;
  (void)take_up(execution, decision, step);
  return true;
}

bool start_supplied(Execution& execution, Decision& decision, uint32_t step) {
  execution.progress.end_waiting();
  return start_step(execution, decision, step);
}

// It leaves the line: what waited there is ready, and no more.
void leave_line(Execution& execution, Decision& decision) {
  if (execution.progress.waiting() == 0) return;
  execution.progress.forget_waiting();
  for (const uint32_t step : decision.resources.withdraw(execution.id()))
    execution.progress.push_ready(execution.plan(), step);
}

}  // namespace pirn::engine::transitions
