// Writes definitions. What has its default value is left out, so that the text of a definition, and with it
// the digest that executions are pinned to, does not change when a later version learns new keys.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cassert>

#include "packager/definition/definition.h"
#include "packager/definition/words.h"
#include "packager/json/json.h"

namespace pirn::definition {
namespace {

namespace json = boost::json;

enum class Places : bool { omitted, printed };

json::string text(std::string_view view) { return json::string(view.data(), view.size()); }

json::value parsed(const JsonText& canonical_text) {
  Result<json::value> value = parse_json(canonical_text, "a canonical text");
  assert(value && "a JsonText is valid");
  return *value;
}

// One object, member by member; each is left out where it equals the default.
class Members {
 public:
  void always(std::string_view key, json::value value) {
    object_.emplace(json::string_view(key.data(), key.size()), std::move(value));
  }
  void unless_empty(std::string_view key, const std::string& value) {
    if (!value.empty()) always(key, text(value));
  }
  void json_unless_empty(std::string_view key, const JsonText& value) {
    if (!value.empty()) always(key, parsed(value));
  }
  void duration(std::string_view key, int64_t ns, int64_t usual) {
    if (ns != usual) always(key, text(print_duration(ns)));
  }
  void integer(std::string_view key, uint32_t number, uint32_t usual) {
    if (number != usual) always(key, static_cast<int64_t>(number));
  }
  template <class E, size_t N>
  void choice(std::string_view key, const Choice<E> (&choices)[N], E value, E usual) {
    if (value != usual) always(key, text(name_of(choices, value)));
  }
  json::object take() { return std::move(object_); }

