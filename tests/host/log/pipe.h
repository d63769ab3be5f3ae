// A pipe whose reader is the test.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace pirn::log {

class Pipe {
 public:
  Pipe() {
    std::signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0);
    // Small, so that a blocked reader is met soon. Of two pages, since a pipe is full when its last page is
    // begun.
    EXPECT_EQ(::fcntl(ends_[1], F_SETPIPE_SZ, 8192), 8192);
  }
  ~Pipe() {
    close_reader();
    ::close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;

  int write_end() const { return ends_[1]; }
  int size() const { return ::fcntl(ends_[1], F_GETPIPE_SZ); }
  void close_reader() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    ends_[0] = -1;
  }
  // Fills it, so that not one more byte goes in.
  void block() {
    ::fcntl(ends_[1], F_SETFL, O_NONBLOCK);
    const std::string block(static_cast<size_t>(size()), '.');
    while (::write(ends_[1], block.data(), block.size()) > 0) {
    }
    ::fcntl(ends_[1], F_SETFL, 0);
  }
  // Reads until `text` has come, and returns all that came.
  std::string read_until(const std::string& text) {
    std::string all;
    char buffer[65536];
    while (all.find(text) == std::string::npos) {
      const ssize_t n = ::read(ends_[0], buffer, sizeof buffer);
      if (n <= 0) break;
      all.append(buffer, static_cast<size_t>(n));
    }
    return all;
  }
  // What is there now.
  std::string read_now() {
    std::string all;
    char buffer[65536];
    for (pollfd ready{ends_[0], POLLIN, 0}; ::poll(&ready, 1, 0) == 1 && (ready.revents & POLLIN) != 0;) {
      const ssize_t n = ::read(ends_[0], buffer, sizeof buffer);
      if (n <= 0) break;
      all.append(buffer, static_cast<size_t>(n));
    }
    return all;
  }

 private:
  int ends_[2] = {-1, -1};
};

}  // namespace pirn::log
