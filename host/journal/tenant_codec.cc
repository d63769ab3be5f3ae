#include "host/journal/tenant_codec.h"

#include "host/journal/fields.h"
#include "host/journal/text_writer.h"

namespace pirn::journal {

namespace {

template <size_t N>
void optional_instant(TextWriter& out, const char (&field)[N], int64_t value, int64_t absent) {
  if (value != absent) out.literal(field).instant(value);
}

void write_ids(TextWriter& out, const std::vector<ExecutionId>& ids) {
  out.character('[');
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) out.character(',');
    out.id(ids[i]);
  }
  out.character(']');
}

// The members of a letter behind its id.
void write_dead_letter(TextWriter& out, ExecutionId id, const DeadLetter& letter) {
  out.literal("\"execution\":").id(id);
  out.literal(",\"package\":").text(letter.package).literal(",\"version\":").text(letter.version);
  out.literal(",\"workflow\":").text(letter.workflow).literal(",\"code\":").text(letter.code);
  if (!letter.step.empty()) out.literal(",\"step\":").text(letter.step);
  out.literal(",\"attempts\":").number(letter.attempts);
  out.literal(",\"failed_at\":").instant(letter.failed_at);
  optional_instant(out, ",\"expires_at\":", letter.expires_at, kNever);
}

// One overload a record: its type and its members.
struct Encoder {
  TextWriter& out;

  void type(std::string_view name) { out.literal(",\"type\":").word(name); }
  void schedule(std::string_view name, const ScheduleName& of) {
    type(name);
    out.literal(",\"package\":").text(of.package).literal(",\"workflow\":").text(of.workflow);
  }
  void next(int64_t instant) { optional_instant(out, ",\"next\":", instant, kNever); }

  void operator()(const TenantOpened& record) {
    type("tenant.open");
    out.literal(",\"tenant\":").text(record.tenant);
  }
  void operator()(const ScheduleSet& record) {
    schedule("schedule.set", record.name);
    out.literal(",\"terms\":").raw(record.terms);
    out.literal(",\"registered_at\":").instant(record.registered_at);
    next(record.next);
  }
  void operator()(const ScheduleRemoved& record) { schedule("schedule.remove", record.name); }
  void operator()(const ScheduleFired& record) {
    schedule("schedule.fire", record.name);
    out.literal(",\"firing\":").word(name_of(record.firing));
    out.literal(",\"instant\":").instant(record.instant);
    out.literal(",\"execution\":").id(record.execution);
    next(record.next);
  }
  void operator()(const ScheduleSkipped& record) {
    schedule("schedule.skip", record.name);
    out.literal(",\"reason\":").word(name_of(record.reason));
    out.literal(",\"from\":").integer(record.from).literal(",\"until\":").integer(record.until);
    next(record.next);
  }
  void operator()(const SchedulePaused& record) { schedule("schedule.pause", record.name); }
  void operator()(const ScheduleResumed& record) {
    schedule("schedule.resume", record.name);
    next(record.next);
  }
  void operator()(const EventEmitted& record) {
    type("event.emit");
    out.literal(",\"event\":").text(record.event);
    if (record.payload) out.literal(",\"payload\":").digest(*record.payload);
    if (!record.id.empty()) out.literal(",\"id\":").text(record.id);
    out.literal(",\"executions\":");
    write_ids(out, record.executions);
    if (record.refused.empty()) return;
    out.literal(",\"refused\":[");
    for (const EventEmitted::Refused& refused : record.refused) {
      if (&refused != &record.refused.front()) out.character(',');
      out.literal("{\"package\":").text(refused.workflow.package);
      out.literal(",\"workflow\":").text(refused.workflow.workflow);
      out.literal(",\"code\":").text(refused.code).character('}');
    }
    out.character(']');
  }

