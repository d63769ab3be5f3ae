#include "host/journal/state.h"

#include <algorithm>
#include <tuple>
#include <type_traits>

#include "host/journal/impossible.h"
#include "host/journal/invocation.h"

namespace pirn::journal {

namespace {

// More steps than any definition may declare: what a disk says is not believed when it asks for memory.
constexpr uint32_t kMostSteps = 1'000'000;

// One overload a record. Each requires the state that its transition leaves (the tables of semantics 2.5
// and 2.6), and that the steps it names exist.
struct Applier {
  ExecutionState& execution;
  int64_t at;

  Step& step(uint32_t index) {
    require(index < execution.steps.size());
    return execution.steps[index];
  }

  void names_a_step_or_none(uint32_t index) const {
    require(index == kNoStep || index < execution.steps.size());
  }
  void names_steps(const std::vector<uint32_t>& indices) const {
    for (const uint32_t index : indices) require(index < execution.steps.size());
  }

  void end(Step& step, StepState state) {
    require(!terminal(step.state));
    step.state = state;
    step.invocation = 0;
    step.wake_at = 0;
    step.ended_at = at;
    step.ended_seq = execution.next_seq;
  }

  void operator()(Created&& record) {
    require(record.origin && record.n_steps <= kMostSteps);
    execution.origin = std::move(record.origin);
    execution.key = std::move(record.key);
    execution.trigger = std::move(record.trigger);
    execution.strategy = record.strategy;
    execution.input_digest = record.input_digest;
    execution.root = record.root ? record.root : execution.id;
    execution.parent = record.parent;
    execution.parent_step = record.parent_step;
    execution.retry_of = record.retry_of;
    execution.input = std::move(record.input);
    execution.created_at = at;
    execution.wake_at = record.wake_at;
    execution.wakes_by_wall_clock = record.by_wall_clock;
    execution.steps.resize(record.n_steps);
  }

  void operator()(const Begun& record) {
    require(execution.state == State::pending);
    execution.state = State::running;
    execution.attempt = record.attempt;
    execution.deadline = record.deadline;
    if (execution.started_at == 0) execution.started_at = at;
    execution.wake_at = 0;
    execution.wakes_by_wall_clock = false;
  }

  void operator()(const StepAsked& record) {
    Step& target = step(record.step);
    require(target.state == StepState::pending || target.state == StepState::retry_wait ||
            target.state == StepState::awaiting || target.state == StepState::asking);
    names_steps(record.fired_by);
    target.state = StepState::asking;
    target.asking = record.kind;
    target.invocation = record.invocation;
    if (record.rule != target.extra->rule) target.extra.edit().rule = record.rule;
    if (!record.fired_by.empty()) target.extra.edit().fired_by = record.fired_by;
  }

  void operator()(const StepAnswered& record) {
    Step& target = step(record.step);
    require(target.state == StepState::asking && target.asking == record.kind);
    // The answer's consequence follows in the same commit; until then the step is where it was before the
    // question. What the handler of an await's timeout answers counts as the step's own outcome.
    const bool failed =
        record.kind == Kind::backoff || (record.kind == Kind::condition && target.extra->rule != 0);
    target.state = record.kind == Kind::handler ? StepState::running
                   : failed                     ? StepState::retry_wait
                                                : StepState::pending;
    target.invocation = 0;
  }

  void operator()(const StepReady& record) {
    Step& target = step(record.step);
    require(target.state == StepState::pending || target.state == StepState::retry_wait ||
            target.state == StepState::snoozed || target.state == StepState::awaiting);
    names_steps(record.fired_by);
    target.state = StepState::ready;
    target.wake_at = 0;
    if (record.timeout != 0) target.extra.edit().timeout = record.timeout;
    if (!record.fired_by.empty()) target.extra.edit().fired_by = record.fired_by;
  }

  void operator()(const StepStarted& record) {
    Step& target = step(record.step);
    require(target.state == StepState::ready && execution.state == State::running);
    target.state = StepState::running;
    target.invocation = record.invocation;
    target.kind = record.kind;
    if (record.child) target.extra.edit().child = record.child;
    ++target.invocations;
    target.invoked_at = at;
    if (target.started_at == 0) target.started_at = at;
  }