 private:
  json::object object_;
};

json::value print_condition(const Condition& condition) {
  Members members;
  members.unless_empty("path", condition.path);
  switch (condition.kind) {
    case Condition::Kind::always:
      break;
    case Condition::Kind::compare:
      members.always(name_of(kOperators, condition.op), parsed(condition.value));
      break;
    case Condition::Kind::in:
    case Condition::Kind::exists:
      members.always(name_of(kConditions, condition.kind), parsed(condition.value));
      break;
    case Condition::Kind::function:
      members.always("function", text(condition.function));
      break;
    case Condition::Kind::negation:
      members.always("not", print_condition(condition.operands.at(0)));
      break;
    case Condition::Kind::all:
    case Condition::Kind::any: {
      json::array operands;
      for (const Condition& operand : condition.operands) operands.push_back(print_condition(operand));
      members.always(name_of(kConditions, condition.kind), std::move(operands));
      break;
    }
  }
  return members.take();
}

json::value print_backoff(const Backoff& backoff) {
  json::object form;
  switch (backoff.kind) {
    case Backoff::Kind::fixed:
    case Backoff::Kind::linear:
      return text(name_of(kBackoff, backoff.kind));
    case Backoff::Kind::exponential:
      form["exponential"] = backoff.multiplier;
      break;
    case Backoff::Kind::function:
      form["function"] = text(backoff.function);
      break;
    case Backoff::Kind::table: {
      json::array table;
      for (const int64_t ns : backoff.table_ns) table.push_back(text(print_duration(ns)));
      form["table"] = std::move(table);
      break;
    }
  }
  return form;
}

json::value print_patterns(const std::vector<ErrorPattern>& patterns) {
  json::array list;
  for (const ErrorPattern& pattern : patterns) {
    if (!pattern.error_class && pattern.details.empty()) {
      list.push_back(text(pattern.code));
      continue;
    }
    Members members;
    members.unless_empty("code", pattern.code);
    if (pattern.error_class) members.always("class", text(name_of(kErrorClass, *pattern.error_class)));
    members.json_unless_empty("details", pattern.details);
    list.push_back(members.take());
  }
  return list;
}

void print_retry(const RetryPolicy& retry, Members& members) {
  const RetryPolicy usual;
  members.integer("max_retries", retry.max_retries, usual.max_retries);
  members.duration("retry_delay", retry.delay_ns, usual.delay_ns);
  members.duration("retry_max_delay", retry.max_delay_ns, usual.max_delay_ns);
  members.choice("retry_jitter", kJitter, retry.jitter, usual.jitter);
  if (!(retry.backoff == usual.backoff)) members.always("retry_backoff", print_backoff(retry.backoff));
  if (!retry.retry_on.empty()) members.always("retry_on", print_patterns(retry.retry_on));
  if (!retry.no_retry_on.empty()) members.always("no_retry_on", print_patterns(retry.no_retry_on));
}

void print_hooks(const Hooks& hooks, Members& members) {
  if (!hooks.any()) return;
  Members object;
  object.unless_empty("on_start", hooks.on_start);
  object.unless_empty("on_success", hooks.on_success);
  object.unless_empty("on_failure", hooks.on_failure);
  object.unless_empty("on_skip", hooks.on_skip);
  object.unless_empty("on_finish", hooks.on_finish);
  members.always("hooks", object.take());
}

json::value print_step(const Step& step, const Workflow& workflow, Places places) {
  const Step usual;
  Members members;
  members.always("name", text(step.name));
  if (step.task != step.name) members.always("task", text(step.task));
  members.unless_empty("label", step.label);
  members.unless_empty("description", step.description);
  if (places == Places::printed) members.unless_empty("at", step.at);
  if (!step.after.empty()) {
    json::array after;
    for (const uint32_t index : step.after) after.push_back(text(workflow.steps[index].name));
    members.always("after", std::move(after));
  }
  if (step.when.kind != Condition::Kind::always) members.always("when", print_condition(step.when));
  members.duration("timeout", step.timeout_ns, usual.timeout_ns);
  print_retry(step.retry, members);
  members.choice("on_error", kOnError, step.on_error, usual.on_error);
  if (!step.cancellable) members.always("cancellable", false);
  members.unless_empty("context_key", step.context_key);
  members.json_unless_empty("params", step.params);
  members.json_unless_empty("metadata", step.metadata);
  print_hooks(step.hooks, members);
  return members.take();
}

json::value print_workflow(const Workflow& workflow, Places places) {
  const Workflow usual;
  Members members;
  members.always("name", text(workflow.name));
  members.unless_empty("label", workflow.label);
  members.unless_empty("description", workflow.description);
  if (places == Places::printed) members.unless_empty("at", workflow.at);
  members.integer("version", workflow.version, usual.version);
  members.duration("timeout", workflow.timeout_ns, usual.timeout_ns);
  members.choice("failure_mode", kFailureMode, workflow.failure_mode, usual.failure_mode);
  members.integer("step_concurrency", workflow.step_concurrency, usual.step_concurrency);
  if (!workflow.tags.empty()) {
    json::array tags;
    for (const std::string& tag : workflow.tags) tags.push_back(text(tag));
    members.always("tags", std::move(tags));
  }
  members.json_unless_empty("metadata", workflow.metadata);
  print_hooks(workflow.hooks, members);
  json::array steps;
  steps.reserve(workflow.steps.size());
  for (const Step& step : workflow.steps) steps.push_back(print_step(step, workflow, places));
  members.always("steps", std::move(steps));
  return members.take();
}

}  // namespace

JsonText print(const Definition& definition) {
  Members package;
  package.always("name", text(definition.package));
  package.always("version", text(definition.version));
  package.unless_empty("description", definition.description);
  package.unless_empty("author", definition.author);
  package.unless_empty("licence", definition.licence);
  json::array workflows;
  for (const Workflow& workflow : definition.workflows)
    workflows.push_back(print_workflow(workflow, Places::printed));
  Members document;
  document.always("schema", static_cast<int64_t>(definition.schema));
  document.always("package", package.take());
  document.always("workflows", std::move(workflows));
  return canonical(document.take());
}

JsonText canonical_text(const Workflow& workflow) {
  return canonical(print_workflow(workflow, Places::omitted));
}

Digest digest(const Workflow& workflow) { return sha256(canonical_text(workflow)); }

}  // namespace pirn::definition
