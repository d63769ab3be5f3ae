// The state of one execution: what a fold of its journal yields. Plain data; apply() is the only way to
// change it.
//
// Step indices are declaration indices of the workflow's definition. Nothing here knows the definition: what
// follows from it (verdicts, the context fold) is the engine's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host/journal/record.h"

namespace pirn::journal {

enum class StepState : uint8_t {
  pending,
  asking,
  ready,
  running,
  retry_wait,
  snoozed,
  awaiting,  // open
  completed,
  failed,
  skipped,
  cancelled  // terminal, for ever
};
inline bool terminal(StepState state) { return state >= StepState::completed; }

enum class State : uint8_t { pending, running, stopping, compensating, completed, failed, cancelled };
inline bool terminal(State state) { return state >= State::completed; }

// What dependents look at (semantics 2.3).
enum class StepClass : uint8_t { open, ok, soft, untaken, bad };

struct Step {
  StepState state = StepState::pending;
  SkipKind skip_kind = SkipKind::none;
  bool tolerated = false;
  Kind asking = Kind::condition;  // asking: what is asked
  uint32_t failures = 0;
  uint32_t invocations = 0;
  uint32_t interruptions = 0;
  uint32_t crashes = 0;
  uint64_t invocation = 0;  // the current token; 0: none
  int64_t wake_at = 0;      // retry_wait
  int64_t started_at = 0;   // of the first invocation; 0: never started
  int64_t invoked_at = 0;   // of the current or last invocation
  int64_t ended_at = 0;
  uint64_t ended_seq = 0;  // seq of the record that ended it: the commit order
  ResultPtr result;
  ErrorPtr error;
  std::string reason;  // skipped, cancelled

  StepClass dependency_class() const;
};

struct ExecutionState {
  ExecutionId id;
  std::string tenant, package, version, workflow, key, trigger;
  std::vector<Digest> pins;
  Digest definition, input_digest;
  uint32_t definition_schema = 1;
  ExecutionId root;
  Delta input;

  State state = State::pending;
  StopCause cause = StopCause::none;
  bool rollback = false, cleanup = true;
  uint32_t attempt = 0;
  uint32_t error_step = Stopping::kNoStep;
  ErrorPtr error;
  std::string reason;
  int64_t created_at = 0, started_at = 0, ended_at = 0;
  int64_t wake_at = 0;           // pending
  int64_t deadline = kNever;     // of the workflow
  int64_t grace_until = kNever;  // stopping
  uint64_t next_seq = 1;
  uint32_t next_commit = 1;
  uint32_t tolerated_failures = 0;
  std::vector<Step> steps;

  uint32_t n_terminal() const;
};

// One record more. `at` is the instant of its commit. Asserts that the transition is one of
// semantics 2.5/2.6.
void apply(ExecutionState& state, Record&& record, int64_t at);

std::string_view name_of(StepState state);
std::string_view name_of(State state);

}  // namespace pirn::journal
