// The state of a tenant's own stream: what a fold of it yields. Plain data; apply() is the only way to change
// it.
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

  bool operator==(const ScheduleState&) const = default;
};

struct TenantState {
  ExecutionId stream;
  std::string tenant;
  std::map<ScheduleName, ScheduleState> schedules;
  uint64_t next_seq = 1;
  uint32_t next_commit = 1;

  bool operator==(const TenantState&) const = default;
};

// One record more. `at` is the instant of its commit.
void apply(TenantState& state, const TenantRecord& record, int64_t at);

}  // namespace pirn::journal
