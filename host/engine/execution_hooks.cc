// Hooks observe (R54, R70): one at a time for an execution, in the order of the events; what they return
// changes nothing. They are not journaled: a host that is lost loses those that were waiting. What is
// journaled is that one killed it, for a step that begins again would call it again.
#include "host/engine/execution.h"
#include "host/engine/invocation_input.h"
#include "host/journal/codec.h"

namespace pirn::engine {

using journal::SkipKind;
using journal::Step;
using worker::Kind;
using worker::Outcome;

void Execution::call_hooks(Decision& decision, uint32_t step, std::string definition::Hooks::*which) {
  using definition::Hooks;
  const std::string& of_workflow = plan_->workflow().hooks.*which;
  const std::string& of_step = plan_->step(step).hooks.*which;
  const std::string_view event = which == &Hooks::on_start     ? "on_start"
                                 : which == &Hooks::on_success ? "on_success"
                                 : which == &Hooks::on_failure ? "on_failure"
                                 : which == &Hooks::on_skip    ? "on_skip"
                                                               : "on_finish";
  const std::string input = hook_input(event, plan_->name(step), state_.steps[step]);
  for (const std::string* function : {&of_workflow, &of_step})
    if (!function->empty()) observers_.edit().add_hook({step, *function, input});
  next_hook(decision);
}

void Execution::next_hook(Decision& decision) {
  if (observers_->idle()) return;
  Observers& observers = observers_.edit();
  std::optional<HookCall> next = observers.next_hook();
  if (!next) return;
  worker::Invocation call = invocation(decision, Kind::hook, next->step, next->function);
  // A step that its dependencies skipped never passed: nothing has been folded for it yet.
  const SkipKind skipped = state_.steps[next->step].skip_kind;
  if (skipped == SkipKind::upstream_failed || skipped == SkipKind::not_taken || skipped == SkipKind::aborted)
    call.context = fold_.visible(plan_, state_.steps, fired_by(next->step), next->step);
  call.input = std::move(next->input);
  call.deadline = later(decision.now, decision.consultation_limit_ns);
  observers.begin_hook(call.id, next->step);
  observers.hook_timer() = decision.timers.add(call.deadline, {this, Timer::What::hook, 0});
  decision.change.invocations.push_back(std::move(call));
}

// `outcome` = nullptr: it did not return in time.
void Execution::on_hook_done(Decision& decision, const Outcome* outcome) {
  const uint32_t step = observers_.edit().end_hook(decision.timers);
  const bool failed = !outcome || outcome->kind != Outcome::Kind::done;
  if (failed && !ended()) {
    const std::string why = !outcome         ? "no return within the limit"
                            : outcome->error ? outcome->error->code + ": " + outcome->error->message
                                             : "it did not return DONE";
    emit(decision, journal::Diagnostic{"hook_failed", "a hook failed: " + why, step});
  }
  next_hook(decision);
}

}  // namespace pirn::engine
