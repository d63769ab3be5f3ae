// What the steps of an execution see, and what each contributes: the fold of docs/semantics.md.
#include "host/engine/execution.h"
#include "host/journal/codec.h"

namespace pirn::engine {

journal::Context Execution::visible(uint32_t step) const {
  journal::Context out = base_;
  if (plan_->is_child(step)) return journal::Context::join(out, local_[plan_->of_child(step).graft].after);
  // What was adopted has not seen what runs again in this execution (R65).
  const bool adopted = state_.steps[step].adopted;
  const auto see = [&](uint32_t other) {
    if (!adopted || state_.steps[other].adopted) out = journal::Context::join(out, local_[other].after);
  };
  for (uint32_t dependency : plan_->step(step).after) see(dependency);
  if (!join_info_) return out;
  for (uint32_t join : plan_->shared()->join_info(step).joins_before)
    if (adopted)
      each_member(join, see);
    else
      out = journal::Context::join(out, join_info_->joins[join].after);
  for (uint32_t member : frame_->fired_by(step)) see(member);
  return out;
}

template <class Visit>
void Execution::each_member(uint32_t number, Visit visit) const {
  const Join& join = plan_->shared()->joins()[number];
  for (uint32_t member : join.members) visit(member);
  for (uint32_t graft : join.grafts) each_member(graft, visit);
  if (join.graft == kNone) return;
  const Expansion* expansion = plan_->expansion_of(join.graft);
  for (uint32_t child = 0; expansion && child < expansion->size(); ++child) visit(expansion->first + child);
}

// What a step has written after so many patches, for those who see it.
void Execution::fold_in(uint32_t step, const journal::Delta& delta, size_t patches) {
  const journal::Stamp written = stamp(step, patches);
  local_[step].after = local_[step].after.with(delta, written);
  all_ = all_.with(delta, written);
  if (!plan_->is_child(step)) return;
  // Children see what their graft sees: to whom awaits all of them each adds no more than its own writes.
  const uint32_t join = plan_->join_of(step);
  if (join != kNone) join_info_->joins[join].after = join_info_->joins[join].after.with(delta, written);
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

// What a slot contributes to the shared context (R10).
journal::Delta Execution::context_delta(uint32_t step, const journal::StepResult& result) const {
  journal::Delta delta;
  const std::string& key = plan_->step(step).context_key;
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
  if (plan_->is_child(step)) return child_delta(plan_->name(step), result);
  if (result.is_map) delta.entries = result.map.entries;
  return delta;
}

// Different writes of one key by steps that are not ordered: legal, decided by canonical order, worth knowing
// (R8).
void Execution::note_conflicts(Decision& decision, uint32_t step, const journal::Delta& delta) {
  constexpr size_t kMost = 32;  // a map may have many keys
  size_t n_conflicts = 0;
  for (const journal::Delta::Entry& entry : delta.entries) {
    const journal::Context::Entry* present = all_.find(entry.key);
    if (!present || present->stamp.rank == 0) continue;
    const uint32_t writer = plan_->written_by(present->stamp);
    if (present->unset == entry.unset && present->value == entry.value) continue;
    if (frame_->is_ancestor(writer, step) || frame_->is_ancestor(step, writer)) continue;
    if (++n_conflicts > kMost) continue;
    emit(decision, journal::Diagnostic{"context_conflict",
                                       "the unordered steps " + plan_->name(writer) + " and " +
                                           plan_->name(step) + " write different values of '" + entry.key +
                                           "'; the later one in canonical order counts",
                                       step});
  }
  if (n_conflicts > kMost)
    emit(decision,
         journal::Diagnostic{"context_conflict",
                             "the step " + plan_->name(step) + " and others write different values of " +
                                 std::to_string(n_conflicts - kMost) + " more keys",
                             step});
}

}  // namespace pirn::engine
