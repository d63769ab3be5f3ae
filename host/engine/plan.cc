#include "host/engine/plan.h"

#include <algorithm>
#include <cassert>
#include <functional>
#include <queue>

#include "packager/definition/graph.h"

namespace pirn::engine {

namespace {

std::vector<Digest> pins_of(const registry::ReleasePtr& own, const registry::RequiredPtr& required) {
  std::vector<Digest> pins{own->digest};
  if (required)
    for (const registry::ReleasePtr& release : *required) pins.push_back(release->digest);
  return pins;
}

}  // namespace

std::shared_ptr<const Plan> Plan::make(registry::ReleasePtr release, const definition::Workflow& workflow,
                                       registry::RequiredPtr required, uint32_t number) {
  return std::shared_ptr<const Plan>(new Plan(std::move(release), workflow, std::move(required), number));
}

Plan::Plan(registry::ReleasePtr release, const definition::Workflow& workflow, registry::RequiredPtr required,
           uint32_t number)
    : release_(std::move(release)),
      required_(std::move(required)),
      workflow_(workflow),
      number_(number),
      origin_(journal::make_origin({.tenant = release_->tenant,
                                    .package = release_->package,
                                    .version = release_->version,
                                    .workflow = workflow.name,
                                    .pins = pins_of(release_, required_),
                                    .definition = release_->digest_of(workflow),
                                    .definition_schema = release_->definition.schema})) {
  const uint32_t n = n_steps();
  dependents_.resize(n);
  for (uint32_t step = 0; step < n; ++step) {
    names_.push_back(workflow.steps[step].name);
    guarded_ = guarded_ || !workflow.steps[step].breaker.name.empty();
    index_.emplace(workflow.steps[step].name, step);
    for (uint32_t dependency : workflow.steps[step].after) dependents_[dependency].push_back(step);
  }
  number_joins();
  if (!plain()) make_joins();
  order();
  if (workflow.order == definition::Order::critical_path) measure_ways();
}

void Plan::number_joins() {
  const auto has_ties = [](const definition::Step& step) {
    return step.graft || !step.after_any.empty() || !step.after_graft.empty() || !step.after_group.empty();
  };
  if (std::none_of(workflow_.steps.begin(), workflow_.steps.end(), has_ties)) return;
  join_info_.resize(n_steps());
  for (uint32_t step = 0; step < n_steps(); ++step) {
    const definition::Step& of_step = workflow_.steps[step];
    if (of_step.graft) join_info_[step].graft = n_grafts_++;
    if (of_step.after_any.empty()) continue;
    join_info_[step].any = n_any_++;
    for (uint32_t member : of_step.after_any) join_info_[member].any_dependents.push_back(step);
  }
}

// Only of groups and grafts that somebody awaits.
void Plan::make_joins() {
  std::unordered_map<std::string_view, uint32_t> groups;
  for (const definition::Step& step : workflow_.steps)
    if (!step.after_group.empty() && groups.emplace(step.after_group, joins_.size()).second)
      joins_.emplace_back();
  std::vector<uint32_t> by_graft(n_steps(), kNone);
  for (uint32_t step = 0; step < n_steps(); ++step) {
    const definition::Step& of_step = workflow_.steps[step];
    const auto group = groups.find(of_step.group);
    if (of_step.group.empty() || group == groups.end()) continue;
    if (of_step.graft) {
      const uint32_t join = join_of_graft(by_graft, step);
      joins_[join].group = group->second;
      joins_[group->second].grafts.push_back(join);
    } else {
      join_info_[step].join = group->second;
      joins_[group->second].members.push_back(step);
    }
  }
  for (uint32_t step = 0; step < n_steps(); ++step) {
    const definition::Step& of_step = workflow_.steps[step];
    std::vector<uint32_t>& before = join_info_[step].joins_before;
    if (!of_step.after_group.empty()) before.push_back(groups.at(of_step.after_group));
    for (uint32_t graft : of_step.after_graft) before.push_back(join_of_graft(by_graft, graft));
    std::erase_if(before, [&](uint32_t join) { return joins_[join].size() == 0; });
    for (uint32_t join : before) joins_[join].dependents.push_back(step);
  }
}

uint32_t Plan::join_of_graft(std::vector<uint32_t>& by_graft, uint32_t graft) {
  if (by_graft[graft] == kNone) {
    by_graft[graft] = join_info_[graft].join = static_cast<uint32_t>(joins_.size());
    Join& join = joins_.emplace_back();
    join.graft = graft;
    join.members.push_back(graft);
  }
  return by_graft[graft];
}

uint32_t Plan::n_dependencies(uint32_t step) const {
  const definition::Step& of_step = workflow_.steps[step];
  return static_cast<uint32_t>(of_step.after.size() + join_info(step).joins_before.size() +
                               !of_step.after_any.empty());
}

// Kahn over steps and joins. A join takes no rank: it lets its dependents go when its last member is placed.
void Plan::order() {
  const uint32_t n = n_steps();
  rank_.resize(n);
  level_.resize(n);
  by_rank_.reserve(n);
  std::vector<size_t> open(n), open_joins;
  std::vector<uint32_t> level_of_joins(joins_.size());
  for (const Join& join : joins_) open_joins.push_back(join.size());
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ready;
  for (uint32_t step = 0; step < n; ++step) {
    const definition::Step& of_step = workflow_.steps[step];
    open[step] = of_step.after.size() + join_info(step).joins_before.size() + of_step.after_any.size();
    if (open[step] > 0) continue;
    roots_.push_back(step);
    ready.push(step);
  }
  const auto release = [&](const std::vector<uint32_t>& dependents, uint32_t level) {
    for (uint32_t dependent : dependents) {
      raise_level(dependent, level);
      if (--open[dependent] == 0) ready.push(dependent);
    }
  };
  const auto place_in = [&](uint32_t join, uint32_t level) {
    for (; join != kNone; join = joins_[join].group) {
      level_of_joins[join] = level = std::max(level_of_joins[join], level);
      if (--open_joins[join] > 0) return;
      release(joins_[join].dependents, level);
    }
  };
  while (!ready.empty()) {
    const uint32_t step = ready.top();
    ready.pop();
    rank_[step] = static_cast<uint32_t>(by_rank_.size());
    by_rank_.push_back(step);
    const uint32_t next = level_[step] + 1;
    release(dependents_[step], next);
    if (plain()) continue;
    release(join_info_[step].any_dependents, next);
    place_in(join_info_[step].join, join_info_[step].graft == kNone ? next : next + 1);
  }
  assert(by_rank_.size() == n && "a validated definition has no cycle");
}

// From the last step to the first, so that what depends on a step has been measured before it. The dependents
// of a join are looked at once, by the first of its members that comes.
void Plan::measure_ways() {
  ways_.resize(n_steps());
  ways_behind_joins_.resize(joins_.size());
  std::vector<bool> measured(joins_.size());
  const auto longest_of = [&](const std::vector<uint32_t>& dependents, int64_t way) {
    for (uint32_t dependent : dependents) way = std::max(way, ways_[dependent]);
    return way;
  };
  const auto behind_join = [&](uint32_t join, const auto& behind) -> int64_t {
    if (join == kNone) return 0;
    if (!measured[join]) {
      measured[join] = true;
      ways_behind_joins_[join] = longest_of(joins_[join].dependents, behind(joins_[join].group, behind));
    }
    return ways_behind_joins_[join];
  };
  for (size_t rank = by_rank_.size(); rank > 0; --rank) {
    const uint32_t step = by_rank_[rank - 1];
    int64_t behind = longest_of(dependents_[step], 0);
    if (!plain())
      behind = longest_of(join_info_[step].any_dependents,
                          std::max(behind, behind_join(join_info_[step].join, behind_join)));
    ways_[step] = definition::longer(definition::likely_length(workflow_.steps[step]), behind);
  }
}

const JoinInfo& Plan::no_join_info() {
  static const JoinInfo none;
  return none;
}

uint32_t Plan::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? UINT32_MAX : found->second;
}

}  // namespace pirn::engine