  void operator()(const DeadLetterInserted& record) {
    type("dead_letter.insert");
    out.character(',');
    write_dead_letter(out, record.id, record.letter);
  }
  void operator()(const DeadLetterRetried& record) {
    type("dead_letter.retry");
    out.literal(",\"execution\":").id(record.id).literal(",\"started\":").id(record.execution);
  }
  void operator()(const DeadLetterDeleted& record) {
    type("dead_letter.delete");
    out.literal(",\"execution\":").id(record.id);
  }
  void operator()(const DeadLettersPruned& record) {
    type("dead_letter.prune");
    out.literal(",\"reason\":").word(name_of(record.reason)).literal(",\"executions\":");
    write_ids(out, record.ids);
  }

  void circuit(std::string_view name, const std::string& breaker) {
    type(name);
    out.literal(",\"breaker\":").text(breaker);
  }
  void operator()(const CircuitCounted& record) {
    circuit("circuit.count", record.breaker);
    if (record.failures) out.literal(",\"failures\":").number(record.failures);
    if (record.successes) out.literal(",\"successes\":").number(record.successes);
  }
  void operator()(const CircuitTripped& record) {
    circuit("circuit.trip", record.breaker);
    out.literal(",\"failures\":").number(record.failures);
    out.literal(",\"execution\":").id(record.execution);
    out.literal(",\"step\":").text(record.step).literal(",\"code\":").text(record.code);
  }
  void operator()(const CircuitReset& record) {
    circuit("circuit.reset", record.breaker);
    if (!record.by.empty()) out.literal(",\"by\":").text(record.by);
  }
  void operator()(const CircuitChanged& record) {
    circuit("circuit.state_change", record.breaker);
    out.literal(",\"from\":").word(name_of(record.from)).literal(",\"to\":").word(name_of(record.to));
    optional_instant(out, ",\"until\":", record.until, 0);
  }

  void operator()(const ScheduleRewound& record) {
    schedule("schedule.rewind", record.name);
    next(record.next);
  }
  void operator()(const ClockStarted& record) {
    type("clock.start");
    out.literal(",\"origin\":").integer(record.origin).literal(",\"offset\":").integer(record.offset);
    if (record.shift) out.literal(",\"shift\":").integer(record.shift);
    if (!record.boot.empty()) out.literal(",\"boot\":").text(record.boot);
  }
  void operator()(const ClockJumped& record) {
    type("clock.jump");
    out.literal(",\"by\":").integer(record.by).literal(",\"offset\":").integer(record.offset);
  }
  void operator()(const TenantShifted& record) {
    type("clock.shift");
    out.literal(",\"by\":").integer(record.by);
    if (record.schedules.empty()) return;
    out.literal(",\"schedules\":[");
    for (const ScheduleName& name : record.schedules) {
      if (&name != &record.schedules.front()) out.character(',');
      out.literal("{\"package\":").text(name.package).literal(",\"workflow\":").text(name.workflow);
      out.character('}');
    }
    out.character(']');
  }
};

ScheduleName schedule_of(const Fields& fields) { return {fields.text("package"), fields.text("workflow")}; }
int64_t next_of(const Fields& fields) { return fields.instant_or("next", kNever); }

std::string terms_of(const Fields& fields) { return canonical(fields.get("terms")); }

int64_t instant_of(const Fields& fields, std::string_view name) {
  fields.get(name);
  return fields.instant_or(name, 0);
}

std::vector<ExecutionId> ids_of(const Fields& fields) {
  std::vector<ExecutionId> ids;
  for (const bj::value& id : fields.get("executions").as_array())
    ids.push_back(id_of(Fields::string_of(id, "executions")));
  return ids;
}

std::vector<EventEmitted::Refused> refused_of(const Fields& fields) {
  std::vector<EventEmitted::Refused> refused;
  if (const bj::value* list = fields.find("refused"))
    for (const bj::value& element : list->as_array()) {
      const Fields of(element);
      refused.push_back({schedule_of(of), of.text("code")});
    }
  return refused;
}

