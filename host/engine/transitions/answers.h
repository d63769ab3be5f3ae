// What people and events say to an execution or to a step that waits: resume, signal, approve, remark. An error
// changes nothing.
//
// Thread: the engine's.
#pragma once

#include <string>
#include <string_view>

#include "host/engine/command.h"
#include "host/engine/execution.h"

namespace pirn::engine::transitions {

// E5, S13: ends a pause with a patch, or gives steps that wait their result.
Status on_resume(Execution& execution, Decision& decision, Resume& command);
Status on_approval(Execution& execution, Decision& decision, const Approve& command);
// R67.
Status on_note(Execution& execution, Decision& decision, const Note& command);

// ---- for other transitions ----

// invalid_transition: `what` is `from` and cannot be `to`.
Error cannot(const std::string& what, std::string_view from, std::string_view to);

}  // namespace pirn::engine::transitions
