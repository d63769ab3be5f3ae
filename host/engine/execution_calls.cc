// The time limits of calls that wait for a slot: hooks, handlers, consultations and rollbacks are decided
// when they are due, and begin when the tenant has a slot for them. What they have to answer within counts
// from then.
#include "host/engine/execution.h"

namespace pirn::engine {

using journal::Compensation;
using journal::kNever;
using journal::StepState;
using worker::Invocation;
using worker::Kind;

namespace {

bool of_workflow(const Invocation& call) { return call.kind == Kind::handler && !call.for_step; }

}  // namespace

void Execution::stop_timing(Decision& decision, const Invocation& call) {
  suspend_limit(decision.timers, call);
}

bool Execution::start_timing(Decision& decision, Invocation& call, int64_t allowance_ns) {
  call.deadline = later(decision.now, allowance_ns);
  const auto timer = [&](Timer::What what, uint32_t which) {
    return call.deadline == kNever ? scheduler::kNoTimer
                                   : decision.timers.add(call.deadline, {this, what, which});
  };
  if (call.kind == Kind::hook) {
    if (observers_->running_hook() != call.id) return false;
    observers_.edit().hook_timer() = timer(Timer::What::hook, 0);
    return true;
  }
  if (of_workflow(call)) {
    scheduler::TimerHandle* const waiting = observers_.edit().handler_timer(call.id);
    if (!waiting) return false;
    *waiting = timer(Timer::What::handler, static_cast<uint32_t>(call.id));
    return true;
  }
  if (ended() || call.step >= state_.steps.size()) return false;
  const journal::Step& step = state_.steps[call.step];
  if (step.invocation != call.id) return false;
  if (call.kind == Kind::rollback) {
    if (step.compensation != Compensation::running) return false;
    local_[call.step].timer = timer(Timer::What::rollback, call.step);
    return true;
  }
  const bool maps = call.kind == Kind::input || call.kind == Kind::result;
  if (step.state != (maps ? StepState::running : StepState::asking)) return false;
  local_[call.step].timer = timer(Timer::What::step, call.step);
  return true;
}

bool Execution::begin_late(Decision& decision) {
  if (state_.state != journal::State::pending || start_timer_ != scheduler::kNoTimer) return false;
  open_commit();
  begin(decision);
  return true;
}

}  // namespace pirn::engine
