// The records of a tenant's own stream: what happens to a tenant beside its executions. Its schedules and the
// events that it is told of are decided in the same transaction as the executions that they start, so that a
// fire and the advance of its schedule are one fact.
//
// As in an execution's journal (record.h): a commit is a list of records with a gap-free `seq`, each record
// is the public event `type`, and state changes by apply() alone (tenant_state.h). Times are nanoseconds
// since 1970 (UTC). Values: any thread.
#pragma once

#include <cstdint>
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
// schedule.set: it comes into force, new or changed by a deployment (R68).
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
enum class ScheduleSkip : uint8_t { misfire, max_running, fired_before };
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
// event.emit
struct EventEmitted {
  std::string event;
  std::string id;  // may be empty
  std::vector<ExecutionId> executions;
};

using TenantRecord = std::variant<TenantOpened, ScheduleSet, ScheduleRemoved, ScheduleFired, ScheduleSkipped,
                                  SchedulePaused, ScheduleResumed, EventEmitted>;

std::string_view name_of(Firing firing);
std::string_view name_of(ScheduleSkip reason);

}  // namespace pirn::journal
