#include "host/engine/frame.h"

namespace pirn::engine {

ExecutionFrame::ExecutionFrame(ExecutionId id, PlanPtr plan, uint32_t attempt, uint32_t tenant_number)
    : plan_(std::move(plan)), slots_(plan_->n_steps()) {
  execution = id;
  execution_text = id.text();
  tenant = tenant_number;
  release = plan_->release();
  workflow = plan_->workflow().name;
  workflow_attempt = attempt;
  if (plan_->plain()) return;
  join_info_ = std::make_unique<JoinInfo>();
  join_info_->branches.resize(plan_->n_grafts());
  join_info_->fired_by.resize(plan_->n_any());
}

const ExecutionFrame::Branch* ExecutionFrame::branch_of(uint32_t step) const {
  if (step < plan_->n_steps()) return nullptr;
  const Branch* branch = join_info_->newest.load(std::memory_order_acquire);
  while (branch->expansion->first > step) branch = branch->older;
  return branch;
}

template <class OnStep, class OnBranch>
bool ExecutionFrame::search(uint32_t step, uint32_t least_rank, OnStep on_step, OnBranch on_branch) const {
  if (const Branch* of_child = branch_of(step)) {  // it descends from its graft
    step = of_child->expansion->graft;
    if (on_step(step)) return true;
  }
  return plan_->search_ancestors(
      step, least_rank, [&](uint32_t of) -> const std::vector<uint32_t>& { return fired_by(of); }, on_step,
      [&](uint32_t graft) {
        const Branch& branch = join_info_->branches[plan_->join_info(graft).graft];
        return branch.expansion && on_branch(branch);
      });
}

worker::Frame::Access ExecutionFrame::result_of(uint32_t step, std::string_view ancestor,
                                                const journal::StepResult*& out) const {
  const journal::ResultPtr* slot = nullptr;
  const auto find_in = [&](const Branch& branch) {
    const uint32_t child = branch.expansion->find(ancestor);
    if (child != kNone) slot = &branch.slots[child - branch.expansion->first];
    return slot != nullptr;
  };
  // A handler of the whole workflow runs when all steps are over, and may read all of them.
  const bool all = step == journal::kNoStep;
  if (const uint32_t index = plan_->find(ancestor); index != kNone) {
    if (all || is_ancestor(index, step)) slot = &slots_[index];
  } else if (plan_->plain()) {
    return Access::not_an_ancestor;
  } else if (all) {
    for (const Branch* branch = join_info_->newest.load(std::memory_order_acquire);
         branch && !find_in(*branch);)
      branch = branch->older;
  } else {
    search(
        step, 0, [](uint32_t) { return false; }, find_in);
  }
  if (!slot) return Access::not_an_ancestor;
  out = slot->get();
  return out ? Access::ok : Access::absent;
}

bool ExecutionFrame::is_ancestor(uint32_t ancestor, uint32_t step) const {
  const Branch* wanted = branch_of(ancestor);
  const uint32_t declared = wanted ? wanted->expansion->graft : ancestor;
  const Branch* child = branch_of(step);
  if (plan_->rank(declared) > plan_->rank(child ? child->expansion->graft : step)) return false;
  return search(
      step, plan_->rank(declared), [&](uint32_t found) { return !wanted && found == ancestor; },
      [&](const Branch& branch) { return &branch == wanted; });
}

void ExecutionFrame::set(uint32_t step, journal::ResultPtr result) {
  // A pointer without an owner: nobody counts the references to what never goes away.
  static const journal::StepResult kEmpty;
  journal::ResultPtr& slot =
      step < slots_.size() ? slots_[step]
                           : join_info_->branches[plan_->join_info(branch_of(step)->expansion->graft).graft]
                                 .slots[step - branch_of(step)->expansion->first];
  slot = result ? std::move(result) : journal::ResultPtr(journal::ResultPtr(), &kEmpty);
}

void ExecutionFrame::grow(ExpansionPtr expansion) {
  Branch& branch = join_info_->branches[plan_->join_info(expansion->graft).graft];
  branch.slots.resize(expansion->size());
  branch.expansion = std::move(expansion);
  branch.older = join_info_->newest.load(std::memory_order_relaxed);
  join_info_->newest.store(&branch, std::memory_order_release);
}

void ExecutionFrame::set_fired_by(uint32_t step, std::vector<uint32_t> members) {
  join_info_->fired_by[plan_->join_info(step).any] = std::move(members);
}

const std::vector<uint32_t>& ExecutionFrame::fired_by(uint32_t step) const {
  static const std::vector<uint32_t> none;
  const uint32_t number = plan_->join_info(step).any;
  return number == kNone ? none : join_info_->fired_by[number];
}

}  // namespace pirn::engine
