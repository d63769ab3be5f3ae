// Steps under a circuit breaker (R33): an open breaker lets no call through, and the outcomes of calls open and
// close it.
//
// Thread: the engine's.
#pragma once

#include <cstdint>

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

// S6: a failed attempt without an invocation.
void reject(Execution& execution, Decision& decision, uint32_t step);
// Tells the breaker how the step's call ended; nullptr: without an outcome.
void tell_breaker(Execution& execution, Decision& decision, uint32_t step, const worker::Outcome* outcome);
// When a retry may begin at the earliest: a refused step waits until calls are let through again.
int64_t not_before(const Execution& execution, Decision& decision, uint32_t step);

}  // namespace pirn::engine::transitions
