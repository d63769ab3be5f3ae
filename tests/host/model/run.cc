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
  begun.kills_host = begun_[{step, kind, seen_through_[{step, kind}]}]++ < begun.deed.kills_host;
  host_.begin_call(std::move(begun));
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

// The first of all that may become due.
std::optional<Alarm> Run::next_alarm() const {
  using What = Alarm::What;
  std::vector<Alarm> alarms;
  if (e_.phase == Phase::pending) alarms.push_back({e_.wake_at, What::start, 0});
  if (e_.phase <= Phase::running && !e_.concluding) alarms.push_back({e_.deadline, What::deadline, 0});
  if (e_.phase == Phase::stopping) alarms.push_back({e_.grace_until, What::grace, 0});
  for (size_t step = 0; step < e_.steps.size(); ++step) {
    const Step& s = e_.steps[step];
    const bool sleeps = s.state == State::retry_wait || s.state == State::snoozed;
    if ((sleeps && !e_.paused) || s.state == State::awaiting) alarms.push_back({s.wake_at, What::step, step});
    if (s.compensation == Compensation::pending) alarms.push_back({s.wake_at, What::rollback, step});
  }
  for (const UnderWay& call : host_.calls_) {
    if (call.run != this) continue;
    if (call.step == kNoStep)
      alarms.push_back({call.deadline, What::handler, call.number});
    else
      alarms.push_back({call.deadline, call.kind == Kind::rollback ? What::rollback : What::step, call.step});
  }
  const auto first = std::min_element(alarms.begin(), alarms.end());
  if (first == alarms.end() || first->at == kNever) return std::nullopt;
  return *first;
}

void Run::on_alarm(const Alarm& alarm) {
  switch (alarm.what) {
    case Alarm::What::start:
      return E2_begin();
    case Alarm::What::deadline:
      return E7_deadline();
    case Alarm::What::grace:
      return grace_over();
    case Alarm::What::step:
    case Alarm::What::rollback:
    case Alarm::What::handler:
      for (size_t i = 0; i < host_.calls_.size(); ++i) {
        const UnderWay call = host_.calls_[i];
        const uint64_t of = alarm.what == Alarm::What::handler ? call.number : call.step;
        if (call.run != this || of != alarm.of) continue;
        if (call.kind == Kind::nested) {  // S10: over when its execution is
          host_.calls_[i].deadline = kNever;
          return stop_child(call.step);
        }
        host_.calls_.erase(host_.calls_.begin() + static_cast<ptrdiff_t>(i));
        return ran_out(call);
      }
      return wake(alarm.of);
  }
}

// After the grace calls are fenced and cancelled; a nested execution has its own.
void Run::grace_over() {
  e_.grace_until = kNever;
  for (size_t step = 0; step < e_.steps.size(); ++step) {
    if (e_.steps[step].state != State::running || !e_.steps[step].def.cancellable) continue;
    if (under_way(step)->kind == Kind::nested) continue;
    tell_breaker(step, under_way(step)->kind, nullptr);
    hang_up(step);
    cancelled(step);
  }
}

void Run::wake(size_t step) {
  Step& s = e_.steps[step];
  if (s.state == State::awaiting) return S14_await_over(step);
  s.wake_at = kNever;
  if (s.compensation == Compensation::pending) return compensate_next();
  s.state = State::ready;  // S16: `when` is not asked again
}

void Run::follow() {
  E8_E9_all_over();
  E11_drained();
}

Deed crashed() {
  Deed deed;
  deed.what = Deed::What::fail;
  deed.error = {"crashed", {}, ""};
  return deed;
}

// A call was lost with the host: what was asked is asked again, and what ran runs again (S17). What has taken
// the host with it would do so again: of a question it is the answer.
void Run::lost(const UnderWay& call) {
  if (call.step == kNoStep) return call_handler(call.handler);  // handlers: at least once
  const bool asked = e_.steps[call.step].state == State::asking;
  const bool maps_out = call.kind == Kind::result && e_.phase == Phase::running;  // or nobody would ask it
  const bool answers = asked || maps_out || call.kind == Kind::rollback || call.kind == Kind::input;
  if (call.kills_host && answers) {
    if (!asked) outcome(call.step, call.kind, crashed());
    return;
  }
  if (call.kind == Kind::rollback) return compensate_next();
  if (asked) return ask(call.step, call.kind);
  if (call.kind == Kind::result) return child_over(*e_.steps[call.step].child);
  S17_interrupted(call);
}

// When all is known that was lost.
void Run::blame(const UnderWay& call) {
  if (!call.kills_host || call.step == kNoStep || e_.phase != Phase::running) return;
  const Step& s = e_.steps[call.step];
  if (s.state == State::asking) return answered(call.step, call.kind, crashed());
  if (call.kind != Kind::task && call.kind != Kind::fallback) return;
  if (s.state == State::ready && s.crashes > s.def.max_crashes)
    S8_S9_failed(call.step, {"crashed", definition::ErrorClass::terminal, ""});
}

}  // namespace pirn::model
