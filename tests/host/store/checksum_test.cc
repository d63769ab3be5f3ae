#include "host/store/checksum.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace pirn::store {
namespace {

TEST(Checksum, IsTheOneOfTheStandard) {
  // RFC 3720, appendix B.4.
  EXPECT_EQ(crc32c(0, "123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(0, std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(0, std::string(32, '\xFF')), 0x62A8AB43u);
  EXPECT_EQ(crc32c_by_table(0, "123456789"), 0xE3069283u);
}

TEST(Checksum, IsTheSameOnEveryProcessorAndInPieces) {
  std::mt19937 random(7);
  for (size_t size = 0; size < 200; ++size) {
    std::string text(size, '\0');
    for (char& byte : text) byte = static_cast<char>(random());
    const uint32_t whole = crc32c(0, text);
    EXPECT_EQ(whole, crc32c_by_table(0, text));
    const size_t cut = size == 0 ? 0 : random() % size;
    EXPECT_EQ(whole,
              crc32c(crc32c(0, std::string_view(text).substr(0, cut)), std::string_view(text).substr(cut)));
  }
}

TEST(Checksum, TellsFieldsApart) {
  EXPECT_NE(Checksum().add("ab").add("c").value(), Checksum().add("a").add("bc").value());
  EXPECT_NE(Checksum().add(int64_t{1}).add(int64_t{2}).value(),
            Checksum().add(int64_t{2}).add(int64_t{1}).value());
  EXPECT_GE(Checksum().add("any").value(), 0);
}

// Files of older versions hold these: whatever the length of a field, the sum is that of the bytes of the format.
TEST(Checksum, IsThatOfTheFormat) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    Checksum sum;
    std::string bytes;
    const auto integer = [&](int64_t value) {
      for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * i)));
    };
    for (int field = 0; field < 40; ++field) {
      if (random() % 2 == 0) {
        const auto value = static_cast<int64_t>(uint64_t{random()} << 32 | random());
        sum.add(value);
        integer(value);
      } else {
        const std::string text(random() % 3 == 0 ? random() % 600 : random() % 20,
                               static_cast<char>(random()));
        sum.add(text);
        integer(static_cast<int64_t>(text.size()));
        bytes += text;
      }
    }
    ASSERT_EQ(sum.value(), int64_t{crc32c_by_table(0, bytes)});
  }
}

}  // namespace
}  // namespace pirn::store
