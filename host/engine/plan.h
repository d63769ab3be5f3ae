// What follows from a definition alone and is the same for all of its executions: canonical ranks, who waits
// for whom, levels. Immutable once made; any thread.
//
// A group and a graft with its children are awaited as one, by any number of steps. Each is a join, a node
// between its members and its dependents: with edges from every member to every dependent a definition of
// 100,000 steps could ask for 2.5 billion of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "host/journal/record.h"
#include "registry/requirements.h"

namespace pirn::engine {

inline constexpr uint32_t kNone = UINT32_MAX;

// Steps that somebody awaits as one.
struct Join {
  uint32_t graft = kNone;            // a graft and its children; kNone: the members of a group
  uint32_t group = kNone;            // of a graft: the join of the group whose member it is
  std::vector<uint32_t> members;     // declared steps; of a group without its grafts
  std::vector<uint32_t> grafts;      // of a group: the joins of its grafts
  std::vector<uint32_t> dependents;  // steps

  // How many members and joins must be over, before a graft has expanded.
  uint32_t size() const { return static_cast<uint32_t>(members.size() + grafts.size()); }
};

// What few steps have beside `after`.
struct JoinInfo {
  uint32_t join = kNone;                 // the join whose member it is
  uint32_t any = kNone;                  // its number among the steps with `after_any`
  uint32_t graft = kNone;                // its number among the grafts
  std::vector<uint32_t> joins_before;    // joins that it awaits
  std::vector<uint32_t> any_dependents;  // steps that name it in `after_any`
};

class Plan {
 public:
  // The release keeps the workflow alive, the plan keeps the release. `required`: what its executions run
  // with beside it.
  static std::shared_ptr<const Plan> make(registry::ReleasePtr release, const definition::Workflow& workflow,
                                          registry::RequiredPtr required = nullptr, uint32_t number = 0);

  const registry::ReleasePtr& release() const { return release_; }
  const registry::RequiredPtr& required() const { return required_; }
  // Pinned by each execution: its own release, and those that are required.
  template <class Visit>
  void each_pin(Visit visit) const {
    visit(release_);
    if (required_)
      for (const registry::ReleasePtr& release : *required_) visit(release);
  }
  bool pins(const registry::ReleasePtr& release) const {
    bool found = false;
    each_pin([&](const registry::ReleasePtr& pinned) { found |= pinned == release; });
    return found;
  }
  const definition::Workflow& workflow() const { return workflow_; }
  // Of its workflow, whatever the release, among those of the engine that has made the plan.
  uint32_t number() const { return number_; }
  const journal::OriginPtr& origin() const { return origin_; }
  uint32_t n_steps() const { return static_cast<uint32_t>(workflow_.steps.size()); }
  const definition::Step& step(uint32_t index) const { return workflow_.steps[index]; }
  const std::vector<std::string>& names() const { return names_; }

  // One of the steps at least has a circuit breaker.
  bool guarded() const { return guarded_; }

  // Topological order by Kahn, always the smallest declaration index first (semantics 2.7).
  uint32_t rank(uint32_t step) const { return rank_[step]; }
  uint32_t at_rank(uint32_t rank) const { return by_rank_[rank]; }
  const std::vector<uint32_t>& dependents(uint32_t step) const { return dependents_[step]; }
  const std::vector<uint32_t>& roots() const { return roots_; }
  // The longest way to it from a step that waits for nothing; a graft's children are one level below it.
  uint32_t level(uint32_t step) const { return level_[step]; }

  // How long the longest way from a step to the end is (R60), by what its author says of how long steps take;
  // definition::kInfinite: endless. 0 unless the workflow's order is that of the critical path.
  int64_t way(uint32_t step) const { return ways_.empty() ? 0 : ways_[step]; }
  // What lies behind the children of a graft.
  int64_t way_behind_children(uint32_t graft) const {
    const uint32_t join = ways_.empty() ? kNone : join_info(graft).join;
    return join == kNone ? 0 : ways_behind_joins_[join];
  }

  // Neither joins nor `after_any` nor grafts: what most workflows are.
  bool plain() const { return join_info_.empty(); }
  const JoinInfo& join_info(uint32_t step) const {
    return join_info_.empty() ? no_join_info() : join_info_[step];
  }
  const std::vector<Join>& joins() const { return joins_; }
  uint32_t n_any() const { return n_any_; }
  uint32_t n_grafts() const { return n_grafts_; }
  // How many things a step waits for at first: steps, joins, and all of `after_any` as one.
  uint32_t n_dependencies(uint32_t step) const;

