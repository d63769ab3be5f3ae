#include "packager/sandbox/cell.h"

#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <thread>

#include "packager/sandbox/calls.h"
#include "packager/sandbox/filter.h"
#include "packager/sandbox/sanitized.h"

namespace pirn::sandbox {
namespace {

constexpr int kListener = kAnswer + 1;  // the first descriptor that is free

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

// Digits without a heap: package code may have spoilt it.
char* append_number(char* at, uint64_t number) {
  char digits[20];
  size_t count = 0;
  do {
    digits[count++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  while (count > 0) *at++ = digits[--count];
  return at;
}

[[noreturn]] void report_offence(const seccomp_data& call) {
  char text[80];
  char* at = text;
  *at++ = kOffenceMark;
  at = append_number(at, static_cast<uint32_t>(call.nr));
  for (const uint64_t argument : {call.args[0], call.args[1]}) {
    *at++ = ' ';
    at = append_number(at, static_cast<uint32_t>(argument));
  }
  *at++ = '\n';
  write_all({text, static_cast<size_t>(at - text)});  // at once: it is shorter than PIPE_BUF
  _exit(0);
}

// The kernel's structs may be longer than those of the header.
union Notice {
  seccomp_notif call;
  char room[512];
};
union Reply {
  seccomp_notif_resp reply;
  char room[512];
};

[[noreturn]] void stand_guard() {
  unsigned threads = 0;
  while (true) {
    Notice notice = {};
    if (ioctl(kListener, SECCOMP_IOCTL_NOTIF_RECV, &notice) != 0) continue;  // the caller was interrupted
    if (notice.call.data.nr != SYS_clone || threads >= kMaxThreads) report_offence(notice.call.data);
    ++threads;
    Reply answer = {};
    answer.reply.id = notice.call.id;
    answer.reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(kListener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
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
  Cell(size_t max_file_bytes, const Work& work)
      : work_(work), confinement_(confine_process({kAnswer + 1, max_file_bytes})) {}

  [[noreturn]] void run() {
    premises_.process = getpid();
    premises_.parent = getppid();
    premises_.answer = kAnswer;
    premises_.listener = kListener;
    std::thread worker([this] { work(); });
    worker.detach();  // it ends with the process
    phase_.wait(shutting_in);
    block_all_signals();
    if (!kSanitized && confinement_) {
      if (confinement_->guarded) std::thread([this] { guard(); }).detach();
      shut_in_trusted();
    }
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

  // A kernel or container without notifications still has filters: then there are no threads.
  void shut_in_work() {
    premises_.thread = gettid();
    for (const bool guarded : {true, false}) {
      premises_.guarded = guarded;
      const Result<int> listener = load(compile(rules_for_package_code(premises_), Verdict::refuse), guarded);
      if (!listener && guarded) continue;
      if (!listener)
        confinement_ = listener.error();
      else if (guarded && *listener != kListener)
        confinement_ = Error{Code::probe_sandbox_failed,
                             "cannot shut the probe in: a descriptor is in the way", "", Blame::pirn};
      else
        confinement_->guarded = guarded;
      return;
    }
  }

  void shut_in_trusted() {
    if (!load(compile(rules_for_trusted_code(premises_), Verdict::kill), false)) _exit(1);
  }

  [[noreturn]] void guard() {
    shut_in_trusted();
    stand_guard();
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
  std::atomic<uint32_t> phase_{shutting_in};
  Voice voice_;
};

void run_in_cell(size_t max_file_bytes, const Work& work) {
  Cell cell(max_file_bytes, work);
  cell.run();
}

}  // namespace pirn::sandbox
