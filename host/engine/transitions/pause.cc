#include "host/engine/transitions/pause.h"

#include "host/engine/transitions/answers.h"
#include "host/engine/transitions/dispatch.h"
#include "host/engine/transitions/lifecycle.h"
#include "host/engine/transitions/settle.h"

namespace pirn::engine::transitions {

using journal::State;
using journal::Step;
using journal::StepState;

namespace {

void pause(Execution& execution, Decision& decision, journal::Paused record) {
  execution.emit(decision, std::move(record));
  leave_line(execution, decision);
  decision.change.pauses.push_back(&execution);
}

}  // namespace

Status on_pause(Execution& execution, Decision& decision, const std::string& reason) {
  const std::string what = "execution " + execution.id().text();
  if (execution.state().state != State::running)
    return cannot(what, name_of(execution.state().state), "paused");
  if (execution.state().paused) return cannot(what, "paused", "paused");
  if (execution.concluding) return cannot(what, "over but for its handler", "paused");
  execution.open_commit();
  pause(execution, decision, {journal::kNoStep, reason});
  return {};
}

void hold(Execution& execution, Decision& decision) {
  execution.belongs_to_paused = true;
  if (execution.state().state != State::running || execution.state().paused || execution.concluding) return;
  execution.open_commit();
  pause_with_parent(execution, decision);
}

void pause_with_parent(Execution& execution, Decision& decision) {
  pause(execution, decision,
        {journal::kNoStep, "execution " + execution.state().parent.text() + " is paused", true});
}

void let_go_on(Execution& execution, Decision& decision) {
  execution.belongs_to_paused = false;
  if (!execution.state().held) return;
  execution.open_commit();
  Resume nothing_said;
  end_pause(execution, decision, nothing_said, false);
  finish_if_done(execution, decision);
}

// What was due meanwhile is due now, and what has not ended yet sees the patch.
void end_pause(Execution& execution, Decision& decision, Resume& command, bool with_patch) {
  journal::Resumed record{journal::kNoStep, {}, command.by.name};
  if (with_patch) record.patch = command.context;
  execution.emit(decision, std::move(record));
  decision.change.pauses.push_back(&execution);
  if (with_patch && !command.context.empty()) {
    execution.stored.add_patch(command.context);
    const auto number = static_cast<uint32_t>(execution.state().patches.size());
    execution.fold.patch(number, command.context);
  }
  for (uint32_t step = 0; step < execution.state().steps.size(); ++step) {
    const Step& current = execution.step(step);
    if (journal::terminal(current.state) || current.state == StepState::pending) continue;
    look(execution, step);
    const bool sleeps = current.state == StepState::retry_wait || current.state == StepState::snoozed;
    if (!sleeps || current.wake_at > decision.now) continue;
    decision.timers.remove(execution.local[step].timer);
    make_ready(execution, decision, step);
  }
}

}  // namespace pirn::engine::transitions
