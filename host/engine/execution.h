// One open execution: its state (the fold of its journal), what is derived from it, and every decision about
// it.
//
// Read docs/semantics.md beside this file; the transitions are named there (E1 to E13, S1 to S21). A
// decision is: say what happened with emit(), which writes the record and applies it, and then what follows
// from it, in the same commit. State changes in no other way. Derived data (contexts, counters, timers, the
// ready set) is rebuilt from the state by resume() after a crash.
//
// Thread: the engine's.
#pragma once

#include <boost/intrusive/set_hook.hpp>
#include <memory>
#include <string>
#include <vector>

#include "host/engine/change.h"
#include "host/engine/command.h"
#include "host/engine/context_fold.h"
#include "host/engine/frame.h"
#include "host/engine/grown_plan.h"
#include "host/engine/observers.h"
#include "host/engine/progress.h"
#include "host/engine/recycled.h"
#include "host/engine/rollbacks.h"
#include "host/journal/codec.h"
#include "host/journal/context.h"
#include "host/journal/state.h"
#include "host/journal/text_size.h"

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
  // From a folded state; resume() continues it.
  Execution(journal::ExecutionState state, GrownPlan plan, uint32_t tenant_number);
  Execution(const Execution&) = delete;
  static void* operator new(size_t bytes) { return RecycledMemory::take(bytes); }
  static void operator delete(void* memory, size_t bytes) { RecycledMemory::give_back(memory, bytes); }

  ExecutionId id() const { return state_.id; }
  const journal::ExecutionState& state() const { return state_; }
  const Plan& plan() const { return *plan_->shared(); }
  const PlanPtr& shared_plan() const { return plan_->shared(); }
  const std::vector<std::string>& names() const { return plan_->names(); }  // of steps, by index
  uint32_t tenant_number() const { return tenant_number_; }
  bool ended() const { return journal::terminal(state_.state); }
  // Nothing to do until a timer or a command: the moment to write the projection row.
  bool parked() const;
  uint32_t running_steps() const { return progress_.running(); }
  // Steps that wait for a slot.
  uint32_t ready_steps() const {
    return state_.state == journal::State::running && !state_.paused
               ? static_cast<uint32_t>(progress_.ready())
               : 0;
  }
  // Of the steps that run the first in canonical order; kNoStep: none does.
  uint32_t current_step() const;
  // The fold over all completed steps.
  const journal::Context& context() const { return fold_.all(); }
  std::string context_json() const;
  // Of its row at the end, at most.
  size_t row_bytes() const { return stored_.row; }

  // The inputs. Each opens a commit of its own.
  void create(Decision& decision, journal::Created record);
  // Takes over from the steps of another execution, numbered as this plan numbers them, those that `adopts`
  // names and that have completed and were not rolled back; then goes on with the others, or rolls the
  // adopted ones back (as record.retry_of had them, the children of its expansions among them).
  enum class Adopting : uint8_t { to_go_on, to_roll_back };
  void create_from(Decision& decision, journal::Created record, const std::vector<journal::Step>& past,
                   const std::vector<bool>& adopts, Adopting why,
                   const std::vector<ExpansionPtr>& expansions);
  void resume(Decision& decision);  // after recovery
  void on_completion(Decision& decision, worker::Completion& completion);
  void on_due(Decision& decision, const Timer& due);
  // Not one that has ended, stops or concludes. `with_parent`: by the execution that it belongs to.
  void cancel(Decision& decision, const std::string& reason, bool rollback, bool cleanup,
              bool with_parent = false);

  // A nested execution has ended, or was lost with the host.
  void on_child_ended(Decision& decision, const Execution& child);
  void lost_child(Decision& decision, uint32_t step);
  // What a nested execution had done cannot be read, and so not be rolled back.
  void cannot_undo(Decision& decision, uint32_t step, std::string why);
  // Rebuilds what is derived from the slots; of a closed execution before its context is read.
  void refold();
  // Does the step still want what its child does? It may have wanted to stop it when that was stopping
  // anyway.
  bool wants_child(uint32_t step, int64_t now) const {
    const bool stops = state_.state != journal::State::running && plan_->step(step).cancellable;
    return !stops && !time_is_up(step, now);
  }
  bool time_is_up(uint32_t step, int64_t now) const {
    return now >= later(state_.steps[step].invoked_at, timeout_of(step));
  }
  bool may_be_cancelled() const {
    return (state_.state == journal::State::pending || state_.state == journal::State::running) &&
           !concluding_;
  }
  // A nested execution is held with the one that it belongs to, and let go with it; but not what somebody has
  // paused by itself. belongs_to_paused() goes before create(), and after recovery.
  void belongs_to_paused(bool paused) { belongs_to_paused_ = paused; }
  void hold(Decision& decision);
  void let_go_on(Decision& decision);
  template <class Visit>
  void each_child(Visit visit) const {
    for (uint32_t step = 0; step < state_.steps.size(); ++step)
      if (state_.steps[step].state == journal::StepState::running && nested(step))
        visit(state_.steps[step].extra->child);
  }
  // What people say; an error changes nothing.
  Status on_pause(Decision& decision, const std::string& reason);
  Status on_resume(Decision& decision, Resume& command);
  Status on_approval(Decision& decision, const Approve& command);
  Status on_note(Decision& decision, const Note& command);

  // Dispatch: can a step start, as far as this execution is concerned? start_next() starts the best one, or
  // lets it wait for what it asks of the host's resources; start_supplied() starts one that has that. false:
  // nothing was started, for it waits, or its circuit breaker refused it.
  bool dispatchable() const;
  bool start_next(Decision& decision);
  bool start_supplied(Decision& decision, uint32_t step);
  // The same of one step whose turn it is not; false: it cannot start now, else it starts or waits.
  bool call_out_of_turn(Decision& decision, uint32_t step);
  // While a call is held back (trials.h) its limit does not run. `delay`: for so long it was held.
  void suspend_limit(Timers& timers, const worker::Invocation& call);
  void resume_limit(Timers& timers, worker::Invocation& call, int64_t delay);

  // Calls that are none of a step's own work (hooks, handlers, consultations, rollbacks) may have to wait for
  // a slot, in execution_calls.cc. Their time begins when they have it: start_timing() sets the deadline;
  // false: the execution does not want this call any more.
  void stop_timing(Decision& decision, const worker::Invocation& call);
  bool start_timing(Decision& decision, worker::Invocation& call, int64_t allowance_ns);

  // The instant of its start was missed, and its timer is spent: begin_late() does it later, unless the
  // execution does not wait to begin any more.
  void miss_start() { start_timer_ = scheduler::kNoTimer; }
  bool begin_late(Decision& decision);

  // Hooks and handlers that are waiting or under way keep a closed execution in memory.
  bool observed() const { return !observers_->idle(); }

  // What it counts for among the open executions (open_executions.h), and has counted for at the last look.
  struct Count {
    uint32_t running = 0, ready = 0;  // steps
    bool open = false, under_way = false;
    bool operator==(const Count&) const = default;
  };
  Count count() const {
    if (ended()) return {};
    return {progress_.running(), ready_steps(), true, state_.state != journal::State::pending};
  }
  Count counted;
  using ByIdHook =
      boost::intrusive::set_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>,
                                        boost::intrusive::optimize_size<true>>;
  ByIdHook by_id;

  // The engine's bookkeeping.
  bool queued = false;     // in the fair queue
  bool dirty = false;      // the projection is behind
  bool touched = false;    // is in the batch that is decided
  bool in_flight = false;  // is in the one that the committer has

 private:
  // Recording.
  void blame(Decision& decision, uint32_t step, std::string_view cause);
  static worker::Outcome crashed(std::string_view cause);  // of a function that killed the host
  void open_commit() { draft_turn_ = 0; }
  template <class Record>
  void emit(Decision& decision, Record record);
  Draft& draft(Decision& decision);  // the open commit's

  // The beginning and the end.
  journal::Begun begun(int64_t deadline) const;
  void begin(Decision& decision);
  void stop(Decision& decision, journal::Stopping record);
  void stop_step(Decision& decision, uint32_t step, bool below_failure);
  void end_cancelled(Decision& decision, uint32_t step, std::string reason,
                     journal::ResultPtr partial = nullptr);
  void finish_if_done(Decision& decision);
  std::vector<bool> below_failures() const;

  // Sagas, and what comes after the last step.
  bool to_compensate() const;
  void compensate(Decision& decision);
  void next_rollback(Decision& decision);
  void resume_rollbacks(Decision& decision);
  void start_rollback(Decision& decision, uint32_t step);
  void roll_back_child(Decision& decision, uint32_t step);
  void on_rollback_outcome(Decision& decision, uint32_t step, const worker::Outcome& outcome);
  void on_rollback_due(Decision& decision, uint32_t step);
  void conclude(Decision& decision);
  journal::FinalState final_state() const;
  void start_conclusion(Decision& decision, journal::HandlerEvent handler);
  void finalise(Decision& decision);
  void leave_dead_letter(Decision& decision);
  bool try_workflow_again(Decision& decision);
  void begin_anew();

  // Handlers of the workflow.
  void start_handler(Decision& decision, journal::HandlerEvent handler, uint32_t step, std::string input);
  void on_handler_done(Decision& decision, uint64_t invocation, const worker::Outcome* outcome);
  void on_handler_due(Decision& decision, uint32_t low_bits);
  void handler_over(Decision& decision, const journal::HandlerRun& run, journal::ErrorPtr error);
  bool resume_handlers(Decision& decision);  // whether the end is all that is left
  void report_step_error(Decision& decision, uint32_t step, const journal::StepError& error);
  journal::Context concluding_context() const;
  journal::Context with_error(const journal::Context& context, const journal::StepError& error,
                              uint32_t step) const;

  // Nested workflows.
  void start_nested(Decision& decision, uint32_t step, uint64_t token);
  void begin_child(Decision& decision, uint32_t step, const journal::ResultPtr& over);
  void on_child_input(Decision& decision, uint32_t step, worker::Outcome& outcome);
  void ask_for_result(Decision& decision, const Execution& child, std::string_view mapper);
  worker::Outcome outcome_of(const Decision& decision, const Execution& child, uint32_t step) const;
  journal::ErrorPtr out_of_time(uint32_t step) const;
  journal::ErrorPtr nested_error(const Execution& child) const;
  static worker::Outcome undone(const Execution& child);
  void stop_child(Decision& decision, uint32_t step);
  journal::Delta written() const;
  // What it runs is another workflow; a fallback is none.
  bool nested(uint32_t step) const {
    return !plan_->step(step).nested.empty() && !state_.steps[step].fallback_used;
  }

  // Outcomes of invocations.
  void on_task_outcome(Decision& decision, uint32_t step, worker::Outcome& outcome);
  void on_drained(Decision& decision, uint32_t step, worker::Outcome& outcome);
  void on_answer(Decision& decision, uint32_t step, worker::Outcome& outcome);
  void complete(Decision& decision, uint32_t step, journal::ResultPtr result);
  void record_completion(Decision& decision, uint32_t step, journal::ResultPtr result);
  journal::ResultPtr without_reserved_keys(Decision& decision, uint32_t step, journal::ResultPtr result);
  void expand(Decision& decision, uint32_t step, worker::Outcome& outcome);
  journal::ErrorPtr prepare_expansion(Decision& decision, uint32_t step, worker::Outcome& outcome,
                                      journal::ChildrenPtr& children, ExpansionPtr& expansion);
  journal::ErrorPtr check_children(const Decision& decision, const Expansion& expansion) const;
  void spread(const ExpansionPtr& expansion);

  // How much may still be stored, in execution_room.cc. What an invocation came back with is looked at before
  // anything is decided about it.
  void measure();
  void measure(const Expansion& expansion);
  void measure(const journal::Delta& patch);
  void measure_result(uint32_t step, const journal::StepResult& result);
  void measure_error(const journal::StepError& error);
  size_t texts_of(uint32_t step) const;
  size_t handlers_text() const;
  std::string lack_of_room(const Decision& decision, uint32_t step, worker::Kind kind,
                           const worker::Outcome& outcome) const;
  void limit(const Decision& decision, uint32_t step, worker::Kind kind, worker::Outcome& outcome) const;
  Status check_room(const Decision& decision, const std::vector<uint32_t>& steps,
                    const journal::Delta& answer) const;
  Status check_room(const Decision& decision, const journal::Delta& patch) const;
  template <class Record>
  void applied(Record&& record, int64_t at);
  void record_emissions(Decision& decision, worker::Outcome& outcome);

  // What follows a failure (R46): recovery rules, retries, the fallback, on_error.
  struct Failure {
    uint32_t step;
    journal::ErrorPtr error;
    bool recorded = false;  // its step.exception is in an earlier commit
  };
  void fail_step(Decision& decision, uint32_t step, journal::ErrorPtr error);
  void recover(Decision& decision, const Failure& failure, uint32_t first_rule);
  void apply_rule(Decision& decision, const Failure& failure, uint32_t rule);
  bool retry_step(Decision& decision, const Failure& failure, uint32_t rule);
  void schedule_retry(Decision& decision, uint32_t step, uint32_t rule, int64_t raw_delay_ns);
  bool fall_back(Decision& decision, const Failure& failure, const definition::Fallback& fallback,
                 uint32_t rule);
  void give_up(Decision& decision, const Failure& failure, bool abort);
  void skip_failed(Decision& decision, const Failure& failure, journal::SkipKind kind);
  void record_failure(Decision& decision, const Failure& failure, journal::AfterFailure then, uint32_t rule);
  uint32_t n_rules(uint32_t step) const;
  const definition::RecoveryRule& rule(uint32_t step, uint32_t number) const;
  const definition::RetryPolicy& retry_policy(uint32_t step, uint32_t rule) const;
  const std::string& fallback_function(uint32_t step) const;
  void on_step_due(Decision& decision, uint32_t step);
  void on_grace_over(Decision& decision);
  void on_hook_done(Decision& decision, const worker::Outcome* outcome);

  // Waiting.
  void snooze(Decision& decision, uint32_t step, int64_t delay);
  void await(Decision& decision, uint32_t step, const worker::AwaitRequest& request);
  void begin_await(Decision& decision, uint32_t step, journal::Await await, std::string reason);
  void on_await_due(Decision& decision, uint32_t step);
  void ask_on_timeout(Decision& decision, uint32_t step);
  void on_timeout_answer(Decision& decision, uint32_t step, worker::Outcome& outcome);
  Status check_answer(const Resume& command, uint32_t step) const;
  Error no_step(const std::string& name) const;
  void pause(Decision& decision, journal::Paused record);
  void pause_with_parent(Decision& decision);
  void end_pause(Decision& decision, Resume& command, bool with_patch);
  void answer(Decision& decision, uint32_t step, const Resume& command);
  // `outcome`: what the invocation came back with; nullptr: it did not.
  void left_running(Decision& decision, uint32_t step, const worker::Outcome* outcome);
  void note_stale(Decision& decision, const worker::Completion& completion);
  void abandon(Decision& decision, uint32_t step, const worker::Outcome* outcome = nullptr);
  void interrupt(Decision& decision, uint32_t step, bool crashed = false, std::string_view cause = {});
  bool crashed_too_often(uint32_t step) const {
    return state_.steps[step].extra->crashes > plan_->step(step).max_crashes;
  }

  // Circuit breakers (R33), in execution_breaker.cc.
  bool guarded(uint32_t step) const { return plan_->guarded(step); }
  void reject(Decision& decision, uint32_t step);
  void tell_breaker(Decision& decision, uint32_t step, const worker::Outcome* outcome);
  int64_t not_before(Decision& decision, uint32_t step) const;
  // Of a step that is over; a rejected one was not invoked.
  int64_t ran_for(const Decision& decision, uint32_t step) const {
    const journal::Step& current = state_.steps[step];
    const bool ran = current.invoked_at != 0 && current.state != journal::StepState::ready;
    return ran ? decision.now - current.invoked_at : 0;
  }

  // What follows when a step has ended.
  void ended_step(Decision& decision, uint32_t step);
  void count_end(uint32_t step);
  void look(uint32_t step);  // what it sees is what there is now
  const std::vector<uint32_t>& fired_by(uint32_t step) const;
  void settle(Decision& decision);
  void settle_step(Decision& decision, uint32_t step);
  void pass(Decision& decision, uint32_t step);
  void skip(Decision& decision, uint32_t step, journal::SkipKind kind, std::string reason);
  void admit(Decision& decision, uint32_t step);
  void make_ready(Decision& decision, uint32_t step, int64_t timeout = 0);
  void ask(Decision& decision, uint32_t step, worker::Kind kind, std::string_view function,
           uint32_t rule = 0);
  void ask_again(Decision& decision, uint32_t step);
  std::vector<uint32_t> fired_by_to_record(uint32_t step) const;
  void note_conflicts(Decision& decision, uint32_t step, const journal::Delta& delta);

  // `step` may be kNoStep: about the whole workflow.
  worker::Invocation invocation(Decision& decision, worker::Kind kind, uint32_t step,
                                std::string_view function);
  int64_t timeout_of(uint32_t step) const;
  void hook(Decision& decision, uint32_t step, std::string definition::Hooks::*which) {
    if (state_.without_hooks) return;
    if (!(plan_->workflow().hooks.*which).empty() || !(plan_->step(step).hooks.*which).empty())
      call_hooks(decision, step, which);
  }
  void call_hooks(Decision& decision, uint32_t step, std::string definition::Hooks::*which);
  void next_hook(Decision& decision);
  void set_timer(Decision& decision, uint32_t step, int64_t at);
  scheduler::TimerHandle* limit_of(const worker::Invocation& call);
  bool take_up(Decision& decision, uint32_t step);
  bool start_step(Decision& decision, uint32_t step);
  void leave_line(Decision& decision);

  journal::ExecutionState state_;
  GrownPlan plan_;
  const uint32_t tenant_number_;

  // Derived from state_ and plan_.
  std::shared_ptr<ExecutionFrame> frame_;
  Progress progress_;
  ContextFold fold_;
  struct Local {                                         // of one step
    scheduler::TimerHandle timer = scheduler::kNoTimer;  // of its invocation or of its retry
    bool child_open = false;  // running, nested: its execution has begun and not ended
  };
  std::vector<Local, Recycled<Local>> local_;  // by step
  int64_t start_clock(const Decision& decision) const;
  Timers& start_timers(Decision& decision) const;
  scheduler::TimerHandle start_timer_ = scheduler::kNoTimer;
  scheduler::TimerHandle deadline_timer_ = scheduler::kNoTimer;
  scheduler::TimerHandle grace_timer_ = scheduler::kNoTimer;
  // JSON text.
  struct Stored {
    size_t values = 0;           // the input, patches, results, children of grafts
    size_t row = 0;              // the row as it will be at the end, at most
    size_t largest_error = 0;    // of those that were recorded
    size_t rollback_errors = 0;  // which a handler is told together
  };
  Stored stored_;
  journal::Rare<Observers> observers_;
  journal::Rare<Rollbacks> rollbacks_;
  bool belongs_to_paused_ = false;
  bool concluding_ = false;  // all steps are over and the outcome is settled, though its handler still runs

  size_t draft_ = 0;
  uint64_t draft_turn_ = 0;  // the turn that draft_ belongs to; 0: none
};

