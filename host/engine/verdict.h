// May a step run? The verdict of semantics 2.4: a function of the classes of its dependencies and of nothing
// else.
#pragma once

#include <algorithm>
#include <cstdint>

#include "host/journal/state.h"

namespace pirn::engine {

enum class Verdict : uint8_t { wait, pass, block, drop };

// What a verdict needs to know of a set of steps, whatever their number and order.
struct Classes {
  bool ok = false, soft = false, untaken = false, bad = false, open = false;

  void add(journal::StepClass step_class) {
    using journal::StepClass;
    (step_class == StepClass::ok        ? ok
     : step_class == StepClass::soft    ? soft
     : step_class == StepClass::untaken ? untaken
     : step_class == StepClass::bad     ? bad
                                        : open) = true;
  }
  void add(const Classes& other) {
    ok |= other.ok, soft |= other.soft, untaken |= other.untaken, bad |= other.bad, open |= other.open;
  }
  bool taken() const { return ok || soft; }
  bool empty() const { return !(ok || soft || untaken || bad || open); }
};

// Of a set that must all be over. Nothing but wait before that: a verdict never depends on the order of
// completion.
inline Verdict verdict_all(const Classes& all) {
  if (all.open) return Verdict::wait;
  if (all.bad) return Verdict::block;
  return all.taken() || all.empty() ? Verdict::pass : Verdict::drop;
}

// Of a set of which one is enough. A completed one counts at once, whatever the others do; a softer one only
// when nothing better can come (R7).
inline Verdict verdict_any(const Classes& any) {
  if (any.ok || any.empty()) return Verdict::pass;
  if (any.open) return Verdict::wait;
  if (any.soft) return Verdict::pass;
  return any.bad ? Verdict::block : Verdict::drop;
}

// A step must pass both of its sets.
inline Verdict both(Verdict a, Verdict b) {
  for (const Verdict stronger : {Verdict::wait, Verdict::block, Verdict::drop})
    if (a == stronger || b == stronger) return stronger;
  return Verdict::pass;
}

}  // namespace pirn::engine
