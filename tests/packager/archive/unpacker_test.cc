#include "packager/archive/unpacker.h"

#include <gtest/gtest.h>

#include "tests/packager/archive/sample.h"

namespace pirn::archive {
namespace {

Policy policy_apart() {
  Policy policy = sample_policy();
  policy.decompress = decompress_apart(PIRN_UNPACK_PROGRAM);
  return policy;
}

TEST(Unpacker, GivesWhatThisProcessWouldGive) {
  std::string bytes;
  for (unsigned i = 0; i < 200'000; ++i) bytes += static_cast<char>(i * i >> 7);
  const std::string frame = zstd_of(bytes);
  const auto apart = decompress_apart(PIRN_UNPACK_PROGRAM)(frame, bytes.size());
  ASSERT_TRUE(apart) << describe(apart.error());
  EXPECT_EQ(*apart, bytes);
  EXPECT_EQ(*decompress_here(frame, bytes.size()), bytes);
  EXPECT_EQ(outcome(sample_package(), {trust(publisher_key())}, policy_apart()), "ok");
}

TEST(Unpacker, BadFramesAreRefused) {
  const std::string bytes(10'000, 'a');
  std::string frame = zstd_of(bytes + "tail that is not compressible 8f4h28");
  for (const Decompress& decompress : {Decompress(decompress_here), decompress_apart(PIRN_UNPACK_PROGRAM)}) {
    EXPECT_EQ(decompress(frame.substr(0, frame.size() - 3), 10'036).error().code, Code::payload_corrupt);
    EXPECT_EQ(decompress(frame, 9'000).error().code, Code::payload_corrupt);
    EXPECT_EQ(decompress("no frame at all", 9'000).error().code, Code::payload_corrupt);
  }
}

TEST(Unpacker, AMissingProgramIsNamed) {
  const auto nothing = decompress_apart("/no/such/pirn-unpack")(zstd_of("x"), 1);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, Code::unpacker_failed);
  EXPECT_NE(nothing.error().message.find("/no/such/pirn-unpack"), std::string::npos);
}

// Strict mode kills at the first call that is not read, write or exit; /bin/true, in its place, leaves no
// output at all.
TEST(Unpacker, AnotherProgramCannotForgeAPayload) {
  Policy policy = sample_policy();
  policy.decompress = decompress_apart("/bin/true");
  EXPECT_EQ(outcome(sample_package(), {trust(publisher_key())}, policy), "payload_member_unexpected");
}

}  // namespace
}  // namespace pirn::archive
