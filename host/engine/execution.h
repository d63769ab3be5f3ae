// One open execution: its state, which is the fold of its journal, and what is derived from the state and the
// plan.
//
// The state changes in one way only: emit() writes a record and applies it. Who decides which record is next
// are the transitions of docs/semantics.md (E1 to E13, S1 to S21), functions in host/engine/transitions. They
// emit, and keep the derived data in step with what they have emitted, in the same commit. Derived data can be
// rebuilt from the state at any time; transitions::resume() does that after a crash.
//
// Thread: the engine's.
#pragma once

#include <boost/intrusive/set_hook.hpp>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "host/engine/change.h"
#include "host/engine/context_fold.h"
#include "host/engine/frame.h"
#include "host/engine/grown_plan.h"
#include "host/engine/observers.h"
#include "host/engine/progress.h"
#include "host/engine/recycled.h"
#include "host/engine/rollbacks.h"
#include "host/engine/stored_size.h"
#include "host/journal/codec.h"
#include "host/journal/context.h"
#include "host/journal/state.h"

namespace pirn::engine {

// An instant that is `duration` later; kNever stays never.
inline int64_t later(int64_t now, int64_t duration) {
  return duration >= journal::kNever - now ? journal::kNever : now + duration;
}
journal::ErrorPtr make_error(std::string code, std::string message,
                             journal::ErrorClass error_class = journal::ErrorClass::retryable);

class Execution {
 public:
  Execution(ExecutionId id, PlanPtr plan, uint32_t tenant_number);
  // From a folded state; transitions::resume() continues it.
  Execution(journal::ExecutionState state, GrownPlan plan, uint32_t tenant_number);
  Execution(const Execution&) = delete;
  static void* operator new(size_t bytes) { return RecycledMemory::take(bytes); }
  static void operator delete(void* memory, size_t bytes) { RecycledMemory::give_back(memory, bytes); }

  // ---- what it is ----

  ExecutionId id() const { return state_.id; }
  const journal::ExecutionState& state() const { return state_; }
  const journal::Step& step(uint32_t step) const { return state_.steps[step]; }
  const GrownPlan& plan() const { return plan_; }
  const PlanPtr& shared_plan() const { return plan_.shared(); }
  const std::vector<std::string>& names() const { return plan_.names(); }  // of steps, by index
  uint32_t tenant_number() const { return tenant_number_; }
  bool ended() const { return journal::terminal(state_.state); }
  // The fold over all completed steps.
  const journal::Context& context() const { return fold.all(); }
  std::string context_json() const;

  // Nothing to do until a timer or a command: the moment to write the projection row.
  bool parked() const;
  uint32_t running_steps() const { return progress.running(); }
  // Steps that wait for a slot.
  uint32_t ready_steps() const {
    return state_.state == journal::State::running && !state_.paused ? static_cast<uint32_t>(progress.ready())
                                                                     : 0;
  }
  // The first running step in canonical order; kNoStep: none runs.
  uint32_t current_step() const;
  // Whether a step can start, as far as this execution is concerned.
  bool dispatchable() const;
  bool may_be_cancelled() const {
    return (state_.state == journal::State::pending || state_.state == journal::State::running) &&
           !concluding;
  }
  // Hooks and handlers that are waiting or under way keep a closed execution in memory.
  bool observed() const { return !observers->idle(); }

  // What it counts for among the open executions (open_executions.h), and has counted for at the last look.
  struct Count {
    uint32_t running = 0, ready = 0;  // steps
    bool open = false, under_way = false;
    bool operator==(const Count&) const = default;
  };
  Count count() const {
    if (ended()) return {};
    return {progress.running(), ready_steps(), true, state_.state != journal::State::pending};
  }

  // ---- one of its steps ----

  // Its work is another workflow. A fallback's is not.
  bool nested(uint32_t step) const {
    return !plan_.step(step).nested.empty() && !state_.steps[step].fallback_used;
  }
  int64_t timeout_of(uint32_t step) const;  // ns
  bool time_is_up(uint32_t step, int64_t now) const {
    return now >= later(state_.steps[step].invoked_at, timeout_of(step));
  }
  // How long a step that is over ran, in ns; 0: it was rejected and never invoked.
  int64_t ran_for(int64_t now, uint32_t step) const;
  // Whether the step still wants what its child does. It may have wanted to stop the child when the child was
  // stopping anyway.
  bool wants_child(uint32_t step, int64_t now) const {
    const bool stops = state_.state != journal::State::running && plan_.step(step).cancellable;
    return !stops && !time_is_up(step, now);
  }
  template <class Visit>
  void each_child(Visit visit) const {
    for (uint32_t step = 0; step < state_.steps.size(); ++step)
      if (state_.steps[step].state == journal::StepState::running && nested(step))
        visit(state_.steps[step].extra->child);
  }

