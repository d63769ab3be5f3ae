#include "packager/file/descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace pirn::file {
namespace {

FileDescriptor any_file() { return FileDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(FileDescriptor, ClosesAtTheEndOfItsLife) {
  int number = -1;
  {
    const FileDescriptor file = any_file();
    ASSERT_TRUE(file);
    number = file.get();
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(FileDescriptor, HasOneOwnerAtATime) {
  FileDescriptor first = any_file();
  const int number = first.get();
  FileDescriptor second(std::move(first));
  EXPECT_FALSE(first);
  EXPECT_EQ(second.get(), number);
  FileDescriptor third = any_file();
  const int replaced = third.get();
  third = std::move(second);
  EXPECT_FALSE(is_open(replaced));
  EXPECT_EQ(third.get(), number);
  third = std::move(*&third);  // to itself
  EXPECT_TRUE(is_open(number));
}

TEST(FileDescriptor, GivesUpWhatIsReleased) {
  FileDescriptor file = any_file();
  const FileDescriptor again(file.release());
  EXPECT_FALSE(file);
  EXPECT_TRUE(is_open(again.get()));
}

TEST(FileDescriptor, NoneIsFalse) {
  EXPECT_FALSE(FileDescriptor());
  EXPECT_FALSE(FileDescriptor(-1));
}

TEST(FileDescriptor, ClosingKeepsTheReasonOfAnEarlierFailure) {
  FileDescriptor file = any_file();
  errno = ENOSPC;
  file.reset();
  EXPECT_EQ(errno, ENOSPC);
  const int number = any_file().get();
  FileDescriptor closed_elsewhere(number);  // its close() fails
  errno = ENOSPC;
  closed_elsewhere.reset();
  EXPECT_EQ(errno, ENOSPC);
}

}  // namespace
}  // namespace pirn::file
