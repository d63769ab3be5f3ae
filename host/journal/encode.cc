#include <cassert>

#include "host/journal/codec.h"
#include "host/journal/text_writer.h"

namespace pirn::journal {

namespace {

// Fields that hold their default are left out.
template <size_t N>
void optional_text(TextWriter& out, const char (&field)[N], std::string_view value) {
  if (!value.empty()) out.literal(field).text(value);
}
template <size_t N>
void optional_instant(TextWriter& out, const char (&field)[N], int64_t value) {
  if (value != kNever) out.literal(field).integer(value);
}
template <size_t N>
void optional_json(TextWriter& out, const char (&field)[N], std::string_view value) {
  if (!value.empty()) out.literal(field).raw(value);
}

void write_error(TextWriter& out, const StepError& error) {
  out.literal("{\"code\":").text(error.code).literal(",\"message\":").text(error.message);
  out.literal(",\"class\":").word(name_of(error.error_class));
  optional_json(out, ",\"details\":", error.details);
  out.character('}');
}

void write_delta(TextWriter& out, const Delta& delta) {
  out.character('{');
  bool first = true;
  for (const Delta::Entry& entry : delta.entries) {
    if (entry.unset) continue;
    if (!first) out.character(',');
    first = false;
    out.text(entry.key).character(':').value(entry.value);
  }
  out.character('}');
}

void write_unset(TextWriter& out, const Delta& delta) {
  bool first = true;
  for (const Delta::Entry& entry : delta.entries) {
    if (!entry.unset) continue;
    first ? out.literal(",\"unset\":[") : out.character(',');
    first = false;
    out.text(entry.key);
  }
  if (!first) out.character(']');
}

// ,"result":{…},"unset":[…] or ,"value":v; nothing for an empty map.
void write_slot(TextWriter& out, const ResultPtr& result) {
  if (!result) return;
  if (!result->is_map) {
    out.literal(",\"value\":").value(result->value);
  } else if (!result->map.empty()) {
    out.literal(",\"result\":");
    write_delta(out, result->map);
    write_unset(out, result->map);
  }
}

void write_pins(TextWriter& out, const std::vector<Digest>& pins) {
  out.literal(",\"pins\":[");
  for (size_t i = 0; i < pins.size(); ++i) {
    if (i) out.character(',');
    out.digest(pins[i]);
  }
  out.character(']');
}

struct Encoder {
  TextWriter& out;
  std::span<const std::string> names;

  template <size_t N>
  void type(const char (&name)[N]) {
    out.literal(",\"type\":\"").literal(name).character('"');
  }
  void step(uint32_t index) { out.literal(",\"step\":").word(names[index]).literal(",\"i\":").number(index); }
  void error(const ErrorPtr& error) {
    if (!error) return;
    out.literal(",\"error\":");
    write_error(out, *error);
  }

