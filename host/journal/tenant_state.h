// The state of a tenant's own stream: what a fold of it yields. Plain data; apply() and replay() are the only
// ways to change it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "host/journal/tenant_record.h"

namespace pirn::journal {

struct ScheduleState {
  std::string terms;  // canonical JSON
  int64_t registered_at = 0;
  int64_t next = kNever;  // kNever: it has fired for the last time
  bool paused = false;    // by somebody; deployments leave that alone
  uint64_t fires = 0, skips = 0;
  int64_t last_fire = 0;  // the instant of the last regular one; 0: none
  ExecutionId last_execution;
  int64_t last_skip = 0;  // when that was decided; 0: never
  ScheduleSkip skip_reason = ScheduleSkip::misfire;
  int64_t reached = 0;  // the wall clock was set back from here: what lies before has had its turn; 0: never

  bool operator==(const ScheduleState&) const = default;
};

// A breaker that is closed and has counted no failure is none: it has no state.
struct BreakerState {
  Circuit circuit = Circuit::closed;
  uint32_t failures = 0;   // closed: in a row
  uint32_t successes = 0;  // half open: of trials
  int64_t since = 0;       // when it got this state; 0: it has never opened
  int64_t until = 0;       // open: then trials are let through
  ExecutionId execution;   // what tripped it last
  std::string step, code;  // and with which error

  bool operator==(const BreakerState&) const = default;
};

// Of the host's own stream: what the next life has to know of time.
struct ClockState {
  int64_t origin = 0, offset = 0;
  std::string boot;
  uint64_t jumps = 0;
  int64_t last_jump = 0;     // how far
  int64_t last_jump_at = 0;  // engine time; 0: never

  bool operator==(const ClockState&) const = default;
};

struct TenantState {
  ExecutionId stream;
  std::string tenant;
  std::map<ScheduleName, ScheduleState> schedules;
  std::map<ExecutionId, DeadLetter> letters;                  // by the execution that failed
  std::map<std::string, BreakerState, std::less<>> breakers;  // by name
  ClockState clock;
  uint64_t next_seq = 1;
  uint32_t next_commit = 1;

  bool operator==(const TenantState&) const = default;
};

// One record more. `at` is the instant of its commit. What cannot happen is a bug, and ends the process
// before it is written.
void apply(TenantState& state, const TenantRecord& record, int64_t at) noexcept;
// The same for a record that was read from a disk. false: it cannot follow what stands before it; the state
// is of no use any more.
[[nodiscard]] bool replay(TenantState& state, const TenantRecord& record, int64_t at);

}  // namespace pirn::journal
