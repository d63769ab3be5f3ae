#include "host/engine/frame.h"

namespace pirn::engine {

ExecutionFrame::ExecutionFrame(ExecutionId id, PlanPtr plan, uint32_t attempt)
    : plan_(std::move(plan)), slots_(plan_->n_steps()) {
  execution = id;
  execution_text = id.text();
  release = plan_->release();
  workflow = plan_->workflow().name;
  workflow_attempt = attempt;
}

worker::Frame::Access ExecutionFrame::result_of(uint32_t step, std::string_view ancestor,
                                                const journal::StepResult*& out) const {
  const uint32_t index = plan_->find(ancestor);
  // A handler of the whole workflow runs when all steps are over, and may read all of them.
  const bool readable = index != UINT32_MAX && (step == journal::kNoStep || plan_->is_ancestor(index, step));
  if (!readable) return Access::not_an_ancestor;
  out = slots_[index].get();
  return out ? Access::ok : Access::absent;
}

void ExecutionFrame::set(uint32_t step, journal::ResultPtr result) {
  // A pointer without an owner: nobody counts the references to what never goes away.
  static const journal::StepResult kEmpty;
  slots_[step] = result ? std::move(result) : journal::ResultPtr(journal::ResultPtr(), &kEmpty);
}

}  // namespace pirn::engine
