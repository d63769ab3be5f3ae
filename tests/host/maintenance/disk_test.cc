#include "host/maintenance/disk.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

namespace pirn::maintenance {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMiB = 1ull << 20, kGiB = 1ull << 30;
constexpr int64_t kSecond = 1'000'000'000;

class DiskTest : public ::testing::Test {
 protected:
  DiskTest() {
    std::string pattern = (fs::temp_directory_path() / "pirn-disk-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~DiskTest() override { fs::remove_all(directory_); }

  // A disk of this size of which so much is free, whatever the machine has.
  DiskProbe disk() {
    return [this](const std::string& directory) -> Result<DiskSpace> {
      if (broken_) return Error{Code::io_failed, "no answer", {}, Blame::world};
      const uint64_t free = directory == directory_ ? free_ : other_free_;
      return DiskSpace{size_ - free, free};
    };
  }
  DiskWatch watch(DiskOptions options = {}) { return DiskWatch(directory_, "", options, disk()); }
  uint64_t held() const {
    std::error_code none;
    const auto size = fs::file_size(directory_ + "/" + kReserveFile, none);
    return none ? 0 : size;
  }
  static uint64_t nothing() { return 0; }

  std::string directory_;
  uint64_t size_ = 100 * kGiB, free_ = 50 * kGiB, other_free_ = 50 * kGiB;
  bool broken_ = false;
};

TEST_F(DiskTest, IsAnnouncedBeforeItIsFull) {
  DiskWatch watch = this->watch();
  EXPECT_FALSE(watch.look(0, nothing));
  EXPECT_EQ(watch.state().room, Room::ample);
  free_ = 10 * kGiB;  // 90 % are used
  EXPECT_TRUE(watch.look(0, nothing));
  EXPECT_EQ(watch.state().room, Room::low);
  EXPECT_NE(watch.state().detail.find("90 % are used"), std::string::npos) << watch.state().detail;
  EXPECT_FALSE(watch.look(0, nothing)) << "it is announced once";
  free_ = 257 * kMiB;
  EXPECT_FALSE(watch.look(0, nothing));
  free_ = 255 * kMiB;
  EXPECT_TRUE(watch.look(0, nothing));
  EXPECT_EQ(watch.state().room, Room::full);
  EXPECT_NE(watch.state().detail.find("255 MiB left"), std::string::npos) << watch.state().detail;
  EXPECT_NE(watch.state().detail.find("remove 65 MiB of old executions (pirn store prune), or free as much"),
            std::string::npos)
      << watch.state().detail;
  free_ = 300 * kMiB;
  EXPECT_FALSE(watch.look(0, nothing)) << "a little more does not end it";
  free_ = 400 * kMiB;
  EXPECT_TRUE(watch.look(0, nothing));
  EXPECT_EQ(watch.state().room, Room::low);
  free_ = 50 * kGiB;
  EXPECT_TRUE(watch.look(0, nothing));
  EXPECT_EQ(watch.state().room, Room::ample);
}

TEST_F(DiskTest, SaysHowMuchOnlyTheDiskItselfCanGive) {
  DiskWatch watch = this->watch();
  free_ = 10 * kMiB;  // the store's log needs 16 MiB outside of the store
  EXPECT_TRUE(watch.look(0, [] { return 100 * kMiB; }));
  EXPECT_EQ(watch.state().room, Room::full);
  EXPECT_NE(watch.state().detail.find("free 6 MiB on the disk, and 204 MiB more there or of old executions"),
            std::string::npos)
      << watch.state().detail;
}

TEST_F(DiskTest, OneGibibyteIsLittleOnAnyDisk) {
  size_ = 4 * kGiB;
  free_ = kGiB - 1;
  DiskWatch watch = this->watch();
  EXPECT_TRUE(watch.look(0, nothing));
  EXPECT_EQ(watch.state().room, Room::low);
}

TEST_F(DiskTest, TakesItsLimitsFromTheOperator) {
  DiskWatch watch = this->watch({.warn_used = 0.5, .warn_free_bytes = 1, .reserve_bytes = 20 * kGiB});
  free_ = 51 * kGiB;
  EXPECT_FALSE(watch.look(0, nothing));
  free_ = 49 * kGiB;
  EXPECT_TRUE(watch.look(0, nothing));
  EXPECT_EQ(watch.state().room, Room::low);
  free_ = 19 * kGiB;
  EXPECT_TRUE(watch.look(0, nothing));
  EXPECT_EQ(watch.state().room, Room::full);
}

TEST_F(DiskTest, ASmallDiskKeepsBackAFewPercent) {
  size_ = 1'000 * kMiB;
  free_ = 60 * kMiB;
  DiskWatch watch = this->watch();
  watch.look(0, nothing);
  EXPECT_EQ(watch.state().reserve_bytes, 50 * kMiB);
  EXPECT_EQ(watch.state().room, Room::low);
  size_ = 100 * kMiB;
  watch.look(0, nothing);
  EXPECT_EQ(watch.state().reserve_bytes, 16 * kMiB);
}

// After a prune the file has free pages, which new rows take.
TEST_F(DiskTest, FreePagesOfTheStoreAreRoom) {
  DiskWatch watch = this->watch();
  free_ = 100 * kMiB;
  watch.look(0, [] { return 100 * kMiB; });
  EXPECT_EQ(watch.state().room, Room::full);
  watch.look(0, [] { return kGiB; });
  EXPECT_EQ(watch.state().room, Room::low);
  free_ = 10 * kMiB;  // its log and the other files need room outside of it
  watch.look(0, [] { return kGiB; });
  EXPECT_EQ(watch.state().room, Room::full);
}

TEST_F(DiskTest, HoldsAReserveAndGivesItUpInTwoParts) {
  DiskWatch watch = this->watch();
  watch.look(0, nothing);
  EXPECT_EQ(held(), 32 * kMiB);
  struct stat found {};
  ASSERT_EQ(::stat((directory_ + "/reserve").c_str(), &found), 0);
  EXPECT_GE(static_cast<uint64_t>(found.st_blocks) * 512, 32 * kMiB) << "it holds its blocks";
  EXPECT_EQ(found.st_mode & 0777u, 0600u);
  free_ = 100 * kMiB;
  watch.look(0, nothing);
  EXPECT_EQ(held(), 32 * kMiB) << "there is room yet for what runs";
  free_ = 10 * kMiB;
  watch.look(0, nothing);
  EXPECT_EQ(held(), 8 * kMiB) << "the last part is for a start";
  free_ = 1 * kMiB;
  DiskWatch(directory_, "", {}, disk()).begin();
  EXPECT_EQ(held(), 0u);
  free_ = 50 * kGiB;
  watch.look(0, nothing);
  EXPECT_EQ(held(), 32 * kMiB) << "it is made again";
}

TEST_F(DiskTest, TheFullestOfItsFileSystemsCounts) {
  DiskWatch watch(directory_, "/elsewhere", {}, disk());
  other_free_ = kMiB;
  watch.look(0, nothing);
  EXPECT_EQ(watch.state().room, Room::full);
  EXPECT_EQ(watch.state().directory, "/elsewhere");
}

TEST_F(DiskTest, WhatIsNotKnownIsNotFull) {
  DiskWatch watch = this->watch();
  broken_ = true;
  watch.look(0, nothing);
  EXPECT_EQ(watch.state().room, Room::low);
  EXPECT_EQ(watch.state().detail, "no answer");
}

TEST_F(DiskTest, LooksMoreOftenTheLessIsLeft) {
  DiskWatch watch = this->watch();
  watch.look(0, nothing);
  EXPECT_EQ(watch.next_look_at(), 30 * kSecond);
  free_ = 5 * kGiB;
  watch.look(0, nothing);
  EXPECT_EQ(watch.next_look_at(), 4 * kSecond);
  free_ = 0;
  watch.look(0, nothing);
  EXPECT_EQ(watch.next_look_at(), kSecond);
}

TEST(DiskSpace, IsThatOfTheFileSystem) {
  const auto space = disk_space("/");
  ASSERT_TRUE(space);
  EXPECT_GT(space->used + space->free, 0u);
  EXPECT_FALSE(disk_space("/does/not/exist"));
}

}  // namespace
}  // namespace pirn::maintenance
