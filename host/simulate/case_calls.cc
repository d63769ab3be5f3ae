// What the calls into package code do, as a case says it.
#include "host/journal/codec.h"
#include "host/simulate/case_nodes.h"
#include "packager/definition/error_code.h"
#include "packager/json/json.h"

namespace pirn::sim {

namespace {

using definition::Node;
using worker::Kind;
using worker::Outcome;

constexpr Kind kKinds[] = {Kind::task,      Kind::rollback, Kind::fallback, Kind::handler, Kind::hook,
                           Kind::condition, Kind::duration, Kind::backoff,  Kind::input,   Kind::result};

std::optional<Kind> kind_of(NodeReader& reader, const Node& node) {
  const std::string word = reader.text_of(node);
  std::vector<std::string> names;
  for (const Kind kind : kKinds) {
    if (word == name_of(kind)) return kind;
    names.emplace_back(name_of(kind));
  }
  reader.unknown(node, "there is no kind of call '" + word + "'", names);
  return std::nullopt;
}

journal::ResultPtr result_of(NodeReader& reader, const Node& node) {
  journal::StepResult result;
  if (node.value->is_object()) {
    result.map = *journal::parse_object(reader.json_of(node));
  } else {
    result.is_map = false;
    result.value = *journal::parse_value(reader.json_of(node));
  }
  return std::make_shared<const journal::StepResult>(std::move(result));
}

journal::ErrorClass class_of(NodeReader& reader, const Node& node) {
  const std::string word = reader.text_of(node);
  for (const auto error_class :
       {journal::ErrorClass::retryable, journal::ErrorClass::transient, journal::ErrorClass::terminal})
    if (word == name_of(error_class)) return error_class;
  reader.unknown(node, "there is no error class '" + word + "'", {"retryable", "transient", "terminal"});
  return journal::ErrorClass::retryable;
}

journal::ErrorPtr error_of(NodeReader& reader, const Node& node) {
  journal::StepError error;
  error.message = "as the case says";
  if (node.value->is_string()) {
    error.code = reader.text_of(node);
  } else {
    reader.members(node, "an error", {"code", "message", "class", "details"}, [&](const Node& member) {
      if (member.key == "code") error.code = reader.text_of(member);
      if (member.key == "message") error.message = reader.text_of(member);
      if (member.key == "details") error.details = reader.json_of(member);
      if (member.key == "class") error.error_class = class_of(reader, member);
    });
    if (error.code.empty() && node.value->is_object())
      reader.problem(Code::missing_key, node, "an error needs \"code\"", "");
  }
  // As the host does with what a function says.
  if (!error.code.empty()) error.code = definition::repaired_error_code(error.code);
  return std::make_shared<const journal::StepError>(std::move(error));
}

std::shared_ptr<const worker::AwaitRequest> await_of(NodeReader& reader, const Node& node) {
  worker::AwaitRequest request;
  reader.members(node, "an await", {"kind", "notify", "timeout", "approvers", "on_timeout"},
                 [&](const Node& member) {
                   if (member.key == "kind") request.await.kind = reader.text_of(member);
                   if (member.key == "notify") request.await.notify = reader.json_of(member);
                   if (member.key == "timeout") request.timeout = reader.duration_of(member);
                   if (member.key == "on_timeout") request.await.on_timeout = reader.text_of(member);
                   if (member.key != "approvers") return;
                   reader.elements(member, [&](const Node& approver) {
                     request.await.approvers.push_back(reader.text_of(approver));
                   });
                 });
  return std::make_shared<const worker::AwaitRequest>(std::move(request));
}

// A child as a package adds it: its options are those of a step.
journal::Child child_of(NodeReader& reader, const Node& node) {
  journal::Child child;
  if (!node.value->is_object()) {
    reader.wrong_type(node, "a child", "an object");
    return child;
  }
  boost::json::object options;
  for (const Node& member : node.children) {
    if (member.key == "name")
      child.name = reader.text_of(member);
    else if (member.key == "task")
      child.task = reader.text_of(member);
    else if (member.key == "params")
      child.params = reader.object_of(member);
    else
      options[member.key] = *member.value;
  }
  if (child.name.empty()) reader.problem(Code::missing_key, node, "a child needs \"name\"", "");
  if (child.task.empty()) child.task = child.name;
  if (!options.empty()) child.options = canonical(options);
  return child;
}

void read_expansion(NodeReader& reader, const Node& node, Outcome& outcome) {
  outcome.kind = Outcome::Kind::expand;
  const auto children = [&](const Node& list) {
    reader.elements(list, [&](const Node& child) { outcome.children.push_back(child_of(reader, child)); });
  };
  if (!node.value->is_object()) return children(node);
  reader.members(node, "an expansion", {"children", "result"}, [&](const Node& member) {
    if (member.key == "children")
      children(member);
    else
      outcome.result = result_of(reader, member);
  });
}

journal::Emitted emitted_of(NodeReader& reader, const Node& node) {
  journal::Emitted emitted;
  reader.members(node, "what a call emits", {"scope", "message", "metadata"}, [&](const Node& member) {
    if (member.key == "scope") emitted.scope = reader.text_of(member);
    if (member.key == "message") emitted.message = reader.text_of(member);
    if (member.key == "metadata") emitted.metadata = reader.object_of(member);
  });
  return emitted;
}

void read_outcome(NodeReader& reader, const Node& node, Act& act) {
  Outcome& outcome = act.outcome;
  if (node.key == "hangs") {
    act.hangs = reader.truth_of(node);
  } else if (node.key == "ok") {
    outcome.result = result_of(reader, node);
  } else if (node.key == "cancelled") {
    outcome.kind = Outcome::Kind::cancelled;
    outcome.result = result_of(reader, node);
  } else if (node.key == "skip") {
    outcome.kind = Outcome::Kind::skip;
    outcome.reason = reader.text_of(node);
  } else if (node.key == "fail") {
    outcome.kind = Outcome::Kind::failed;
    outcome.error = error_of(reader, node);
  } else if (node.key == "snooze") {
    outcome.kind = Outcome::Kind::snooze;
    outcome.duration = reader.duration_of(node);
  } else if (node.key == "await") {
    outcome.kind = Outcome::Kind::await;
    outcome.await = await_of(reader, node);
  } else if (node.key == "expand") {
    read_expansion(reader, node, outcome);
  } else if (node.value->is_bool()) {
    outcome.truth = reader.truth_of(node);
  } else {
    outcome.duration = reader.duration_of(node);
  }
}

uint32_t times_of(NodeReader& reader, const Node& node) {
  if (node.value->is_bool()) return static_cast<uint32_t>(reader.truth_of(node));
  return static_cast<uint32_t>(reader.number_of(node, 1, kMostTimes));
}

Deed deed_of(NodeReader& reader, const Node& object) {
  Deed deed;
  const Node* outcome = nullptr;
  reader.members(object, "what a call does",
                 {"takes", "ignores_cancel", "kills_host", "without_trace", "emits", "hangs", "ok", "fail",
                  "skip", "cancelled", "answer", "snooze", "await", "expand"},
                 [&](const Node& node) {
                   if (node.key == "takes") return void(deed.act.takes = reader.duration_of(node));
                   if (node.key == "ignores_cancel")
                     return void(deed.act.ignores_cancel = reader.truth_of(node));
                   if (node.key == "kills_host") return void(deed.kills_host = times_of(reader, node));
                   if (node.key == "without_trace")
                     return void(deed.act.without_trace = reader.truth_of(node));
                   if (node.key == "emits")
                     return reader.elements(node, [&](const Node& element) {
                       deed.act.outcome.emitted.push_back(emitted_of(reader, element));
                     });
                   if (outcome)
                     return reader.bad(
                         node, "a call has one outcome: \"" + outcome->key + "\" or \"" + node.key + "\"",
                         "Remove one of them.");
                   outcome = &node;
                   read_outcome(reader, node, deed.act);
                 });
  return deed;
}

}  // namespace

Script read_script(NodeReader& reader, const Node& object) {
  Script script;
  reader.members(
      object, "a call", {"run", "workflow", "step", "function", "kind", "does"}, [&](const Node& node) {
        if (node.key == "run") script.run = reader.text_of(node);
        if (node.key == "workflow") script.workflow = reader.workflow_of(node);
        if (node.key == "step") script.step = reader.text_of(node);
        if (node.key == "function") script.function = reader.text_of(node);
        if (node.key == "kind") script.kind = kind_of(reader, node);
        if (node.key != "does") return;
        if (!node.value->is_array()) return script.deeds.push_back(deed_of(reader, node));
        reader.elements(node, [&](const Node& element) { script.deeds.push_back(deed_of(reader, element)); });
      });
  if (!script.kind && !script.step.empty()) script.kind = Kind::task;
  if (script.deeds.empty() && object.value->is_object())
    reader.problem(Code::missing_key, object, "a call needs \"does\"",
                   "Write what it does, or a list of what the first, the second, … call does.");
  return script;
}

}  // namespace pirn::sim
