// Numbers and letters as text that is the same in every locale. What the C library prints with %f, or a
// stream with <<, follows the locale of the process, which code of a package may have changed.
//
// Pure functions, any thread.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

namespace pirn {

// As %.{decimals}f: 3535.5 with three decimals is "3535.500". Finite numbers below 1e300.
inline std::string fixed_text(double number, int decimals) {
  char text[384];
  const auto end = std::to_chars(text, text + sizeof text, number, std::chars_format::fixed, decimals);
  return {text, end.ptr};
}
// As %.{digits}g.
inline std::string general_text(double number, int digits) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, number, std::chars_format::general, digits);
  return {text, end.ptr};
}

constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char lower_letter(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr char upper_letter(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

}  // namespace pirn
