#include <cassert>

#include "host/journal/codec.h"

namespace pirn::journal {

namespace {

void text(std::string& out, std::string_view field, std::string_view value) {
  out += field;
  append_json_string(out, value);
}
void number(std::string& out, std::string_view field, uint64_t value) {
  out += field;
  append_unsigned(out, value);
}
void instant(std::string& out, std::string_view field, int64_t value) {
  out += field;
  append_integer(out, value);
}
// Fields that hold their default are left out.
void optional_text(std::string& out, std::string_view field, std::string_view value) {
  if (!value.empty()) text(out, field, value);
}
void optional_instant(std::string& out, std::string_view field, int64_t value) {
  if (value != kNever) instant(out, field, value);
}
void json(std::string& out, std::string_view field, std::string_view value) {
  if (value.empty()) return;
  out += field;
  out += value;
}

void append_delta(std::string& out, const Delta& delta) {
  out += '{';
  bool first = true;
  for (const Delta::Entry& entry : delta.entries) {
    if (entry.unset) continue;
    if (!first) out += ',';
    first = false;
    append_json_string(out, entry.key);
    out += ':';
    append_json(out, entry.value);
  }
  out += '}';
}

void append_unset(std::string& out, const Delta& delta) {
  bool first = true;
  for (const Delta::Entry& entry : delta.entries) {
    if (!entry.unset) continue;
    out += first ? ",\"unset\":[" : ",";
    first = false;
    append_json_string(out, entry.key);
  }
  if (!first) out += ']';
}

// ,"result":{…},"unset":[…] or ,"value":v; nothing for an empty map.
void append_slot(std::string& out, const ResultPtr& result) {
  if (!result) return;
  if (!result->is_map) {
    out += ",\"value\":";
    append_json(out, result->value);
    return;
  }
  if (result->map.empty()) return;
  out += ",\"result\":";
  append_delta(out, result->map);
  append_unset(out, result->map);
}

void append_pins(std::string& out, const std::vector<Digest>& pins) {
  out += ",\"pins\":[";
  for (size_t i = 0; i < pins.size(); ++i) {
    if (i) out += ',';
    out += '"';
    out += pins[i].hex();
    out += '"';
  }
  out += ']';
}

struct Encoder {
  std::string& out;
  std::span<const std::string> names;

  void type(std::string_view name) {
    out += ",\"type\":\"";
    out += name;
    out += '"';
  }
  // Names are [a-z0-9_-]: no escapes needed.
  void step(uint32_t index) {
    out += ",\"step\":\"";
    out += names[index];
    out += "\",\"i\":";
    append_unsigned(out, index);
  }
  void error(const ErrorPtr& error) {
    if (!error) return;
    out += ",\"error\":";
    append_error(out, *error);
  }

