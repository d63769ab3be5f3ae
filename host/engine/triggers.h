// What starts executions by itself: the schedules and the events of the tenants (R35 to R40, R68).
//
// A fire is decided in the engine's turn, in one commit with the execution that it starts and with the
// advance of its schedule, so a crash leaves both or neither. Beyond that, an execution of a fire has the
// fire's id as its start key, which the store keeps unique: an instant of a schedule starts one execution,
// whoever asks.
//
// Instants of schedules are those of the wall clock; `in` alone counts in engine time (time_line.h).
//
// Thread: the engine's. Reads no clock; the time zones of schedules are read by packager/schedule, when a
// schedule comes into force.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "host/engine/change.h"
#include "host/engine/tenant_streams.h"
#include "host/engine/time_line.h"
#include "host/engine/trigger_command.h"
#include "registry/catalog.h"

namespace pirn::engine {

// What a trigger asks of the engine.
class Launcher {
 public:
  struct Launch {
    std::string tenant;
    journal::Delta input;
    Digest input_digest;
    std::string key;  // nobody's yet
    std::string trigger;
    When beginning;
    journal::Strategy strategy = journal::Strategy::as_defined;
  };

  virtual ~Launcher() = default;
  // resources_insufficient: the host has less than it needs.
  virtual Status check_capacity(const registry::Catalog::Target& target) const = 0;
  // Creates the execution in this turn's change.
  virtual ExecutionId launch(Decision& decision, const registry::Catalog::Target& target, Launch launch) = 0;
  // What this start key has started, if anything.
  virtual Result<std::optional<ExecutionId>> started_by(const std::string& tenant,
                                                        const std::string& key) = 0;
  // How many executions of the workflow have begun and not ended.
  virtual uint32_t running(std::string_view tenant, const journal::ScheduleName& workflow) const = 0;
  // A schedule of this tenant is behind: fire_late() is to be called, again and again, at the launcher's
  // pace.
  virtual void missed(const std::string& tenant, const journal::ScheduleName& schedule) = 0;
};

class Triggers {
 public:
  using Key = std::pair<std::string, journal::ScheduleName>;  // tenant, workflow

  // All of them outlive it. `streams` are recovered before the first reconcile().
  Triggers(Launcher& launcher, const store::Store& store, TenantStreams& streams)
      : launcher_(launcher), store_(store), streams_(streams) {}

  // The catalog is new, or has moved: schedules that came, changed and went (R68).
  void reconcile(registry::CatalogPtr catalog, const Decision& decision);

  // The wall clock may have been set back: what lies ahead of it again and has not started anything fires.
  void rewind(const Decision& decision);
  // Recovery, before the first reconcile(): what tenants have pending in engine time is moved.
  void shift(int64_t by, int64_t now);

  // Fires what is due, at most about `limit` executions; the number of schedules that were looked at. One
  // that is more than schedule::kPunctual_ns late is handed to Launcher::missed() instead. An error is the
  // store's, and the turn's.
  Result<size_t> fire(Decision& decision, size_t limit);
  // The next fire of a schedule that is behind; whether it still is.
  Result<bool> fire_late(Decision& decision, const Key& key);
  // In engine time.
  std::optional<int64_t> next_timer(const TimeLine& time);

  // Schedules whose missed fires wait until fewer executions of their workflow run (R36).
  bool anybody_waits_for_room() const { return !waiting_.empty(); }
  // An execution of this workflow has ended.
  void room(const Key& key);

  // `dispatching`: the host starts executions.
  void handle(Decision& decision, ListSchedules& command, bool dispatching);
  void handle(Decision& decision, ShowSchedule& command, bool dispatching);
  void handle(Decision& decision, ControlSchedule& command, bool dispatching);
  void handle(Decision& decision, Backfill& command, bool dispatching);
  void handle(Decision& decision, Emit& command, bool dispatching);

  // Appends this turn's events; views are valid until clear().
  void collect(std::vector<store::EventRow>& rows) const;
  // The next turn begins.
  bool drafted() const { return !events_.empty(); }
  void clear() { events_.clear(); }

 private:
  // What a schedule has missed, under `misfire: all`.
  struct Backlog {
    size_t most = 0;      // that many are made up for
    int64_t full_at = 0;  // before that there are not more
    std::optional<schedule::NewestFires> search;
    int64_t searched_at = 0;
  };
  struct Entry {
    std::string tenant;
    journal::ScheduleName name;
    registry::Catalog::Target target;
    std::optional<schedule::Timetable> timetable;
    std::string broken;
    scheduler::TimerHandle timer = scheduler::kNoTimer;  // of the clock that it counts by
    bool relative = false;                               // it counts in engine time
    bool behind = false;                                 // with the launcher, which calls fire_late()
    bool owes = false;                                   // fires have waited: what falls due waits, too
    Backlog backlog;
  };
  struct DueSchedule {
    Key key;
    Entry* entry;
    bool operator<(const DueSchedule& other) const { return key < other.key; }  // of the same instant
  };
  struct NewEvent {
    std::string tenant, id;  // the key in the store
    int64_t at = 0;
    journal::EventEmitted record;
    journal::TextWriter body;
  };

  bool is_aside(const std::string& tenant, const journal::ScheduleName& name) const;
  ScheduleView quarantined_view(const std::string& tenant, const journal::ScheduleName& name,
                                const journal::ScheduleState& state) const;
  void adopt(const Key& key, registry::Catalog::Target target, const Decision& decision);
  void arm(Entry& entry);
  void disarm(Entry& entry);
  const journal::ScheduleState* state_of(const Entry& entry) const;
  ScheduleView view_of(const Entry& entry) const;
  Result<Entry*> find(const std::string& tenant, const std::string& reference);

  bool late(const Entry& entry, const Decision& decision) const;
  bool keeps_missed(const Entry& entry) const;
  bool full(const Entry& entry) const;
  bool skip_oldest(const Decision& decision, Entry& entry);
  void make_room(Entry& entry, size_t fires);
  void skip_decided(const Decision& decision, const Entry& entry);
  void take_up(Entry& entry);
  Result<size_t> fire(Decision& decision, Entry& entry, size_t limit);
  Status fire_one(Decision& decision, Entry& entry, int64_t instant, int64_t next);
  ExecutionId start(Decision& decision, const Entry& entry, journal::Firing firing, int64_t instant,
                    std::string key);
  Result<ControlSchedule::Answer> control(Decision& decision, const ControlSchedule& command,
                                          bool dispatching);
  Result<std::vector<Backfill::Fire>> backfill(Decision& decision, const Backfill& command, bool dispatching);
  Result<registry::Catalog::Target> startable(const std::string& tenant,
                                              const journal::ScheduleName& workflow) const;
  Result<Emit::Answer> emit(Decision& decision, Emit& command, bool dispatching);
  Result<std::optional<journal::EventEmitted>> emitted_before(const Emit& command) const;

  Launcher& launcher_;
  const store::Store& store_;
  TenantStreams& streams_;
  registry::CatalogPtr catalog_;
  std::map<Key, Entry> entries_;
  scheduler::Timers<DueSchedule> timers_, wall_timers_;
  std::set<Key> waiting_;         // for room
  std::vector<NewEvent> events_;  // with an id, of this turn
};

}  // namespace pirn::engine
