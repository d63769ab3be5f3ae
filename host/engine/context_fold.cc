#include "host/engine/context_fold.h"

#include <cassert>

#include "host/journal/codec.h"

namespace pirn::engine {

using journal::Context;

void ContextFold::begin(const Plan& plan, const journal::Delta& input) {
  base_ = Context().with(input, {});
  all_ = base_;
  after_.assign(plan.n_steps(), Context());
  joins_.assign(plan.joins().size(), Context());
}

void ContextFold::add_children(const Expansion& expansion) {
  assert(expansion.first == after_.size() && "children are numbered in the order in which they come");
  after_.resize(after_.size() + expansion.size());
}

void ContextFold::patch(uint32_t number, const journal::Delta& delta) {
  base_ = base_.with(delta, {number, 0, 0});
  all_ = all_.with(delta, {number, 0, 0});
}

Context ContextFold::visible(const GrownPlan& plan, const Steps& steps, const std::vector<uint32_t>& fired_by,
                             uint32_t step) const {
  Context out = base_;
  if (plan.is_child(step)) return Context::join(out, after_[plan.of_child(step).graft]);
  // What was adopted has not seen what runs again in this execution (R65).
  const bool adopted = steps[step].adopted;
  const auto see = [&](uint32_t other) {
    if (!adopted || steps[other].adopted) out = Context::join(out, after_[other]);
  };
  for (uint32_t dependency : plan.step(step).after) see(dependency);
  if (plan.plain()) return out;
  for (uint32_t join : plan.shared()->join_info(step).joins_before)
    if (adopted)
      each_member(plan, join, see);
    else
      out = Context::join(out, joins_[join]);
  for (uint32_t member : fired_by) see(member);
  return out;
}

template <class Visit>
void ContextFold::each_member(const GrownPlan& plan, uint32_t number, Visit visit) const {
  const Join& join = plan.shared()->joins()[number];
  for (uint32_t member : join.members) visit(member);
  for (uint32_t graft : join.grafts) each_member(plan, graft, visit);
  if (join.graft == kNone) return;
  const Expansion* expansion = plan.expansion_of(join.graft);
  for (uint32_t child = 0; expansion && child < expansion->size(); ++child) visit(expansion->first + child);
}

void ContextFold::write(const GrownPlan& plan, uint32_t step, const journal::Delta& delta, size_t patches) {
  const journal::Stamp written = plan.stamp(step, static_cast<uint32_t>(patches));
  after_[step] = after_[step].with(delta, written);
  all_ = all_.with(delta, written);
  if (!plan.is_child(step)) return;
  // Children see what their graft sees, so each adds no more than its own writes to what the graft's join has.
  if (const uint32_t join = plan.join_of(step); join != kNone)
    joins_[join] = joins_[join].with(delta, written);
}

void ContextFold::end_step(const GrownPlan& plan, uint32_t step) {
  if (plan.plain() || plan.is_child(step)) return;
  if (const uint32_t join = plan.join_of(step); join != kNone)
    joins_[join] = Context::join(joins_[join], after_[step]);
}

void ContextFold::end_graft(const GrownPlan& plan, uint32_t join) {
  const uint32_t group = plan.shared()->joins()[join].group;
  assert(group != kNone);
  joins_[group] = Context::join(joins_[group], joins_[join]);
}

namespace {

// A child's map stands under its name, and each key under the name and the key (R11).
journal::Delta child_delta(const std::string& name, const journal::StepResult& result) {
  journal::Delta delta;
  if (!result.is_map) return delta;
  std::string json;
  journal::append_result(json, result);
  delta.put(name, journal::Value::of_json(json));
  for (const journal::Delta::Entry& entry : result.map.entries)
    delta.entries.push_back({name + "_" + entry.key, entry.value, entry.unset});
  return delta;
}

}  // namespace

journal::Delta context_delta(const GrownPlan& plan, uint32_t step, const journal::StepResult& result) {
  journal::Delta delta;
  const std::string& key = plan.step(step).context_key;
  if (!key.empty()) {
    if (!result.is_map) {
      delta.put(key, result.value);
    } else {
      std::string json;
      journal::append_result(json, result);
      delta.put(key, journal::Value::of_json(json));
    }
    return delta;
  }
  if (plan.is_child(step)) return child_delta(plan.name(step), result);
  if (result.is_map) delta.entries = result.map.entries;
  return delta;
}

}  // namespace pirn::engine
