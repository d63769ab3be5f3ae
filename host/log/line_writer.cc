#include "host/log/line_writer.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace pirn::log {

namespace {

// Without an eventfd a new deadline is noticed so late.
constexpr std::chrono::milliseconds kLook{100};

}  // namespace

LineWriter::LineWriter(int fd, std::chrono::milliseconds patience)
    : fd_(fd), patience_(patience), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

LineWriter::~LineWriter() = default;

void LineWriter::use(int fd) {
  fd_ = fd;
  rest_.clear();
}

void LineWriter::finish_by(Clock::time_point instant) {
  finish_by_ = instant.time_since_epoch().count();
  const uint64_t one = 1;
  if (wake_) (void)!::write(wake_.get(), &one, sizeof one);
}

LineWriter::Ready LineWriter::wait_for_reader(Clock::time_point line_deadline) {
  for (;;) {
    const auto deadline = std::min(line_deadline, Clock::time_point(Clock::duration(finish_by_.load())));
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    std::chrono::milliseconds wait =
        std::clamp(left, std::chrono::milliseconds(0), std::chrono::milliseconds(60'000));
    if (!wake_) wait = std::min(wait, kLook);
    pollfd watched[] = {{fd_, POLLOUT, 0}, {wake_.get(), POLLIN, 0}};
    const int n = ::poll(watched, 2, static_cast<int>(wait.count()));
    if (n < 0 && errno != EINTR) return Ready::yes;  // the write will say what is wrong
    if (n > 0 && watched[0].revents != 0) return Ready::yes;
    uint64_t rung = 0;
    if (n > 0 && watched[1].revents != 0) (void)!::read(wake_.get(), &rung, sizeof rung);
    if (n == 0 && left.count() <= 0) return Ready::no;
  }
}

// Takes what it has written off the front of `text`.
LineWriter::Outcome LineWriter::drain(std::string_view& text, Clock::time_point deadline) {
  while (!text.empty()) {
    if (wait_for_reader(deadline) == Ready::no) return Outcome::late;
    const ssize_t n = ::write(fd_, text.data(), std::min<size_t>(text.size(), PIPE_BUF));
    if (n >= 0) {
      text.remove_prefix(static_cast<size_t>(n));
    } else if (errno != EINTR && errno != EAGAIN) {
      error_ = errno;
      return Outcome::failed;
    }
  }
  return Outcome::written;
}

LineWriter::Outcome LineWriter::write(std::string_view text) {
  const auto deadline =
      patience_ == std::chrono::milliseconds::max() ? Clock::time_point::max() : Clock::now() + patience_;
  std::string_view rest = rest_;
  if (const Outcome outcome = drain(rest, deadline); outcome != Outcome::written) {
    rest_ = outcome == Outcome::late ? std::string(rest) : std::string();
    return outcome;
  }
  rest_.clear();
  std::string_view left = text;
  const Outcome outcome = drain(left, deadline);
  if (outcome != Outcome::late || left.size() == text.size()) return outcome;
  rest_ = left;
  return Outcome::written;
}

}  // namespace pirn::log
