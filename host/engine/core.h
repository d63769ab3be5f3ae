// The engine's inside: its data, and its work in seven rooms. engine.cc is the loop and recovery, commands.cc
// answers what the outside asks, walks.cc what it asks about many executions, families.cc begins executions
// that come from others (nested, rolled back, run again, retried from dead letters), slots.cc says which call
// may start and what waits, commit.cc writes what was decided and acts on it, suspects.cc runs what may have
// killed the host.
//
// Thread: the engine's.
#pragma once

#include <deque>
#include <map>
#include <unordered_map>

#include "host/engine/breakers.h"
#include "host/engine/crash_recovery.h"
#include "host/engine/dead_letters.h"
#include "host/engine/engine.h"
#include "host/engine/execution.h"
#include "host/engine/id_source.h"
#include "host/engine/open_executions.h"
#include "host/engine/trials.h"
#include "host/engine/triggers.h"
#include "host/engine/walk.h"
#include "host/journal/invocation.h"
#include "host/scheduler/catch_up.h"
#include "host/scheduler/slot_queue.h"

namespace pirn::engine {

namespace transitions {
enum class Adopting : uint8_t;
}

class Engine::Core : private Launcher {
 public:
  Core(Options options, store::Store& store, worker::Runner& runner, const Releases& releases,
       CommitListener& listener, worker::Wakeup& wakeup, store::Committer* committer)
      : options_(options),
        store_(store),
        runner_(runner),
        releases_(releases),
        listener_(listener),
        committer_(committer),
        inbox_(options.inbox_limit, wakeup),
        queue_(slots_),
        catch_up_(options.catch_up),
        triggers_(*this, store, streams_),
        breakers_(streams_),
        dead_letters_(streams_),
        resources_(options.capacity) {
    batch_->first_invocation = next_invocation_ = journal::first_invocation(store.epoch());
  }

  ~Core() override {
    if (in_flight_) (void)committer_->finish();
  }

  Inbox& inbox() { return inbox_; }
  const std::vector<Error>& damaged_executions() const { return damaged_executions_; }
  const Error* why_quarantined(std::string_view tenant, ExecutionId id) const;
  void stop_dispatching() { dispatching_ = false; }
  void refuse_starts(std::string why) { full_ = std::move(why); }
  size_t running_steps() const { return open_.running_steps(); }
  bool counts_hold() const { return open_.holds(executions_); }

  Status recover(const Clocks& clocks, const worker::LastLife& last);
  const Beginning& beginning() const { return beginning_; }
  const std::vector<LostCall>& lost_calls() const { return lost_calls_; }
  Result<Turn> turn(const Clocks& clocks);

 private:
  using ExecutionPtr = std::unique_ptr<Execution>;

