// What the tests of nested workflows share.
#pragma once

#include <algorithm>
#include <string>

#include "host/simulate/world.h"

namespace pirn::sim {

// Workflow "w" with the given steps, and "inner" with its own members.
inline void publish(World& world, const std::string& steps, const std::string& inner) {
  world.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
    {"name":"w","steps":[)" + steps +
                                  R"(]},{"name":"inner",)" + inner + "}]}");
}
inline constexpr const char* kInner = R"("steps":[{"name":"x"},{"name":"y","after":["x"]}])";

inline ExecutionId child_of(World& world, ExecutionId id, uint32_t step = 0) {
  return world.show(id).state.steps[step].extra->child;
}
inline size_t calls_of(World& world, std::string_view function) {
  return static_cast<size_t>(std::count_if(world.runner().calls.begin(), world.runner().calls.end(),
                                           [&](const Called& call) { return call.function == function; }));
}

}  // namespace pirn::sim
