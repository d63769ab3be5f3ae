// What stands between the standard streams and a terminal. Everything that a command prints passes through
// printable() here, so that no command can forget it: names, errors and logs of strangers cannot steer the
// terminal. Values that must stay on their line are made printable where they are printed (terminal.h); here
// line feeds and tabs are layout. Any thread, as for the streams themselves.
#pragma once

#include <ostream>
#include <streambuf>
#include <string>
#include <string_view>

#include "packager/mutex/mutex.h"

namespace pirn::cli {

class SafeBuffer final : public std::streambuf {
 public:
  // `to` is lent.
  explicit SafeBuffer(std::streambuf* to) : to_(to) {}
  ~SafeBuffer() override;
  SafeBuffer(const SafeBuffer&) = delete;

  // Writes bytes as they are.
  bool put_control(std::string_view sequence);

 protected:
  int_type overflow(int_type c) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

 private:
  bool put(std::string_view text);
  bool write(std::string_view text) PIRN_REQUIRES(mutex_);

  Mutex mutex_;
  std::streambuf* const to_;
  std::string rest_ PIRN_GUARDED_BY(mutex_);  // a character whose last bytes have not come yet
};

// Puts a SafeBuffer before the buffer of a stream for as long as it lives. The stream is lent.
class SafeStream {
 public:
  explicit SafeStream(std::ostream& stream) : stream_(stream), buffer_(stream.rdbuf()) {
    before_ = stream_.rdbuf(&buffer_);
  }
  ~SafeStream() {
    stream_.flush();
    stream_.rdbuf(before_);
  }
  SafeStream(const SafeStream&) = delete;

 private:
  std::ostream& stream_;
  SafeBuffer buffer_;
  std::streambuf* before_ = nullptr;
};

// A control sequence of the command line's own, such as a colour: the one thing that is let through. Never
// made of data.
struct Control {
  std::string_view sequence;
};
std::ostream& operator<<(std::ostream& out, Control control);

}  // namespace pirn::cli
