// Steps that wait: for a while (snooze, S11), or for somebody or something outside (await, S12 to S14).
//
// Thread: the engine's.
#pragma once

#include <cstdint>
#include <string>

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

void snooze(Execution& execution, Decision& decision, uint32_t step, int64_t delay);
void await(Execution& execution, Decision& decision, uint32_t step, const worker::AwaitRequest& request);
void begin_await(Execution& execution, Decision& decision, uint32_t step, journal::Await await,
                 std::string reason);
void on_await_due(Execution& execution, Decision& decision, uint32_t step);
// The await has timed out, and its handler answers for the step.
void ask_on_timeout(Execution& execution, Decision& decision, uint32_t step);
void on_timeout_answer(Execution& execution, Decision& decision, uint32_t step, worker::Outcome& outcome);

}  // namespace pirn::engine::transitions
