// A time zone of the IANA database, as the system has it (Debian's tzdata), read once per process. Which wall
// clock times exist, and which exist twice, is the database's answer; what a schedule makes of that is
// cron.h's.
//
// The files know the changes until the end of 2037; after that a zone stays at the standard time it then has.
// A schedule asks for its next fire only, so a host that gets its updates never meets that end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "packager/error/error.h"

namespace date {
class time_zone;
}

namespace pirn::schedule {

// A value; any thread. Times are seconds: since 1970-01-01T00:00:00Z, or of the wall clock counted likewise.
class Zone {
 public:
  Zone() = default;  // UTC, which needs no database

  std::string name() const;

  // The stretch of time around an instant in which the wall clock runs without a jump.
  struct Period {
    int64_t begin_s, end_s;  // the end is where the next one begins
    int64_t offset_s;        // wall clock minus UTC
  };
  Period period_at(int64_t unix_s) const;

  // When the wall clock shows this for the first time. For a time that it leaps over: the first instant after
  // the leap.
  int64_t first_instant(int64_t local_s) const;

 private:
  friend Result<Zone> find_zone(std::string_view name);
  explicit Zone(const date::time_zone* zone) : zone_(zone) {}

  const date::time_zone* zone_ = nullptr;  // of the process's database, never freed; null: UTC
};

// "Europe/Berlin"; "" and "UTC" are UTC. Error: unknown_timezone.
Result<Zone> find_zone(std::string_view name);

}  // namespace pirn::schedule
