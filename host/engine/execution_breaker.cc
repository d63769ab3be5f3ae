// Steps under a circuit breaker (R33): one that is open lets no call through, and what calls come back with
// is what it goes by.
#include <algorithm>

#include "host/engine/breakers.h"
#include "host/engine/execution.h"
#include "host/engine/retry.h"

namespace pirn::engine {

using journal::State;
using worker::Kind;
using worker::Outcome;

namespace {

constexpr std::string_view kCircuitOpen = "circuit_open";

// What a call failed with; nullptr: it did not.
const journal::StepError* error_of(const Outcome& outcome) {
  static const journal::StepError kCancelledUnasked{"invalid_return", "", {}, ""};  // R29
  if (outcome.kind == Outcome::Kind::cancelled) return &kCancelledUnasked;
  return outcome.kind == Outcome::Kind::failed ? outcome.error.get() : nullptr;
}

// Does the error speak of what the breaker guards? One that no retry would mend does not, nor the refusal of
// another breaker, nor somebody's decision to cancel.
bool counts(const journal::StepError& error, const definition::RetryPolicy& policy) {
  if (error.error_class == journal::ErrorClass::terminal || error.code == kCircuitOpen ||
      error.code == kNestedCancelled)
    return false;
  return std::none_of(policy.no_retry_on.begin(), policy.no_retry_on.end(),
                      [&](const definition::ErrorPattern& pattern) { return matches(pattern, error); });
}

}  // namespace

// S6: a failed attempt without an invocation.
void Execution::reject(Decision& decision, uint32_t step) {
  const std::string& breaker = plan_->step(step).breaker.name;
  emit(decision, journal::CircuitRejected{step, breaker});
  fail_step(
      decision, step,
      make_error(std::string(kCircuitOpen), "the circuit breaker '" + breaker + "' let no call through"));
}

// Of a fallback it hears nothing: that is called because of it. What fails while the workflow stops may fail
// because it was told to stop.
void Execution::tell_breaker(Decision& decision, uint32_t step, const Outcome* outcome) {
  using Effect = Breakers::Effect;
  const journal::Step& current = state_.steps[step];
  if (current.kind != Kind::task) return;
  const definition::Step& of_step = plan_->step(step);
  Breakers::Ended call{current.invocation, Effect::nothing, id(), plan_->name(step), {}};
  const journal::StepError* error = outcome ? error_of(*outcome) : nullptr;
  if (outcome && outcome->kind == Outcome::Kind::done) {
    call.effect = Effect::success;
  } else if (error && state_.state == State::running && counts(*error, of_step.retry)) {
    call.effect = Effect::failure;
    call.code = error->code;
  }
  decision.breakers.ended(state_.origin->tenant, of_step.breaker, call, decision.now);
}

// A step that was refused waits at least until calls are let through again, whatever its policy says.
int64_t Execution::not_before(Decision& decision, uint32_t step) const {
  if (state_.steps[step].error->code != kCircuitOpen) return decision.now;
  return decision.breakers.reopens_at(state_.origin->tenant, plan_->step(step).breaker.name);
}

}  // namespace pirn::engine
