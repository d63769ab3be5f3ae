#include "host/engine/execution.h"
#include "host/engine/invocation_input.h"

#include <algorithm>
#include <cassert>

#include "host/engine/breakers.h"
#include "host/journal/codec.h"
#include "packager/schedule/timetable.h"

namespace pirn::engine {

using journal::kNever;
using journal::SkipKind;
using journal::State;
using journal::Step;
using journal::StepState;
using journal::Stopping;
using worker::Kind;
using worker::Outcome;

journal::ErrorPtr make_error(std::string code, std::string message, journal::ErrorClass error_class) {
  return std::make_shared<const journal::StepError>(
      journal::StepError{std::move(code), std::move(message), error_class, ""});
}

// ---- construction ----

Execution::Execution(ExecutionId id, PlanPtr plan, uint32_t tenant_number)
    : plan_(std::move(plan)), tenant_number_(tenant_number) {
  state_.id = id;
}

Execution::Execution(journal::ExecutionState state, GrownPlan plan, uint32_t tenant_number)
    : plan_(std::move(plan)), tenant_number_(tenant_number) {
  state_ = std::move(state);
  assert(state_.steps.size() == plan_->n_steps());
  begin_anew();
}

// What is derived, as it is before the first step of an attempt.
void Execution::begin_anew() {
  if (state_.n_children == 0) plan_.forget_children();
  const Plan& plan = *plan_->shared();
  const bool under_way = state_.state != State::pending;
  frame_ = std::allocate_shared<ExecutionFrame>(Recycled<ExecutionFrame>(), id(), plan_->shared(),
                                                state_.attempt + (under_way ? 0 : 1), tenant_number_);
  local_.assign(plan.n_steps(), Local());
  progress_.begin(plan, state_.strategy);
  fold_.begin(plan, state_.input);
  measure();
  for (const ExpansionPtr& expansion : plan_->expansions()) spread(expansion);
}

bool Execution::parked() const {
  return !ended() && progress_.running() == 0 && progress_.asking() == 0 &&
         (progress_.ready() == 0 || state_.paused);
}

uint32_t Execution::current_step() const {
  uint32_t current = journal::kNoStep;
  plan_->in_order([&](uint32_t step) {
    if (current == journal::kNoStep && state_.steps[step].state == StepState::running) current = step;
  });
  return current;
}

std::string Execution::context_json() const {
  std::string out;
  fold_.all().append_json(out);
  return out;
}

// ---- recording ----

Draft& Execution::draft(Decision& decision) {
  Change& change = decision.change;
  const bool opened = draft_turn_ != change.turn;
  if (opened) {
    draft_ = change.new_draft(this, state_.next_commit++);
    draft_turn_ = change.turn;
    journal::begin_body(change.drafts[draft_].body, decision.now);
  }
  return change.drafts[draft_];
}

// ---- the beginning and the end ----

void Execution::create(Decision& decision, journal::Created record) {
  open_commit();
  emit(decision, std::move(record));
  begin_anew();
  if (state_.wake_at > start_clock(decision))
    start_timer_ = start_timers(decision).add(state_.wake_at, {this, Timer::What::start, 0});
  else
    begin(decision);
}

// By what the start is timed: `at` by the wall clock, all else by engine time.
int64_t Execution::start_clock(const Decision& decision) const {
  return state_.wakes_by_wall_clock ? decision.wall : decision.now;
}
Timers& Execution::start_timers(Decision& decision) const {
  return state_.wakes_by_wall_clock ? decision.wall_timers : decision.timers;
}

void Execution::create_from(Decision& decision, journal::Created record, const std::vector<Step>& past,
                            const std::vector<bool>& adopts, Adopting why,
                            const std::vector<ExpansionPtr>& expansions) {
  open_commit();
  emit(decision, std::move(record));
  begin_anew();
  const int64_t deadline = later(decision.now, plan_->workflow().timeout_ns);
  emit(decision, begun(deadline));
  for (const ExpansionPtr& expansion : expansions) {
    emit(decision, journal::GraftExpanded{expansion->graft, expansion->children});
    plan_.add(expansion);
    spread(expansion);
  }
  std::vector<uint32_t> adopted;
  for (uint32_t step = 0; step < plan_->n_steps(); ++step)
    if (adopts[step] && past[step].state == StepState::completed &&
        past[step].compensation == journal::Compensation::none)
      adopted.push_back(step);
  std::sort(adopted.begin(), adopted.end(), [&](uint32_t a, uint32_t b) {
    return past[a].ended_seq < past[b].ended_seq;  // compensation reverses the order of commits
  });
  for (uint32_t step : adopted)
    emit(decision, journal::StepAdopted{step, past[step].result, past[step].extra->child});
  refold();
  if (why == Adopting::to_roll_back) {
    Stopping stopping;
    stopping.cause = journal::StopCause::cancel;
    stopping.reason = "rolls back " + state_.retry_of.text();
    stopping.rollback = true;
    stopping.cleanup = false;
    return stop(decision, std::move(stopping));
  }
  if (deadline != kNever)
    deadline_timer_ = decision.timers.add(deadline, {this, Timer::What::workflow_deadline, 0});
  for (uint32_t step = 0; step < plan_->n_declared(); ++step)
    if (state_.steps[step].state == StepState::pending && !progress_.waits(step))
      progress_.make_due(plan_, step);
  // A child waits for nothing but its graft, which has been adopted.
  for (uint32_t step = plan_->n_declared(); step < plan_->n_steps(); ++step)
    if (state_.steps[step].state == StepState::pending) pass(decision, step);
  settle(decision);
  finish_if_done(decision);
}

journal::Begun Execution::begun(int64_t deadline) const {
  return {state_.attempt + 1, deadline, state_.origin->workflow, id(), state_.trigger};
}

void Execution::begin(Decision& decision) {
  // Counted from the first start, over all attempts (R21).
  const int64_t deadline =
      state_.attempt == 0 ? later(decision.now, plan_->workflow().timeout_ns) : state_.deadline;
  emit(decision, begun(deadline));
  if (belongs_to_paused_) pause_with_parent(decision);
  if (deadline != kNever && deadline_timer_ == scheduler::kNoTimer)
    deadline_timer_ = decision.timers.add(deadline, {this, Timer::What::workflow_deadline, 0});
  progress_.raise_barrier(plan_);
  for (uint32_t root : plan_->roots()) progress_.make_due(plan_, root);
  settle(decision);
  finish_if_done(decision);
}

void Execution::cancel(Decision& decision, const std::string& reason, bool rollback, bool cleanup,
                       bool with_parent) {
  open_commit();
  Stopping record;
  record.cause = journal::StopCause::cancel;
  record.reason = reason;
  record.rollback = rollback;
  record.cleanup = cleanup;
  record.with_parent = with_parent;
  stop(decision, std::move(record));
}

// E6, E7, E10, E3: running steps drain, all others end now.
void Execution::stop(Decision& decision, Stopping record) {
  const std::vector<bool> below = below_failures();
  if (progress_.running() > 0) {
    record.grace_until = later(decision.now, decision.cancel_grace_ns);
    grace_timer_ = decision.timers.add(record.grace_until, {this, Timer::What::grace, 0});
  }
  if (state_.paused) decision.change.pauses.push_back(this);
  emit(decision, std::move(record));
  start_timers(decision).remove(start_timer_);
  decision.timers.remove(deadline_timer_);
  leave_line(decision);
  progress_.clear_ready();
  progress_.drop_barrier();
  plan_->in_order([&](uint32_t step) {
    if (!journal::terminal(state_.steps[step].state)) stop_step(decision, step, below[step]);
  });
  progress_.clear_due();
  finish_if_done(decision);
}

// S18 to S21.
void Execution::stop_step(Decision& decision, uint32_t step, bool below_failure) {
  const Step& current = state_.steps[step];
  if (current.state == StepState::running) {
    if (!plan_->step(step).cancellable) return;
    decision.change.signals.push_back({current.invocation, worker::Runner::Signal::cancel});
    if (local_[step].child_open) stop_child(decision, step);
    return;
  }
  if (current.state == StepState::asking) {
    decision.change.signals.push_back({current.invocation, worker::Runner::Signal::abandon});
    progress_.end_asking();
  }
  if (state_.cause == journal::StopCause::fail && current.invocations == 0) {
    skip(decision, step, below_failure ? SkipKind::upstream_failed : SkipKind::aborted,
         "the workflow is stopping");
    return;
  }
  end_cancelled(decision, step, "the workflow is stopping");
}

void Execution::end_cancelled(Decision& decision, uint32_t step, std::string reason,
                              journal::ResultPtr partial) {
  emit(decision, journal::StepCancelled{step, std::move(reason), std::move(partial)});
  hook(decision, step, &definition::Hooks::on_failure);
  hook(decision, step, &definition::Hooks::on_finish);
  ended_step(decision, step);
}

// By step: does it depend, directly or not, on one that failed hard?
std::vector<bool> Execution::below_failures() const {
  const std::vector<Join>& joins = plan_->shared()->joins();
  std::vector<bool> below(plan_->n_steps()), in_join(joins.size());
  const auto at_or_below = [&](uint32_t step) {
    return below[step] || (state_.steps[step].state == StepState::failed && !state_.steps[step].tolerated);
  };
  const auto any_of = [&](const std::vector<uint32_t>& steps) {
    return std::any_of(steps.begin(), steps.end(), at_or_below);
  };
  plan_->in_order([&](uint32_t step) {
    if (plan_->is_child(step)) {
      below[step] = at_or_below(plan_->of_child(step).graft);
    } else {
      below[step] = any_of(plan_->step(step).after);
      if (plan_->plain()) return;
      for (uint32_t join : plan_->shared()->join_info(step).joins_before)
        below[step] = below[step] || in_join[join];
      const std::vector<uint32_t>& fired_by = frame_->fired_by(step);
      if (any_of(fired_by.empty() ? plan_->step(step).after_any : fired_by)) below[step] = true;
    }
    if (at_or_below(step))
      for (uint32_t join = plan_->join_of(step); join != kNone; join = joins[join].group)
        in_join[join] = true;
  });
  return below;
}

// E8, E9, E11.
void Execution::finish_if_done(Decision& decision) {
  if (!progress_.all_over() || state_.paused || concluding_ || ended()) return;
  if (state_.state == State::running) {
    if (state_.error_step == journal::kNoStep) return conclude(decision);
    Stopping record;
    record.error = state_.error;
    record.step = state_.error_step;
    emit(decision, record);
    decision.timers.remove(deadline_timer_);  // what failed is not stopped again
  }
  if (state_.state == State::stopping) {
    decision.timers.remove(grace_timer_);
    compensate(decision);
  }
}

// ---- after a crash ----

// In rank order, so that ancestors come first.
void Execution::refold() {
  for (uint32_t number = 1; number <= state_.patches.size(); ++number) {
    const journal::Delta& patch = state_.patches[number - 1];
    fold_.patch(number, patch);
    measure(patch);
  }
  progress_.raise_barrier(plan_);
  plan_->in_order([&](uint32_t step) {
    const Step& current = state_.steps[step];
    if (current.state == StepState::pending) return;
    stored_.row += texts_of(step);
    if (current.error) measure_error(*current.error);
    if (current.extra->rollback_error)
      stored_.rollback_errors += journal::text_size(*current.extra->rollback_error);
    if (!plan_->is_child(step) && !plan_->step(step).after_any.empty())
      frame_->set_fired_by(step, fired_before(plan_, state_.steps, step));
    look(step);
    if (!journal::terminal(current.state)) return;
    if (current.state == StepState::completed) {
      frame_->set(step, current.result);
      if (current.result) {
        measure_result(step, *current.result);
        fold_.write(plan_, step, context_delta(plan_, step, *current.result), current.extra->patch);
      }
    }
    count_end(step);
  });
  progress_.clear_due();  // each verdict that was due has been followed
}

// S17: the host lost the invocation.
void Execution::interrupt(Decision& decision, uint32_t step, bool crashed, std::string_view cause) {
  emit(decision, journal::StepInterrupted{step, crashed, std::string(cause)});
  if (state_.state != State::stopping) {
    // One that crashed too often fails, when all is known that was under way.
    if (!crashed || !crashed_too_often(step)) progress_.push_ready(plan_, step);
    return;
  }
  end_cancelled(decision, step, "the host was lost while the workflow was stopping");
}

void Execution::resume(Decision& decision) {
  open_commit();
  if (decision.shift != 0 && journal::has_instants_ahead(state_))
    emit(decision, journal::ClockShifted{decision.shift});
  if (decision.hook_killed_host(id()) && !state_.without_hooks) emit(decision, journal::HookCrashed{});
  const bool deadline_counts = state_.state == State::running || state_.state == State::pending;
  if (state_.deadline != kNever && deadline_counts)
    deadline_timer_ = decision.timers.add(state_.deadline, {this, Timer::What::workflow_deadline, 0});
  if (state_.state == State::pending) {
    resume_handlers(decision);  // of an attempt before
    // Also of a start that the host missed: the engine begins those at a bounded pace.
    const int64_t now = start_clock(decision);
    if (state_.wake_at > now || now - state_.wake_at > schedule::kPunctual_ns)
      start_timer_ = start_timers(decision).add(state_.wake_at, {this, Timer::What::start, 0});
    else
      begin(decision);
    return;
  }

  refold();

  // What was under way: S17, and consultations are asked again.
  std::vector<std::pair<uint32_t, std::string_view>> blamed;  // and how they did it
  for (uint32_t step = 0; step < plan_->n_steps(); ++step) {
    const Step& current = state_.steps[step];
    const bool killed = decision.killed_host(current.invocation);
    const std::string_view cause = decision.cause_of(current.invocation);
    switch (current.state) {
      case StepState::running:
        if (nested(step)) {
          progress_.begin_running();
          local_[step].child_open = true;  // unless find_lost_children() finds that it has ended
          if (guarded(step))
            decision.breakers.resume(state_.origin->tenant, plan_->step(step).breaker.name,
                                     current.invocation, current.invoked_at);
          set_timer(decision, step, later(current.invoked_at, timeout_of(step)));
          decision.change.waiting.push_back({this, step, current.extra->child});
        } else {
          interrupt(decision, step, killed, cause);
          if (killed && crashed_too_often(step)) blamed.emplace_back(step, cause);
        }
        break;
      case StepState::ready:
        progress_.push_ready(plan_, step);
        break;
      case StepState::retry_wait:
      case StepState::snoozed:
        set_timer(decision, step, current.wake_at);
        break;
      case StepState::awaiting:
        set_timer(decision, step, current.extra->await->deadline);
        break;
      case StepState::asking:
        if (killed) {  // it would do so again
          progress_.begin_asking();
          blamed.emplace_back(step, cause);
        } else if (current.asking == Kind::handler) {
          ask_on_timeout(decision, step);
        } else {
          ask_again(decision, step);
        }
        break;
      default:
        break;
    }
  }
  if (state_.state == State::stopping && progress_.running() > 0 && state_.grace_until != kNever)
    grace_timer_ = decision.timers.add(state_.grace_until, {this, Timer::What::grace, 0});
  progress_.clear_due();
  if (resume_handlers(decision)) {
    decision.timers.remove(deadline_timer_);
    return finalise(decision);
  }
  if (state_.state == State::compensating) return resume_rollbacks(decision);
  for (const auto& [step, cause] : blamed) blame(decision, step, cause);
  finish_if_done(decision);
}

namespace {

std::string by(std::string_view cause) { return cause.empty() ? "" : " by " + std::string(cause); }

}  // namespace

Outcome Execution::crashed(std::string_view cause) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::failed;
  outcome.error = make_error("crashed", "the function crashed the process that it ran in" + by(cause));
  return outcome;
}

