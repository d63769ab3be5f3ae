#include "host/engine/plan.h"

#include <cassert>
#include <functional>
#include <queue>

namespace pirn::engine {

std::shared_ptr<const Plan> Plan::make(registry::ReleasePtr release, const definition::Workflow& workflow) {
  return std::shared_ptr<const Plan>(new Plan(std::move(release), workflow));
}

Plan::Plan(registry::ReleasePtr release, const definition::Workflow& workflow)
    : release_(std::move(release)),
      workflow_(workflow),
      origin_(journal::make_origin({.tenant = release_->tenant,
                                    .package = release_->package,
                                    .version = release_->version,
                                    .workflow = workflow.name,
                                    .pins = {release_->digest},
                                    .definition = release_->digest_of(workflow),
                                    .definition_schema = release_->definition.schema})) {
  const uint32_t n = n_steps();
  dependents_.resize(n);
  rank_.resize(n);
  by_rank_.reserve(n);
  std::vector<size_t> open(n);
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ready;
  for (uint32_t step = 0; step < n; ++step) {
    names_.push_back(workflow.steps[step].name);
    index_.emplace(workflow.steps[step].name, step);
    open[step] = workflow.steps[step].after.size();
    for (uint32_t dependency : workflow.steps[step].after) dependents_[dependency].push_back(step);
    if (open[step] == 0) {
      roots_.push_back(step);
      ready.push(step);
    }
  }
  while (!ready.empty()) {
    const uint32_t step = ready.top();
    ready.pop();
    rank_[step] = static_cast<uint32_t>(by_rank_.size());
    by_rank_.push_back(step);
    for (uint32_t dependent : dependents_[step])
      if (--open[dependent] == 0) ready.push(dependent);
  }
  assert(by_rank_.size() == n && "a validated definition has no cycle");
}

uint32_t Plan::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? UINT32_MAX : found->second;
}

bool Plan::is_ancestor(uint32_t ancestor, uint32_t step) const {
  // Backwards from the step, and only through ranks above the ancestor's.
  if (rank_[ancestor] >= rank_[step]) return false;
  std::vector<bool> seen(n_steps());
  std::vector<uint32_t> todo{step};
  while (!todo.empty()) {
    const uint32_t current = todo.back();
    todo.pop_back();
    for (uint32_t dependency : workflow_.steps[current].after) {
      if (dependency == ancestor) return true;
      if (rank_[dependency] > rank_[ancestor] && !seen[dependency]) {
        seen[dependency] = true;
        todo.push_back(dependency);
      }
    }
  }
  return false;
}

}  // namespace pirn::engine
