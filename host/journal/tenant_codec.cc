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
    if (!record.id.empty()) out.literal(",\"id\":").text(record.id);
    out.literal(",\"executions\":");
    write_ids(out, record.executions);
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
    return ScheduleSkipped{schedule_of(fields), by_name<ScheduleSkip>(fields.text("reason"), 0, 2),
                           instant_of(fields, "from"), instant_of(fields, "until"), next_of(fields)};
  if (type == "schedule.pause") return SchedulePaused{schedule_of(fields)};
  if (type == "schedule.resume") return ScheduleResumed{schedule_of(fields), next_of(fields)};
  if (type == "event.emit") {
    return EventEmitted{fields.text("event"), fields.text_or_empty("id"), ids_of(fields)};
  }
  throw Malformed("'" + type + "' is no known event of a tenant");
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
  if (fields.find("skip_reason")) state.skip_reason = by_name<ScheduleSkip>(fields.text("skip_reason"), 0, 2);
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
  out.literal("{\"event\":").text(event.event).literal(",\"executions\":");
  write_ids(out, event.executions);
  out.character('}');
}

Result<EventEmitted> decode_event_row(std::string_view text) {
  return decode<EventEmitted>("event", text, [](const Fields& fields) {
    return EventEmitted{fields.text("event"), "", ids_of(fields)};
  });
}

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
    out.character('}');
  }
  out.literal("]}");
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
    return state;
  });
}

}  // namespace pirn::journal