  void operator()(StepCompleted&& record) {
    Step& target = step(record.step);
    // A fallback's value completes it from where the failure left it, a resume from where it waits.
    require(target.state == StepState::running || target.state == StepState::awaiting ||
            (target.state == StepState::retry_wait && target.fallback_used));
    // What a fallback or a person gave in place of a nested workflow is none of its work: of that there is
    // nothing to roll back.
    const AwaitPtr& await = target.extra->await;
    const bool in_its_place = target.state == StepState::running    ? target.kind == Kind::fallback
                              : target.state == StepState::awaiting ? await && await->kind == kIntervention
                                                                    : true;
    if (in_its_place && target.extra->child) target.extra.edit().child = ExecutionId();
    complete(target, std::move(record.result));
  }

  void complete(Step& target, ResultPtr result) {
    target.result = std::move(result);
    if (!target.fallback_used) target.error = nullptr;  // a fallback leaves to be seen what it stands in for
    if (!execution.patches.empty())
      target.extra.edit().patch = static_cast<uint32_t>(execution.patches.size());
    end(target, StepState::completed);
  }

  void operator()(StepSkipped&& record) {
    Step& target = step(record.step);
    target.skip_kind = record.kind;
    if (!record.reason.empty()) target.extra.edit().reason = std::move(record.reason);
    end(target, StepState::skipped);
  }

  void operator()(StepFailed&& record) {
    Step& target = step(record.step);
    // An open breaker fails a step that never ran, a deadline or a person one that waits.
    require(target.state == StepState::running || target.state == StepState::ready ||
            target.state == StepState::awaiting ||
            (target.state == StepState::retry_wait && target.fallback_used));
    ++target.failures;
    target.error = record.error;
    target.invocation = 0;
    after_failure(record.step, target, record.then, record.rule);
  }

  void operator()(const StepSettled& record) {
    Step& target = step(record.step);
    require((target.state == StepState::retry_wait || target.state == StepState::awaiting) &&
            record.then != AfterFailure::ask);
    after_failure(record.step, target, record.then, record.rule);
  }