  void operator()(const Created& record) {
    type("workflow.create");
    out.literal(",\"tenant\":").word(record.tenant);
    out.literal(",\"package\":").word(record.package);
    out.literal(",\"version\":").word(record.version);
    out.literal(",\"workflow\":").word(record.workflow);
    write_pins(out, record.pins);
    out.literal(",\"definition\":").digest(record.definition);
    out.literal(",\"definition_schema\":").number(record.definition_schema);
    out.literal(",\"steps\":").number(record.n_steps);
    out.literal(",\"root\":").word(record.root.text());
    optional_text(out, ",\"key\":", record.key);
    out.literal(",\"input_digest\":").digest(record.input_digest);
    out.literal(",\"trigger\":").text(record.trigger);
    if (record.wake_at) out.literal(",\"wake_at\":").integer(record.wake_at);
    out.literal(",\"input\":");
    write_delta(out, record.input);
  }
  void operator()(const Begun& record) {
    type("workflow.start");
    out.literal(",\"attempt\":").number(record.attempt);
    optional_instant(out, ",\"deadline\":", record.deadline);
  }
  void operator()(const StepAsked& record) {
    type("step.ask");
    step(record.step);
    out.literal(",\"kind\":").word(name_of(record.kind));
    out.literal(",\"invocation\":").number(record.invocation);
  }
  void operator()(const StepAnswered& record) {
    type("step.answer");
    step(record.step);
    out.literal(",\"kind\":").word(name_of(record.kind));
    if (record.truth) out.literal(",\"truth\":true");
    if (record.duration) out.literal(",\"duration\":").integer(record.duration);
    error(record.error);
  }
  void operator()(const StepReady& record) {
    type("step.ready");
    step(record.step);
  }
  void operator()(const StepStarted& record) {
    type("step.start");
    step(record.step);
    out.literal(",\"attempt\":").number(record.attempt);
    out.literal(",\"invocation\":").number(record.invocation);
  }
  void operator()(const StepCompleted& record) {
    type("step.stop");
    step(record.step);
    out.literal(",\"duration\":").integer(record.duration);
    write_slot(out, record.result);
  }
  void operator()(const StepSkipped& record) {
    type("step.skip");
    step(record.step);
    out.literal(",\"kind\":").word(name_of(record.kind));
    optional_text(out, ",\"reason\":", record.reason);
  }
  void operator()(const StepFailed& record) {
    static constexpr std::string_view kThen[] = {"retry", "fail", "tolerate", "skip"};
    type("step.exception");
    step(record.step);
    out.literal(",\"then\":").word(kThen[static_cast<size_t>(record.then)]);
    out.literal(",\"duration\":").integer(record.duration);
    error(record.error);
  }
  void operator()(const StepRetry& record) {
    type("step.retry");
    step(record.step);
    out.literal(",\"delay\":").integer(record.delay);
    out.literal(",\"wake_at\":").integer(record.wake_at);
  }
  void operator()(const StepCancelled& record) {
    type("step.cancel");
    step(record.step);
    optional_text(out, ",\"reason\":", record.reason);
    write_slot(out, record.partial);
  }
  void operator()(const StepInterrupted& record) {
    type("step.interrupt");
    step(record.step);
    if (record.crashed) out.literal(",\"crashed\":true");
  }
  void operator()(const Stopping& record) {
    if (record.cause == StopCause::cancel)
      type("workflow.cancel");
    else
      type("workflow.stopping");
    if (record.step != Stopping::kNoStep) step(record.step);
    optional_text(out, ",\"reason\":", record.reason);
    if (record.rollback) out.literal(",\"rollback\":true");
    if (!record.cleanup) out.literal(",\"cleanup\":false");
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
    out.literal(",\"state\":").word(name_of(record.state));
    out.literal(",\"duration\":").integer(record.duration);
    if (record.tolerated_failures) out.literal(",\"tolerated_failures\":").number(record.tolerated_failures);
  }
  void operator()(const Diagnostic& record) {
    type("diagnostic");
    if (record.step != Stopping::kNoStep) step(record.step);
    out.literal(",\"code\":").text(record.code);
    out.literal(",\"message\":").text(record.message);
  }
  void operator()(const Emitted& record) {
    type("node");
    step(record.step);
    out.literal(",\"scope\":").text(record.scope);
    out.literal(",\"message\":").text(record.message);
    optional_json(out, ",\"metadata\":", record.metadata);
  }
};

// One step of a state; fields that hold their default are left out.
void write_step(TextWriter& out, const Step& step, const std::string& name) {
  out.literal("{\"name\":").word(name).literal(",\"state\":").word(name_of(step.state));
  if (step.skip_kind != SkipKind::none) out.literal(",\"skip_kind\":").word(name_of(step.skip_kind));
  if (step.tolerated) out.literal(",\"tolerated\":true");
  if (step.state == StepState::asking) out.literal(",\"asking\":").word(name_of(step.asking));
  if (step.failures) out.literal(",\"failures\":").number(step.failures);
  if (step.invocations) out.literal(",\"invocations\":").number(step.invocations);
  if (step.interruptions) out.literal(",\"interruptions\":").number(step.interruptions);
  if (step.crashes) out.literal(",\"crashes\":").number(step.crashes);
  if (step.invocation) out.literal(",\"invocation\":").number(step.invocation);
  if (step.wake_at) out.literal(",\"wake_at\":").integer(step.wake_at);
  if (step.started_at) out.literal(",\"started_at\":").integer(step.started_at);
  if (step.invoked_at != step.started_at) out.literal(",\"invoked_at\":").integer(step.invoked_at);
  if (step.ended_at) out.literal(",\"ended_at\":").integer(step.ended_at);
  if (step.ended_seq) out.literal(",\"ended_seq\":").number(step.ended_seq);
  optional_text(out, ",\"reason\":", step.reason);
  if (step.error) {
    out.literal(",\"error\":");
    write_error(out, *step.error);
  }
  write_slot(out, step.result);
  out.character('}');
}

}  // namespace

void begin_body(std::string& out, int64_t at) {
  TextWriter(out).literal("{\"at\":").integer(at).literal(",\"events\":[");
}

void append_event(std::string& out, bool first, uint64_t seq, const Record& record,
                  std::span<const std::string> names) {
  TextWriter writer(out);
  if (!first) writer.character(',');
  writer.literal("{\"seq\":").number(seq);
  std::visit(Encoder{writer, names}, record);
  writer.character('}');
}

void end_body(std::string& out) { out += "]}"; }

void append_error(std::string& out, const StepError& error) {
  TextWriter writer(out);
  write_error(writer, error);
}

void append_result(std::string& out, const StepResult& result) {
  TextWriter writer(out);
  if (result.is_map)
    write_delta(writer, result.map);
  else
    writer.value(result.value);
}

void append_state(std::string& text, const ExecutionState& state, std::span<const std::string> names,
                  std::string_view context_json) {
  TextWriter out(text);
  out.literal("{\"id\":").word(state.id.text());
  out.literal(",\"tenant\":").word(state.tenant);
  out.literal(",\"package\":").word(state.package);
  out.literal(",\"version\":").word(state.version);
  out.literal(",\"workflow\":").word(state.workflow);
  write_pins(out, state.pins);
  out.literal(",\"definition\":").digest(state.definition);
  out.literal(",\"definition_schema\":").number(state.definition_schema);
  out.literal(",\"root\":").word(state.root.text());
  optional_text(out, ",\"key\":", state.key);
  out.literal(",\"input_digest\":").digest(state.input_digest);
  out.literal(",\"trigger\":").text(state.trigger);
  out.literal(",\"state\":").word(name_of(state.state));
  if (state.cause != StopCause::none)
    out.literal(",\"cause\":").word(state.cause == StopCause::fail ? "fail" : "cancel");
  if (state.rollback) out.literal(",\"rollback\":true");
  if (!state.cleanup) out.literal(",\"cleanup\":false");
  out.literal(",\"attempt\":").number(state.attempt);
  if (state.error_step != Stopping::kNoStep) out.literal(",\"error_step\":").number(state.error_step);
  if (state.error) {
    out.literal(",\"error\":");
    write_error(out, *state.error);
  }
  optional_text(out, ",\"reason\":", state.reason);
  out.literal(",\"created_at\":").integer(state.created_at);
  if (state.started_at) out.literal(",\"started_at\":").integer(state.started_at);
  if (state.ended_at) out.literal(",\"ended_at\":").integer(state.ended_at);
  if (state.wake_at) out.literal(",\"wake_at\":").integer(state.wake_at);
  optional_instant(out, ",\"deadline\":", state.deadline);
  optional_instant(out, ",\"grace_until\":", state.grace_until);
  out.literal(",\"next_seq\":").number(state.next_seq);
  out.literal(",\"next_commit\":").number(state.next_commit);
  if (state.tolerated_failures) out.literal(",\"tolerated_failures\":").number(state.tolerated_failures);
  out.literal(",\"input\":");
  write_delta(out, state.input);
  optional_json(out, ",\"context\":", context_json);
  out.literal(",\"steps\":[");
  for (size_t i = 0; i < state.steps.size(); ++i) {
    if (i) out.character(',');
    write_step(out, state.steps[i], names[i]);
  }
  out.literal("]}");
}

}  // namespace pirn::journal
