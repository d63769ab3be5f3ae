#include "host/engine/transitions/hooks.h"

#include "host/engine/invocation_input.h"
#include "host/engine/transitions/calls.h"
#include "host/engine/transitions/settle.h"

namespace pirn::engine::transitions {

using journal::SkipKind;
using worker::Kind;
using worker::Outcome;

namespace {

void next_hook(Execution& execution, Decision& decision) {
  if (execution.observers->idle()) return;
  Observers& observers = execution.observers.edit();
  std::optional<HookCall> next = observers.next_hook();
  if (!next) return;
  worker::Invocation call = invocation(execution, decision, Kind::hook, next->step, next->function);
  // A step that its dependencies skipped never passed: nothing has been folded for it yet.
  const SkipKind skipped = execution.step(next->step).skip_kind;
  if (skipped == SkipKind::upstream_failed || skipped == SkipKind::not_taken || skipped == SkipKind::aborted)
    call.context = execution.fold.visible(execution.plan(), execution.state().steps,
                                          fired_by(execution, next->step), next->step);
  call.input = std::move(next->input);
  call.deadline = later(decision.now, decision.consultation_limit_ns);
  observers.begin_hook(call.id, next->step);
  observers.hook_timer() = decision.timers.add(call.deadline, {&execution, Timer::What::hook, 0});
  decision.change.invocations.push_back(std::move(call));
}

}  // namespace

void call_hooks(Execution& execution, Decision& decision, uint32_t step,
                std::string definition::Hooks::*which) {
  using definition::Hooks;
  const std::string& of_workflow = execution.plan().workflow().hooks.*which;
  const std::string& of_step = execution.plan().step(step).hooks.*which;
  const std::string_view event = which == &Hooks::on_start     ? "on_start"
                                 : which == &Hooks::on_success ? "on_success"
                                 : which == &Hooks::on_failure ? "on_failure"
                                 : which == &Hooks::on_skip    ? "on_skip"
                                                               : "on_finish";
  const std::string input = hook_input(event, execution.plan().name(step), execution.step(step));
  for (const std::string* function : {&of_workflow, &of_step})
    if (!function->empty()) execution.observers.edit().add_hook({step, *function, input});
  next_hook(execution, decision);
}

void on_hook_done(Execution& execution, Decision& decision, const Outcome* outcome) {
  const uint32_t step = execution.observers.edit().end_hook(decision.timers);
  const bool failed = !outcome || outcome->kind != Outcome::Kind::done;
  if (failed && !execution.ended()) {
    const std::string why = !outcome         ? "no return within the limit"
                            : outcome->error ? outcome->error->code + ": " + outcome->error->message
                                             : "it did not return DONE";
    execution.emit(decision, journal::Diagnostic{"hook_failed", "a hook failed: " + why, step});
  }
  next_hook(execution, decision);
}

}  // namespace pirn::engine::transitions
