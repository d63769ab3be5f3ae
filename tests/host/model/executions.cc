// Section 2.5: the states of an execution, one function for each row, and the commands.
#include <algorithm>

#include "tests/host/model/model.h"

namespace pirn::model {

// ---- commands ----

// E1.
void Run::begin_at(int64_t instant) {
  e_.wake_at = instant;
  if (instant <= host_.now()) E2_begin();
}

// E3, E10; anything else is E13.
bool Run::cancel(bool rollback, bool cleanup) {
  if ((e_.phase != Phase::pending && e_.phase != Phase::running) || e_.concluding) return false;
  e_.rollback = rollback;
  e_.cleanup = cleanup;
  stop(Cause::cancel);
  return true;
}

// E4.
bool Run::pause() {
  if (e_.phase != Phase::running || e_.paused || e_.concluding) return false;
  e_.paused = true;
  leave_line();
  for (Run* child : children()) child->hold();
  return true;
}

// Those that belong to its running steps.
std::vector<Run*> Run::children() const {
  std::vector<Run*> out;
  for (const Step& step : e_.steps)
    if (step.state == State::running && step.child) out.push_back(step.child);
  return out;
}

// With the one that it belongs to, unless it is paused already.
void Run::hold() {
  if (!pause()) return;
  e_.held = true;
}
void Run::let_go_on() {
  if (e_.held) end_pause();
}

void Run::end_pause() {
  e_.paused = e_.held = false;
  for (Step& s : e_.steps)  // what was due meanwhile is due now
    if ((s.state == State::retry_wait || s.state == State::snoozed) && s.wake_at <= host_.now()) {
      s.wake_at = kNever;
      s.state = State::ready;
    }
  host_.let_go_.push_back(this);
}

// E5: the manual pause ends and the context is a patch, unless a step is named; without a manual pause the
// awaiting steps, or the named one, are answered.
bool Run::resume(const Context& context, const std::string& step, Action action) {
  if (e_.phase != Phase::running || belongs_to_paused()) return false;
  std::vector<size_t> answered;
  for (size_t i = 0; i < e_.steps.size(); ++i) {
    if (step.empty() ? e_.paused : e_.steps[i].def.name != step) continue;
    if (e_.steps[i].state == State::awaiting) answered.push_back(i);
  }
  if (answered.empty() && (!e_.paused || !step.empty())) return false;
  for (const size_t i : answered)
    if (action != Action::complete && !e_.steps[i].intervention) return false;  // R47
  if (e_.paused && answered.empty() && !context.empty()) e_.patches.push_back(context);
  if (e_.paused) end_pause();
  for (const size_t i : answered) {
    if (e_.steps[i].state != State::awaiting) continue;  // the first answer has stopped the execution
    switch (action) {
      case Action::complete:
        S13_resumed(i, Slot{true, context, ""});
        break;
      case Action::retry:
        e_.steps[i].state = State::ready;
        break;
      case Action::skip:
        skip(i, Skip::recovery);
        settle();
        break;
      case Action::fail:
        S9_on_error(i, false);
        break;
    }
  }
  return true;
}

// R13: a pause by hand stays.
bool Run::signal(const Context& payload, const std::string& step) {
  const Step* found = find(step);
  if (e_.phase != Phase::running || !found || found->state != State::awaiting) return false;
  S13_resumed(static_cast<size_t>(found - e_.steps.data()), Slot{true, payload, ""});
  return true;
}

// R67.
bool Run::approve(const std::string& step, bool approved) {
  const Step* found = find(step);
  if (e_.phase != Phase::running || !found || found->state != State::awaiting || found->intervention)
    return false;
  S13_resumed(
      static_cast<size_t>(found - e_.steps.data()),
      Slot{true,
           {{"approved", approved ? "true" : "false"}, {"approver", "\"operator\""}, {"comment", "\"\""}},
           ""});
  return true;
}

bool Run::visibly_paused() const {
  const auto any = [&](std::initializer_list<State> states) {
    return std::any_of(e_.steps.begin(), e_.steps.end(), [&](const Step& step) {
      return std::find(states.begin(), states.end(), step.state) != states.end();
    });
  };
  return e_.phase == Phase::running &&
         (e_.paused || (any({State::awaiting}) && !any({State::asking, State::ready, State::running,
                                                        State::retry_wait, State::snoozed})));
}

// ---- transitions ----

void Run::E2_begin() {
  set_off();
  settle();
}

void Run::set_off() {
  e_.wake_at = kNever;
  e_.phase = Phase::running;
  e_.paused = e_.held = belongs_to_paused();
  if (++e_.attempt == 1) {  // R21: wall clock from the first start
    e_.started_at = host_.now();
    e_.deadline = later(host_.now(), e_.workflow->timeout_ns);
  }
}

void Run::E6_fail(size_t step) {
  if (e_.error_step == kNoStep) {  // the first such error is *the* error
    e_.error = e_.steps[step].error;
    e_.error_step = step;
  }
  stop(Cause::fail);
}

void Run::E7_deadline() {
  e_.deadline = kNever;
  e_.error = {"workflow_timeout", definition::ErrorClass::terminal, ""};
  e_.error_step = kNoStep;
  stop(Cause::fail);
}

void Run::E8_E9_all_over() {
  if (e_.phase != Phase::running || e_.paused || e_.concluding) return;
  size_t failed = kNoStep;
  for (size_t step = 0; step < e_.steps.size(); ++step) {
    if (!terminal(e_.steps[step].state)) return;
    if (e_.steps[step].state == State::failed && !e_.steps[step].tolerated &&
        (failed == kNoStep || e_.steps[step].ended < e_.steps[failed].ended))
      failed = step;
  }
  if (failed != kNoStep) return E6_fail(failed);            // E9: mode continue, nothing to drain
  if (!conclude("on_success")) handler_over("on_success");  // E8
}

// R27, R28: what runs may finish within the grace; everything else ends now.
void Run::stop(Cause cause) {
  const std::set<size_t> below = descendants_of_failures();
  e_.phase = Phase::stopping;
  e_.cause = cause;
  if (e_.paused) host_.let_go_.push_back(this);
  e_.paused = e_.held = false;
  e_.wake_at = kNever;
  e_.grace_until = later(host_.now(), host_.settings_.cancel_grace);
  leave_line();
  for (size_t step = 0; step < e_.steps.size(); ++step)
    if (!terminal(e_.steps[step].state)) S18_to_S21_stop(step, below.contains(step));
  E11_drained();
}

void Run::E11_drained() {
  if (e_.phase != Phase::stopping || running() > 0 || e_.concluding) return;
  e_.grace_until = kNever;
  if (to_compensate() && next_to_compensate() != kNoStep) {
    e_.phase = Phase::compensating;
    return compensate_next();
  }
  finalise();
}

void Run::finalise() {
  if (e_.cause == Cause::cancel) return F3_cancelled();
  // F1: the errors that a policy retries are retried by the workflow's, too.
  const definition::RetryPolicy& policy = e_.workflow->retry;
  if (retry_allowed(policy, e_.error, e_.attempt)) return F1_retry();
  F2_failed();
}

// R22: all steps are reset, and the context is the initial one again.
void Run::F1_retry() {
  const definition::RetryPolicy& policy = e_.workflow->retry;
  e_.wake_at = later(host_.now(), delay(policy, raw_delay(policy, e_.attempt), e_.id, "", e_.attempt));
  e_.phase = Phase::pending;
  e_.cause = Cause::none;
  e_.patches.clear();
  e_.error = {};
  e_.error_step = kNoStep;
  e_.tolerated_failures = 0;
  set_steps();
  if (e_.parent && !e_.parent->wants_child(e_.parent_step))
    host_.stops_.push_back({this, e_.parent, e_.parent_step, false});
}

void Run::F2_failed() {
  if (!conclude("on_failure")) handler_over("on_failure");
}

void Run::F3_cancelled() {
  if (!e_.cleanup || !conclude("on_cancel")) handler_over("on_cancel");  // R30
}

const std::string& Run::function_of(const std::string& handler) const {
  const definition::Handlers& handlers = e_.workflow->handlers;
  if (handler == "on_success") return handlers.on_success;
  if (handler == "on_failure") return handlers.on_failure;
  return handler == "on_cancel" ? handlers.on_cancel : handlers.on_step_error;
}

void Run::call_handler(const std::string& name) {
  e_.handlers.push_back(name);
  UnderWay begun;
  begun.run = this;
  begun.kind = Kind::handler;
  begun.handler = name;
  begun.deed = host_.script_({e_.workflow->name, "", function_of(name), Kind::handler, 1, 1});
  begun.ends_at = begun.deed.what == Deed::What::hang ? kNever : host_.now() + begun.deed.takes;
  begun.deadline = later(host_.now(), host_.settings_.handler_limit);
  host_.begin_call(std::move(begun));
}

// Only its last word is missing. false: it has none.
bool Run::conclude(const std::string& handler) {
  if (function_of(handler).empty()) return false;
  e_.concluding = true;
  call_handler(handler);
  return true;
}

// However it ended: handlers cannot change the outcome.
void Run::handler_over(const std::string& handler) {
  if (handler == "on_step_error") return;  // never awaited (R23)
  e_.phase = handler == "on_success"   ? Phase::completed
             : handler == "on_failure" ? Phase::failed
                                       : Phase::cancelled;
  e_.ended_at = host_.now();
  if (e_.parent) return host_.ended_.push_back(this);
  if (e_.phase != Phase::failed || !e_.workflow->dead_letter) return;
  ++e_.dead_letters;  // R34: once, after on_failure
  host_.letters_[name_] = later(host_.now(), e_.workflow->dead_letter_ttl_ns);
}

// ---- compensation: R24 to R26 ----

bool Run::to_compensate() const {
  if (e_.cause == Cause::cancel) return e_.rollback;
  switch (e_.workflow->compensate) {
    case definition::Compensate::always:
      return true;
    case definition::Compensate::never:
      return false;
    default:
      return e_.workflow->failure_mode == definition::FailureMode::fail_fast;
  }
}

// The newest completed step that declares a rollback and has not had its turn.
size_t Run::next_to_compensate() const {
  size_t next = kNoStep;
  for (size_t step = 0; step < e_.steps.size(); ++step) {
    const Step& s = e_.steps[step];
    const bool over = s.compensation == Compensation::done || s.compensation == Compensation::failed;
    if (s.state != State::completed || over || (s.def.rollback.empty() && !s.child)) continue;
    if (next == kNoStep || s.ended > e_.steps[next].ended) next = step;
  }
  return next;
}

// E12 when there is none.
void Run::compensate_next() {
  const size_t step = next_to_compensate();
  if (step == kNoStep) return finalise();
  e_.steps[step].compensation = Compensation::running;
  if (e_.steps[step].def.rollback.empty()) return roll_back_child(step);
  call(step, Kind::rollback, e_.steps[step].def.timeout_ns);
}

// R25, R61: anything but ok is a failure; it is retried by the step's policy, then the others go on.
void Run::S22_rolled_back(size_t step, const Deed& deed) {
  Step& s = e_.steps[step];
  if (deed.what == Deed::What::ok) {
    s.compensation = Compensation::done;
  } else {
    const Error error = deed.what == Deed::What::fail ? deed.error : Error{"invalid_return", {}, ""};
    if (retry_allowed(s.def.retry, error, ++s.rollback_failures)) {
      s.compensation = Compensation::pending;
      s.wake_at = later(host_.now(), delay(s.def.retry, raw_delay(s.def.retry, s.rollback_failures), e_.id,
                                           s.def.name, s.rollback_failures));
      return;
    }
    s.compensation = Compensation::failed;
  }
  e_.rolled_back.push_back(s.def.name);
  compensate_next();
}

}  // namespace pirn::model