  // Decide.
  void handle(Decision& decision, Start& command);
  void handle(Decision& decision, Rerun& command);
  Result<Started> rerun(Decision& decision, const Rerun& command);
  Result<PlanPtr> plan_again(const journal::ExecutionState& past, bool on_active);
  void handle(Decision& decision, RetryDeadLetters& command);
  Result<ExecutionId> retry_letter(Decision& decision, const std::string& tenant, ExecutionId id,
                                   bool on_active);
  Result<journal::DecodedState> closed(const std::string& tenant, ExecutionId id) const;
  void handle(Decision& decision, ListDeadLetters& command) { dead_letters_.handle(decision, command); }
  void handle(Decision& decision, ShowDeadLetter& command) { dead_letters_.handle(decision, command); }
  void handle(Decision& decision, DiscardDeadLetters& command) { dead_letters_.handle(decision, command); }
  void handle(Decision& decision, ListBreakers& command) { breakers_.handle(decision, command, *catalog_); }
  void handle(Decision& decision, ResetBreaker& command) { breakers_.handle(decision, command, *catalog_); }
  void handle(Decision& decision, Cancel& command);
  void handle(Decision& decision, CancelAll& command);
  void handle(Decision& decision, Pause& command);
  void handle(Decision& decision, Resume& command);
  void handle(Decision& decision, Approve& command);
  void handle(Decision& decision, Note& command);
  void handle(Decision& decision, Show& command);
  void handle(Decision& decision, ListOpen& command);
  void handle(Decision& decision, ListAwaiting& command);
  void handle(Decision& decision, Stats& command);
  bool may_start() const { return dispatching_ && full_.empty(); }
  // Answers a command that would start something while there is no room for it.
  template <class Order>
  bool refused_for_room(Order& command) {
    if (full_.empty()) return false;
    batch_->change.replies.push_back([reply = std::move(command.reply), why = full_] {
      reply(Error{Code::store_full, why, "", Blame::world});
    });
    return true;
  }
  // Commands that go over many executions.
  template <class Walking, class Command>
  void begin_walk(Decision& decision, Command& command, Walking walking);
  bool go_on(Decision& decision, Walk& walk);
  bool go_on(Decision& decision, Walk& walk, Listing& listing);
  bool go_on(Decision& decision, Walk& walk, AwaitedListing& listing);
  bool go_on(Decision& decision, Walk& walk, Cancelling& cancelling);
  bool go_on(Decision& decision, Walk& walk, Retrying& retrying);
  bool look(size_t cost);
  Status go_on_with_walks(Decision& decision);
  // Asks the open execution; why there is none is the answer otherwise.
  template <class Order, class Ask>
  void instruct(Order& command, std::string_view verb, Ask ask);
  Error refusal(std::string_view tenant, ExecutionId id, std::string_view verb) const;
  // resources_insufficient: the workflow could never run to its end here.
  Status check_capacity(const registry::Catalog::Target& target) const override {
    if (resources_.capacity().endless) return {};
    if (!target.workflow->takes_resources && target.release->resources.empty() && !target.required) return {};
    return check_resources(resources_.capacity(), target);
  }
  template <class Trigger>
  void handle(Decision& decision, Trigger& command) {
    if constexpr (std::is_same_v<Trigger, Emit> || std::is_same_v<Trigger, Backfill>) {
      if (refused_for_room(command)) return;
    } else if constexpr (std::is_same_v<Trigger, ControlSchedule>) {
      if (command.action == ControlSchedule::Action::trigger && refused_for_room(command)) return;
    }
    triggers_.handle(decision, command, dispatching_);
  }
  ExecutionId launch(Decision& decision, const registry::Catalog::Target& target, Launch launch) override;
  Result<std::optional<ExecutionId>> started_by(const std::string& tenant, const std::string& key) override;
  uint32_t running(std::string_view tenant, const journal::ScheduleName& workflow) const override;
  void on_completion(Decision& decision, worker::Completion& completion);
  Status dispatch_all(Decision& decision);
  void dispatch(Decision& decision);
  bool start_queued(Decision& decision);
  bool start_waiting(Decision& decision);

  // Slots.
  void take_back_slots();
  void account_for_calls(Decision& decision);
  void hear_cancels();
  void release_calls(Decision& decision);
  std::optional<uint32_t> next_held() const;
  bool admit(Decision& decision, worker::Invocation& call);
  void set_slot_terms(const std::string& tenant, uint32_t number);
  std::optional<SlotWait> slot_wait(const Execution& execution) const;
  SlotUse slot_use() const;
  void missed(const std::string& tenant, const journal::ScheduleName& schedule) override;
  bool missed(Execution& execution);
  void look_for_room();
  Result<size_t> catch_up(Decision& decision);
  void touched(Execution& execution);
  void queue_up(Execution& execution);  // for dispatch, if it can start a step
  Execution& add(ExecutionId id, PlanPtr plan);
  Execution& create(Decision& decision, ExecutionId id, PlanPtr plan, journal::Created record);
  Execution& create_from(Decision& decision, ExecutionId id, PlanPtr plan, journal::Created record,
                         const std::vector<journal::Step>& past, const std::vector<bool>& adopts,
                         transitions::Adopting why, const std::vector<ExpansionPtr>& expansions = {});
  // Nested executions that begin, stop or end in this turn, until there are none.
  Result<bool> settle_families(Decision& decision);  // whether there was anything
  Status begin_child(Decision& decision, const ChildStart& start);
  Status find_lost_children(Decision& decision);
  Result<std::optional<Started>> find_start_key(const Start& command);
  ExecutionSummary summary_of(const Execution& execution) const;

  // Time.
  void begin_time(const Clocks& clocks, int64_t newest);
  int64_t look_at_clock(Decision& decision);
  const journal::ClockState& known_clock() const;

  // Commit.
  struct Batch;
  Status commit();
  bool write_rows();
  void project(const Execution& execution);
  bool has_long_row(const Execution& execution) const {
    return execution.stored.row_bytes() >= options_.long_row_bytes;
  }
  Status land();

