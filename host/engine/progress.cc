#include "host/engine/progress.h"

#include <algorithm>
#include <cassert>
#include <functional>
#include <utility>

namespace pirn::engine {

using journal::SkipKind;
using journal::Step;
using journal::StepClass;
using journal::StepState;

namespace {

// Without a default: the compiler names a strategy that only one of the two has.
static_assert(static_cast<int>(journal::Strategy::hybrid) ==
              static_cast<int>(definition::Strategy::hybrid) + 1);
definition::Strategy strategy_of(journal::Strategy started_with, const definition::Workflow& workflow) {
  switch (started_with) {
    case journal::Strategy::parallel:
      return definition::Strategy::parallel;
    case journal::Strategy::sequential:
      return definition::Strategy::sequential;
    case journal::Strategy::hybrid:
      return definition::Strategy::hybrid;
    case journal::Strategy::as_defined:
      break;
  }
  return workflow.strategy;
}

// Of two steps that are over, the one that ended first.
uint32_t earlier(const Progress::Steps& steps, uint32_t a, uint32_t b) {
  if (a == kNone || b == kNone) return a == kNone ? b : a;
  return steps[b].ended_seq < steps[a].ended_seq ? b : a;
}

}  // namespace

void Progress::begin(const Plan& plan, journal::Strategy started_with) {
  strategy_ = strategy_of(started_with, plan.workflow());
  const uint32_t limit = plan.workflow().step_concurrency;
  slots_ = strategy_ == definition::Strategy::sequential ? 1 : limit == 0 ? UINT32_MAX : limit;
  const uint32_t n = plan.n_steps();
  open_dependencies_.resize(n);
  for (uint32_t step = 0; step < n; ++step) open_dependencies_[step] = plan.n_dependencies(step);
  n_open_ = n;
  if (plan.plain()) return;
  joins_ = std::make_unique<Joins>();
  for (const Join& join : plan.joins()) joins_->joins.emplace_back().open = join.size();
  joins_->any.resize(plan.n_any());
  for (uint32_t step = 0; step < n; ++step)
    if (const uint32_t number = plan.join_info(step).any; number != kNone)
      joins_->any[number].open = static_cast<uint32_t>(plan.step(step).after_any.size());
}

void Progress::add_children(const GrownPlan& plan, const Expansion& expansion) {
  assert(expansion.first == open_dependencies_.size() &&
         "children are numbered in the order in which they come");
  open_dependencies_.resize(open_dependencies_.size() + expansion.size());
  n_open_ += expansion.size();
  if (barrier_) {
    const uint32_t level = plan.level(expansion.first);
    if (barrier_->open.size() <= level) barrier_->open.resize(level + 1);
    barrier_->open[level] += expansion.size();
  }
  if (const uint32_t join = plan.join_of(expansion.graft); join != kNone)
    joins_->joins[join].open += expansion.size();
}

// ---- what has ended ----

uint32_t Progress::end_step(const GrownPlan& plan, const Steps& steps, uint32_t step) {
  assert(n_open_ > 0 && "a step ends once");
  --n_open_;
  for (uint32_t dependent : plan.dependents(step)) let_go(plan, dependent);
  const uint32_t graft = joins_ ? end_in_joins(plan, steps, step) : kNone;
  if (barrier_) pass_barrier(plan, step);
  return graft;
}

// One of the things that the step waits for is over. After the last one, its verdict is due.
void Progress::let_go(const GrownPlan& plan, uint32_t dependent) {
  assert(open_dependencies_[dependent] > 0 && "it waits for as many things as the plan says");
  if (--open_dependencies_[dependent] == 0) make_due(plan, dependent);
}

uint32_t Progress::end_in_joins(const GrownPlan& plan, const Steps& steps, uint32_t step) {
  const StepClass of_step = steps[step].dependency_class();
  uint32_t graft = kNone;
  if (const uint32_t join = plan.join_of(step); join != kNone) {
    Classes classes;
    classes.add(of_step);
    graft = end_in_join(plan, steps, join, classes, of_step == StepClass::bad ? step : kNone);
  }
  if (plan.is_child(step)) return graft;
  for (uint32_t dependent : plan.shared()->join_info(step).any_dependents) {
    AnyCount& any = joins_->any[plan.shared()->join_info(dependent).any];
    assert(any.open > 0);
    --any.open;
    if (any.decided || (of_step != StepClass::ok && any.open > 0)) continue;
    any.decided = true;
    let_go(plan, dependent);
  }
  return graft;
}

// A member is over, or all of a graft that is one.
uint32_t Progress::end_in_join(const GrownPlan& plan, const Steps& steps, uint32_t number,
                               const Classes& classes, uint32_t first_bad) {
  JoinCount& join = joins_->joins[number];
  assert(join.open > 0 && "a join has as many members as the plan and the expansions say");
  join.classes.add(classes);
  join.first_bad = earlier(steps, join.first_bad, first_bad);
  if (--join.open > 0) return kNone;
  const Join& of_plan = plan.shared()->joins()[number];
  for (uint32_t dependent : of_plan.dependents) let_go(plan, dependent);
  if (of_plan.group == kNone) return kNone;
  end_in_join(plan, steps, of_plan.group, join.classes, join.first_bad);
  return number;
}

// ---- verdicts ----

void Progress::make_due(const GrownPlan& plan, uint32_t step) {
  due_.push_back(plan.rank(step));
  std::push_heap(due_.begin(), due_.end(), std::greater<>());
}

std::optional<uint32_t> Progress::next_due(const GrownPlan& plan) {
  if (due_.empty()) return std::nullopt;
  std::pop_heap(due_.begin(), due_.end(), std::greater<>());
  const uint32_t step = plan.at_rank(due_.back());
  due_.pop_back();
  return step;
}

Verdict Progress::verdict(const GrownPlan& plan, const Steps& steps, uint32_t step) const {
  const definition::Step& of_step = plan.step(step);
  Classes all, any;
  for (uint32_t dependency : of_step.after) all.add(steps[dependency].dependency_class());
  if (!joins_) return verdict_all(all);
  for (uint32_t number : plan.shared()->join_info(step).joins_before) {
    const JoinCount& join = joins_->joins[number];
    all.add(join.classes);
    if (join.open > 0) all.add(StepClass::open);
  }
  for (uint32_t member : of_step.after_any) any.add(steps[member].dependency_class());
  return both(verdict_all(all), verdict_any(any));
}

uint32_t Progress::first_bad(const GrownPlan& plan, const Steps& steps, uint32_t step) const {
  uint32_t first = kNone;
  const auto look_at = [&](const std::vector<uint32_t>& dependencies) {
    for (uint32_t dependency : dependencies)
      if (steps[dependency].dependency_class() == StepClass::bad) first = earlier(steps, first, dependency);
  };
  look_at(plan.step(step).after);
  look_at(plan.step(step).after_any);
  for (uint32_t number : plan.shared()->join_info(step).joins_before)
    first = earlier(steps, first, joins_->joins[number].first_bad);
  assert(first != kNone && "only a step that something blocks is asked about");
  return first;
}

std::vector<uint32_t> firing_members(const GrownPlan& plan, const Progress::Steps& steps, uint32_t step,
                                     uint64_t before_seq) {
  std::vector<uint32_t> members;
  for (const StepClass wanted : {StepClass::ok, StepClass::soft}) {
    for (uint32_t member : plan.step(step).after_any)
      if (steps[member].dependency_class() == wanted && steps[member].ended_seq < before_seq)
        members.push_back(member);
    if (!members.empty()) break;
  }
  return members;
}

std::vector<uint32_t> fired_before(const GrownPlan& plan, const Progress::Steps& steps, uint32_t step) {
  const Step& current = steps[step];
  const bool unrecorded = current.extra->fired_by.empty() &&
                          (current.skip_kind == SkipKind::condition || current.state == StepState::completed);
  return unrecorded ? firing_members(plan, steps, step, current.ended_seq) : current.extra->fired_by;
}

// ---- which starts next ----

void Progress::push_ready(const GrownPlan& plan, uint32_t step) {
  if (barrier_ && plan.level(step) > barrier_->level) {
    barrier_->held[plan.level(step)].push_back(step);
    return;
  }
  // One after the other is in canonical order.
  const bool canonical = strategy_ == definition::Strategy::sequential;
  ready_.push(
      {canonical ? 0 : plan.step(step).priority, plan.rank(step), step, canonical ? 0 : plan.way(step)});
}

void Progress::raise_barrier(const GrownPlan& plan) {
  barrier_.reset();
  if (strategy_ != definition::Strategy::hybrid) return;
  barrier_ = std::make_unique<Barrier>();
  for (uint32_t step = 0; step < plan.n_steps(); ++step) {
    const uint32_t level = plan.level(step);
    if (barrier_->open.size() <= level) barrier_->open.resize(level + 1);
    ++barrier_->open[level];
  }
}

void Progress::pass_barrier(const GrownPlan& plan, uint32_t ended_step) {
  Barrier& barrier = *barrier_;
  assert(barrier.open[plan.level(ended_step)] > 0);
  --barrier.open[plan.level(ended_step)];
  while (barrier.level < barrier.open.size() && barrier.open[barrier.level] == 0) ++barrier.level;
  while (!barrier.held.empty() && barrier.held.begin()->first <= barrier.level) {
    const std::vector<uint32_t> steps = std::move(barrier.held.begin()->second);
    barrier.held.erase(barrier.held.begin());
    for (uint32_t step : steps) push_ready(plan, step);
  }
}

// ---- how many are under way ----

void Progress::end_running() {
  assert(n_running_ > 0);
  --n_running_;
}
void Progress::end_asking() {
  assert(n_asking_ > 0);
  --n_asking_;
}
void Progress::end_waiting() {
  assert(n_waiting_ > 0);
  --n_waiting_;
}

}  // namespace pirn::engine
