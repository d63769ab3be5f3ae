// What follows when steps have ended: verdicts, conditions and skips, to a fixpoint and in the same commit.
//
// Thread: the engine's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

// Takes the steps whose verdict is due, the smallest rank first, until none is.
void settle(Execution& execution, Decision& decision);
// S1, S2: its dependencies let the step through; its condition is next.
void pass(Execution& execution, Decision& decision, uint32_t step);
// Its condition holds; its timeout function is asked, if it has one.
void admit(Execution& execution, Decision& decision, uint32_t step);
void skip(Execution& execution, Decision& decision, uint32_t step, journal::SkipKind kind,
          std::string reason);
// `timeout`: in ns, as its function answered; 0: as the definition says.
void make_ready(Execution& execution, Decision& decision, uint32_t step, int64_t timeout = 0);
// A record has ended the step: its timer goes, and its dependents are due.
void ended_step(Execution& execution, Decision& decision, uint32_t step);
// The part of ended_step() that is derived data only.
void count_end(Execution& execution, uint32_t step);
// Folds the context that the step sees from now on.
void look(Execution& execution, uint32_t step);
// The members of `after_any` that let the step through.
const std::vector<uint32_t>& fired_by(const Execution& execution, uint32_t step);
// The same, for a record; empty when an earlier record has them.
std::vector<uint32_t> fired_by_to_record(const Execution& execution, uint32_t step);

}  // namespace pirn::engine::transitions
