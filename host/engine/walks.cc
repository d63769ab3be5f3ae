// Lists, and what is done to many executions, in slices of bounded turns (walk.h).
#include <algorithm>
#include <utility>

#include "host/engine/core.h"
#include "host/engine/transitions/lifecycle.h"

namespace pirn::engine {

namespace {

// Of one walk, before the next tenant's.
constexpr size_t kSlice = 1024;
// What a cancel counts for, in looks, and a retry, which reads the store.
constexpr size_t kCancel = 32, kRetry = 128;
// Acts wait while the next transaction has that many commits of executions and the one before is still on its
// way to the disk: nothing that is done to many may make the engine wait for the disk.
constexpr size_t kMostDrafts = 256;

// Looking at an execution costs more when it has many steps.
size_t looks_at(const Execution& execution) { return 1 + execution.state().steps.size() / 8; }

bool fits(const CancelAll& command, const Execution& execution) {
  const journal::ExecutionState& state = execution.state();
  if (!execution.may_be_cancelled()) return false;
  if (state.parent && command.workflow.empty()) return false;
  if (!command.package.empty() && state.origin->package != command.package) return false;
  if (!command.workflow.empty() && state.origin->workflow != command.workflow) return false;
  if (state.created_at < command.since) return false;
  const std::vector<std::string>& tags = execution.plan().workflow().tags;
  if (!command.tag.empty() && std::find(tags.begin(), tags.end(), command.tag) == tags.end()) return false;
  return command.states.empty() || std::find(command.states.begin(), command.states.end(),
                                             journal::visible_state(state)) != command.states.end();
}

bool fits(const ListOpen& command, const Execution& execution) {
  const journal::ExecutionState& state = execution.state();
  if (state.created_at < command.since) return false;
  if (!command.package.empty() && state.origin->package != command.package) return false;
  return command.workflow.empty() || state.origin->workflow == command.workflow;
}

}  // namespace

ExecutionSummary Engine::Core::summary_of(const Execution& execution) const {
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
          static_cast<uint32_t>(state.steps.size()),
          static_cast<uint32_t>(std::count_if(
              state.steps.begin(), state.steps.end(),
              [](const journal::Step& step) { return step.state == journal::StepState::running; }))};
}

// What is asked is answered from what has been decided, once that is durable. What has not far to go is done
// at once, in its place among the commands.
template <class Walking, class Command>
void Engine::Core::begin_walk(Decision& decision, Command& command, Walking walking) {
  // A tenant that has no number has nothing.
  const auto tenant = tenant_numbers_.find(command.tenant);
  if (tenant == tenant_numbers_.end()) return decision.change.reply_to(command, std::move(walking.found));
  walking.command = std::move(command);
  Walk walk{std::move(walking), tenant->second, {}};
  if (!walks_.empty() || !go_on(decision, walk)) walks_[walk.tenant].push_back(std::move(walk));
}

void Engine::Core::handle(Decision& decision, ListOpen& command) { begin_walk(decision, command, Listing()); }

void Engine::Core::handle(Decision& decision, ListAwaiting& command) {
  begin_walk(decision, command, AwaitedListing());
}

void Engine::Core::handle(Decision& decision, CancelAll& command) {
  if (!command.workflow.empty() && !open_.knows(command.tenant, command.package, command.workflow)) {
    const auto active = catalog_->resolve(command.tenant, command.package.empty()
                                                              ? command.workflow
                                                              : command.package + "::" + command.workflow);
    if (!active && active.error().code == Code::not_found)
      return decision.change.reply_to(command, Result<std::vector<ExecutionId>>(active.error()));
  }
  Cancelling cancelling;
  if (const auto tenant = tenant_numbers_.find(command.tenant); tenant != tenant_numbers_.end())
    cancelling.newest = open_.newest(tenant->second);
  begin_walk(decision, command, std::move(cancelling));
}

// What it begins with is there already: those letters that fit. One letter is retried or refused at once.
void Engine::Core::handle(Decision& decision, RetryDeadLetters& command) {
  if (!dispatching_)
    return decision.change.reply_to(
        command, Result<std::vector<RetryResult>>(Error{Code::shutting_down, "the host is shutting down"}));
  if (refused_for_room(command)) return;
  if (command.id) {
    const auto started = retry_letter(decision, command.tenant, *command.id, command.on_active);
    return decision.change.reply_to(
        command, started ? Result(std::vector<RetryResult>{{*command.id, *started, {}}}) : started.error());
  }
  Retrying retrying;
  auto letters = dead_letters_.select(command.tenant, {}, command.filter, command.limit);
  if (!letters) return decision.change.reply_to(command, Result<std::vector<RetryResult>>(letters.error()));
  for (const DeadLetterEntry& letter : *letters) retrying.letters.push_back(letter.id);
  if (!retrying.letters.empty())
    (void)tenant_number(command.tenant);  // it may have nothing else in this life
  begin_walk(decision, command, std::move(retrying));
}

