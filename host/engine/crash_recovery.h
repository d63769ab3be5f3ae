// What the store holds of open executions, folded. A disk is part of the world: whatever stands there, the
// answer is a state or an error.
//
// Thread: the engine's.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "host/engine/grown_plan.h"
#include "host/engine/tenant_streams.h"
#include "host/journal/state.h"
#include "host/store/store.h"

namespace pirn::engine {

struct Recovered {
  struct Folded {
    journal::ExecutionState state;
    uint32_t projected = 0;  // the commit up to which its row in the store is complete; 0: it has none
    // Its journal cannot be read, or tells what cannot have happened: the state is of no use.
    std::optional<Error> impossible;
    bool marked = false;  // its row says no more than that its journal has to be read from the beginning
  };
  std::deque<Folded> all;      // where they stay: states are large, and there are many
  std::vector<Folded*> open;   // oldest first
  int64_t newest_instant = 0;  // of all commits that were read
};

// Errors: those of the store; journal_corrupt when a row is missing, since nobody knows what else is gone.
// One that cannot be read or makes no sense concerns its execution alone: what was lost with an execution's
// own row its journal tells. The tenants' own streams become `streams`.
Result<Recovered> fold_store(store::Store& store, TenantStreams& streams);

// Whether every rule and step that the state names, and every function that it would have called again, is
// one of the plan's.
bool fits(const journal::ExecutionState& state, const GrownPlan& plan);

// What a call of this kind calls, as far as the state and the plan say it; else empty. `step` is one of the
// plan's.
std::string called_function(const journal::ExecutionState& state, const GrownPlan& plan, uint32_t step,
                            journal::Kind kind);

// The row of an execution that is quarantined because of its journal (`marked`): it holds the place at which
// the next opening reads the whole journal again, so that the watermark may pass it. `names`: of the steps.
void append_mark(journal::TextWriter& out, const journal::ExecutionState& state,
                 std::vector<std::string> names);

// This execution is not continued by this host, and what to do about it. `why`: of its code journal_corrupt,
// or blob_damaged when what it runs cannot be read.
Error quarantined_because(ExecutionId id, Error why);

}  // namespace pirn::engine
