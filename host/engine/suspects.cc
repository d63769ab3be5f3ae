// After an unclean end that nobody is known to have caused (trials.h): suspects run again one at a time, and
// all other calls wait for them.
#include <algorithm>

#include "host/engine/core.h"
#include "host/engine/transitions/calls.h"
#include "host/engine/transitions/dispatch.h"

namespace pirn::engine {

std::string_view words_of(worker::LastLife::End end) {
  using End = worker::LastLife::End;
  return end == End::clean   ? "the host stopped cleanly the last time"
         : end == End::crash ? "the host did not stop cleanly the last time: its process ended or was killed"
                             : "the host did not stop cleanly the last time: the machine was restarted";
}

std::string_view words_of(LostCall::Role role) {
  switch (role) {
    case LostCall::Role::culprit:
      return "this call ended the process";
    case LostCall::Role::suspect:
      return "this call was under way when the process ended: as a suspect it runs again alone";
    default:
      return "this call was under way when the process ended: it runs again";
  }
}

// A call may have returned, and its thread or signal ended the process before that was durable: then no call
// was under way, and the step would end each life anew. So whatever the journal calls running is suspected.
// Not after a trial: those that were held back meanwhile had not begun, and the one on trial stays on trial
// until what it did is durable.
void Engine::Core::suspect_running_steps(const worker::LastLife& last, const journal::ExecutionState& state) {
  if (last.end != worker::LastLife::End::crash || last.trial.invocation != 0) return;
  for (uint32_t step = 0; step < state.steps.size(); ++step)
    if (const journal::Step& each = state.steps[step];
        each.state == journal::StepState::running && each.invocation != 0 && !each.extra->child)
      trials_.suspect({state.id, step, each.kind});
}

// Where the executions that are open stood when the last life ended.
void Engine::Core::note_lost_calls(const worker::LastLife& last, const journal::ExecutionState& state,
                                   const GrownPlan& plan) {
  for (size_t i = 0; i < last.running.size(); ++i) {
    const worker::LastCall& lost = last.running[i];
    if (lost.call.execution != state.id) continue;
    LostCall& told = lost_calls_[i];
    told.tenant = state.origin->tenant;
    told.workflow = state.origin->package + "::" + state.origin->workflow;
    if (lost.call.step >= plan.n_steps()) continue;
    told.step = plan.name(lost.call.step);
    told.function = called_function(state, plan, lost.call.step, lost.call.kind);
  }
}

void Engine::Core::say_whom_they_concern(const worker::LastLife& last,
                                         const std::vector<worker::FatalInvocation>& fatal) {
  for (size_t i = 0; i < last.running.size(); ++i) {
    const worker::LastCall& lost = last.running[i];
    const bool killed = std::any_of(fatal.begin(), fatal.end(), [&](const worker::FatalInvocation& each) {
      return each.invocation == lost.invocation;
    });
    const bool suspected = last.end == worker::LastLife::End::crash && fatal.empty();
    lost_calls_[i].role = killed      ? LostCall::Role::culprit
                          : suspected ? LostCall::Role::suspect
                                      : LostCall::Role::bystander;
  }
}

// Decides the start of the next suspect's step, out of its turn.
void Engine::Core::call_suspect(Decision& decision) {
  while (const worker::Suspect* suspect = trials_.next_to_call()) {
    const auto found = executions_.find(suspect->call.execution);
    const uint32_t step = suspect->call.step;
    const bool begins =
        found != executions_.end() && transitions::call_out_of_turn(*found->second, decision, step);
    if (found != executions_.end()) touched(*found->second);
    // It may have had to ask for resources; those of a lost host are free.
    while (begins && !resources_.idle() && start_waiting(decision)) {
    }
    trials_.called(begins && found->second->state().steps[step].state == journal::StepState::running,
                   batch_->number);
  }
}

void Engine::Core::hold(std::vector<worker::Invocation>& calls) {
  for (const worker::Invocation& call : calls)
    if (const auto found = executions_.find(call.frame->execution); found != executions_.end())
      transitions::suspend_limit(*found->second, timers_, call);
  trials_.hold(calls, time_.now());
}

// A call that is held and given up has no runner that would free its slot.
bool Engine::Core::heard_by_trials(const Signal& signal) {
  if (!trials_.holding()) return false;
  const std::optional<uint32_t> tenant = trials_.tenant_of(signal.invocation);
  if (!trials_.signal(signal)) return false;
  if (signal.signal == worker::Runner::Signal::abandon) slots_.give_back(*tenant);
  return true;
}

void Engine::Core::start_held(std::vector<HeldCall> held) {
  std::vector<worker::Invocation> calls;
  std::vector<uint64_t> cancelled;
  for (HeldCall& each : held) {
    if (each.cancelled) cancelled.push_back(each.invocation.id);
    if (const auto found = executions_.find(each.invocation.frame->execution); found != executions_.end())
      transitions::resume_limit(*found->second, timers_, each.invocation, time_.now() - each.since);
    calls.push_back(std::move(each.invocation));
  }
  if (!calls.empty()) runner_.start(calls);
  for (const uint64_t id : cancelled) runner_.cancel(id, worker::Runner::Signal::cancel);
}

// Before a turn decides: a trial that takes too long, or that nobody needs any more.
void Engine::Core::look_after_trials() {
  if (trials_.expire(time_.now())) {
    runner_.keep_suspects(trials_.suspects());
    runner_.put_on_trial({});
  }
  if (trials_.empty() || !dispatching_) end_trials();
}

// After a turn was committed. Whether a further turn has to call a suspect.
bool Engine::Core::go_on_with_trials() {
  const bool was_on_trial = trials_.on_trial();
  if (trials_.is_durable(durable_)) runner_.keep_suspects(trials_.suspects());
  if (was_on_trial && !trials_.on_trial()) runner_.put_on_trial({});
  switch (trials_.next(time_.now())) {
    case Trials::Next::wait:
      return false;
    case Trials::Next::look:
      return true;
    case Trials::Next::begin: {
      worker::Trial trial;
      std::vector<HeldCall> held;
      held.push_back(trials_.begin(time_.now(), trial));
      runner_.put_on_trial(trial);
      start_held(std::move(held));
      return false;
    }
    case Trials::Next::over:
      end_trials();
      return true;  // all that was ready waits for its dispatch
  }
  return false;
}

void Engine::Core::end_trials() {
  runner_.put_on_trial({});
  start_held(trials_.end());
}

void Engine::Core::clear_suspect(uint64_t invocation) {
  if (trials_.returned(invocation, batch_->number)) runner_.keep_suspects(trials_.suspects());
}

void Engine::Core::forget_suspects_of(ExecutionId execution) {
  if (trials_.forget(execution)) runner_.keep_suspects(trials_.suspects());
}

}  // namespace pirn::engine