// As far as a slice goes; whether it has come to its end, and is answered.
bool Engine::Core::go_on(Decision& decision, Walk& walk) {
  return std::visit(
      [&](auto& of_type) {
        slice_ = std::min(kSlice, looks_left_);
        const size_t before = slice_;
        const bool over = go_on(decision, walk, of_type);
        looks_left_ -= before - slice_;
        if (over) decision.change.reply_to(of_type.command, std::move(of_type.found));
        return over;
      },
      walk.what);
}

// false: the slice is used up.
bool Engine::Core::look(size_t cost) {
  if (slice_ == 0) return false;
  slice_ -= std::min(slice_, cost);
  return true;
}

bool Engine::Core::go_on(Decision&, Walk& walk, Listing& listing) {
  bool over = true;
  open_.descend(walk.tenant, walk.at ? walk.at : listing.command.before, [&](const Execution& execution) {
    if (listing.found.size() == listing.command.limit) return false;
    if (!look(looks_at(execution))) return over = false;
    walk.at = execution.id();
    if (fits(listing.command, execution)) listing.found.push_back(summary_of(execution));
    return true;
  });
  return over;
}

bool Engine::Core::go_on(Decision&, Walk& walk, AwaitedListing& listing) {
  bool over = true;
  open_.ascend(walk.tenant, walk.at, [&](const Execution& execution) {
    if (listing.found.size() == listing.command.limit) return false;
    if (!look(looks_at(execution))) return over = false;
    walk.at = execution.id();
    const journal::ExecutionState& state = execution.state();
    for (uint32_t step = 0; step < state.steps.size(); ++step) {
      if (state.steps[step].state != journal::StepState::awaiting) continue;
      if (listing.found.size() == listing.command.limit) break;
      const journal::AwaitPtr& await = state.steps[step].extra->await;
      listing.found.push_back({state.id, state.origin->package, state.origin->workflow,
                               execution.names()[step], await,
                               await->kind == journal::kIntervention ? state.steps[step].error : nullptr});
    }
    return true;
  });
  return over;
}

bool Engine::Core::go_on(Decision& decision, Walk& walk, Cancelling& cancelling) {
  const CancelAll& command = cancelling.command;
  bool over = true;
  open_.ascend(walk.tenant, walk.at, [&](Execution& execution) {
    if (execution.id() > cancelling.newest) return false;
    if (!command.dry_run && in_flight_ && decision.change.n_drafts >= kMostDrafts) return over = false;
    if (!look(looks_at(execution))) return over = false;
    walk.at = execution.id();
    if (!fits(command, execution)) return true;
    cancelling.found.push_back(execution.id());
    if (command.dry_run) return true;
    (void)look(kCancel);
    ++n_acts_;
    transitions::cancel(execution, decision, command.reason, command.rollback, command.cleanup);
    touched(execution);
    return true;
  });
  return over;
}

// Each in one commit with the removal of its letter, which is of the tenant's journal: that is committed in
// this turn, so it waits until nothing is under way.
bool Engine::Core::go_on(Decision& decision, Walk&, Retrying& retrying) {
  const RetryDeadLetters& command = retrying.command;
  while (retrying.found.size() < retrying.letters.size()) {
    if (in_flight_ || !look(kRetry)) return false;
    const ExecutionId letter = retrying.letters[retrying.found.size()];
    ++n_acts_;
    const auto started = full_.empty()
                             ? retry_letter(decision, command.tenant, letter, command.on_active)
                             : Result<ExecutionId>(Error{Code::store_full, full_, "", Blame::world});
    retrying.found.push_back(started ? RetryResult{letter, *started, {}}
                                     : RetryResult{letter, {}, started.error()});
  }
  return true;
}

// Walks that have begun in turns before, tenants by turns, as far as this turn goes.
Status Engine::Core::go_on_with_walks(Decision& decision) {
  size_t n_held_up = 0;
  while (looks_left_ > 0 && n_held_up < walks_.size()) {
    auto line = walks_.upper_bound(walked_last_);
    if (line == walks_.end()) line = walks_.begin();
    walked_last_ = line->first;
    const size_t before = looks_left_;
    if (go_on(decision, line->second.front())) {
      line->second.pop_front();
      if (line->second.empty()) walks_.erase(line);
      n_held_up = 0;
    } else {
      n_held_up = looks_left_ == before ? n_held_up + 1 : 0;
    }
    PIRN_DO(settle_families(decision));
  }
  walks_held_up_ = !walks_.empty() && n_held_up >= walks_.size();
  return {};
}

}  // namespace pirn::engine
