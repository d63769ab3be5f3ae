#include "host/journal/text_writer.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace pirn::journal {

namespace {

// One byte more than the pairs need: a copy of two may begin at the last digit.
constexpr std::array<char, 201> kPairs = [] {
  std::array<char, 201> all{};
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

// Eight digits with leading zeros.
void eight_digits(char* to, uint32_t value) {
  const uint32_t high = value / 10'000, low = value % 10'000;
  std::memcpy(to, &kPairs[2 * (high / 100)], 2);
  std::memcpy(to + 2, &kPairs[2 * (high % 100)], 2);
  std::memcpy(to + 4, &kPairs[2 * (low / 100)], 2);
  std::memcpy(to + 6, &kPairs[2 * (low % 100)], 2);
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

TextWriter& TextWriter::text(std::string_view utf8) {
  character('"');
  size_t plain = 0;
  for (size_t i = 0; i < utf8.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(utf8[i]);
    if (!kSpecial[c]) continue;
    raw(utf8.substr(plain, i - plain));
    append_escape(*this, c);
    plain = i + 1;
  }
  return raw(utf8.substr(plain)).character('"');
}

TextWriter& TextWriter::number(uint64_t value) {
  need(24);
  char* const to = out_.data() + at_;
  if (value < 100) {
    const size_t skip = value < 10;
    std::memcpy(to, &kPairs[2 * value + skip], 2);
    at_ += 2 - skip;
    return *this;
  }
  // 24 digits with leading zeros, and then without them.
  char digits[24];
  const uint64_t top = value / 100'000'000;
  eight_digits(digits + 16, static_cast<uint32_t>(value % 100'000'000));
  eight_digits(digits + 8, static_cast<uint32_t>(top % 100'000'000));
  eight_digits(digits, static_cast<uint32_t>(top / 100'000'000));
  size_t zeros = top == 0 ? 16 : top < 100'000'000 ? 8 : 0;
  while (digits[zeros] == '0') ++zeros;
  std::memcpy(to, digits + zeros, 24 - zeros);
  at_ += 24 - zeros;
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
  need(66);
  char* to = out_.data() + at_;
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
