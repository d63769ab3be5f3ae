// One execution: what is under way of it, and what is due.
#include <algorithm>

#include "tests/host/model/model.h"

namespace pirn::model {

Run::Run(Model& host, const definition::Workflow& workflow, std::string name, Context initial)
    : host_(host), name_(std::move(name)) {
  e_.workflow = &workflow;
  e_.id = host.id_of_(name_);
  e_.initial = std::move(initial);
  set_steps();
}

void Run::set_steps() {
  e_.steps.clear();
  for (const definition::Step& of : e_.workflow->steps) {
    e_.steps.emplace_back();
    e_.steps.back().def = of;
  }
  rank_declared();
}

const Step* Run::find(const std::string& name) const {
  for (const Step& step : e_.steps)
    if (step.def.name == name) return &step;
  return nullptr;
}

// ---- calls ----

void Run::call(size_t step, Kind kind, int64_t limit) {
  const Step& s = e_.steps[step];
  const uint32_t attempt = kind == Kind::backoff ? s.failures : s.failures + 1;
  UnderWay begun;
  begun.run = this;
  begun.step = step;
  begun.kind = kind;
  const std::string& function = kind == Kind::handler ? s.on_timeout : e_.workflow->name;
  begun.deed = host_.script_(
      {e_.workflow->name, s.def.name, function, kind, seen_through_[{step, kind}] + 1, attempt});
  begun.ends_at = begun.deed.what == Deed::What::hang ? kNever : host_.now() + begun.deed.takes;
  begun.deadline = later(host_.now(), limit);
  host_.calls_.push_back(std::move(begun));
}

UnderWay* Run::under_way(size_t step) {
  for (UnderWay& call : host_.calls_)
    if (call.run == this && call.step == step) return &call;
  return nullptr;
}

// It is over, though nobody wants its answer.
void Run::hang_up(size_t step) {
  std::erase_if(host_.calls_, [&](const UnderWay& call) {
    if (call.run != this || call.step != step) return false;
    ++seen_through_[{step, call.kind}];
    return true;
  });
}

size_t Run::running() const {
  return static_cast<size_t>(std::count_if(e_.steps.begin(), e_.steps.end(),
                                           [](const Step& step) { return step.state == State::running; }));
}

// ---- what is due ----

void Run::returned(const UnderWay& call) {
  ++seen_through_[{call.step, call.kind}];
  if (call.step == kNoStep)
    handler_over(call.handler);
  else
    outcome(call.step, call.kind, call.deed);
}

void Run::ran_out(const UnderWay& call) {
  ++seen_through_[{call.step, call.kind}];
  if (call.step == kNoStep)
    handler_over(call.handler);
  else
    S10_timeout(call.step, call.kind);
}

std::optional<int64_t> Run::next_timer() const {
  if (terminal(e_.phase)) return std::nullopt;
  int64_t next = std::min(e_.phase == Phase::pending ? e_.wake_at : kNever,
                          e_.phase <= Phase::running && !e_.concluding ? e_.deadline : kNever);
  if (e_.phase == Phase::stopping) next = std::min(next, e_.grace_until);
  for (const Step& step : e_.steps) {
    const bool sleeps = step.state == State::retry_wait || step.state == State::snoozed;
    const bool rolls_back = step.compensation == Compensation::pending;
    if ((sleeps && !e_.paused) || step.state == State::awaiting || rolls_back)
      next = std::min(next, step.wake_at);
  }
  if (next == kNever) return std::nullopt;
  return next;
}

bool Run::timer_due() {
  const int64_t now = host_.now();
  if (terminal(e_.phase)) return false;
  if (e_.phase <= Phase::running && !e_.concluding && e_.deadline <= now) return E7_deadline(), true;
  if (e_.phase == Phase::stopping && e_.grace_until <= now) {
    e_.grace_until = kNever;
    for (size_t step = 0; step < e_.steps.size(); ++step) {  // after the grace: fenced and cancelled
      if (e_.steps[step].state != State::running || !e_.steps[step].def.cancellable) continue;
      tell_breaker(step, under_way(step)->kind, nullptr);
      hang_up(step);
      cancelled(step);
    }
    return true;
  }
  for (size_t step = 0; step < e_.steps.size(); ++step) {
    Step& s = e_.steps[step];
    if (s.wake_at > now) continue;
    if (s.state == State::awaiting) return S14_await_over(step), true;
    if (s.compensation == Compensation::pending) {
      s.wake_at = kNever;
      return compensate_next(), true;
    }
    if (e_.paused || (s.state != State::retry_wait && s.state != State::snoozed)) continue;
    s.wake_at = kNever;
    s.state = State::ready;  // S16: `when` is not asked again
    return true;
  }
  return e_.phase == Phase::pending && e_.wake_at <= now;
}

void Run::follow() {
  if (e_.phase == Phase::pending && e_.wake_at <= host_.now()) E2_begin();
  E8_E9_all_over();
  E11_drained();
}

// Everything under way is lost; S17, and what was asked is asked again.
void Run::lost(const UnderWay& call) {
  if (call.step == kNoStep) return call_handler(call.handler);  // handlers: at least once
  if (call.kind == Kind::rollback) return compensate_next();
  if (e_.steps[call.step].state == State::asking) return ask(call.step, call.kind);
  if (call.kind == Kind::result) return child_over(*e_.steps[call.step].child);
  S17_interrupted(call.step);
}

}  // namespace pirn::model
