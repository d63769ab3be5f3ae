// Cron expressions (R35): five fields, parsed strictly. A field that is not understood is an error; it never
// means "every value".
//
//   minute        0-59
//   hour          0-23
//   day of month  1-31
//   month         1-12 or JAN-DEC
//   weekday       0-7 or SUN-SAT; 0 and 7 are Sunday
//
// Each field is a list of *, a, a-b, */n and a-b/n. The macros are @yearly, @annually, @monthly, @weekly,
// @daily, @midnight and @hourly.
//
// Two rules come from Vixie's cron, because existing expressions rely on them:
//   - When day of month and weekday are both restricted (neither begins with *), one of them is enough.
//   - When the wall clock jumps, an expression whose hour begins with * follows real time: it fires in each
//     hour that passes, so twice in an hour that is repeated, and not in one that is skipped. Any other
//     expression names times of day: a time that is skipped fires at the first instant after the jump (several
//     of them: once), and a time that is repeated fires the first time only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "packager/error/error.h"
#include "packager/schedule/zone.h"

namespace pirn::schedule {

struct Cron {
  // Bit n: the value n fires. At least one bit of each is set.
  uint64_t minutes = 0;
  uint32_t hours = 0;
  uint32_t days = 0;
  uint16_t months = 0;
  uint8_t weekdays = 0;  // 0 is Sunday
  // The field begins with *.
  bool any_hour = false, any_day = false, any_weekday = false;

  bool operator==(const Cron&) const = default;

  // The first fire strictly later than `after`, both in nanoseconds since 1970; nullopt: after 2262, beyond
  // what they can represent.
  std::optional<int64_t> next(int64_t after, const Zone& zone) const;
};

// Errors: invalid_cron, also for an expression that never fires, such as the 30th of February. The message
// names the field and the column, the hint says what is allowed there.
Result<Cron> parse_cron(std::string_view text);

}  // namespace pirn::schedule
