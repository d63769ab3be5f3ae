// Decoding of what encode.cc wrote.
#include <algorithm>
#include <iterator>

#include "host/journal/codec.h"
#include "host/journal/fields.h"
#include "host/journal/json_value.h"

namespace pirn::journal {

namespace {

Delta delta_of(const bj::value& json) {
  if (!json.is_object()) throw Malformed("an object of keys is expected");
  return delta_from(json.get_object());
}

ErrorPtr error_of(const Fields& fields, std::string_view name = "error") {
  const bj::value* json = fields.find(name);
  if (!json) return nullptr;
  const Fields error(*json);
  return std::make_shared<const StepError>(StepError{error.text("code"), error.text("message"),
                                                     by_name<ErrorClass>(error.text("class"), 0, 2),
                                                     error.json_or_empty("details")});
}

ResultPtr slot_of(const Fields& fields) {
  if (const bj::value* value = fields.find("value"))
    return std::make_shared<const StepResult>(StepResult{{}, value_from(*value), false});
  const bj::value* map = fields.find("result");
  if (!map) return nullptr;
  StepResult result{delta_of(*map), {}, true};
  if (const bj::value* unset = fields.find("unset"))
    for (const bj::value& key : unset->as_array()) result.map.unset(Fields::string_of(key, "unset"));
  return std::make_shared<const StepResult>(std::move(result));
}

std::vector<Digest> pins_of(const bj::value& json) {
  std::vector<Digest> pins;
  for (const bj::value& pin : json.as_array()) pins.push_back(Fields::digest_of(pin, "pins"));
  if (pins.empty()) throw Malformed("the list 'pins' is empty");
  return pins;
}

OriginPtr origin_of(const Fields& fields) {
  Origin origin;
  origin.tenant = fields.text("tenant");
  origin.package = fields.text("package");
  origin.version = fields.text("version");
  origin.workflow = fields.text("workflow");
  origin.pins = pins_of(fields.get("pins"));
  origin.definition = fields.digest("definition");
  origin.definition_schema = fields.count("definition_schema");
  return make_origin(std::move(origin));
}

uint32_t step_of(const Fields& fields) { return fields.count_or("i", kNoStep); }

Strategy strategy_of(const Fields& fields) {
  return fields.find("strategy") ? by_name<Strategy>(fields.text("strategy"), 1, 3) : Strategy::as_defined;
}

Kind kind_of(const Fields& fields, std::string_view name = "kind") {
  return by_name<Kind>(fields.text(name), 1, 10);
}

std::vector<uint32_t> numbers_of(const Fields& fields, std::string_view name) {
  std::vector<uint32_t> numbers;
  const bj::value* list = fields.find(name);
  if (!list) return numbers;
  for (const bj::value& number : list->as_array()) {
    const int64_t value = number.as_int64();
    if (value < 0 || value > UINT32_MAX) throw Malformed("a step number is out of range");
    numbers.push_back(static_cast<uint32_t>(value));
  }
  return numbers;
}

std::vector<std::string> texts_of(const Fields& fields, std::string_view name) {
  std::vector<std::string> texts;
  if (const bj::value* list = fields.find(name))
    for (const bj::value& text : list->as_array()) texts.emplace_back(Fields::string_of(text, name));
  return texts;
}

AwaitPtr await_of(const Fields& f) {
  Await await;
  await.kind = f.text("kind");
  await.approvers = texts_of(f, "approvers");
  await.notify = f.json_or_empty("notify");
  await.on_timeout = f.text_or_empty("on_timeout");
  await.deadline = f.instant_or("deadline", kNever);
  return std::make_shared<const Await>(std::move(await));
}

std::vector<Child> children_of(const bj::value& json) {
  std::vector<Child> children;
  children.reserve(json.as_array().size());
  for (const bj::value& child : json.get_array()) {
    const Fields f(child);
    children.push_back({f.count("graft"), f.count("number"), f.text("name"), f.text("task"),
                        f.json_or_empty("params"), f.json_or_empty("options")});
  }
  return children;
}

// A graft expands once in an attempt, so its children stand together.
void read_expansions(ExecutionState& state, std::vector<Child> children) {
  state.n_children = static_cast<uint32_t>(children.size());
  for (auto begin = children.begin(); begin != children.end();) {
    const auto end =
        std::find_if(begin, children.end(), [&](const Child& c) { return c.graft != begin->graft; });
    state.expansions.push_back(std::make_shared<const std::vector<Child>>(std::make_move_iterator(begin),
                                                                          std::make_move_iterator(end)));
    begin = end;
  }
}

// {"set":{…},"unset":[…]}
Delta patch_of(const bj::value& json) {
  const Fields f(json);
  Delta patch = delta_of(f.get("set"));
  if (const bj::value* unset = f.find("unset"))
    for (const bj::value& key : unset->as_array()) patch.unset(Fields::string_of(key, "unset"));
  return patch;
}

std::vector<HandlerRun> handlers_of(const bj::value& json) {
  std::vector<HandlerRun> handlers;
  for (const bj::value& run : json.as_array()) {
    const Fields f(run);
    handlers.push_back({by_name<HandlerEvent>(f.text("handler"), 0, 3), f.number("invocation"),
                        f.count_or("step", kNoStep), f.json_or_empty("input")});
  }
  return handlers;
}

Record created_of(const Fields& f) {
  Created record;
  record.origin = origin_of(f);
  record.n_steps = f.count("steps");
  record.root = id_or_none(f, "root");
  record.parent = id_or_none(f, "parent");
  record.parent_step = f.count_or("parent_step", kNoStep);
  record.retry_of = id_or_none(f, "retry_of");
  record.key = f.text_or_empty("key");
  record.input_digest = f.digest("input_digest");
  record.trigger = f.text("trigger");
  record.strategy = strategy_of(f);
  record.wake_at = f.instant_or("wake_at", 0);
  record.by_wall_clock = f.flag_or("by_wall_clock", false);
  record.input = delta_of(f.get("input"));
  return record;
}

Record rare_record_of(const std::string& type, uint32_t step, const Fields& f) {
  const auto instant = [&](std::string_view name, int64_t otherwise = 0) {
    return f.instant_or(name, otherwise);
  };
  if (type == "step.settle")
    return StepSettled{step, by_name<AfterFailure>(f.text("then"), 0, 6), f.count_or("rule", 0)};
  if (type == "step.snooze")
    return StepSnoozed{step, instant("delay"), instant("wake_at"), instant("duration")};
  if (type == "step.await") return StepAwaiting{step, await_of(f), instant("duration")};
  if (type == "step.adopt") return StepAdopted{step, slot_of(f), id_or_none(f, "child")};
  if (type == "graft.expand") {
    return GraftExpanded{step, std::make_shared<const std::vector<Child>>(children_of(f.get("children")))};
  }
  if (type == "workflow.pause")
    return Paused{step, f.text_or_empty("reason"), f.flag_or("with_parent", false)};
  if (type == "workflow.resume")
    return Resumed{step, f.find("patch") ? patch_of(f.get("patch")) : Delta(), f.text_or_empty("by")};
  if (type == "workflow.compensate")
    return Compensating{f.count("candidates"), f.text_or_empty("workflow"), id_or_none(f, "execution"),
                        texts_of(f, "steps")};
  if (type == "rollback.start")
    return RollbackStarted{step,
                           f.count("attempt"),
                           f.number("invocation"),
                           id_or_none(f, "child"),
                           f.text_or_empty("workflow"),
                           id_or_none(f, "execution")};
  if (type == "rollback.stop")
    return RollbackDone{step, instant("duration"), f.text_or_empty("workflow"), id_or_none(f, "execution")};
  if (type == "rollback.exception")
    return RollbackFailed{step,
                          error_of(f),
                          instant("wake_at", kNever),
                          instant("duration"),
                          f.text_or_empty("workflow"),
                          id_or_none(f, "execution")};
  if (type == "handler.start")
    return HandlerStarted{by_name<HandlerEvent>(f.text("handler"), 0, 3), f.number("invocation"), step,
                          f.json_or_empty("input")};
  if (type == "handler.stop") return HandlerDone{f.number("invocation"), error_of(f)};
  if (type == "workflow.retry")
    return WorkflowRetry{f.count("attempt"), error_of(f), step, instant("delay"), instant("wake_at")};
  if (type == "clock.shift") return ClockShifted{instant("by")};
  if (type == "hook.crash") return HookCrashed{};
  if (type == "circuit.reject") return CircuitRejected{step, f.text("breaker")};
  if (type == "dead_letter.insert") return DeadLettered{instant("expires_at", kNever)};
  throw Malformed("'" + type + "' is not a known event");
}

Record record_of(const Fields& f) {
  const std::string type = f.text("type");
  const uint32_t step = step_of(f);
  if (type == "step.ready") return StepReady{step, f.instant_or("timeout", 0), numbers_of(f, "fired_by")};
  if (type == "step.start")
    return StepStarted{step, f.count("attempt"), f.number("invocation"),
                       f.find("kind") ? kind_of(f) : Kind::task, id_or_none(f, "child")};
  if (type == "step.stop") return StepCompleted{step, slot_of(f), f.instant_or("duration", 0)};
  if (type == "workflow.create") return created_of(f);
  if (type == "workflow.start")
    return Begun{f.count("attempt"), f.instant_or("deadline", kNever), f.text_or_empty("workflow"),
                 id_or_none(f, "execution"), f.text_or_empty("trigger")};
  if (type == "workflow.stop")
    return Stopped{by_name<FinalState>(f.text("state"), 0, 2), f.instant_or("duration", 0),
                   f.count_or("tolerated_failures", 0)};
  if (type == "step.skip")
    return StepSkipped{step, by_name<SkipKind>(f.text("kind"), 0, 7), f.text_or_empty("reason")};
  if (type == "step.exception")
    return StepFailed{step, error_of(f), by_name<AfterFailure>(f.text("then"), 0, 6),
                      f.instant_or("duration", 0), f.count_or("rule", 0)};
  if (type == "step.retry") return StepRetry{step, f.instant_or("delay", 0), f.instant_or("wake_at", 0)};
  if (type == "step.cancel") return StepCancelled{step, f.text_or_empty("reason"), slot_of(f)};
  if (type == "step.interrupt")
    return StepInterrupted{step, f.flag_or("crashed", false), f.text_or_empty("cause")};
  if (type == "step.ask")
    return StepAsked{step, kind_of(f), f.number("invocation"), f.count_or("rule", 0),
                     numbers_of(f, "fired_by")};
  if (type == "step.answer")
    return StepAnswered{step, kind_of(f), f.flag_or("truth", false), f.instant_or("duration", 0),
                        error_of(f)};
  if (type == "workflow.cancel" || type == "workflow.stopping")
    return Stopping{type == "workflow.cancel" ? StopCause::cancel : StopCause::fail,
                    error_of(f),
                    step,
                    f.text_or_empty("reason"),
                    f.flag_or("rollback", false),
                    f.flag_or("cleanup", true),
                    f.instant_or("grace_until", kNever),
                    f.flag_or("with_parent", false)};
  if (type == "workflow.fail") return Failed{error_of(f), step};
  if (type == "diagnostic") return Diagnostic{f.text("code"), f.text("message"), step};
  if (type == "node") return Emitted{step, f.text("scope"), f.text("message"), f.json_or_empty("metadata")};
  return rare_record_of(type, step, f);
}

void read_extra(const Fields& f, Step& step) {
  const auto read = [&](std::string_view name, auto&& into) {
    if (f.find(name)) into(step.extra.edit());
  };
  read("reason", [&](StepExtra& extra) { extra.reason = f.text("reason"); });
  read("interruptions", [&](StepExtra& extra) { extra.interruptions = f.count("interruptions"); });
  read("crashes", [&](StepExtra& extra) { extra.crashes = f.count("crashes"); });
  read("snoozes", [&](StepExtra& extra) { extra.snoozes = f.count("snoozes"); });
  read("patch", [&](StepExtra& extra) { extra.patch = f.count("patch"); });
  read("rule", [&](StepExtra& extra) { extra.rule = f.count("rule"); });
  read("timeout", [&](StepExtra& extra) { extra.timeout = f.instant_or("timeout", 0); });
  read("fired_by", [&](StepExtra& extra) { extra.fired_by = numbers_of(f, "fired_by"); });
  read("await", [&](StepExtra& extra) { extra.await = await_of(Fields(f.get("await"))); });
  read("child", [&](StepExtra& extra) { extra.child = id_or_none(f, "child"); });
  read("rollback_child", [&](StepExtra& extra) { extra.rollback_child = id_or_none(f, "rollback_child"); });
  read("rollback_failures",
       [&](StepExtra& extra) { extra.rollback_failures = f.count("rollback_failures"); });
  read("rollback_error", [&](StepExtra& extra) { extra.rollback_error = error_of(f, "rollback_error"); });
}

Step state_step_of(const Fields& f) {
  Step step;
  step.state = by_name<StepState>(f.text("state"), 0, 10);
  if (f.find("skip_kind")) step.skip_kind = by_name<SkipKind>(f.text("skip_kind"), 0, 7);
  step.tolerated = f.flag_or("tolerated", false);
  if (f.find("asking")) step.asking = kind_of(f, "asking");
  step.fallback_used = f.flag_or("fallback_used", false);
  step.adopted = f.flag_or("adopted", false);
  if (f.find("kind")) step.kind = kind_of(f);
  if (f.find("compensation")) step.compensation = by_name<Compensation>(f.text("compensation"), 0, 4);
  step.failures = f.count_or("failures", 0);
  step.invocation = f.number_or("invocation", 0);
  step.wake_at = f.instant_or("wake_at", 0);
  step.started_at = f.instant_or("started_at", 0);
  step.invocations = f.count_or("invocations", step.started_at ? 1 : 0);
  step.invoked_at = f.instant_or("invoked_at", step.started_at);
  step.ended_at = f.instant_or("ended_at", 0);
  step.ended_seq = f.number_or("ended_seq", 0);
  step.error = error_of(f);
  step.result = slot_of(f);
  read_extra(f, step);
  return step;
}

// What a state says about its own steps, patches and children must be there.
void check_references(const ExecutionState& state) {
  const auto check = [](bool exists, std::string_view what) {
    if (!exists) throw Malformed(std::string(what) + " is named and not there");
  };
  const auto is_step = [&](uint32_t step) { return step < state.steps.size(); };
  check(state.error_step == kNoStep || is_step(state.error_step), "the step of the error");
  check(state.n_children <= state.steps.size(), "the step of a child");
  for (const ChildrenPtr& children : state.expansions)
    for (const Child& child : *children) check(is_step(child.graft), "the graft of a child");
  for (const HandlerRun& run : state.handlers)
    check(run.step == kNoStep || is_step(run.step), "the step of a handler");
  for (const Step& step : state.steps) {
    check(step.extra->patch <= state.patches.size(), "the patch before a step");
    for (const uint32_t fired : step.extra->fired_by) check(is_step(fired), "the step that fired a step");
  }
}

OriginPtr origin_of(const StateColumns& columns, const Fields& fields) {
  Origin origin;
  origin.tenant = columns.tenant;
  origin.package = columns.package;
  origin.version = columns.version;
  origin.workflow = columns.workflow;
  const bj::value* pins = fields.find("pins");
  origin.pins = pins ? pins_of(*pins) : std::vector<Digest>{columns.release};
  if (origin.pins.front() != columns.release) throw Malformed("the list 'pins' begins with another release");
  origin.definition = fields.digest("definition");
  origin.definition_schema = fields.count("definition_schema");
  return make_origin(std::move(origin));
}

// The text begins with it, in the same words.
bool has_origin(const StateColumns& columns, std::string_view text, const Origin& origin) {
  const std::string_view row_json = origin.row_json();
  return text.size() > row_json.size() + 1 && text.substr(1).starts_with(row_json) &&
         text[row_json.size() + 1] == ',' && columns.release == origin.pins.front() &&
         columns.tenant == origin.tenant && columns.package == origin.package &&
         columns.version == origin.version && columns.workflow == origin.workflow;
}

DecodedState state_of(const StateColumns& columns, const Fields& f, const OriginPtr& known) {
  DecodedState decoded;
  ExecutionState& state = decoded.state;
  state.id = columns.id;
  state.origin = known ? known : origin_of(columns, f);
  state.root = f.find("root") ? id_of(f.text("root")) : columns.id;
  state.parent = id_or_none(f, "parent");
  state.parent_step = f.count_or("parent_step", kNoStep);
  state.retry_of = id_or_none(f, "retry_of");
  state.key = columns.key;
  state.input_digest = columns.input_digest;
  state.trigger = f.text("trigger");
  state.strategy = strategy_of(f);
  state.state = by_name<State>(f.find("state") ? f.text("state") : columns.state, 0, 6);
  if (f.find("cause")) state.cause = f.text("cause") == "fail" ? StopCause::fail : StopCause::cancel;
  state.rollback = f.flag_or("rollback", false);
  state.cleanup = f.flag_or("cleanup", true);
  state.stopped_with_parent = f.flag_or("stopped_with_parent", false);
  state.paused = f.flag_or("paused", false);
  state.held = f.flag_or("held", false);
  state.without_hooks = f.flag_or("without_hooks", false);
  state.attempt = f.count_or("attempt", 1);
  state.error_step = f.count_or("error_step", kNoStep);
  state.error = error_of(f);
  state.reason = f.text_or_empty("reason");
  state.created_at = columns.created_at;
  state.started_at = columns.started_at;
  state.ended_at = columns.ended_at;
  state.wake_at = f.instant_or("wake_at", 0);
  state.wakes_by_wall_clock = f.flag_or("wakes_by_wall_clock", false);
  state.deadline = f.instant_or("deadline", kNever);
  state.grace_until = f.instant_or("grace_until", kNever);
  state.next_seq = f.number("next_seq");
  state.next_commit = columns.commit_no + 1;
  state.tolerated_failures = f.count_or("tolerated_failures", 0);
  state.dead_letter_until = f.instant_or("dead_letter_until", 0);
  if (const bj::value* patches = f.find("patches"))
    for (const bj::value& patch : patches->as_array()) state.patches.push_back(patch_of(patch));
  if (f.find("handlers")) state.handlers = handlers_of(f.get("handlers"));
  if (f.find("children")) read_expansions(state, children_of(f.get("children")));
  state.input = delta_of(f.get("input"));
  decoded.context = f.json_or_empty("context");
  for (const bj::value& step : f.get("steps").as_array()) {
    const Fields fields(step);
    decoded.step_names.push_back(fields.text("name"));
    state.steps.push_back(state_step_of(fields));
  }
  check_references(state);
  return decoded;
}

}  // namespace

Result<Commit> decode_commit(std::string_view body, uint32_t schema) {
  if (schema == 0 || schema > kSchema)
    return corrupt("commit", "it has schema " + std::to_string(schema) + ", this version knows up to " +
                                 std::to_string(kSchema));
  return decode<Commit>("commit", body, [](const Fields& fields) {
    Commit commit;
    commit.at = fields.instant_or("at", 0);
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

Result<DecodedState> decode_state(const StateColumns& columns, std::string_view text,
                                  const OriginPtr& known) {
  const bool same = known && has_origin(columns, text, *known);
  return decode<DecodedState>(
      "state", text, [&](const Fields& fields) { return state_of(columns, fields, same ? known : nullptr); });
}

}  // namespace pirn::journal
