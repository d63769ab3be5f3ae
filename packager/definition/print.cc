// Writes definitions. What has its default value is left out, so that the text of a definition, and with it
// the digest that executions are pinned to, does not change when a later version learns new keys.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cassert>

#include "packager/definition/drawing.h"
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
  void integer(std::string_view key, int64_t number, int64_t usual) {
    if (number != usual) always(key, number);
  }
  void flag(std::string_view key, bool truth, bool usual) {
    if (truth != usual) always(key, truth);
  }
  void texts(std::string_view key, const std::vector<std::string>& values) {
    if (values.empty()) return;
    json::array list;
    for (const std::string& value : values) list.push_back(text(value));
    always(key, std::move(list));
  }
  void steps(std::string_view key, const std::vector<uint32_t>& indices, const Workflow& workflow) {
    if (indices.empty()) return;
    json::array names;
    for (const uint32_t index : indices) names.push_back(text(workflow.steps[index].name));
    always(key, std::move(names));
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

void print_retry(const RetryPolicy& retry, const RetryPolicy& usual, Members& members) {
  members.integer("max_retries", retry.max_retries, usual.max_retries);
  members.duration("retry_delay", retry.delay_ns, usual.delay_ns);
  members.duration("retry_max_delay", retry.max_delay_ns, usual.max_delay_ns);
  members.choice("retry_jitter", kJitter, retry.jitter, usual.jitter);
  if (!(retry.backoff == usual.backoff)) members.always("retry_backoff", print_backoff(retry.backoff));
  if (!retry.retry_on.empty()) members.always("retry_on", print_patterns(retry.retry_on));
  if (!retry.no_retry_on.empty()) members.always("no_retry_on", print_patterns(retry.no_retry_on));
}

void print_fallback(const Fallback& fallback, Members& members) {
  Members form;
  switch (fallback.kind) {
    case Fallback::Kind::none:
      return;
    case Fallback::Kind::function:
      return members.always("fallback", text(fallback.function));
    case Fallback::Kind::value:
      form.always("value", parsed(fallback.value));
      break;
    case Fallback::Kind::skip:
      form.always("skip", true);
      break;
  }
  members.always("fallback", form.take());
}

json::value function_form(const std::string& id) { return json::object{{"function", text(id)}}; }

void print_recovery(const std::vector<RecoveryRule>& rules, Members& members) {
  if (rules.empty()) return;
  json::array list;
  for (const RecoveryRule& rule : rules) {
    Members object;
    if (!rule.on.empty()) object.always("on", print_patterns(rule.on));
    if (!rule.when.empty()) object.always("when", function_form(rule.when));
    object.always("action", text(name_of(kRecoveryAction, rule.action)));
    print_retry(rule.retry, RetryPolicy(), object);
    print_fallback(rule.fallback, object);
    list.push_back(object.take());
  }
  members.always("recovery", std::move(list));
}

void print_breaker(const CircuitBreaker& breaker, Members& members) {
  if (breaker.name.empty()) return;
  const CircuitBreaker usual;
  members.always("circuit_breaker", text(breaker.name));
  Members options;
  options.integer("failure_threshold", breaker.failure_threshold, usual.failure_threshold);
  options.integer("success_threshold", breaker.success_threshold, usual.success_threshold);
  options.integer("half_open_limit", breaker.half_open_limit, usual.half_open_limit);
  options.duration("reset_timeout", breaker.reset_timeout_ns, usual.reset_timeout_ns);
  if (json::object object = options.take(); !object.empty())
    members.always("circuit_breaker_opts", std::move(object));
}

// 2 and 2.0 are one amount, so they have one text.
void print_resources(const std::vector<Resource>& resources, Members& members) {
  if (resources.empty()) return;
  Members object;
  for (const Resource& resource : resources) {
    const auto whole = static_cast<int64_t>(resource.amount);
    if (static_cast<double>(whole) == resource.amount)
      object.always(resource.name, whole);
    else
      object.always(resource.name, resource.amount);
  }
  members.always("resources", object.take());
}

}  // namespace

