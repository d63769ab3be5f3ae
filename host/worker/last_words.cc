#include "host/worker/last_words.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <iterator>

namespace pirn::worker {

namespace {

constexpr int kFatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};
constexpr size_t kSignalStack = 64 << 10;

// Set before the handler is; read by it.
int words_fd = -1;
struct sigaction previous_action[std::size(kFatal)];

thread_local volatile uint64_t noted_invocation = 0;

// Async-signal-safe: no allocation, no lock, no library beyond write() and sigaction().
void on_fatal(int signal) {
  if (uint64_t rest = noted_invocation; rest != 0) {
    char line[24];
    size_t at = sizeof line;
    line[--at] = '\n';
    for (; rest != 0; rest /= 10) line[--at] = static_cast<char>('0' + rest % 10);
    (void)!write(words_fd, line + at, sizeof line - at);
  }
  // What would have happened without this handler happens now: the signal waits until it returns.
  for (size_t i = 0; i < std::size(kFatal); ++i)
    if (kFatal[i] == signal) sigaction(signal, &previous_action[i], nullptr);
  raise(signal);
}

Error io_error(const std::string& file) {
  return Error{Code::io_failed, file + ": " + std::strerror(errno), "", Blame::world};
}

// Lines of numbers; a line that was cut short by the end of the process is no number that anybody has.
std::vector<uint64_t> numbers_in(std::string_view text) {
  std::vector<uint64_t> numbers;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    uint64_t number = 0;
    if (std::from_chars(text.data(), text.data() + end, number).ec == std::errc()) numbers.push_back(number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return numbers;
}

}  // namespace

Result<LastWords> LastWords::open(const std::string& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return io_error(file);
  const bool first = words_fd < 0;
  if (!first) close(words_fd);
  words_fd = fd;
  std::string text;
  char part[4096];
  ssize_t n;
  while ((n = read(words_fd, part, sizeof part)) > 0) text.append(part, static_cast<size_t>(n));
  if (n < 0) return io_error(file);
  if (!first) return LastWords(numbers_in(text));
  struct sigaction action {};
  action.sa_handler = on_fatal;
  action.sa_flags = SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < std::size(kFatal); ++i) sigaction(kFatal[i], &action, &previous_action[i]);
  return LastWords(numbers_in(text));
}

void LastWords::forget() const { (void)!ftruncate(words_fd, 0); }

InvocationNote::InvocationNote(uint64_t invocation) { noted_invocation = invocation; }
InvocationNote::~InvocationNote() { noted_invocation = 0; }

SignalStack::SignalStack() : memory_(std::make_unique<char[]>(kSignalStack)) {
  stack_t stack{};
  stack.ss_sp = memory_.get();
  stack.ss_size = kSignalStack;
  sigaltstack(&stack, nullptr);
}

SignalStack::~SignalStack() {
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  sigaltstack(&none, nullptr);
}

}  // namespace pirn::worker
