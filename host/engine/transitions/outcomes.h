// What invocations return, and the completion of steps (S7).
//
// Thread: the engine's.
#pragma once

#include <cstdint>

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

// An invocation has returned. Opens a commit of its own. What a fenced one returns is a diagnostic.
void on_completion(Execution& execution, Decision& decision, worker::Completion& completion);

// ---- for other transitions ----

void on_task_outcome(Execution& execution, Decision& decision, uint32_t step, worker::Outcome& outcome);
// S21: of a step that ends while the workflow stops.
void on_drained(Execution& execution, Decision& decision, uint32_t step, worker::Outcome& outcome);
void complete(Execution& execution, Decision& decision, uint32_t step, journal::ResultPtr result);
// complete() without what follows from it.
void record_completion(Execution& execution, Decision& decision, uint32_t step, journal::ResultPtr result);
void record_emissions(Execution& execution, Decision& decision, worker::Outcome& outcome);
// R10: the result without keys that begin with __; a diagnostic names what was dropped.
journal::ResultPtr without_reserved_keys(Execution& execution, Decision& decision, uint32_t step,
                                         journal::ResultPtr result);
// R80: an outcome for which there is no room becomes the error execution_too_large.
void limit(const Execution& execution, const Decision& decision, uint32_t step, worker::Kind kind,
           worker::Outcome& outcome);
// The step's invocation is over for the execution: frees its slot, timer and resources. `outcome`: what it
// returned; nullptr: nothing.
void left_running(Execution& execution, Decision& decision, uint32_t step, const worker::Outcome* outcome);
// The step goes on without its invocation, which is told to stop; what it still does does not count.
void abandon(Execution& execution, Decision& decision, uint32_t step,
             const worker::Outcome* outcome = nullptr);

}  // namespace pirn::engine::transitions
