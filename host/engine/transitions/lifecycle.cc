#include "host/engine/transitions/lifecycle.h"

#include <algorithm>

#include "host/engine/transitions/compensation.h"
#include "host/engine/transitions/conclusion.h"
#include "host/engine/transitions/dispatch.h"
#include "host/engine/transitions/hooks.h"
#include "host/engine/transitions/nested.h"
#include "host/engine/transitions/pause.h"
#include "host/engine/transitions/restart.h"
#include "host/engine/transitions/settle.h"

namespace pirn::engine::transitions {

using journal::Compensation;
using journal::kNever;
using journal::SkipKind;
using journal::State;
using journal::Step;
using journal::StepState;
using journal::Stopping;

namespace {

journal::Begun begun(const Execution& execution, int64_t deadline) {
  return {execution.state().attempt + 1, deadline, execution.state().origin->workflow, execution.id(),
          execution.state().trigger};
}

// S18 to S21.
void stop_step(Execution& execution, Decision& decision, uint32_t step, bool below_failure) {
  const Step& current = execution.step(step);
  if (current.state == StepState::running) {
    if (!execution.plan().step(step).cancellable) return;
    decision.change.signals.push_back({current.invocation, worker::Runner::Signal::cancel});
    if (execution.local[step].child_open) stop_child(execution, decision, step);
    return;
  }
  if (current.state == StepState::asking) {
    decision.change.signals.push_back({current.invocation, worker::Runner::Signal::abandon});
    execution.progress.end_asking();
  }
  if (execution.state().cause == journal::StopCause::fail && current.invocations == 0) {
    skip(execution, decision, step, below_failure ? SkipKind::upstream_failed : SkipKind::aborted,
         "the workflow is stopping");
    return;
  }
  end_cancelled(execution, decision, step, "the workflow is stopping");
}

// By step: does it depend, directly or not, on one that failed hard?
std::vector<bool> below_failures(const Execution& execution) {
  const std::vector<Join>& joins = execution.plan().shared()->joins();
  std::vector<bool> below(execution.plan().n_steps()), in_join(joins.size());
  const auto at_or_below = [&](uint32_t step) {
    return below[step] ||
           (execution.step(step).state == StepState::failed && !execution.step(step).tolerated);
  };
  const auto any_of = [&](const std::vector<uint32_t>& steps) {
    return std::any_of(steps.begin(), steps.end(), at_or_below);
  };
  execution.plan().in_order([&](uint32_t step) {
    if (execution.plan().is_child(step)) {
      below[step] = at_or_below(execution.plan().of_child(step).graft);
    } else {
      below[step] = any_of(execution.plan().step(step).after);
      if (execution.plan().plain()) return;
      for (uint32_t join : execution.plan().shared()->join_info(step).joins_before)
        below[step] = below[step] || in_join[join];
      const std::vector<uint32_t>& fired_by = execution.frame->fired_by(step);
      if (any_of(fired_by.empty() ? execution.plan().step(step).after_any : fired_by)) below[step] = true;
    }
    if (at_or_below(step))
      for (uint32_t join = execution.plan().join_of(step); join != kNone; join = joins[join].group)
        in_join[join] = true;
  });
  return below;
}

}  // namespace

void create(Execution& execution, Decision& decision, journal::Created record) {
  execution.open_commit();
  execution.emit(decision, std::move(record));
  execution.begin_anew();
  if (execution.state().wake_at > start_clock(execution, decision))
    execution.start_timer =
        start_timers(execution, decision).add(execution.state().wake_at, {&execution, Timer::What::start, 0});
  else
    begin(execution, decision);
}

// By what the start is timed: `at` by the wall clock, all else by engine time.
int64_t start_clock(const Execution& execution, const Decision& decision) {
  return execution.state().wakes_by_wall_clock ? decision.wall : decision.now;
}

Timers& start_timers(const Execution& execution, Decision& decision) {
  return execution.state().wakes_by_wall_clock ? decision.wall_timers : decision.timers;
}

void create_from(Execution& execution, Decision& decision, journal::Created record,
                 const std::vector<Step>& past, const std::vector<bool>& adopts, Adopting why,
                 const std::vector<ExpansionPtr>& expansions) {
  execution.open_commit();
  execution.emit(decision, std::move(record));
  execution.begin_anew();
  const int64_t deadline = later(decision.now, execution.plan().workflow().timeout_ns);
  execution.emit(decision, begun(execution, deadline));
  for (const ExpansionPtr& expansion : expansions) {
    execution.emit(decision, journal::GraftExpanded{expansion->graft, expansion->children});
    execution.grow(expansion);
  }
  std::vector<uint32_t> adopted;
  for (uint32_t step = 0; step < execution.plan().n_steps(); ++step)
    if (adopts[step] && past[step].state == StepState::completed &&
        past[step].compensation == journal::Compensation::none)
      adopted.push_back(step);
  std::sort(adopted.begin(), adopted.end(), [&](uint32_t a, uint32_t b) {
    return past[a].ended_seq < past[b].ended_seq;  // compensation reverses the order of commits
  });
  for (uint32_t step : adopted)
    execution.emit(decision, journal::StepAdopted{step, past[step].result, past[step].extra->child});
  refold(execution);
  if (why == Adopting::to_roll_back) {
    Stopping stopping;
    stopping.cause = journal::StopCause::cancel;
    stopping.reason = "rolls back " + execution.state().retry_of.text();
    stopping.rollback = true;
    stopping.cleanup = false;
    return stop(execution, decision, std::move(stopping));
  }
  if (deadline != kNever)
    execution.deadline_timer = decision.timers.add(deadline, {&execution, Timer::What::workflow_deadline, 0});
  for (uint32_t step = 0; step < execution.plan().n_declared(); ++step)
    if (execution.step(step).state == StepState::pending && !execution.progress.waits(step))
      execution.progress.make_due(execution.plan(), step);
  // A child waits for nothing but its graft, which has been adopted.
  for (uint32_t step = execution.plan().n_declared(); step < execution.plan().n_steps(); ++step)
    if (execution.step(step).state == StepState::pending) pass(execution, decision, step);
  settle(execution, decision);
  finish_if_done(execution, decision);
}

void begin(Execution& execution, Decision& decision) {
  // Counted from the first start, over all attempts (R21).
  const int64_t deadline = execution.state().attempt == 0
                               ? later(decision.now, execution.plan().workflow().timeout_ns)
                               : execution.state().deadline;
  execution.emit(decision, begun(execution, deadline));
  if (execution.belongs_to_paused) pause_with_parent(execution, decision);
  if (deadline != kNever && execution.deadline_timer == scheduler::kNoTimer)
    execution.deadline_timer = decision.timers.add(deadline, {&execution, Timer::What::workflow_deadline, 0});
  execution.progress.raise_barrier(execution.plan());
  for (uint32_t root : execution.plan().roots()) execution.progress.make_due(execution.plan(), root);
  settle(execution, decision);
  finish_if_done(execution, decision);
}

void cancel(Execution& execution, Decision& decision, const std::string& reason, bool rollback, bool cleanup,
            bool with_parent) {
  execution.open_commit();
  Stopping record;
  record.cause = journal::StopCause::cancel;
  record.reason = reason;
  record.rollback = rollback;
  record.cleanup = cleanup;
  record.with_parent = with_parent;
  stop(execution, decision, std::move(record));
}

// E6, E7, E10, E3: running steps drain, all others end now.
void stop(Execution& execution, Decision& decision, Stopping record) {
  const std::vector<bool> below = below_failures(execution);
  if (execution.progress.running() > 0) {
    record.grace_until = later(decision.now, decision.cancel_grace_ns);
    execution.grace_timer = decision.timers.add(record.grace_until, {&execution, Timer::What::grace, 0});
  }
  if (execution.state().paused) decision.change.pauses.push_back(&execution);
  execution.emit(decision, std::move(record));
  start_timers(execution, decision).remove(execution.start_timer);
  decision.timers.remove(execution.deadline_timer);
  leave_line(execution, decision);
  execution.progress.clear_ready();
  execution.progress.drop_barrier();
  execution.plan().in_order([&](uint32_t step) {
    if (!journal::terminal(execution.step(step).state)) stop_step(execution, decision, step, below[step]);
  });
  execution.progress.clear_due();
  finish_if_done(execution, decision);
}

void end_cancelled(Execution& execution, Decision& decision, uint32_t step, std::string reason,
                   journal::ResultPtr partial) {
  execution.emit(decision, journal::StepCancelled{step, std::move(reason), std::move(partial)});
  hook(execution, decision, step, &definition::Hooks::on_failure);
  hook(execution, decision, step, &definition::Hooks::on_finish);
  ended_step(execution, decision, step);
}

// E8, E9, E11.
void finish_if_done(Execution& execution, Decision& decision) {
  if (!execution.progress.all_over() || execution.state().paused || execution.concluding || execution.ended())
    return;
  if (execution.state().state == State::running) {
    if (execution.state().error_step == journal::kNoStep) return conclude(execution, decision);
    Stopping record;
    record.error = execution.state().error;
    record.step = execution.state().error_step;
    execution.emit(decision, record);
    decision.timers.remove(execution.deadline_timer);  // what failed is not stopped again
  }
  if (execution.state().state == State::stopping) {
    decision.timers.remove(execution.grace_timer);
    compensate(execution, decision);
  }
}

void miss_start(Execution& execution) { execution.start_timer = scheduler::kNoTimer; }

bool begin_late(Execution& execution, Decision& decision) {
  if (execution.state().state != journal::State::pending || execution.start_timer != scheduler::kNoTimer)
    return false;
  execution.open_commit();
  begin(execution, decision);
  return true;
}

}  // namespace pirn::engine::transitions
