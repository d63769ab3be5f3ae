// What executions share: circuit breakers (R33), and what the host has little of (R48).
#include <algorithm>

#include "tests/host/model/model.h"

namespace pirn::model {

using Circuit = Breaker::Circuit;

// ---- R33 ----

// May the call begin? In the half-open time it is a trial.
bool Model::admits(const definition::CircuitBreaker& breaker, uint64_t token) {
  Breaker& b = breakers_[breaker.name];
  if (b.circuit == Circuit::closed) return true;
  if (b.circuit == Circuit::open && now_ < b.until) return false;
  b.circuit = Circuit::half_open;
  if (b.trials.size() + b.before.size() >= breaker.half_open_limit) return false;
  b.trials.insert(token);
  return true;
}

// `good`: nothing if it counts neither way.
void Model::ended(const definition::CircuitBreaker& breaker, uint64_t token, std::optional<bool> good) {
  Breaker& b = breakers_[breaker.name];
  const bool trial = b.trials.erase(token) == 1;
  b.before.erase(token);
  if (!good) return;
  if (b.circuit == Circuit::closed) {
    b.failures = *good ? 0 : b.failures + 1;
    if (b.failures < breaker.failure_threshold) return;
  } else {
    if (b.circuit == Circuit::open || !trial) return;
    if (*good && ++b.successes < breaker.success_threshold) return;
  }
  b.circuit = *good ? Circuit::closed : Circuit::open;
  b.failures = b.successes = 0;
  b.until = *good ? 0 : later(now_, breaker.reset_timeout_ns);
  b.before.merge(b.trials);
  b.trials.clear();
}

int64_t Model::reopens_at(const definition::CircuitBreaker& breaker) const {
  const auto found = breakers_.find(breaker.name);
  return found != breakers_.end() && found->second.circuit == Circuit::open ? found->second.until : 0;
}

std::map<std::string, std::string> Model::breakers() const {
  std::map<std::string, std::string> out;
  for (const auto& [name, b] : breakers_) {
    if (b.circuit == Circuit::closed && b.failures == 0) continue;  // nothing to tell
    const std::string circuit = b.circuit == Circuit::open     ? "open until " + std::to_string(b.until)
                                : b.circuit == Circuit::closed ? "closed"
                                                               : "half_open";
    out[name] = circuit + " " + std::to_string(b.failures) + " " + std::to_string(b.successes) + " " +
                std::to_string(b.trials.size() + b.before.size());
  }
  return out;
}

// After a crash: a call that the host lost is no trial any more.
void Model::lose_trials() {
  std::set<uint64_t> alive;
  for (const auto& run : runs_) alive.merge(run->nested_tokens());
  for (auto& [name, b] : breakers_) {
    std::erase_if(b.trials, [&](uint64_t token) { return !alive.contains(token); });
    b.before.clear();
  }
}

// Does the error speak of what the breaker guards?
bool Run::counts(size_t step, const Error& error) const {
  return error.error_class != definition::ErrorClass::terminal && error.code != "circuit_open" &&
         error.code != "nested_workflow_cancelled" &&
         !any_matches(e_.steps[step].def.retry.no_retry_on, error);
}

// A call of the task is over; nothing: nobody knows how.
void Run::tell_breaker(size_t step, Kind kind, const Deed* deed) {
  const Step& s = e_.steps[step];
  if (s.def.breaker.name.empty() || kind == Kind::fallback) return;
  std::optional<bool> good;
  if (deed &&
      (deed->what == Deed::What::ok || (deed->what == Deed::What::expand && e_.phase == Phase::running &&
                                        !S15_problem(step, deed->children))))
    good = true;
  const bool failed = deed && (deed->what == Deed::What::fail || deed->what == Deed::What::cancelled);
  const Error error =
      failed && deed->what == Deed::What::fail ? deed->error : Error{"invalid_return", {}, ""};
  if (failed && e_.phase == Phase::running && counts(step, error)) good = false;
  host_.ended(s.def.breaker, s.token, good);
}

std::set<uint64_t> Run::nested_tokens() const {
  std::set<uint64_t> out;
  for (const Step& step : e_.steps)
    if (step.state == State::running && step.child) out.insert(step.token);
  return out;
}

// ---- R48 ----

double Run::uses(const std::string& resource) const {
  double sum = 0;
  for (const Step& step : e_.steps)
    for (const definition::Resource& need : step.def.resources)
      if (step.state == State::running && need.name == resource) sum += need.amount;
  return sum;
}

void Model::stand_in_line(Run& run, size_t step) { line_.push_back({&run, step, now_}); }

bool Model::fits(const definition::Step& step) const {
  if (!settings_.pool) return true;
  return std::all_of(step.resources.begin(), step.resources.end(), [&](const definition::Resource& need) {
    double in_use = 0;
    for (const auto& run : runs_) in_use += run->uses(need.name);
    return in_use + need.amount <= settings_.pool->at(need.name);
  });
}

// The higher priority first, where a second of waiting is worth one; nobody is overtaken at a resource.
bool Model::serve_one() {
  const auto step_of = [](const Waiting& waiting) -> const definition::Step& {
    return waiting.run->execution().steps[waiting.step].def;
  };
  const auto since = [&](const Waiting& waiting) {
    return waiting.since - int64_t{1'000'000'000} * step_of(waiting).priority;
  };
  std::stable_sort(line_.begin(), line_.end(),
                   [&](const Waiting& a, const Waiting& b) { return since(a) < since(b); });
  std::set<std::string> kept;
  for (size_t i = 0; i < line_.size(); ++i) {
    const Waiting waiting = line_[i];
    const definition::Step& step = step_of(waiting);
    const bool may_pass =
        std::none_of(step.resources.begin(), step.resources.end(),
                     [&](const definition::Resource& need) { return kept.contains(need.name); });
    if (may_pass && fits(step)) {
      line_.erase(line_.begin() + static_cast<ptrdiff_t>(i));
      waiting.run->supplied(waiting.step);
      return true;
    }
    for (const definition::Resource& need : step.resources) kept.insert(need.name);
  }
  return false;
}

void Run::leave_line() {
  for (Step& step : e_.steps) step.in_line = false;
  std::erase_if(host_.line_, [&](const auto& waiting) { return waiting.run == this; });
}

}  // namespace pirn::model
