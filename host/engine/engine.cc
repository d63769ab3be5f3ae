#include "host/engine/engine.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <unordered_map>

#include "host/engine/execution.h"
#include "host/engine/id_source.h"
#include "host/engine/recovery.h"
#include "host/engine/triggers.h"
#include "host/journal/codec.h"
#include "host/scheduler/fair_queue.h"

namespace pirn::engine {

namespace {

Error not_open(ExecutionId id) { return Error{Code::not_found, "there is no execution '" + id.text() + "'"}; }

}  // namespace

class Engine::Core : private Launcher {
 public:
  Core(Options options, store::Store& store, worker::Runner& runner, const Releases& releases,
       CommitListener& listener, worker::Wakeup& wakeup)
      : options_(options),
        store_(store),
        runner_(runner),
        releases_(releases),
        listener_(listener),
        inbox_(options.inbox_limit, wakeup),
        triggers_(*this, store) {
    next_invocation_ = (store.epoch() << 40) + 1;
  }

  Inbox& inbox() { return inbox_; }
  const std::vector<Error>& left_aside() const { return left_aside_; }
  void stop_dispatching() { dispatching_ = false; }
  size_t running_steps() const;

  Status recover(int64_t now, std::span<const uint64_t> killers);
  Result<Turn> turn(int64_t now);

 private:
  using ExecutionPtr = std::unique_ptr<Execution>;

  // Decide.
  void handle(Decision& decision, Start& command);
  void handle(Decision& decision, Rerun& command);
  Result<Started> rerun(Decision& decision, const Rerun& command);
  void handle(Decision& decision, Cancel& command);
  void handle(Decision& decision, Pause& command);
  void handle(Decision& decision, Resume& command);
  void handle(Decision& decision, Approve& command);
  void handle(Decision& decision, Show& command);
  void handle(Decision& decision, ListOpen& command);
  void handle(Decision& decision, ListAwaiting& command);
  void handle(Decision& decision, Stats& command);
  // Asks the open execution; why there is none is the answer otherwise.
  template <class Order, class Ask>
  void instruct(Order& command, std::string_view verb, Ask ask);
  Error refusal(std::string_view tenant, ExecutionId id, std::string_view verb) const;
  template <class Trigger>
  void handle(Decision& decision, Trigger& command) {
    triggers_.handle(decision, command, dispatching_);
  }
  ExecutionId launch(Decision& decision, const registry::Catalog::Target& target, Launch launch) override;
  Result<std::optional<ExecutionId>> started_by(const std::string& tenant, const std::string& key) override;
  uint32_t running(std::string_view tenant, const journal::ScheduleName& workflow) const override;
  void on_completion(Decision& decision, worker::Completion& completion);
  void dispatch(Decision& decision);
  void touched(Execution& execution);
  Execution& add(ExecutionId id, PlanPtr plan);
  Execution& create(Decision& decision, ExecutionId id, PlanPtr plan, journal::Created record);
  Execution& create_from(Decision& decision, ExecutionId id, PlanPtr plan, journal::Created record,
                         const std::vector<journal::Step>& past, const std::vector<bool>& adopts,
                         Execution::Adopting why);
  // Nested executions that begin, stop or end in this turn, until there are none.
  Result<bool> settle_families(Decision& decision);  // whether there was anything
  Status begin_child(Decision& decision, const Birth& birth);
  Status find_lost_children(Decision& decision);
  Result<std::optional<Started>> find_start_key(const Start& command);
  Line line_of(const Execution& execution) const;

  // Commit.
  Status commit();
  void project(Execution& execution);

  // Act.
  void act();
  void leave_if_over(Execution& execution);
  void unpin(const registry::ReleasePtr& release);
  void retire_replaced();

  Result<PlanPtr> recovered_plan(const journal::ExecutionState& state);
  void leave_aside(journal::ExecutionState&& state, Error why);
  const journal::ExecutionState& state_of(ExecutionId id) const;
  Result<PlanPtr> plan_for(const registry::ReleasePtr& release, std::string_view workflow);
  PlanPtr plan_of(const registry::ReleasePtr& release, const definition::Workflow& workflow);
  uint32_t tenant_number(const std::string& tenant);
  Execution* open_execution(std::string_view tenant, ExecutionId id);
  Decision decision(int64_t now) {
    return {now,
            change_,
            timers_,
            ids_,
            next_invocation_,
            options_.cancel_grace_ns,
            options_.consultation_limit_ns,
            options_.handler_limit_ns,
            options_.execution_limit_bytes};
  }

  const Options options_;
  store::Store& store_;
  worker::Runner& runner_;
  const Releases& releases_;
  CommitListener& listener_;
  Inbox inbox_;

