// Invocations of an execution and their time limits. Hooks, handlers, consultations and rollbacks are decided
// when they are due and begin when the tenant has a slot for them; their time counts from then.
//
// Thread: the engine's.
#pragma once

#include <cstdint>
#include <string_view>

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

// While a call is held back (trials.h), its limit does not run. `delay`: how long it was held, in ns.
void suspend_limit(Execution& execution, Timers& timers, const worker::Invocation& call);
void resume_limit(Execution& execution, Timers& timers, worker::Invocation& call, int64_t delay);
// The call waits for a slot: its time stops.
void stop_timing(Execution& execution, Decision& decision, const worker::Invocation& call);
// It has one: sets its deadline. false: the execution does not want this call any more.
bool start_timing(Execution& execution, Decision& decision, worker::Invocation& call, int64_t allowance_ns);

// ---- for other transitions ----

// `step` may be kNoStep: about the whole workflow. The caller sets deadline and input.
worker::Invocation invocation(Execution& execution, Decision& decision, worker::Kind kind, uint32_t step,
                              std::string_view function);
// Replaces the step's timer; kNever: it has none.
void set_timer(Execution& execution, Decision& decision, uint32_t step, int64_t at);

}  // namespace pirn::engine::transitions
