// What the outside asks of the engine, and what it answers. A command is a value with a reply; the reply is
// called once, on the engine's thread, after what it reports is durable. It must not block.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "host/engine/breaker_command.h"
#include "host/engine/dead_letter_command.h"
#include "host/engine/resources.h"
#include "host/engine/trigger_command.h"
#include "host/journal/context.h"
#include "host/journal/state.h"

namespace pirn::journal {
struct DecodedState;
}

namespace pirn::engine {

// Names that the engine's thread compares at most to suggest one: a turn has to stay short.
inline constexpr size_t kMostSuggested = 64;

struct Started {
  ExecutionId id;
  bool existing = false;  // the start key had started it before, with the same input
};
struct Start {
  std::string tenant;
  std::string workflow;  // [package::]workflow
  journal::Delta input;
  Digest input_digest;  // of the canonical input
  std::string
      key;  // unique within the tenant; empty: none. The same key with another input: start_key_conflict
  std::string trigger = "manual";
  When beginning;
  journal::Strategy strategy = journal::Strategy::as_defined;
  Reply<Started> reply;
};

// "sequential", "parallel" or "hybrid"; empty: what the definition says. Error invalid_argument.
Result<journal::Strategy> parse_strategy(std::string_view name);

struct Cancel {
  std::string tenant;
  ExecutionId id;
  std::string reason = "user_requested";
  bool rollback = false;        // compensate what has completed
  bool cleanup = true;          // call on_cancel
  Reply<journal::State> reply;  // the state right after: stopping or cancelled
};

// Cancels the open executions of the tenant that fit, oldest first, a few in each turn: each turn's are
// durable before the next one's are decided or with them, and a crash in the middle leaves those that were
// cancelled before. What is started meanwhile is left alone. Who belongs to another one (nested) ends with
// that one: it is cancelled by itself only if `workflow` names what it runs. `reply` has the ids of those
// that were cancelled, oldest first, when all are; with `dry_run` of those that would be.
struct CancelAll {
  std::string tenant;
  std::string package, workflow, tag;  // empty: any
  std::vector<std::string> states;     // as clients see them; empty: any that is open
  int64_t since = 0;                   // created at or after
  std::string reason = "user_requested";
  bool rollback = false, cleanup = true, dry_run = false;
  Reply<std::vector<ExecutionId>> reply;
};

// Runs a closed execution again as a new one (R65), which takes over what had completed and was not rolled
// back: all of it, so that what failed or was stopped runs again; or, with `from`, all that does not depend
// on that step.
struct Rerun {
  std::string tenant;
  ExecutionId id;
  std::string from;        // a step; empty: whatever did not complete
  bool on_active = false;  // on the active release of its package, not on the one it ran on
  Reply<Started> reply;
};

// Who speaks, and for approvals: whether he holds the permission to answer any of them.
struct Person {
  std::string name;
  bool approves = false;
};

struct Pause {
  std::string tenant;
  ExecutionId id;
  std::string reason;
  Reply<std::string_view> reply;  // the visible state right after
};

// Ends a pause by hand: `context` is a patch of the execution's context. Without one, or with a step: the
// steps that await, or that step, are answered, and `context` is their result. A signal only answers its
// step: a pause by hand stays.
struct Resume {
  enum class Action : uint8_t { complete, retry, skip, fail };  // all but complete: of an intervention (R47)
  std::string tenant;
  ExecutionId id;
  std::string step;  // empty: none is named
  Action action = Action::complete;
  journal::Delta context;
  Person by;
  bool signal = false;
  Reply<std::string_view> reply;
};

// invalid_argument: there is no such action.
Result<Resume::Action> parse_action(std::string_view name);

struct Approve {
  std::string tenant;
  ExecutionId id;
  std::string step;
  bool approved = true;  // false: rejected
  std::string comment;
  Person by;
  Reply<std::string_view> reply;
};

// Somebody was told that a step waits, or could not be told: a remark in the journal, a diagnostic of the
// step. invalid_transition when it waits no longer.
struct Note {
  std::string tenant;
  ExecutionId id;
  std::string step;
  std::string code, message;
  Reply<std::string_view> reply;
};

// A step that awaits somebody or something.
struct AwaitingStep {
  ExecutionId id;
  std::string package, workflow, step;
  journal::AwaitPtr await;
  journal::ErrorPtr error = {};  // of an intervention: what went wrong
};
struct ListAwaiting {
  std::string tenant;
  uint32_t limit = 100;
  Reply<std::vector<AwaitingStep>> reply;  // of the oldest execution first
};

// What an execution's ready steps wait for, when it is a slot (R71).
struct SlotWait {
  uint64_t total = 0, in_use = 0;  // of the host
  uint32_t running = 0;            // calls of the tenant
  double share = 0;                // of the tenant, in slots
  uint32_t max_running_steps = 0;  // 0: no cap
};

// An execution as it is now. Of an open one the engine answers, of a closed one the store.
struct View {
  journal::ExecutionState state;
  std::vector<std::string> step_names;  // by index
  // The fold over all completed steps: of a closed execution as JSON object, of an open one as the context
  // that it shares, which context_json() prints: not on the engine's thread, for it may be long.
  std::string context;
  journal::Context shared_context;
  std::vector<Claim> claims;                 // steps that have resources or wait for them
  uint32_t current_step = journal::kNoStep;  // of those that run the first in canonical order
  std::optional<SlotWait> slot;              // ready steps without a claim wait for it

