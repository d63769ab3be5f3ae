// The arithmetic of retries (R18, R19). Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "host/journal/record.h"
#include "packager/definition/definition.h"

namespace pirn::engine {

// Of a step whose nested execution somebody has cancelled (R32).
inline constexpr std::string_view kNestedCancelled = "nested_workflow_cancelled";

// May an invocation that failed for the `failures`-th time (1, 2, …) with this error be tried again? Class
// terminal never; no_retry_on wins over retry_on; an empty retry_on means every error but await_timeout and
// nested_workflow_cancelled.
bool retry_allowed(const definition::RetryPolicy& policy, const journal::StepError& error, uint32_t failures);

// Does the pattern match? All of its given parts must agree.
bool matches(const definition::ErrorPattern& pattern, const journal::StepError& error);

// The delay after the `failures`-th failure, before jitter and cap, saturating. Not for function backoffs.
int64_t raw_delay(const definition::RetryPolicy& policy, uint32_t failures);

// Jitter, then the cap, which comes last. The randomness is a hash of (execution, step, failures): the same
// after a crash, on another host and in a simulation.
int64_t jittered_delay(const definition::RetryPolicy& policy, int64_t raw_ns, ExecutionId execution,
                       std::string_view step, uint32_t failures);

}  // namespace pirn::engine
