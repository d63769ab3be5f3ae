#include "host/engine/rollbacks.h"

#include <algorithm>

namespace pirn::engine {

using journal::Compensation;

Rollbacks::Rollbacks(const GrownPlan& plan, const std::vector<journal::Step>& steps) {
  for (uint32_t step = 0; step < steps.size(); ++step) {
    const journal::Step& current = steps[step];
    const bool over =
        current.compensation == Compensation::done || current.compensation == Compensation::failed;
    const bool can = !plan.step(step).rollback.empty() || current.extra->child;
    if (current.state == journal::StepState::completed && !over && can) steps_.push_back(step);
  }
  std::sort(steps_.begin(), steps_.end(),
            [&](uint32_t a, uint32_t b) { return steps[a].ended_seq < steps[b].ended_seq; });
}

}  // namespace pirn::engine
