// What the outside asks about circuit breakers, and what it is answered. See command.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/engine/trigger_command.h"
#include "host/journal/tenant_state.h"
#include "packager/definition/definition.h"

namespace pirn::engine {

struct BreakerView {
  std::string name;
  journal::BreakerState state;  // open and due is half open here: the next call is a trial
  uint32_t in_flight = 0;       // trials
  std::optional<definition::CircuitBreaker> options;  // of the active releases; none: no step names it
};

// Those that the steps of active releases name, and those that have counted something.
struct ListBreakers {
  std::string tenant;
  Reply<std::vector<BreakerView>> reply;  // by name
};

// Closes a breaker by hand. not_found: there is none; invalid_transition: it is closed and has counted
// nothing.
struct ResetBreaker {
  std::string tenant;
  std::string name;
  std::string by;
  Reply<BreakerView> reply;
};

}  // namespace pirn::engine
