// The runner's slots: which call and which step may start, by the tenants' shares (R71), and what the host
// makes up for after it was down.
#include <algorithm>
#include <utility>

#include "host/engine/core.h"
#include "host/engine/transitions/calls.h"
#include "host/engine/transitions/lifecycle.h"
#include "packager/schedule/timetable.h"

namespace pirn::engine {

using worker::Invocation;
using worker::Kind;

namespace {

// What start_next() and start_supplied() start: dispatch() has asked for its slot.
bool is_step(const Invocation& call) { return call.kind == Kind::task || call.kind == Kind::fallback; }

}  // namespace

void Engine::Core::set_slot_terms(const std::string& tenant, uint32_t number) {
  const registry::SlotTerms terms = catalog_->slot_terms(tenant);
  const scheduler::SlotShares::Terms wanted{
      terms.weight, terms.max_running_steps == 0 ? scheduler::SlotShares::kNoCap : terms.max_running_steps};
  if (slots_.terms(number) != wanted) slots_.set_terms(number, wanted);
}

void Engine::Core::take_back_slots() {
  slots_.set_total(runner_.slots());
  freed_.clear();
  runner_.take_freed(freed_);
  for (const uint32_t tenant : freed_) slots_.give_back(tenant);
}

// Every call that was decided since takes its slot, or waits for one. The steps' own work goes first: it was
// started because there was a slot for it.
void Engine::Core::account_for_calls(Decision& decision) {
  std::vector<Invocation>& calls = batch_->change.invocations;
  if (batch_->n_accounted == calls.size()) return;
  const auto fresh = calls.begin() + static_cast<ptrdiff_t>(batch_->n_accounted);
  bool all_steps = true;
  for (auto call = fresh; call != calls.end(); ++call) {
    if (is_step(*call))
      slots_.take(call->frame->tenant);
    else
      all_steps = false;
  }
  if (!all_steps)
    calls.erase(std::remove_if(fresh, calls.end(),
                               [&](Invocation& call) { return !is_step(call) && !admit(decision, call); }),
                calls.end());
  batch_->n_accounted = calls.size();
}

// false: the call was taken out of the change, and waits.
bool Engine::Core::admit(Decision& decision, Invocation& call) {
  const uint32_t tenant = call.frame->tenant;
  if (call.id < batch_->first_invocation) batch_->older.push_back(call.id);  // a token that is called again
  // A suspect goes on trial, whoever else waits: nothing else runs meanwhile.
  const bool to_be_tried = trials_.holding() && trials_.is_suspect(call);
  if (to_be_tried || (!held_.contains(tenant) && slots_.may_take(tenant))) {
    slots_.take(tenant);
    return true;
  }
  transitions::stop_timing(*executions_.at(call.frame->execution), decision, call);
  const int64_t allowance =
      call.deadline == journal::kNever ? journal::kNever : std::max<int64_t>(0, call.deadline - decision.now);
  held_[tenant].push_back({std::move(call), allowance});
  return false;
}

// A call that is to be cancelled while it waits for its slot is told when it begins.
void Engine::Core::hear_cancels() {
  const std::vector<Signal>& signals = batch_->change.signals;
  const size_t n_heard = std::exchange(batch_->n_heard, signals.size());
  if (held_.empty() || n_heard == signals.size()) return;
  std::vector<uint64_t> cancelled;
  for (size_t i = n_heard; i < signals.size(); ++i)
    if (signals[i].signal == worker::Runner::Signal::cancel) cancelled.push_back(signals[i].invocation);
  std::sort(cancelled.begin(), cancelled.end());
  for (auto& [tenant, calls] : held_)
    for (Held& held : calls)
      if (std::binary_search(cancelled.begin(), cancelled.end(), held.call.id)) held.cancelled = true;
}

// The tenant whose waiting call goes next; nullopt: none may take a slot.
std::optional<uint32_t> Engine::Core::next_held() const {
  std::optional<uint32_t> next;
  for (const auto& [tenant, calls] : held_)
    if (slots_.may_take(tenant) && (!next || slots_.goes_before(tenant, *next))) next = tenant;
  return next;
}

// Calls that have waited and may start now, tenants by their shares.
void Engine::Core::release_calls(Decision& decision) {
  while (const std::optional<uint32_t> tenant = next_held()) {
    const auto line = held_.find(*tenant);
    Held next = std::move(line->second.front());
    line->second.pop_front();
    if (line->second.empty()) held_.erase(line);
    const auto execution = executions_.find(next.call.frame->execution);
    if (execution == executions_.end() ||
        !transitions::start_timing(*execution->second, decision, next.call, next.allowance_ns))
      continue;
    slots_.take(*tenant);
    slots_.rotate(*tenant);
    if (next.call.id < batch_->first_invocation) batch_->older.push_back(next.call.id);
    if (next.cancelled) batch_->change.signals.push_back({next.call.id, worker::Runner::Signal::cancel});
    batch_->change.invocations.push_back(std::move(next.call));
    batch_->n_accounted = batch_->change.invocations.size();
  }
}

// Why what is ready does not run; nullopt: it does not wait for a slot, or for more than that.
std::optional<SlotWait> Engine::Core::slot_wait(const Execution& execution) const {
  if (!execution.queued || !execution.dispatchable() || !dispatching_ || trials_.holding()) return {};
  const uint32_t tenant = execution.tenant_number();
  const uint32_t cap = slots_.terms(tenant).cap;
  return SlotWait{slots_.total(), slots_.in_use(), slots_.running(tenant), slots_.share(tenant),
                  cap == scheduler::SlotShares::kNoCap ? 0 : cap};
}

SlotUse Engine::Core::slot_use() const {
  SlotUse use{slots_.total(), slots_.in_use(), slots_.reserve(), slots_.active_weight(), {}};
  for (const auto& [tenant, number] : tenant_numbers_) {
    const scheduler::SlotShares::Terms terms = slots_.terms(number);
    const auto held = held_.find(number);
    const size_t waiting = open_.waiting_steps(number) + (held == held_.end() ? 0 : held->second.size());
    use.tenants.push_back({tenant, terms.weight, terms.cap == scheduler::SlotShares::kNoCap ? 0 : terms.cap,
                           slots_.running(number), static_cast<uint32_t>(waiting), slots_.share(number)});
  }
  std::sort(use.tenants.begin(), use.tenants.end(),
            [](const TenantSlots& a, const TenantSlots& b) { return a.tenant < b.tenant; });
  return use;
}

// ---- after a downtime ----

void Engine::Core::missed(const std::string& tenant, const journal::ScheduleName& schedule) {
  catch_up_.push(tenant_number(tenant), {{tenant, schedule}, {}});
}

// A delayed start whose instant the host missed; false: it is punctual.
bool Engine::Core::missed(Execution& execution) {
  const journal::ExecutionState& state = execution.state();
  const int64_t now = state.wakes_by_wall_clock ? time_.wall() : time_.now();
  if (state.wake_at >= now - schedule::kPunctual_ns) return false;
  transitions::miss_start(execution);
  catch_up_.push(execution.tenant_number(), {{}, execution.id()});
  return true;
}

// Missed fires of a workflow that had enough to run go on when an execution of it has ended.
void Engine::Core::look_for_room() {
  if (!triggers_.anybody_waits_for_room()) return;
  for (const Execution* execution : batch_->touched) {
    if (!execution->ended()) continue;
    const journal::Origin& origin = *execution->state().origin;
    triggers_.room({origin.tenant, {origin.package, origin.workflow}});
  }
}

// One round of what was missed, behind all that is due: a tenant whose steps still wait for slots after they
// were given out has more urgent things to do. How many starts.
Result<size_t> Engine::Core::catch_up(Decision& decision) {
  if (!may_start()) return size_t{0};
  Status failed;
  const size_t n = catch_up_.round(
      decision.now, [this](uint32_t tenant) { return queue_.size(tenant) > 0 || held_.contains(tenant); },
      [&](const Missed& next) {
        if (!failed) return true;
        if (!next.start) {
          auto behind = triggers_.fire_late(decision, next.schedule);
          if (!behind) failed = std::move(behind).error();
          return behind && *behind;
        }
        const auto execution = executions_.find(next.start);
        if (execution != executions_.end() && transitions::begin_late(*execution->second, decision))
          touched(*execution->second);
        return false;
      });
  PIRN_DO(std::move(failed));
  PIRN_DO(settle_families(decision));
  return n;
}

}  // namespace pirn::engine
