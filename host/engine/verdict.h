// May a step run? The verdict of semantics 2.4: a function of the classes of its dependencies and of nothing else.
#pragma once

#include <cstdint>
#include <span>

#include "host/journal/state.h"

namespace pirn::engine {

enum class Verdict : uint8_t { wait, pass, block, drop };

// All of `classes` must be terminal for anything but wait: a verdict never depends on the order of completion.
inline Verdict verdict_all(std::span<const journal::StepClass> classes) {
  using journal::StepClass;
  bool bad = false, taken = classes.empty();
  for (StepClass step_class : classes) {
    if (step_class == StepClass::open) return Verdict::wait;
    if (step_class == StepClass::bad) bad = true;
    if (step_class != StepClass::untaken) taken = true;
  }
  return bad ? Verdict::block : taken ? Verdict::pass : Verdict::drop;
}

}  // namespace pirn::engine
