// The outcome is settled: the workflow tries again (R22, F1), or its last handler runs and the end is recorded
// (E11, E12, F2, F3).
//
// Thread: the engine's.
#pragma once

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

// All steps are over, and so are the rollbacks.
void conclude(Execution& execution, Decision& decision);
// The last handler is over, or there is none.
void finalise(Execution& execution, Decision& decision);

}  // namespace pirn::engine::transitions