  // Suspects.
  void suspect_running_steps(const worker::LastLife& last, const journal::ExecutionState& state);
  void note_lost_calls(const worker::LastLife& last, const journal::ExecutionState& state,
                       const GrownPlan& plan);
  void say_whom_they_concern(const worker::LastLife& last, const std::vector<worker::FatalInvocation>& fatal);
  void call_suspect(Decision& decision);
  void hold(std::vector<worker::Invocation>& calls);
  void start_held(std::vector<HeldCall> held);
  void look_after_trials();
  bool go_on_with_trials();
  void end_trials();
  void clear_suspect(uint64_t invocation);
  void forget_suspects_of(ExecutionId execution);

  // Act.
  void act(Batch& batch);
  void start(std::vector<worker::Invocation>& calls);
  bool heard_by_trials(const Signal& signal);
  void leave_if_over(Execution& execution);
  void unpin(const registry::ReleasePtr& release);
  void retire_replaced();
  bool forget_plans(const registry::ReleasePtr& release);

  Result<GrownPlan> recovered_plan(const journal::ExecutionState& state);
  Status quarantine(Recovered::Folded&& folded, Error why);
  void shift_quarantined(journal::ExecutionState& state);
  // Answers a command of a tenant whose own stream cannot be read.
  template <class Order>
  bool refused_for_damage(Order& command) {
    if constexpr (requires { command.tenant; }) {
      const Error* const why = streams_.damage(command.tenant);
      if (why == nullptr) return false;
      batch_->change.replies.push_back([reply = std::move(command.reply), why = *why] { reply(why); });
      return true;
    }
    return false;
  }
  Result<registry::ReleasePtr> load(const std::string& tenant, const Digest& digest);
  const journal::ExecutionState& state_of(ExecutionId id) const;
  Result<PlanPtr> recovered_plan(const journal::Origin& origin);
  PlanPtr plan_of(const registry::ReleasePtr& release, const definition::Workflow& workflow,
                  const registry::RequiredPtr& required);
  uint32_t tenant_number(const std::string& tenant);
  Execution* open_execution(std::string_view tenant, ExecutionId id);
  Decision begin_decision() {
    return {time_.now(),
            time_.wall(),
            batch_->change,
            timers_,
            wall_timers_,
            ids_,
            resources_,
            next_invocation_,
            breakers_,
            dead_letters_,
            options_.cancel_grace_ns,
            options_.consultation_limit_ns,
            options_.handler_limit_ns,
            {options_.execution_limit_bytes, options_.body_limit_bytes},
            catalog_.get()};
  }

  const Options options_;
  store::Store& store_;
  worker::Runner& runner_;
  const Releases& releases_;
  CommitListener& listener_;
  store::Committer* const committer_;
  Inbox inbox_;

  OpenExecutions open_;  // of executions_
  std::unordered_map<ExecutionId, ExecutionPtr, std::hash<ExecutionId>, std::equal_to<>,
                     Recycled<std::pair<const ExecutionId, ExecutionPtr>>>
      executions_;
  std::map<std::pair<std::string, std::string>, ExecutionId, std::less<>>
      start_keys_;  // of open executions, (tenant, key)
  std::unordered_map<std::string, uint32_t> tenant_numbers_;
  // More than one where executions run with different releases of what is required.
  std::unordered_map<const definition::Workflow*, std::vector<PlanPtr>> plans_;
  std::unordered_map<registry::ReleasePtr, uint32_t> pins_;  // how many executions in memory pin it
  registry::CatalogPtr catalog_;
  std::map<uint32_t, std::deque<Walk>> walks_;  // by tenant, in the order of its commands
  uint32_t walked_last_ = UINT32_MAX;           // the tenant
  size_t looks_left_ = 0;                       // in this turn
  size_t slice_ = 0;                            // what the walk whose turn it is may still look at
  size_t n_acts_ = 0;                           // in this turn, of walks
  bool walks_held_up_ = false;                  // all of them, by the disk
  scheduler::SlotShares slots_;
  scheduler::SlotQueue<Execution*> queue_;
  // Calls that wait for a slot, and how long they may take once they have it; by tenant, oldest first.
  struct Held {
    worker::Invocation call;
    int64_t allowance_ns;
    bool cancelled = false;  // the runner is told when it has begun
  };
  std::map<uint32_t, std::deque<Held>> held_;
  // What the host missed while it was down: a schedule that is behind, or a start.
  struct Missed {
    Triggers::Key schedule;
    ExecutionId start;
  };
  scheduler::CatchUp<Missed> catch_up_;
  TimeLine time_;
  Beginning beginning_;
  Timers timers_;
  Timers wall_timers_;  // of starts at an instant of the wall clock
  TenantStreams streams_;
  Triggers triggers_;
  Breakers breakers_;
  DeadLetters dead_letters_;
  IdSource ids_;
  Resources resources_;
  Trials trials_;
  std::vector<LostCall> lost_calls_;
  uint64_t next_invocation_ = 1;
  bool dispatching_ = true;
  std::string full_;            // why nothing new is started; empty: it is
  bool passed_over_ = false;    // somebody has waited for resources, and found no slot at the last look
  bool supplied_last_ = false;  // the last who was served had waited for resources
  bool signalled_ = false;      // in this turn, which may have freed slots behind its own dispatch

