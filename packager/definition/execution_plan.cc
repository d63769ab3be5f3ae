// Plans how an execution goes: which steps come together, how long it may take, what it needs of the host.
#include <algorithm>
#include <functional>
#include <map>
#include <queue>

#include "packager/definition/drawing.h"
#include "packager/definition/words.h"
#include "packager/json/json.h"

namespace pirn::definition {
namespace {

namespace json = boost::json;

size_t slots_of(const Workflow& workflow) {
  if (workflow.strategy == Strategy::sequential) return 1;
  return workflow.step_concurrency == 0 ? SIZE_MAX : workflow.step_concurrency;
}

// The steps as the engine sees them: edges both ways, canonical ranks, and how long the way to the end is.
struct Network {
  explicit Network(const Workflow& of) : workflow(of), before(dependencies(of)), order(execution_order(of)) {
    after.resize(before.size());
    rank.resize(before.size());
    way.resize(before.size());
    level.resize(before.size());
    for (const uint32_t step : order)
      for (const uint32_t dependency : before[step]) {
        after[dependency].push_back(step);
        level[step] = std::max(level[step], level[dependency] + 1);
      }
    for (size_t i = order.size(); i > 0; --i) {
      const uint32_t step = order[i - 1];
      rank[step] = static_cast<uint32_t>(i - 1);
      for (const uint32_t dependent : after[step]) way[step] = std::max(way[step], way[dependent]);
      way[step] = longer(way[step], likely_length(workflow.steps[step]));
    }
  }

  std::vector<size_t> sizes_of_levels() const {
    std::vector<size_t> sizes;
    for (const size_t of_step : level) {
      if (of_step >= sizes.size()) sizes.resize(of_step + 1);
      ++sizes[of_step];
    }
    return sizes;
  }

  // R60. One after the other is in canonical order.
  bool goes_first(uint32_t a, uint32_t b, Order by) const {
    if (workflow.strategy == Strategy::hybrid && level[a] != level[b]) return level[a] < level[b];
    if (slots_of(workflow) > 1) {
      const Step &of_a = workflow.steps[a], &of_b = workflow.steps[b];
      if (of_a.priority != of_b.priority) return of_a.priority > of_b.priority;
      if (by == Order::critical_path && way[a] != way[b]) return way[a] > way[b];
    }
    return rank[a] < rank[b];
  }

  const Workflow& workflow;
  std::vector<std::vector<uint32_t>> before, after;
  std::vector<uint32_t> order, rank;
  std::vector<int64_t> way;
  std::vector<size_t> level;  // how many others stand before it, one behind the other
};

// How long all of it takes when a free slot is always given to the step that goes first.
int64_t duration_of(const Network& network, Order by) {
  const std::vector<Step>& steps = network.workflow.steps;
  const auto goes_later = [&](uint32_t a, uint32_t b) { return network.goes_first(b, a, by); };
  std::priority_queue ready(goes_later, std::vector<uint32_t>());
  using Running = std::pair<int64_t, uint32_t>;  // until when
  std::priority_queue<Running, std::vector<Running>, std::greater<>> running;
  std::vector<size_t> open;
  for (uint32_t step = 0; step < steps.size(); ++step) {
    open.push_back(network.before[step].size());
    if (open.back() == 0) ready.push(step);
  }
  std::vector<size_t> open_in_level = network.sizes_of_levels();
  size_t level = 0;  // the lowest that is open
  const auto may_start = [&](uint32_t step) {
    return network.workflow.strategy != Strategy::hybrid || network.level[step] <= level;
  };
  int64_t now = 0;
  while (!ready.empty() || !running.empty()) {
    while (!ready.empty() && running.size() < slots_of(network.workflow) && may_start(ready.top())) {
      running.emplace(longer(now, likely_length(steps[ready.top()])), ready.top());
      ready.pop();
    }
    now = running.top().first;
    if (now == kInfinite) return kInfinite;
    while (!running.empty() && running.top().first == now) {
      const uint32_t ended = running.top().second;
      for (const uint32_t dependent : network.after[ended])
        if (--open[dependent] == 0) ready.push(dependent);
      --open_in_level[network.level[ended]];
      running.pop();
    }
    while (level < open_in_level.size() && open_in_level[level] == 0) ++level;
  }
  return now;
}

std::vector<std::vector<uint32_t>> batches_of(const Network& network, std::vector<uint32_t> level) {
  const Workflow& workflow = network.workflow;
  const size_t slots = slots_of(workflow);
  std::sort(level.begin(), level.end(),
            [&](uint32_t a, uint32_t b) { return network.goes_first(a, b, workflow.order); });
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

// What the order of the critical path gains, or would. Nothing where the order makes no difference.
std::string orders_text(const Workflow& workflow, const ExecutionPlan& plan) {
  const auto& [canonical, critical] = plan.by_order;
  if (canonical == kInfinite || canonical == critical) return "";
  const bool chosen = workflow.order == Order::critical_path;
  const std::string gain = canonical > critical ? print_duration(canonical - critical) + " less"
                                                : print_duration(critical - canonical) + " more";
  return "by order    critical_path " + print_duration(critical) + ", " + gain + " than canonical" +
         (chosen ? "" : ", the current order") + "\n";
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
  const Network network(workflow);
  std::vector<std::vector<uint32_t>> levels(network.sizes_of_levels().size());
  for (const uint32_t step : network.order) levels[network.level[step]].push_back(step);
  for (std::vector<uint32_t>& level : levels) {
    const auto& batches = plan.levels.emplace_back(batches_of(network, std::move(level)));
    plan.n_batches += batches.size();
    for (const auto& batch : batches) plan.max_parallelism = std::max(plan.max_parallelism, batch.size());
  }
  plan.by_order = {duration_of(network, Order::canonical), duration_of(network, Order::critical_path)};
  CriticalPath path = longest_path(workflow, likely_length);
  plan.critical_path = std::move(path.steps);
  plan.duration_ns =
      workflow.order == Order::critical_path ? plan.by_order.critical_path_ns : plan.by_order.canonical_ns;
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
  const auto milliseconds = [](int64_t ns) {
    return ns == kInfinite ? json::value(nullptr) : json::value(ns / 1'000'000);
  };
  return {{"levels", std::move(levels)},
          {"batch_count", plan.n_batches},
          {"max_parallelism", plan.max_parallelism},
          {"critical_path", names(workflow, plan.critical_path)},
          {"estimated_duration", milliseconds(plan.duration_ns)},
          {"order", json_text(name_of(kOrder, workflow.order))},
          {"duration_by_order",
           {{"canonical", milliseconds(plan.by_order.canonical_ns)},
            {"critical_path", milliseconds(plan.by_order.critical_path_ns)}}},
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
  out += "at once     " + std::to_string(plan.max_parallelism) + " of " +
         std::to_string(workflow.steps.size()) + " steps\nlikely path " +
         join(names_of_steps(workflow, plan.critical_path), ", ") + "\ntakes about " +
         (plan.duration_ns == kInfinite ? "?" : print_duration(plan.duration_ns)) + "\n" +
         orders_text(workflow, plan);
  for (const ExecutionPlan::Need& need : plan.resources)
    out += "needs       " + shown(need.largest) + " " + need.name + "; with " + shown(need.at_once) +
           ", no step waits\n";
  return out;
}

}  // namespace pirn::definition
