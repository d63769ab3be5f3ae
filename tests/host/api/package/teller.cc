// The package of the test of sinks: a step that tells of itself in every way.
#include <pirn/pirn.hpp>

PIRN_STEP(tell) {
  ctx.emit("story", "once upon a time");
  ctx.stream("the ");
  ctx.stream("end", true);
  return pirn::ok();
}
PIRN_WORKFLOW(story, tell)
PIRN_PACKAGE("teller", "1.0.0", story)
