// Prints the definition document (docs/reference/definition.md), from what macros or the builder have
// declared. What authors use is at the end: child(). The rest, in pirn::detail, is for the SDK.
//
// An option that is not set is not printed, so the default of the definition language applies, and the digest
// of a workflow does not change when the SDK learns further options. Nothing is checked here: `pirn pack` and
// the host check the document as a whole (R41). Errors: pirn::Error invalid_value, for a Value that cannot
// become JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pirn/name.hpp"
#include "pirn/options.hpp"
#include "pirn/outcome.hpp"

namespace pirn::inline sdk::detail {

// A step, as it is printed.
struct StepData {
  std::string name;     // takes the place of options.name
  std::string task;     // function id, in place of options.task; not printed for a nested workflow
  At at;                // where the author declared it
  StepOptions options;  // name and task are not read
};

// A workflow, as it is printed.
struct WorkflowData {
  std::string name;         // takes the place of options.name
  At at;                    // where the author declared it
  WorkflowOptions options;  // name is not read
  std::vector<StepData> steps;
};

// Writes one JSON object; leaves out members whose value is not set: an empty text or list, an empty
// optional, an enum that is unset. Each function writes one member; write each name once.
class ObjectWriter {
 public:
  // Begins an object at the end of `out`, which is lent until the writer ends and closes it. A nested writer
  // must end before this one continues.
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }
  ObjectWriter(const ObjectWriter&) = delete;
  ObjectWriter& operator=(const ObjectWriter&) = delete;
  ~ObjectWriter() { out_ += '}'; }

  // Begins a member, whose value the caller appends to the result.
  std::string& key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    json::detail::append_string(out_, name);
    return out_ += ':';
  }

  // A string.
  void text(std::string_view name, std::string_view value) {
    if (!value.empty()) json::detail::append_string(key(name), value);
  }
  // A value that is JSON text already.
  void json(std::string_view name, std::string_view value) {
    if (!value.empty()) key(name) += value;
  }
  // An integer, true or false, a duration such as "1h30m".
  template <class T>
  void number(std::string_view name, const std::optional<T>& value) {
    if (value) json::detail::append_integer(key(name), *value);
  }
  void flag(std::string_view name, const std::optional<bool>& value) {
    if (value) key(name) += *value ? "true" : "false";
  }
  void duration(std::string_view name, const std::optional<Duration>& value) {
    if (value) text(name, value->text());
  }
  // An object; a list of strings; a list of the steps' names.
  void fields(std::string_view name, const Fields& value) {
    if (!value.empty()) key(name) += value.to_json();
  }
  void texts(std::string_view name, const std::vector<std::string>& values) {
    if (!values.empty()) key(name) += Value(values).to_json();
  }
  void refs(std::string_view name, const StepRefs& refs) {
    std::vector<std::string> names;
    for (const StepRef& ref : refs) names.push_back(ref.text());
    texts(name, names);
  }
  // A list of error patterns.
  void patterns(std::string_view name, const ErrorPatterns& patterns) {
    if (patterns.empty()) return;
    char separator = '[';
    std::string& out = key(name);
    for (const ErrorPattern& pattern : patterns) {
      out += separator;
      out += pattern.text();
      separator = ',';
    }
    out += ']';
  }
  // An enum whose first value means "not set"; `words` are the names of the others, in order.
  template <class E, size_t N>
  void word(std::string_view name, E value, const char* const (&words)[N]) {
    if (static_cast<size_t>(value) != 0) text(name, words[static_cast<size_t>(value) - 1]);
  }

 private:
  std::string& out_;
  bool first_ = true;
};

// "hooks"; left out if there is none.
inline void print_hooks(ObjectWriter& into, const Hooks& hooks) {
  if (hooks.on_start.empty() && hooks.on_success.empty() && hooks.on_failure.empty() &&
      hooks.on_skip.empty() && hooks.on_finish.empty())
    return;
  ObjectWriter object(into.key("hooks"));
  object.text("on_start", hooks.on_start.text());
  object.text("on_success", hooks.on_success.text());
  object.text("on_failure", hooks.on_failure.text());
  object.text("on_skip", hooks.on_skip.text());
  object.text("on_finish", hooks.on_finish.text());
}

