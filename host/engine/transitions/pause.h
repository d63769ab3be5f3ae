// Pauses by hand (E4, E5), and those that a nested execution shares with the execution that it belongs to. What
// somebody has paused by itself stays paused when its parent goes on.
//
// Thread: the engine's.
#pragma once

#include <string>

#include "host/engine/command.h"
#include "host/engine/execution.h"

namespace pirn::engine::transitions {

// An error changes nothing.
Status on_pause(Execution& execution, Decision& decision, const std::string& reason);
// The execution that it belongs to has been paused, or goes on.
void hold(Execution& execution, Decision& decision);
void let_go_on(Execution& execution, Decision& decision);

// ---- for other transitions ----

void pause_with_parent(Execution& execution, Decision& decision);
// What was due meanwhile is due now. `with_patch`: what has not ended yet sees the command's context.
void end_pause(Execution& execution, Decision& decision, Resume& command, bool with_patch);

}  // namespace pirn::engine::transitions