// A function that kills its process must not do so for ever: the step fails, of a consultation the default
// holds.
void Execution::blame(Decision& decision, uint32_t step, std::string_view cause) {
  const Step& current = state_.steps[step];
  if (current.state == StepState::asking) {
    Outcome outcome = crashed(cause);
    return on_answer(decision, step, outcome);
  }
  if (current.state != StepState::ready) return;  // stopped meanwhile
  fail_step(
      decision, step,
      make_error("crashed",
                 "the step crashed the process that it ran in " + std::to_string(current.extra->crashes) +
                     " times" + (cause.empty() ? "" : ", the last time" + by(cause)) +
                     "; its max_crashes is " + std::to_string(plan_->step(step).max_crashes),
                 journal::ErrorClass::terminal));
}

// ---- dispatch ----

bool Execution::dispatchable() const {
  return state_.state == State::running && !state_.paused && progress_.ready() > 0 &&
         progress_.has_free_slot();
}

bool Execution::start_next(Decision& decision) { return take_up(decision, progress_.pop_ready()); }

bool Execution::call_out_of_turn(Decision& decision, uint32_t step) {
  if (!dispatchable() || !progress_.take_ready(step)) return false;
  (void)take_up(decision, step);
  return true;
}

// A step that waits for resources has its slot: who is behind it does not take it away.
bool Execution::take_up(Decision& decision, uint32_t step) {
  const std::vector<definition::Resource>& needs = plan_->step(step).resources;
  if (needs.empty()) return start_step(decision, step);
  decision.resources.wait(id(), step, tenant_number_, needs, plan_->step(step).priority, decision.now);
  progress_.begin_waiting();
  return false;
}

