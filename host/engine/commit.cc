// What was decided is committed, and only then acted on.
#include "host/engine/core.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "host/journal/codec.h"

namespace pirn::engine {

// Commits what was decided and acts on it, or leaves both for later: while the committer is busy, decisions
// gather for the next transaction. After one that was long to write it tidies up the store, so the next one is
// handed over, too, and the engine does not wait for that.
Status Engine::Core::commit() {
  // What tenants' streams have written lies in their buffers until the next turn only.
  const bool at_once = streams_.drafted() || triggers_.drafted();
  if (in_flight_) {
    if (!at_once && batch_->inputs < options_.inputs_per_turn) return {};
    PIRN_DO(land());
  }
  if (!write_rows()) {
    act(*batch_);
    return {};
  }
  batch_->long_to_write = batch_->n_bytes >= options_.min_async_bytes || !batch_->long_rows.empty();
  const bool is_slight = batch_->inputs < options_.min_async_inputs && !batch_->long_to_write && !after_long_;
  if (!committer_ || at_once || !batch_->tenant_rows.empty() || is_slight) {
    write(batch_->long_rows, batch_->execution_rows);
    PIRN_DO(store_.commit(batch_->rows(store_.lease())));
    batch_->long_rows.clear();
    act(*batch_);
    return {};
  }
  for (Execution* execution : batch_->touched) {
    execution->touched = false;
    execution->in_flight = true;
  }
  in_flight_ = std::exchange(batch_, batch_ == &batches_[0] ? &batches_[1] : &batches_[0]);
  batch_->number = in_flight_->number + 1;
  batch_->first_invocation = next_invocation_;
  std::function<void()> prepare;
  if (!in_flight_->long_rows.empty())
    prepare = [rows = std::make_shared<LongRows>(std::exchange(in_flight_->long_rows, {})),
               into = &in_flight_->execution_rows] { write(*rows, *into); };
  committer_->begin(in_flight_->rows(store_.lease()), std::move(prepare));
  return {};
}

void Engine::Core::write(LongRows& rows, std::vector<store::ExecutionRow>& into) {
  for (const std::unique_ptr<LongRow>& row : rows) {
    std::string context;
    if (journal::terminal(row->state.state)) row->context.append_json(context);
    journal::append_state(row->body, row->state, row->names, context);
    into[row->row].body = row->body.view();
  }
}

// What is in flight becomes durable, and is acted on.
Status Engine::Core::land() {
  Batch& landed = *std::exchange(in_flight_, nullptr);
  PIRN_DO(committer_->finish());
  after_long_ = landed.long_to_write;
  for (Execution* execution : landed.touched) execution->in_flight = false;
  act(landed);
  return {};
}

// false: nothing is to be written.
bool Engine::Core::write_rows() {
  Batch& batch = *batch_;
  batch.journal_rows.clear();
  batch.execution_rows.clear();
  batch.n_bodies = batch.n_bytes = 0;
  for (size_t i = 0; i < batch.change.n_drafts; ++i) {
    Draft& draft = batch.change.drafts[i];
    assert(draft.execution->touched && "or it could be gone before it is acted on");
    journal::end_body(draft.body);
    batch.journal_rows.push_back(
        {draft.execution->id(), draft.commit_no, journal::kSchema, draft.body.view()});
    batch.n_bytes += draft.body.view().size();
  }
  for (const Shift& shift : shifts_)
    batch.journal_rows.push_back({shift.id, shift.commit_no, journal::kSchema, shift.body.view()});
  // The projection: at the end, when parked if that is soon done, and from time to time for all that it
  // lacks.
  for (Execution* execution : batch.touched) {
    if (execution->ended() || (execution->parked() && !has_long_row(*execution))) {
      to_project_.emplace_back(execution->id(), execution);
    } else if (!execution->dirty) {
      execution->dirty = true;
      dirty_.push_back(execution);
    }
  }
  const bool flush = commits_since_complete_ + batch.journal_rows.size() >= options_.flush_after_commits;
  for (const auto& [id, execution] : to_project_) execution->dirty = false;
  if (flush)
    for (Execution* execution : dirty_)
      if (std::exchange(execution->dirty, false)) to_project_.emplace_back(execution->id(), execution);
  std::erase_if(dirty_, [](const Execution* execution) { return !execution->dirty; });
  // Executions end about in the order in which they began: so most rows are appended, and few pages are
  // split.
  std::sort(to_project_.begin(), to_project_.end());
  for (const auto& [id, execution] : to_project_) project(*execution);
  to_project_.clear();
  for (const auto& [id, body] : marks_)
    batch.execution_rows.push_back({journal::columns_of(quarantined_.at(id).state), true, body.view()});
  batch.tenant_rows.clear();
  batch.event_rows.clear();
  streams_.collect(flush, batch.journal_rows, batch.tenant_rows);
  triggers_.collect(batch.event_rows);
  if (batch.journal_rows.empty() && batch.execution_rows.empty() && batch.tenant_rows.empty()) return false;

  batch.complete = dirty_.empty() && n_unmarked_ == 0 && streams_.complete();
  commits_since_complete_ = batch.complete ? 0 : commits_since_complete_ + batch.journal_rows.size();
  stats_.commits += batch.journal_rows.size();
  return true;
}

void Engine::Core::project(const Execution& execution) {
  if (committer_ && has_long_row(execution)) {
    batch_->long_rows.push_back(std::make_unique<LongRow>(LongRow{
        batch_->execution_rows.size(), execution.state(), execution.names(), execution.context(), {}}));
    const journal::ExecutionState& state = batch_->long_rows.back()->state;
    batch_->execution_rows.push_back({journal::columns_of(state), !execution.ended(), {}});
    return;
  }
  if (batch_->n_bodies == batch_->bodies.size()) batch_->bodies.emplace_back();
  journal::TextWriter& body = batch_->bodies[batch_->n_bodies++];
  body.clear();
  const journal::ExecutionState& state = execution.state();
  journal::append_state(body, state, execution.names(),
                        execution.ended() ? execution.context_json() : std::string());
  // The text stays where it is when the list of bodies grows.
  batch_->execution_rows.push_back({journal::columns_of(state), !execution.ended(), body.view()});
}

namespace {

bool contains(const std::vector<uint64_t>& ids, uint64_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

void Engine::Core::act(Batch& batch) {
  Change& change = batch.change;
  for (size_t i = 0; i < change.n_drafts; ++i) {
    const Draft& draft = change.drafts[i];
    listener_.on_commit(draft.execution->id(), *draft.execution->state().origin, draft.commit_no,
                        draft.body.view(), draft.last);
  }
  for (auto& [reply, result] : batch.started) reply(std::move(result));
  for (auto& reply : change.replies) reply();
  // What begins only now can hear only afterwards that nobody wants it any more.
  const auto signal = [&](bool begins_now) {
    for (const Signal& each : change.signals)
      if ((each.invocation >= batch.first_invocation || contains(batch.older, each.invocation)) ==
              begins_now &&
          !heard_by_trials(each))
        runner_.cancel(each.invocation, each.signal);
  };
  signalled_ = signalled_ || !change.signals.empty();
  signal(false);
  if (!change.invocations.empty()) start(change.invocations);
  signal(true);
  // Last: executions that are over leave the memory. About one that something was decided about since then,
  // its end perhaps, the next batch knows more.
  if (&batch == batch_)
    for (Execution* execution : batch.touched) execution->touched = false;
  for (Execution* execution : batch.touched) {
    if (!execution->ended() || execution->touched) continue;
    if (!execution->state().key.empty())
      start_keys_.erase(std::pair(execution->state().origin->tenant, execution->state().key));
    leave_if_over(*execution);
  }
  batch.clear();
  durable_ = batch.number;
  if (&batch != batch_) return;
  ++batch.number;
  batch.first_invocation = next_invocation_;
}

void Engine::Core::start(std::vector<worker::Invocation>& calls) {
  if (trials_.holding()) return hold(calls);
  if (!trials_.empty()) trials_.began(calls);
  runner_.start(calls);
}

// An execution that has ended leaves the memory when its last hook and handler are over and no queue and no
// batch names it.
void Engine::Core::leave_if_over(Execution& execution) {
  if (!execution.ended() || execution.observed() || execution.queued || execution.touched ||
      execution.in_flight)
    return;
  ++stats_.executions_ended;
  assert(!execution.counted.open && "or it would be listed when it is gone");
  if (!trials_.empty()) forget_suspects_of(execution.id());
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