  void after_failure(uint32_t index, Step& target, AfterFailure then, uint32_t rule) {
    if (rule != target.extra->rule) target.extra.edit().rule = rule;
    switch (then) {
      case AfterFailure::fallback:
        target.fallback_used = true;
        [[fallthrough]];
      case AfterFailure::retry:
      case AfterFailure::await:
      case AfterFailure::ask:
        target.state = StepState::retry_wait;
        target.wake_at = kNever;
        return;
      case AfterFailure::fail:
        // The first hard failure is *the* error of the execution.
        if (execution.error_step == kNoStep) {
          execution.error_step = index;
          execution.error = target.error;
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
    require(target.state == StepState::retry_wait);
    target.wake_at = record.wake_at;
  }

  void operator()(StepCancelled&& record) {
    Step& target = step(record.step);
    if (!record.reason.empty()) target.extra.edit().reason = std::move(record.reason);
    if (record.partial) target.result = std::move(record.partial);
    end(target, StepState::cancelled);
  }

  void operator()(const StepInterrupted& record) {
    Step& target = step(record.step);
    require(target.state == StepState::running);
    StepExtra& extra = target.extra.edit();
    ++extra.interruptions;
    if (record.crashed) ++extra.crashes;
    target.state = StepState::ready;
    target.invocation = 0;
  }

  void operator()(const StepSnoozed& record) {
    Step& target = step(record.step);
    require(target.state == StepState::running);
    ++target.extra.edit().snoozes;
    target.state = StepState::snoozed;
    target.invocation = 0;
    target.wake_at = record.wake_at;
  }

  void operator()(StepAwaiting&& record) {
    Step& target = step(record.step);
    require(target.state == StepState::running || target.state == StepState::retry_wait);
    target.state = StepState::awaiting;
    target.invocation = 0;
    target.wake_at = 0;
    target.extra.edit().await = std::move(record.await);
  }

  void operator()(StepAdopted&& record) {
    Step& target = step(record.step);
    require(target.state == StepState::pending);
    if (record.child) target.extra.edit().child = record.child;
    target.adopted = true;
    complete(target, std::move(record.result));
  }

  void operator()(GraftExpanded&& record) {
    const StepState state = step(record.step).state;
    // Before its graft is adopted, an expansion of the execution that this one rolls back.
    require(state == StepState::running || (state == StepState::pending && execution.retry_of));
    if (record.children->empty()) return;
    execution.steps.resize(execution.steps.size() + record.children->size());
    execution.n_children += static_cast<uint32_t>(record.children->size());
    execution.expansions.push_back(std::move(record.children));
  }

  void operator()(const Paused& record) {
    names_a_step_or_none(record.step);
    if (record.step != kNoStep) return;
    execution.paused = true;
    execution.held = record.with_parent;
  }

  void operator()(Resumed&& record) {
    names_a_step_or_none(record.step);
    if (record.step != kNoStep) return;  // the step's own record follows
    require(execution.paused);
    execution.paused = execution.held = false;
    if (!record.patch.empty()) execution.patches.push_back(std::move(record.patch));
  }

  void operator()(const Compensating&) {
    require(execution.state == State::stopping);
    execution.state = State::compensating;
  }

  void operator()(const RollbackStarted& record) {
    Step& target = step(record.step);
    require(execution.state == State::compensating && target.state == StepState::completed);
    target.compensation = Compensation::running;
    target.invoked_at = at;
    target.invocation = record.invocation;
    if (record.child) target.extra.edit().rollback_child = record.child;
    target.wake_at = 0;
  }

  void operator()(const RollbackDone& record) {
    Step& target = step(record.step);
    require(target.compensation == Compensation::running);
    target.compensation = Compensation::done;
    target.invocation = 0;
  }

  void operator()(const RollbackFailed& record) {
    Step& target = step(record.step);
    require(target.compensation == Compensation::running);
    StepExtra& extra = target.extra.edit();
    ++extra.rollback_failures;
    extra.rollback_error = record.error;
    target.invocation = 0;
    target.compensation = record.wake_at == kNever ? Compensation::failed : Compensation::pending;
    target.wake_at = record.wake_at == kNever ? 0 : record.wake_at;
  }

  void operator()(HandlerStarted&& record) {
    names_a_step_or_none(record.step);
    // Started again after a crash, it takes the place of its lost self; in one life of the host nothing does.
    // Of those of the end there is one.
    std::erase_if(execution.handlers, [&](const HandlerRun& run) {
      return run.handler == record.handler && run.step == record.step &&
             !of_one_life(run.invocation, record.invocation) &&
             (run.handler != HandlerEvent::on_step_error || run.input == record.input);
    });
    execution.handlers.push_back({record.handler, record.invocation, record.step, std::move(record.input)});
  }

  void operator()(const HandlerDone& record) {
    std::erase_if(execution.handlers,
                  [&](const HandlerRun& run) { return run.invocation == record.invocation; });
  }

  // A new attempt begins from the input alone (R22); what happened stays in the journal.
  void operator()(const WorkflowRetry& record) {
    require(execution.state == State::stopping || execution.state == State::compensating);
    names_a_step_or_none(record.step);
    // A handler that is still told of a child's error outlives the child.
    for (HandlerRun& run : execution.handlers)
      if (run.step != kNoStep && run.step >= execution.n_declared()) run.step = kNoStep;
    execution.steps.assign(execution.n_declared(), Step());
    execution.expansions.clear();
    execution.n_children = 0;
    execution.patches.clear();
    execution.state = State::pending;
    execution.cause = StopCause::none;
    execution.error = nullptr;
    execution.error_step = kNoStep;
    execution.tolerated_failures = 0;
    execution.grace_until = kNever;
    execution.wake_at = record.wake_at;
  }

  void operator()(const ClockShifted& record) {
    const auto move = [&](int64_t& instant, int64_t none) {
      if (instant != none && instant != kNever)
        require(!__builtin_add_overflow(instant, record.by, &instant));
    };
    if (!execution.wakes_by_wall_clock) move(execution.wake_at, 0);
    move(execution.deadline, kNever);
    move(execution.grace_until, kNever);
    for (Step& step : execution.steps) {
      move(step.wake_at, 0);
      // How long it has run is measured from there.
      if (step.state == StepState::running) move(step.invoked_at, 0);
      if (step.state != StepState::awaiting || step.extra->await->deadline == kNever) continue;
      Await await = *step.extra->await;
      move(await.deadline, kNever);
      step.extra.edit().await = std::make_shared<const Await>(std::move(await));
    }
  }

  void operator()(const HookCrashed&) { execution.without_hooks = true; }

  void operator()(const CircuitRejected& record) { step(record.step); }

  void operator()(const DeadLettered& record) { execution.dead_letter_until = record.expires_at; }

  void operator()(Stopping&& record) {
    require(execution.state == State::running || execution.state == State::pending);
    names_a_step_or_none(record.step);
    execution.state = State::stopping;
    execution.cause = record.cause;
    if (record.cause == StopCause::fail) {
      execution.error = record.error;
      execution.error_step = record.step;
    }
    execution.reason = std::move(record.reason);
    execution.rollback = record.rollback;
    execution.cleanup = record.cleanup;
    execution.stopped_with_parent = record.with_parent;
    execution.grace_until = record.grace_until;
    execution.paused = execution.held = false;
  }

  void operator()(Failed&& record) {
    names_a_step_or_none(record.step);
    execution.error = record.error;
    execution.error_step = record.step;
  }

  void operator()(const Stopped& record) {
    require(!terminal(execution.state));
    execution.state = record.state == FinalState::completed ? State::completed
                      : record.state == FinalState::failed  ? State::failed
                                                            : State::cancelled;
    execution.ended_at = at;
    execution.grace_until = kNever;
  }

  void operator()(const Diagnostic& record) { names_a_step_or_none(record.step); }
  void operator()(const Emitted& record) { step(record.step); }
};

// Both ways to apply a record end here.
template <class One>
void follow(ExecutionState& state, One&& record, int64_t at) {
  require(!terminal(state.state) && (state.origin == nullptr) == std::is_same_v<One, Created>);
  Applier{state, at}(std::move(record));
  ++state.next_seq;
}

}  // namespace

template <class One>
void apply(ExecutionState& state, One&& record, int64_t at) noexcept {
  follow(state, std::move(record), at);
}

// One for each record.
template <class>
struct Applying;
template <class... Records>
struct Applying<std::variant<Records...>> {
  static constexpr std::tuple each{&apply<Records>...};
};
template struct Applying<Record>;

bool replay(ExecutionState& state, Record&& record, int64_t at) {
  try {
    std::visit([&](auto&& one) { follow(state, std::move(one), at); }, std::move(record));
    return true;
  } catch (const Impossible&) {
    return false;
  }
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

bool has_instants_ahead(const ExecutionState& state) {
  if ((state.wake_at != 0 && !state.wakes_by_wall_clock) || state.deadline != kNever ||
      state.grace_until != kNever)
    return true;
  return std::any_of(state.steps.begin(), state.steps.end(), [](const Step& step) {
    return step.wake_at != 0 || step.state == StepState::running ||
           (step.state == StepState::awaiting && step.extra->await->deadline != kNever);
  });
}

std::string_view visible_state(const ExecutionState& state) {
  if (state.state != State::running) return name_of(state.state);
  if (state.paused) return "paused";
  bool awaiting = false;
  for (const Step& step : state.steps) {
    if (step.state == StepState::awaiting)
      awaiting = true;
    else if (!terminal(step.state) && step.state != StepState::pending)
      return "running";
  }
  return awaiting ? "paused" : "running";
}

std::string_view name_of(Compensation compensation) {
  constexpr std::string_view names[] = {"none", "pending", "running", "done", "failed"};
  return names[static_cast<size_t>(compensation)];
}

std::string_view name_of(AfterFailure then) {
  constexpr std::string_view names[] = {"retry", "fail", "tolerate", "skip", "fallback", "await", "ask"};
  return names[static_cast<size_t>(then)];
}

std::string_view name_of(HandlerEvent handler) {
  constexpr std::string_view names[] = {"on_success", "on_failure", "on_cancel", "on_step_error"};
  return names[static_cast<size_t>(handler)];
}

std::string_view name_of(Strategy strategy) {
  constexpr std::string_view names[] = {"as_defined", "parallel", "sequential", "hybrid"};
  return names[static_cast<size_t>(strategy)];
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
