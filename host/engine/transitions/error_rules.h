// What follows when an invocation has failed (R46, S8, S9): the first recovery rule that matches, else the retry
// policy, else the fallback, else on_error. Rules are numbered from 1: the step's own, then the workflow's.
//
// Thread: the engine's.
#pragma once

#include <cstdint>
#include <string>

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

struct Failure {
  uint32_t step;
  journal::ErrorPtr error;
  bool recorded = false;  // its step.exception is in an earlier commit
};

void fail_step(Execution& execution, Decision& decision, uint32_t step, journal::ErrorPtr error);
// Looks for a rule from number `first_rule` on. A rule whose condition is a function asks it first, and the
// answer continues from there.
void recover(Execution& execution, Decision& decision, const Failure& failure, uint32_t first_rule);
void apply_rule(Execution& execution, Decision& decision, const Failure& failure, uint32_t number);
// `number`: the rule whose policy applies; 0: the step's own.
void schedule_retry(Execution& execution, Decision& decision, uint32_t step, uint32_t number,
                    int64_t raw_delay_ns);
// on_error decides. `abort`: the whole workflow fails with this error, whatever on_error says.
void give_up(Execution& execution, Decision& decision, const Failure& failure, bool abort);

const definition::RecoveryRule& rule(const Execution& execution, uint32_t step, uint32_t number);
// 0: the step's own.
const definition::RetryPolicy& retry_policy(const Execution& execution, uint32_t step, uint32_t number);
// What the fallback of a step calls: that of the rule that decided, or the step's own.
const std::string& fallback_function(const Execution& execution, uint32_t step);

}  // namespace pirn::engine::transitions
