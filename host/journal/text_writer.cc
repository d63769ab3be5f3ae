#include "host/journal/text_writer.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace pirn::journal {

namespace {

constexpr std::array<char, 200> kPairs = [] {
  std::array<char, 200> all{};
  for (size_t i = 0; i < 100; ++i) {
    all[2 * i] = static_cast<char>('0' + i / 10);
    all[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return all;
}();

constexpr std::array<bool, 256> kSpecial = [] {
  std::array<bool, 256> all{};
  for (size_t c = 0; c < 0x20; ++c) all[c] = true;
  all['"'] = all['\\'] = true;
  return all;
}();

void two_digits(char* to, uint32_t value) { std::memcpy(to, &kPairs[2 * value], 2); }
void four_digits(char* to, uint32_t value) {
  two_digits(to, value / 100);
  two_digits(to + 2, value % 100);
}
void eight_digits(char* to, uint32_t value) {
  four_digits(to, value / 10'000);
  four_digits(to + 4, value % 10'000);
}

// Without leading zeros; returns the end.
char* print(char* to, uint64_t value) {
  if (value >= 100'000'000) {
    to = print(to, value / 100'000'000);
    eight_digits(to, static_cast<uint32_t>(value % 100'000'000));
    return to + 8;
  }
  const auto rest = static_cast<uint32_t>(value);
  if (rest >= 10'000) {
    to = print(to, rest / 10'000);
    four_digits(to, rest % 10'000);
    return to + 4;
  }
  if (rest >= 100) {
    to = print(to, rest / 100);
    two_digits(to, rest % 100);
    return to + 2;
  }
  if (rest >= 10) {
    two_digits(to, rest);
    return to + 2;
  }
  *to = static_cast<char>('0' + rest);
  return to + 1;
}

// As canonical() does, so that a text has one form wherever it stands.
void append_escape(TextWriter& out, unsigned char c) {
  switch (c) {
    case '"':
      out.literal("\\\"");
      return;
    case '\\':
      out.literal("\\\\");
      return;
    case '\b':
      out.literal("\\b");
      return;
    case '\f':
      out.literal("\\f");
      return;
    case '\n':
      out.literal("\\n");
      return;
    case '\r':
      out.literal("\\r");
      return;
    case '\t':
      out.literal("\\t");
      return;
    default: {
      constexpr std::string_view hex = "0123456789abcdef";
      out.literal("\\u00").character(hex[c >> 4]).character(hex[c & 15]);
    }
  }
}

std::string to_base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                  reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return out;
}

}  // namespace

void TextWriter::clear() {
  constexpr ptrdiff_t kKept = 64 << 10;
  if (end_ - begin_.get() > kKept) {
    begin_ = nullptr;
    end_ = nullptr;
  }
  at_ = begin_.get();
}

void TextWriter::grow(size_t n) {
  constexpr size_t kFirst = 1024;
  // Large values come together: room for the others costs nothing until it is written to, and to write all of
  // them again whenever the room is doubled would take longer than everything else.
  constexpr size_t kLarge = 256 << 10, kForMore = 16 << 20;
  const size_t used = view().size();
  const size_t size = std::max({kFirst, used + n, 2 * used, n < kLarge ? 0 : used + n + kForMore});
  auto larger = std::make_unique_for_overwrite<char[]>(size);
  if (used != 0) std::memcpy(larger.get(), begin_.get(), used);
  begin_ = std::move(larger);
  at_ = begin_.get() + used;
  end_ = begin_.get() + size;
}

namespace {

// The first byte that needs an escape, or the size. Of long texts 64 bytes at once.
size_t find_special(std::string_view utf8) {
  using Bytes [[gnu::vector_size(16)]] = uint8_t;
  constexpr size_t kBlock = 64;
  size_t at = 0;
  for (; utf8.size() - at >= kBlock; at += kBlock) {
    Bytes any{};
    for (size_t i = 0; i < kBlock; i += sizeof any) {
      Bytes c;
      std::memcpy(&c, utf8.data() + at + i, sizeof c);
      any |= Bytes(((c & 0xE0) == 0) | (c == '"') | (c == '\\'));
    }
    uint64_t halves[2];
    std::memcpy(halves, &any, sizeof halves);
    if ((halves[0] | halves[1]) != 0) break;
  }
  while (at < utf8.size() && !kSpecial[static_cast<unsigned char>(utf8[at])]) ++at;
  return at;
}

}  // namespace

TextWriter& TextWriter::text(std::string_view utf8) {
  character('"');
  for (size_t at; (at = find_special(utf8)) < utf8.size(); utf8.remove_prefix(at + 1)) {
    raw(utf8.substr(0, at));
    append_escape(*this, static_cast<unsigned char>(utf8[at]));
  }
  return raw(utf8).character('"');
}

TextWriter& TextWriter::long_number(uint64_t value) {
  at_ = print(room(20), value);
  return *this;
}

// A turn has one instant, which stands in all of its commits and comes again in the states that they lead to:
// those of the last turns are printed once.
TextWriter& TextWriter::instant(int64_t ns) {
  constexpr size_t kDigits = 19;
  struct Printed {
    int64_t ns = 0;
    char digits[kDigits];
  };
  thread_local std::array<Printed, 64> last;
  // Nineteen digits: the years from 2001 to 2262. Other instants are for tests.
  if (ns < 1'000'000'000'000'000'000) return integer(ns);
  Printed& printed = last[static_cast<uint64_t>(ns) * 0x9E3779B97F4A7C15u >> 58];
  if (printed.ns != ns) {
    print(printed.digits, static_cast<uint64_t>(ns));
    printed.ns = ns;
  }
  std::memcpy(room(kDigits), printed.digits, kDigits);
  at_ += kDigits;
  return *this;
}

TextWriter& TextWriter::id(ExecutionId id) {
  char* const to = room(ExecutionId::kDigits + 2);
  *to = '"';
  id.print(to + 1);
  to[ExecutionId::kDigits + 1] = '"';
  at_ += ExecutionId::kDigits + 2;
  return *this;
}

TextWriter& TextWriter::digest(const Digest& value) {
  static constexpr std::array<char, 512> kHexPairs = [] {
    constexpr char hex[] = "0123456789abcdef";
    std::array<char, 512> all{};
    for (size_t byte = 0; byte < 256; ++byte) {
      all[2 * byte] = hex[byte >> 4];
      all[2 * byte + 1] = hex[byte & 15];
    }
    return all;
  }();
  char* to = room(66);
  *to++ = '"';
  for (const uint8_t byte : value.bytes) {
    std::memcpy(to, &kHexPairs[2 * byte], 2);
    to += 2;
  }
  *to = '"';
  at_ += 66;
  return *this;
}

TextWriter& TextWriter::value(const Value& value) {
  switch (value.type()) {
    case Value::Type::null:
      return literal("null");
    case Value::Type::boolean:
      return value.as_bool() ? literal("true") : literal("false");
    case Value::Type::integer:
      return integer(value.as_integer());
    case Value::Type::real: {
      char buffer[40];
      const auto end = std::to_chars(buffer, buffer + sizeof buffer, value.as_real());
      const std::string_view digits(buffer, static_cast<size_t>(end.ptr - buffer));
      raw(digits);
      return digits.find_first_of(".e") == std::string_view::npos ? literal(".0") : *this;
    }
    case Value::Type::text:
      return text(value.as_text());
    case Value::Type::bytes:
      return literal("{\"$bytes\":\"").raw(to_base64(value.as_text())).literal("\"}");
    case Value::Type::json:
      return raw(value.as_text());
  }
  return *this;
}

}  // namespace pirn::journal
