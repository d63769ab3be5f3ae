#include "host/engine/trials.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace pirn::engine {

using worker::CallIdentity;
using worker::Kind;
using worker::LastCall;
using worker::LastLife;
using worker::Suspect;

namespace {

CallIdentity identity_of(const worker::Invocation& call) {
  return {call.frame->execution, call.step, call.kind};
}

}  // namespace

// Calls of other kinds begin when their execution is taken up, or with what led to them.
bool Trials::Case::waits_for_its_step() const {
  const Kind kind = suspect.call.kind;
  return place == Place::waiting && (kind == Kind::task || kind == Kind::fallback || kind == Kind::input);
}

// ---- the last life ----

std::vector<worker::FatalInvocation> Trials::take_up(const LastLife& last) {
  holding_ = true;
  if (last.end == LastLife::End::power_loss) return {};
  for (const Suspect& suspect : last.suspects) cases_.push_back({suspect});
  std::vector<worker::FatalInvocation> fatal = last.fatal;
  if (last.end == LastLife::End::crash && fatal.empty()) {
    charge(last);
    // The call on trial may have returned: it is to blame all the same, for nothing else has run.
    if (last.trial.alone && last.trial.invocation != 0) {
      fatal.push_back({last.trial.invocation, {}, {}});
      for (const LastCall& each : last.running)
        if (each.invocation == last.trial.invocation && each.call.kind == Kind::hook)
          fatal.back().hook_of = each.call.execution;
    }
  }
  if (last.end == LastLife::End::clean || !fatal.empty()) shorten_windows(last, fatal);
  // First who was on trial when the process ended, for the next time it is alone; then those on whose trials
  // it ended before; then those that need the shortest trial.
  const auto on_trial = std::find_if(last.running.begin(), last.running.end(), [&](const LastCall& each) {
    return last.trial.invocation != 0 && each.invocation == last.trial.invocation;
  });
  std::stable_sort(cases_.begin(), cases_.end(), [&](const Case& a, const Case& b) {
    if (on_trial != last.running.end()) {
      const bool a_was = a.suspect.call == on_trial->call, b_was = b.suspect.call == on_trial->call;
      if (a_was != b_was) return a_was;
    }
    if (a.suspect.deaths != b.suspect.deaths) return a.suspect.deaths > b.suspect.deaths;
    return a.suspect.window_ns < b.suspect.window_ns;
  });
  return fatal;
}

// The end of the last life is explained. A fatal invocation keeps its window, which is how long it takes to crash.
void Trials::shorten_windows(const LastLife& last, const std::vector<worker::FatalInvocation>& fatal) {
  for (Case& each : cases_) {
    const bool killed = std::any_of(last.running.begin(), last.running.end(), [&](const LastCall& call) {
      return call.call == each.suspect.call &&
             std::any_of(fatal.begin(), fatal.end(), [&](const worker::FatalInvocation& each) {
               return each.invocation == call.invocation;
             });
    });
    if (!killed) each.suspect.window_ns = kFirstWindowNs;
  }
}

void Trials::charge(const LastLife& last) {
  std::vector<LastCall> running = last.running;
  std::sort(running.begin(), running.end(),
            [](const LastCall& a, const LastCall& b) { return a.invocation < b.invocation; });
  for (const LastCall& each : running) {
    Case* of = case_of(each.call);
    if (!of) of = &cases_.emplace_back(Case{{each.call, kFirstWindowNs, 0}});
    if (each.invocation == last.trial.invocation) ++of->suspect.deaths;
  }
}

void Trials::suspect(const CallIdentity& call) {
  if (!case_of(call)) cases_.push_back({{call, kFirstWindowNs, 0}});
}

void Trials::keep_only(const std::function<bool(ExecutionId)>& open) {
  std::erase_if(cases_, [&](const Case& each) { return !open(each.suspect.call.execution); });
}

std::vector<Suspect> Trials::suspects() const {
  std::vector<Suspect> out;
  for (const Case& each : cases_) out.push_back(each.suspect);
  return out;
}

Trials::Case* Trials::case_of(const CallIdentity& call) {
  const auto found =
      std::find_if(cases_.begin(), cases_.end(), [&](const Case& each) { return each.suspect.call == call; });
  return found == cases_.end() ? nullptr : &*found;
}

// ---- whose turn it is ----

const Suspect* Trials::next_to_call() const {
  if (on_trial()) return nullptr;
  for (const Case& each : cases_) {
    if (each.place == Place::called || each.place == Place::held) return nullptr;
    if (each.waits_for_its_step()) return &each.suspect;
  }
  return nullptr;
}

void Trials::called(bool begins, uint64_t batch) {
  const auto next =
      std::find_if(cases_.begin(), cases_.end(), [](const Case& each) { return each.waits_for_its_step(); });
  assert(next != cases_.end());
  next->place = begins ? Place::called : Place::passed;
  next->batch = batch;
}

