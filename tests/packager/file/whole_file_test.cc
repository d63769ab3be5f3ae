#include "packager/file/whole_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/filesystem.hpp>
#include <cstddef>
#include <functional>
#include <iterator>
#include <vector>

#include "packager/file/descriptor.h"

namespace pirn::file {
namespace {

namespace fs = boost::filesystem;

class WholeFile : public ::testing::Test {
 protected:
  WholeFile() : folder_(fs::temp_directory_path() / fs::unique_path("pirn-file-%%%%-%%%%")) {
    fs::create_directory(folder_);
  }
  ~WholeFile() override { fs::remove_all(folder_); }

  std::string operator/(const std::string& name) const { return (folder_ / name).string(); }
  std::string content(const std::string& name) const {
    auto read_back = read(*this / name, Links::refuse);
    return read_back ? *read_back : "error: " + read_back.error().message;
  }
  size_t n_files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

mode_t mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

TEST_F(WholeFile, IsWrittenAndReplacedWithItsMode) {
  ASSERT_TRUE(write(*this / "a", "first", 0600));
  EXPECT_EQ(content("a"), "first");
  EXPECT_EQ(mode_of(*this / "a"), 0600u);
  ASSERT_TRUE(write(*this / "a", "second", 0644));
  EXPECT_EQ(content("a"), "second");
  EXPECT_EQ(mode_of(*this / "a"), 0644u);
  EXPECT_EQ(n_files(), 1u);
}

TEST_F(WholeFile, InTheWorkingFolderAndInTheRoot) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  const Status written = write("plain", "x", 0600);
  fs::current_path(before);
  EXPECT_TRUE(written);
  EXPECT_EQ(content("plain"), "x");
  const Status refused = write("/no-such-folder/file", "x", 0600);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::io_failed);
}

TEST_F(WholeFile, AnExistingOneIsKeptOnRequest) {
  ASSERT_TRUE(write(*this / "a", "first", 0600, Existing::refuse));
  const Status again = write(*this / "a", "second", 0600, Existing::refuse);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::conflict);
  EXPECT_EQ(content("a"), "first");
  EXPECT_EQ(n_files(), 1u);
}

TEST_F(WholeFile, DoesNotTakeThePlaceOfAFolder) {
  fs::create_directory(folder_ / "taken");
  EXPECT_FALSE(write(*this / "taken", "x", 0600));
  EXPECT_EQ(n_files(), 1u);
}

TEST_F(WholeFile, ReadingSaysWhatIsWrong) {
  EXPECT_EQ(read(*this / "none", Links::follow).error().code, Code::not_found);
  EXPECT_EQ(read(folder_.string(), Links::follow).error().code, Code::io_failed);
  ASSERT_TRUE(write(*this / "a", "12345", 0600));
  EXPECT_EQ(read(*this / "a", Links::follow, 4).error().code, Code::package_too_large);
  EXPECT_EQ(*read(*this / "a", Links::follow, 5), "12345");
  fs::create_symlink(*this / "a", *this / "link");
  EXPECT_EQ(*read(*this / "link", Links::follow), "12345");
  EXPECT_EQ(read(*this / "link", Links::refuse).error().code, Code::io_failed);
  ASSERT_EQ(::mkfifo((*this / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(read(*this / "fifo", Links::follow).error().code, Code::io_failed);  // and does not wait
}

// In a child of this process every call with one of these numbers fails with EIO. The exit status is what `act`
// returns.
int with_failing_calls(const std::vector<uint32_t>& numbers, const std::function<int()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::vector<sock_filter> steps = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (const uint32_t number : numbers) {
      steps.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
      steps.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO));
    }
    steps.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog filter{static_cast<unsigned short>(steps.size()), steps.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
      ::_exit(99);
    ::_exit(act());
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(WholeFile, AFailureAtAnyStepKeepsTheOldContentAndLeavesNothingBehind) {
  ASSERT_TRUE(write(*this / "a", "old", 0600));
  const std::vector<std::vector<uint32_t>> steps = {
      {SYS_openat}, {SYS_fchmod}, {SYS_write}, {SYS_fsync}, {SYS_rename, SYS_renameat, SYS_renameat2}};
  for (const std::vector<uint32_t>& calls : steps) {
    const int status = with_failing_calls(calls, [&] {
      const Status written = write(*this / "a", "new", 0600);
      return !written && written.error().code == Code::io_failed ? 0 : 1;
    });
    EXPECT_EQ(status, 0) << "system call " << calls[0];
    EXPECT_EQ(content("a"), "old") << "system call " << calls[0];
    EXPECT_EQ(n_files(), 1u) << "system call " << calls[0];
  }
}

TEST_F(WholeFile, AFileThatDoesNotFitLeavesNothingBehind) {
  ASSERT_TRUE(write(*this / "a", "old", 0600));
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(99);
    ::_exit(write(*this / "a", std::string(2000, 'x'), 0600) ? 1 : 0);  // half of it can be written
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(content("a"), "old");
  EXPECT_EQ(n_files(), 1u);
}

TEST_F(WholeFile, SyncSaysWhatIsNotThere) {
  EXPECT_TRUE(sync_folder(folder_.string()));
  EXPECT_EQ(sync_file(*this / "none").error().code, Code::io_failed);
  ASSERT_TRUE(write(*this / "a", "", 0600));
  EXPECT_TRUE(sync_file(*this / "a"));
  EXPECT_EQ(sync_folder(*this / "a").error().code, Code::io_failed);
}

}  // namespace
}  // namespace pirn::file
