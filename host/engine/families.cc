// Executions that come from others: nested ones, those that roll a nested one back, and those that run one
// again.
#include "host/engine/core.h"

#include <algorithm>
#include <cassert>

#include "host/engine/transitions/lifecycle.h"
#include "host/engine/transitions/nested.h"
#include "host/engine/transitions/pause.h"
#include "host/engine/transitions/restart.h"
#include "host/journal/codec.h"

namespace pirn::engine {

Execution& Engine::Core::create_from(Decision& decision, ExecutionId id, PlanPtr plan,
                                     journal::Created record, const std::vector<journal::Step>& past,
                                     const std::vector<bool>& adopts, transitions::Adopting why,
                                     const std::vector<ExpansionPtr>& expansions) {
  Execution& execution = add(id, std::move(plan));
  transitions::create_from(execution, decision, std::move(record), past, adopts, why, expansions);
  touched(execution);
  return execution;
}

namespace {

// What a new execution takes over from a past one.
struct Heritage {
  std::vector<journal::Step> steps;  // as the new one numbers them
  std::vector<bool> adopts;
  std::vector<ExpansionPtr> expansions;
};

bool can_be_adopted(const journal::Step& step) {
  return step.state == journal::StepState::completed && step.compensation == journal::Compensation::none;
}

// The completed steps, by name, without `from` and what depends on it. A graft comes with the children that
// it had, those that did not complete to run again, if it is the same release that they are children of
// (`grown`); else it expands anew, and what depends on it runs anew.
Heritage heritage_of(const Plan& plan, const journal::ExecutionState& past,
                     const std::vector<std::string>& names, uint32_t from, const GrownPlan* grown) {
  Heritage out;
  out.steps.resize(plan.n_steps());
  for (uint32_t i = 0; i < past.n_declared(); ++i)
    if (const uint32_t step = plan.find(names[i]); step != kNone) out.steps[step] = past.steps[i];
  const auto has_expanded = [&](uint32_t step) {
    return std::any_of(past.expansions.begin(), past.expansions.end(), [&](const auto& children) {
      return !children->empty() && names[children->front().graft] == plan.step(step).name;
    });
  };
  out.adopts.assign(plan.n_steps(), true);
  for (uint32_t rank = 0; rank < plan.n_steps(); ++rank) {
    const uint32_t step = plan.at_rank(rank);
    const bool expands_anew = has_expanded(step) && (!grown || !can_be_adopted(out.steps[step]));
    out.adopts[step] = step != from && !expands_anew &&
                       !plan.waits_for_any(step, [&](uint32_t s) { return !out.adopts[s]; });
  }
  if (!grown) return out;
  auto first = static_cast<uint32_t>(out.steps.size());
  for (const ExpansionPtr& expansion : grown->expansions()) {
    if (!out.adopts[expansion->graft]) continue;
    Expansion moved = *expansion;
    moved.first = first;
    first += moved.size();
    out.steps.insert(out.steps.end(), past.steps.begin() + expansion->first,
                     past.steps.begin() + expansion->first + expansion->size());
    out.expansions.push_back(std::make_shared<const Expansion>(std::move(moved)));
  }
  out.adopts.resize(out.steps.size(), true);
  return out;
}

// Why a run cannot be run again from there. A child is no step of the workflow: it comes with its graft.
Error no_beginning(const journal::DecodedState& past, const std::vector<std::string>& steps,
                   const std::string& from) {
  for (const journal::ChildrenPtr& children : past.state.expansions)
    for (const journal::Child& child : *children)
      if (child.name == from) {
        const std::string& graft = past.step_names[child.graft];
        return Error{Code::invalid_argument,
                     "'" + from + "' is a child of the graft '" + graft + "', and no child runs again alone",
                     "Begin with its graft, which expands again: --from " + graft +
                         ". What failed of its children runs again with: pirn run retry."};
      }
  const std::string near = nearest(from, steps, kMostSuggested);
  return Error{Code::not_found,
               "the workflow '" + past.state.origin->workflow + "' has no step '" + from + "'",
               near.empty() ? "See pirn run show." : "Did you mean '" + near + "'?"};
}

}  // namespace

void Engine::Core::handle(Decision& decision, Rerun& command) {
  batch_->started.emplace_back(std::move(command.reply), rerun(decision, command));
}

Result<Started> Engine::Core::rerun(Decision& decision, const Rerun& command) {
  if (!dispatching_) return Error{Code::shutting_down, "the host is shutting down"};
  if (!full_.empty()) return Error{Code::store_full, full_, "", Blame::world};
  const auto refused = [&](std::string_view state, const char* why) {
    return Error{Code::invalid_transition, "execution " + command.id.text() + " is " + std::string(state) +
                                               " and cannot be " +
                                               (command.from.empty() ? "retried" : "run again") + ": " + why};
  };
  if (const Execution* open = open_execution(command.tenant, command.id))
    return refused(name_of(open->state().state), "it is not over yet");
  PIRN_TRY(const journal::DecodedState decoded, closed(command.tenant, command.id));
  if (command.from.empty() && decoded.state.state == journal::State::completed)
    return refused(name_of(decoded.state.state), "nothing of it failed");
  PIRN_TRY(const PlanPtr plan, plan_again(decoded.state, command.on_active));
  std::optional<GrownPlan> grown;
  if (!command.on_active) {
    PIRN_TRY(grown, GrownPlan::recovered(plan, decoded.state));
  }
  uint32_t from = journal::kNoStep;
  if (!command.from.empty() && (from = plan->find(command.from)) == journal::kNoStep)
    return no_beginning(decoded, plan->names(), command.from);
  const ExecutionId id = ids_.next(decision.now);
  journal::Created record;
  record.origin = plan->origin();
  record.n_steps = plan->n_steps();
  record.retry_of = command.id;
  record.input_digest = decoded.state.input_digest;
  record.trigger = command.from.empty() ? "retry" : "rerun";
  record.strategy = decoded.state.strategy;
  record.input = decoded.state.input;
  for (const journal::Delta& patch : decoded.state.patches)
    for (const journal::Delta::Entry& entry : patch.entries) {
      if (entry.unset)
        std::erase_if(record.input.entries, [&](const auto& given) { return given.key == entry.key; });
      else
        record.input.put(entry.key, entry.value);
    }
  const Heritage heritage =
      heritage_of(*plan, decoded.state, decoded.step_names, from, grown ? &*grown : nullptr);
  PIRN_DO(check_heritage(decision.size_limits, *plan, record.input, heritage.steps, heritage.adopts,
                         heritage.expansions));
  create_from(decision, id, plan, std::move(record), heritage.steps, heritage.adopts,
              transitions::Adopting::to_go_on, heritage.expansions);
  return Started{id, false};
}

// The plan of an execution that follows another one: of the release that it ran on, or of the active one.
Result<PlanPtr> Engine::Core::plan_again(const journal::ExecutionState& past, bool on_active) {
  const journal::Origin& origin = *past.origin;
  if (!on_active) {
    const auto grown = recovered_plan(past);
    if (!grown)
      return Error{grown.error().code,
                   "execution " + past.id.text() + " cannot run again: " + grown.error().message,
                   "Restore what is damaged from a backup, push the same package again, or use the active "
                   "release: --on-active.",
                   Blame::world};
    const PlanPtr& plan = grown->shared();
    PIRN_DO(check_capacity({plan->release(), &plan->workflow(), plan->required()}));
    return plan;
  }
  PIRN_TRY(const auto target, catalog_->resolve(origin.tenant, origin.package + "::" + origin.workflow));
  PIRN_DO(check_capacity(target));
  return plan_of(target.release, *target.workflow, target.required);
}

// ---- dead letters (R34) ----

Result<ExecutionId> Engine::Core::retry_letter(Decision& decision, const std::string& tenant,
                                               ExecutionId letter, bool on_active) {
  if (const auto there = dead_letters_.select(tenant, letter, {}, 1); !there) return there.error();
  PIRN_TRY(const journal::DecodedState failed, closed(tenant, letter));
  const journal::ExecutionState& past = failed.state;
  PIRN_TRY(PlanPtr plan, plan_again(past, on_active));
  const ExecutionId id = ids_.next(decision.now);
  journal::Created record;
  record.origin = plan->origin();
  record.n_steps = plan->n_steps();
  record.retry_of = letter;
  record.input_digest = past.input_digest;
  record.trigger = "dead_letter";
  record.strategy = past.strategy;
  record.input = past.input;
  record.input.put("__dead_letter_id__", journal::Value::of_text(letter.text()));
  PIRN_DO(check_input(decision.size_limits, record.input));
  create(decision, id, std::move(plan), std::move(record));
  dead_letters_.retried(tenant, letter, id, decision.now);
  return id;
}

// An execution that has ended: a moment ago perhaps, and then it is not in the store yet.
Result<journal::DecodedState> Engine::Core::closed(const std::string& tenant, ExecutionId id) const {
  if (const auto found = executions_.find(id);
      found != executions_.end() && found->second->state().origin->tenant == tenant)
    return journal::DecodedState{found->second->state(), found->second->names(), ""};
  if (const Error* why = why_quarantined(tenant, id)) return *why;
  const auto unreadable = [&](const Error& why) {
    return Error{why.code, "execution " + id.text() + " cannot be read: " + why.message, why.hint,
                 Blame::world};
  };
  const auto stored = store_.find(tenant, id);
  if (!stored) return unreadable(stored.error());
  if (!*stored) return not_open(id);
  auto decoded = journal::decode_state((*stored)->columns(), (*stored)->body);
  return decoded ? std::move(decoded) : unreadable(decoded.error());
}

Result<bool> Engine::Core::settle_families(Decision& decision) {
  bool any = false;
  while (!batch_->change.child_starts.empty() || !batch_->change.child_stops.empty() ||
         !batch_->change.ended_children.empty() || !batch_->change.pauses.empty() ||
         !batch_->change.attempts.empty()) {
    any = true;
    for (Execution* child : std::exchange(batch_->change.attempts, {})) {
      const auto parent = executions_.find(child->state().parent);
      if (parent != executions_.end() && !parent->second->ended() &&
          parent->second->wants_child(child->state().parent_step, decision.now))
        continue;
      transitions::cancel(*child, decision,
                          "its parent " + child->state().parent.text() + " wants no further attempt", false,
                          true, true);
      touched(*child);
    }
    for (const ChildStart& start : std::exchange(batch_->change.child_starts, {}))
      PIRN_DO(begin_child(decision, start));
    for (const ChildStop& stop : std::exchange(batch_->change.child_stops, {})) {
      const auto child = executions_.find(stop.child);
      if (child == executions_.end() || !child->second->may_be_cancelled()) continue;
      transitions::cancel(*child->second, decision, stop.reason, stop.rollback, true, true);
      touched(*child->second);
    }
    for (const Execution* parent : std::exchange(batch_->change.pauses, {}))
      parent->each_child([&](ExecutionId id) {
        const auto child = executions_.find(id);
        if (child == executions_.end() || child->second->ended()) return;
        if (parent->state().paused)
          transitions::hold(*child->second, decision);
        else
          transitions::let_go_on(*child->second, decision);
        touched(*child->second);
      });
    for (const Execution* child : std::exchange(batch_->change.ended_children, {})) {
      const auto parent = executions_.find(child->state().parent);
      if (parent == executions_.end()) continue;
      transitions::on_child_ended(*parent->second, decision, *child);
      touched(*parent->second);
    }
  }
  return any;
}

namespace {

// A nested workflow runs on what its parent has pinned: what was started together stays together. The catalog
// lets nothing start for which a release is missing, and a definition names only workflows that are there.
std::pair<registry::ReleasePtr, const definition::Workflow*> nested_in(const Plan& parent, uint32_t step) {
  const std::string_view name = parent.step(step).nested;
  const size_t colons = name.find("::");
  registry::ReleasePtr release = parent.release();
  if (colons != name.npos && name.substr(0, colons) != release->package) {
    const registry::ReleasePtr* required = registry::find_required(parent.required(), name.substr(0, colons));
    assert(required && "the catalog resolves what a release requires");
    release = *required;
  }
  const definition::Workflow* workflow = release->find(colons == name.npos ? name : name.substr(colons + 2));
  assert(workflow && "checked when the definition was read, or when the requirement was met");
  return {std::move(release), workflow};
}

}  // namespace

Status Engine::Core::begin_child(Decision& decision, const ChildStart& start) {
  const journal::ExecutionState& parent = start.parent->state();
  const auto [release, workflow] = nested_in(*start.parent->shared_plan(), start.step);
  PlanPtr plan =
      plan_of(release, *workflow, registry::required_by(*release, start.parent->shared_plan()->required()));
  journal::Created record;
  record.origin = plan->origin();
  record.n_steps = plan->n_steps();
  record.root = parent.root;
  record.parent = parent.id;
  record.parent_step = start.step;
  record.trigger = start.undoes ? "rollback" : "nested";
  record.input = start.input;
  if (!start.undoes) {
    Execution& child = add(start.child, std::move(plan));
    child.belongs_to_paused = parent.paused;
    transitions::create(child, decision, std::move(record));
    touched(child);
    return {};
  }
  const auto past = closed(parent.origin->tenant, start.undoes);
  if (!past && past.error().code != Code::journal_corrupt && past.error().code != Code::store_corrupt &&
      past.error().code != Code::blob_damaged && past.error().code != Code::not_found)
    return past.error();
  auto grown = past ? GrownPlan::recovered(plan, past->state) : Result<GrownPlan>(past.error());
  if (!grown) {
    transitions::cannot_undo(
        *start.parent, decision, start.step,
        past ? "execution " + start.undoes.text() + " cannot be rolled back: " + grown.error().message
             : past.error().message);
    touched(*start.parent);
    return {};
  }
  record.retry_of = start.undoes;
  record.input = past->state.input;
  create_from(decision, start.child, std::move(plan), std::move(record), past->state.steps,
              std::vector<bool>(past->state.steps.size(), true), transitions::Adopting::to_roll_back,
              grown->expansions());
  return {};
}

// After a crash: a step's child is open, or it has ended in the same commit as the step would have, or the
// step was still being prepared and has none.
Status Engine::Core::find_lost_children(Decision& decision) {
  for (const Waiting& waiting : std::exchange(batch_->change.waiting, {})) {
    // What is quarantined is not lost: its parent waits until it can be read again.
    if (executions_.contains(waiting.child) || quarantined_.contains(waiting.child)) continue;
    const std::string& tenant = waiting.parent->state().origin->tenant;
    const auto stored = store_.find(tenant, waiting.child);
    if (!stored && stored.error().code != Code::store_corrupt) return stored.error();
    if (stored && !*stored) {
      // Only what is still being prepared has no execution yet.
      transitions::lost_child(*waiting.parent, decision, waiting.step);
    } else {
      auto decoded = stored ? journal::decode_state((*stored)->columns(), (*stored)->body)
                            : Result<journal::DecodedState>(stored.error());
      auto grown = decoded ? recovered_plan(decoded->state) : Result<GrownPlan>(decoded.error());
      if (!grown) {  // what it came to nobody knows now: its parent waits for it
        damaged_executions_.push_back(quarantined_because(waiting.child, std::move(grown).error()));
        Quarantined& child = quarantined_[waiting.child];
        child.state.id = waiting.child;
        child.state.origin = waiting.parent->state().origin;
        child.why = damaged_executions_.back();
        continue;
      }
      Execution child(std::move(decoded->state), std::move(grown).value(), waiting.parent->tenant_number());
      transitions::refold(child);
      transitions::on_child_ended(*waiting.parent, decision, child);
    }
    touched(*waiting.parent);
  }
  PIRN_DO(settle_families(decision));
  return {};
}

}  // namespace pirn::engine
