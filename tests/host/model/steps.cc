// Section 2.6: the states of a step, one function for each row.
#include <algorithm>

#include "tests/host/model/model.h"

namespace pirn::model {

namespace {

// R10.
void drop_reserved(Slot& slot) {
  std::erase_if(slot.map, [](const auto& entry) { return entry.first.starts_with("__"); });
}

}  // namespace

// The fixpoint: what follows from the states of others, smallest rank first.
void Run::settle() {
  for (bool more = true; more;) {
    more = false;
    std::vector<size_t> order(e_.steps.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return e_.steps[a].rank < e_.steps[b].rank; });
    for (const size_t step : order) {
      if (e_.steps[step].state != State::pending) continue;
      switch (verdict(step)) {
        case Verdict::wait:
          continue;
        case Verdict::pass:
          S1_S2_pass(step);
          break;
        case Verdict::drop:
          skip(step, Skip::not_taken);  // S3
          break;
        case Verdict::block:
          skip(step, Skip::upstream_failed);  // S4
          break;
      }
      more = true;
    }
  }
}

// The condition is asked once; of data it is decided here, of a function by a consultation.
void Run::S1_S2_pass(size_t step) {
  Step& s = e_.steps[step];
  s.fired_by = fired_by(step);
  if (s.def.when.kind == definition::Condition::Kind::always) return S1_ready(step);
  if (s.def.when.kind == definition::Condition::Kind::function) return ask(step, Kind::condition);
  if (condition_holds(step)) return S1_ready(step);
  skip(step, Skip::condition);  // S2
}

void Run::S1_ready(size_t step) {
  Step& s = e_.steps[step];
  if (!s.def.timeout_function.empty() && !s.timeout) return ask(step, Kind::duration);
  s.state = State::ready;
}

void Run::skip(size_t step, Skip kind) {
  e_.steps[step].skip = kind;
  end(step, State::skipped);
}

void Run::cancelled(size_t step) { end(step, State::cancelled); }

void Run::end(size_t step, State state) {
  Step& s = e_.steps[step];
  s.state = state;
  s.ended = ++commits_;
  s.ended_at = host_.now();
  s.wake_at = kNever;
}

// ---- dispatch ----

// R44, R62: slots; `sequential` has one, and `hybrid` opens a level when the one before is over.
bool Run::S5_may_start(size_t step) const {
  if (e_.steps[step].state != State::ready || e_.steps[step].in_line) return false;
  uint32_t limit = e_.workflow->step_concurrency;
  if (e_.strategy == definition::Strategy::sequential) limit = 1;
  const auto waiting =
      std::count_if(e_.steps.begin(), e_.steps.end(), [](const Step& s) { return s.in_line; });
  if (limit != 0 && running() + static_cast<size_t>(waiting) >= limit)
    return false;  // R48: it keeps its slot
  if (e_.strategy == definition::Strategy::hybrid)
    for (size_t other = 0; other < e_.steps.size(); ++other)
      if (!terminal(e_.steps[other].state) && e_.steps[other].level < e_.steps[step].level) return false;
  return true;
}

// R60: priority, then canonical rank; one after the other is in canonical order.
bool Run::goes_before(const Step& a, const Step& b) const {
  const bool sequential = e_.strategy == definition::Strategy::sequential;
  if (!sequential && a.def.priority != b.def.priority) return a.def.priority > b.def.priority;
  if (!sequential && e_.workflow->order == definition::Order::critical_path) {
    const auto index = [&](const Step& s) { return static_cast<size_t>(&s - e_.steps.data()); };
    const int64_t way_of_a = way(index(a)), way_of_b = way(index(b));
    if (way_of_a != way_of_b) return way_of_a > way_of_b;
  }
  return a.rank < b.rank;
}

// The longest way to the end, the step itself included, through those that are declared.
int64_t Run::way(size_t step) const {
  int64_t behind = 0;
  for (size_t other = 0; other < e_.steps.size(); ++other) {
    if (e_.steps[other].graft != kNoStep) continue;
    const std::vector<uint32_t>& any = e_.steps[other].def.after_any;
    if (all_set(other).contains(step) || std::find(any.begin(), any.end(), step) != any.end())
      behind = std::max(behind, way(other));
  }
  const definition::Step& s = e_.steps[step].def;
  return later(s.estimate_ns != 0 ? s.estimate_ns : s.timeout_ns, behind);
}