  std::string context_json() const;
};
View view_of(journal::DecodedState state);  // of a closed one, as the store has it
struct Show {
  std::string tenant;
  ExecutionId id;
  // nullopt: not open here (closed, foreign or unknown). An error says why it is quarantined (R81).
  Reply<std::optional<View>> reply;
  bool brief = false;  // asks only whether it is open, which what is quarantined is not: the view is empty
};

// What lists show of an open execution.
struct ExecutionSummary {
  ExecutionId id;
  std::string package, version, workflow, key;
  Digest release;
  std::string_view state;  // as clients see it
  int64_t created_at = 0, started_at = 0, ended_at = 0;
  uint32_t done = 0, total = 0;
  uint32_t running = 0;  // steps whose functions run
};
struct ListOpen {
  std::string tenant;
  std::string package, workflow;  // empty: any
  int64_t since = 0;
  ExecutionId before;
  uint32_t limit = 100;
  Reply<std::vector<ExecutionSummary>> reply;  // newest first
};

// The runner's slots, and who has them (R71).
struct TenantSlots {
  std::string tenant;
  uint32_t weight = 1;
  uint32_t max_running_steps = 0;  // 0: no cap
  uint32_t running = 0;            // calls that have a slot
  uint32_t waiting = 0;            // steps and calls that want one
  double share = 0;  // in slots, its cap at most; of a tenant with nothing to run what it would be
};
struct SlotUse {
  uint64_t total = 0, in_use = 0, reserve = 0;
  uint64_t active_weight = 0;        // of the tenants that have something running or waiting
  std::vector<TenantSlots> tenants;  // by name: those that have run something in this life of the host

  // Of one that is not among them; `cap` 0: it has none.
  double share(uint32_t weight, uint32_t cap) const {
    const double share =
        static_cast<double>(total - reserve) * weight / static_cast<double>(active_weight + weight);
    return cap == 0 ? share : std::min<double>(share, cap);
  }
};

struct EngineStats {
  uint64_t open_executions = 0, running_steps = 0, ready_executions = 0, turns = 0, commits = 0,
           executions_started = 0, executions_ended = 0;
  // What the clock does: engine time, the wall clock minus it, and how often and how far the wall clock was
  // set.
  struct Clock {
    int64_t now = 0, offset = 0;
    uint64_t jumps = 0;
    int64_t last_jump = 0, last_jump_at = 0;  // 0: never
  };
  Clock clock;
  uint64_t behind = 0;  // schedules and delayed starts that the host missed and has yet to make up for
  std::vector<ResourceUse> resources;
  SlotUse slots;
};
struct Stats {
  Reply<EngineStats> reply;
};

using Command =
    std::variant<Start, Rerun, Cancel, CancelAll, Pause, Resume, Approve, Note, Show, ListOpen, ListAwaiting,
                 Stats, ListSchedules, ShowSchedule, ControlSchedule, Backfill, Emit, ListDeadLetters,
                 ShowDeadLetter, RetryDeadLetters, DiscardDeadLetters, ListBreakers, ResetBreaker>;

}  // namespace pirn::engine
