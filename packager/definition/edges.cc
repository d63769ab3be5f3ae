// The graph as data: edges, canonical order, critical path.
#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_map>

#include "packager/definition/drawing.h"

namespace pirn::definition {
namespace {

// An endless step is as long as its author thinks.
int64_t length_of(const Step& step) {
  return step.timeout_ns == kInfinite && step.estimate_ns != 0 ? step.estimate_ns : step.timeout_ns;
}

std::vector<std::vector<uint32_t>> dependents(const Workflow& workflow,
                                              const std::vector<std::vector<uint32_t>>& before) {
  std::vector<std::vector<uint32_t>> out(workflow.steps.size());
  for (uint32_t step = 0; step < workflow.steps.size(); ++step)
    for (const uint32_t dependency : before[step]) out[dependency].push_back(step);
  return out;
}

}  // namespace

int64_t longer(int64_t left, int64_t right) {
  int64_t sum = 0;
  return __builtin_add_overflow(left, right, &sum) ? kInfinite : sum;
}

int64_t likely_length(const Step& step) { return step.estimate_ns != 0 ? step.estimate_ns : step.timeout_ns; }

std::vector<Group> groups_of(const Workflow& workflow) {
  std::vector<Group> groups;
  std::unordered_map<std::string_view, size_t> index;
  for (uint32_t step = 0; step < workflow.steps.size(); ++step) {
    const std::string& name = workflow.steps[step].group;
    if (name.empty()) continue;
    const auto [found, fresh] = index.emplace(name, groups.size());
    if (fresh) groups.push_back({name, {}});
    groups[found->second].members.push_back(step);
  }
  return groups;
}

std::vector<Edge> edges(const Workflow& workflow) {
  const std::vector<Group> groups = groups_of(workflow);
  std::unordered_map<std::string_view, const Group*> index;
  for (const Group& group : groups) index.emplace(group.name, &group);

  std::vector<Edge> out;
  for (uint32_t to = 0; to < workflow.steps.size(); ++to) {
    const Step& step = workflow.steps[to];
    const size_t first = out.size();
    const auto add = [&](const std::vector<uint32_t>& steps, Edge::Kind kind) {
      for (const uint32_t from : steps) out.push_back({from, to, kind});
    };
    add(step.after, Edge::Kind::after);
    add(step.after_graft, Edge::Kind::graft);
    if (const auto group = index.find(step.after_group); group != index.end())
      add(group->second->members, Edge::Kind::group);
    add(step.after_any, Edge::Kind::any);
    // Who is named in several ways is one edge, of the first kind.
    const auto begin = out.begin() + static_cast<std::ptrdiff_t>(first);
    std::stable_sort(begin, out.end(), [](const Edge& a, const Edge& b) { return a.from < b.from; });
    out.erase(std::unique(begin, out.end(), [](const Edge& a, const Edge& b) { return a.from == b.from; }),
              out.end());
  }
  return out;
}

std::vector<std::vector<uint32_t>> dependencies(const Workflow& workflow) {
  std::vector<std::vector<uint32_t>> out(workflow.steps.size());
  for (const Edge& edge : edges(workflow)) out[edge.to].push_back(edge.from);
  return out;
}

Workflow with_children(const Workflow& workflow, const std::vector<GraftChild>& children) {
  Workflow out = workflow;
  std::unordered_map<std::string_view, uint32_t> grafts;
  for (uint32_t step = 0; step < workflow.steps.size(); ++step)
    grafts.emplace(workflow.steps[step].name, step);
  for (const GraftChild& child : children) {
    const auto graft = grafts.find(child.graft);
    if (graft == grafts.end()) continue;  // of another version of the workflow
    Step& step = out.steps.emplace_back();
    step.name = child.name;
    step.task = child.task;
    step.label = child.label;
    step.after = {graft->second};
  }
  return out;
}

std::vector<uint32_t> execution_order(const Workflow& workflow) {
  const std::vector<std::vector<uint32_t>> before = dependencies(workflow);
  const std::vector<std::vector<uint32_t>> next = dependents(workflow, before);
  std::vector<size_t> open(workflow.steps.size());
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ready;
  for (uint32_t step = 0; step < workflow.steps.size(); ++step) {
    open[step] = before[step].size();
    if (open[step] == 0) ready.push(step);
  }
  std::vector<uint32_t> order;
  order.reserve(workflow.steps.size());
  while (!ready.empty()) {
    const uint32_t step = ready.top();
    ready.pop();
    order.push_back(step);
    for (const uint32_t dependent : next[step])
      if (--open[dependent] == 0) ready.push(dependent);
  }
  return order;
}

CriticalPath longest_path(const Workflow& workflow, int64_t (*length_of)(const Step&)) {
  const std::vector<Step>& steps = workflow.steps;
  std::vector<int64_t> longest(steps.size());
  const std::vector<std::vector<uint32_t>> dependencies = definition::dependencies(workflow);
  std::vector<uint32_t> before(steps.size(), UINT32_MAX);
  uint32_t last = UINT32_MAX;
  for (const uint32_t step : execution_order(workflow)) {
    for (const uint32_t dependency : dependencies[step])
      if (before[step] == UINT32_MAX || longest[dependency] > longest[before[step]])
        before[step] = dependency;
    longest[step] = longer(before[step] == UINT32_MAX ? 0 : longest[before[step]], length_of(steps[step]));
    if (last == UINT32_MAX || longest[step] > longest[last]) last = step;
  }
  CriticalPath path;
  if (last == UINT32_MAX) return path;
  path.timeout_ns = longest[last];
  for (uint32_t step = last; step != UINT32_MAX; step = before[step]) path.steps.push_back(step);
  std::reverse(path.steps.begin(), path.steps.end());
  return path;
}

CriticalPath critical_path(const Workflow& workflow) { return longest_path(workflow, length_of); }

}  // namespace pirn::definition
