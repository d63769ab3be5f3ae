#include "host/engine/transitions/compensation.h"

#include "host/engine/invocation_input.h"
#include "host/engine/retry.h"
#include "host/engine/transitions/calls.h"
#include "host/engine/transitions/conclusion.h"
#include "host/engine/transitions/handlers.h"
#include "host/engine/transitions/nested.h"
#include "host/engine/transitions/restart.h"

namespace pirn::engine::transitions {

using journal::Compensation;
using journal::Step;
using journal::StopCause;
using worker::Kind;
using worker::Outcome;

namespace {

void start_rollback(Execution& execution, Decision& decision, uint32_t step);

void next_rollback(Execution& execution, Decision& decision) {
  if (execution.rollbacks->empty()) return conclude(execution, decision);
  const uint32_t step = execution.rollbacks->next();
  const Step& current = execution.step(step);
  if (current.compensation != Compensation::pending || current.wake_at <= decision.now)
    return start_rollback(execution, decision, step);
  execution.local[step].timer =
      decision.timers.add(current.wake_at, {&execution, Timer::What::rollback, step});
}

void start_rollback(Execution& execution, Decision& decision, uint32_t step) {
  const definition::Step& of_step = execution.plan().step(step);
  if (of_step.rollback.empty()) return roll_back_child(execution, decision, step);
  worker::Invocation call = invocation(execution, decision, Kind::rollback, step, of_step.rollback);
  call.attempt = execution.step(step).extra->rollback_failures + 1;
  call.deadline = later(decision.now, of_step.timeout_ns);
  call.context = concluding_context(execution);
  call.input =
      rollback_input(execution.step(step).result.get(),
                     execution.state().cause == StopCause::fail ? execution.state().error.get() : nullptr);
  execution.emit(decision,
                 journal::RollbackStarted{
                     step, call.attempt, call.id, {}, execution.state().origin->workflow, execution.id()});
  if (call.deadline != journal::kNever)
    execution.local[step].timer =
        decision.timers.add(call.deadline, {&execution, Timer::What::rollback, step});
  decision.change.invocations.push_back(std::move(call));
}

}  // namespace

bool to_compensate(const Execution& execution) {
  if (execution.state().cause == StopCause::cancel) return execution.state().rollback;
  switch (execution.plan().workflow().compensate) {
    case definition::Compensate::always:
      return true;
    case definition::Compensate::never:
      return false;
    default:
      return execution.plan().workflow().failure_mode == definition::FailureMode::fail_fast;
  }
}

void compensate(Execution& execution, Decision& decision) {
  if (to_compensate(execution))
    execution.rollbacks.edit() = Rollbacks(execution.plan(), execution.state().steps);
  if (execution.rollbacks->empty()) return conclude(execution, decision);
  const std::vector<uint32_t> steps = execution.rollbacks->in_order();
  journal::Compensating record{
      static_cast<uint32_t>(steps.size()), execution.state().origin->workflow, execution.id(), {}};
  for (const uint32_t step : steps) record.steps.push_back(execution.names()[step]);
  execution.emit(decision, std::move(record));
  next_rollback(execution, decision);
}

// After a crash: the one that was under way runs again, unless it took the host with it, which is a failure.
void resume_rollbacks(Execution& execution, Decision& decision) {
  execution.rollbacks.edit() = Rollbacks(execution.plan(), execution.state().steps);
  if (!execution.rollbacks->empty()) {
    const uint32_t step = execution.rollbacks->next();
    const Step& current = execution.step(step);
    if (current.compensation == Compensation::running && decision.killed_host(current.invocation))
      return on_rollback_outcome(execution, decision, step, crashed(decision.cause_of(current.invocation)));
  }
  next_rollback(execution, decision);
}

// R25, R61: anything but done is a failure. It is retried by the step's policy, then the others go on.
void on_rollback_outcome(Execution& execution, Decision& decision, uint32_t step, const Outcome& outcome) {
  decision.timers.remove(execution.local[step].timer);
  const int64_t duration = decision.now - execution.step(step).invoked_at;
  const std::string& workflow = execution.state().origin->workflow;
  if (outcome.kind == Outcome::Kind::done) {
    execution.emit(decision, journal::RollbackDone{step, duration, workflow, execution.id()});
  } else {
    const journal::ErrorPtr error = outcome.kind == Outcome::Kind::failed
                                        ? outcome.error
                                        : make_error("invalid_return", "a rollback answers DONE or FAILED");
    const definition::RetryPolicy& policy = execution.plan().step(step).retry;
    const uint32_t failures = execution.step(step).extra->rollback_failures + 1;
    if (retry_allowed(policy, *error, failures)) {
      // A backoff function is asked about steps only: a rollback waits for the delay that it would start
      // from.
      const int64_t delay = jittered_delay(policy, raw_delay(policy, failures), execution.id(),
                                           execution.plan().name(step), failures);
      execution.emit(decision, journal::RollbackFailed{step, error, later(decision.now, delay), duration,
                                                       workflow, execution.id()});
      return next_rollback(execution, decision);
    }
    execution.emit(decision,
                   journal::RollbackFailed{step, error, journal::kNever, duration, workflow, execution.id()});
  }
  execution.rollbacks.edit().end_next();
  next_rollback(execution, decision);
}

// Its time is up, or the wait before its next try is over.
void on_rollback_due(Execution& execution, Decision& decision, uint32_t step) {
  const Step& current = execution.step(step);
  if (current.compensation == Compensation::pending) return start_rollback(execution, decision, step);
  decision.change.signals.push_back({current.invocation, worker::Runner::Signal::cancel});
  decision.change.signals.push_back({current.invocation, worker::Runner::Signal::abandon});
  Outcome outcome;
  outcome.kind = Outcome::Kind::failed;
  outcome.error =
      make_error("timeout", "the rollback did not finish within the step's timeout of " +
                                definition::print_duration(execution.plan().step(step).timeout_ns));
  on_rollback_outcome(execution, decision, step, outcome);
}

}  // namespace pirn::engine::transitions
