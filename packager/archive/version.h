// Semantic versions (semver.org 2.0) and ranges of them. Values: any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "packager/error/error.h"

namespace pirn::archive {

struct Version {
  uint64_t major = 0, minor = 0, patch = 0;
  std::vector<std::string> prerelease;  // "rc.1" -> {"rc", "1"}
  std::string build;                    // never compared

  // The order of semver: a pre-release comes before its release.
  std::strong_ordering operator<=>(const Version& other) const;
  bool operator==(const Version& other) const { return (*this <=> other) == 0; }
  std::string text() const;
};

// invalid_argument, unless it is one whole semantic version; numbers are below 2^63.
Result<Version> parse_version(std::string_view text);

// The serial of a version when the author gives none: major·10^12 + minor·10^6 + patch.
// serial_underivable for a pre-release and for numbers of 10^6 and above.
Result<int64_t> serial_of(const Version& version);

// Why a serial would block later versions of its package, so that somebody has to say that it is meant;
// empty: it would not. `floor`: the highest serial of the package so far, 0 when there is none.
//
// Serials only rise. One that is more than kMostSerialsAhead above both the floor and what follows from its
// own version is taken for a mistake, and so is one behind which fewer than that are left.
inline constexpr int64_t kMostSerialsAhead = 1'000'000'000'000'000;  // a thousand major versions
std::string why_serial_blocks(int64_t serial, int64_t floor, const Version& version);

// A range: comparators that must all hold, separated by spaces: "1.2.3" "^1.2" "~1.2" ">=1.2 <2" "*".
class VersionRange {
 public:
  bool contains(const Version& version) const;

 private:
  friend Result<VersionRange> parse_range(std::string_view text);
  enum class Op : uint8_t { equal, less, less_or_equal, greater, greater_or_equal };
  struct Comparator {
    Op op;
    Version version;
  };
  std::vector<Comparator> comparators_;  // none: everything
};
Result<VersionRange> parse_range(std::string_view text);

}  // namespace pirn::archive
