#include "registry/blobs.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "packager/digest/digest.h"
#include "packager/file/whole_file.h"
#include "tests/registry/scratch.h"

namespace pirn::registry {
namespace {

void overwrite(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777;
}

class BlobsTest : public testing::TestWithParam<bool> {
 protected:
  Scratch scratch_;
  std::unique_ptr<Blobs> blobs_ = GetParam() ? blobs_in_memory() : take(open_blobs(scratch_ / "blobs"));
  bool added_ = false;
};

TEST_P(BlobsTest, GivesBackWhatWasPutUnderItsDigest) {
  const std::string bytes("a\0b", 3);
  const auto digest = blobs_->put(bytes, &added_);
  ASSERT_TRUE(digest);
  EXPECT_EQ(*digest, sha256(bytes));
  EXPECT_TRUE(added_);
  EXPECT_EQ(*blobs_->get(*digest), bytes);
  ASSERT_TRUE(blobs_->put(bytes, &added_));
  EXPECT_FALSE(added_);
  EXPECT_EQ(blobs_->list()->size(), 1u);
}

TEST_P(BlobsTest, RemovedIsMissingAndRemovingAgainIsNoError) {
  const auto digest = blobs_->put("x", &added_);
  ASSERT_TRUE(blobs_->remove(*digest));
  ASSERT_TRUE(blobs_->remove(*digest));
  EXPECT_EQ(blobs_->get(*digest).error().code, Code::blob_damaged);
  EXPECT_TRUE(blobs_->list()->empty());
}

INSTANTIATE_TEST_SUITE_P(Both, BlobsTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "memory" : "directory"; });

TEST(DirectoryBlobs, NoticesDamageAndRepairsItOnTheNextPut) {
  const Scratch scratch;
  const auto blobs = take(open_blobs(scratch / "blobs"));
  bool added = false;
  const Digest digest = *blobs->put("the library", &added);
  const std::string path = scratch / "blobs/" + digest.hex();
  for (const char* damage : {"", "the librarY", "the library "}) {
    overwrite(path, damage);
    const auto got = blobs->get(digest);
    ASSERT_FALSE(got) << damage;
    EXPECT_EQ(got.error().code, Code::blob_damaged);
    ASSERT_TRUE(blobs->put("the library", &added));
    EXPECT_EQ(*blobs->get(digest), "the library");
  }
}

TEST(DirectoryBlobs, OpeningRemovesUnfinishedWritesAndNothingElse) {
  const Scratch scratch;
  bool added = false;
  const Digest digest = *(*open_blobs(scratch / "blobs"))->put("kept", &added);
  overwrite(scratch / "blobs/" + std::string(file::kUnfinished) + "Ab12Cd", "half");
  const auto blobs = open_blobs(scratch / "blobs");
  ASSERT_TRUE(blobs);
  EXPECT_FALSE(boost::filesystem::exists(scratch / "blobs/" + std::string(file::kUnfinished) + "Ab12Cd"));
  EXPECT_EQ(*(*blobs)->get(digest), "kept");
  EXPECT_EQ(mode_of(scratch / "blobs"), 0700u);
  EXPECT_EQ(mode_of(scratch / "blobs/" + digest.hex()), 0600u);
}

TEST(DirectoryBlobs, RefusesADirectoryThatIsAFile) {
  const Scratch scratch;
  overwrite(scratch / "blobs", "");
  const auto blobs = open_blobs(scratch / "blobs");
  ASSERT_FALSE(blobs);
  EXPECT_EQ(blobs.error().code, Code::io_failed);
}

}  // namespace
}  // namespace pirn::registry