  std::unordered_map<ExecutionId, ExecutionPtr> executions_;
  std::map<std::pair<std::string, std::string>, ExecutionId, std::less<>>
      start_keys_;  // of open executions, (tenant, key)
  std::unordered_map<std::string, uint32_t> tenant_numbers_;
  std::unordered_map<const definition::Workflow*, PlanPtr> plans_;
  std::unordered_map<registry::ReleasePtr, uint32_t> pins_;  // how many executions in memory pin it
  registry::CatalogPtr catalog_;
  scheduler::FairQueue<Execution*> queue_;
  Timers timers_;
  Triggers triggers_;
  IdSource ids_;
  uint64_t next_invocation_ = 1;
  bool dispatching_ = true;
  int64_t last_now_ = 0;

  // One turn's data, kept for its buffers.
  Change change_;
  std::vector<Command> commands_;
  std::vector<worker::Completion> completions_;
  std::vector<std::pair<Reply<Started>, Result<Started>>>
      started_;  // the most frequent reply, without a closure
  std::vector<Execution*> touched_;
  std::vector<store::JournalRow> journal_rows_;
  std::vector<store::ExecutionRow> execution_rows_;
  std::vector<store::TenantRow> tenant_rows_;
  std::vector<store::EventRow> event_rows_;
  std::vector<journal::TextWriter> bodies_;
  size_t n_bodies_ = 0;