bool Execution::start_supplied(Decision& decision, uint32_t step) {
  progress_.end_waiting();
  return start_step(decision, step);
}

// It leaves the line: what waited there is ready, and no more.
void Execution::leave_line(Decision& decision) {
  if (progress_.waiting() == 0) return;
  progress_.forget_waiting();
  for (const uint32_t step : decision.resources.withdraw(id())) progress_.push_ready(plan_, step);
}

bool Execution::start_step(Decision& decision, uint32_t step) {
  const Step& current = state_.steps[step];
  const uint32_t attempt = current.failures + 1;
  const int64_t deadline = later(decision.now, timeout_of(step));
  const Kind kind = current.fallback_used ? Kind::fallback : Kind::task;
  const std::string_view function =
      current.fallback_used ? std::string_view(fallback_function(step)) : plan_->task(step);
  worker::Invocation call = invocation(decision, kind, step, function);
  call.attempt = attempt;
  call.deadline = deadline;
  if (kind == Kind::task && guarded(step) &&
      !decision.breakers.admits(state_.origin->tenant, plan_->step(step).breaker, call.id, decision.now)) {
    // First: what follows may begin the workflow anew, and then there is no such child any more.
    if (!decision.resources.idle()) decision.resources.release(id(), step);
    reject(decision, step);
    return false;
  }
  if (current.fallback_used) call.input = error_input(*current.error);
  if (!plan_->step(step).resources.empty()) call.input = decision.resources.input_of(id(), step, call.input);
  const bool is_nested = kind == Kind::task && nested(step);
  const ExecutionId child = is_nested ? decision.ids.next(decision.now) : ExecutionId();
  emit(decision, journal::StepStarted{step, attempt, call.id, kind, child});
  progress_.begin_running();
  set_timer(decision, step, deadline);
  hook(decision, step, &definition::Hooks::on_start);
  if (is_nested)
    start_nested(decision, step, call.id);
  else
    decision.change.invocations.push_back(std::move(call));
  return true;
}