bool Trials::is_durable(uint64_t batch) {
  for (Case& each : cases_)
    if (each.place == Place::called && each.batch <= batch) each.place = Place::passed;
  if (!returned_ || returned_->batch > batch) return false;
  const uint64_t invocation = std::exchange(returned_, std::nullopt)->invocation;
  if (trial_.invocation == invocation) trial_ = {};
  return clear(invocation);
}

bool Trials::holds(const CallIdentity& call) const {
  return std::any_of(held_.begin(), held_.end(),
                     [&](const HeldCall& each) { return identity_of(each.invocation) == call; });
}

void Trials::hold(std::vector<worker::Invocation>& calls, int64_t now) {
  for (worker::Invocation& call : calls) {
    if (Case* const of = case_of(identity_of(call))) of->place = Place::held;
    held_.push_back({std::move(call), now});
  }
}

std::optional<uint32_t> Trials::tenant_of(uint64_t invocation) const {
  for (const HeldCall& each : held_)
    if (each.invocation.id == invocation) return each.invocation.frame->tenant;
  return std::nullopt;
}

bool Trials::is_suspect(const worker::Invocation& call) const {
  return std::any_of(cases_.begin(), cases_.end(),
                     [&](const Case& each) { return each.suspect.call == identity_of(call); });
}

bool Trials::signal(const Signal& signal) {
  const auto held = std::find_if(held_.begin(), held_.end(), [&](const HeldCall& each) {
    return each.invocation.id == signal.invocation;
  });
  if (held == held_.end()) return false;
  if (signal.signal == worker::Runner::Signal::cancel) {
    held->cancelled = true;
    return true;
  }
  const CallIdentity call = identity_of(held->invocation);
  held_.erase(held);
  if (Case* const of = case_of(call); of && of->place == Place::held && !holds(call))
    of->place = of->invocation != 0 ? Place::begun : Place::passed;
  return true;
}

Trials::Next Trials::next(int64_t now) const {
  if (on_trial()) return Next::wait;
  for (const Case& each : cases_) {
    if (each.place == Place::called) return Next::wait;
    if (each.waits_for_its_step()) return Next::look;
    if (each.place != Place::held) continue;
    // The first trial of a life always takes place, however long it takes: so the next life knows more.
    return !all_until_ || now + each.suspect.window_ns <= *all_until_ ? Next::begin : Next::over;
  }
  return Next::over;
}

HeldCall Trials::begin(int64_t now, worker::Trial& trial) {
  const auto of =
      std::find_if(cases_.begin(), cases_.end(), [](const Case& each) { return each.place == Place::held; });
  assert(of != cases_.end());
  const auto held = std::find_if(held_.begin(), held_.end(), [&](const HeldCall& each) {
    return identity_of(each.invocation) == of->suspect.call;
  });
  assert(held != held_.end());
  HeldCall call = std::move(*held);
  held_.erase(held);
  of->place = Place::begun;
  of->invocation = call.invocation.id;
  trial = trial_ = {call.invocation.id, !std::exchange(anything_began_, true)};
  trial_until_ = now + of->suspect.window_ns;
  if (!all_until_) all_until_ = now + std::min(kWindows * of->suspect.window_ns, kLongestWindowNs);
  return call;
}

std::vector<HeldCall> Trials::end() {
  if (returned_) clear(std::exchange(returned_, std::nullopt)->invocation);
  holding_ = false;
  trial_ = {};
  for (const HeldCall& each : held_)
    if (Case* const of = case_of(identity_of(each.invocation))) {
      of->place = Place::begun;
      of->invocation = each.invocation.id;
    }
  anything_began_ = true;
  return std::exchange(held_, {});
}

bool Trials::expire(int64_t now) {
  if (!on_trial() || now < trial_until_) return false;
  for (Case& each : cases_)
    if (each.invocation == trial_.invocation)
      each.suspect.window_ns = std::min(2 * each.suspect.window_ns, kLongestWindowNs);
  trial_ = {};
  return true;
}

void Trials::began(const std::vector<worker::Invocation>& calls) {
  for (const worker::Invocation& call : calls)
    if (Case* const of = case_of(identity_of(call))) {
      of->place = Place::begun;
      of->invocation = call.id;
    }
}

bool Trials::returned(uint64_t invocation, uint64_t batch) {
  if (!on_trial() || trial_.invocation != invocation) return clear(invocation);
  returned_ = {invocation, batch};
  return false;
}

bool Trials::clear(uint64_t invocation) {
  const auto of = std::find_if(cases_.begin(), cases_.end(), [&](const Case& each) {
    return each.place == Place::begun && each.invocation == invocation;
  });
  if (of == cases_.end()) return false;
  // A handler may have been called for several failures of one step.
  if (holds(of->suspect.call))
    of->place = Place::held;
  else
    cases_.erase(of);
  return true;
}

bool Trials::forget(ExecutionId execution) {
  return std::erase_if(cases_, [&](const Case& each) { return each.suspect.call.execution == execution; }) >
         0;
}

}  // namespace pirn::engine
