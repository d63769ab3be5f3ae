#include "packager/sandbox/cell.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>
#include <thread>

#include "packager/error/limits.h"
#include "packager/sandbox/calls.h"
#include "packager/sandbox/filter.h"
#include "packager/sandbox/sanitized.h"

namespace pirn::sandbox {
namespace {

// Every signal, those included that the C library keeps for itself: the handler of any could be package code.
void block_all_signals() {
  const uint64_t all = ~uint64_t{0};
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, sizeof all);
}

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(kAnswer, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(1);  // nobody listens any more
    text.remove_prefix(static_cast<size_t>(written));
  }
}

// The first words, and with them the listener (-1: none), while no package code has run.
void introduce(const Confinement& confinement, int listener) {
  std::string text = print(confinement);
  iovec part{text.data(), text.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof listener)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (listener >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof listener);
    std::memcpy(CMSG_DATA(header), &listener, sizeof listener);
  }
  if (sendmsg(kAnswer, &message, MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) _exit(1);
  if (listener >= 0) close(listener);
}

}  // namespace

void Voice::say(std::string_view text) {
  text_ = text;
  state_.store(asked);
  state_.notify_all();
  state_.wait(asked);
}

class Cell {
 public:
  explicit Cell(const Work& work) : work_(work), confinement_(confine_process(kAnswer + 1)) {}

  [[noreturn]] void run() {
    premises_.process = getpid();
    premises_.parent = getppid();
    premises_.answer = kAnswer;
    try {
      std::thread([this] { work(); }).detach();  // it ends with the process
    } catch (const std::system_error& error) {
      cannot_work(error.code().value());
    }
    phase_.wait(shutting_in);
    block_all_signals();
    if (confinement_) introduce(*confinement_, listener_);
    if (confinement_ && !kSanitized) shut_in_trusted();
    enter(Phase::working);
    serve();
  }

 private:
  enum Phase : uint32_t { shutting_in, shut_in, working };

  void enter(Phase phase) {
    phase_.store(phase);
    phase_.notify_all();
  }

  void work() {
    if (confinement_ && !kSanitized) shut_in_work();
    enter(Phase::shut_in);
    phase_.wait(shut_in);
    const std::string last = work_(confinement_, voice_);
    voice_.say(last);
    voice_.state_.store(Voice::ended);
    voice_.state_.notify_all();
    while (true) pause();
  }

  // The work needs a thread. Without one it hears so on this one, where it does nothing else.
  [[noreturn]] void cannot_work(int reason) {
    const std::string last =
        work_(Error{Code::probe_sandbox_failed,
                    std::string("cannot shut the probe in: a thread cannot be started: ") +
                        std::strerror(reason) + limit_behind(reason),
                    "", Blame::world},
              voice_);
    write_all(last);
    _exit(0);
  }

  // A kernel or container without notifications still has filters: then there are no threads.
  void shut_in_work() {
    premises_.thread = gettid();
    for (const bool guarded : {true, false}) {
      premises_.guarded = guarded;
      const Result<int> listener =
          load(compile(rules_for_package_code(premises_), FilterAction::refuse), guarded);
      if (!listener && guarded) continue;
      if (!listener) {
        confinement_ = listener.error();
        return;
      }
      listener_ = *listener;
      confinement_->guarded = guarded;
      return;
    }
  }

  void shut_in_trusted() {
    if (!load(compile(rules_for_trusted_code(premises_), FilterAction::kill), false)) _exit(1);
  }

  [[noreturn]] void serve() {
    while (true) {
      voice_.state_.wait(Voice::idle);
      if (voice_.state_.load() == Voice::ended)
        _exit(0);  // whatever was registered for exit() has no say any more
      if (voice_.state_.load() != Voice::asked) continue;
      write_all(voice_.text_);
      voice_.state_.store(Voice::idle);
      voice_.state_.notify_all();
    }
  }

  const Work& work_;
  Result<Confinement> confinement_;
  Premises premises_;
  int listener_ = -1;  // from the load of the filter until it is sent away
  std::atomic<uint32_t> phase_{shutting_in};
  Voice voice_;
};

void run_in_cell(const Work& work) {
  Cell cell(work);
  cell.run();
}

}  // namespace pirn::sandbox
