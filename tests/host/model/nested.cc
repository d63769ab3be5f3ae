// R32: a step whose work is another workflow.
#include <algorithm>
#include <boost/json.hpp>

#include "packager/json/json.h"
#include "tests/host/model/model.h"

namespace pirn::model {

void Run::belongs_to(Run& parent, size_t step) {
  e_.parent = &parent;
  e_.parent_step = step;
}

// It starts with what the step sees, the step's parameters over it, and what its function says over that.
void Run::begin_child(size_t step, const Context& over) {
  const Step& s = e_.steps[step];
  Context initial;
  for (const auto& [key, value] : visible(step))
    if (!key.starts_with("__")) initial[key] = value;
  if (!s.def.params.empty()) {
    const boost::json::value params = boost::json::parse(s.def.params);
    for (const auto& member : params.as_object()) initial[member.key()] = canonical(member.value());
  }
  for (const auto& [key, value] : over) initial[key] = value;
  UnderWay nested;
  nested.run = this;
  nested.step = step;
  nested.kind = Kind::nested;
  nested.deadline = later(s.invoked_at, s.timeout.value_or(s.def.timeout_ns));
  host_.begin_call(std::move(nested));
  host_.births_.push_back({this, step, std::move(initial), s.child_age, nullptr});
}

// A stop or a timeout of the step cancels it; out of time it is rolled back, else if its parent is.
void Run::stop_child(size_t step) {
  const bool rollback = e_.phase == Phase::stopping ? to_compensate() : true;
  const bool unborn = std::any_of(host_.births_.begin(), host_.births_.end(), [&](const auto& birth) {
    return birth.parent == this && birth.step == step && !birth.undoes;
  });
  host_.stops_.push_back({unborn ? nullptr : e_.steps[step].child, this, step, rollback});
}

// No further attempt of one that it would have stopped, had that not been stopping by itself.
bool Run::wants_child(size_t step) const {
  const Step& s = e_.steps[step];
  const bool stops = e_.phase != Phase::running && s.def.cancellable;
  return !stops && host_.now() < later(s.invoked_at, s.timeout.value_or(s.def.timeout_ns));
}

void Run::roll_back_child(size_t step) {
  host_.births_.push_back({this, step, {}, ++host_.ages_, e_.steps[step].child});
}

void Run::child_over(const Run& child) {
  const size_t step = child.execution().parent_step;
  if (step >= e_.steps.size()) return;
  Step& s = e_.steps[step];
  Deed deed;
  if (s.compensation == Compensation::running && s.undoing == &child) {
    for (const Step& undone : child.execution().steps)
      if (undone.compensation == Compensation::failed) {
        deed.what = Deed::What::fail;
        deed.error = {"rollback_failed", definition::ErrorClass::terminal, ""};
      }
    return S22_rolled_back(step, deed);
  }
  if (s.state != State::running || s.child != &child) return;  // it goes on without it
  std::erase_if(host_.calls_, [&](const UnderWay& call) { return call.run == this && call.step == step; });
  const bool cancelled = child.execution().phase == Phase::cancelled;
  const bool out_of_time = cancelled && child.execution().stopped_with_parent;
  if (!s.def.result.empty() && e_.phase == Phase::running && !out_of_time)
    return call(step, Kind::result, host_.settings_.consultation_limit);
  if (child.execution().phase == Phase::completed) {
    deed.slot.map = child.written();
  } else {
    deed.what = Deed::What::fail;
    deed.error.code = out_of_time ? "timeout"
                      : cancelled ? "nested_workflow_cancelled"
                                  : "nested_workflow_failed";
  }
  outcome(step, Kind::nested, deed);
}

}  // namespace pirn::model