json::object schedule_object(const Schedule& schedule) {
  Members object;
  object.texts("cron", schedule.cron);
  object.duration("every", schedule.every_ns, 0);
  object.unless_empty("at", schedule.at);
  object.duration("in", schedule.in_ns, 0);
  object.unless_empty("start_at", schedule.start_at);
  object.unless_empty("end_at", schedule.end_at);
  object.unless_empty("timezone", schedule.timezone);
  object.choice("misfire", kMisfire, schedule.misfire, Misfire::once);
  return object.take();
}

namespace {

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

void print_timeout(const Step& step, Members& members) {
  const int64_t usual = step.nested.empty() ? kUsualTimeout : kInfinite;
  if (!step.timeout_function.empty())
    members.always("timeout", function_form(step.timeout_function));
  else if (step.await_inherits || step.timeout_ns != usual)
    members.always("timeout", text(print_duration(step.timeout_ns)));
}

json::value print_step(const Step& step, const Workflow& workflow, Places places) {
  const Step usual;
  Members members;
  members.always("name", text(step.name));
  if (step.task != step.name) members.unless_empty("task", step.task);
  members.unless_empty("workflow", step.nested);
  members.unless_empty("input", step.input);
  members.unless_empty("result", step.result);
  members.unless_empty("label", step.label);
  members.unless_empty("description", step.description);
  if (places == Places::printed) members.unless_empty("at", step.at);
  members.steps("after", step.after, workflow);
  members.steps("after_any", step.after_any, workflow);
  members.unless_empty("group", step.group);
  members.unless_empty("after_group", step.after_group);
  members.flag("graft", step.graft, usual.graft);
  members.steps("after_graft", step.after_graft, workflow);
  if (step.when.kind != Condition::Kind::always) members.always("when", print_condition(step.when));
  print_timeout(step, members);
  print_retry(step.retry, usual.retry, members);
  members.choice("on_error", kOnError, step.on_error, usual.on_error);
  members.unless_empty("rollback", step.rollback);
  print_fallback(step.fallback, members);
  print_recovery(step.recovery, members);
  members.flag("await_approval", step.await_approval, usual.await_approval);
  members.unless_empty("on_timeout", step.on_timeout);
  members.flag("cancellable", step.cancellable, usual.cancellable);
  print_breaker(step.breaker, members);
  members.integer("max_snoozes", step.max_snoozes, usual.max_snoozes);
  members.integer("max_crashes", step.max_crashes, usual.max_crashes);
  members.integer("priority", step.priority, usual.priority);
  print_resources(step.resources, members);
  members.duration("estimate", step.estimate_ns, usual.estimate_ns);
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
  members.choice("strategy", kStrategy, workflow.strategy, usual.strategy);
  members.choice("order", kOrder, workflow.order, usual.order);
  members.integer("max_running", workflow.max_running, usual.max_running);
  print_retry(workflow.retry, usual.retry, members);
  members.choice("compensate", kCompensate, workflow.compensate, usual.compensate);
  members.unless_empty("on_success", workflow.handlers.on_success);
  members.unless_empty("on_failure", workflow.handlers.on_failure);
  members.unless_empty("on_cancel", workflow.handlers.on_cancel);
  members.unless_empty("on_step_error", workflow.handlers.on_step_error);
  print_recovery(workflow.recovery, members);
  members.flag("dead_letter", workflow.dead_letter, usual.dead_letter);
  members.duration("dead_letter_ttl", workflow.dead_letter_ttl_ns, usual.dead_letter_ttl_ns);
  if (workflow.schedule) members.always("schedule", schedule_object(*workflow.schedule));
  members.texts("on_event", workflow.on_event);
  members.texts("tags", workflow.tags);
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