  std::vector<Execution*> dirty_;  // open, and the projection is behind
  uint64_t commits_since_complete_ = 0;
  std::vector<Error> left_aside_;
  std::unordered_map<ExecutionId, journal::ExecutionState>
      aside_;  // their keys are taken, their parents wait
  EngineStats stats_;
};

// ---- recovery ----

Status Engine::Core::recover(int64_t now, std::span<const uint64_t> killers) {
  PIRN_TRY(const ExecutionId last, store_.last_id());
  ids_.start_above(last);
  PIRN_TRY(Recovered recovered, fold_store(store_, triggers_.streams()));
  last_now_ = std::max({now, ids_.newest_instant(), recovered.newest_instant});
  catalog_ = releases_.catalog();
  change_.clear();
  ++change_.turn;
  Decision deciding = decision(last_now_);
  deciding.killers = killers;
  for (auto& [state, impossible] : recovered.open) {
    auto plan = impossible ? Result<PlanPtr>(std::move(*impossible)) : recovered_plan(state);
    if (!plan) {
      leave_aside(std::move(state), std::move(plan).error());
      continue;
    }
    // What the journal has is a copy for each execution; in memory they share one.
    if (*state.origin == *(*plan)->origin()) state.origin = (*plan)->origin();
    const uint32_t tenant = tenant_number(state.origin->tenant);
    const ExecutionId id = state.id;
    if (!state.key.empty()) start_keys_.emplace(std::pair(state.origin->tenant, state.key), id);
    ++pins_[(*plan)->release()];
    auto& execution = executions_[id] = std::make_unique<Execution>(std::move(state), *plan, tenant);
    execution->resume(deciding);
    touched(*execution);
  }
  PIRN_DO(find_lost_children(deciding));
  triggers_.reconcile(catalog_, last_now_);
  PIRN_DO(commit());
  act();
  return {};
}

// It stays in the store as it is. Its start key remains taken.
void Engine::Core::leave_aside(journal::ExecutionState&& state, Error why) {
  left_aside_.push_back(std::move(why));
  if (state.origin && !state.key.empty())
    start_keys_.emplace(std::pair(state.origin->tenant, state.key), state.id);
  aside_.emplace(state.id, std::move(state));
}

// ---- the turn ----

Result<Turn> Engine::Core::turn(int64_t now) {
  last_now_ = now = std::max(now, last_now_);
  change_.clear();
  triggers_.clear();
  ++change_.turn;
  ++stats_.turns;
  Decision deciding = decision(now);
  Turn turn;

  completions_.clear();
  runner_.take_completions(completions_);
  commands_.clear();
  inbox_.take(options_.inputs_per_turn, commands_);
  if (auto current = releases_.catalog(); current != catalog_) {
    catalog_ = std::move(current);
    retire_replaced();
    triggers_.reconcile(catalog_, now);
  }

  for (worker::Completion& completion : completions_) on_completion(deciding, completion);
  for (Command& command : commands_) std::visit([&](auto& of_type) { handle(deciding, of_type); }, command);
  size_t n_due = 0;
  while (n_due < options_.inputs_per_turn) {
    const std::optional<Due> due = timers_.take_due(now);
    if (!due) break;
    due->execution->on_due(deciding, *due);
    touched(*due->execution);
    ++n_due;
  }
  if (dispatching_) {
    PIRN_TRY(const size_t fires, triggers_.fire(deciding, options_.inputs_per_turn));
    n_due += fires;
  }
  PIRN_DO(settle_families(deciding));
  for (bool more = dispatching_; more;) {
    dispatch(deciding);
    PIRN_TRY(more, settle_families(deciding));
  }

  PIRN_DO(commit());
  act();
  turn.inputs = completions_.size() + commands_.size() + n_due;
  turn.more = commands_.size() == options_.inputs_per_turn || n_due >= options_.inputs_per_turn;
  turn.next_timer = timers_.next();
  // During a shutdown nothing fires: what falls due is the next host's.
  if (const auto fire = triggers_.next_timer(); fire && dispatching_)
    turn.next_timer = std::min(*fire, turn.next_timer.value_or(*fire));
  return turn;
}

// ---- decide ----

void Engine::Core::touched(Execution& execution) {
  if (!execution.touched) {
    execution.touched = true;
    touched_.push_back(&execution);
  }
  if (!execution.queued && execution.dispatchable()) {
    execution.queued = true;
    queue_.push(execution.tenant_number(), &execution);
  }
}

void Engine::Core::on_completion(Decision& deciding, worker::Completion& completion) {
  const auto found = executions_.find(completion.execution);
  if (found == executions_.end()) return;  // a fenced one of an execution that has ended
  found->second->on_completion(deciding, completion);
  touched(*found->second);
}

// The execution that this key has started, if there is one; start_key_conflict when it was for something
// else.
Result<std::optional<Started>> Engine::Core::find_start_key(const Start& command) {
  const auto answer = [&](ExecutionId id, const std::string& package, const std::string& workflow,
                          const Digest& input_digest) -> Result<std::optional<Started>> {
    const bool same_workflow = command.workflow == workflow || command.workflow == package + "::" + workflow;
    if (same_workflow && input_digest == command.input_digest) return std::optional(Started{id, true});
    return Error{Code::start_key_conflict, "the start key '" + command.key + "' started execution " +
                                               id.text() + " with another workflow or input"};
  };
  if (const auto open = start_keys_.find(std::pair(command.tenant, command.key)); open != start_keys_.end()) {
    const journal::ExecutionState& state = state_of(open->second);
    return answer(open->second, state.origin->package, state.origin->workflow, state.input_digest);
  }
  PIRN_TRY(const auto stored, store_.find_by_key(command.tenant, command.key));
  if (!stored) return std::optional<Started>();
  return answer(stored->id, stored->package, stored->workflow, stored->input_digest);
}

void Engine::Core::handle(Decision& deciding, Start& command) {
  const auto answer = [&](Result<Started> result) {
    started_.emplace_back(std::move(command.reply), std::move(result));
  };
  if (!dispatching_) return answer(Error{Code::shutting_down, "the host is shutting down"});
  if (command.key.starts_with("__"))
    return answer(Error{Code::invalid_argument,
                        "the start key '" + command.key + "': keys that begin with __ are reserved"});
  if (!command.key.empty()) {
    auto known = find_start_key(command);
    if (!known) return answer(std::move(known).error());
    if (*known) return answer(**known);
  }
  for (const journal::Delta::Entry& entry : command.input.entries)
    if (entry.key.starts_with("__"))
      return answer(Error{Code::invalid_argument,
                          "the input has the key '" + entry.key + "': keys that begin with __ are reserved"});
  auto target = catalog_->resolve(command.tenant, command.workflow);
  if (!target) return answer(std::move(target).error());
  const ExecutionId id = launch(deciding, *target,
                                {std::move(command.tenant), std::move(command.input), command.input_digest,
                                 std::move(command.key), std::move(command.trigger), command.wake_at});
  answer(Started{id, false});
}

ExecutionId Engine::Core::launch(Decision& deciding, const registry::Catalog::Target& target, Launch launch) {
  PlanPtr plan = plan_of(target.release, *target.workflow);
  const ExecutionId id = ids_.next(deciding.now);
  journal::Created record;
  record.origin = plan->origin();
  record.n_steps = plan->n_steps();
  record.root = id;
  record.key = launch.key;
  record.input_digest = launch.input_digest;
  record.trigger = std::move(launch.trigger);
  record.input = std::move(launch.input);
  record.wake_at = launch.wake_at > deciding.now ? launch.wake_at : 0;

  if (!launch.key.empty()) start_keys_.emplace(std::pair(launch.tenant, std::move(launch.key)), id);
  create(deciding, id, std::move(plan), std::move(record));
  return id;
}

Result<std::optional<ExecutionId>> Engine::Core::started_by(const std::string& tenant,
                                                            const std::string& key) {
  if (const auto open = start_keys_.find(std::pair(tenant, key)); open != start_keys_.end())
    return std::optional(open->second);
  PIRN_TRY(const auto stored, store_.find_by_key(tenant, key));
  return stored ? std::optional(stored->id) : std::nullopt;
}

// A walk over all that is open, which only the fires of workflows with a limit take: no start pays for a
// count.
uint32_t Engine::Core::running(std::string_view tenant, const journal::ScheduleName& workflow) const {
  uint32_t n = 0;
  for (const auto& [id, execution] : executions_) {
    if (execution->ended() || execution->state().state == journal::State::pending) continue;
    const journal::Origin& origin = *execution->state().origin;
    n +=
        origin.workflow == workflow.workflow && origin.package == workflow.package && origin.tenant == tenant;
  }
  return n;
}

Execution& Engine::Core::add(ExecutionId id, PlanPtr plan) {
  ++pins_[plan->release()];
  ++stats_.executions_started;
  const uint32_t tenant = tenant_number(plan->release()->tenant);
  return *(executions_[id] = std::make_unique<Execution>(id, std::move(plan), tenant));
}

Execution& Engine::Core::create(Decision& deciding, ExecutionId id, PlanPtr plan, journal::Created record) {
  Execution& execution = add(id, std::move(plan));
  execution.create(deciding, std::move(record));
  touched(execution);
  return execution;
}

Execution& Engine::Core::create_from(Decision& deciding, ExecutionId id, PlanPtr plan,
                                     journal::Created record, const std::vector<journal::Step>& past,
                                     const std::vector<bool>& adopts, Execution::Adopting why) {
  Execution& execution = add(id, std::move(plan));
  execution.create_from(deciding, std::move(record), past, adopts, why);
  touched(execution);
  return execution;
}

// ---- running again ----

namespace {

// What a new execution of `plan` may take over from `past`: the completed steps of the same name, without
// `from` and what depends on it, and without grafts that have expanded and what depends on them (their
// children come into being anew).
std::vector<bool> steps_to_adopt(const Plan& plan, const journal::ExecutionState& past,
                                 const std::vector<std::string>& names, uint32_t from) {
  std::vector<bool> adopts(plan.n_steps(), true);
  for (uint32_t rank = 0; rank < plan.n_steps(); ++rank) {
    const uint32_t step = plan.at_rank(rank);
    const bool expanded =
        std::any_of(past.expansions.begin(), past.expansions.end(), [&](const auto& children) {
          return !children->empty() && names[children->front().graft] == plan.step(step).name;
        });
    if (step == from || expanded) adopts[step] = false;
    if (!adopts[step])
      for (uint32_t dependent : plan.dependents(step)) adopts[dependent] = false;
  }
  return adopts;
}

// The declared steps of a state as the new plan numbers them: by name.
std::vector<journal::Step> renumbered(const journal::ExecutionState& past,
                                      const std::vector<std::string>& names, const Plan& plan) {
  std::vector<journal::Step> steps(plan.n_steps());
  for (uint32_t i = 0; i < past.n_declared(); ++i)
    if (const uint32_t step = plan.find(names[i]); step != UINT32_MAX) steps[step] = past.steps[i];
  return steps;
}

}  // namespace

void Engine::Core::handle(Decision& deciding, Rerun& command) {
  started_.emplace_back(std::move(command.reply), rerun(deciding, command));
}

Result<Started> Engine::Core::rerun(Decision& deciding, const Rerun& command) {
  if (!dispatching_) return Error{Code::shutting_down, "the host is shutting down"};
  const auto refused = [&](std::string_view state, const char* why) {
    return Error{Code::invalid_transition, "execution " + command.id.text() + " is " + std::string(state) +
                                               " and cannot be " +
                                               (command.from.empty() ? "retried" : "run again") + ": " + why};
  };
  if (const Execution* open = open_execution(command.tenant, command.id))
    return refused(name_of(open->state().state), "it is not over yet");
  PIRN_TRY(const auto stored, store_.find(command.tenant, command.id));
  if (!stored) return not_open(command.id);
  PIRN_TRY(auto decoded, journal::decode_state(stored->body));
  if (command.from.empty() && decoded.state.state == journal::State::completed)
    return refused(name_of(decoded.state.state), "nothing of it failed");
  PlanPtr plan;
  if (command.on_active) {
    const journal::Origin& origin = *decoded.state.origin;
    PIRN_TRY(const auto target, catalog_->resolve(command.tenant, origin.package + "::" + origin.workflow));
    plan = plan_of(target.release, *target.workflow);
  } else {
    PIRN_TRY(plan, recovered_plan(decoded.state));
  }
  uint32_t from = journal::kNoStep;
  if (!command.from.empty() && (from = plan->find(command.from)) == journal::kNoStep) {
    const std::string near = nearest(command.from, plan->names());
    return Error{Code::unknown_step,
                 "the workflow '" + decoded.state.origin->workflow + "' has no step '" + command.from + "'",
                 near.empty() ? "See pirn run show." : "Did you mean '" + near + "'?"};
  }
  const ExecutionId id = ids_.next(deciding.now);
  journal::Created record;
  record.origin = plan->origin();
  record.n_steps = plan->n_steps();
  record.root = id;
  record.retry_of = command.id;
  record.input_digest = decoded.state.input_digest;
  record.trigger = command.from.empty() ? "retry" : "rerun";
  record.input = decoded.state.input;
  for (const journal::Delta& patch : decoded.state.patches)
    for (const journal::Delta::Entry& entry : patch.entries) {
      if (entry.unset)
        std::erase_if(record.input.entries, [&](const auto& given) { return given.key == entry.key; });
      else
        record.input.put(entry.key, entry.value);
    }
  const std::vector<bool> adopts = steps_to_adopt(*plan, decoded.state, decoded.step_names, from);
  create_from(deciding, id, plan, std::move(record), renumbered(decoded.state, decoded.step_names, *plan),
              adopts, Execution::Adopting::to_go_on);
  return Started{id, false};
}

// ---- nested executions ----

Result<bool> Engine::Core::settle_families(Decision& deciding) {
  bool any = false;
  while (!change_.births.empty() || !change_.child_stops.empty() || !change_.ended_children.empty()) {
    any = true;
    for (const Birth& birth : std::exchange(change_.births, {})) PIRN_DO(begin_child(deciding, birth));
    for (const ChildStop& stop : std::exchange(change_.child_stops, {})) {
      const auto child = executions_.find(stop.child);
      if (child == executions_.end() || !child->second->may_be_cancelled()) continue;
      child->second->cancel(deciding, stop.reason, stop.rollback, true);
      touched(*child->second);
    }
    for (const Execution* child : std::exchange(change_.ended_children, {})) {
      const auto parent = executions_.find(child->state().parent);
      if (parent == executions_.end()) continue;
      parent->second->on_child_ended(deciding, *child);
      touched(*parent->second);
    }
  }
  return any;
}

// A nested workflow runs on the release of its parent: what was started together stays together.
Status Engine::Core::begin_child(Decision& deciding, const Birth& birth) {
  const journal::ExecutionState& parent = birth.parent->state();
  const registry::ReleasePtr& release = birth.parent->plan().release();
  const std::string& name = birth.parent->plan().step(birth.step).nested;
  const size_t colons = name.find("::");
  const definition::Workflow* workflow =
      release->find(colons == std::string::npos ? name : name.substr(colons + 2));
  assert(workflow && "checked when the definition was read");
  PlanPtr plan = plan_of(release, *workflow);
  journal::Created record;
  record.origin = plan->origin();
  record.n_steps = plan->n_steps();
  record.root = parent.root;
  record.parent = parent.id;
  record.parent_step = birth.step;
  record.trigger = birth.undoes ? "rollback" : "nested";
  record.input = birth.input;
  if (!birth.undoes) {
    create(deciding, birth.child, std::move(plan), std::move(record));
    return {};
  }
  PIRN_TRY(const auto stored, store_.find(parent.origin->tenant, birth.undoes));
  if (!stored)
    return Error{Code::journal_corrupt,
                 "execution " + parent.id.text() + " has a completed step whose execution " +
                     birth.undoes.text() + " is not stored",
                 "", Blame::world};
  PIRN_TRY(const auto past, journal::decode_state(stored->body));
  record.retry_of = birth.undoes;
  record.input = past.state.input;
  create_from(deciding, birth.child, std::move(plan), std::move(record), past.state.steps,
              std::vector<bool>(past.state.steps.size(), true), Execution::Adopting::to_roll_back);
  return {};
}

// After a crash: a step's child is open, or it has ended in the same commit as the step would have, or the
// step was still being prepared and has none.
Status Engine::Core::find_lost_children(Decision& deciding) {
  for (const Waiting& waiting : std::exchange(change_.waiting, {})) {
    // What was left aside is not lost: its parent waits until it can be read again.
    if (executions_.contains(waiting.child) || aside_.contains(waiting.child)) continue;
    const std::string& tenant = waiting.parent->state().origin->tenant;
    PIRN_TRY(const auto stored, store_.find(tenant, waiting.child));
    if (!stored) {
      // Only what is still being prepared has no execution yet.
      waiting.parent->lost_child(deciding, waiting.step);
    } else {
      PIRN_TRY(auto decoded, journal::decode_state(stored->body));
      PIRN_TRY(PlanPtr plan, recovered_plan(decoded.state));
      Execution child(std::move(decoded.state), std::move(plan), waiting.parent->tenant_number());
      child.refold();
      waiting.parent->on_child_ended(deciding, child);
    }
    touched(*waiting.parent);
  }
  PIRN_DO(settle_families(deciding));
  return {};
}

void Engine::Core::handle(Decision& deciding, Cancel& command) {
  const auto answer = [&](Result<journal::State> result) {
    change_.replies.push_back([reply = std::move(command.reply), result = std::move(result)]() mutable {
      reply(std::move(result));
    });
  };
  Execution* execution = open_execution(command.tenant, command.id);
  if (!execution) return answer(refusal(command.tenant, command.id, "cancelled"));
  const journal::State state = execution->state().state;
  if (!execution->may_be_cancelled())
    return answer(Error{Code::invalid_transition, "execution " + command.id.text() + " is " +
                                                      std::string(name_of(state)) +
                                                      " and cannot be cancelled"});
  execution->cancel(deciding, command.reason, command.rollback, command.cleanup);
  touched(*execution);
  answer(execution->state().state);
}

// Closed, foreign or unknown.
Error Engine::Core::refusal(std::string_view tenant, ExecutionId id, std::string_view verb) const {
  const auto refused = [&](std::string_view state) {
    return Error{Code::invalid_transition, "execution " + id.text() + " is " + std::string(state) +
                                               " and cannot be " + std::string(verb)};
  };
  // One that has ended in this turn is not in the store yet.
  if (const auto found = executions_.find(id);
      found != executions_.end() && found->second->state().origin->tenant == tenant)
    return refused(name_of(found->second->state().state));
  auto stored = store_.find(tenant, id);
  if (!stored) return std::move(stored).error();
  if (!*stored) return Error{Code::not_found, "there is no execution '" + id.text() + "'"};
  return refused((*stored)->state);
}

template <class Order, class Ask>
void Engine::Core::instruct(Order& command, std::string_view verb, Ask ask) {
  const auto answer = [&](Result<std::string_view> result) {
    change_.replies.push_back([reply = std::move(command.reply), result = std::move(result)]() mutable {
      reply(std::move(result));
    });
  };
  Execution* execution = open_execution(command.tenant, command.id);
  if (!execution) return answer(refusal(command.tenant, command.id, verb));
  if (Status done = ask(*execution); !done) return answer(std::move(done).error());
  touched(*execution);
  answer(journal::visible_state(execution->state()));
}

void Engine::Core::handle(Decision& deciding, Pause& command) {
  instruct(command, "paused",
           [&](Execution& execution) { return execution.on_pause(deciding, command.reason); });
}

void Engine::Core::handle(Decision& deciding, Resume& command) {
  instruct(command, "resumed", [&](Execution& execution) { return execution.on_resume(deciding, command); });
}

void Engine::Core::handle(Decision& deciding, Approve& command) {
  instruct(command, command.approved ? "approved" : "rejected",
           [&](Execution& execution) { return execution.on_approval(deciding, command); });
}

void Engine::Core::handle(Decision&, ListAwaiting& command) {
  change_.replies.push_back([this, command = std::move(command)] {
    std::vector<const Execution*> found;
    for (const auto& [id, execution] : executions_) {
      const journal::ExecutionState& state = execution->state();
      const auto awaits = [](const journal::Step& step) {
        return step.state == journal::StepState::awaiting;
      };
      if (!execution->ended() && state.origin->tenant == command.tenant &&
          std::any_of(state.steps.begin(), state.steps.end(), awaits))
        found.push_back(execution.get());
    }
    std::sort(found.begin(), found.end(),
              [](const Execution* a, const Execution* b) { return a->id() < b->id(); });
    std::vector<AwaitingStep> waiting;
    for (const Execution* execution : found) {
      const journal::ExecutionState& state = execution->state();
      for (uint32_t step = 0; step < state.steps.size() && waiting.size() < command.limit; ++step)
        if (state.steps[step].state == journal::StepState::awaiting)
          waiting.push_back({state.id, state.origin->package, state.origin->workflow,
                             execution->plan().names()[step], state.steps[step].extra->await});
    }
    command.reply(std::move(waiting));
  });
}

void Engine::Core::handle(Decision&, Show& command) {
  change_.replies.push_back([this, command = std::move(command)] {
    Execution* execution = open_execution(command.tenant, command.id);
    if (!execution) return command.reply(std::optional<View>());
    command.reply(
        std::optional(View{execution->state(), execution->plan().names(), execution->context_json()}));
  });
}

Line Engine::Core::line_of(const Execution& execution) const {
  const journal::ExecutionState& state = execution.state();
  return {state.id,
          state.origin->package,
          state.origin->version,
          state.origin->workflow,
          state.key,
          state.origin->pins.front(),
          journal::visible_state(state),
          state.created_at,
          state.started_at,
          state.ended_at,
          state.n_terminal(),
          static_cast<uint32_t>(state.steps.size())};
}

void Engine::Core::handle(Decision&, ListOpen& command) {
  change_.replies.push_back([this, command = std::move(command)] {
    std::vector<const Execution*> found;
    for (const auto& [id, execution] : executions_) {
      const journal::ExecutionState& state = execution->state();
      if (execution->ended() || state.origin->tenant != command.tenant || state.created_at < command.since)
        continue;
      if (!command.package.empty() && state.origin->package != command.package) continue;
      if (!command.workflow.empty() && state.origin->workflow != command.workflow) continue;
      if (command.before && id >= command.before) continue;
      found.push_back(execution.get());
    }
    const size_t n = std::min<size_t>(found.size(), command.limit);
    std::partial_sort(found.begin(), found.begin() + static_cast<ptrdiff_t>(n), found.end(),
                      [](const Execution* a, const Execution* b) { return a->id() > b->id(); });
    std::vector<Line> lines;
    for (size_t i = 0; i < n; ++i) lines.push_back(line_of(*found[i]));
    command.reply(std::move(lines));
  });
}

void Engine::Core::handle(Decision&, Stats& command) {
  change_.replies.push_back([this, command = std::move(command)] {
    EngineStats stats = stats_;
    for (const auto& [id, execution] : executions_) stats.open_executions += !execution->ended();
    stats.running_steps = running_steps();
    stats.ready_executions = queue_.size();
    command.reply(stats);
  });
}

// Starts ready steps, tenants in turn, while the runner takes more.
void Engine::Core::dispatch(Decision& deciding) {
  size_t capacity = runner_.capacity();
  const size_t taken = change_.invocations.size();  // consultations and hooks of this turn
  capacity = capacity > taken ? capacity - taken : 0;
  while (capacity > 0 && !queue_.empty()) {
    Execution& execution = *queue_.pop();
    execution.queued = false;
    if (!execution.dispatchable()) {
      leave_if_over(execution);
      continue;
    }
    execution.start_next(deciding);
    touched(execution);  // and to the end of the queue, when it has more
    --capacity;
  }
}

// ---- commit ----

Status Engine::Core::commit() {
  journal_rows_.clear();
  execution_rows_.clear();
  n_bodies_ = 0;
  for (size_t i = 0; i < change_.n_drafts; ++i) {
    Draft& draft = change_.drafts[i];
    journal::end_body(draft.body);
    journal_rows_.push_back({draft.execution->id(), draft.commit_no, journal::kSchema, draft.body.view()});
  }
  // The projection: at the end, when parked, and from time to time for all that it lacks.
  for (Execution* execution : touched_) {
    if (execution->ended() || execution->parked()) {
      project(*execution);
    } else if (!execution->dirty) {
      execution->dirty = true;
      dirty_.push_back(execution);
    }
  }
  const bool flush = commits_since_complete_ + journal_rows_.size() >= options_.flush_after_commits;
  if (flush)
    for (Execution* execution : dirty_)
      if (execution->dirty) project(*execution);
  std::erase_if(dirty_, [](const Execution* execution) { return !execution->dirty; });
  tenant_rows_.clear();
  event_rows_.clear();
  triggers_.streams().collect(flush, journal_rows_, tenant_rows_);
  triggers_.collect(event_rows_);
  if (journal_rows_.empty() && execution_rows_.empty()) return {};

  // What was left aside is recovered from its journal one day: the watermark must not pass it.
  const bool complete = dirty_.empty() && left_aside_.empty() && triggers_.streams().complete();
  PIRN_DO(
      store_.commit({store_.lease(), journal_rows_, execution_rows_, complete, tenant_rows_, event_rows_}));
  commits_since_complete_ = complete ? 0 : commits_since_complete_ + journal_rows_.size();
  stats_.commits += journal_rows_.size();
  return {};
}

void Engine::Core::project(Execution& execution) {
  execution.dirty = false;
  if (n_bodies_ == bodies_.size()) bodies_.emplace_back();
  journal::TextWriter& body = bodies_[n_bodies_++];
  body.clear();
  const journal::ExecutionState& state = execution.state();
  journal::append_state(body, state, execution.plan().names(),
                        execution.ended() ? execution.context_json() : std::string());
  store::ExecutionRow row;
  row.id = state.id;
  row.commit_no = state.next_commit - 1;
  row.open = !execution.ended();
  row.state = journal::visible_state(state);
  row.tenant = state.origin->tenant;
  row.package = state.origin->package;
  row.version = state.origin->version;
  row.workflow = state.origin->workflow;
  row.release = state.origin->pins.front();
  row.key = state.key;
  row.input_digest = state.input_digest;
  row.created_at = state.created_at;
  row.started_at = state.started_at;
  row.ended_at = state.ended_at;
  row.body = body.view();  // stays where it is when bodies_ grows
  execution_rows_.push_back(row);
}

// ---- act ----

void Engine::Core::act() {
  for (size_t i = 0; i < change_.n_drafts; ++i) {
    const Draft& draft = change_.drafts[i];
    listener_.on_commit(draft.execution->id(), draft.execution->state().origin->tenant, draft.commit_no,
                        draft.body.view(), draft.last);
  }
  for (auto& [reply, result] : started_) reply(std::move(result));
  started_.clear();
  for (auto& reply : change_.replies) reply();
  for (const Signal& signal : change_.signals) runner_.cancel(signal.invocation, signal.signal);
  if (!change_.invocations.empty()) runner_.start(change_.invocations);
  // Last: executions that are over leave the memory.
  for (Execution* execution : touched_) {
    execution->touched = false;
    if (!execution->ended()) continue;
    if (!execution->state().key.empty())
      start_keys_.erase(std::pair(execution->state().origin->tenant, execution->state().key));
    leave_if_over(*execution);
  }
  touched_.clear();
}

// An execution that has ended leaves the memory when its last hook and handler are over and no queue names
// it.
void Engine::Core::leave_if_over(Execution& execution) {
  if (!execution.ended() || execution.observed() || execution.queued || execution.touched) return;
  ++stats_.executions_ended;
  const registry::ReleasePtr release = execution.plan().release();
  executions_.erase(execution.id());
  unpin(release);
}

void Engine::Core::unpin(const registry::ReleasePtr& release) {
  const auto pin = pins_.find(release);
  assert(pin != pins_.end() && pin->second > 0);
  if (--pin->second > 0) return;
  pins_.erase(pin);
  const registry::Active* active = catalog_->active(release->tenant, release->package);
  if (active && active->release == release) return;
  std::erase_if(plans_, [&](const auto& entry) { return entry.second->release() == release; });
  runner_.retire(release);
}

// The catalog has moved: releases that it left and nothing pins are retired.
void Engine::Core::retire_replaced() {
  std::vector<registry::ReleasePtr> replaced;
  for (const auto& [workflow, plan] : plans_) {
    const registry::ReleasePtr& release = plan->release();
    const registry::Active* active = catalog_->active(release->tenant, release->package);
    if ((!active || active->release != release) && !pins_.contains(release)) replaced.push_back(release);
  }
  for (const registry::ReleasePtr& release : replaced) {
    if (std::erase_if(plans_, [&](const auto& entry) { return entry.second->release() == release; }) > 0)
      runner_.retire(release);
  }
}

// ---- small things ----

PlanPtr Engine::Core::plan_of(const registry::ReleasePtr& release, const definition::Workflow& workflow) {
  PlanPtr& plan = plans_[&workflow];
  if (!plan) plan = Plan::make(release, workflow);
  return plan;
}

Result<PlanPtr> Engine::Core::recovered_plan(const journal::ExecutionState& state) {
  const auto refused = [&](const std::string& why) {
    return aside_because(state.id, "it runs " + state.origin->tenant + "::" + state.origin->package +
                                       "::" + state.origin->workflow + ", and " + why);
  };
  auto release = releases_.load(state.origin->tenant, state.origin->pins.front());
  if (!release) return refused(release.error().message);
  auto plan = plan_for(*release, state.origin->workflow);
  if (!plan) return refused(plan.error().message);
  if ((*plan)->n_steps() != state.steps.size()) return refused("its definition has another number of steps");
  if (!fits(state, (*plan)->workflow())) return refused("it names a function or a rule that is not there");
  return plan;
}

Result<PlanPtr> Engine::Core::plan_for(const registry::ReleasePtr& release, std::string_view workflow) {
  const definition::Workflow* found = release->find(workflow);
  if (!found)
    return Error{Code::journal_corrupt,
                 "release " + release->digest.hex() + " has no workflow '" + std::string(workflow) +
                     "' that an execution runs",
                 "", Blame::world};
  return plan_of(release, *found);
}

const journal::ExecutionState& Engine::Core::state_of(ExecutionId id) const {
  const auto open = executions_.find(id);
  return open != executions_.end() ? open->second->state() : aside_.at(id);
}

uint32_t Engine::Core::tenant_number(const std::string& tenant) {
  return tenant_numbers_.try_emplace(tenant, static_cast<uint32_t>(tenant_numbers_.size())).first->second;
}

Execution* Engine::Core::open_execution(std::string_view tenant, ExecutionId id) {
  const auto found = executions_.find(id);
  if (found == executions_.end() || found->second->ended() || found->second->state().origin->tenant != tenant)
    return nullptr;
  return found->second.get();
}

size_t Engine::Core::running_steps() const {
  size_t running = 0;
  for (const auto& [id, execution] : executions_)
    if (!execution->ended()) running += execution->running_steps();
  return running;
}

Engine::Engine(Options options, store::Store& store, worker::Runner& runner, const Releases& releases,
               CommitListener& listener, worker::Wakeup& wakeup)
    : core_(std::make_unique<Core>(options, store, runner, releases, listener, wakeup)) {}
Engine::~Engine() = default;
Inbox& Engine::inbox() { return core_->inbox(); }
Status Engine::recover(int64_t now, std::span<const uint64_t> killers) {
  return core_->recover(now, killers);
}
const std::vector<Error>& Engine::left_aside() const { return core_->left_aside(); }
Result<Turn> Engine::turn(int64_t now) { return core_->turn(now); }
void Engine::stop_dispatching() { core_->stop_dispatching(); }
size_t Engine::running_steps() const { return core_->running_steps(); }

}  // namespace pirn::engine
