#include "host/engine/breakers.h"

#include <algorithm>

#include "host/engine/change.h"
#include "host/engine/execution.h"

namespace pirn::engine {

using definition::CircuitBreaker;
using journal::BreakerState;
using journal::Circuit;

const BreakerState* Breakers::find(std::string_view tenant, std::string_view breaker) const {
  const journal::TenantState* state = streams_.find(tenant);
  if (!state) return nullptr;
  const auto found = state->breakers.find(breaker);
  return found == state->breakers.end() ? nullptr : &found->second;
}

int64_t Breakers::reopens_at(std::string_view tenant, std::string_view breaker) const {
  const BreakerState* state = find(tenant, breaker);
  return state && state->circuit == Circuit::open ? state->until : 0;
}

bool Breakers::admits(const std::string& tenant, const CircuitBreaker& breaker, uint64_t invocation,
                      int64_t now) {
  const BreakerState* state = find(tenant, breaker.name);
  if (!state || state->circuit == Circuit::closed) return true;
  if (state->circuit == Circuit::open && now < state->until) return false;
  Trials& trials = trials_[{tenant, breaker.name}];
  if (state->circuit == Circuit::open) {
    ++trials.period;
    streams_.emit(tenant, journal::CircuitChanged{breaker.name, Circuit::open, Circuit::half_open, 0}, now);
  }
  if (trials.flying.size() >= breaker.half_open_limit) return false;
  trials.flying.emplace_back(invocation, trials.period);
  return true;
}

void Breakers::resume(const std::string& tenant, const std::string& breaker, uint64_t invocation,
                      int64_t began_at) {
  const BreakerState* state = find(tenant, breaker);
  if (!state || state->circuit != Circuit::half_open || began_at < state->since) return;
  Trials& trials = trials_[{tenant, breaker}];
  trials.flying.emplace_back(invocation, trials.period);
}

void Breakers::ended(const std::string& tenant, const CircuitBreaker& breaker, const Ended& call,
                     int64_t now) {
  const BreakerState* state = find(tenant, breaker.name);
  const Circuit circuit = state ? state->circuit : Circuit::closed;
  bool tried = false;  // a trial of the half-open time that is now
  if (const auto trials = trials_.find({tenant, breaker.name}); trials != trials_.end()) {
    auto& flying = trials->second.flying;
    const auto trial = std::find_if(flying.begin(), flying.end(),
                                    [&](const auto& each) { return each.first == call.invocation; });
    if (trial != flying.end()) {
      tried = trial->second == trials->second.period;
      flying.erase(trial);
    }
    if (flying.empty() && circuit == Circuit::closed) trials_.erase(trials);
  }
  if (call.effect == Effect::nothing) return;
  const bool failed = call.effect == Effect::failure;
  switch (circuit) {
    case Circuit::closed: {
      const uint32_t before = state ? state->failures : 0;
      if (failed && before + 1 >= breaker.failure_threshold)
        return trip(tenant, breaker, call, before + 1, now);
      if (failed || before > 0)
        streams_.emit(tenant, journal::CircuitCounted{breaker.name, failed ? before + 1 : 0, 0}, now);
      return;
    }
    case Circuit::open:
      return;  // it began before: what it says is known
    case Circuit::half_open: {
      if (!tried) return;
      if (failed) return trip(tenant, breaker, call, 1, now);
      const uint32_t successes = state->successes + 1;
      if (successes >= breaker.success_threshold) return close(tenant, breaker.name, "", now);
      streams_.emit(tenant, journal::CircuitCounted{breaker.name, 0, successes}, now);
      return;
    }
  }
}

void Breakers::trip(const std::string& tenant, const CircuitBreaker& breaker, const Ended& call,
                    uint32_t failures, int64_t now) {
  const BreakerState* state = find(tenant, breaker.name);
  const Circuit from = state ? state->circuit : Circuit::closed;
  streams_.emit(tenant,
                journal::CircuitTripped{breaker.name, failures, call.execution, std::string(call.step),
                                        std::string(call.code)},
                now);
  streams_.emit(
      tenant,
      journal::CircuitChanged{breaker.name, from, Circuit::open, later(now, breaker.reset_timeout_ns)}, now);
}

void Breakers::close(const std::string& tenant, const std::string& breaker, std::string by, int64_t now) {
  const Circuit from = find(tenant, breaker)->circuit;
  streams_.emit(tenant, journal::CircuitReset{breaker, std::move(by)}, now);
  if (from == Circuit::closed)
    streams_.emit(tenant, journal::CircuitCounted{breaker, 0, 0}, now);
  else
    streams_.emit(tenant, journal::CircuitChanged{breaker, from, Circuit::closed, 0}, now);
}

// ---- what people ask ----

namespace {

// What the steps of the active releases name. A breaker has one set of options; while a deployment changes
// them, that of the last package by name.
std::map<std::string_view, const CircuitBreaker*> declared_in(const registry::Catalog& catalog,
                                                              const std::string& tenant) {
  std::map<std::string_view, const CircuitBreaker*> declared;
  for (const registry::Active* active : catalog.packages(tenant))
    for (const definition::Workflow& workflow : active->release->definition.workflows)
      for (const definition::Step& step : workflow.steps)
        if (!step.breaker.name.empty()) declared[step.breaker.name] = &step.breaker;
  return declared;
}

}  // namespace

BreakerView Breakers::view(const std::string& tenant, const std::string& name, const CircuitBreaker* declared,
                           int64_t now) const {
  BreakerView out{name, {}, 0, {}};
  if (declared) out.options = *declared;
  if (const BreakerState* state = find(tenant, name)) out.state = *state;
  if (out.state.circuit == Circuit::open && out.state.until <= now) out.state.circuit = Circuit::half_open;
  if (const auto trials = trials_.find({tenant, name}); trials != trials_.end())
    out.in_flight = static_cast<uint32_t>(trials->second.flying.size());
  return out;
}

void Breakers::handle(Decision& decision, ListBreakers& command, const registry::Catalog& catalog) const {
  auto all = declared_in(catalog, command.tenant);
  if (const journal::TenantState* state = streams_.find(command.tenant))
    for (const auto& [name, breaker] : state->breakers) all.emplace(name, nullptr);
  std::vector<BreakerView> views;
  for (const auto& [name, declared] : all)
    views.push_back(view(command.tenant, std::string(name), declared, decision.now));
  decision.change.reply_to(command, Result(std::move(views)));
}

void Breakers::handle(Decision& decision, ResetBreaker& command, const registry::Catalog& catalog) {
  const auto all = declared_in(catalog, command.tenant);
  const auto declared = all.find(command.name);
  const auto answer = [&]() -> Result<BreakerView> {
    if (!find(command.tenant, command.name)) {
      if (declared == all.end())
        return Error{Code::not_found, "there is no circuit breaker '" + command.name + "'",
                     "See pirn breaker ls."};
      return Error{Code::invalid_transition,
                   "the circuit breaker '" + command.name + "' is closed and has counted no failure",
                   "See pirn breaker ls. Nothing was changed."};
    }
    close(command.tenant, command.name, command.by, decision.now);
    return view(command.tenant, command.name, declared == all.end() ? nullptr : declared->second,
                decision.now);
  };
  decision.change.reply_to(command, answer());
}

}  // namespace pirn::engine
