// What the process was started with.
#pragma once

#include <cstdlib>
#include <string>

namespace pirn {

// The value of a variable; empty when it is not set. Not safe beside a thread that changes the environment.
inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace pirn
