// An execution that takes over what another one has done: to roll it back (R32), or to go on with it (R65).
#include <algorithm>

#include "tests/host/model/model.h"

namespace pirn::model {

namespace {
bool can_be_adopted(const Step& step) {
  return step.state == State::completed && step.compensation == Compensation::none;
}
}  // namespace

// What had completed of the steps that `come`, in the same order; a graft brings its children.
void Run::take_over(const Run& past, const std::set<size_t>& come) {
  set_off();
  std::map<size_t, size_t> place;  // here, of a step there
  for (size_t step = 0; step < past.e_.steps.size(); ++step) {
    const Step& of = past.e_.steps[step];
    if (!come.contains(step)) continue;
    place[step] = of.graft == kNoStep ? step : e_.steps.size();
    if (of.graft == kNoStep) continue;
    Step& child = e_.steps.emplace_back();
    child.def = of.def;
    child.graft = of.graft;
    child.rank = of.rank;
    child.level = of.level;
  }
  std::map<uint64_t, size_t> completed;  // by the order in which they ended
  for (const auto& [there, here] : place)
    if (can_be_adopted(past.e_.steps[there])) completed[past.e_.steps[there].ended] = there;
  for (const auto& [ended, there] : completed) {
    const size_t here = place[there];
    e_.steps[here].fired_by = fired_by(here);
    e_.steps[here].slot = past.e_.steps[there].slot;
    e_.steps[here].child = past.e_.steps[there].child;
    e_.steps[here].adopted = true;
    end(here, State::completed);
  }
}

// R32.
void Run::undo(const Run& past) {
  e_.initial = past.e_.initial;
  take_over(past, past.all_steps());
  e_.rollback = true;
  e_.cleanup = false;
  stop(Cause::cancel);
}

// R65: without the step `from` and what depends on it. Children that had not completed run again; a graft
// that has expanded and does not come expands anew, and what depends on it runs anew.
void Run::go_on_from(const Run& past, const std::string& from) {
  std::vector<size_t> in_order(e_.steps.size());
  for (const Step& step : e_.steps) in_order[step.rank.first] = static_cast<size_t>(&step - e_.steps.data());
  std::set<size_t> come;
  for (const size_t step : in_order) {
    const Step& of = past.e_.steps[step];
    const auto is_child = [&](const Step& other) { return other.graft == step; };
    const bool has_expanded = std::any_of(past.e_.steps.begin(), past.e_.steps.end(), is_child);
    std::set<size_t> before = all_set(step);
    before.insert(of.def.after_any.begin(), of.def.after_any.end());
    if (of.def.name != from && (!has_expanded || can_be_adopted(of)) &&
        std::all_of(before.begin(), before.end(), [&](size_t one) { return come.contains(one); }))
      come.insert(step);
  }
  for (size_t step = e_.steps.size(); step < past.e_.steps.size(); ++step)
    if (come.contains(past.e_.steps[step].graft)) come.insert(step);
  take_over(past, come);
  settle();
}

}  // namespace pirn::model