  void operator()(const Created& record) {
    type("workflow.create");
    text(out, ",\"tenant\":", record.tenant);
    text(out, ",\"package\":", record.package);
    text(out, ",\"version\":", record.version);
    text(out, ",\"workflow\":", record.workflow);
    append_pins(out, record.pins);
    out += ",\"definition\":\"";
    out += record.definition.hex();
    out += '"';
    number(out, ",\"definition_schema\":", record.definition_schema);
    number(out, ",\"steps\":", record.n_steps);
    text(out, ",\"root\":", record.root.text());
    optional_text(out, ",\"key\":", record.key);
    out += ",\"input_digest\":\"";
    out += record.input_digest.hex();
    out += '"';
    text(out, ",\"trigger\":", record.trigger);
    if (record.wake_at) instant(out, ",\"wake_at\":", record.wake_at);
    out += ",\"input\":";
    append_delta(out, record.input);
  }
  void operator()(const Begun& record) {
    type("workflow.start");
    number(out, ",\"attempt\":", record.attempt);
    optional_instant(out, ",\"deadline\":", record.deadline);
  }
  void operator()(const StepAsked& record) {
    type("step.ask");
    step(record.step);
    text(out, ",\"kind\":", name_of(record.kind));
    number(out, ",\"invocation\":", record.invocation);
    optional_instant(out, ",\"deadline\":", record.deadline);
  }
  void operator()(const StepAnswered& record) {
    type("step.answer");
    step(record.step);
    text(out, ",\"kind\":", name_of(record.kind));
    if (record.truth) out += ",\"truth\":true";
    if (record.duration) instant(out, ",\"duration\":", record.duration);
    error(record.error);
  }
  void operator()(const StepReady& record) {
    type("step.ready");
    step(record.step);
  }
  void operator()(const StepStarted& record) {
    type("step.start");
    step(record.step);
    number(out, ",\"attempt\":", record.attempt);
    number(out, ",\"invocation\":", record.invocation);
    optional_instant(out, ",\"deadline\":", record.deadline);
  }
  void operator()(const StepCompleted& record) {
    type("step.stop");
    step(record.step);
    instant(out, ",\"duration\":", record.duration);
    append_slot(out, record.result);
  }
  void operator()(const StepSkipped& record) {
    type("step.skip");
    step(record.step);
    text(out, ",\"kind\":", name_of(record.kind));
    optional_text(out, ",\"reason\":", record.reason);
  }
  void operator()(const StepFailed& record) {
    static constexpr std::string_view kThen[] = {"retry", "fail", "tolerate", "skip"};
    type("step.exception");
    step(record.step);
    text(out, ",\"then\":", kThen[static_cast<size_t>(record.then)]);
    instant(out, ",\"duration\":", record.duration);
    error(record.error);
  }
  void operator()(const StepRetry& record) {
    type("step.retry");
    step(record.step);
    instant(out, ",\"delay\":", record.delay);
    instant(out, ",\"wake_at\":", record.wake_at);
  }
  void operator()(const StepCancelled& record) {
    type("step.cancel");
    step(record.step);
    optional_text(out, ",\"reason\":", record.reason);
    append_slot(out, record.partial);
  }
  void operator()(const StepInterrupted& record) {
    type("step.interrupt");
    step(record.step);
    if (record.crashed) out += ",\"crashed\":true";
  }
  void operator()(const Stopping& record) {
    type(record.cause == StopCause::cancel ? "workflow.cancel" : "workflow.stopping");
    if (record.step != Stopping::kNoStep) step(record.step);
    optional_text(out, ",\"reason\":", record.reason);
    if (record.rollback) out += ",\"rollback\":true";
    if (!record.cleanup) out += ",\"cleanup\":false";
    optional_instant(out, ",\"grace_until\":", record.grace_until);
    error(record.error);
  }
  void operator()(const Failed& record) {
    type("workflow.fail");
    if (record.step != Stopping::kNoStep) step(record.step);
    error(record.error);
  }
  void operator()(const Stopped& record) {
    type("workflow.stop");
    text(out, ",\"state\":", name_of(record.state));
    instant(out, ",\"duration\":", record.duration);
    if (record.tolerated_failures) number(out, ",\"tolerated_failures\":", record.tolerated_failures);
  }
  void operator()(const Diagnostic& record) {
    type("diagnostic");
    if (record.step != Stopping::kNoStep) step(record.step);
    text(out, ",\"code\":", record.code);
    text(out, ",\"message\":", record.message);
  }
  void operator()(const Emitted& record) {
    type("node");
    step(record.step);
    text(out, ",\"scope\":", record.scope);
    text(out, ",\"message\":", record.message);
    json(out, ",\"metadata\":", record.metadata);
  }
};

// One step of a state; fields that hold their default are left out.
void append_step(std::string& out, const Step& step, const std::string& name) {
  out += "{\"name\":\"";
  out += name;
  out += "\",\"state\":\"";
  out += name_of(step.state);
  out += '"';
  if (step.skip_kind != SkipKind::none) text(out, ",\"skip_kind\":", name_of(step.skip_kind));
  if (step.tolerated) out += ",\"tolerated\":true";
  if (step.state == StepState::asking) text(out, ",\"asking\":", name_of(step.asking));
  if (step.failures) number(out, ",\"failures\":", step.failures);
  if (step.invocations) number(out, ",\"invocations\":", step.invocations);
  if (step.interruptions) number(out, ",\"interruptions\":", step.interruptions);
  if (step.crashes) number(out, ",\"crashes\":", step.crashes);
  if (step.invocation) number(out, ",\"invocation\":", step.invocation);
  optional_instant(out, ",\"deadline\":", step.deadline);
  if (step.wake_at) instant(out, ",\"wake_at\":", step.wake_at);
  if (step.started_at) instant(out, ",\"started_at\":", step.started_at);
  if (step.invoked_at) instant(out, ",\"invoked_at\":", step.invoked_at);
  if (step.ended_at) instant(out, ",\"ended_at\":", step.ended_at);
  if (step.ended_seq) number(out, ",\"ended_seq\":", step.ended_seq);
  optional_text(out, ",\"reason\":", step.reason);
  if (step.error) {
    out += ",\"error\":";
    append_error(out, *step.error);
  }
  append_slot(out, step.result);
  out += '}';
}

}  // namespace

void begin_body(std::string& out, int64_t at) {
  out += "{\"at\":";
  append_integer(out, at);
  out += ",\"events\":[";
}

void append_event(std::string& out, bool first, uint64_t seq, const Record& record, std::span<const std::string> names) {
  out += first ? "{\"seq\":" : ",{\"seq\":";
  append_unsigned(out, seq);
  std::visit(Encoder{out, names}, record);
  out += '}';
}

void end_body(std::string& out) { out += "]}"; }

void append_error(std::string& out, const StepError& error) {
  text(out, "{\"code\":", error.code);
  text(out, ",\"message\":", error.message);
  text(out, ",\"class\":", name_of(error.error_class));
  json(out, ",\"details\":", error.details);
  out += '}';
}

void append_result(std::string& out, const StepResult& result) {
  if (result.is_map)
    append_delta(out, result.map);
  else
    append_json(out, result.value);
}

void append_state(std::string& out, const ExecutionState& state, std::span<const std::string> names,
                  std::string_view context_json) {
  text(out, "{\"id\":", state.id.text());
  text(out, ",\"tenant\":", state.tenant);
  text(out, ",\"package\":", state.package);
  text(out, ",\"version\":", state.version);
  text(out, ",\"workflow\":", state.workflow);
  append_pins(out, state.pins);
  text(out, ",\"definition\":", state.definition.hex());
  number(out, ",\"definition_schema\":", state.definition_schema);
  text(out, ",\"root\":", state.root.text());
  optional_text(out, ",\"key\":", state.key);
  text(out, ",\"input_digest\":", state.input_digest.hex());
  text(out, ",\"trigger\":", state.trigger);
  text(out, ",\"state\":", name_of(state.state));
  if (state.cause != StopCause::none) text(out, ",\"cause\":", state.cause == StopCause::fail ? "fail" : "cancel");
  if (state.rollback) out += ",\"rollback\":true";
  if (!state.cleanup) out += ",\"cleanup\":false";
  number(out, ",\"attempt\":", state.attempt);
  if (state.error_step != Stopping::kNoStep) number(out, ",\"error_step\":", state.error_step);
  if (state.error) {
    out += ",\"error\":";
    append_error(out, *state.error);
  }
  optional_text(out, ",\"reason\":", state.reason);
  instant(out, ",\"created_at\":", state.created_at);
  if (state.started_at) instant(out, ",\"started_at\":", state.started_at);
  if (state.ended_at) instant(out, ",\"ended_at\":", state.ended_at);
  if (state.wake_at) instant(out, ",\"wake_at\":", state.wake_at);
  optional_instant(out, ",\"deadline\":", state.deadline);
  optional_instant(out, ",\"grace_until\":", state.grace_until);
  number(out, ",\"next_seq\":", state.next_seq);
  number(out, ",\"next_commit\":", state.next_commit);
  if (state.tolerated_failures) number(out, ",\"tolerated_failures\":", state.tolerated_failures);
  out += ",\"input\":";
  append_delta(out, state.input);
  json(out, ",\"context\":", context_json);
  out += ",\"steps\":[";
  for (size_t i = 0; i < state.steps.size(); ++i) {
    if (i) out += ',';
    append_step(out, state.steps[i], names[i]);
  }
  out += "]}";
}

}  // namespace pirn::journal
