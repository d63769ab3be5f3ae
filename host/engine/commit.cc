// What was decided is committed, and only then acted on.
#include "host/engine/core.h"

#include <algorithm>
#include <cassert>

#include "host/journal/codec.h"

namespace pirn::engine {

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
  // Executions end about in the order in which they began: so most rows are appended, and few pages are
  // split.
  std::sort(execution_rows_.begin(), execution_rows_.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  tenant_rows_.clear();
  event_rows_.clear();
  streams_.collect(flush, journal_rows_, tenant_rows_);
  triggers_.collect(event_rows_);
  if (journal_rows_.empty() && execution_rows_.empty()) return {};

  // What was left aside is recovered from its journal one day: the watermark must not pass it.
  const bool complete = dirty_.empty() && left_aside_.empty() && streams_.complete();
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
  journal::append_state(body, state, execution.names(),
                        execution.ended() ? execution.context_json() : std::string());
  // The text stays where it is when bodies_ grows.
  execution_rows_.push_back({journal::columns_of(state), !execution.ended(), body.view()});
}

void Engine::Core::act() {
  for (size_t i = 0; i < change_.n_drafts; ++i) {
    const Draft& draft = change_.drafts[i];
    listener_.on_commit(draft.execution->id(), draft.execution->state().origin->tenant, draft.commit_no,
                        draft.body.view(), draft.last);
  }
  for (auto& [reply, result] : started_) reply(std::move(result));
  started_.clear();
  for (auto& reply : change_.replies) reply();
  // What began in this turn can hear only afterwards that nobody wants it any more.
  const auto signal = [this](bool begun_now) {
    for (const Signal& each : change_.signals)
      if ((each.invocation >= first_of_turn_) == begun_now) runner_.cancel(each.invocation, each.signal);
  };
  signal(false);
  if (!change_.invocations.empty()) runner_.start(change_.invocations);
  signal(true);
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
  const PlanPtr plan = execution.shared_plan();
  executions_.erase(execution.id());
  plan->each_pin([this](const registry::ReleasePtr& release) { unpin(release); });
}

void Engine::Core::unpin(const registry::ReleasePtr& release) {
  const auto pin = pins_.find(release);
  assert(pin != pins_.end() && pin->second > 0);
  if (--pin->second > 0) return;
  pins_.erase(pin);
  if (catalog_->in_use(release)) return;
  forget_plans(release);
  runner_.retire(release);
}

// Those of its workflows, and those that run with it. Whether there was one.
bool Engine::Core::forget_plans(const registry::ReleasePtr& release) {
  size_t n_forgotten = 0;
  for (auto& [workflow, plans] : plans_)
    n_forgotten += std::erase_if(plans, [&](const PlanPtr& plan) { return plan->pins(release); });
  std::erase_if(plans_, [](const auto& entry) { return entry.second.empty(); });
  return n_forgotten > 0;
}

// The catalog has moved: releases that it left and nothing pins are retired.
void Engine::Core::retire_replaced() {
  std::vector<registry::ReleasePtr> replaced;
  for (const auto& [workflow, plans] : plans_)
    for (const PlanPtr& plan : plans)
      plan->each_pin([&](const registry::ReleasePtr& release) {
        if (!catalog_->in_use(release) && !pins_.contains(release)) replaced.push_back(release);
      });
  for (const registry::ReleasePtr& release : replaced)
    if (forget_plans(release)) runner_.retire(release);
}

}  // namespace pirn::engine
