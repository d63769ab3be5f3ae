// The records of a tenant's own stream: what happens to a tenant beside its executions. Its schedules, the
// events that it is told of, its dead letters and its circuit breakers are decided in the same transaction as
// the executions that they start or that caused them, so that a fire and the advance of its schedule, or the
// end of an execution and its dead letter, are one fact.
//
// As in an execution's journal (record.h): a commit is a list of records with a gap-free `seq`, each record
// is the public event `type`, and state changes by apply() alone (tenant_state.h). Times are nanoseconds
// since 1970 (UTC), of engine time; those of schedules are of the wall clock, but for a schedule with `in`.
// Values: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "host/journal/record.h"
#include "registry/ids.h"

namespace pirn::journal {

// The schema of a tenant commit's body, counted apart from that of executions.
inline constexpr uint32_t kTenantSchema = 1;

// Which workflow a schedule starts: each has at most one.
struct ScheduleName {
  std::string package, workflow;
  auto operator<=>(const ScheduleName&) const = default;
};

// tenant.open: the first record.
struct TenantOpened {
  std::string tenant;
};
// schedule.set: it comes into force, new or changed by a deployment (R68). One that keeps its registration
// has kept its fires, too, and what was counted of them.
struct ScheduleSet {
  ScheduleName name;
  std::string terms;  // canonical JSON, what the definition says; another text is another schedule
  int64_t registered_at = 0;
  int64_t next = kNever;
};
// schedule.remove: the active release has it no more.
struct ScheduleRemoved {
  ScheduleName name;
};
// schedule.fire: the instant has started an execution. Of a regular fire the schedule advances to `next`.
enum class Firing : uint8_t { regular, trigger, backfill };
struct ScheduleFired {
  ScheduleName name;
  Firing firing = Firing::regular;
  int64_t instant = 0;
  ExecutionId execution;
  int64_t next = kNever;
};
// schedule.skip: the fires from the first to (excluding) the second start nothing.
enum class ScheduleSkip : uint8_t { misfire, max_running, fired_before, resources_insufficient, backlog };
struct ScheduleSkipped {
  ScheduleName name;
  ScheduleSkip reason = ScheduleSkip::misfire;
  int64_t from = 0, until = 0;
  int64_t next = kNever;
};
// schedule.pause
struct SchedulePaused {
  ScheduleName name;
};
// schedule.resume: what fell into the pause does not fire.
struct ScheduleResumed {
  ScheduleName name;
  int64_t next = kNever;
};
// schedule.rewind: the wall clock was set back, and fires lie ahead of it again that have not started
// anything.
struct ScheduleRewound {
  ScheduleName name;
  int64_t next = 0;
};
// event.emit
struct EventEmitted {
  std::string event;
  std::string id;  // may be empty
  std::vector<ExecutionId> executions;
  struct Refused {
    ScheduleName workflow;
    std::string code;  // of the error
    bool operator==(const Refused&) const = default;
  };
  std::vector<Refused> refused;   // who wait for it and could not start
  std::optional<Digest> payload;  // of the canonical payload; of an event with an id
};

// What is left of an execution that failed for good, until somebody decides about it (R34). The execution has
// the rest: its input, its error in full, its journal.
struct DeadLetter {
  std::string package, version, workflow;
  std::string code;  // of the error
  std::string step;  // whose error it is; empty: the workflow's own
  uint32_t attempts = 1;
  int64_t failed_at = 0;
  int64_t expires_at = kNever;

  bool operator==(const DeadLetter&) const = default;
};
// dead_letter.insert: in the same transaction as the workflow.stop of the execution.
struct DeadLetterInserted {
  ExecutionId id;  // the execution that failed
  DeadLetter letter;
};
// dead_letter.retry: the letter has become a new execution.
struct DeadLetterRetried {
  ExecutionId id, execution;
};
// dead_letter.delete: somebody has discarded it.
struct DeadLetterDeleted {
  ExecutionId id;
};
// dead_letter.prune: many at once; or those whose time was over, or the oldest, when there were too many.
enum class DeadLetterPrune : uint8_t { asked, expired, limit };
struct DeadLettersPruned {
  DeadLetterPrune reason = DeadLetterPrune::asked;
  std::vector<ExecutionId> ids;
};

enum class Circuit : uint8_t { closed, open, half_open };
// circuit.count: calls that have ended under a breaker. Closed: so many failures in a row; half open: so many
// trials that succeeded.
struct CircuitCounted {
  std::string breaker;
  uint32_t failures = 0, successes = 0;
};
// circuit.trip: why it opens; its circuit.state_change follows.
struct CircuitTripped {
  std::string breaker;
  uint32_t failures = 0;
  ExecutionId execution;  // whose failure was the last one
  std::string step, code;
};
// circuit.reset: why it closes: trials succeeded, or somebody says so; its circuit.state_change follows.
struct CircuitReset {
  std::string breaker;
  std::string by;  // empty: trials
};
// circuit.state_change: all counts begin anew.
struct CircuitChanged {
  std::string breaker;
  Circuit from = Circuit::closed, to = Circuit::open;
  int64_t until = 0;  // open: from then on trials are let through
};

// The host has a stream of this form, too, with these records only (kHostStream).
//
// clock.start: a life of the host has begun whose time the last record does not describe. Engine time is
// `origin` + what the machine's steady clock says, which counts since the boot of this name.
struct ClockStarted {
  int64_t origin = 0;
  int64_t offset = 0;  // wall clock minus engine time
  int64_t shift = 0;   // what was pending in engine time was moved by so much
  std::string boot;    // empty: unknown
};
// clock.jump: the wall clock was set by so much, as far as anybody can tell.
struct ClockJumped {
  int64_t by = 0;
  int64_t offset = 0;  // after that
};
// clock.shift: as that of executions (record.h), of what a tenant has pending in engine time.
struct TenantShifted {
  int64_t by = 0;
  std::vector<ScheduleName> schedules;  // those of them that count in engine time
};

using TenantRecord =
    std::variant<TenantOpened, ScheduleSet, ScheduleRemoved, ScheduleFired, ScheduleSkipped, SchedulePaused,
                 ScheduleResumed, EventEmitted, DeadLetterInserted, DeadLetterRetried, DeadLetterDeleted,
                 DeadLettersPruned, CircuitCounted, CircuitTripped, CircuitReset, CircuitChanged,
                 ScheduleRewound, ClockStarted, ClockJumped, TenantShifted>;

// The tenant of the host's own stream: a name that no tenant can have.
inline constexpr std::string_view kHostStream;

std::string_view name_of(Firing firing);
std::string_view name_of(ScheduleSkip reason);
std::string_view name_of(DeadLetterPrune reason);
std::string_view name_of(Circuit state);

}  // namespace pirn::journal
