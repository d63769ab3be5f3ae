#include "host/journal/text_writer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/host/journal/generate.h"

namespace pirn::journal {
namespace {

std::string number(uint64_t value) {
  std::string out;
  TextWriter(out).number(value);
  return out;
}
std::string integer(int64_t value) {
  std::string out;
  TextWriter(out).integer(value);
  return out;
}

TEST(TextWriter, NumbersOfEveryLength) {
  EXPECT_EQ(number(0), "0");
  EXPECT_EQ(number(UINT64_MAX), std::to_string(UINT64_MAX));
  EXPECT_EQ(integer(INT64_MIN), std::to_string(INT64_MIN));
  EXPECT_EQ(integer(-1), "-1");
  uint64_t power = 1;
  for (int digits = 1; digits <= 20; ++digits, power *= 10)
    for (const uint64_t value : {power - 1, power, power + 1, power * 7}) EXPECT_EQ(number(value), std::to_string(value));
}

RC_GTEST_PROP(TextWriter, AnyNumber, (uint64_t value, int64_t signed_value)) {
  const unsigned shift = *rc::gen::inRange(0u, 64u);
  RC_ASSERT(number(value >> shift) == std::to_string(value >> shift));
  RC_ASSERT(integer(signed_value >> shift) == std::to_string(signed_value >> shift));
}

// Pieces of any size at the end of any string, against plain appends: no byte is lost where room ends.
RC_GTEST_PROP(TextWriter, IsAppending, ()) {
  std::string out = std::string(*rc::gen::inRange<size_t>(0, 600), 'x'), expected = out;
  if (coin()) out.reserve(*rc::gen::inRange<size_t>(0, 5000));
  for (int writers = *rc::gen::inRange(1, 4); writers > 0; --writers) {
    TextWriter writer(out);
    for (int n = *rc::gen::inRange(0, 30); n > 0; --n) {
      switch (*rc::gen::inRange(0, 5)) {
        case 0:
          writer.literal(",\"seq\":");
          expected += ",\"seq\":";
          break;
        case 1: {
          const std::string raw(*rc::gen::inRange<size_t>(0, 700), 'r');
          writer.raw(raw);
          expected += raw;
          break;
        }
        case 2:
          writer.character('c');
          expected += 'c';
          break;
        case 3: {
          const uint64_t value = *rc::gen::arbitrary<uint64_t>();
          writer.number(value);
          expected += std::to_string(value);
          break;
        }
        default: {
          const Digest digest = any_digest();
          writer.digest(digest);
          expected += '"' + digest.hex() + '"';
        }
      }
    }
  }
  RC_ASSERT(out == expected);
}

TEST(TextWriter, TextIsEscapedWhereItMustBe) {
  std::string out;
  TextWriter(out).text(std::string_view("\"\\\n\r\t\b\0\x1f\x7f/é", 12)).word("plain").text("");
  EXPECT_EQ(out, "\"\\\"\\\\\\n\\r\\t\\b\\u0000\\u001f\x7f/é\"\"plain\"\"\"");
}

}  // namespace
}  // namespace pirn::journal
