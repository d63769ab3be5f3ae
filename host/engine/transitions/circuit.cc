#include "host/engine/transitions/circuit.h"

#include <algorithm>

#include "host/engine/breakers.h"
#include "host/engine/retry.h"
#include "host/engine/transitions/error_rules.h"

namespace pirn::engine::transitions {

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
void reject(Execution& execution, Decision& decision, uint32_t step) {
  const std::string& breaker = execution.plan().step(step).breaker.name;
  execution.emit(decision, journal::CircuitRejected{step, breaker});
  fail_step(
      execution, decision, step,
      make_error(std::string(kCircuitOpen), "the circuit breaker '" + breaker + "' let no call through"));
}

// Of a fallback it hears nothing: that is called because of it. What fails while the workflow stops may fail
// because it was told to stop.
void tell_breaker(Execution& execution, Decision& decision, uint32_t step, const Outcome* outcome) {
  using Effect = Breakers::Effect;
  const journal::Step& current = execution.step(step);
  if (current.kind != Kind::task) return;
  const definition::Step& of_step = execution.plan().step(step);
  Breakers::Ended call{current.invocation, Effect::nothing, execution.id(), execution.plan().name(step), {}};
  const journal::StepError* error = outcome ? error_of(*outcome) : nullptr;
  if (outcome && outcome->kind == Outcome::Kind::done) {
    call.effect = Effect::success;
  } else if (error && execution.state().state == State::running && counts(*error, of_step.retry)) {
    call.effect = Effect::failure;
    call.code = error->code;
  }
  decision.breakers.ended(execution.state().origin->tenant, of_step.breaker, call, decision.now);
}

// A step that was refused waits at least until calls are let through again, whatever its policy says.
int64_t not_before(const Execution& execution, Decision& decision, uint32_t step) {
  if (execution.step(step).error->code != kCircuitOpen) return decision.now;
  return decision.breakers.reopens_at(execution.state().origin->tenant,
                                      execution.plan().step(step).breaker.name);
}

}  // namespace pirn::engine::transitions