  // Does it wait, directly, for a declared step of which this is true?
  template <class Predicate>
  bool waits_for_any(uint32_t step, Predicate predicate) const;

  // UINT32_MAX when there is no such step.
  uint32_t find(std::string_view name) const;

  // Walks from a step to what it descends from, through ranks of at least `least_rank`: on_step(step) for
  // each declared ancestor, on_graft(step) for each graft whose children are ancestors, until one returns
  // true. Of `after_any` only what fired_by(step) gives is an ancestor. Each is visited once, or a few times.
  template <class FiredBy, class OnStep, class OnGraft>
  bool search_ancestors(uint32_t step, uint32_t least_rank, FiredBy fired_by, OnStep on_step,
                        OnGraft on_graft) const;

 private:
  Plan(registry::ReleasePtr release, const definition::Workflow& workflow, registry::RequiredPtr required,
       uint32_t number);
  void number_joins();
  void make_joins();
  uint32_t join_of_graft(std::vector<uint32_t>& by_step, uint32_t graft);
  void order();
  void measure_ways();
  void raise_level(uint32_t step, uint32_t least) { level_[step] = std::max(level_[step], least); }
  static const JoinInfo& no_join_info();

  const registry::ReleasePtr release_;
  const registry::RequiredPtr required_;
  const definition::Workflow& workflow_;
  const uint32_t number_;
  const journal::OriginPtr origin_;
  std::vector<std::string> names_;
  std::vector<uint32_t> rank_, by_rank_, roots_, level_;
  std::vector<std::vector<uint32_t>> dependents_;
  std::unordered_map<std::string_view, uint32_t> index_;
  std::vector<JoinInfo> join_info_;  // by step; empty: plain
  std::vector<Join> joins_;
  std::vector<int64_t> ways_, ways_behind_joins_;  // empty: nobody asks for them
  uint32_t n_any_ = 0, n_grafts_ = 0;
  bool guarded_ = false;
};
using PlanPtr = std::shared_ptr<const Plan>;

template <class Predicate>
bool Plan::waits_for_any(uint32_t step, Predicate predicate) const {
  const auto among = [&](const std::vector<uint32_t>& steps) {
    return std::any_of(steps.begin(), steps.end(), predicate);
  };
  if (among(workflow_.steps[step].after) || among(workflow_.steps[step].after_any)) return true;
  for (uint32_t join : join_info(step).joins_before) {
    if (among(joins_[join].members)) return true;
    for (uint32_t graft : joins_[join].grafts)
      if (among(joins_[graft].members)) return true;
  }
  return false;
}

template <class FiredBy, class OnStep, class OnGraft>
bool Plan::search_ancestors(uint32_t step, uint32_t least_rank, FiredBy fired_by, OnStep on_step,
                            OnGraft on_graft) const {
  std::vector<bool> seen(n_steps()), seen_joins(joins_.size());
  std::vector<uint32_t> todo{step};
  const auto found = [&](uint32_t ancestor) {
    if (rank_[ancestor] < least_rank || seen[ancestor]) return false;
    seen[ancestor] = true;
    todo.push_back(ancestor);
    return on_step(ancestor);
  };
  const auto found_join = [&](const Join& join) {
    if (join.graft != kNone && rank_[join.graft] >= least_rank && on_graft(join.graft)) return true;
    for (uint32_t member : join.members)
      if (found(member)) return true;
    return false;
  };
  while (!todo.empty()) {
    const uint32_t current = todo.back();
    todo.pop_back();
    for (uint32_t dependency : workflow_.steps[current].after)
      if (found(dependency)) return true;
    if (plain()) continue;
    for (uint32_t number : join_info_[current].joins_before) {
      if (seen_joins[number]) continue;
      seen_joins[number] = true;
      if (found_join(joins_[number])) return true;
      for (uint32_t graft : joins_[number].grafts)
        if (found_join(joins_[graft])) return true;
    }
    if (join_info_[current].any != kNone)
      for (uint32_t member : fired_by(current))
        if (found(member)) return true;
  }
  return false;
}

}  // namespace pirn::engine
