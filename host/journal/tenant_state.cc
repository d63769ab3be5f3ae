#include "host/journal/tenant_state.h"

#include <algorithm>

#include "host/journal/impossible.h"

namespace pirn::journal {

namespace {

// One overload a record. Each requires what its transition leaves.
struct Applier {
  TenantState& tenant;
  int64_t at;

  ScheduleState& schedule(const ScheduleName& name) {
    const auto found = tenant.schedules.find(name);
    require(found != tenant.schedules.end());
    return found->second;
  }
  void remove_letter(ExecutionId id) { require(tenant.letters.erase(id) == 1); }
  Circuit circuit(const std::string& breaker) const {
    const auto found = tenant.breakers.find(breaker);
    return found == tenant.breakers.end() ? Circuit::closed : found->second.circuit;
  }

  void operator()(const TenantOpened& record) {
    require(tenant.next_seq == 1);
    tenant.tenant = record.tenant;
  }
  void operator()(const ScheduleSet& record) {
    ScheduleState& target = tenant.schedules[record.name];
    const bool paused = target.paused;
    if (target.terms.empty() || target.registered_at != record.registered_at) target = ScheduleState();
    target.terms = record.terms;
    target.registered_at = record.registered_at;
    target.next = record.next;
    target.paused = paused;
    target.reached = 0;
  }
  void operator()(const ScheduleRemoved& record) { require(tenant.schedules.erase(record.name) == 1); }
  void operator()(const ScheduleFired& record) {
    ScheduleState& target = schedule(record.name);
    ++target.fires;
    target.last_execution = record.execution;
    if (record.firing != Firing::regular) return;
    require(!target.paused && record.next > record.instant);
    target.last_fire = record.instant;
    target.next = record.next;
  }
  void operator()(const ScheduleSkipped& record) {
    ScheduleState& target = schedule(record.name);
    require(!target.paused && record.from < record.until && record.next >= record.until);
    ++target.skips;
    target.last_skip = at;
    target.skip_reason = record.reason;
    target.next = record.next;
  }
  void operator()(const SchedulePaused& record) {
    ScheduleState& target = schedule(record.name);
    require(!target.paused);
    target.paused = true;
  }
  void operator()(const ScheduleResumed& record) {
    ScheduleState& target = schedule(record.name);
    require(target.paused);
    target.paused = false;
    if (record.next < target.next) target.reached = std::max(target.reached, target.next);
    target.next = record.next;
  }
  void operator()(const ScheduleRewound& record) {
    ScheduleState& target = schedule(record.name);
    require(!target.paused && record.next < target.next);
    target.reached = std::max(target.reached, target.next);
    target.next = record.next;
  }
  void operator()(const EventEmitted&) {}

  void operator()(const DeadLetterInserted& record) {
    require(tenant.letters.emplace(record.id, record.letter).second);
  }
  void operator()(const DeadLetterRetried& record) { remove_letter(record.id); }
  void operator()(const DeadLetterDeleted& record) { remove_letter(record.id); }
  void operator()(const DeadLettersPruned& record) {
    for (const ExecutionId id : record.ids) remove_letter(id);
  }

  void operator()(const CircuitCounted& record) {
    const Circuit before = circuit(record.breaker);
    require(before != Circuit::open && (record.successes > 0) == (before == Circuit::half_open));
    if (before == Circuit::closed && record.failures == 0) {
      tenant.breakers.erase(record.breaker);
      return;
    }
    BreakerState& target = tenant.breakers[record.breaker];
    target.failures = record.failures;
    target.successes = record.successes;
  }
  void operator()(const CircuitTripped& record) {
    require(circuit(record.breaker) != Circuit::open);
    BreakerState& target = tenant.breakers[record.breaker];
    target.execution = record.execution;
    target.step = record.step;
    target.code = record.code;
  }
  void operator()(const CircuitReset&) {}
  void operator()(const CircuitChanged& record) {
    require(circuit(record.breaker) == record.from && record.from != record.to);
    if (record.to == Circuit::closed) {
      tenant.breakers.erase(record.breaker);
      return;
    }
    BreakerState& target = tenant.breakers[record.breaker];
    target.circuit = record.to;
    target.failures = target.successes = 0;
    target.since = at;
    target.until = record.until;
  }

  void operator()(const ClockStarted& record) {
    require(tenant.tenant == kHostStream);
    tenant.clock.origin = record.origin;
    tenant.clock.offset = record.offset;
    tenant.clock.boot = record.boot;
  }
  void operator()(const ClockJumped& record) {
    require(tenant.tenant == kHostStream);
    tenant.clock.offset = record.offset;
    tenant.clock.last_jump = record.by;
    tenant.clock.last_jump_at = at;
    ++tenant.clock.jumps;
  }
  void operator()(const TenantShifted& record) {
    const auto move = [&](int64_t& instant, int64_t none) {
      if (instant != none) require(!__builtin_add_overflow(instant, record.by, &instant));
    };
    for (const ScheduleName& name : record.schedules) {
      ScheduleState& target = schedule(name);
      move(target.registered_at, 0);
      move(target.next, kNever);
    }
    for (auto& [id, letter] : tenant.letters) move(letter.expires_at, kNever);
    for (auto& [name, breaker] : tenant.breakers) {
      move(breaker.since, 0);
      move(breaker.until, 0);
    }
  }
};

void fold(TenantState& state, const TenantRecord& record, int64_t at) {
  // A stream begins by saying whose it is.
  require((state.next_seq == 1) == std::holds_alternative<TenantOpened>(record));
  std::visit(Applier{state, at}, record);
  ++state.next_seq;
}

}  // namespace

void apply(TenantState& state, const TenantRecord& record, int64_t at) noexcept { fold(state, record, at); }

bool replay(TenantState& state, const TenantRecord& record, int64_t at) {
  try {
    fold(state, record, at);
    return true;
  } catch (const Impossible&) {
    return false;
  }
}

std::string_view name_of(Firing firing) {
  constexpr std::string_view kNames[] = {"regular", "trigger", "backfill"};
  return kNames[static_cast<size_t>(firing)];
}

std::string_view name_of(ScheduleSkip reason) {
  constexpr std::string_view kNames[] = {"misfire", "max_running", "fired_before", "resources_insufficient",
                                         "backlog"};
  return kNames[static_cast<size_t>(reason)];
}

std::string_view name_of(DeadLetterPrune reason) {
  constexpr std::string_view kNames[] = {"asked", "expired", "limit"};
  return kNames[static_cast<size_t>(reason)];
}

std::string_view name_of(Circuit state) {
  constexpr std::string_view kNames[] = {"closed", "open", "half_open"};
  return kNames[static_cast<size_t>(state)];
}

}  // namespace pirn::journal
