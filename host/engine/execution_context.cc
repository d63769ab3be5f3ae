// What the steps of an execution see, and what each contributes: the fold of docs/semantics.md.
#include "host/engine/execution.h"
#include "host/journal/codec.h"

namespace pirn::engine {

journal::Context Execution::visible(uint32_t step) const {
  journal::Context out = base_;
  for (uint32_t dependency : plan_->step(step).after)
    out = journal::Context::join(out, local_[dependency].after);
  return out;
}

// What a slot contributes to the shared context (R10). Reserved keys stay in the slot.
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
  if (result.is_map)
    for (const journal::Delta::Entry& entry : result.map.entries)
      if (!entry.key.starts_with("__")) delta.entries.push_back(entry);
  return delta;
}

// Different writes of one key by steps that are not ordered: legal, decided by canonical order, worth knowing
// (R8).
void Execution::note_conflicts(Decision& decision, uint32_t step, const journal::Delta& delta) {
  for (const journal::Delta::Entry& entry : delta.entries) {
    const journal::Context::Entry* present = all_.find(entry.key);
    if (!present || present->stamp.rank == 0) continue;
    const uint32_t writer = plan_->at_rank(present->stamp.rank - 1);
    if (present->unset == entry.unset && present->value == entry.value) continue;
    if (plan_->is_ancestor(writer, step) || plan_->is_ancestor(step, writer)) continue;
    emit(decision, journal::Diagnostic{"context_conflict",
                                       "the unordered steps " + plan_->step(writer).name + " and " +
                                           plan_->step(step).name + " write different values of '" +
                                           entry.key + "'; the later one in canonical order counts",
                                       step});
  }
}

}  // namespace pirn::engine
