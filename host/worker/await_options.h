// What a function that answers AWAIT asks for, as it says it: one JSON object (abi.h, set_await). Pure; any
// thread.
#pragma once

#include <string_view>

#include "host/worker/runner.h"

namespace pirn::worker {

// invalid_argument: which option makes no sense, and why. `on_timeout` must be a handler or a task of the
// release.
Result<AwaitRequest> read_await_options(std::string_view json, const registry::Release& release);

}  // namespace pirn::worker
