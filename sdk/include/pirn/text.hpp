// Which text a host accepts, and how it repairs text that breaks the rules of abi.h, so that an error always
// arrives with its code and its class. The host and the test kit use the same functions: a test sees what a
// host does.
//
// Pure functions; any thread. None of them depends on the locale.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pirn::inline sdk::text {

// Limits, in bytes. They are part of the interface of abi.h and will not become smaller.
inline constexpr size_t kMaxKey = 255;           // a key of the context
inline constexpr size_t kMaxErrorCode = 64;      // the code of an error
inline constexpr size_t kMaxMessage = 4 << 10;   // an error message, a reason, a log line, a progress note
inline constexpr size_t kMaxDetails = 16 << 10;  // an error's details, an await's "notify", as JSON
inline constexpr size_t kMaxChunk = 1 << 20;     // one chunk of a stream
// The code of an error that has none, or whose code is not readable.
inline constexpr std::string_view kDefaultErrorCode = "failed";

// Whether an error code may contain `c`.
constexpr bool is_error_code_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

// Whether `code` is [a-z0-9_.-]{1,64}.
constexpr bool is_error_code(std::string_view code) {
  if (code.empty() || code.size() > kMaxErrorCode) return false;
  for (char c : code)
    if (!is_error_code_character(c)) return false;
  return true;
}

// The character at the start of a text.
struct Character {
  // In bytes, at least 1. If not valid: of what one U+FFFD replaces (maximal subpart, Unicode standard, 3.9).
  size_t size;
  bool valid;  // well-formed UTF-8
};
// Reads the first character of `text`, which must not be empty. Overlong forms, surrogates and numbers above
// U+10FFFF are not valid, and neither is a character that the end of the text cuts.
constexpr Character first_character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, true};
  const size_t size = lead >= 0xc2 && lead < 0xe0   ? 2
                      : lead >= 0xe0 && lead < 0xf0 ? 3
                      : lead >= 0xf0 && lead < 0xf5 ? 4
                                                    : 0;
  if (size == 0) return {1, false};
  for (size_t i = 1; i < size; ++i) {
    unsigned char least = 0x80, most = 0xbf;
    if (i == 1 && lead == 0xe0) least = 0xa0;  // overlong
    if (i == 1 && lead == 0xed) most = 0x9f;   // surrogates
    if (i == 1 && lead == 0xf0) least = 0x90;  // overlong
    if (i == 1 && lead == 0xf4) most = 0x8f;   // above U+10FFFF
    if (i >= text.size() || byte(i) < least || byte(i) > most) return {i, false};
  }
  return {size, true};
}

// Whether the whole text is well-formed UTF-8. The empty text is.
constexpr bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Character next = first_character(text);
    if (!next.valid) return false;
    text.remove_prefix(next.size);
  }
  return true;
}

// The text with U+FFFD in place of bytes that are not UTF-8, cut between two characters to at most `limit`
// bytes. Well-formed text within the limit is returned unchanged. U+FFFD has three bytes, so the result may
// be longer than `words`. Throws nothing but std::bad_alloc.
inline std::string repaired(std::string_view words, size_t limit) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  std::string out;
  while (!words.empty()) {
    const Character next = first_character(words);
    const std::string_view piece = next.valid ? words.substr(0, next.size) : kReplacement;
    if (piece.size() > limit - out.size()) break;
    out += piece;
    words.remove_prefix(next.size);
  }
  return out;
}

// The error code that a host makes of any text: A-Z become a-z, every other character that is not allowed
// becomes one '_' (also a character outside of ASCII, whatever its number of bytes), text beyond 64 bytes is
// cut, and an empty text becomes "failed". The result is always a code, and a code is returned unchanged.
// Throws nothing but std::bad_alloc.
inline std::string repaired_error_code(std::string_view code) {
  if (code.empty()) return std::string(kDefaultErrorCode);
  std::string out;
  while (!code.empty() && out.size() < kMaxErrorCode) {
    char c = code[0];
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    out += is_error_code_character(c) ? c : '_';
    code.remove_prefix(first_character(code).size);
  }
  return out;
}

}  // namespace pirn::inline sdk::text
