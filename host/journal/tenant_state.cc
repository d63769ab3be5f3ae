#include "host/journal/tenant_state.h"

#include <cassert>

namespace pirn::journal {

namespace {

struct Applier {
  TenantState& tenant;
  int64_t at;

  ScheduleState& schedule(const ScheduleName& name) {
    const auto found = tenant.schedules.find(name);
    assert(found != tenant.schedules.end());
    return found->second;
  }

  void operator()(const TenantOpened& record) {
    assert(tenant.next_seq == 1);
    tenant.tenant = record.tenant;
  }
  void operator()(const ScheduleSet& record) {
    ScheduleState& target = tenant.schedules[record.name];
    const bool paused = target.paused;
    target = ScheduleState();
    target.terms = record.terms;
    target.registered_at = record.registered_at;
    target.next = record.next;
    target.paused = paused;
  }
  void operator()(const ScheduleRemoved& record) {
    const size_t erased = tenant.schedules.erase(record.name);
    assert(erased == 1);
    (void)erased;
  }
  void operator()(const ScheduleFired& record) {
    ScheduleState& target = schedule(record.name);
    ++target.fires;
    target.last_execution = record.execution;
    if (record.firing != Firing::regular) return;
    assert(!target.paused && record.next > record.instant);
    target.last_fire = record.instant;
    target.next = record.next;
  }
  void operator()(const ScheduleSkipped& record) {
    ScheduleState& target = schedule(record.name);
    assert(!target.paused && record.from < record.until && record.next >= record.until);
    ++target.skips;
    target.last_skip = at;
    target.skip_reason = record.reason;
    target.next = record.next;
  }
  void operator()(const SchedulePaused& record) {
    ScheduleState& target = schedule(record.name);
    assert(!target.paused);
    target.paused = true;
  }
  void operator()(const ScheduleResumed& record) {
    ScheduleState& target = schedule(record.name);
    assert(target.paused);
    target.paused = false;
    target.next = record.next;
  }
  void operator()(const EventEmitted&) {}
};

}  // namespace

void apply(TenantState& state, const TenantRecord& record, int64_t at) {
  std::visit(Applier{state, at}, record);
  ++state.next_seq;
}

std::string_view name_of(Firing firing) {
  constexpr std::string_view kNames[] = {"regular", "trigger", "backfill"};
  return kNames[static_cast<size_t>(firing)];
}

std::string_view name_of(ScheduleSkip reason) {
  constexpr std::string_view kNames[] = {"misfire", "max_running", "fired_before"};
  return kNames[static_cast<size_t>(reason)];
}

}  // namespace pirn::journal
