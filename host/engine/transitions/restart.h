// An execution after the host has restarted: what is derived is rebuilt, and what was under way begins again
// (S17), unless it killed the host too often.
//
// Thread: the engine's.
#pragma once

#include <cstdint>
#include <string_view>

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

// Continues it; opens a commit of its own.
void resume(Execution& execution, Decision& decision);
// Rebuilds what is derived from the steps; also of a closed execution, before its context is read.
void refold(Execution& execution);

// ---- for other transitions ----

// The invocation of the step was lost. `crashed`: it killed the process that it ran in; `cause`: how, if known.
void interrupt(Execution& execution, Decision& decision, uint32_t step, bool crashed = false,
               std::string_view cause = {});
// The outcome of a function that killed the host.
worker::Outcome crashed(std::string_view cause);

}  // namespace pirn::engine::transitions
