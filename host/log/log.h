// The host's log: one line a message on standard error, JSON for machines or text for a terminal, with the
// tenant and the execution where there is one. Any thread.
//
// PIRN_LOG says what is written: a level, then components with levels of their own: "warn,engine=debug".
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "packager/error/error.h"

namespace pirn::log {

enum class Level : uint8_t { trace, debug, info, warn, error, off };

struct Field {
  std::string_view name, value;
};

// Once, before other threads. `specification`: as PIRN_LOG; empty: info. invalid_argument names the wrong
// word.
Status configure(std::string_view specification, bool json);

// Cheap.
bool enabled(std::string_view component, Level level);
void write(Level level, std::string_view component, std::string_view message,
           std::initializer_list<Field> fields = {});

}  // namespace pirn::log
