// The words of the definition language that are not read: what the engine does not enforce yet, and what
// people write by mistake. Those that are read are the tables of the parser. Private to packager/definition.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pirn::definition {

enum class Level : uint8_t {
  document,
  package,
  workflow,
  step_defaults,
  step,
  hooks,
  condition,
  backoff,
  pattern,
  recovery,
  breaker,
  resources,
  schedule,
  child
};

// "a step", for messages.
std::string_view level_name(Level level);

// What to write instead of a key that other workflow systems have; empty when there is nothing to say.
std::string_view translation(Level level, std::string_view key);

}  // namespace pirn::definition
