#include <cassert>
#include <tuple>

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
  if (value != kNever) out.literal(field).instant(value);
}
template <size_t N>
void optional_json(TextWriter& out, const char (&field)[N], std::string_view value) {
  if (!value.empty()) out.literal(field).raw(value);
}

template <size_t N>
void optional_id(TextWriter& out, const char (&field)[N], ExecutionId id) {
  if (id) out.literal(field).id(id);
}
template <size_t N>
void optional_numbers(TextWriter& out, const char (&field)[N], const std::vector<uint32_t>& numbers) {
  if (numbers.empty()) return;
  out.literal(field);
  for (size_t i = 0; i < numbers.size(); ++i) out.character(i ? ',' : '[').number(numbers[i]);
  out.character(']');
}

void write_strategy(TextWriter& out, Strategy strategy) {
  if (strategy != Strategy::as_defined) out.literal(",\"strategy\":").word(name_of(strategy));
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

// ,"result":{…},"unset":[…] or ,"value":v; nothing for no result, which an empty map is not.
void write_slot(TextWriter& out, const ResultPtr& result) {
  if (!result) return;
  if (!result->is_map) {
    out.literal(",\"value\":").value(result->value);
  } else {
    out.literal(",\"result\":");
    write_delta(out, result->map);
    write_unset(out, result->map);
  }
}

// {"set":{…},"unset":[…]}
void write_patch(TextWriter& out, const Delta& patch) {
  out.literal("{\"set\":");
  write_delta(out, patch);
  write_unset(out, patch);
  out.character('}');
}

// The fields of an await behind its kind.
void write_await(TextWriter& out, const Await& await) {
  for (size_t i = 0; i < await.approvers.size(); ++i) {
    i ? out.character(',') : out.literal(",\"approvers\":[");
    out.text(await.approvers[i]);
  }
  if (!await.approvers.empty()) out.character(']');
  optional_json(out, ",\"notify\":", await.notify);
  optional_text(out, ",\"on_timeout\":", await.on_timeout);
  optional_instant(out, ",\"deadline\":", await.deadline);
}

void write_children(TextWriter& out, std::span<const ChildrenPtr> expansions) {
  out.character('[');
  bool first = true;
  for (const ChildrenPtr& children : expansions)
    for (const Child& child : *children) {
      if (!first) out.character(',');
      first = false;
      out.literal("{\"graft\":").number(child.graft).literal(",\"number\":").number(child.number);
      out.literal(",\"name\":").word(child.name).literal(",\"task\":").word(child.task);
      optional_json(out, ",\"params\":", child.params);
      optional_json(out, ",\"options\":", child.options);
      out.character('}');
    }
  out.character(']');
}

void write_handlers(TextWriter& out, const std::vector<HandlerRun>& handlers) {
  out.character('[');
  for (size_t i = 0; i < handlers.size(); ++i) {
    const HandlerRun& run = handlers[i];
    if (i) out.character(',');
    out.literal("{\"handler\":")
        .word(name_of(run.handler))
        .literal(",\"invocation\":")
        .number(run.invocation);
    if (run.step != kNoStep) out.literal(",\"step\":").number(run.step);
    optional_json(out, ",\"input\":", run.input);
    out.character('}');
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
  template <class One>
  void of_execution(const One& record) {
    optional_text(out, ",\"workflow\":", record.workflow);
    optional_id(out, ",\"execution\":", record.execution);
  }
  // A rollback is of one step; the list is there because workflow.compensate has it, too.
  template <class One>
  void of_rollback(const One& record) {
    of_execution(record);
    if (record.execution) out.literal(",\"steps\":[").word(names[record.step]).character(']');
  }

  void operator()(const Created& record) {
    type("workflow.create");
    out.raw(record.origin->json).literal(",\"steps\":").number(record.n_steps);
    optional_id(out, ",\"root\":", record.root);
    optional_id(out, ",\"parent\":", record.parent);
    if (record.parent_step != kNoStep) out.literal(",\"parent_step\":").number(record.parent_step);
    optional_id(out, ",\"retry_of\":", record.retry_of);
    optional_text(out, ",\"key\":", record.key);
    out.literal(",\"input_digest\":").digest(record.input_digest);
    out.literal(",\"trigger\":").text(record.trigger);
    write_strategy(out, record.strategy);
    if (record.wake_at) out.literal(",\"wake_at\":").instant(record.wake_at);
    if (record.by_wall_clock) out.literal(",\"by_wall_clock\":true");
    out.literal(",\"input\":");
    write_delta(out, record.input);
  }
  void operator()(const Begun& record) {
    type("workflow.start");
    out.literal(",\"attempt\":").number(record.attempt);
    optional_instant(out, ",\"deadline\":", record.deadline);
    of_execution(record);
    optional_text(out, ",\"trigger\":", record.trigger);
  }
  void operator()(const StepAsked& record) {
    type("step.ask");
    step(record.step);
    out.literal(",\"kind\":").word(name_of(record.kind));
    out.literal(",\"invocation\":").number(record.invocation);
    if (record.rule) out.literal(",\"rule\":").number(record.rule);
    optional_numbers(out, ",\"fired_by\":", record.fired_by);
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
    if (record.timeout) out.literal(",\"timeout\":").integer(record.timeout);
    optional_numbers(out, ",\"fired_by\":", record.fired_by);
  }
  void operator()(const StepStarted& record) {
    type("step.start");
    step(record.step);
    out.literal(",\"attempt\":").number(record.attempt);
    out.literal(",\"invocation\":").number(record.invocation);
    if (record.kind != Kind::task) out.literal(",\"kind\":").word(name_of(record.kind));
    optional_id(out, ",\"child\":", record.child);
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
    type("step.exception");
    step(record.step);
    out.literal(",\"then\":").word(name_of(record.then));
    if (record.rule) out.literal(",\"rule\":").number(record.rule);
    out.literal(",\"duration\":").integer(record.duration);
    error(record.error);
  }
  void operator()(const StepSettled& record) {
    type("step.settle");
    step(record.step);
    out.literal(",\"then\":").word(name_of(record.then));
    if (record.rule) out.literal(",\"rule\":").number(record.rule);
  }
  void operator()(const StepRetry& record) {
    type("step.retry");
    step(record.step);
    out.literal(",\"delay\":").integer(record.delay);
    out.literal(",\"wake_at\":").instant(record.wake_at);
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
    optional_text(out, ",\"cause\":", record.cause);
  }
  void operator()(const StepSnoozed& record) {
    type("step.snooze");
    step(record.step);
    out.literal(",\"delay\":").integer(record.delay);
    out.literal(",\"wake_at\":").instant(record.wake_at);
    out.literal(",\"duration\":").integer(record.duration);
  }
  void operator()(const StepAwaiting& record) {
    type("step.await");
    step(record.step);
    out.literal(",\"kind\":").text(record.await->kind);
    write_await(out, *record.await);
    out.literal(",\"duration\":").integer(record.duration);
  }
  void operator()(const StepAdopted& record) {
    type("step.adopt");
    step(record.step);
    optional_id(out, ",\"child\":", record.child);
    write_slot(out, record.result);
  }
  void operator()(const GraftExpanded& record) {
    type("graft.expand");
    step(record.step);
    out.literal(",\"children\":");
    write_children(out, {&record.children, 1});
  }
  void operator()(const Paused& record) {
    type("workflow.pause");
    if (record.step != kNoStep) step(record.step);
    optional_text(out, ",\"reason\":", record.reason);
    if (record.with_parent) out.literal(",\"with_parent\":true");
  }
  void operator()(const Resumed& record) {
    type("workflow.resume");
    if (record.step != kNoStep) step(record.step);
    optional_text(out, ",\"by\":", record.by);
    if (!record.patch.empty()) {
      out.literal(",\"patch\":");
      write_patch(out, record.patch);
    }
  }
  void operator()(const Compensating& record) {
    type("workflow.compensate");
    out.literal(",\"candidates\":").number(record.candidates);
    of_execution(record);
    for (size_t i = 0; i < record.steps.size(); ++i) {
      i ? out.character(',') : out.literal(",\"steps\":[");
      out.word(record.steps[i]);
    }
    if (!record.steps.empty()) out.character(']');
  }
  void operator()(const RollbackStarted& record) {
    type("rollback.start");
    step(record.step);
    out.literal(",\"attempt\":").number(record.attempt);
    out.literal(",\"invocation\":").number(record.invocation);
    optional_id(out, ",\"child\":", record.child);
    of_rollback(record);
  }
  void operator()(const RollbackDone& record) {
    type("rollback.stop");
    step(record.step);
    out.literal(",\"duration\":").integer(record.duration);
    of_rollback(record);
  }
  void operator()(const RollbackFailed& record) {
    type("rollback.exception");
    step(record.step);
    optional_instant(out, ",\"wake_at\":", record.wake_at);
    out.literal(",\"duration\":").integer(record.duration);
    of_rollback(record);
    error(record.error);
  }
  void operator()(const HandlerStarted& record) {
    type("handler.start");
    out.literal(",\"handler\":").word(name_of(record.handler));
    if (record.step != kNoStep) step(record.step);
    out.literal(",\"invocation\":").number(record.invocation);
    optional_json(out, ",\"input\":", record.input);
  }
  void operator()(const HandlerDone& record) {
    type("handler.stop");
    out.literal(",\"invocation\":").number(record.invocation);
    error(record.error);
  }
  void operator()(const WorkflowRetry& record) {
    type("workflow.retry");
    out.literal(",\"attempt\":").number(record.attempt);
    if (record.step != kNoStep) step(record.step);
    out.literal(",\"delay\":").integer(record.delay);
    out.literal(",\"wake_at\":").instant(record.wake_at);
    error(record.error);
  }
  void operator()(const ClockShifted& record) {
    type("clock.shift");
    out.literal(",\"by\":").integer(record.by);
  }
  void operator()(const HookCrashed&) { type("hook.crash"); }
  void operator()(const CircuitRejected& record) {
    type("circuit.reject");
    step(record.step);
    out.literal(",\"breaker\":").text(record.breaker);
  }
  void operator()(const DeadLettered& record) {
    type("dead_letter.insert");
    optional_instant(out, ",\"expires_at\":", record.expires_at);
  }
  void operator()(const Stopping& record) {
    if (record.cause == StopCause::cancel)
      type("workflow.cancel");
    else
      type("workflow.stopping");
    if (record.step != kNoStep) step(record.step);
    optional_text(out, ",\"reason\":", record.reason);
    if (record.rollback) out.literal(",\"rollback\":true");
    if (!record.cleanup) out.literal(",\"cleanup\":false");
    if (record.with_parent) out.literal(",\"with_parent\":true");
    optional_instant(out, ",\"grace_until\":", record.grace_until);
    error(record.error);
  }
  void operator()(const Failed& record) {
    type("workflow.fail");
    if (record.step != kNoStep) step(record.step);
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
    if (record.step != kNoStep) step(record.step);
    out.literal(",\"code\":").text(record.code);
    out.literal(",\"message\":").text(record.message);
  }
  void operator()(const Emitted& record) {
    type("node");
    if (record.step != kNoStep) step(record.step);
    out.literal(",\"scope\":").text(record.scope);
    out.literal(",\"message\":").text(record.message);
    optional_json(out, ",\"metadata\":", record.metadata);
  }
};

void write_extra(TextWriter& out, const StepExtra& extra) {
  optional_text(out, ",\"reason\":", extra.reason);
  if (extra.interruptions) out.literal(",\"interruptions\":").number(extra.interruptions);
  if (extra.crashes) out.literal(",\"crashes\":").number(extra.crashes);
  if (extra.snoozes) out.literal(",\"snoozes\":").number(extra.snoozes);
  if (extra.patch) out.literal(",\"patch\":").number(extra.patch);
  if (extra.rule) out.literal(",\"rule\":").number(extra.rule);
  if (extra.timeout) out.literal(",\"timeout\":").integer(extra.timeout);
  optional_numbers(out, ",\"fired_by\":", extra.fired_by);
  if (extra.await) {
    out.literal(",\"await\":{\"kind\":").text(extra.await->kind);
    write_await(out, *extra.await);
    out.character('}');
  }
  optional_id(out, ",\"child\":", extra.child);
  optional_id(out, ",\"rollback_child\":", extra.rollback_child);
  if (extra.rollback_failures) out.literal(",\"rollback_failures\":").number(extra.rollback_failures);
  if (extra.rollback_error) {
    out.literal(",\"rollback_error\":");
    write_error(out, *extra.rollback_error);
  }
}

// One step of a state; fields that hold their default are left out.
void write_step(TextWriter& out, const Step& step, const std::string& name) {
  out.literal("{\"name\":").word(name).literal(",\"state\":").word(name_of(step.state));
  if (step.skip_kind != SkipKind::none) out.literal(",\"skip_kind\":").word(name_of(step.skip_kind));
  if (step.tolerated) out.literal(",\"tolerated\":true");
  if (step.fallback_used) out.literal(",\"fallback_used\":true");
  if (step.adopted) out.literal(",\"adopted\":true");
  if (step.state == StepState::asking) out.literal(",\"asking\":").word(name_of(step.asking));
  if (step.kind != Kind::task) out.literal(",\"kind\":").word(name_of(step.kind));
  if (step.compensation != Compensation::none)
    out.literal(",\"compensation\":").word(name_of(step.compensation));
  if (step.failures) out.literal(",\"failures\":").number(step.failures);
  // One that was started has mostly been invoked once.
  if (step.invocations != (step.started_at ? 1 : 0))
    out.literal(",\"invocations\":").number(step.invocations);
  if (step.invocation) out.literal(",\"invocation\":").number(step.invocation);
  if (step.wake_at) out.literal(",\"wake_at\":").instant(step.wake_at);
  if (step.started_at) out.literal(",\"started_at\":").instant(step.started_at);
  if (step.invoked_at != step.started_at) out.literal(",\"invoked_at\":").instant(step.invoked_at);
  if (step.ended_at) out.literal(",\"ended_at\":").instant(step.ended_at);
  if (step.ended_seq) out.literal(",\"ended_seq\":").number(step.ended_seq);
  write_extra(out, *step.extra.operator->());
  if (step.error) {
    out.literal(",\"error\":");
    write_error(out, *step.error);
  }
  write_slot(out, step.result);
  out.character('}');
}

}  // namespace

OriginPtr make_origin(Origin origin) {
  TextWriter out;
  out.literal(",\"tenant\":").word(origin.tenant);
  out.literal(",\"package\":").word(origin.package);
  out.literal(",\"version\":").word(origin.version);
  out.literal(",\"workflow\":").word(origin.workflow);
  origin.row_json_at = out.view().size() + 1;
  out.literal(",\"pins\":[");
  for (size_t i = 0; i < origin.pins.size(); ++i) {
    if (i) out.character(',');
    out.digest(origin.pins[i]);
  }
  out.character(']');
  // The columns of a row have a single pin, and not two.
  if (origin.pins.size() == 1) origin.row_json_at = out.view().size() + 1;
  out.literal(",\"definition\":").digest(origin.definition);
  out.literal(",\"definition_schema\":").number(origin.definition_schema);
  origin.json = out.view();
  return std::make_shared<const Origin>(std::move(origin));
}

void begin_body(TextWriter& out, int64_t at) { out.literal("{\"at\":").instant(at).literal(",\"events\":["); }

template <class One>
void append_event(TextWriter& out, bool first, uint64_t seq, const One& record,
                  std::span<const std::string> names) {
  if (!first) out.character(',');
  out.literal("{\"seq\":").number(seq);
  Encoder{out, names}(record);
  out.character('}');
}

// One for each record.
template <class>
struct Appending;
template <class... Records>
struct Appending<std::variant<Records...>> {
  static constexpr std::tuple each{&append_event<Records>...};
};
template struct Appending<Record>;

void end_body(TextWriter& out) { out.literal("]}"); }

void append_error(std::string& out, const StepError& error) {
  TextWriter writer;
  write_error(writer, error);
  out += writer.view();
}

ResultPtr result_of_json(std::string_view json) {
  auto value = parse_value(json);
  assert(value && "the text is valid JSON");
  StepResult result;
  result.is_map = value->type() == Value::Type::json && value->as_text().starts_with('{');
  if (result.is_map)
    result.map = std::move(parse_object(json)).value();
  else
    result.value = std::move(value).value();
  return std::make_shared<const StepResult>(std::move(result));
}

void append_result(std::string& out, const StepResult& result) {
  TextWriter writer;
  if (result.is_map)
    write_delta(writer, result.map);
  else
    writer.value(result.value);
  out += writer.view();
}

StateColumns columns_of(const ExecutionState& state) {
  const Origin& origin = *state.origin;
  return {.id = state.id,
          .commit_no = state.next_commit - 1,
          .state = visible_state(state),
          .tenant = origin.tenant,
          .package = origin.package,
          .version = origin.version,
          .workflow = origin.workflow,
          .release = origin.pins.front(),
          .key = state.key,
          .input_digest = state.input_digest,
          .created_at = state.created_at,
          .started_at = state.started_at,
          .ended_at = state.ended_at};
}

void append_state(TextWriter& out, const ExecutionState& state, std::span<const std::string> names,
                  std::string_view context_json) {
  out.character('{').raw(state.origin->row_json());
  if (state.root != state.id) out.literal(",\"root\":").id(state.root);
  optional_id(out, ",\"parent\":", state.parent);
  if (state.parent_step != kNoStep) out.literal(",\"parent_step\":").number(state.parent_step);
  optional_id(out, ",\"retry_of\":", state.retry_of);
  out.literal(",\"trigger\":").text(state.trigger);
  write_strategy(out, state.strategy);
  if (!terminal(state.state)) out.literal(",\"state\":").word(name_of(state.state));
  if (state.cause != StopCause::none)
    out.literal(",\"cause\":").word(state.cause == StopCause::fail ? "fail" : "cancel");
  if (state.rollback) out.literal(",\"rollback\":true");
  if (!state.cleanup) out.literal(",\"cleanup\":false");
  if (state.stopped_with_parent) out.literal(",\"stopped_with_parent\":true");
  if (state.paused) out.literal(",\"paused\":true");
  if (state.held) out.literal(",\"held\":true");
  if (state.without_hooks) out.literal(",\"without_hooks\":true");
  if (state.attempt != 1) out.literal(",\"attempt\":").number(state.attempt);
  if (state.error_step != kNoStep) out.literal(",\"error_step\":").number(state.error_step);
  if (state.error) {
    out.literal(",\"error\":");
    write_error(out, *state.error);
  }
  optional_text(out, ",\"reason\":", state.reason);
  if (state.wake_at) out.literal(",\"wake_at\":").instant(state.wake_at);
  if (state.wakes_by_wall_clock) out.literal(",\"wakes_by_wall_clock\":true");
  optional_instant(out, ",\"deadline\":", state.deadline);
  optional_instant(out, ",\"grace_until\":", state.grace_until);
  out.literal(",\"next_seq\":").number(state.next_seq);
  if (state.tolerated_failures) out.literal(",\"tolerated_failures\":").number(state.tolerated_failures);
  if (state.dead_letter_until) out.literal(",\"dead_letter_until\":").integer(state.dead_letter_until);
  for (size_t i = 0; i < state.patches.size(); ++i) {
    i ? out.character(',') : out.literal(",\"patches\":[");
    write_patch(out, state.patches[i]);
  }
  if (!state.patches.empty()) out.character(']');
  if (!state.handlers.empty()) {
    out.literal(",\"handlers\":");
    write_handlers(out, state.handlers);
  }
  if (!state.expansions.empty()) {
    out.literal(",\"children\":");
    write_children(out, state.expansions);
  }
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
