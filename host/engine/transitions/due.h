// Timers of an execution that are due.
//
// Thread: the engine's.
#pragma once

#include <cstdint>

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

// Opens a commit of its own.
void on_due(Execution& execution, Decision& decision, const Timer& due);

// ---- for other transitions ----

// The error of a step whose time is up.
journal::ErrorPtr out_of_time(const Execution& execution, uint32_t step);

}  // namespace pirn::engine::transitions
