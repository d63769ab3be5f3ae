// Commands for the engine, as routes give them. Private to host/api; any thread.
#pragma once

#include <functional>
#include <string_view>

#include "host/api/exchange.h"
#include "host/api/services.h"
#include "host/engine/command.h"

namespace pirn::api {

// Leaves a command for the engine, or answers why not.
void send(const Services& services, engine::Command command, const Respond& respond);

Error no_execution(std::string_view id);

// Calls `then` on the pool with the execution that the path's first hole names, if this tenant has it;
// answers otherwise.
void with_execution(const Services& services, const Request& request, const Respond& respond,
                    std::function<void(ExecutionId)> then);

}  // namespace pirn::api
