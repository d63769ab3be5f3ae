// What runs after what: a chain, a fan-out, a join of named steps and of a group, a diamond, a race.
//
// From document 2 (the workflow system): "Dependency Patterns", with one workflow for each of its diagrams.
// All steps do the same work, because the patterns are about order.
//
// To run it, pack it as README.md shows, then:
//   pirn run diamond --local --package dependency_patterns.pirn --input '{}'
#include <pirn/pirn.hpp>
#include <string>

// Leaves its step's name in the context; as an input, {"broken": "step_b"} makes a step fail.
PIRN_TASK(work) {
  if (ctx.get_or<std::string>("broken", "") == ctx.step())
    return pirn::fail("broken", "as the input wants it", pirn::terminal);
  return pirn::ok({{std::string(ctx.step()), true}});
}

// A -> B -> C -> D
auto chain() {
  return pirn::workflow("chain")
      .step<"step_a">(work)
      .step<"step_b">(work, {.after = "step_a"})
      .step<"step_c">(work, {.after = "step_b"})
      .step<"step_d">(work, {.after = "step_c"});
}

//     +-> B
// A --+-> C
//     +-> D
auto fan_out() {
  return pirn::workflow("fan_out")
      .step<"step_a">(work)
      .step<"step_b">(work, {.after = "step_a", .group = "parallel"})
      .step<"step_c">(work, {.after = "step_a", .group = "parallel"})
      .step<"step_d">(work, {.after = "step_a", .group = "parallel"});
}

// B --+
// C --+-> E
// D --+
auto join() {
  return pirn::workflow("join").step<"step_b">(work).step<"step_c">(work).step<"step_d">(work).step<"step_e">(
      work, {.after = {"step_b", "step_c", "step_d"}});
}

// The same by a group: who joins it later is waited for too.
auto join_group() {
  return pirn::workflow("join_group")
      .step<"step_b">(work, {.group = "parallel"})
      .step<"step_c">(work, {.group = "parallel"})
      .step<"step_d">(work, {.group = "parallel"})
      .step<"step_e">(work, {.after_group = "parallel"});
}

//     +-> B --+
// A --+       +-> D
//     +-> C --+
auto diamond() {
  return pirn::workflow("diamond")
      .step<"step_a">(work)
      .step<"step_b">(work, {.after = "step_a"})
      .step<"step_c">(work, {.after = "step_a"})
      .step<"step_d">(work, {.after = {"step_b", "step_c"}});
}

// D follows the first of B and C that completes, once; the other one goes on.
auto race() {
  return pirn::workflow("race")
      .step<"step_a">(work)
      .step<"step_b">(work, {.after = "step_a", .group = "race"})
      .step<"step_c">(work, {.after = "step_a", .group = "race"})
      .step<"step_d">(work, {.after_any = {"step_b", "step_c"}});
}

PIRN_PACKAGE("dependency_patterns", PIRN_PACKAGE_VERSION, {.description = "What runs after what"}, chain,
             fan_out, join, join_group, diamond, race)
