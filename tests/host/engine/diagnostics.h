// What the journal of an execution says beside its story.
#pragma once

#include <algorithm>
#include <string_view>

#include "host/simulate/world.h"

namespace pirn::sim {

inline size_t diagnostics_of(const World& world, ExecutionId id, std::string_view code) {
  const auto all = world.records_of<journal::Diagnostic>(id);
  return static_cast<size_t>(
      std::count_if(all.begin(), all.end(), [&](const auto& one) { return one.code == code; }));
}

}  // namespace pirn::sim
