#include "host/engine/transitions/calls.h"

namespace pirn::engine::transitions {

using journal::Compensation;
using journal::kNever;
using journal::Step;
using journal::StepState;
using worker::Invocation;
using worker::Kind;

namespace {

bool of_workflow(const Invocation& call) { return call.kind == Kind::handler && !call.for_step; }

// The timer that bounds the call; null: nobody waits for it any more.
scheduler::TimerHandle* limit_of(Execution& execution, const worker::Invocation& call) {
  if (call.kind == Kind::hook)
    return execution.observers->running_hook() == call.id ? &execution.observers.edit().hook_timer()
                                                          : nullptr;
  if (call.kind == Kind::handler && !call.for_step) return execution.observers.edit().handler_timer(call.id);
  const bool current =
      call.step < execution.state().steps.size() && execution.step(call.step).invocation == call.id;
  return current ? &execution.local[call.step].timer : nullptr;
}

}  // namespace

worker::Invocation invocation(Execution& execution, Decision& decision, Kind kind, uint32_t step,
                              std::string_view function) {
  worker::Invocation call;
  call.id = decision.next_invocation++;
  call.frame = execution.frame;
  call.kind = kind;
  call.step = step;
  call.function = function;
  if (step == journal::kNoStep) return call;
  call.step_name = execution.plan().name(step);
  call.params = execution.plan().params(step);
  call.attempt = execution.step(step).failures + 1;
  call.context = execution.fold.after(step);
  return call;
}

void suspend_limit(Execution& execution, Timers& timers, const worker::Invocation& call) {
  if (scheduler::TimerHandle* const limit = limit_of(execution, call)) timers.remove(*limit);
}

void resume_limit(Execution& execution, Timers& timers, worker::Invocation& call, int64_t delay) {
  call.deadline = later(call.deadline, delay);
  scheduler::TimerHandle* const limit = limit_of(execution, call);
  if (!limit || call.deadline == kNever) return;
  timers.remove(*limit);
  const bool of_handler = call.kind == Kind::handler && !call.for_step;
  const Timer::What what = call.kind == Kind::hook       ? Timer::What::hook
                           : of_handler                  ? Timer::What::handler
                           : call.kind == Kind::rollback ? Timer::What::rollback
                                                         : Timer::What::step;
  const uint32_t of = call.kind == Kind::hook ? 0 : of_handler ? static_cast<uint32_t>(call.id) : call.step;
  *limit = timers.add(call.deadline, {&execution, what, of});
}

void set_timer(Execution& execution, Decision& decision, uint32_t step, int64_t at) {
  decision.timers.remove(execution.local[step].timer);
  if (at != kNever)
    execution.local[step].timer = decision.timers.add(at, {&execution, Timer::What::step, step});
}

void stop_timing(Execution& execution, Decision& decision, const Invocation& call) {
  suspend_limit(execution, decision.timers, call);
}

bool start_timing(Execution& execution, Decision& decision, Invocation& call, int64_t allowance_ns) {
  call.deadline = later(decision.now, allowance_ns);
  const auto timer = [&](Timer::What what, uint32_t which) {
    return call.deadline == kNever ? scheduler::kNoTimer
                                   : decision.timers.add(call.deadline, {&execution, what, which});
  };
  if (call.kind == Kind::hook) {
    if (execution.observers->running_hook() != call.id) return false;
    execution.observers.edit().hook_timer() = timer(Timer::What::hook, 0);
    return true;
  }
  if (of_workflow(call)) {
    scheduler::TimerHandle* const waiting = execution.observers.edit().handler_timer(call.id);
    if (!waiting) return false;
    *waiting = timer(Timer::What::handler, static_cast<uint32_t>(call.id));
    return true;
  }
  if (execution.ended() || call.step >= execution.state().steps.size()) return false;
  const journal::Step& step = execution.step(call.step);
  if (step.invocation != call.id) return false;
  if (call.kind == Kind::rollback) {
    if (step.compensation != Compensation::running) return false;
    execution.local[call.step].timer = timer(Timer::What::rollback, call.step);
    return true;
  }
  const bool maps = call.kind == Kind::input || call.kind == Kind::result;
  if (step.state != (maps ? StepState::running : StepState::asking)) return false;
  execution.local[call.step].timer = timer(Timer::What::step, call.step);
  return true;
}

}  // namespace pirn::engine::transitions
