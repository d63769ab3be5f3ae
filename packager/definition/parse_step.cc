// Reads steps, and the defaults that a workflow has for them.
#include <pirn/abi.h>

#include "packager/definition/condition.h"
#include "packager/definition/draft.h"

namespace pirn::definition {
namespace {

using Zero = ValueReader::Zero;
using Infinity = ValueReader::Infinity;

constexpr size_t kMaxResources = 32;
constexpr double kMaxAmount = 1e12;
constexpr double kMaxDevices = 1024;
constexpr int64_t kMaxPriority = 1'000'000;

// ---- what a default can be too

void read_timeout(ValueReader& in, const Node& node, Step& step) {
  const Node* function = node.value->is_object() ? node.find("function") : nullptr;
  step.timeout_function.clear();
  if (function == nullptr) return in.read_duration(node, step.timeout_ns, Zero::refused, Infinity::allowed);
  step.timeout_ns = kUsualTimeout;
  if (!in.read_function_form(node, step.timeout_function, PIRN_KIND_DURATION))
    in.bad_value(node, "is not a duration", "Write \"30s\", or {\"function\": \"id\"}.");
}
void read_on_error(ValueReader& in, const Node& node, Step& step) {
  in.read_choice(node, kOnError, step.on_error);
}
void read_cancellable(ValueReader& in, const Node& node, Step& step) {
  in.read_truth(node, step.cancellable);
}
void read_step_fallback(ValueReader& in, const Node& node, Step& step) {
  read_fallback(in, node, step.fallback);
}
void read_step_recovery(ValueReader& in, const Node& node, Step& step) {
  read_recovery(in, node, step.recovery);
}
void read_on_timeout(ValueReader& in, const Node& node, Step& step) {
  in.read_function(node, step.on_timeout, PIRN_KIND_HANDLER);
}
void read_circuit_breaker(ValueReader& in, const Node& node, Step& step) {
  in.read_name(node, step.breaker.name);
}
void read_circuit_breaker_opts(ValueReader& in, const Node& node, Step& step) {
  read_breaker_options(in, node, step.breaker);
}
void read_max_snoozes(ValueReader& in, const Node& node, Step& step) {
  in.read_count(node, step.max_snoozes);
}
void read_max_crashes(ValueReader& in, const Node& node, Step& step) {
  in.read_count(node, step.max_crashes);
}
void read_priority(ValueReader& in, const Node& node, Step& step) {
  if (const std::optional<int64_t> priority = in.read_integer(node, -kMaxPriority, kMaxPriority))
    step.priority = static_cast<int32_t>(*priority);
}
void read_resources(ValueReader& in, const Node& node, Step& step) {
  if (!node.value->is_object()) return void(in.wrong_type(node, "an object of names and amounts"));
  step.resources.clear();
  if (node.children.size() > kMaxResources)
    return in.bad_value(node, "names more than " + std::to_string(kMaxResources) + " resources",
                        "List only resources that the host limits.");
  for (const Node& child : node.children) {
    if (!is_name(child.key) || !translation(Level::resources, child.key).empty()) {
      in.unknown_key(child, Level::resources, {"cpu", "memory", "gpu"});
      continue;
    }
    const std::optional<double> amount = in.read_number(child);
    if (!amount) continue;
    const bool devices = child.key == "gpu";
    if (!(*amount > 0 && *amount <= (devices ? kMaxDevices : kMaxAmount)))
      in.bad_value(child, "is out of range", "Write an amount above 0, or leave it out.");
    else if (devices && *amount != std::floor(*amount))
      in.bad_value(child, "is not a whole number of devices", "Write how many whole devices the step needs.");
    else
      step.resources.push_back({child.key, *amount});
  }
  std::sort(step.resources.begin(), step.resources.end(),
            [](const Resource& a, const Resource& b) { return a.name < b.name; });
}
void read_estimate(ValueReader& in, const Node& node, Step& step) {
  in.read_duration(node, step.estimate_ns, Zero::refused, Infinity::refused);
}
void read_step_hooks(ValueReader& in, const Node& node, Step& step) { read_hooks(in, node, step.hooks); }

constexpr Field<Step> kSharedFields[] = {{"timeout", read_timeout},
                                         {"on_error", read_on_error},
                                         {"fallback", read_step_fallback},
                                         {"recovery", read_step_recovery},
                                         {"on_timeout", read_on_timeout},
                                         {"cancellable", read_cancellable},
                                         {"circuit_breaker", read_circuit_breaker},
                                         {"circuit_breaker_opts", read_circuit_breaker_opts},
                                         {"max_snoozes", read_max_snoozes},
                                         {"max_crashes", read_max_crashes},
                                         {"priority", read_priority},
                                         {"resources", read_resources},
                                         {"estimate", read_estimate},
                                         {"hooks", read_step_hooks}};

// ---- what only a step has

struct Reading {
  Step& step;
  StepDraft& draft;
};

void skip(ValueReader&, const Node&, Reading&) {}  // read before the others

void read_name(ValueReader& in, const Node& node, Reading& to) { in.read_name(node, to.step.name); }
void read_task(ValueReader& in, const Node& node, Reading& to) {
  in.read_function(node, to.step.task, PIRN_KIND_TASK);
}
void read_label(ValueReader& in, const Node& node, Reading& to) {
  in.read_text(node, to.step.label, kMaxLabel);
}
void read_description(ValueReader& in, const Node& node, Reading& to) {
  in.read_text(node, to.step.description, kMaxDescription);
}

// "workflow" or "package::workflow"
void read_nested(ValueReader& in, const Node& node, Reading& to) {
  const std::optional<std::string_view> text = in.text_of(node);
  if (!text) return;
  const size_t colons = text->find("::");
  const bool qualified = colons != text->npos;
  if (!is_name(qualified ? text->substr(colons + 2) : *text) ||
      (qualified && !is_name(text->substr(0, colons))))
    return in.bad_value(node, "is not the name of a workflow",
                        "Write \"workflow\" or \"package::workflow\".");
  to.step.nested = *text;
  to.draft.nested = &node;
}
void read_input(ValueReader& in, const Node& node, Reading& to) {
  in.read_function(node, to.step.input, PIRN_KIND_INPUT);
}
void read_result(ValueReader& in, const Node& node, Reading& to) {
  in.read_function(node, to.step.result, PIRN_KIND_RESULT);
}

template <std::vector<Mention> StepDraft::*Member>
void read_mentions(ValueReader& in, const Node& node, Reading& to) {
  if (!in.is_list(node, kMaxSteps)) return;
  for (const Node& element : node.children)
    if (const std::optional<std::string_view> name = in.text_of(element))
      (to.draft.*Member).push_back({*name, &element});
}
void read_group(ValueReader& in, const Node& node, Reading& to) { in.read_name(node, to.step.group); }
void read_after_group(ValueReader& in, const Node& node, Reading& to) {
  in.read_name(node, to.step.after_group);
  to.draft.after_group = &node;
}
void read_graft(ValueReader& in, const Node& node, Reading& to) { in.read_truth(node, to.step.graft); }

void read_when(ValueReader& in, const Node& node, Reading& to) {
  Condition& when = to.step.when;
  read_condition(in, node, when);
  if (when.kind != Condition::Kind::function && asks_a_function(when))
    in.problem(Code::invalid_value, node,
               "\"when\" of " + in.subject() +
                   " combines a function with other conditions; a function must be the only condition",
               "Move the other conditions into the function.");
}
void read_rollback(ValueReader& in, const Node& node, Reading& to) {
  in.read_function(node, to.step.rollback, PIRN_KIND_ROLLBACK);
}
void read_await_approval(ValueReader& in, const Node& node, Reading& to) {
  in.read_truth(node, to.step.await_approval);
}
void read_context_key(ValueReader& in, const Node& node, Reading& to) {
  std::string& key = to.step.context_key;
  in.read_text(node, key, kMaxLabel);
  if (key.starts_with("__"))
    in.bad_value(node, "starts with \"__\", which is reserved for Pirn", "Choose another key.");
  else if (node.value->is_string() && node.value->get_string().empty())
    in.bad_value(node, "is empty", "Name a key, or leave it out.");
}
void read_params(ValueReader& in, const Node& node, Reading& to) { in.read_object(node, to.step.params); }
void read_metadata(ValueReader& in, const Node& node, Reading& to) { in.read_object(node, to.step.metadata); }

constexpr Field<Reading> kStepFields[] = {{"name", read_name},
                                          {"task", read_task},
                                          {"workflow", read_nested},
                                          {"input", read_input},
                                          {"result", read_result},
                                          {"label", read_label},
                                          {"description", read_description},
                                          {"at", skip},
                                          {"after", read_mentions<&StepDraft::after>},
                                          {"after_any", read_mentions<&StepDraft::after_any>},
                                          {"group", read_group},
                                          {"after_group", read_after_group},
                                          {"graft", read_graft},
                                          {"after_graft", read_mentions<&StepDraft::after_graft>},
                                          {"when", read_when},
                                          {"rollback", read_rollback},
                                          {"await_approval", read_await_approval},
                                          {"context_key", read_context_key},
                                          {"params", read_params},
                                          {"metadata", read_metadata}};

constexpr Field<Reading> kChildFields[] = {
    {"label", read_label},       {"description", read_description},       {"when", read_when},
    {"rollback", read_rollback}, {"await_approval", read_await_approval}, {"context_key", read_context_key},
    {"metadata", read_metadata}};

// ---- what the keys of a step mean together

// "input" and "result" map a nested workflow's contexts; a task, children and a rollback of its own it has
// not.
void check_kind(ValueReader& in, const Node& node, const Step& step) {
  const bool nested = node.find("workflow") != nullptr;
  const auto refuse = [&](std::string_view key, const std::string& why, std::string hint) {
    if (const Node* found = node.find(key))
      in.problem(Code::invalid_value, *found, "\"" + found->key + "\" of " + in.subject() + " " + why,
                 std::move(hint));
  };
  if (!nested) {
    refuse("input", "is allowed only with \"workflow\"", "Add \"workflow\", or remove it.");
    refuse("result", "is allowed only with \"workflow\"", "Add \"workflow\", or remove it.");
    return;
  }
  refuse("task", "is not allowed with \"workflow\"",
         "Keep one of them: a step runs either a task or a workflow.");
  refuse("rollback", "is not allowed with \"workflow\"",
         "Remove it: a nested workflow is compensated by the rollbacks of its own steps.");
  refuse("resources", "is not allowed with \"workflow\"",
         "Remove it: each step of the nested workflow takes its own resources, and would wait for what this "
         "step holds.");
  if (step.graft)
    refuse("graft", "is not allowed with \"workflow\"",
           "Use a task as the graft, and nest the workflow in another step.");
}

void finish_step(ValueReader& in, const Node& node, const Step& defaults, Step& step) {
  check_retries(in, node);
  const bool own_timeout = node.find("timeout") != nullptr;
  bool timeout_given = own_timeout || defaults.await_inherits;
  if (!step.nested.empty()) {
    if (!own_timeout) step.timeout_function.clear();
    if (!own_timeout || !step.timeout_function.empty()) step.timeout_ns = kInfinite;
    timeout_given = own_timeout;
    step.resources.clear();  // its steps take what they need
  }
  step.await_inherits = step.await_approval && timeout_given;

  const Node* options = node.find("circuit_breaker_opts");
  if (step.breaker.name.empty()) {
    step.breaker = CircuitBreaker();  // options that step_defaults has for others
    if (options != nullptr && node.find("circuit_breaker") == nullptr)
      in.problem(Code::invalid_value, *options,
                 in.subject() + " has \"circuit_breaker_opts\" but no \"circuit_breaker\"",
                 "Name the breaker, or remove its options.");
  }
}

void read_step(ValueReader& in, const Node& node, const Step& defaults, Step& step, StepDraft& draft) {
  const Node* name = node.find("name");
  in.about(name != nullptr && name->value->is_string()
               ? "the step '" + std::string(view(name->value->get_string())).substr(0, 64) + "'"
               : "a step");
  Reading reading{step, draft};
  if (!in.read_fields(node, Level::step, part(kStepFields, reading), part(kSharedFields, step),
                      part(kRetryFields, step.retry)))
    return;
  in.require(node, Level::step, {"name"});
  check_kind(in, node, step);
  finish_step(in, node, defaults, step);
  if (node.find("task") == nullptr && node.find("workflow") == nullptr && !step.name.empty()) {
    step.task = step.name;
    in.check_function(*name, step.task, PIRN_KIND_TASK);
  }
}

}  // namespace

void read_step_defaults(ValueReader& in, const Node& node, Step& defaults) {
  const std::string subject = in.about("step_defaults");
  if (in.read_fields(node, Level::step_defaults, part(kSharedFields, defaults),
                     part(kRetryFields, defaults.retry)))
    check_retries(in, node);
  defaults.await_inherits = node.find("timeout") != nullptr;
  in.about(subject);
}

Step read_child(ValueReader& in, const Node& node) {
  Step step;
  StepDraft draft;
  Reading reading{step, draft};
  if (in.read_fields(node, Level::child, part(kChildFields, reading), part(kSharedFields, step),
                     part(kRetryFields, step.retry)))
    finish_step(in, node, Step(), step);
  return step;
}

void read_steps(ValueReader& in, const Node& node, const Step& defaults, Draft& draft) {
  if (!in.is_list(node, kMaxSteps)) return;
  const std::string subject = in.subject();
  const Where* outer = in.declared_at(nullptr);
  draft.workflow.steps.reserve(node.children.size());
  draft.steps.reserve(node.children.size());
  for (const Node& element : node.children) {
    Step& step = draft.workflow.steps.emplace_back(defaults);
    StepDraft& drafted = draft.steps.emplace_back();
    drafted.node = &element;
    in.declared_at(outer);
    step.where = declared_place(in, element, outer, step.at);
    if (!step.at.empty()) in.declared_at(&step.where);
    read_step(in, element, defaults, step, drafted);
    in.about(subject);
  }
  in.declared_at(outer);
}

}  // namespace pirn::definition
