// Steps whose work is another workflow (R32). Such a step runs while its child, an execution of its own, runs;
// the child's end is the step's outcome. Both are decided in one turn and committed in one transaction, so that
// neither is ever without the other.
//
// Thread: the engine's.
#pragma once

#include <cstdint>
#include <string>

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

// Each opens a commit of its own.
// A nested execution, or one that rolls a nested execution back, has ended.
void on_child_ended(Execution& execution, Decision& decision, const Execution& child);
// After a crash: the child was not committed with the step, or its input was still being asked for.
void lost_child(Execution& execution, Decision& decision, uint32_t step);
// What the nested execution had done cannot be read, so it cannot be rolled back.
void cannot_undo(Execution& execution, Decision& decision, uint32_t step, std::string why);

// ---- for other transitions ----

// `token`: the invocation id under which the step runs.
void start_nested(Execution& execution, Decision& decision, uint32_t step, uint64_t token);
// The answer of the function that maps the step's context to the child's input.
void on_child_input(Execution& execution, Decision& decision, uint32_t step, worker::Outcome& outcome);
// The step goes on running until the child has ended, rollbacks included.
void stop_child(Execution& execution, Decision& decision, uint32_t step);
void roll_back_child(Execution& execution, Decision& decision, uint32_t step);

}  // namespace pirn::engine::transitions
