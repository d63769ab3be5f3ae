#include "host/store/data_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace pirn::store {
namespace {

class DataDirectoryTest : public ::testing::Test {
 protected:
  DataDirectoryTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pirn-data-XXXXXX").string();
    scratch_ = mkdtemp(pattern.data());
  }
  ~DataDirectoryTest() override { std::filesystem::remove_all(scratch_); }
  std::string scratch_;
};

TEST_F(DataDirectoryTest, IsMadeForItsOwnerAloneWithItsParents) {
  const auto directory = DataDirectory::open(scratch_ + "/a/b/../c/");
  ASSERT_TRUE(directory) << describe(directory.error());
  EXPECT_EQ(directory->path(), scratch_ + "/a/c");
  EXPECT_EQ(directory->file("pirn.db"), scratch_ + "/a/c/pirn.db");
  struct stat found;
  ASSERT_EQ(stat(directory->path().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700u);
}

TEST_F(DataDirectoryTest, OneProcessAtATimeAndTheMessageNamesIt) {
  int ready[2], release[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(release), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    char byte = DataDirectory::open(scratch_) ? 'y' : 'n';  // dropped at once: the lock ends with its object
    const auto held = DataDirectory::open(scratch_);
    if (!held) byte = 'n';
    (void)!write(ready[1], &byte, 1);
    (void)!read(release[0], &byte, 1);
    _exit(0);  // no destructor: the kernel takes the lock back
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  const auto refused = DataDirectory::open(scratch_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::store_locked);
  EXPECT_NE(refused.error().message.find("process " + std::to_string(child)), std::string::npos)
      << refused.error().message;
  ASSERT_EQ(write(release[1], "x", 1), 1);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(DataDirectory::open(scratch_)) << "what a dead process leaves behind means nothing";
  for (const int end : {ready[0], ready[1], release[0], release[1]}) close(end);
}

TEST_F(DataDirectoryTest, AFileInItsPlaceIsAnError) {
  std::ofstream(scratch_ + "/file") << "x";
  const auto on_file = DataDirectory::open(scratch_ + "/file");
  ASSERT_FALSE(on_file);
  EXPECT_EQ(on_file.error().code, Code::io_failed);
  EXPECT_FALSE(DataDirectory::open(scratch_ + "/file/below"));
  std::filesystem::create_symlink("/etc/passwd", scratch_ + "/lock");
  EXPECT_FALSE(DataDirectory::open(scratch_)) << "a link instead of the lock is not followed";
}

}  // namespace
}  // namespace pirn::store
