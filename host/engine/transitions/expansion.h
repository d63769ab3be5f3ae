// Grafts: steps that answer with the steps that are to run (R11, R12, S15). The expansion is in the journal in
// the same commit as the graft's completion, and is never computed again.
//
// Thread: the engine's.
#pragma once

#include <cstdint>

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

void expand(Execution& execution, Decision& decision, uint32_t step, worker::Outcome& outcome);

}  // namespace pirn::engine::transitions
