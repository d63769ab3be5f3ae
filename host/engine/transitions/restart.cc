#include "host/engine/transitions/restart.h"

#include "host/engine/breakers.h"
#include "host/engine/transitions/calls.h"
#include "host/engine/transitions/compensation.h"
#include "host/engine/transitions/conclusion.h"
#include "host/engine/transitions/consultations.h"
#include "host/engine/transitions/error_rules.h"
#include "host/engine/transitions/handlers.h"
#include "host/engine/transitions/lifecycle.h"
#include "host/engine/transitions/settle.h"
#include "host/engine/transitions/waiting.h"
#include "packager/schedule/timetable.h"

namespace pirn::engine::transitions {

using journal::kNever;
using journal::State;
using journal::Step;
using journal::StepState;
using worker::Kind;
using worker::Outcome;

namespace {

bool crashed_too_often(const Execution& execution, uint32_t step) {
  return execution.step(step).extra->crashes > execution.plan().step(step).max_crashes;
}

std::string by(std::string_view cause) { return cause.empty() ? "" : " by " + std::string(cause); }

// A function that kills its process must not do so for ever: the step fails, of a consultation the default
// holds.
void blame(Execution& execution, Decision& decision, uint32_t step, std::string_view cause) {
  const Step& current = execution.step(step);
  if (current.state == StepState::asking) {
    Outcome outcome = crashed(cause);
    return on_answer(execution, decision, step, outcome);
  }
  if (current.state != StepState::ready) return;  // stopped meanwhile
  fail_step(
      execution, decision, step,
      make_error("crashed",
                 "the step crashed the process that it ran in " + std::to_string(current.extra->crashes) +
                     " times" + (cause.empty() ? "" : ", the last time" + by(cause)) +
                     "; its max_crashes is " + std::to_string(execution.plan().step(step).max_crashes),
                 journal::ErrorClass::terminal));
}

}  // namespace

// In rank order, so that ancestors come first.
void refold(Execution& execution) {
  for (uint32_t number = 1; number <= execution.state().patches.size(); ++number) {
    const journal::Delta& patch = execution.state().patches[number - 1];
    execution.fold.patch(number, patch);
    execution.stored.add_patch(patch);
  }
  execution.progress.raise_barrier(execution.plan());
  execution.plan().in_order([&](uint32_t step) {
    const Step& current = execution.step(step);
    if (current.state == StepState::pending) return;
    execution.stored.add_texts(current);
    if (current.error) execution.stored.add_error(*current.error);
    if (current.extra->rollback_error) execution.stored.add_rollback_error(*current.extra->rollback_error);
    if (!execution.plan().is_child(step) && !execution.plan().step(step).after_any.empty())
      execution.frame->set_fired_by(step, fired_before(execution.plan(), execution.state().steps, step));
    look(execution, step);
    if (!journal::terminal(current.state)) return;
    if (current.state == StepState::completed) {
      execution.frame->set(step, current.result);
      if (current.result) {
        execution.stored.add_result(execution.plan(), step, *current.result);
        execution.fold.write(execution.plan(), step, context_delta(execution.plan(), step, *current.result),
                             current.extra->patch);
      }
    }
    count_end(execution, step);
  });
  execution.progress.clear_due();  // each verdict that was due has been followed
}

// S17: the host lost the invocation.
void interrupt(Execution& execution, Decision& decision, uint32_t step, bool crashed,
               std::string_view cause) {
  execution.emit(decision, journal::StepInterrupted{step, crashed, std::string(cause)});
  if (execution.state().state != State::stopping) {
    // One that crashed too often fails, when all is known that was under way.
    if (!crashed || !crashed_too_often(execution, step))
      execution.progress.push_ready(execution.plan(), step);
    return;
  }
  end_cancelled(execution, decision, step, "the host was lost while the workflow was stopping");
}

void resume(Execution& execution, Decision& decision) {
  execution.open_commit();
  if (decision.shift != 0 && journal::has_instants_ahead(execution.state()))
    execution.emit(decision, journal::ClockShifted{decision.shift});
  if (decision.hook_killed_host(execution.id()) && !execution.state().without_hooks)
    execution.emit(decision, journal::HookCrashed{});
  const bool deadline_counts =
      execution.state().state == State::running || execution.state().state == State::pending;
  if (execution.state().deadline != kNever && deadline_counts)
    execution.deadline_timer =
        decision.timers.add(execution.state().deadline, {&execution, Timer::What::workflow_deadline, 0});
  if (execution.state().state == State::pending) {
    resume_handlers(execution, decision);  // of an attempt before
    // Also of a start that the host missed: the engine begins those at a bounded pace.
    const int64_t now = start_clock(execution, decision);
    if (execution.state().wake_at > now || now - execution.state().wake_at > schedule::kPunctual_ns)
      execution.start_timer = start_timers(execution, decision)
                                  .add(execution.state().wake_at, {&execution, Timer::What::start, 0});
    else
      begin(execution, decision);
    return;
  }

  refold(execution);

  // What was under way: S17, and consultations are asked again.
  std::vector<std::pair<uint32_t, std::string_view>> blamed;  // and how they did it
  for (uint32_t step = 0; step < execution.plan().n_steps(); ++step) {
    const Step& current = execution.step(step);
    const bool killed = decision.killed_host(current.invocation);
    const std::string_view cause = decision.cause_of(current.invocation);
    switch (current.state) {
      case StepState::running:
        if (execution.nested(step)) {
          execution.progress.begin_running();
          execution.local[step].child_open = true;  // unless find_lost_children() finds that it has ended
          if (execution.plan().guarded(step))
            decision.breakers.resume(execution.state().origin->tenant,
                                     execution.plan().step(step).breaker.name, current.invocation,
                                     current.invoked_at);
          set_timer(execution, decision, step, later(current.invoked_at, execution.timeout_of(step)));
          decision.change.waiting.push_back({&execution, step, current.extra->child});
        } else {
          interrupt(execution, decision, step, killed, cause);
          if (killed && crashed_too_often(execution, step)) blamed.emplace_back(step, cause);
        }
        break;
      case StepState::ready:
        execution.progress.push_ready(execution.plan(), step);
        break;
      case StepState::retry_wait:
      case StepState::snoozed:
        set_timer(execution, decision, step, current.wake_at);
        break;
      case StepState::awaiting:
        set_timer(execution, decision, step, current.extra->await->deadline);
        break;
      case StepState::asking:
        if (killed) {  // it would do so again
          execution.progress.begin_asking();
          blamed.emplace_back(step, cause);
        } else if (current.asking == Kind::handler) {
          ask_on_timeout(execution, decision, step);
        } else {
          ask_again(execution, decision, step);
        }
        break;
      default:
        break;
    }
  }
  if (execution.state().state == State::stopping && execution.progress.running() > 0 &&
      execution.state().grace_until != kNever)
    execution.grace_timer =
        decision.timers.add(execution.state().grace_until, {&execution, Timer::What::grace, 0});
  execution.progress.clear_due();
  if (resume_handlers(execution, decision)) {
    decision.timers.remove(execution.deadline_timer);
    return finalise(execution, decision);
  }
  if (execution.state().state == State::compensating) return resume_rollbacks(execution, decision);
  for (const auto& [step, cause] : blamed) blame(execution, decision, step, cause);
  finish_if_done(execution, decision);
}

Outcome crashed(std::string_view cause) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::failed;
  outcome.error = make_error("crashed", "the function crashed the process that it ran in" + by(cause));
  return outcome;
}

}  // namespace pirn::engine::transitions