DeadLetter letter_of(const Fields& fields) {
  return {fields.text("package"),          fields.text("version"),
          fields.text("workflow"),         fields.text("code"),
          fields.text_or_empty("step"),    fields.count("attempts"),
          instant_of(fields, "failed_at"), fields.instant_or("expires_at", kNever)};
}

Circuit circuit_of(const Fields& fields, std::string_view name) {
  return by_name<Circuit>(fields.text(name), 0, 2);
}

// A list of objects; of a state that was written before there were such things it is absent.
template <class Read>
void each(const Fields& fields, std::string_view name, Read read) {
  const bj::value* list = fields.find(name);
  if (!list) return;
  for (const bj::value& item : list->as_array()) read(Fields(item));
}

std::optional<Digest> payload_of(const Fields& fields) {
  if (!fields.find("payload")) return std::nullopt;
  return fields.digest("payload");
}

TenantRecord record_of(const Fields& fields) {
  const std::string type = fields.text("type");
  if (type == "tenant.open") return TenantOpened{fields.text("tenant")};
  if (type == "schedule.set")
    return ScheduleSet{schedule_of(fields), terms_of(fields), instant_of(fields, "registered_at"),
                       next_of(fields)};
  if (type == "schedule.remove") return ScheduleRemoved{schedule_of(fields)};
  if (type == "schedule.fire")
    return ScheduleFired{schedule_of(fields), by_name<Firing>(fields.text("firing"), 0, 2),
                         instant_of(fields, "instant"), id_of(fields.text("execution")), next_of(fields)};
  if (type == "schedule.skip")
    return ScheduleSkipped{schedule_of(fields), by_name<ScheduleSkip>(fields.text("reason"), 0, 4),
                           instant_of(fields, "from"), instant_of(fields, "until"), next_of(fields)};
  if (type == "schedule.pause") return SchedulePaused{schedule_of(fields)};
  if (type == "schedule.resume") return ScheduleResumed{schedule_of(fields), next_of(fields)};
  if (type == "event.emit") {
    return EventEmitted{fields.text("event"), fields.text_or_empty("id"), ids_of(fields), refused_of(fields),
                        payload_of(fields)};
  }
  const auto execution = [&] { return id_of(fields.text("execution")); };
  if (type == "dead_letter.insert") return DeadLetterInserted{execution(), letter_of(fields)};
  if (type == "dead_letter.retry") return DeadLetterRetried{execution(), id_of(fields.text("started"))};
  if (type == "dead_letter.delete") return DeadLetterDeleted{execution()};
  if (type == "dead_letter.prune")
    return DeadLettersPruned{by_name<DeadLetterPrune>(fields.text("reason"), 0, 2), ids_of(fields)};
  if (type == "circuit.count")
    return CircuitCounted{fields.text("breaker"), fields.count_or("failures", 0),
                          fields.count_or("successes", 0)};
  if (type == "circuit.trip")
    return CircuitTripped{fields.text("breaker"), fields.count("failures"), execution(), fields.text("step"),
                          fields.text("code")};
  if (type == "circuit.reset") return CircuitReset{fields.text("breaker"), fields.text_or_empty("by")};
  if (type == "circuit.state_change")
    return CircuitChanged{fields.text("breaker"), circuit_of(fields, "from"), circuit_of(fields, "to"),
                          fields.instant_or("until", 0)};
  if (type == "schedule.rewind") return ScheduleRewound{schedule_of(fields), instant_of(fields, "next")};
  if (type == "clock.start")
    return ClockStarted{instant_of(fields, "origin"), instant_of(fields, "offset"),
                        fields.instant_or("shift", 0), fields.text_or_empty("boot")};
  if (type == "clock.jump") return ClockJumped{instant_of(fields, "by"), instant_of(fields, "offset")};
  if (type == "clock.shift") {
    TenantShifted shifted{instant_of(fields, "by"), {}};
    each(fields, "schedules", [&](const Fields& name) { shifted.schedules.push_back(schedule_of(name)); });
    return shifted;
  }
  throw Malformed("'" + type + "' is not a known event of a tenant");
}

