// May a step run? The verdict of semantics 2.4: a function of the classes of its dependencies and of nothing
// else.
#pragma once

#include <cstdint>
#include <iterator>

#include "host/journal/state.h"

namespace pirn::engine {

enum class Verdict : uint8_t { wait, pass, block, drop };

// Of a set that must all be over: `steps` is any range, `class_of` gives the class of its elements. All of
// them must be terminal for anything but wait: a verdict never depends on the order of completion.
template <class Range, class ClassOf>
Verdict verdict_all(const Range& steps, ClassOf class_of) {
  using journal::StepClass;
  bool bad = false, taken = std::empty(steps);
  for (const auto& step : steps) {
    const StepClass step_class = class_of(step);
    if (step_class == StepClass::open) return Verdict::wait;
    if (step_class == StepClass::bad) bad = true;
    if (step_class != StepClass::untaken) taken = true;
  }
  return bad ? Verdict::block : taken ? Verdict::pass : Verdict::drop;
}

}  // namespace pirn::engine
