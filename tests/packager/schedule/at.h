// Instants in tests, written as people read them.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "packager/schedule/cron.h"
#include "packager/schedule/instant.h"
#include "packager/schedule/zone.h"

namespace pirn::schedule {

inline int64_t at(std::string_view text) {
  auto instant = parse_instant(text);
  EXPECT_TRUE(instant) << describe(instant.error());
  return instant ? *instant : 0;
}

inline Zone zone(std::string_view name) {
  auto found = find_zone(name);
  EXPECT_TRUE(found) << describe(found.error());
  return found ? *found : Zone();
}

inline Cron cron(std::string_view text) {
  auto parsed = parse_cron(text);
  EXPECT_TRUE(parsed) << describe(parsed.error());
  return parsed ? *parsed : Cron{};
}

inline std::string show(std::optional<int64_t> instant) {
  return instant ? print_instant(*instant) : "never";
}

}  // namespace pirn::schedule
