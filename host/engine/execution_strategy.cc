// In which order an execution takes up its ready steps (R44, R60). A strategy changes when a step runs, never
// whether it runs or what it sees.
#include "host/engine/execution.h"

namespace pirn::engine {

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
}  // namespace

void Execution::choose_strategy() {
  strategy_ = strategy_of(state_.strategy, plan_->workflow());
  const uint32_t limit = plan_->workflow().step_concurrency;
  slots_ = strategy_ == definition::Strategy::sequential ? 1 : limit == 0 ? UINT32_MAX : limit;
}

void Execution::push_ready(uint32_t step) {
  if (barrier_ && plan_->level(step) > barrier_->level) {
    barrier_->held[plan_->level(step)].push_back(step);
    return;
  }
  // One after the other is in canonical order.
  const bool canonical = strategy_ == definition::Strategy::sequential;
  ready_.push({canonical ? 0 : plan_->step(step).priority, plan_->rank(step), step,
               canonical ? 0 : plan_->way(step)});
}

void Execution::raise_barrier() {
  barrier_.reset();
  if (strategy_ != definition::Strategy::hybrid) return;
  barrier_ = std::make_unique<Barrier>();
  for (uint32_t step = 0; step < plan_->n_steps(); ++step) {
    const uint32_t level = plan_->level(step);
    if (barrier_->open.size() <= level) barrier_->open.resize(level + 1);
    ++barrier_->open[level];
  }
}

void Execution::pass_barrier(uint32_t ended_step) {
  Barrier& barrier = *barrier_;
  --barrier.open[plan_->level(ended_step)];
  while (barrier.level < barrier.open.size() && barrier.open[barrier.level] == 0) ++barrier.level;
  while (!barrier.held.empty() && barrier.held.begin()->first <= barrier.level) {
    const std::vector<uint32_t> steps = std::move(barrier.held.begin()->second);
    barrier.held.erase(barrier.held.begin());
    for (uint32_t step : steps) push_ready(step);
  }
}

}  // namespace pirn::engine
