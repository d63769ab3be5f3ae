#include "host/cli/own_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <streambuf>
#include <string>
#include <string_view>

#include "host/cli/safe_output.h"
#include "packager/file/descriptor.h"
#include "packager/mutex/mutex.h"

namespace pirn::cli {

namespace {

constexpr size_t kMostBuffered = 64 << 10;

thread_local bool speaks = false;

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

// std::cout's, once output is kept apart. Any thread.
class Divided final : public std::streambuf {
 public:
  explicit Divided(int standard_output) : standard_output_(standard_output) {}

 protected:
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    const std::string_view words(text, static_cast<size_t>(size));
    if (!speaks) return write_all(STDERR_FILENO, words) ? size : 0;
    const MutexLock lock(mutex_);
    buffer_ += words;
    return buffer_.size() < kMostBuffered || flush() ? size : 0;
  }
  int_type overflow(int_type c) override {
    if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
    const char letter = traits_type::to_char_type(c);
    return xsputn(&letter, 1) == 1 ? c : traits_type::eof();
  }
  int sync() override {
    if (!speaks) return 0;
    const MutexLock lock(mutex_);
    return flush() ? 0 : -1;
  }

 private:
  bool flush() PIRN_REQUIRES(mutex_) {
    const bool written = write_all(standard_output_, buffer_);
    buffer_.clear();
    return written;
  }

  const int standard_output_;
  Mutex mutex_;
  std::string buffer_ PIRN_GUARDED_BY(mutex_);
};

}  // namespace

void keep_output_apart() {
  std::cout.flush();
  std::fflush(stdout);
  // Where standard output is closed this is -1, and writing there fails as it would have failed before.
  const int standard_output = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  // Where standard error is closed, what package code prints is discarded: /dev/null becomes descriptor 2.
  if (::fcntl(STDERR_FILENO, F_GETFD) < 0) {
    file::FileDescriptor nowhere(::open("/dev/null", O_WRONLY));
    if (nowhere.get() == STDERR_FILENO)
      (void)nowhere.release();
    else if (nowhere)
      ::dup2(nowhere.get(), STDERR_FILENO);
  }
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  speaks = true;
  // Never destroyed: std::cout is flushed as the process ends. It takes the place of main()'s safe buffer.
  std::cout.rdbuf(new SafeBuffer(new Divided(standard_output)));
}

SpeaksFor::SpeaksFor(Speaker speaker) : before_(speaks) { speaks = speaker == Speaker::command; }
SpeaksFor::~SpeaksFor() { speaks = before_; }

}  // namespace pirn::cli
