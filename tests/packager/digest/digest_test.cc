#include "packager/digest/digest.h"

#include <gtest/gtest.h>

namespace pirn {
namespace {

TEST(Digest, IsSha256) {
  EXPECT_EQ(sha256("abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256().add("a").add("bc").finish(), sha256("abc"));
}

TEST(Digest, ReadsWhatItPrints) {
  const Digest digest = sha256("x");
  const auto read = parse_digest(digest.hex());
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, digest);
}

TEST(Digest, RefusesOtherText) {
  EXPECT_FALSE(parse_digest("ab"));
  EXPECT_FALSE(parse_digest(std::string(64, 'A')));
}

}  // namespace
}  // namespace pirn
