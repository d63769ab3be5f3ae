// What the outside asks of the engine, and its answers.
#include "host/engine/core.h"

#include <algorithm>
#include <cassert>

#include "host/engine/transitions/answers.h"
#include "host/engine/transitions/lifecycle.h"
#include "host/engine/transitions/pause.h"
#include "host/journal/codec.h"

namespace pirn::engine {

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

Result<journal::Strategy> parse_strategy(std::string_view name) {
  using journal::Strategy;
  if (name.empty()) return Strategy::as_defined;
  std::vector<std::string> names;
  for (const Strategy strategy : {Strategy::parallel, Strategy::sequential, Strategy::hybrid}) {
    if (name_of(strategy) == name) return strategy;
    names.emplace_back(name_of(strategy));
  }
  const std::string near = nearest(name, names);
  return Error{
      Code::invalid_argument, "there is no strategy '" + std::string(name) + "'",
      near.empty() ? "The strategies are parallel, sequential and hybrid." : "Did you mean '" + near + "'?"};
}

void Engine::Core::handle(Decision& decision, Start& command) {
  const auto answer = [&](Result<Started> result) {
    batch_->started.emplace_back(std::move(command.reply), std::move(result));
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
  if (!full_.empty()) return answer(Error{Code::store_full, full_, "", Blame::world});
  for (const journal::Delta::Entry& entry : command.input.entries)
    if (entry.key.starts_with("__"))
      return answer(Error{Code::invalid_argument,
                          "the input has the key '" + entry.key + "': keys that begin with __ are reserved"});
  auto target = catalog_->resolve(command.tenant, command.workflow);
  if (!target) return answer(std::move(target).error());
  if (Status fits = check_capacity(*target); !fits) return answer(std::move(fits).error());
  if (Status fits = check_input(decision.size_limits, command.input); !fits)
    return answer(std::move(fits).error());
  const ExecutionId id =
      launch(decision, *target,
             {std::move(command.tenant), std::move(command.input), command.input_digest,
              std::move(command.key), std::move(command.trigger), command.beginning, command.strategy});
  answer(Started{id, false});
}

ExecutionId Engine::Core::launch(Decision& decision, const registry::Catalog::Target& target, Launch launch) {
  PlanPtr plan = plan_of(target.release, *target.workflow, target.required);
  const ExecutionId id = ids_.next(decision.now);
  journal::Created record;
  record.origin = plan->origin();
  record.n_steps = plan->n_steps();
  record.key = launch.key;
  record.input_digest = launch.input_digest;
  record.trigger = std::move(launch.trigger);
  record.input = std::move(launch.input);
  if (launch.beginning.delay > 0) {
    record.wake_at = later(decision.now, launch.beginning.delay);
  } else if (launch.beginning.at > decision.wall) {
    record.wake_at = launch.beginning.at;
    record.by_wall_clock = true;
  }
  record.strategy = launch.strategy;

  if (!launch.key.empty()) start_keys_.emplace(std::pair(launch.tenant, std::move(launch.key)), id);
  create(decision, id, std::move(plan), std::move(record));
  return id;
}

Result<std::optional<ExecutionId>> Engine::Core::started_by(const std::string& tenant,
                                                            const std::string& key) {
  if (const auto open = start_keys_.find(std::pair(tenant, key)); open != start_keys_.end())
    return std::optional(open->second);
  PIRN_TRY(const auto stored, store_.find_by_key(tenant, key));
  return stored ? std::optional(stored->id) : std::nullopt;
}

uint32_t Engine::Core::running(std::string_view tenant, const journal::ScheduleName& workflow) const {
  return open_.under_way(tenant, workflow.package, workflow.workflow);
}

void Engine::Core::handle(Decision& decision, Cancel& command) {
  const auto answer = [&](Result<journal::State> result) {
    batch_->change.reply_to(command, std::move(result));
  };
  Execution* execution = open_execution(command.tenant, command.id);
  if (!execution) return answer(refusal(command.tenant, command.id, "cancelled"));
  const journal::State state = execution->state().state;
  if (!execution->may_be_cancelled())
    return answer(Error{Code::invalid_transition, "execution " + command.id.text() + " is " +
                                                      std::string(name_of(state)) +
                                                      " and cannot be cancelled"});
  transitions::cancel(*execution, decision, command.reason, command.rollback, command.cleanup);
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
  if (const Error* const why = why_quarantined(tenant, id)) return *why;
  auto stored = store_.find(tenant, id);
  if (!stored) return std::move(stored).error();
  if (!*stored) return Error{Code::not_found, "there is no execution '" + id.text() + "'"};
  return refused((*stored)->state);
}

template <class Order, class Ask>
void Engine::Core::instruct(Order& command, std::string_view verb, Ask ask) {
  const auto answer = [&](Result<std::string_view> result) {
    batch_->change.reply_to(command, std::move(result));
  };
  Execution* execution = open_execution(command.tenant, command.id);
  if (!execution) return answer(refusal(command.tenant, command.id, verb));
  if (Status done = ask(*execution); !done) return answer(std::move(done).error());
  touched(*execution);
  answer(journal::visible_state(execution->state()));
}

void Engine::Core::handle(Decision& decision, Pause& command) {
  instruct(command, "paused",
           [&](Execution& execution) { return transitions::on_pause(execution, decision, command.reason); });
}

void Engine::Core::handle(Decision& decision, Resume& command) {
  instruct(command, command.signal ? "signalled" : "resumed",
           [&](Execution& execution) { return transitions::on_resume(execution, decision, command); });
}

void Engine::Core::handle(Decision& decision, Approve& command) {
  instruct(command, command.approved ? "approved" : "rejected",
           [&](Execution& execution) { return transitions::on_approval(execution, decision, command); });
}

void Engine::Core::handle(Decision& decision, Note& command) {
  instruct(command, "remarked on",
           [&](Execution& execution) { return transitions::on_note(execution, decision, command); });
}

View view_of(journal::DecodedState state) {
  return {std::move(state.state), std::move(state.step_names), std::move(state.context), {}, {}};
}

std::string View::context_json() const {
  if (!context.empty()) return context;
  std::string out;
  shared_context.append_json(out);
  return out;
}

void Engine::Core::handle(Decision& decision, Show& command) {
  const Error* const why = command.brief ? nullptr : why_quarantined(command.tenant, command.id);
  if (why) return decision.change.reply_to(command, Result<std::optional<View>>(*why));
  std::optional<View> view;
  if (const Execution* execution = open_execution(command.tenant, command.id); execution && command.brief)
    view.emplace();
  else if (execution)
    view.emplace(execution->state(), execution->names(), std::string(), execution->context(),
                 resources_.claims_of(command.id), execution->current_step(), slot_wait(*execution));
  decision.change.reply_to(command, std::move(view));
}

void Engine::Core::handle(Decision& decision, Stats& command) {
  EngineStats stats = stats_;
  stats.open_executions = open_.size();
  stats.running_steps = running_steps();
  stats.ready_executions = queue_.size();
  stats.behind = catch_up_.size();
  const journal::ClockState& clock = known_clock();
  stats.clock = {decision.now, time_.offset(), clock.jumps, clock.last_jump, clock.last_jump_at};
  stats.resources = resources_.use();
  stats.slots = slot_use();
  decision.change.reply_to(command, std::move(stats));
}

}  // namespace pirn::engine
