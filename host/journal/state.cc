#include "host/journal/state.h"

#include <algorithm>
#include <cassert>

namespace pirn::journal {

namespace {

// One overload a record. Each asserts the state that its transition leaves (the tables of semantics 2.5
// and 2.6).
struct Applier {
  ExecutionState& execution;
  int64_t at;

  Step& step(uint32_t index) {
    assert(index < execution.steps.size());
    return execution.steps[index];
  }

  void end(Step& step, StepState state) {
    assert(!terminal(step.state));
    step.state = state;
    step.invocation = 0;
    step.wake_at = 0;
    step.ended_at = at;
    step.ended_seq = execution.next_seq;
  }

  void operator()(Created&& record) {
    execution.tenant = std::move(record.tenant);
    execution.package = std::move(record.package);
    execution.version = std::move(record.version);
    execution.workflow = std::move(record.workflow);
    execution.key = std::move(record.key);
    execution.trigger = std::move(record.trigger);
    execution.pins = std::move(record.pins);
    execution.definition = record.definition;
    execution.definition_schema = record.definition_schema;
    execution.input_digest = record.input_digest;
    execution.root = record.root;
    execution.input = std::move(record.input);
    execution.created_at = at;
    execution.wake_at = record.wake_at;
    execution.steps.resize(record.n_steps);
  }

  void operator()(const Begun& record) {
    assert(execution.state == State::pending);
    execution.state = State::running;
    execution.attempt = record.attempt;
    execution.deadline = record.deadline;
    execution.started_at = at;
    execution.wake_at = 0;
  }

  void operator()(const StepAsked& record) {
    Step& target = step(record.step);
    assert(target.state == StepState::pending || target.state == StepState::retry_wait ||
           target.state == StepState::asking);
    target.state = StepState::asking;
    target.asking = record.kind;
    target.invocation = record.invocation;
  }

  void operator()(const StepAnswered& record) {
    Step& target = step(record.step);
    assert(target.state == StepState::asking && target.asking == record.kind);
    // The answer's consequence follows in the same commit; until then the step is where it was before the
    // question.
    target.state = record.kind == Kind::condition ? StepState::pending : StepState::retry_wait;
    target.invocation = 0;
  }

  void operator()(const StepReady& record) {
    Step& target = step(record.step);
    assert(target.state == StepState::pending || target.state == StepState::retry_wait);
    target.state = StepState::ready;
    target.wake_at = 0;
  }

  void operator()(const StepStarted& record) {
    Step& target = step(record.step);
    assert(target.state == StepState::ready && execution.state == State::running);
    target.state = StepState::running;
    target.invocation = record.invocation;
    ++target.invocations;
    target.invoked_at = at;
    if (target.started_at == 0) target.started_at = at;
  }

  void operator()(StepCompleted&& record) {
    Step& target = step(record.step);
    assert(target.state == StepState::running);
    target.result = std::move(record.result);
    target.error = nullptr;
    end(target, StepState::completed);
  }

  void operator()(StepSkipped&& record) {
    Step& target = step(record.step);
    target.skip_kind = record.kind;
    target.reason = std::move(record.reason);
    end(target, StepState::skipped);
  }

  void operator()(StepFailed&& record) {
    Step& target = step(record.step);
    assert(target.state == StepState::running);
    ++target.failures;
    target.error = record.error;
    target.invocation = 0;
    switch (record.then) {
      case AfterFailure::retry:
        target.state = StepState::retry_wait;
        target.wake_at = kNever;
        return;
      case AfterFailure::fail:
        // The first hard failure is *the* error of the execution.
        if (execution.error_step == Stopping::kNoStep) {
          execution.error_step = record.step;
          execution.error = record.error;
        }
        end(target, StepState::failed);
        return;
      case AfterFailure::tolerate:
        target.tolerated = true;
        ++execution.tolerated_failures;
        end(target, StepState::failed);
        return;
      case AfterFailure::skip:
        return;  // the step.skip of the same commit ends it
    }
  }

