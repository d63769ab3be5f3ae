// The host's log: one line a message on standard error, JSON for machines or text for a terminal, with the
// tenant and the execution where there is one. Any thread.
//
// Writing never blocks and never fails: a thread of the log writes, and lines that nobody reads are kept
// within bounds, then lost and counted (backlog.h). So a blocked reader holds up neither steps nor the end of
// the host. What a terminal would obey is escaped.
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

// A line for people in its place among the others, without time and level. Before configure() it is written
// at once, and may block.
void say(std::string_view line);

// Before the process ends: waits until what was written before is with its reader, for a second at most.
void flush();

// Since configure().
uint64_t lines_lost();

}  // namespace pirn::log
