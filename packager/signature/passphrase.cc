#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "packager/error/printable.h"
#include "packager/file/descriptor.h"
#include "packager/signature/key.h"

namespace pirn::signature {

namespace {

constexpr size_t kMaxPassphrase = 1024;

// Reads to the end of a line, byte by byte: what follows on standard input is not ours.
Result<std::string> read_line(int fd, const std::string& name) {
  std::string line;
  for (char c = 0; line.size() < kMaxPassphrase;) {
    const ssize_t n = ::read(fd, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return Error{.code = Code::io_failed,
                   .message = "cannot read " + name + ": " + std::strerror(errno),
                   .blame = Blame::world};
    if (n == 0 || c == '\n') break;
    line += c;
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

Result<std::string> from_file(const std::string& file) {
  if (file == "-") return read_line(STDIN_FILENO, "standard input");
  const file::FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd)
    return Error{.code = Code::io_failed,
                 .message = "cannot open " + file + ": " + std::strerror(errno),
                 .blame = Blame::world};
  return read_line(fd.get(), file);
}

// The controlling terminal with its echo off, so that standard input and output stay free for data.
class Terminal {
 public:
  Terminal() : fd_(::open("/dev/tty", O_RDWR | O_CLOEXEC)) {
    if (!fd_) return;
    ::tcgetattr(fd_.get(), &before_);
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(fd_.get(), TCSAFLUSH, &silent);
  }
  ~Terminal() {
    if (!fd_) return;
    ::tcsetattr(fd_.get(), TCSAFLUSH, &before_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  bool is_there() const { return static_cast<bool>(fd_); }
  Result<std::string> ask(const std::string& question) {
    write(question);
    auto line = read_line(fd_.get(), "the terminal");
    write("\n");
    return line;
  }

 private:
  void write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::write(fd_.get(), text.data(), text.size());
      if (n <= 0) return;
      text.remove_prefix(static_cast<size_t>(n));
    }
  }

  file::FileDescriptor fd_;
  termios before_{};
};

}  // namespace

Result<std::string> read_passphrase(const PassphraseSource& source, std::string_view what) {
  if (!source.file.empty()) return from_file(source.file);
  if (const char* value = source.environment.empty() ? nullptr : std::getenv(source.environment.c_str()))
    return std::string(value);
  const Error missing{Code::passphrase_missing, "there is no passphrase for " + std::string(what)};
  if (!source.prompt) return missing;
  Terminal terminal;
  if (!terminal.is_there()) return missing;
  PIRN_TRY(std::string passphrase, terminal.ask("Passphrase for " + printable(what) + ": "));
  if (source.confirm) {
    PIRN_TRY(const std::string again, terminal.ask("Repeat the passphrase: "));
    if (again != passphrase)
      return Error{Code::passphrase_wrong, "the two passphrases differ; nothing was written"};
  }
  return passphrase;
}

}  // namespace pirn::signature
