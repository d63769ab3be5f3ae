#include "host/journal/text_writer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/host/journal/generate.h"

namespace pirn::journal {
namespace {

std::string number(uint64_t value) {
  TextWriter out;
  return std::string(out.number(value).view());
}
std::string integer(int64_t value) {
  TextWriter out;
  return std::string(out.integer(value).view());
}

TEST(TextWriter, NumbersOfEveryLength) {
  EXPECT_EQ(number(0), "0");
  EXPECT_EQ(number(UINT64_MAX), std::to_string(UINT64_MAX));
  EXPECT_EQ(integer(INT64_MIN), std::to_string(INT64_MIN));
  EXPECT_EQ(integer(-1), "-1");
  uint64_t power = 1;
  for (int digits = 1; digits <= 20; ++digits, power *= 10)
    for (const uint64_t value : {power - 1, power, power + 1, power * 7})
      EXPECT_EQ(number(value), std::to_string(value));
}

std::string instant(int64_t ns) {
  TextWriter out;
  return std::string(out.instant(ns).view());
}

TEST(TextWriter, InstantsOfOneSecondAndOfOthers) {
  for (const int64_t second : {int64_t{1'000'000'000}, int64_t{1'780'000'000}, int64_t{9'223'372'036}})
    for (const int64_t ns : {0, 1, 99'999'999, 100'000'000, 854'775'807})
      EXPECT_EQ(instant(second * 1'000'000'000 + ns), std::to_string(second * 1'000'000'000 + ns));
  for (const int64_t odd :
       {INT64_MIN, int64_t{-1}, int64_t{0}, int64_t{7}, int64_t{999'999'999'999'999'999}, INT64_MAX})
    EXPECT_EQ(instant(odd), std::to_string(odd));
}

RC_GTEST_PROP(TextWriter, AnyNumber, (uint64_t value, int64_t signed_value)) {
  const unsigned shift = *rc::gen::inRange(0u, 64u);
  RC_ASSERT(number(value >> shift) == std::to_string(value >> shift));
  RC_ASSERT(integer(signed_value >> shift) == std::to_string(signed_value >> shift));
}

// Pieces of any size, against plain appends: no byte is lost where room ends, and none is left of an earlier
// text.
RC_GTEST_PROP(TextWriter, IsAppending, ()) {
  TextWriter writer;
  for (int texts = *rc::gen::inRange(1, 4); texts > 0; --texts) {
    std::string expected;
    writer.clear();
    for (int n = *rc::gen::inRange(0, 30); n > 0; --n) {
      switch (*rc::gen::inRange(0, 6)) {
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
        case 4: {
          const ExecutionId id{*rc::gen::arbitrary<uint64_t>()};
          writer.id(id);
          expected += '"' + id.text() + '"';
          break;
        }
        default: {
          const Digest digest = any_digest();
          writer.digest(digest);
          expected += '"' + digest.hex() + '"';
        }
      }
    }
    RC_ASSERT(writer.view() == expected);
    TextWriter moved = std::move(writer);
    RC_ASSERT(moved.view() == expected);
    RC_ASSERT(writer.view().empty());
    writer = std::move(moved);
  }
}

TEST(TextWriter, KeepsItsMemoryButNotMuchOfIt) {
  TextWriter writer;
  writer.raw(std::string(10'000, 'x'));
  const char* const place = writer.view().data();
  writer.clear();
  EXPECT_EQ(writer.character('y').view().data(), place);
  writer.raw(std::string(1'000'000, 'x'));
  writer.clear();
  EXPECT_EQ(writer.view().data(), nullptr);
  EXPECT_EQ(writer.word("again").view(), "\"again\"");
}

TEST(TextWriter, TextIsEscapedWhereItMustBe) {
  TextWriter out;
  out.text(std::string_view("\"\\\n\r\t\b\0\x1f\x7f/é", 12)).word("plain").text("");
  EXPECT_EQ(out.view(), "\"\\\"\\\\\\n\\r\\t\\b\\u0000\\u001f\x7f/é\"\"plain\"\"\"");
}

}  // namespace
}  // namespace pirn::journal
