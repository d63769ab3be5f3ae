// The beginning and the end of an execution's work: its creation, its first step, a stop (E1, E3, E6 to E11).
//
// Thread: the engine's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/engine/execution.h"

namespace pirn::engine::transitions {

// From the steps of another execution it takes over those that have completed and were not rolled back. Then it
// goes on with the others, or rolls the adopted ones back.
enum class Adopting : uint8_t { to_go_on, to_roll_back };

// Each opens a commit of its own. create() begins at once, or sets the timer of a start in the future.
void create(Execution& execution, Decision& decision, journal::Created record);
// `past` is numbered as this plan numbers its steps; `adopts` names the steps to take over; `expansions` are the
// children of grafts among them.
void create_from(Execution& execution, Decision& decision, journal::Created record,
                 const std::vector<journal::Step>& past, const std::vector<bool>& adopts, Adopting why,
                 const std::vector<ExpansionPtr>& expansions);
// The instant of its start was missed, and its timer is spent: begin_late() begins it later. false: it does not
// wait to begin any more.
void miss_start(Execution& execution);
bool begin_late(Execution& execution, Decision& decision);
// Only if it may_be_cancelled(). `with_parent`: by the execution that it belongs to.
void cancel(Execution& execution, Decision& decision, const std::string& reason, bool rollback, bool cleanup,
            bool with_parent = false);

// ---- for other transitions ----

void begin(Execution& execution, Decision& decision);
// By what a start in the future is timed: `at` by the wall clock, all else by engine time.
int64_t start_clock(const Execution& execution, const Decision& decision);
Timers& start_timers(const Execution& execution, Decision& decision);
// Running steps drain; all others end now.
void stop(Execution& execution, Decision& decision, journal::Stopping record);
void end_cancelled(Execution& execution, Decision& decision, uint32_t step, std::string reason,
                   journal::ResultPtr partial = nullptr);
// When every step is over, goes on to rollbacks or to the conclusion.
void finish_if_done(Execution& execution, Decision& decision);

}  // namespace pirn::engine::transitions
