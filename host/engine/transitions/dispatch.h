// The start of a ready step (S5), when the tenant has a slot for it and the host has the resources.
//
// Thread: the engine's.
#pragma once

#include <cstdint>

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

// Starts the best ready step of an execution that is dispatchable(), or lets it wait for the resources that it
// asks for. false: nothing was started; the step waits, or its circuit breaker refused it.
bool start_next(Execution& execution, Decision& decision);
// Starts a step that now has its resources. false: its circuit breaker refused it.
bool start_supplied(Execution& execution, Decision& decision, uint32_t step);
// Takes up one ready step before its turn. false: it cannot start now.
bool call_out_of_turn(Execution& execution, Decision& decision, uint32_t step);

// ---- for other transitions ----

// Steps that wait for resources stop waiting and are ready again.
void leave_line(Execution& execution, Decision& decision);

}  // namespace pirn::engine::transitions
