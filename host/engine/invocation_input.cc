#include "host/engine/invocation_input.h"

#include "host/engine/resources.h"
#include "host/journal/codec.h"

namespace pirn::engine {

using journal::HandlerEvent;
using journal::SkipKind;

namespace {

// Writes one JSON object, member by member, in the order of the calls.
class ObjectWriter {
 public:
  // Goes on with an object that was printed before; empty: begins a new one.
  explicit ObjectWriter(std::string_view begun = {})
      : out_(begun.empty() ? "{" : begun.substr(0, begun.size() - 1)) {}

  // The beginning of a member, whose name needs no escapes.
  std::string& member(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    return out_.append("\"").append(name).append("\":");
  }
  // Names of steps, workflows, events and states need no escapes.
  ObjectWriter& name(std::string_view member_name, std::string_view value) {
    member(member_name).append("\"").append(value) += '"';
    return *this;
  }
  ObjectWriter& text(std::string_view member_name, std::string_view value) {
    journal::append_json_string(member(member_name), value);
    return *this;
  }
  ObjectWriter& number(std::string_view member_name, uint64_t value) {
    journal::append_unsigned(member(member_name), value);
    return *this;
  }
  ObjectWriter& error(const journal::StepError& error) {
    journal::append_error(member("error"), error);
    return *this;
  }
  std::string end() { return std::move(out_ += '}'); }

 private:
  std::string out_;
};

// Of a hook: the failures so far and the current try, unless that is what has just failed; 0 if none has begun.
uint32_t attempt_of(const journal::Step& step) {
  const bool after_failure = step.state == journal::StepState::failed || step.skip_kind == SkipKind::on_error;
  return step.started_at == 0 ? 0 : step.failures + (after_failure ? 0 : 1);
}

void append_rollback_errors(std::string& out, const journal::ExecutionState& state,
                            const std::vector<std::string>& names) {
  out += '[';
  bool first = true;
  for (uint32_t step = 0; step < state.steps.size(); ++step) {
    if (state.steps[step].compensation != journal::Compensation::failed) continue;
    if (!first) out += ',';
    first = false;
    out += ObjectWriter().name("step", names[step]).error(*state.steps[step].extra->rollback_error).end();
  }
  out += ']';
}

}  // namespace

std::string task_input(std::string_view input, std::span<const definition::Resource> held,
                       std::span<const uint32_t> gpus) {
  ObjectWriter object(input);
  ObjectWriter amounts;
  for (const definition::Resource& resource : held)
    amounts.member(resource.name) += amount_text(resource.amount);
  object.member("resources") += amounts.end();
  if (gpus.empty()) return object.end();
  std::string& out = object.member("gpus") += '[';
  for (const uint32_t device : gpus) {
    if (out.back() != '[') out += ',';
    journal::append_unsigned(out, device);
  }
  out += ']';
  return object.end();
}

std::string rollback_input(const journal::StepResult* result, const journal::StepError* error) {
  ObjectWriter object;
  std::string& out = object.member("result");
  if (result)
    journal::append_result(out, *result);
  else
    out += "null";
  if (error) object.error(*error);
  return object.end();
}

std::string error_input(const journal::StepError& error) { return ObjectWriter().error(error).end(); }

std::string step_error_input(std::string_view step, uint32_t attempt, const journal::StepError& error) {
  return ObjectWriter()
      .name("event", "on_step_error")
      .name("step", step)
      .number("attempt", attempt)
      .error(error)
      .end();
}

std::string await_timeout_input(std::string_view step, uint32_t attempt) {
  return ObjectWriter().name("event", "on_timeout").name("step", step).number("attempt", attempt).end();
}

std::string conclusion_input(HandlerEvent handler, const journal::ExecutionState& state,
                             const std::vector<std::string>& names) {
  ObjectWriter object;
  object.name("event", name_of(handler));
  if (handler == HandlerEvent::on_cancel) object.text("reason", state.reason);
  if (handler != HandlerEvent::on_failure) return object.end();
  if (state.error_step != journal::kNoStep)
    object.name("step", names[state.error_step]).number("attempt", state.steps[state.error_step].failures);
  if (state.error) object.error(*state.error);
  append_rollback_errors(object.member("rollback_errors"), state, names);
  return object.end();
}

std::string hook_input(std::string_view event, std::string_view name, const journal::Step& step) {
  ObjectWriter object;
  object.name("event", event)
      .name("step", name)
      .name("state", name_of(step.state))
      .number("attempt", attempt_of(step));
  if (step.ended_at && step.started_at)
    journal::append_json(object.member("duration_ms"),
                         journal::Value::of_real(static_cast<double>(step.ended_at - step.started_at) / 1e6));
  if (step.skip_kind != SkipKind::none) object.name("skip_kind", name_of(step.skip_kind));
  if (!step.extra->reason.empty()) object.text("reason", step.extra->reason);
  if (step.error) object.error(*step.error);
  return object.end();
}

std::string backoff_input(uint32_t attempt, int64_t base_delay_ns, const journal::StepError& error) {
  ObjectWriter object;
  object.number("attempt", attempt);
  journal::append_integer(object.member("base_delay_ms"), base_delay_ns / 1'000'000);
  return object.error(error).end();
}

std::string nested_input(std::string_view workflow) {
  return ObjectWriter().name("workflow", workflow).end();
}

std::string nested_result_input(const journal::ExecutionState& child, std::string_view context) {
  ObjectWriter object;
  object.name("workflow", child.origin->workflow)
      .name("execution", child.id.text())
      .name("state", name_of(child.state));
  object.member("context") += context;
  if (child.error) object.error(*child.error);
  return object.end();
}

}  // namespace pirn::engine
