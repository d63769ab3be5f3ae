// What the outside asks about schedules and events, and what it is answered. See command.h.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "host/journal/tenant_state.h"
#include "host/journal/value.h"
#include "packager/schedule/timetable.h"

namespace pirn::engine {

// When an execution begins: at once, after a delay, or at an instant of the wall clock.
struct When {
  int64_t delay = 0;  // ns; 0: none
  int64_t at = 0;     // 0: none
};

template <class T>
using Reply = std::function<void(Result<T>)>;

struct ScheduleView {
  journal::ScheduleName name;
  std::string version;  // of the active release; empty: unknown, it cannot be read
  journal::ScheduleState state;
  uint32_t max_running = 0;
  std::optional<schedule::Timetable> timetable;
  bool relative = false;     // its instants are of engine time, not of the wall clock
  std::string broken;        // why it cannot fire on this host; empty: it can
  bool quarantined = false;  // because the package cannot be read, or one that it needs (R81)
};
struct ListSchedules {
  std::string tenant;
  Reply<std::vector<ScheduleView>> reply;  // by package and workflow
};

// not_found when the workflow has no schedule.
struct ShowSchedule {
  std::string tenant;
  std::string workflow;  // [package::]workflow
  Reply<ScheduleView> reply;
};

// not_found when the workflow has no schedule; invalid_transition when it is paused already, or is not.
struct ControlSchedule {
  enum class Action : uint8_t { pause, resume, trigger };
  std::string tenant;
  std::string workflow;  // [package::]workflow
  Action action = Action::pause;
  struct Answer {
    ScheduleView schedule;
    ExecutionId execution;  // trigger: what it started
  };
  Reply<Answer> reply;
};

// Starts an execution for each fire of the timetable from `from` to `to` (inclusive) that has started none.
struct Backfill {
  static constexpr size_t kMost = 1000;
  std::string tenant;
  std::string workflow;
  int64_t from = 0, to = 0;
  bool dry_run = false;
  struct Fire {
    int64_t instant = 0;
    ExecutionId execution;  // 0: a dry run, and none yet
    bool existing = false;  // it was started before
  };
  Reply<std::vector<Fire>> reply;
};

struct Emit {
  std::string tenant;
  std::string event;
  std::string id;  // the tenant's own name of this occurrence, taken once; empty: none
  journal::Delta payload;
  Digest payload_digest;
  struct Answer {
    std::vector<ExecutionId> executions;
    bool existing = false;  // the id was taken before: nothing was started now
    struct Refused {
      journal::ScheduleName workflow;
      Error error;
    };
    std::vector<Refused> refused;  // who wait for it and could not start
  };
  Reply<Answer> reply;
};

}  // namespace pirn::engine