  // One turn's data, kept for its buffers.
  std::vector<Command> commands_;
  std::vector<worker::Completion> completions_;
  std::vector<uint32_t> freed_;

  // The row of a large execution, and what its body is written from, as it was when that was decided. The
  // committer's thread writes it if there is one, for that takes long.
  struct LongRow {
    size_t row;  // of the batch's execution_rows
    journal::ExecutionState state;
    std::vector<std::string> names;
    journal::Context context;
    journal::TextWriter body;
  };
  using LongRows = std::vector<std::unique_ptr<LongRow>>;
  static void write(LongRows& rows, std::vector<store::ExecutionRow>& into);

  // What goes into one transaction, from the first decision until it has been acted on.
  struct Batch {
    Change change;
    uint64_t number = 1;            // the batches are counted
    uint64_t first_invocation = 1;  // that began in it, or in one behind it
    size_t inputs = 0;
    std::vector<std::pair<Reply<Started>, Result<Started>>>
        started;  // the most frequent reply, without a closure
    std::vector<Execution*> touched;
    size_t n_accounted = 0;       // of the change's invocations: they have their slots
    size_t n_heard = 0;           // of the change's signals, by calls that wait for a slot
    std::vector<uint64_t> older;  // those that began before the batch, and are called in it
    std::vector<store::JournalRow> journal_rows;
    std::vector<store::ExecutionRow> execution_rows;
    std::vector<store::TenantRow> tenant_rows;
    std::vector<store::EventRow> event_rows;
    std::vector<journal::TextWriter> bodies;
    size_t n_bodies = 0;
    LongRows long_rows;  // whose bodies are still to be written
    size_t n_bytes = 0;  // of the journal's rows
    bool long_to_write = false;
    bool complete = false;

    store::Change rows(const Lease& lease) const {
      return {lease, journal_rows, execution_rows, complete, tenant_rows, event_rows};
    }
    void clear() {
      change.clear();
      inputs = 0;
      started.clear();
      touched.clear();
      n_accounted = n_heard = 0;
      older.clear();
    }
  };
  Batch batches_[2];
  Batch* batch_ = &batches_[0];  // which is decided
  Batch* in_flight_ = nullptr;   // which the committer has
  bool after_long_ = false;      // the last one was long to write, and the store may still tidy up
  uint64_t turns_ = 0, durable_ = 0;

  std::vector<Execution*> dirty_;  // open, and the projection is behind
  std::vector<std::pair<ExecutionId, Execution*>> to_project_;
  uint64_t commits_since_complete_ = 0;
  std::vector<Error> damaged_executions_;
  std::vector<std::pair<ExecutionId, journal::TextWriter>> marks_;  // their rows, to be written
  struct Shift {
    ExecutionId id;
    uint32_t commit_no;
    journal::TextWriter body;
  };
  std::vector<Shift> shifts_;  // commits of quarantined executions, to be written
  size_t n_unmarked_ = 0;      // whose journal the watermark must not pass
  using Loaded = std::map<std::pair<std::string, Digest>, Result<registry::ReleasePtr>>;
  std::optional<Loaded> loaded_;  // during a recovery
  struct Quarantined {
    journal::ExecutionState state;
    Error why;
  };
  // Their keys are taken, their parents wait. Unchanged after recover(): other threads look.
  std::unordered_map<ExecutionId, Quarantined> quarantined_;
  EngineStats stats_;
};

// What answers for an execution that is not there, and for a foreign one.
inline Error not_open(ExecutionId id) {
  return Error{Code::not_found, "there is no execution '" + id.text() + "'"};
}

}  // namespace pirn::engine
