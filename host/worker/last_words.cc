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

thread_local volatile uint64_t noted_invocation = 0, noted_execution = 0;

// Its digits, before `at`; where they begin.
size_t put_digits(char* line, size_t at, uint64_t number) {
  do line[--at] = static_cast<char>('0' + number % 10);
  while ((number /= 10) != 0);
  return at;
}

// Async-signal-safe: no allocation, no lock, no library beyond write() and sigaction().
void on_fatal(int signal) {
  if (const uint64_t invocation = noted_invocation; invocation != 0) {
    char line[48];
    size_t at = sizeof line;
    line[--at] = '\n';
    if (const uint64_t execution = noted_execution; execution != 0) {
      at = put_digits(line, at, execution);
      line[--at] = ' ';
    }
    at = put_digits(line, at, invocation);
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

// Lines of an invocation, and of a hook's execution behind it; a line that was cut short by the end of the
// process names nobody that there is.
std::vector<Killer> killers_in(std::string_view text) {
  std::vector<Killer> killers;
  while (!text.empty()) {
    const char* const end = text.data() + std::min(text.find('\n'), text.size());
    Killer killer;
    const auto [rest, failed] = std::from_chars(text.data(), end, killer.invocation);
    if (failed == std::errc()) {
      if (rest != end) std::from_chars(rest + 1, end, killer.hook_of.value);
      killers.push_back(killer);
    }
    text.remove_prefix(std::min(static_cast<size_t>(end - text.data()) + 1, text.size()));
  }
  return killers;
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
  if (!first) return LastWords(killers_in(text));
  struct sigaction action {};
  action.sa_handler = on_fatal;
  action.sa_flags = SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < std::size(kFatal); ++i) sigaction(kFatal[i], &action, &previous_action[i]);
  return LastWords(killers_in(text));
}

void LastWords::forget() const { (void)!ftruncate(words_fd, 0); }

InvocationNote::InvocationNote(uint64_t invocation, ExecutionId hook_of) {
  noted_execution = hook_of.value;
  noted_invocation = invocation;
}
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
