// Exact decimal numbers for money: no figure of the report ever passes through a binary fraction.
//
// A Decimal is a 128-bit count of 10^-18. Unit prices come with any number of digits (0.001 in the real data,
// 2.5499999999999998 in files that went through a spreadsheet), so sums keep all of them and only what is
// shown is rounded, once, half up (away from zero for a negative net). A rejected alternative was int64 minor
// units: they would round each line.
//
// Values; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace operations {

class Decimal {
 public:
  Decimal() = default;

  // "-12.50", "7", ".5"; white space around it is ignored. At most 12 digits before the point and 18 after it
  // (zeros beyond are fine); no exponent, no thousands separator, no currency sign. Empty: not such a number.
  static std::optional<Decimal> parse(std::string_view text);

  // Empty when the exact answer does not fit (beyond 10^20).
  std::optional<Decimal> plus(Decimal other) const;
  std::optional<Decimal> times(int64_t factor) const;

  Decimal minus(Decimal other) const;  // both within the range of a checked sum
  Decimal magnitude() const;

  // The exact quotient rounded half up to `digits` (0 to 18) places. divisor > 0.
  Decimal divided_by(int64_t divisor, int digits) const;
  Decimal rounded(int digits) const;

  // Rounded half up, always with `digits` places: "1940.00".
  std::string text(int digits) const;
  double approximate() const;  // for drawing bars, never for figures
  bool integral() const;
  int64_t whole() const;  // the part before the point

  auto operator<=>(const Decimal&) const = default;

 private:
  __extension__ typedef __int128 Units;
  static constexpr int kScale = 18;

  explicit Decimal(Units units) : units_(units) {}
  static Units power_of_ten(int exponent);

  Units units_ = 0;
};

}  // namespace operations
