#include <algorithm>

#include "packager/definition/definition.h"

namespace pirn::definition {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

bool is_number(std::string_view part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), is_digit) &&
         (part.size() == 1 || part[0] != '0');
}

std::string_view take_part(std::string_view& rest) {
  const size_t dot = rest.find('.');
  const std::string_view part = rest.substr(0, dot);
  rest = dot == rest.npos ? std::string_view() : rest.substr(dot + 1);
  return part;
}

// Words with dots between them; in a pre-release those of digits only are numbers.
bool are_words(std::string_view text, bool numbers_are_strict) {
  if (text.empty() || text.back() == '.') return false;
  while (!text.empty()) {
    const std::string_view word = take_part(text);
    if (word.empty() || !std::all_of(word.begin(), word.end(), is_word_char)) return false;
    if (numbers_are_strict && std::all_of(word.begin(), word.end(), is_digit) && !is_number(word))
      return false;
  }
  return true;
}

}  // namespace

bool is_semantic_version(std::string_view text) {
  constexpr size_t kMaxVersion = 128;
  constexpr size_t kMaxDigits = 9;
  if (text.size() > kMaxVersion) return false;
  if (const size_t plus = text.find('+'); plus != text.npos) {
    if (!are_words(text.substr(plus + 1), false)) return false;
    text = text.substr(0, plus);
  }
  if (const size_t dash = text.find('-'); dash != text.npos) {
    if (!are_words(text.substr(dash + 1), true)) return false;
    text = text.substr(0, dash);
  }
  if (std::count(text.begin(), text.end(), '.') != 2) return false;
  for (int i = 0; i < 3; ++i) {
    const std::string_view number = take_part(text);
    if (!is_number(number) || number.size() > kMaxDigits) return false;
  }
  return true;
}

}  // namespace pirn::definition
