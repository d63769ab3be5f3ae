// What package code receives as `pirn_invocation.input`, beside the context: one function for each kind of call, in
// the order of the table in sdk/include/pirn/abi.h. Each returns a JSON object.
//
// Thread: any; pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/journal/context.h"
#include "host/journal/state.h"
#include "packager/definition/definition.h"

namespace pirn::engine {

// TASK and FALLBACK: `input` (an object, or empty) with the resources that the step holds. `gpus`: the indices of
// the devices; the member is left out if there are none.
std::string task_input(std::string_view input, std::span<const definition::Resource> held,
                       std::span<const uint32_t> gpus);

// ROLLBACK. `result`: of the step, nullptr: null. `error`: why the execution stops; nullptr: not by a failure.
std::string rollback_input(const journal::StepResult* result, const journal::StepError* error);

// FALLBACK, and CONDITION of a recovery rule.
std::string error_input(const journal::StepError& error);

// HANDLER on_step_error. `attempt`: the one that has failed, from 1.
std::string step_error_input(std::string_view step, uint32_t attempt, const journal::StepError& error);
// HANDLER on_timeout.
std::string await_timeout_input(std::string_view step, uint32_t attempt);
// HANDLER on_success, on_failure and on_cancel, of an execution that ends. `names`: of its steps, by index.
std::string conclusion_input(journal::HandlerEvent handler, const journal::ExecutionState& state,
                             const std::vector<std::string>& names);

// HOOK. `event`: "on_start" and so on.
std::string hook_input(std::string_view event, std::string_view name, const journal::Step& step);

// BACKOFF. `attempt`: the one that has failed, from 1.
std::string backoff_input(uint32_t attempt, int64_t base_delay_ns, const journal::StepError& error);

// INPUT of a nested workflow.
std::string nested_input(std::string_view workflow);
// RESULT of a nested workflow, which has ended in this state. `context`: its final context, a JSON object.
std::string nested_result_input(const journal::ExecutionState& child, std::string_view context);

}  // namespace pirn::engine