ScheduleState schedule_state_of(const Fields& fields) {
  ScheduleState state;
  state.terms = terms_of(fields);
  state.registered_at = instant_of(fields, "registered_at");
  state.next = next_of(fields);
  state.paused = fields.flag_or("paused", false);
  state.fires = fields.number_or("fires", 0);
  state.skips = fields.number_or("skips", 0);
  state.last_fire = fields.instant_or("last_fire", 0);
  state.last_execution = id_or_none(fields, "last_execution");
  state.last_skip = fields.instant_or("last_skip", 0);
  if (fields.find("skip_reason")) state.skip_reason = by_name<ScheduleSkip>(fields.text("skip_reason"), 0, 4);
  state.reached = fields.instant_or("reached", 0);
  return state;
}

ClockState clock_state_of(const Fields& fields) {
  return {instant_of(fields, "origin"),      instant_of(fields, "offset"),
          fields.text_or_empty("boot"),      fields.number_or("jumps", 0),
          fields.instant_or("last_jump", 0), fields.instant_or("last_jump_at", 0)};
}

BreakerState breaker_state_of(const Fields& fields) {
  BreakerState state;
  state.circuit = circuit_of(fields, "circuit");
  state.failures = fields.count_or("failures", 0);
  state.successes = fields.count_or("successes", 0);
  state.since = fields.instant_or("since", 0);
  state.until = fields.instant_or("until", 0);
  state.execution = id_or_none(fields, "execution");
  state.step = fields.text_or_empty("step");
  state.code = fields.text_or_empty("code");
  return state;
}

}  // namespace

void append_tenant_event(TextWriter& out, bool first, uint64_t seq, const TenantRecord& record) {
  if (!first) out.character(',');
  out.literal("{\"seq\":").number(seq);
  std::visit(Encoder{out}, record);
  out.character('}');
}

Result<TenantCommit> decode_tenant_commit(std::string_view body, uint32_t schema) {
  if (schema == 0 || schema > kTenantSchema)
    return corrupt("commit of a tenant", "it has schema " + std::to_string(schema) +
                                             ", this version knows up to " + std::to_string(kTenantSchema));
  return decode<TenantCommit>("commit of a tenant", body, [](const Fields& fields) {
    TenantCommit commit;
    commit.at = instant_of(fields, "at");
    for (const bj::value& event : fields.get("events").as_array()) {
      const Fields of_event(event);
      if (commit.records.empty()) commit.first_seq = of_event.number("seq");
      if (of_event.number("seq") != commit.first_seq + commit.records.size())
        throw Malformed("a sequence number is missing");
      commit.records.push_back(record_of(of_event));
    }
    return commit;
  });
}

void append_event_row(TextWriter& out, const EventEmitted& event) {
  out.literal("{\"event\":").text(event.event);
  if (event.payload) out.literal(",\"payload\":").digest(*event.payload);
  out.literal(",\"executions\":");
  write_ids(out, event.executions);
  out.character('}');
}

Result<EventEmitted> decode_event_row(std::string_view text) {
  return decode<EventEmitted>("event", text, [](const Fields& fields) {
    return EventEmitted{fields.text("event"), "", ids_of(fields), {}, payload_of(fields)};
  });
}

