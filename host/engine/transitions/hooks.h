// Hooks observe (R54, R70). They run one at a time for an execution, in the order of the events, and what they
// return changes nothing. They are not journaled: a host that is lost loses those that were waiting. Only that a
// hook killed the host is journaled, because a step that begins again would call it again.
//
// Thread: the engine's.
#pragma once

#include <cstdint>
#include <string>

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

void call_hooks(Execution& execution, Decision& decision, uint32_t step,
                std::string definition::Hooks::*which);
// Calls the hooks of the workflow and of the step for this event, if there are any.
inline void hook(Execution& execution, Decision& decision, uint32_t step,
                 std::string definition::Hooks::*which) {
  if (execution.state().without_hooks) return;
  const GrownPlan& plan = execution.plan();
  if (!(plan.workflow().hooks.*which).empty() || !(plan.step(step).hooks.*which).empty())
    call_hooks(execution, decision, step, which);
}
// `outcome`: nullptr when the hook did not return in time.
void on_hook_done(Execution& execution, Decision& decision, const worker::Outcome* outcome);

}  // namespace pirn::engine::transitions
