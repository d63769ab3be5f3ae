#include "packager/error/printable.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace pirn {

namespace {

struct Range {
  uint32_t first, last;
};

// Ascending. U+0000 to U+001F, U+007F and what is not UTF-8 are dealt with apart.
constexpr std::array kUnsafe = {
    Range{0x80, 0x9f},        // C1 controls
    Range{0xad, 0xad},        // soft hyphen
    Range{0x34f, 0x34f},      // combining grapheme joiner
    Range{0x61c, 0x61c},      // Arabic letter mark
    Range{0x115f, 0x1160},    // Hangul fillers
    Range{0x180e, 0x180e},    // Mongolian vowel separator
    Range{0x200b, 0x200f},    // zero width, marks of direction
    Range{0x2028, 0x202e},    // line and paragraph separators, embeddings and overrides
    Range{0x2060, 0x206f},    // word joiner, invisible operators, isolates
    Range{0x3164, 0x3164},    // Hangul filler
    Range{0xfeff, 0xfeff},    // byte order mark
    Range{0xffa0, 0xffa0},    // Hangul filler of half width
    Range{0xfff9, 0xfffb},    // interlinear annotation
    Range{0xe0000, 0xe01ef},  // tags, further variation selectors
};

struct Character {
  uint32_t code = 0;
  size_t size = 1;
  bool valid = false;
  bool cut = false;  // the text ends within a character that is well formed so far
};

bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// The first character of a text that is not empty. Overlong forms and surrogates are not UTF-8.
Character decode(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const size_t size = lead >= 0xC2 && lead <= 0xDF   ? 2
                      : lead >= 0xE0 && lead <= 0xEF ? 3
                      : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                     : 0;
  if (size == 0) return {};
  uint32_t code = lead & (0x7F >> size);
  for (size_t i = 1; i < size; ++i) {
    if (i == text.size()) return {.cut = true};
    const unsigned char least = i > 1 ? 0x80 : lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned char most = i > 1 ? 0xBF : lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (byte(i) < least || byte(i) > most) return {};
    code = code << 6 | (byte(i) & 0x3F);
  }
  return {code, size, true};
}

bool is_unsafe(uint32_t code) {
  if (code < 0x20 || code == 0x7f) return true;
  if (code < 0x80) return false;
  return std::any_of(kUnsafe.begin(), kUnsafe.end(),
                     [&](const Range& range) { return code >= range.first && code <= range.last; });
}

void append_hex(std::string& out, uint32_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[value >> shift & 15];
}

void append_escape(std::string& out, const Character& character, unsigned char byte, Lines lines) {
  if (!character.valid) {
    out += "\\x";
    return append_hex(out, byte, 2);
  }
  const uint32_t code = character.code;
  if (lines == Lines::many && (code == '\n' || code == '\t')) {
    out += static_cast<char>(code);
  } else if (code == '\n' || code == '\r' || code == '\t') {
    out += code == '\n' ? "\\n" : code == '\r' ? "\\r" : "\\t";
  } else if (code < 0x80) {
    out += "\\x";
    append_hex(out, code, 2);
  } else {
    out += code > 0xffff ? "\\U" : "\\u";
    append_hex(out, code, code > 0xffff ? 8 : 4);
  }
}

void append_json_escape(std::string& out, const Character& character) {
  const auto unit = [&](uint32_t value) {
    out += "\\u";
    append_hex(out, value, 4);
  };
  if (!character.valid) return unit(0xfffd);
  const uint32_t code = character.code;
  // Between values these are white space, and within strings JSON has them escaped already.
  if (code < 0x20) {
    out += code == '\n' ? '\n' : ' ';
  } else if (code > 0xffff) {
    unit(0xd800 + ((code - 0x10000) >> 10));
    unit(0xdc00 + ((code - 0x10000) & 0x3ff));
  } else {
    unit(code);
  }
}

// Copies what is safe, and gives everything else to `escape`.
template <class Escape>
std::string rewrite(std::string_view text, Escape escape) {
  std::string out;
  out.reserve(text.size());
  size_t safe = 0;
  for (size_t i = 0; i < text.size();) {
    const Character character = decode(text.substr(i));
    if (!character.valid || is_unsafe(character.code)) {
      out.append(text.substr(safe, i - safe));
      escape(out, character, static_cast<unsigned char>(text[i]));
      safe = i + character.size;
    }
    i += character.size;
  }
  return out.append(text.substr(std::min(safe, text.size())));
}

}  // namespace

std::string printable(std::string_view text, Lines lines) {
  return rewrite(text, [lines](std::string& out, const Character& character, unsigned char byte) {
    append_escape(out, character, byte, lines);
  });
}

std::string printable_json(std::string json) {
  // As a rule all of it is printable ASCII.
  const bool plain = std::none_of(json.begin(), json.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x7f || (byte < 0x20 && byte != '\n');
  });
  if (plain) return json;
  return rewrite(json, [](std::string& out, const Character& character, unsigned char) {
    append_json_escape(out, character);
  });
}

size_t whole_characters(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const size_t at = text.size() - back;
    if (is_continuation(static_cast<unsigned char>(text[at]))) continue;
    return decode(text.substr(at)).cut ? at : text.size();
  }
  return text.size();
}

size_t character_size(std::string_view text) { return decode(text).size; }

size_t columns_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return !is_continuation(static_cast<unsigned char>(c)); }));
}

}  // namespace pirn
