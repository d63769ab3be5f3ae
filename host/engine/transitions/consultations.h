// Questions to functions of the package about a step: its condition, its timeout, its backoff, the condition of
// a recovery rule. When there is no valid answer, the default holds.
//
// Thread: the engine's.
#pragma once

#include <cstdint>
#include <string_view>

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

// `rule`: the recovery rule that asks, from 1; 0: the step itself.
void ask(Execution& execution, Decision& decision, uint32_t step, worker::Kind kind,
         std::string_view function, uint32_t rule = 0);
// After a crash: the same question.
void ask_again(Execution& execution, Decision& decision, uint32_t step);
void on_answer(Execution& execution, Decision& decision, uint32_t step, worker::Outcome& outcome);

}  // namespace pirn::engine::transitions
