// What follows from a definition alone and is the same for all of its executions: canonical ranks,
// dependents, ancestry. Immutable once made; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "host/journal/record.h"
#include "registry/release.h"

namespace pirn::engine {

class Plan {
 public:
  // The release keeps the workflow alive, the plan keeps the release.
  static std::shared_ptr<const Plan> make(registry::ReleasePtr release, const definition::Workflow& workflow);

  const registry::ReleasePtr& release() const { return release_; }
  const definition::Workflow& workflow() const { return workflow_; }
  const journal::OriginPtr& origin() const { return origin_; }
  uint32_t n_steps() const { return static_cast<uint32_t>(workflow_.steps.size()); }
  const definition::Step& step(uint32_t index) const { return workflow_.steps[index]; }
  const std::vector<std::string>& names() const { return names_; }

  // Topological order by Kahn, always the smallest declaration index first (semantics 2.7).
  uint32_t rank(uint32_t step) const { return rank_[step]; }
  uint32_t at_rank(uint32_t rank) const { return by_rank_[rank]; }
  const std::vector<uint32_t>& dependents(uint32_t step) const { return dependents_[step]; }
  const std::vector<uint32_t>& roots() const { return roots_; }

  // UINT32_MAX when there is no such step.
  uint32_t find(std::string_view name) const;
  // Does `step` depend on `ancestor`, directly or not? O(edges between them).
  bool is_ancestor(uint32_t ancestor, uint32_t step) const;

 private:
  Plan(registry::ReleasePtr release, const definition::Workflow& workflow);

  const registry::ReleasePtr release_;
  const definition::Workflow& workflow_;
  const journal::OriginPtr origin_;
  std::vector<std::string> names_;
  std::vector<uint32_t> rank_, by_rank_, roots_;
  std::vector<std::vector<uint32_t>> dependents_;
  std::unordered_map<std::string_view, uint32_t> index_;
};
using PlanPtr = std::shared_ptr<const Plan>;

}  // namespace pirn::engine