namespace {

void append_letters(TextWriter& out, const TenantState& state) {
  out.literal(",\"letters\":[");
  bool first = true;
  for (const auto& [id, letter] : state.letters) {
    if (!first) out.character(',');
    first = false;
    out.character('{');
    write_dead_letter(out, id, letter);
    out.character('}');
  }
  out.character(']');
}

void append_clock(TextWriter& out, const ClockState& clock) {
  out.literal(",\"clock\":{\"origin\":").integer(clock.origin);
  out.literal(",\"offset\":").integer(clock.offset);
  if (!clock.boot.empty()) out.literal(",\"boot\":").text(clock.boot);
  if (clock.jumps) {
    out.literal(",\"jumps\":").number(clock.jumps).literal(",\"last_jump\":").integer(clock.last_jump);
    out.literal(",\"last_jump_at\":").integer(clock.last_jump_at);
  }
  out.character('}');
}

void append_breakers(TextWriter& out, const TenantState& state) {
  out.literal(",\"breakers\":[");
  bool first = true;
  for (const auto& [name, breaker] : state.breakers) {
    if (!first) out.character(',');
    first = false;
    out.literal("{\"breaker\":").text(name).literal(",\"circuit\":").word(name_of(breaker.circuit));
    if (breaker.failures) out.literal(",\"failures\":").number(breaker.failures);
    if (breaker.successes) out.literal(",\"successes\":").number(breaker.successes);
    optional_instant(out, ",\"since\":", breaker.since, 0);
    optional_instant(out, ",\"until\":", breaker.until, 0);
    if (breaker.execution) out.literal(",\"execution\":").id(breaker.execution);
    if (!breaker.step.empty()) out.literal(",\"step\":").text(breaker.step);
    if (!breaker.code.empty()) out.literal(",\"code\":").text(breaker.code);
    out.character('}');
  }
  out.character(']');
}

}  // namespace

void append_tenant_state(TextWriter& out, const TenantState& state) {
  out.literal("{\"stream\":").id(state.stream).literal(",\"tenant\":").text(state.tenant);
  out.literal(",\"next_seq\":").number(state.next_seq);
  out.literal(",\"next_commit\":").number(state.next_commit);
  out.literal(",\"schedules\":[");
  bool first = true;
  for (const auto& [name, schedule] : state.schedules) {
    if (!first) out.character(',');
    first = false;
    out.literal("{\"package\":").text(name.package).literal(",\"workflow\":").text(name.workflow);
    out.literal(",\"terms\":").raw(schedule.terms);
    out.literal(",\"registered_at\":").instant(schedule.registered_at);
    optional_instant(out, ",\"next\":", schedule.next, kNever);
    if (schedule.paused) out.literal(",\"paused\":true");
    if (schedule.fires) out.literal(",\"fires\":").number(schedule.fires);
    if (schedule.skips) out.literal(",\"skips\":").number(schedule.skips);
    optional_instant(out, ",\"last_fire\":", schedule.last_fire, 0);
    if (schedule.last_execution) out.literal(",\"last_execution\":").id(schedule.last_execution);
    if (schedule.last_skip) {
      out.literal(",\"last_skip\":").instant(schedule.last_skip);
      out.literal(",\"skip_reason\":").word(name_of(schedule.skip_reason));
    }
    optional_instant(out, ",\"reached\":", schedule.reached, 0);
    out.character('}');
  }
  out.character(']');
  if (state.clock != ClockState()) append_clock(out, state.clock);
  if (!state.letters.empty()) append_letters(out, state);
  if (!state.breakers.empty()) append_breakers(out, state);
  out.character('}');
}

Result<TenantState> decode_tenant_state(std::string_view text) {
  return decode<TenantState>("state of a tenant", text, [](const Fields& fields) {
    TenantState state;
    state.stream = id_of(fields.text("stream"));
    state.tenant = fields.text("tenant");
    state.next_seq = fields.number("next_seq");
    state.next_commit = fields.count("next_commit");
    for (const bj::value& schedule : fields.get("schedules").as_array()) {
      const Fields of_schedule(schedule);
      state.schedules.emplace(schedule_of(of_schedule), schedule_state_of(of_schedule));
    }
    if (const bj::value* clock = fields.find("clock")) state.clock = clock_state_of(Fields(*clock));
    each(fields, "letters", [&](const Fields& letter) {
      state.letters.emplace(id_of(letter.text("execution")), letter_of(letter));
    });
    each(fields, "breakers", [&](const Fields& breaker) {
      state.breakers.emplace(breaker.text("breaker"), breaker_state_of(breaker));
    });
    return state;
  });
}

}  // namespace pirn::journal
