// Plans how an execution goes: which steps come together, how long it may take, what it needs of the host.
#include <algorithm>
#include <map>

#include "packager/definition/drawing.h"
#include "packager/json/json.h"

namespace pirn::definition {
namespace {

namespace json = boost::json;

int64_t likely_length(const Step& step) { return step.estimate_ns != 0 ? step.estimate_ns : step.timeout_ns; }

size_t slots_of(const Workflow& workflow) {
  if (workflow.strategy == Strategy::sequential) return 1;
  return workflow.step_concurrency == 0 ? SIZE_MAX : workflow.step_concurrency;
}

// Those of the highest priority first; among equals the canonical order, in which they come. One after the
// other pays no heed to priorities.
std::vector<std::vector<uint32_t>> batches_of(const Workflow& workflow, std::vector<uint32_t> level) {
  const size_t slots = slots_of(workflow);
  if (slots > 1)
    std::stable_sort(level.begin(), level.end(), [&](uint32_t a, uint32_t b) {
      return workflow.steps[a].priority > workflow.steps[b].priority;
    });
  std::vector<std::vector<uint32_t>> batches;
  for (const uint32_t step : level) {
    if (batches.empty() || batches.back().size() >= slots) batches.emplace_back();
    batches.back().push_back(step);
  }
  return batches;
}

std::vector<ExecutionPlan::Need> needs_of(const Workflow& workflow, const ExecutionPlan& plan) {
  std::map<std::string, ExecutionPlan::Need> needs;
  for (const auto& level : plan.levels)
    for (const auto& batch : level) {
      std::map<std::string, double> sums;
      for (const uint32_t step : batch)
        for (const Resource& resource : workflow.steps[step].resources) {
          sums[resource.name] += resource.amount;
          double& largest = needs[resource.name].largest;
          largest = std::max(largest, resource.amount);
        }
      for (const auto& [name, sum] : sums) needs[name].at_once = std::max(needs[name].at_once, sum);
    }
  std::vector<ExecutionPlan::Need> out;
  for (auto& [name, need] : needs) {
    need.name = name;
    out.push_back(std::move(need));
  }
  return out;
}

json::array names(const Workflow& workflow, const std::vector<uint32_t>& steps) {
  json::array out;
  for (const std::string& name : names_of_steps(workflow, steps)) out.push_back(json_text(name));
  return out;
}

std::string shown(double amount) { return canonical(number(amount)); }

}  // namespace

json::value number(double amount) {
  const auto whole = static_cast<int64_t>(amount);
  return static_cast<double>(whole) == amount ? json::value(whole) : json::value(amount);
}

json::object resources_object(const std::vector<Resource>& resources) {
  json::object out;
  for (const Resource& resource : resources) out[json_text(resource.name)] = number(resource.amount);
  return out;
}

ExecutionPlan execution_plan(const Workflow& workflow) {
  ExecutionPlan plan;
  const std::vector<std::vector<uint32_t>> before = dependencies(workflow);
  std::vector<size_t> level_of(workflow.steps.size());
  std::vector<std::vector<uint32_t>> levels;
  for (const uint32_t step : execution_order(workflow)) {
    for (const uint32_t dependency : before[step])
      level_of[step] = std::max(level_of[step], level_of[dependency] + 1);
    if (level_of[step] == levels.size()) levels.emplace_back();
    levels[level_of[step]].push_back(step);
  }
  for (std::vector<uint32_t>& level : levels) {
    const auto& batches = plan.levels.emplace_back(batches_of(workflow, std::move(level)));
    plan.n_batches += batches.size();
    for (const auto& batch : batches) plan.max_parallelism = std::max(plan.max_parallelism, batch.size());
  }
  CriticalPath path = longest_path(workflow, likely_length);
  plan.critical_path = std::move(path.steps);
  plan.duration_ns = path.timeout_ns;
  plan.resources = needs_of(workflow, plan);
  return plan;
}

json::object plan_object(const Workflow& workflow) {
  const ExecutionPlan plan = execution_plan(workflow);
  json::array levels;
  for (const auto& level : plan.levels) {
    json::array batches;
    for (const auto& batch : level) batches.push_back(names(workflow, batch));
    levels.push_back({{"level", levels.size()}, {"batches", std::move(batches)}});
  }
  json::object resources;
  for (const ExecutionPlan::Need& need : plan.resources)
    resources[json_text(need.name)] = {{"largest", number(need.largest)}, {"at_once", number(need.at_once)}};
  return {{"levels", std::move(levels)},
          {"batch_count", plan.n_batches},
          {"max_parallelism", plan.max_parallelism},
          {"critical_path", names(workflow, plan.critical_path)},
          {"estimated_duration",
           plan.duration_ns == kInfinite ? json::value(nullptr) : json::value(plan.duration_ns / 1'000'000)},
          {"resources", std::move(resources)}};
}

JsonText plan(const Workflow& workflow) { return canonical(plan_object(workflow)); }

std::string to_plan_text(const Workflow& workflow) {
  const ExecutionPlan plan = execution_plan(workflow);
  std::string out;
  for (size_t level = 0; level < plan.levels.size(); ++level)
    for (size_t batch = 0; batch < plan.levels[level].size(); ++batch) {
      std::string place = batch == 0 ? "level " + std::to_string(level) : "  then";
      place.resize(std::max<size_t>(place.size() + 2, 12), ' ');
      out += place + join(names_of_steps(workflow, plan.levels[level][batch]), ", ") + "\n";
    }
  out += "at one time " + std::to_string(plan.max_parallelism) + " of " +
         std::to_string(workflow.steps.size()) + " steps\nlikely path " +
         join(names_of_steps(workflow, plan.critical_path), ", ") + "\ntakes about " +
         (plan.duration_ns == kInfinite ? "?" : print_duration(plan.duration_ns)) + "\n";
  for (const ExecutionPlan::Need& need : plan.resources)
    out += "needs       " + shown(need.largest) + " " + need.name + ", with " + shown(need.at_once) +
           " nobody waits\n";
  return out;
}

}  // namespace pirn::definition
