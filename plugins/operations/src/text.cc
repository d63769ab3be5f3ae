#include "text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace operations {
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";

// Length of the UTF-8 sequence at the beginning of `text`, 0 if there is no valid one (overlong and
// surrogates included).
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                        : first >= 0xE0 && first <= 0xEF ? 3
                        : first >= 0xF0 && first <= 0xF4 ? 4
                                                         : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool refused = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                       (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return refused ? 0 : length;
}

bool take_number(std::string_view& text, int& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end - text.data() > 4 || out < 0) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool take_day(std::string_view& text, Moment& moment) {
  std::string_view iso = text;
  if (take_number(iso, moment.year) && take(iso, '-') && take_number(iso, moment.month) && take(iso, '-') &&
      take_number(iso, moment.day)) {
    text = iso;
    return true;
  }
  if (!take_number(text, moment.month) || !take(text, '/') || !take_number(text, moment.day) ||
      !take(text, '/') || !take_number(text, moment.year)) {
    return false;
  }
  if (moment.year < 100) moment.year += 2000;
  return true;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string tidy(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    const size_t length = utf8_length(text);
    if (first <= 0x20 || first == 0x7F) {
      if (!out.empty() && out.back() != ' ') out.push_back(' ');
      text.remove_prefix(1);
    } else if (length > 0) {
      out.append(text.substr(0, length));
      text.remove_prefix(length);
    } else {
      out.push_back(static_cast<char>(0xC0 | (first >> 6)));
      out.push_back(static_cast<char>(0x80 | (first & 0x3F)));
      text.remove_prefix(1);
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::vector<std::string> words(std::string_view text) {
  constexpr size_t kShortest = 2;
  std::vector<std::string> out;
  std::string word;
  const auto finish = [&] {
    if (word.size() >= kShortest) out.push_back(word);
    word.clear();
  };
  for (char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80) {
      word.push_back(c);
    } else if (c >= 'A' && c <= 'Z') {
      word.push_back(static_cast<char>(c - 'A' + 'a'));
    } else {
      finish();
    }
  }
  finish();
  return out;
}

std::string group_digits(std::string_view number) {
  const size_t sign = !number.empty() && number.front() == '-' ? 1 : 0;
  const size_t point = std::min(number.find('.'), number.size());
  std::string out(number.substr(0, sign));
  for (size_t i = sign; i < point; ++i) {
    if (i > sign && (point - i) % 3 == 0) out.push_back(',');
    out.push_back(number[i]);
  }
  return out.append(number.substr(point));
}

std::string Moment::text() const {
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), "%04d-%02d-%02d %02d:%02d", year, month, day, hour, minute);
  return out.data();
}

std::optional<Moment> parse_moment(std::string_view text) {
  Moment moment;
  text = trim(text);
  if (!take_day(text, moment)) return std::nullopt;
  if (!text.empty() && !take(text, ' ') && !take(text, 'T')) return std::nullopt;
  if (!text.empty() &&
      (!take_number(text, moment.hour) || !take(text, ':') || !take_number(text, moment.minute))) {
    return std::nullopt;
  }
  const bool sensible = moment.month >= 1 && moment.month <= 12 && moment.day >= 1 && moment.day <= 31 &&
                        moment.hour < 24 && moment.minute < 60 && (text.empty() || text.front() == ':');
  return sensible ? std::optional(moment) : std::nullopt;
}

}  // namespace operations
