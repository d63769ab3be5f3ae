// Points in time as people and programs write them (RFC 3339), and as the engine counts them: nanoseconds
// since 1970-01-01T00:00:00Z.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "packager/error/error.h"

namespace pirn::schedule {

// "2026-12-24T18:00:00Z", "2026-12-24T19:00:00.25+01:00": date, time and the distance from UTC, without which
// a time would mean another instant on each machine. Years 1678 to 2261. A leap second (":60") is refused,
// since no clock of the host would reach it. Error: invalid_instant.
Result<int64_t> parse_instant(std::string_view text);

// In UTC, with as many digits behind the second as the instant needs: "2026-12-24T18:00:00Z".
// parse_instant() of it gives the same instant.
std::string print_instant(int64_t ns);

}  // namespace pirn::schedule
