// The JSON of executions, for lists and for one. Pure functions: any thread. For host/api, and for the test
// kit, which shows an execution as the API does.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "host/engine/command.h"
#include "host/journal/state.h"
#include "host/store/store.h"

namespace pirn::api {

// One execution in full.
std::string execution_text(const engine::View& view, int64_t now_ns);

// One line of a list; the same members from either source.
std::string line_text(const engine::ExecutionSummary& line, int64_t now_ns);
std::string line_text(const store::StoredExecution& row, std::string_view state, int64_t now_ns);

// A step that awaits, as a line of its own.
std::string waiting_text(const engine::AwaitingStep& waiting);

}  // namespace pirn::api