// What steps, the defaults of steps, workflows and recovery rules have in common. Rules have no retry_on.
template <class Options>
void print_retries(ObjectWriter& object, const Options& o) {
  object.number("max_retries", o.max_retries);
  object.duration("retry_delay", o.retry_delay);
  object.json("retry_backoff", o.retry_backoff.text());
  object.duration("retry_max_delay", o.retry_max_delay);
  object.word("retry_jitter", o.retry_jitter, {"none", "additive", "symmetric", "full"});
  if constexpr (requires { o.retry_on; }) {
    object.patterns("retry_on", o.retry_on);
    object.patterns("no_retry_on", o.no_retry_on);
  }
}

// "recovery"; left out if there are no rules.
inline void print_recovery(ObjectWriter& into, const RecoveryRules& rules) {
  if (rules.empty()) return;
  std::string& list = into.key("recovery") += '[';
  for (const RecoveryRule& rule : rules) {
    if (list.back() != '[') list += ',';
    ObjectWriter object(list);
    object.patterns("on", rule.on);
    if (!rule.when.empty()) object.json("when", json::object({{"function", rule.when.text()}}).str());
    object.word("action", rule.action, {"retry", "skip", "fallback", "abort", "manual"});
    print_retries(object, rule);
    object.json("fallback", rule.fallback.text());
  }
  list += ']';
}

// "circuit_breaker_opts"; {} if none of them is set.
inline void print_breaker(ObjectWriter& into, const CircuitBreaker& options) {
  ObjectWriter breaker(into.key("circuit_breaker_opts"));
  breaker.number("failure_threshold", options.failure_threshold);
  breaker.number("success_threshold", options.success_threshold);
  breaker.number("half_open_limit", options.half_open_limit);
  breaker.duration("reset_timeout", options.reset_timeout);
}

// What a step can have by default.
template <class Options>
void print_shared_options(ObjectWriter& object, const Options& o) {
  object.json("timeout", o.timeout.text());
  print_retries(object, o);
  object.word("on_error", o.on_error, {"fail", "skip", "continue"});
  object.json("fallback", o.fallback.text());
  print_recovery(object, o.recovery);
  object.text("on_timeout", o.on_timeout.text());
  object.flag("cancellable", o.cancellable);
  object.text("circuit_breaker", o.circuit_breaker);
  if (o.circuit_breaker_opts) print_breaker(object, *o.circuit_breaker_opts);
  object.number("max_snoozes", o.max_snoozes);
  object.number("max_crashes", o.max_crashes);
  object.number("priority", o.priority);
  object.fields("resources", o.resources);
  object.duration("estimate", o.estimate);
  print_hooks(object, o.hooks);
}

// All options of a step but those that name and describe it. Children of grafts have the same.
inline void print_step_options(ObjectWriter& object, const StepOptions& o) {
  object.text("workflow", o.workflow);
  object.text("input", o.input.text());
  object.text("result", o.result.text());
  object.refs("after", o.after);
  object.refs("after_any", o.after_any);
  object.text("group", o.group);
  object.text("after_group", o.after_group);
  if (o.graft) object.flag("graft", true);
  object.refs("after_graft", o.after_graft);
  object.json("when", o.when.text());
  print_shared_options(object, o);
  object.text("rollback", o.rollback.text());
  object.flag("await_approval", o.await_approval);
  object.text("context_key", o.context_key);
  object.fields("params", o.params);
  object.fields("metadata", o.metadata);
}

// Appends the object of a step. The task is left out if it has the step's name.
inline void print_step(std::string& out, const StepData& step) {
  ObjectWriter object(out);
  object.text("name", step.name);
  if (step.options.workflow.empty() && step.task != step.name) object.text("task", step.task);
  object.text("label", step.options.label);
  object.text("description", step.options.description);
  object.text("at", step.at.text());
  print_step_options(object, step.options);
}

// "schedule".
inline void print_schedule(ObjectWriter& into, const Schedule& s) {
  ObjectWriter object(into.key("schedule"));
  object.texts("cron", s.cron);
  object.duration("every", s.every);
  object.text("at", s.at);
  object.duration("in", s.in);
  object.text("start_at", s.start_at);
  object.text("end_at", s.end_at);
  object.text("timezone", s.timezone);
  object.word("misfire", s.misfire, {"once", "skip", "all"});
}