size_t Run::next_to_take_up() const {
  if (e_.phase != Phase::running || e_.paused) return kNoStep;
  size_t next = kNoStep;
  for (size_t step = 0; step < e_.steps.size(); ++step) {
    if (!S5_may_start(step)) continue;
    if (next == kNoStep || goes_before(e_.steps[step], e_.steps[next])) next = step;
  }
  return next;
}

// What needs something of the pool stands in line for it. R48.
void Run::take_up_one() {
  const size_t next = next_to_take_up();
  if (e_.steps[next].def.resources.empty()) return S5_start(next);
  e_.steps[next].in_line = true;
  host_.stand_in_line(*this, next);
}

void Run::supplied(size_t step) {
  e_.steps[step].in_line = false;
  S5_start(step);
}

void Run::S5_start(size_t step) {
  Step& s = e_.steps[step];
  s.token = ++host_.tokens_;
  const Kind kind = s.fallback_used ? Kind::fallback : Kind::task;
  if (kind == Kind::task && !s.def.breaker.name.empty() && !host_.admits(s.def.breaker, s.token))
    return S8_S9_failed(step, {"circuit_open", {}, ""});  // S6: nothing was called
  s.state = State::running;
  s.started = true;
  s.invoked_at = host_.now();
  ++s.invocations;
  if (s.def.nested.empty() || kind == Kind::fallback)
    return call(step, kind, s.timeout.value_or(s.def.timeout_ns));
  s.child = nullptr;
  s.child_age = ++host_.ages_;
  if (s.def.input.empty()) return begin_child(step, {});
  call(step, Kind::input, host_.settings_.consultation_limit);
}

// ---- outcomes ----

void Run::outcome(size_t step, Kind kind, const Deed& deed) {
  if (kind == Kind::rollback) return S22_rolled_back(step, deed);
  if (e_.steps[step].state == State::asking) return answered(step, kind, deed);
  Deed of_step = deed;
  if (kind == Kind::input && deed.what == Deed::What::ok) {
    if (e_.phase == Phase::running) return begin_child(step, deed.slot.map);
    of_step.what = Deed::What::cancelled;  // no child, no result
    of_step.slot = kNoSlot;
  }
  tell_breaker(step, kind, kind == Kind::input ? nullptr : &deed);
  if (e_.phase == Phase::stopping) return S21_drained(step, of_step);
  outcome_of_task(step, of_step);
}

void Run::outcome_of_task(size_t step, const Deed& deed) {
  switch (deed.what) {
    case Deed::What::ok:
      return S7_completed(step, deed.slot);
    case Deed::What::skip:  // S7b
      skip(step, Skip::requested);
      return settle();
    case Deed::What::fail:
      return S8_S9_failed(step, deed.error);
    case Deed::What::cancelled:  // R29
      return S8_S9_failed(step, {"invalid_return", {}, ""});
    case Deed::What::snooze:
      return S11_snooze(step, deed.duration);
    case Deed::What::await:
      return S12_await(step, deed);
    case Deed::What::expand:
      return S15_expand(step, deed.children);
    case Deed::What::hang:
      return;
  }
}

void Run::S7_completed(size_t step, Slot slot) {
  Step& s = e_.steps[step];
  s.slot = std::move(slot);
  drop_reserved(s.slot);
  s.patch = static_cast<uint32_t>(e_.patches.size());
  end(step, State::completed);
  if (e_.phase == Phase::running) settle();
}

// R46: recovery rules, then retries, then the fallback, then on_error.
void Run::S8_S9_failed(size_t step, const Error& error) {
  Step& s = e_.steps[step];
  s.error = error;
  ++s.failures;
  if (!e_.workflow->handlers.on_step_error.empty()) call_handler("on_step_error");  // R23
  recover(step, 1);
}

void Run::recover(size_t step, size_t first_rule) {
  Step& s = e_.steps[step];
  if (s.fallback_used) return S9_on_error(step, false);
  const size_t n = s.def.recovery.size() + e_.workflow->recovery.size();
  for (size_t number = first_rule; number <= n; ++number) {
    const definition::RecoveryRule& candidate = rule(step, number);
    if (!candidate.on.empty() && !any_matches(candidate.on, s.error)) continue;
    if (candidate.when.empty()) return apply_rule(step, number);
    s.rule = number;
    s.asking_rule = true;
    return ask(step, Kind::condition);
  }
  s.rule = 0;
  if (S8_retry(step, s.def.retry)) return;
  if (fall_back(step, s.def.fallback)) return;
  S9_on_error(step, false);
}