worker::Invocation Execution::invocation(Decision& decision, Kind kind, uint32_t step,
                                         std::string_view function) {
  worker::Invocation call;
  call.id = decision.next_invocation++;
  call.frame = frame_;
  call.kind = kind;
  call.step = step;
  call.function = function;
  if (step == journal::kNoStep) return call;
  call.step_name = plan_->name(step);
  call.params = plan_->params(step);
  call.attempt = state_.steps[step].failures + 1;
  call.context = fold_.after(step);
  return call;
}

int64_t Execution::timeout_of(uint32_t step) const {
  const int64_t answered = state_.steps[step].extra->timeout;
  return answered != 0 ? answered : plan_->step(step).timeout_ns;
}

// The timer that bounds the call; null: nobody waits for it any more.
scheduler::TimerHandle* Execution::limit_of(const worker::Invocation& call) {
  if (call.kind == Kind::hook)
    return observers_->running_hook() == call.id ? &observers_.edit().hook_timer() : nullptr;
  if (call.kind == Kind::handler && !call.for_step) return observers_.edit().handler_timer(call.id);
  const bool current = call.step < state_.steps.size() && state_.steps[call.step].invocation == call.id;
  return current ? &local_[call.step].timer : nullptr;
}

void Execution::suspend_limit(Timers& timers, const worker::Invocation& call) {
  if (scheduler::TimerHandle* const limit = limit_of(call)) timers.remove(*limit);
}

void Execution::resume_limit(Timers& timers, worker::Invocation& call, int64_t delay) {
  call.deadline = later(call.deadline, delay);
  scheduler::TimerHandle* const limit = limit_of(call);
  if (!limit || call.deadline == kNever) return;
  timers.remove(*limit);
  const bool of_handler = call.kind == Kind::handler && !call.for_step;
  const Timer::What what = call.kind == Kind::hook       ? Timer::What::hook
                           : of_handler                  ? Timer::What::handler
                           : call.kind == Kind::rollback ? Timer::What::rollback
                                                         : Timer::What::step;
  const uint32_t of = call.kind == Kind::hook ? 0 : of_handler ? static_cast<uint32_t>(call.id) : call.step;
  *limit = timers.add(call.deadline, {this, what, of});
}

void Execution::set_timer(Decision& decision, uint32_t step, int64_t at) {
  decision.timers.remove(local_[step].timer);
  if (at != kNever) local_[step].timer = decision.timers.add(at, {this, Timer::What::step, step});
}

}  // namespace pirn::engine
