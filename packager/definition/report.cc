// Describes workflows: what there is, what it waits for, how long it may take.
#include <algorithm>

#include "packager/definition/drawing.h"
#include "packager/definition/words.h"
#include "packager/json/json.h"

namespace pirn::definition {
namespace {

namespace json = boost::json;

json::array texts(const std::vector<std::string>& words) {
  json::array out;
  for (const std::string& word : words) out.push_back(json_text(word));
  return out;
}

json::array steps(const Workflow& workflow, const std::vector<uint32_t>& indices) {
  return texts(names_of_steps(workflow, indices));
}

json::value milliseconds(int64_t ns) {
  if (ns == kInfinite) return nullptr;
  return ns / 1'000'000;
}

std::string_view trigger(const Workflow& workflow) {
  if (!workflow.on_event.empty()) return "event";
  return workflow.schedule ? "scheduled" : "manual";
}

template <class Predicate>
std::vector<uint32_t> steps_that(const Workflow& workflow, Predicate predicate) {
  std::vector<uint32_t> out;
  for (uint32_t i = 0; i < workflow.steps.size(); ++i)
    if (predicate(workflow.steps[i])) out.push_back(i);
  return out;
}
bool is_graft(const Step& step) { return step.graft; }
bool is_nested(const Step& step) { return !step.nested.empty(); }
bool has_rollback(const Step& step) { return !step.rollback.empty(); }

json::object step_object(const Workflow& workflow, const Step& step, const StepStates& states) {
  json::object out = {{"name", json_text(step.name)},
                      {"label", json_text(label_of(step))},
                      {"task", json_text(step.task)},
                      {"depends_on", steps(workflow, step.after)},
                      {"timeout", milliseconds(step.timeout_ns)},
                      {"max_retries", step.retry.max_retries},
                      {"has_rollback", has_rollback(step)},
                      {"has_condition", has_condition(step)},
                      {"on_error", json_text(name_of(kOnError, step.on_error))}};
  if (!step.after_any.empty()) out["depends_on_any"] = steps(workflow, step.after_any);
  if (!step.after_graft.empty()) out["depends_on_grafts"] = steps(workflow, step.after_graft);
  if (!step.after_group.empty()) out["depends_on_group"] = json_text(step.after_group);
  if (!step.group.empty()) out["group"] = json_text(step.group);
  if (!step.nested.empty()) out["workflow"] = json_text(step.nested);
  if (step.priority != 0) out["priority"] = step.priority;
  if (step.estimate_ns != 0) out["estimate"] = milliseconds(step.estimate_ns);
  if (!step.resources.empty()) out["resources"] = resources_object(step.resources);
  if (!states.empty()) out["state"] = json_text(state_of(step, states));
  return out;
}

// Function ids by what they are for; those that are not given are left out.
json::object functions_object(std::initializer_list<std::pair<const char*, const std::string*>> functions) {
  json::object out;
  for (const auto& [name, id] : functions)
    if (!id->empty()) out[name] = json_text(*id);
  return out;
}

json::object group_object(const Workflow& workflow) {
  json::object out;
  for (const Group& group : groups_of(workflow)) out[json_text(group.name)] = steps(workflow, group.members);
  return out;
}

json::object nested_object(const Workflow& workflow) {
  json::object out;
  for (const Step& step : workflow.steps)
    if (is_nested(step)) out[json_text(step.name)] = json_text(step.nested);
  return out;
}

}  // namespace

int64_t total_timeout(const Workflow& workflow) {
  int64_t total = 0;
  for (const Step& step : workflow.steps)
    if (__builtin_add_overflow(total, step.timeout_ns, &total)) return kInfinite;
  return total;
}

json::object summary(const Workflow& workflow) {
  return {{"name", json_text(workflow.name)},
          {"version", workflow.version},
          {"steps", workflow.steps.size()},
          {"parallel_groups", groups_of(workflow).size()},
          {"grafts", steps_that(workflow, is_graft).size()},
          {"nested_workflows", steps_that(workflow, is_nested).size()},
          {"has_rollback", std::any_of(workflow.steps.begin(), workflow.steps.end(), has_rollback)},
          {"estimated_timeout", milliseconds(critical_path(workflow).timeout_ns)},
          {"trigger", json_text(trigger(workflow))},
          {"schedule", workflow.schedule ? json::value(schedule_object(*workflow.schedule)) : nullptr},
          {"tags", texts(workflow.tags)}};
}

json::object report(const Definition& definition, const Workflow& workflow, const StepStates& states) {
  json::array list;
  for (const Step& step : workflow.steps) list.push_back(step_object(workflow, step, states));
  json::object out = summary(workflow);
  out["package"] = json_text(definition.package);
  out["label"] = json_text(workflow.label.empty() ? humanised(workflow.name) : workflow.label);
  out["description"] = json_text(workflow.description);
  out["step_list"] = std::move(list);
  out["execution_order"] = steps(workflow, execution_order(workflow));
  out["critical_path"] = steps(workflow, critical_path(workflow).steps);
  out["parallel_groups"] = group_object(workflow);
  out["grafts"] = steps(workflow, steps_that(workflow, is_graft));
  out["nested_workflows"] = nested_object(workflow);
  out["execution_plan"] = plan_object(workflow);
  out["total_timeout"] = milliseconds(total_timeout(workflow));
  out["failure_mode"] = json_text(name_of(kFailureMode, workflow.failure_mode));
  out["strategy"] = json_text(name_of(kStrategy, workflow.strategy));
  out["order"] = json_text(name_of(kOrder, workflow.order));
  out["timeout"] = milliseconds(workflow.timeout_ns);
  out["max_retries"] = workflow.retry.max_retries;
  out["step_concurrency"] = workflow.step_concurrency;
  out["on_event"] = texts(workflow.on_event);
  out["dead_letter"] = workflow.dead_letter;
  const Handlers& handlers = workflow.handlers;
  out["handlers"] = functions_object({{"on_success", &handlers.on_success},
                                      {"on_failure", &handlers.on_failure},
                                      {"on_cancel", &handlers.on_cancel},
                                      {"on_step_error", &handlers.on_step_error}});
  const Hooks& hooks = workflow.hooks;
  out["hooks"] = functions_object({{"on_start", &hooks.on_start},
                                   {"on_success", &hooks.on_success},
                                   {"on_failure", &hooks.on_failure},
                                   {"on_skip", &hooks.on_skip},
                                   {"on_finish", &hooks.on_finish}});
  return out;
}

}  // namespace pirn::definition