void Run::apply_rule(size_t step, size_t number) {
  Step& s = e_.steps[step];
  s.rule = number;
  const definition::RecoveryRule& chosen = rule(step, number);
  switch (chosen.action) {
    case definition::RecoveryRule::Action::retry:
      if (S8_retry(step, chosen.retry)) return;
      if (fall_back(step, s.def.fallback)) return;
      return S9_on_error(step, false);
    case definition::RecoveryRule::Action::skip:
      skip(step, Skip::recovery);
      return settle();
    case definition::RecoveryRule::Action::fallback:
      if (fall_back(step, chosen.fallback)) return;
      return S9_on_error(step, false);
    case definition::RecoveryRule::Action::abort:
      return S9_on_error(step, true);
    case definition::RecoveryRule::Action::manual:  // R47
      s.state = State::awaiting;
      s.intervention = true;
      s.on_timeout.clear();
      return;
  }
}

bool Run::S8_retry(size_t step, const definition::RetryPolicy& policy) {
  Step& s = e_.steps[step];
  if (!retry_allowed(policy, s.error, s.failures)) return false;
  if (policy.backoff.kind == definition::Backoff::Kind::function)
    ask(step, Kind::backoff);
  else
    retry_after(step, policy, raw_delay(policy, s.failures));
  return true;
}

void Run::retry_after(size_t step, const definition::RetryPolicy& policy, int64_t raw) {
  Step& s = e_.steps[step];
  const int64_t wait = delay(policy, raw, e_.id, s.def.name, s.failures);
  const bool refused = s.error.code == "circuit_open";  // whatever its policy says
  s.delays.push_back(refused ? std::max(wait, host_.reopens_at(s.def.breaker) - host_.now()) : wait);
  s.state = State::retry_wait;
  s.wake_at = later(host_.now(), s.delays.back());
}

bool Run::fall_back(size_t step, const definition::Fallback& fallback) {
  Step& s = e_.steps[step];
  switch (fallback.kind) {
    case definition::Fallback::Kind::none:
      return false;
    case definition::Fallback::Kind::skip:
      skip(step, Skip::recovery);
      settle();
      return true;
    case definition::Fallback::Kind::function:
      s.fallback_used = true;
      s.child = nullptr;  // R32: what it completed is not rolled back with the step
      s.state = State::ready;
      return true;
    case definition::Fallback::Kind::value: {
      s.fallback_used = true;
      s.child = nullptr;
      Slot slot;
      slot.is_map = false;
      slot.value = fallback.value;
      S7_completed(step, std::move(slot));
      return true;
    }
  }
  return false;
}

void Run::S9_on_error(size_t step, bool abort) {
  Step& s = e_.steps[step];
  if (!abort && s.def.on_error == definition::OnError::skip) {
    skip(step, Skip::on_error);
    return settle();
  }
  s.tolerated = !abort && s.def.on_error == definition::OnError::keep_going;
  e_.tolerated_failures += s.tolerated;
  end(step, State::failed);
  settle();
  if (!s.tolerated && (abort || e_.workflow->failure_mode == definition::FailureMode::fail_fast))
    E6_fail(step);
}

const definition::RecoveryRule& Run::rule(size_t step, size_t number) const {
  const auto& own = e_.steps[step].def.recovery;
  return number <= own.size() ? own[number - 1] : e_.workflow->recovery[number - 1 - own.size()];
}

const definition::RetryPolicy& Run::policy_in_force(size_t step) const {
  const Step& s = e_.steps[step];
  return s.rule == 0 ? s.def.retry : rule(step, s.rule).retry;
}

// The token is revoked: what the call does later counts for nothing.
void Run::S10_timeout(size_t step, Kind kind) {
  Deed deed;
  deed.what = Deed::What::fail;
  deed.error = {"timeout", {}, ""};
  outcome(step, kind, deed);
}

// R17.
void Run::S11_snooze(size_t step, int64_t duration) {
  Step& s = e_.steps[step];
  if (s.snoozes >= s.def.max_snoozes)
    return S8_S9_failed(step, {"max_snoozes_exceeded", definition::ErrorClass::terminal, ""});
  ++s.snoozes;
  s.state = State::snoozed;
  s.wake_at = later(host_.now(), duration);
}

// R15.
void Run::S12_await(size_t step, const Deed& deed) {
  Step& s = e_.steps[step];
  s.state = State::awaiting;
  s.intervention = false;
  s.on_timeout = deed.on_timeout.empty() ? s.def.on_timeout : deed.on_timeout;
  if (deed.await_timeout != kNever)
    s.wake_at = later(host_.now(), deed.await_timeout);
  else
    s.wake_at = s.def.await_inherits ? later(host_.now(), s.timeout.value_or(s.def.timeout_ns)) : kNever;
}

