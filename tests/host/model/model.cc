// Section 2.10: what is due happens, and then what follows from it, until nothing is due.
#include "tests/host/model/model.h"

#include <algorithm>

namespace pirn::model {

Model::Model(const definition::Workflow& workflow, uint64_t id, Context initial, Script script,
             Settings settings)
    : script_(std::move(script)), settings_(settings) {
  e_.workflow = &workflow;
  e_.id = id;
  e_.initial = std::move(initial);
  for (const definition::Step& of : workflow.steps) {
    e_.steps.emplace_back();
    e_.steps.back().def = of;
  }
  rank_declared();
}

const Step* Model::find(const std::string& name) const {
  for (const Step& step : e_.steps)
    if (step.def.name == name) return &step;
  return nullptr;
}

// ---- calls ----

void Model::call(size_t step, Kind kind, int64_t limit) {
  const Step& s = e_.steps[step];
  const uint32_t attempt = kind == Kind::backoff ? s.failures : s.failures + 1;
  UnderWay begun;
  begun.step = step;
  begun.kind = kind;
  const std::string& function = kind == Kind::handler ? s.on_timeout : e_.workflow->name;
  begun.deed =
      script_({e_.workflow->name, s.def.name, function, kind, seen_through_[{step, kind}] + 1, attempt});
  begun.ends_at = begun.deed.what == Deed::What::hang ? kNever : now_ + begun.deed.takes;
  begun.deadline = limit >= kNever - now_ ? kNever : now_ + limit;
  calls_.push_back(std::move(begun));
}

UnderWay* Model::under_way(size_t step) {
  for (UnderWay& call : calls_)
    if (call.step == step) return &call;
  return nullptr;
}

// It is over, though nobody wants its answer.
void Model::hang_up(size_t step) {
  for (const UnderWay& call : calls_)
    if (call.step == step) ++seen_through_[{step, call.kind}];
  std::erase_if(calls_, [&](const UnderWay& call) { return call.step == step; });
}

size_t Model::running() const {
  return static_cast<size_t>(std::count_if(e_.steps.begin(), e_.steps.end(),
                                           [](const Step& step) { return step.state == State::running; }));
}

// ---- 2.10: decide ----

void Model::decide() {
  if (e_.phase == Phase::pending && e_.wake_at <= now_) E2_begin();
  E8_E9_all_over();
  E11_drained();
  while (e_.phase == Phase::running && !e_.paused) {
    size_t next = kNoStep;
    for (size_t step = 0; step < e_.steps.size(); ++step) {
      if (!S5_may_start(step)) continue;
      if (next == kNoStep || goes_before(e_.steps[step], e_.steps[next])) next = step;
    }
    if (next == kNoStep) return;
    S5_start(next);
  }
}

std::optional<int64_t> Model::next_due() const {
  if (terminal(e_.phase)) return std::nullopt;
  int64_t next = std::min(e_.phase == Phase::pending ? e_.wake_at : kNever,
                          e_.phase <= Phase::running && !e_.concluding ? e_.deadline : kNever);
  if (e_.phase == Phase::stopping) next = std::min(next, e_.grace_until);
  for (const UnderWay& call : calls_) next = std::min({next, call.ends_at, call.deadline});
  for (const Step& step : e_.steps) {
    const bool sleeps = step.state == State::retry_wait || step.state == State::snoozed;
    const bool rolls_back = step.compensation == Compensation::pending;
    if ((sleeps && !e_.paused) || step.state == State::awaiting || rolls_back)
      next = std::min(next, step.wake_at);
  }
  if (next == kNever) return std::nullopt;
  return std::max(next, now_);
}

// Of what is due at this instant: outcomes first, in the order of their beginning, then timers.
bool Model::one_thing_due() {
  for (size_t i = 0; i < calls_.size(); ++i) {
    if (calls_[i].ends_at > now_) continue;
    const UnderWay call = calls_[i];
    calls_.erase(calls_.begin() + static_cast<ptrdiff_t>(i));
    ++seen_through_[{call.step, call.kind}];
    if (call.step == kNoStep)
      handler_over(call.handler);
    else
      outcome(call.step, call.kind, call.deed);
    return true;
  }
  for (size_t i = 0; i < calls_.size(); ++i) {
    if (calls_[i].deadline > now_) continue;
    const UnderWay call = calls_[i];
    calls_.erase(calls_.begin() + static_cast<ptrdiff_t>(i));
    ++seen_through_[{call.step, call.kind}];
    if (call.step == kNoStep)
      handler_over(call.handler);
    else
      S10_timeout(call.step, call.kind);
    return true;
  }
  if (e_.phase <= Phase::running && !e_.concluding && e_.deadline <= now_) return E7_deadline(), true;
  if (e_.phase == Phase::stopping && e_.grace_until <= now_ && running() > 0) {
    for (size_t step = 0; step < e_.steps.size(); ++step) {  // after the grace: fenced and cancelled
      if (e_.steps[step].state != State::running || !e_.steps[step].def.cancellable) continue;
      hang_up(step);
      cancelled(step);
    }
    e_.grace_until = kNever;
    return true;
  }
  for (size_t step = 0; step < e_.steps.size(); ++step) {
    Step& s = e_.steps[step];
    if (s.wake_at > now_) continue;
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
  return e_.phase == Phase::pending && e_.wake_at <= now_;
}

void Model::run_until(int64_t instant) {
  for (;;) {
    const std::optional<int64_t> next = next_due();
    if (!next || *next > instant) break;
    now_ = *next;
    if (one_thing_due()) decide();
  }
  if (instant != kNever) now_ = std::max(now_, instant);
}

}  // namespace pirn::model