// Whether an execution can begin with this input, and with what it takes over from a past one.
// execution_too_large: it would store more than it may.
Status check_input(const Decision& decision, const journal::Delta& input);
Status check_heritage(const Decision& decision, const Plan& plan, const journal::Delta& input,
                      const std::vector<journal::Step>& steps, const std::vector<bool>& adopts,
                      const std::vector<ExpansionPtr>& expansions);

inline Timer::Timer(Execution* execution, What what, uint32_t step)
    : execution(execution), of(execution->id()), what(what), step(step) {}

template <class Record>
void Execution::emit(Decision& decision, Record record) {
  Draft& open = draft(decision);
  journal::append_event(open.body, open.empty, state_.next_seq, record, plan_->names());
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
    stored_.row -= handlers_text();
    apply(state_, std::move(record), at);
    stored_.row += handlers_text();
  } else if constexpr (has_texts) {
    const uint32_t step = record.step;
    stored_.row -= texts_of(step);
    ErrorPtr error;
    if constexpr (std::is_same_v<Record, StepFailed> || std::is_same_v<Record, RollbackFailed>)
      error = record.error;
    apply(state_, std::move(record), at);
    stored_.row += texts_of(step);
    if constexpr (std::is_same_v<Record, StepFailed>) measure_error(*error);
    if constexpr (std::is_same_v<Record, RollbackFailed>) stored_.rollback_errors += text_size(*error);
  } else {
    apply(state_, std::move(record), at);
  }
}

}  // namespace pirn::engine