void Run::S13_resumed(size_t step, Slot slot) {
  if (e_.steps[step].intervention) e_.steps[step].child = nullptr;
  S7_completed(step, std::move(slot));
}

void Run::S14_await_over(size_t step) {
  Step& s = e_.steps[step];
  s.wake_at = kNever;
  if (s.on_timeout.empty()) return S8_S9_failed(step, {"await_timeout", {}, ""});
  ask(step, Kind::handler);
}

// R12.
std::optional<Error> Run::S15_problem(size_t step, const std::vector<definition::Step>& children) const {
  using definition::ErrorClass;
  if (!e_.steps[step].def.graft) return Error{"expand_not_allowed", ErrorClass::terminal, ""};
  std::set<std::string> names;
  for (const Step& present : e_.steps) names.insert(present.def.name);
  for (const definition::Step& child : children)
    if (!names.insert(child.name).second) return Error{"duplicate_step", ErrorClass::terminal, ""};
  return std::nullopt;
}

void Run::S15_expand(size_t step, const std::vector<definition::Step>& children) {
  if (const auto problem = S15_problem(step, children)) return S8_S9_failed(step, *problem);
  for (uint32_t i = 0; i < children.size(); ++i) {
    Step child;
    child.def = children[i];
    child.graft = step;
    child.rank = {e_.steps[step].rank.first, i + 1};
    child.level = e_.steps[step].level + 1;
    e_.steps.push_back(std::move(child));
  }
  S7_completed(step, kNoSlot);
}

// The host lost it: nobody is blamed but who has taken it along, and no retry is used up.
void Run::S17_interrupted(const UnderWay& call) {
  Step& s = e_.steps[call.step];
  ++s.interruptions;
  s.crashes += call.kills_host;
  if (e_.phase == Phase::stopping) return cancelled(call.step);
  s.state = State::ready;
}

void Run::S18_to_S21_stop(size_t step, bool below_failure) {
  Step& s = e_.steps[step];
  if (s.state == State::running) {  // S21
    UnderWay* call = under_way(step);
    if (!s.def.cancellable) return;
    if (call->kind == Kind::nested) return stop_child(step);
    if (call->deed.ignores_cancel) return;
    call->deed.what = Deed::What::cancelled;
    call->deed.slot = kNoSlot;
    call->ends_at = host_.now();
    return;
  }
  if (s.state == State::asking) hang_up(step);
  if (e_.cause == Cause::fail && !s.started)
    return skip(step, below_failure ? Skip::upstream_failed : Skip::aborted);  // S18
  cancelled(step);                                                             // S19, S20
}

// R27: ok is completed (and then compensated); anything else is cancelled, with what was done so far (R29).
void Run::S21_drained(size_t step, const Deed& deed) {
  if (deed.what == Deed::What::ok) return S7_completed(step, deed.slot);
  if (deed.what == Deed::What::cancelled) {
    e_.steps[step].slot = deed.slot;
    drop_reserved(e_.steps[step].slot);
  }
  cancelled(step);
}

// ---- consultations (2.4) ----

void Run::ask(size_t step, Kind kind) {
  Step& s = e_.steps[step];
  s.state = State::asking;
  s.asking = kind;
  const int64_t own = s.timeout.value_or(s.def.timeout_ns);
  call(step, kind, kind == Kind::handler ? own : host_.settings_.consultation_limit);
}

void Run::answered(size_t step, Kind kind, const Deed& deed) {
  Step& s = e_.steps[step];
  const bool failed = deed.what != Deed::What::ok;
  switch (kind) {
    case Kind::condition:
      if (s.asking_rule) {
        s.asking_rule = false;
        return !failed && deed.truth ? apply_rule(step, s.rule) : recover(step, s.rule + 1);
      }
      if (!failed && deed.truth) return S1_ready(step);
      skip(step, Skip::condition);
      return settle();
    case Kind::duration:
      s.timeout = failed ? s.def.timeout_ns : deed.duration;
      return S1_ready(step);
    case Kind::backoff: {
      const definition::RetryPolicy& policy = policy_in_force(step);
      return retry_after(step, policy, failed ? policy.delay_ns : deed.duration);
    }
    default:  // on_timeout: its return is the step's (R15)
      s.state = State::running;
      return outcome_of_task(step, deed);
  }
}

}  // namespace pirn::model
