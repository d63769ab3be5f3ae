// Sagas: completed steps are rolled back, the newest commit first (R24 to R26, R61).
//
// Thread: the engine's.
#pragma once

#include <cstdint>

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

// Whether a stop for this cause rolls back.
bool to_compensate(const Execution& execution);
// E10: begins; goes on to the conclusion when there is nothing to roll back.
void compensate(Execution& execution, Decision& decision);
void resume_rollbacks(Execution& execution, Decision& decision);
void on_rollback_outcome(Execution& execution, Decision& decision, uint32_t step,
                         const worker::Outcome& outcome);
// The time of the rollback is up, or the wait before its next attempt is over.
void on_rollback_due(Execution& execution, Decision& decision, uint32_t step);

}  // namespace pirn::engine::transitions
