#include "decimal.h"

#include <algorithm>
#include <cassert>

#include "text.h"

namespace operations {

Decimal::Units Decimal::power_of_ten(int exponent) {
  Units power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}

std::optional<Decimal> Decimal::parse(std::string_view text) {
  constexpr size_t kWholeDigits = 12;
  text = trim(text);
  const bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);

  const size_t point = std::min(text.find('.'), text.size());
  std::string_view whole = text.substr(0, point);
  std::string_view fraction = point < text.size() ? text.substr(point + 1) : std::string_view();
  if (whole.empty() && fraction.empty()) return std::nullopt;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!std::ranges::all_of(whole, is_digit) || !std::ranges::all_of(fraction, is_digit)) return std::nullopt;
  while (!whole.empty() && whole.front() == '0') whole.remove_prefix(1);
  while (!fraction.empty() && fraction.back() == '0') fraction.remove_suffix(1);
  if (whole.size() > kWholeDigits || fraction.size() > size_t{kScale}) return std::nullopt;

  Units units = 0;
  for (char c : whole) units = units * 10 + (c - '0');
  for (char c : fraction) units = units * 10 + (c - '0');
  units *= power_of_ten(kScale - static_cast<int>(fraction.size()));
  return Decimal(negative ? -units : units);
}

std::optional<Decimal> Decimal::plus(Decimal other) const {
  Units sum = 0;
  if (__builtin_add_overflow(units_, other.units_, &sum)) return std::nullopt;
  return Decimal(sum);
}

std::optional<Decimal> Decimal::times(int64_t factor) const {
  Units product = 0;
  if (__builtin_mul_overflow(units_, static_cast<Units>(factor), &product)) return std::nullopt;
  return Decimal(product);
}

Decimal Decimal::minus(Decimal other) const {
  Units difference = 0;
  const bool overflow = __builtin_sub_overflow(units_, other.units_, &difference);
  assert(!overflow);
  static_cast<void>(overflow);
  return Decimal(difference);
}

Decimal Decimal::magnitude() const { return Decimal(units_ < 0 ? -units_ : units_); }

Decimal Decimal::divided_by(int64_t divisor, int digits) const {
  assert(divisor > 0 && digits >= 0 && digits <= kScale);
  // Split so that nothing but the remainder is multiplied: the divisor and the unit of rounding together may
  // not fit.
  const Units unit = power_of_ten(kScale - digits);
  const Units value = units_ < 0 ? -units_ : units_;
  const Units quotient = value / divisor;
  const Units kept = quotient / unit;
  // What is cut off, compared with one half: (quotient mod unit + remainder / divisor) >= unit / 2.
  const Units cut = quotient % unit;
  const bool up = unit == 1 ? (value % divisor) * 2 >= divisor : cut * 2 >= unit;
  const Units result = (kept + (up ? 1 : 0)) * unit;
  return Decimal(units_ < 0 ? -result : result);
}

Decimal Decimal::rounded(int digits) const { return divided_by(1, digits); }

std::string Decimal::text(int digits) const {
  Units value = rounded(digits).magnitude().units_ / power_of_ten(kScale - digits);
  std::string reversed;
  for (int place = 0; value > 0 || place <= digits; ++place) {
    if (place == digits && digits > 0) reversed.push_back('.');
    reversed.push_back(static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  }
  const bool zero = rounded(digits) == Decimal();
  if (units_ < 0 && !zero) reversed.push_back('-');
  std::ranges::reverse(reversed);
  return reversed;
}

double Decimal::approximate() const { return static_cast<double>(units_) / 1e18; }

bool Decimal::integral() const { return units_ % power_of_ten(kScale) == 0; }

int64_t Decimal::whole() const { return static_cast<int64_t>(units_ / power_of_ten(kScale)); }

}  // namespace operations
