// The plan of one execution: the shared plan of its definition and, behind its steps, the children that
// grafts have expanded into (R12). Child i of the execution is step n_declared() + i; the children of one
// graft stand together and share their graft's rank, in which they follow each other by number.
//
// An execution that has not expanded holds one null pointer for it. It is used like a pointer to a plan,
// because to nearly everybody it is one.
//
// Thread: the engine's. An Expansion is immutable; any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "host/engine/plan.h"
#include "host/journal/context.h"
#include "host/journal/state.h"

namespace pirn::engine {

inline constexpr size_t kMaxChildren = 200'000;  // of one execution: what its row can hold

// The children of one graft.
struct Expansion {
  uint32_t graft = 0;
  uint32_t first = 0;  // index of child 0
  journal::ChildrenPtr children;
  std::vector<const definition::Step*> options;  // by child; of name, task and params they know nothing
  std::vector<std::shared_ptr<const definition::Step>> owned;  // what `options` points to
  std::vector<uint32_t> by_name;                               // children, in order of their names

  uint32_t size() const { return static_cast<uint32_t>(children->size()); }
  // A step index, or kNone.
  uint32_t find(std::string_view name) const;
};
using ExpansionPtr = std::shared_ptr<const Expansion>;

class GrownPlan {
 public:
  explicit GrownPlan(PlanPtr plan);
  // The plan of an execution that is continued; an error when its children do not fit the definition.
  static Result<GrownPlan> recovered(PlanPtr plan, const journal::ExecutionState& state);

  const GrownPlan* operator->() const { return this; }
  const PlanPtr& shared() const { return plan_; }
  const definition::Workflow& workflow() const { return plan_->workflow(); }

  uint32_t n_declared() const { return n_declared_; }
  uint32_t n_steps() const { return n_declared_ + (growth_ ? growth_->n_children() : 0); }
  bool is_child(uint32_t step) const { return step >= n_declared_; }
  const std::vector<std::string>& names() const { return growth_ ? growth_->names : plan_->names(); }
  // Of a child it lives as long as its expansion, else as long as the shared plan.
  const std::string& name(uint32_t step) const {
    return is_child(step) ? child(step).name : plan_->names()[step];
  }
  // kNone when there is no such step.
  uint32_t find(std::string_view name) const;
  // The options of a step. Of a child all but its name, task and params, which many children share.
  const definition::Step& step(uint32_t step) const {
    return is_child(step) ? *of_child(step).options[number(step)] : plan_->step(step);
  }
  // It has a circuit breaker (R33).
  bool guarded(uint32_t step) const {
    return (plan_->guarded() || is_child(step)) && !this->step(step).breaker.name.empty();
  }
  std::string_view task(uint32_t step) const {
    return is_child(step) ? child(step).task : plan_->step(step).task;
  }
  std::string_view params(uint32_t step) const {
    return is_child(step) ? child(step).params : plan_->step(step).params;
  }

  // The canonical order: by rank, then by number of the child.
  uint32_t rank(uint32_t step) const { return plan_->rank(is_child(step) ? of_child(step).graft : step); }
  uint32_t at_rank(uint32_t rank) const { return plan_->at_rank(rank); }
  // Of what a step writes after so many patches.
  journal::Stamp stamp(uint32_t step, uint32_t patches) const {
    return {patches, rank(step) + 1, is_child(step) ? number(step) + 1 : 0};
  }
  uint32_t written_by(const journal::Stamp& stamp) const;
  template <class Visit>
  void in_order(Visit visit) const;
  uint32_t level(uint32_t step) const {
    return is_child(step) ? plan_->level(of_child(step).graft) + 1 : plan_->level(step);
  }

  // Of a child: its own length and what lies behind all of them.
  int64_t way(uint32_t step) const;
  const std::vector<uint32_t>& dependents(uint32_t step) const;
  const std::vector<uint32_t>& roots() const { return plan_->roots(); }
  bool plain() const { return plan_->plain(); }
  // The join whose member it is, or kNone.
  uint32_t join_of(uint32_t step) const {
    return plan_->join_info(is_child(step) ? of_child(step).graft : step).join;
  }

  // Of a child.
  const Expansion& of_child(uint32_t step) const {
    return *growth_->expansions[growth_->expansion_of[step - n_declared_]];
  }
  uint32_t number(uint32_t step) const { return step - of_child(step).first; }
  const journal::Child& child(uint32_t step) const { return (*of_child(step).children)[number(step)]; }

  const std::vector<ExpansionPtr>& expansions() const;
  // nullptr: a declared step that has not expanded.
  const Expansion* expansion_of(uint32_t declared) const;
  // What the graft's children would be; null and an error when they may not be.
  ExpansionPtr prepare(uint32_t graft, journal::ChildrenPtr children, journal::ErrorPtr& error);
  void add(ExpansionPtr expansion);
  void forget_children() { growth_.reset(); }

 private:
  struct Growth {
    std::vector<ExpansionPtr> expansions;
    std::vector<uint32_t> expansion_of;  // by child
    std::vector<uint32_t> of_graft;      // by the graft's number; kNone: not expanded
    std::vector<std::string> names;      // of all steps
    std::unordered_map<std::string_view, uint32_t> index;
    std::unordered_map<std::string, std::shared_ptr<const definition::Step>> options;  // by their text

    uint32_t n_children() const { return static_cast<uint32_t>(expansion_of.size()); }
  };

  using Tasks = std::unordered_set<std::string_view>;
  journal::ErrorPtr check(const journal::Child& child, const Tasks& tasks) const;
  Growth& growth();

  PlanPtr plan_;
  uint32_t n_declared_;
  std::unique_ptr<Growth> growth_;  // null: nothing has expanded
};

template <class Visit>
void GrownPlan::in_order(Visit visit) const {
  for (uint32_t rank = 0; rank < n_declared_; ++rank) {
    const uint32_t step = plan_->at_rank(rank);
    visit(step);
    const Expansion* expansion = expansion_of(step);
    for (uint32_t number = 0; expansion && number < expansion->size(); ++number)
      visit(expansion->first + number);
  }
}

}  // namespace pirn::engine
