#include "host/engine/execution.h"

#include <cassert>

namespace pirn::engine {

using journal::State;
using journal::StepState;

journal::ErrorPtr make_error(std::string code, std::string message, journal::ErrorClass error_class) {
  return std::make_shared<const journal::StepError>(
      journal::StepError{std::move(code), std::move(message), error_class, ""});
}

Execution::Execution(ExecutionId id, PlanPtr plan, uint32_t tenant_number)
    : plan_(std::move(plan)), tenant_number_(tenant_number) {
  state_.id = id;
}

Execution::Execution(journal::ExecutionState state, GrownPlan plan, uint32_t tenant_number)
    : plan_(std::move(plan)), tenant_number_(tenant_number) {
  state_ = std::move(state);
  assert(state_.steps.size() == plan_.n_steps());
  begin_anew();
}

void Execution::begin_anew() {
  if (state_.n_children == 0) plan_.forget_children();
  const Plan& plan = *plan_.shared();
  const bool under_way = state_.state != State::pending;
  frame = std::allocate_shared<ExecutionFrame>(Recycled<ExecutionFrame>(), id(), plan_.shared(),
                                               state_.attempt + (under_way ? 0 : 1), tenant_number_);
  local.assign(plan.n_steps(), Local());
  progress.begin(plan, state_.strategy);
  fold.begin(plan, state_.input);
  stored.begin(plan, state_);
  for (const ExpansionPtr& expansion : plan_.expansions()) spread(expansion);
}

void Execution::grow(const ExpansionPtr& expansion) {
  plan_.add(expansion);
  spread(expansion);
}

// What is derived, for new children.
void Execution::spread(const ExpansionPtr& expansion) {
  frame->grow(expansion);
  local.resize(local.size() + expansion->size());
  progress.add_children(plan_, *expansion);
  fold.add_children(*expansion);
  stored.add_children(*expansion);
}

bool Execution::parked() const {
  return !ended() && progress.running() == 0 && progress.asking() == 0 &&
         (progress.ready() == 0 || state_.paused);
}

uint32_t Execution::current_step() const {
  uint32_t current = journal::kNoStep;
  plan_.in_order([&](uint32_t step) {
    if (current == journal::kNoStep && state_.steps[step].state == StepState::running) current = step;
  });
  return current;
}

std::string Execution::context_json() const {
  std::string out;
  fold.all().append_json(out);
  return out;
}

bool Execution::dispatchable() const {
  return state_.state == State::running && !state_.paused && progress.ready() > 0 && progress.has_free_slot();
}

int64_t Execution::timeout_of(uint32_t step) const {
  const int64_t answered = state_.steps[step].extra->timeout;
  return answered != 0 ? answered : plan_.step(step).timeout_ns;
}

int64_t Execution::ran_for(int64_t now, uint32_t step) const {
  const journal::Step& current = state_.steps[step];
  const bool ran = current.invoked_at != 0 && current.state != StepState::ready;
  return ran ? now - current.invoked_at : 0;
}

Draft& Execution::draft(Decision& decision) {
  Change& change = decision.change;
  const bool opened = draft_turn_ != change.turn;
  if (opened) {
    draft_ = change.new_draft(this, state_.next_commit++);
    draft_turn_ = change.turn;
    journal::begin_body(change.drafts[draft_].body, decision.now);
  }
  return change.drafts[draft_];
}

}  // namespace pirn::engine
