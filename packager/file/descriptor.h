// The owner of a file descriptor: closes it at the end of its life.
//
// Thread: any, one at a time.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace pirn::file {

class FileDescriptor {
 public:
  // Takes over `fd`; a negative one stands for none.
  explicit FileDescriptor(int fd = -1) noexcept : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~FileDescriptor() { reset(); }

  // Negative: none.
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  // Closes what it has and takes over `fd`. errno stays as it was, so that an error can be reported afterwards.
  void reset(int fd = -1) noexcept {
    if (fd_ >= 0) {
      const int reason = errno;
      ::close(fd_);
      errno = reason;
    }
    fd_ = fd;
  }
  // Gives the descriptor up without closing it.
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

}  // namespace pirn::file
