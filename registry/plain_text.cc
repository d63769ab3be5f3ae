#include "registry/plain_text.h"

#include <algorithm>

#include "packager/error/printable.h"

namespace pirn::registry {

namespace {

// The length of the UTF-8 character at the front; 0: there is none.
size_t character_at(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80                     ? 1
                        : first >= 0xC2 && first <= 0xDF ? 2
                        : first >= 0xE0 && first <= 0xEF ? 3
                        : first >= 0xF0 && first <= 0xF4 ? 4
                                                         : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  if (first == 0xE0 && byte(1) < 0xA0) return 0;
  if (first == 0xED && byte(1) >= 0xA0) return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  if (first == 0xF4 && byte(1) >= 0x90) return 0;
  return length;
}

}  // namespace

bool is_plain_text(std::string_view bytes) { return printable(bytes) == bytes; }

std::string as_text(std::string_view bytes, size_t longest) {
  std::string out;
  while (!bytes.empty()) {
    const size_t length = character_at(bytes);
    const std::string_view next = length == 0 ? std::string_view("\xEF\xBF\xBD") : bytes.substr(0, length);
    if (out.size() + next.size() > longest) return out + "\xE2\x80\xA6";
    out += next;
    bytes.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

}  // namespace pirn::registry