  // ---- change ----

  // Each input of the engine opens a commit of its own; what is emitted until the next one goes into it.
  void open_commit() { draft_turn_ = 0; }
  template <class Record>
  void emit(Decision& decision, Record record);
  // The open commit ends the execution.
  void mark_last_commit(Decision& decision) { draft(decision).last = true; }

  // What would be the children of a graft; nullptr and an error when it may not have them.
  ExpansionPtr prepare_expansion(uint32_t graft, journal::ChildrenPtr children, journal::ErrorPtr& error) {
    return plan_.prepare(graft, std::move(children), error);
  }
  // Adds the children to the plan and to what is derived from it.
  void grow(const ExpansionPtr& expansion);
  // Sets what is derived to what it is before the first step of an attempt.
  void begin_anew();

  // ---- derived from the state and the plan; the transitions keep it current ----

  std::shared_ptr<ExecutionFrame> frame;
  Progress progress;
  ContextFold fold;
  struct Local {                                         // of one step
    scheduler::TimerHandle timer = scheduler::kNoTimer;  // of its invocation or of its retry
    bool child_open = false;  // running, nested: its execution has begun and not ended
  };
  std::vector<Local, Recycled<Local>> local;  // by step
  scheduler::TimerHandle start_timer = scheduler::kNoTimer;
  scheduler::TimerHandle deadline_timer = scheduler::kNoTimer;
  scheduler::TimerHandle grace_timer = scheduler::kNoTimer;
  StoredSize stored;
  journal::Rare<Observers> observers;
  journal::Rare<Rollbacks> rollbacks;
  // A nested execution is held with the one that it belongs to. Set before create() and after recovery.
  bool belongs_to_paused = false;
  bool concluding = false;  // all steps are over and the outcome is settled, though its handler still runs

  // ---- the engine's bookkeeping ----

  bool queued = false;     // in the fair queue
  bool dirty = false;      // the projection is behind
  bool touched = false;    // is in the batch that is decided
  bool in_flight = false;  // is in the one that the committer has
  Count counted;
  using ByIdHook =
      boost::intrusive::set_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>,
                                        boost::intrusive::optimize_size<true>>;
  ByIdHook by_id;

 private:
  Draft& draft(Decision& decision);  // the open commit's
  template <class Record>
  void applied(Record&& record, int64_t at);
  void spread(const ExpansionPtr& expansion);

  journal::ExecutionState state_;
  GrownPlan plan_;
  const uint32_t tenant_number_;
  size_t draft_ = 0;
  uint64_t draft_turn_ = 0;  // the turn that draft_ belongs to; 0: none
};

inline Timer::Timer(Execution* execution, What what, uint32_t step)
    : execution(execution), of(execution->id()), what(what), step(step) {}

template <class Record>
void Execution::emit(Decision& decision, Record record) {
  Draft& open = draft(decision);
  journal::append_event(open.body, open.empty, state_.next_seq, record, plan_.names());
  open.empty = false;
  applied(std::move(record), decision.now);
}

// Applies the record, and counts what it adds to the row or takes from it.
template <class Record>
void Execution::applied(Record&& record, int64_t at) {
  using namespace journal;
  constexpr bool is_handlers = std::is_same_v<Record, HandlerStarted> || std::is_same_v<Record, HandlerDone>;
  constexpr bool has_texts = std::is_same_v<Record, StepCompleted> || std::is_same_v<Record, StepSkipped> ||
                             std::is_same_v<Record, StepFailed> || std::is_same_v<Record, StepAwaiting> ||
                             std::is_same_v<Record, StepCancelled> || std::is_same_v<Record, RollbackFailed>;
  if constexpr (is_handlers) {
    stored.remove_handlers(state_);
    apply(state_, std::move(record), at);
    stored.add_handlers(state_);
  } else if constexpr (has_texts) {
    const uint32_t step = record.step;
    stored.remove_texts(state_.steps[step]);
    ErrorPtr error;
    if constexpr (std::is_same_v<Record, StepFailed> || std::is_same_v<Record, RollbackFailed>)
      error = record.error;
    apply(state_, std::move(record), at);
    stored.add_texts(state_.steps[step]);
    if constexpr (std::is_same_v<Record, StepFailed>) stored.add_error(*error);
    if constexpr (std::is_same_v<Record, RollbackFailed>) stored.add_rollback_error(*error);
  } else {
    apply(state_, std::move(record), at);
  }
}

}  // namespace pirn::engine