  void operator()(const StepRetry& record) {
    Step& target = step(record.step);
    assert(target.state == StepState::retry_wait);
    target.wake_at = record.wake_at;
  }

  void operator()(StepCancelled&& record) {
    Step& target = step(record.step);
    target.reason = std::move(record.reason);
    if (record.partial) target.result = std::move(record.partial);
    end(target, StepState::cancelled);
  }

  void operator()(const StepInterrupted& record) {
    Step& target = step(record.step);
    assert(target.state == StepState::running);
    ++target.interruptions;
    if (record.crashed) ++target.crashes;
    target.state = StepState::ready;
    target.invocation = 0;
  }

  void operator()(Stopping&& record) {
    assert(execution.state == State::running || execution.state == State::pending);
    execution.state = State::stopping;
    execution.cause = record.cause;
    if (record.cause == StopCause::fail) {
      execution.error = record.error;
      execution.error_step = record.step;
    }
    execution.reason = std::move(record.reason);
    execution.rollback = record.rollback;
    execution.cleanup = record.cleanup;
    execution.grace_until = record.grace_until;
  }

  void operator()(Failed&& record) {
    execution.error = record.error;
    execution.error_step = record.step;
  }

  void operator()(const Stopped& record) {
    assert(!terminal(execution.state));
    execution.state = record.state == FinalState::completed ? State::completed
                      : record.state == FinalState::failed  ? State::failed
                                                            : State::cancelled;
    execution.ended_at = at;
    execution.grace_until = kNever;
  }

  void operator()(const Diagnostic&) {}
  void operator()(const Emitted&) {}
};

}  // namespace

void apply(ExecutionState& state, Record&& record, int64_t at) {
  assert(!terminal(state.state));
  std::visit(Applier{state, at}, std::move(record));
  ++state.next_seq;
}

StepClass Step::dependency_class() const {
  switch (state) {
    case StepState::completed:
      return StepClass::ok;
    case StepState::failed:
      return tolerated ? StepClass::soft : StepClass::bad;
    case StepState::cancelled:
      return StepClass::bad;
    case StepState::skipped:
      switch (skip_kind) {
        case SkipKind::requested:
        case SkipKind::on_error:
        case SkipKind::recovery:
          return StepClass::soft;
        case SkipKind::condition:
        case SkipKind::not_taken:
          return StepClass::untaken;
        default:
          return StepClass::bad;
      }
    default:
      return StepClass::open;
  }
}

uint32_t ExecutionState::n_terminal() const {
  return static_cast<uint32_t>(
      std::count_if(steps.begin(), steps.end(), [](const Step& step) { return terminal(step.state); }));
}

std::string_view name_of(StepState state) {
  constexpr std::string_view names[] = {"pending",  "asking",    "ready",  "running", "retry_wait", "snoozed",
                                        "awaiting", "completed", "failed", "skipped", "cancelled"};
  return names[static_cast<size_t>(state)];
}

std::string_view name_of(State state) {
  constexpr std::string_view names[] = {"pending",   "running", "stopping", "compensating",
                                        "completed", "failed",  "cancelled"};
  return names[static_cast<size_t>(state)];
}

std::string_view name_of(SkipKind kind) {
  constexpr std::string_view names[] = {"none",     "condition", "not_taken",       "requested",
                                        "on_error", "recovery",  "upstream_failed", "aborted"};
  return names[static_cast<size_t>(kind)];
}

std::string_view name_of(FinalState state) {
  constexpr std::string_view names[] = {"completed", "failed", "cancelled"};
  return names[static_cast<size_t>(state)];
}

std::string_view name_of(ErrorClass error_class) {
  constexpr std::string_view names[] = {"retryable", "transient", "terminal"};
  return names[static_cast<size_t>(error_class)];
}

std::string_view name_of(Kind kind) {
  constexpr std::string_view names[] = {"none",      "task",     "rollback", "fallback", "handler", "hook",
                                        "condition", "duration", "backoff",  "input",    "result"};
  return names[static_cast<size_t>(kind)];
}

}  // namespace pirn::journal
