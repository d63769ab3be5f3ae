// The workflow's handlers. on_success, on_failure and on_cancel run when the outcome is settled and before the
// end is recorded. on_step_error runs after each failed invocation, and nothing waits for it (R23). Handlers are
// journaled, so a restarted host calls those again that had not answered. They change no outcome.
//
// Thread: the engine's.
#pragma once

#include <cstdint>
#include <string>

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

void start_handler(Execution& execution, Decision& decision, journal::HandlerEvent handler, uint32_t step,
                   std::string input);
// `outcome`: nullptr when the handler did not return in time.
void on_handler_done(Execution& execution, Decision& decision, uint64_t invocation,
                     const worker::Outcome* outcome);
// `low_bits`: of the invocation whose time is up.
void on_handler_due(Execution& execution, Decision& decision, uint32_t low_bits);
// After a crash. true: the last handler is over, so the end is all that is left.
bool resume_handlers(Execution& execution, Decision& decision);
void report_step_error(Execution& execution, Decision& decision, uint32_t step,
                       const journal::StepError& error);
// What the last handler and rollbacks see: the context, with the workflow's error if it failed.
journal::Context concluding_context(const Execution& execution);

}  // namespace pirn::engine::transitions