// "step_defaults"; left out if none is set.
inline void print_defaults(ObjectWriter& into, const StepDefaults& defaults) {
  std::string text;
  {
    ObjectWriter object(text);
    print_shared_options(object, defaults);
  }
  if (text != "{}") into.json("step_defaults", text);
}

// Appends the object of a workflow with its steps.
inline void print_workflow(std::string& out, const WorkflowData& workflow) {
  const WorkflowOptions& o = workflow.options;
  ObjectWriter object(out);
  object.text("name", workflow.name);
  object.text("label", o.label);
  object.text("description", o.description);
  object.number("version", o.version);
  object.text("at", workflow.at.text());
  object.duration("timeout", o.timeout);
  object.word("failure_mode", o.failure_mode, {"fail_fast", "continue"});
  object.word("strategy", o.strategy, {"parallel", "sequential", "hybrid"});
  object.word("order", o.order, {"canonical", "critical_path"});
  object.number("step_concurrency", o.step_concurrency);
  object.number("max_running", o.max_running);
  print_retries(object, o);
  object.word("compensate", o.compensate, {"auto", "always", "never"});
  object.text("on_success", o.on_success.text());
  object.text("on_failure", o.on_failure.text());
  object.text("on_cancel", o.on_cancel.text());
  object.text("on_step_error", o.on_step_error.text());
  print_recovery(object, o.recovery);
  object.flag("dead_letter", o.dead_letter);
  object.duration("dead_letter_ttl", o.dead_letter_ttl);
  if (o.schedule) print_schedule(object, *o.schedule);
  object.texts("on_event", o.on_event);
  object.texts("tags", o.tags);
  object.fields("metadata", o.metadata);
  print_hooks(object, o.hooks);
  print_defaults(object, o.step_defaults);
  std::string& steps = object.key("steps") += '[';
  for (const StepData& step : workflow.steps) {
    if (steps.back() != '[') steps += ',';
    print_step(steps, step);
  }
  steps += ']';
}

// "package".
inline void print_package(ObjectWriter& into, std::string_view name, std::string_view version,
                          const PackageOptions& options) {
  ObjectWriter package(into.key("package"));
  package.text("name", name);
  package.text("version", version);
  package.text("description", options.description);
  package.text("author", options.author);
  package.text("licence", options.licence);
}

// Appends the whole document.
inline void print_document(std::string& out, std::string_view name, std::string_view version,
                           const PackageOptions& options, const std::vector<WorkflowData>& workflows) {
  ObjectWriter document(out);
  document.key("schema") += '1';
  print_package(document, name, version, options);
  std::string& list = document.key("workflows") += '[';
  for (const WorkflowData& workflow : workflows) {
    if (list.back() != '[') list += ',';
    print_workflow(list, workflow);
  }
  list += ']';
}

}  // namespace pirn::inline sdk::detail

namespace pirn::inline sdk {

// A child step for expand(): child("resize_1", "resize", {{"file", "a.png"}}, {.max_retries = 2}).
//   name     new in the execution, [a-z0-9][a-z0-9_-]{0,62}; a name that exists is the error `duplicate_step`
//   task     a function that is declared with PIRN_TASK or PIRN_STEP, or its id; one that the package does
//            not export is the error `unknown_function`
//   params   what the task reads with Context::param()
//   options  as of a step, with the same defaults; step_defaults of the workflow do not apply. params, after,
//            after_any, group, after_group, graft, after_graft, workflow, input and result are the error
//            `invalid_options`. name and task are ignored
// The errors are errors of the graft, which are not retried (R12). `task`, `params` and `options` are copied.
// Throws pirn::Error invalid_value for metadata or resources with bytes, infinity or NaN.
inline Child child(std::string name, const TaskRef& task, Fields params = {},
                   const StepOptions& options = {}) {
  std::string text;
  {
    detail::ObjectWriter object(text);
    object.text("label", options.label);
    object.text("description", options.description);
    detail::print_step_options(object, options);
  }
  return {std::move(name), task.text(), std::move(params), std::move(text)};
}

}  // namespace pirn::inline sdk
