#include "host/events/envelope.h"

#include <algorithm>
#include <boost/json.hpp>

#include "packager/error/printable.h"
#include "packager/json/json.h"
#include "packager/schedule/instant.h"

namespace pirn::events {

namespace {

namespace bj = boost::json;

bj::object parsed(std::string_view object) {
  auto value = parse_own_json(object, "an event", {});
  return value && value->is_object() ? std::move(value->as_object()) : bj::object();
}

// Takes a member out; null when it is not there.
bj::value take(bj::object& object, std::string_view name) {
  const auto found = object.find(name);
  if (found == object.end()) return nullptr;
  bj::value value = std::move(found->value());
  object.erase(found);
  return value;
}

std::string text_of(const bj::value& value) {
  if (value.is_null()) return {};
  return value.is_string() ? std::string(value.as_string()) : canonical(value);
}

bj::object begin(const Source& source) {
  return {{"execution_id", source.execution.text()},
          {"tenant", source.tenant},
          {"package", source.package},
          {"workflow", source.workflow}};
}

// "fetch: step.exception: broken: the server is down": for people; the parts stand in the metadata.
std::string message_of(const EventView& event, const bj::object& members) {
  const auto member = [&](std::string_view name) {
    const bj::value* value = members.if_contains(name);
    return value == nullptr ? std::string() : text_of(*value);
  };
  std::string message = member("step");
  if (!message.empty()) message += ": ";
  message += event.type;
  if (event.type == "step.start") message += " (attempt " + member("attempt") + ")";
  const bj::value* error = members.if_contains("error");
  if (error != nullptr && error->is_object())
    message +=
        ": " + text_of(error->as_object().at("code")) + ": " + text_of(error->as_object().at("message"));
  for (const char* name : {"reason", "state"})
    if (const std::string text = member(name); !text.empty()) message += ": " + text;
  return message;
}

}  // namespace

std::string Envelope::json() const {
  return printable_json(bj::serialize(bj::object{{"type", type},
                                                 {"scope", scope},
                                                 {"message", message},
                                                 {"timestamp", schedule::print_instant(at)},
                                                 {"metadata", metadata}}));
}

Envelope envelope_of(const Source& source, const EventView& event, uint32_t commit_no) {
  bj::object members = parsed(event.text);
  Envelope envelope;
  envelope.at = event.at;
  envelope.metadata = begin(source);
  envelope.metadata["event"] = event.type;
  envelope.metadata["seq"] = event.seq;
  envelope.metadata["step"] = commit_no;
  const bool emitted = event.type == "node";
  envelope.type = emitted || event.type.starts_with("step.") ? "node" : "diagnostic";
  envelope.scope = emitted                      ? text_of(take(members, "scope"))
                   : event.type == "diagnostic" ? text_of(take(members, "code"))
                                                : std::string(event.type);
  envelope.message =
      emitted || event.type == "diagnostic" ? text_of(take(members, "message")) : message_of(event, members);
  if (bj::value step = take(members, "step"); !step.is_null()) envelope.metadata["node_id"] = std::move(step);
  if (bj::value attempt = take(members, "attempt"); !attempt.is_null())
    envelope.metadata["attempt"] = std::move(attempt);
  for (const char* known : {"seq", "type", "i"}) members.erase(known);
  if (emitted)  // what the task said of it
    members = [&] {
      bj::value own = take(members, "metadata");
      return own.is_object() ? std::move(own.as_object()) : bj::object();
    }();
  envelope.metadata["details"] = std::move(members);
  return envelope;
}

Envelope envelope_of_live(const Source& source, std::string_view name, std::string_view object) {
  bj::object members = parsed(object);
  Envelope envelope;
  const bj::value at = take(members, "at");
  envelope.at = at.is_int64() ? at.as_int64() : 0;
  envelope.metadata = begin(source);
  envelope.metadata["event"] = name;
  envelope.metadata["node_id"] = take(members, "step");
  envelope.metadata["attempt"] = take(members, "attempt");
  if (name == "chunk") {
    const bj::value final = take(members, "final");
    const bool is_final = final.is_bool() && final.as_bool();
    envelope.type = "llm";
    envelope.scope = is_final ? kStreamEnd : "chunk";
    envelope.message = text_of(take(members, "chunk"));
    envelope.metadata["is_final"] = is_final;
    return envelope;
  }
  envelope.type = "node";
  envelope.scope = name;
  envelope.message = text_of(take(members, name == "log" ? "message" : "note"));
  envelope.metadata["details"] = std::move(members);
  return envelope;
}

Envelope end_of_stream(const Source& source, const EventView& stop, uint32_t commit_no,
                       std::string_view error) {
  const bj::object members = parsed(stop.text);
  const bj::value* state = members.if_contains("state");
  const bool completed = state != nullptr && *state == "completed";
  Envelope envelope;
  envelope.type = "diagnostic";
  envelope.scope = kStreamEnd;
  envelope.at = stop.at;
  envelope.message = "session=" + source.execution.text() + " status=" + (completed ? "completed" : "error") +
                     " step=" + std::to_string(commit_no);
  if (!error.empty()) {
    const bj::object why = parsed(error);
    if (why.contains("code")) envelope.message += " error=" + text_of(why.at("code"));
  }
  envelope.metadata = begin(source);
  envelope.metadata["event"] = "end";
  envelope.metadata["step"] = commit_no;
  envelope.metadata["state"] = state == nullptr ? bj::value(nullptr) : *state;
  return envelope;
}

bool wanted(const std::vector<std::string>& wishes, std::string_view name) {
  return wishes.empty() || std::any_of(wishes.begin(), wishes.end(), [&](std::string_view wish) {
           if (!wish.ends_with('*')) return wish == name;
           wish.remove_suffix(1);
           return name.starts_with(wish);
         });
}

const std::vector<std::string>& event_names() {
  static const std::vector<std::string> kNames = {"workflow.create",
                                                  "workflow.start",
                                                  "workflow.pause",
                                                  "workflow.resume",
                                                  "workflow.cancel",
                                                  "workflow.stopping",
                                                  "workflow.compensate",
                                                  "workflow.retry",
                                                  "workflow.fail",
                                                  "workflow.stop",
                                                  "step.ask",
                                                  "step.answer",
                                                  "step.ready",
                                                  "step.start",
                                                  "step.stop",
                                                  "step.skip",
                                                  "step.exception",
                                                  "step.settle",
                                                  "step.retry",
                                                  "step.snooze",
                                                  "step.await",
                                                  "step.cancel",
                                                  "step.interrupt",
                                                  "step.adopt",
                                                  "graft.expand",
                                                  "rollback.start",
                                                  "rollback.stop",
                                                  "rollback.exception",
                                                  "circuit.reject",
                                                  "dead_letter.insert",
                                                  "handler.start",
                                                  "handler.stop",
                                                  "hook.crash",
                                                  "clock.shift",
                                                  "node",
                                                  "diagnostic",
                                                  "log",
                                                  "progress",
                                                  "chunk",
                                                  "end"};
  return kNames;
}

Status check_wish(const std::string& wish) {
  const std::vector<std::string>& names = event_names();
  if (std::any_of(names.begin(), names.end(), [&](const std::string& name) { return wanted({wish}, name); }))
    return {};
  const std::string near = nearest(wish, names);
  return Error{Code::invalid_argument, "there is no event '" + wish + "'",
               near.empty() ? "docs/semantics.md lists them (2.9)." : "Did you mean '" + near + "'?"};
}

}  // namespace pirn::events
