// The table of docs/abi.md, row by row: what package code does to the process and the thread that it shares
// is refused or restored, and the author is told.
#include <fcntl.h>
#include <fenv.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <locale>
#include <sstream>

#include "tests/host/worker/package_run.h"

namespace pirn::worker {
namespace {

std::string line_of_status(const std::string& name) {
  std::ifstream file("/proc/thread-self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name)) return line;
  return "";
}

// What a thread of the host shares with packages. One line for each kind, for messages.
std::string state_of_process() {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out << "locale " << setlocale(LC_ALL, nullptr) << '\n';
  out << "C++ locale " << std::use_facet<std::numpunct<char>>(std::locale()).decimal_point() << '\n';
  out << "directory " << std::filesystem::current_path().string() << '\n';
  out << line_of_status("Umask") << '\n';
  out << "environment " << (std::getenv("PIRN_UNTIDY") ? "changed" : "")
      << (std::getenv("PATH") ? "" : "lost");
  struct sigaction action;
  sigaction(SIGUSR2, nullptr, &action);
  out << "\nhandler " << reinterpret_cast<intptr_t>(action.sa_handler) << '\n';
  rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  out << "files " << limit.rlim_cur << '\n';
  out << "alarm " << alarm(0) << '\n';
  return out.str();
}
std::string state_of_thread() {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out << "rounding " << fegetround() << "\nexceptions " << fegetexcept() << '\n';
  out << "thread's locale " << uselocale(nullptr) << '\n';
  out << line_of_status("SigBlk") << '\n' << line_of_status("Cpus_allowed:") << '\n';
  out << "priority " << getpriority(PRIO_PROCESS, 0) << '\n';
  stack_t stack;
  sigaltstack(nullptr, &stack);
  out << "signal stack " << stack.ss_sp << '\n';
  return out.str();
}

// Looks at the pool's thread from within: a heartbeat's note, a log line and a cost come from it.
class Observer : public Listener {
 public:
  void on_log(const Invocation&, uint32_t, std::string_view) override {}
  void on_progress(const Invocation&, double, std::string_view) override {}
  void on_stream(const Invocation&, std::string_view, bool) override {}
  void on_cost(const Invocation&, int64_t, int64_t) override {
    thread_after = state_of_thread();
    process_after = state_of_process();
    char name[16] = "";
    pthread_getname_np(pthread_self(), name, sizeof name);
    name_after = name;
    policy_after = sched_getscheduler(0);
  }
  std::string thread_after, process_after, name_after;
  int policy_after = -1;
};

struct Act {
  const char* function;
  const char* refused = nullptr;   // what the diagnostic names; nullptr: nothing is refused
  const char* restored = nullptr;  // likewise
};
void PrintTo(const Act& act, std::ostream* out) { *out << act.function; }

class ProcessState : public ::testing::TestWithParam<Act> {
 protected:
  Completion run(const char* function) { return package_.run(function, observer_); }
  static std::string said(const Completion& completion, const std::string& code) {
    for (const journal::Diagnostic& diagnostic : completion.outcome.diagnostics)
      if (diagnostic.code == code) return diagnostic.message;
    return "";
  }
  static bool truth(const Completion& completion, std::string_view key) {
    const auto& result = completion.outcome.result;
    const auto* entry = result ? result->map.find(key) : nullptr;
    return entry && entry->value.as_bool();
  }

  PackageRun package_{PIRN_WORKSHOPS "/untidy.so",
                      "untidy",
                      {"c_locale",       "cpp_locale", "thread_locale", "directory",      "mode_mask",
                       "environment",    "handlers",   "signal_stack",  "signal_mask",    "rounding",
                       "exception_mask", "limits",     "timers",        "affinity",       "priority",
                       "own_thread",     "executes",   "forks",         "fails_untidily", "unprotected"}};
  Observer observer_;
};

TEST_P(ProcessState, IsRefusedOrRestored) {
  const Act& act = GetParam();
  const std::string before = state_of_process();
  const Completion completion = run(act.function);
  EXPECT_EQ(completion.outcome.kind, Outcome::Kind::done);
  EXPECT_EQ(observer_.process_after, before);
  EXPECT_EQ(state_of_process(), before);
  // The pool's thread is as this one, but for its stack for signals and what init would have left.
  const auto without_stack = [](std::string text) { return text.substr(0, text.find("signal stack")); };
  EXPECT_EQ(without_stack(observer_.thread_after), without_stack(state_of_thread()));
  const std::string refused = said(completion, "process_state_refused");
  const std::string restored = said(completion, "thread_state_restored");
  if (act.refused) {
    EXPECT_TRUE(truth(completion, "refused")) << "the call must fail with EPERM";
    EXPECT_NE(refused.find(act.refused), std::string::npos) << refused;
  } else {
    EXPECT_EQ(refused, "");
  }
  if (act.restored)
    EXPECT_NE(restored.find(act.restored), std::string::npos) << restored;
  else
    EXPECT_EQ(restored, "");
}
INSTANTIATE_TEST_SUITE_P(
    Rows, ProcessState,
    ::testing::Values(Act{"c_locale", "setlocale()"}, Act{"cpp_locale", "std::locale::global()"},
                      Act{"thread_locale", nullptr, "the thread's locale"}, Act{"directory", "chdir()"},
                      Act{"mode_mask", "umask()"},
                      Act{"environment", "setenv(), putenv(), unsetenv(), clearenv()"},
                      Act{"handlers", "sigaction(), signal()"}, Act{"signal_stack", "sigaltstack()"},
                      Act{"signal_mask", nullptr, "the signal mask"},
                      Act{"rounding", nullptr, "the floating-point control"},
                      Act{"exception_mask", nullptr, "the floating-point control"},
                      Act{"limits", "setrlimit(), prlimit()"}, Act{"timers", "alarm(), setitimer()"},
                      Act{"affinity", "sched_setaffinity(), pthread_setaffinity_np()"},
                      Act{"priority", "nice(), setpriority()"},
                      Act{"executes", "execl(), execlp(), execle(), execv()"}),
    [](const auto& info) { return std::string(info.param.function); });

TEST_F(ProcessState, AThreadOfThePackagesOwnMayChangeItselfOnly) {
  const std::string before = state_of_process();
  EXPECT_TRUE(truth(run("own_thread"), "refused"));
  EXPECT_EQ(state_of_process(), before);
}

TEST_F(ProcessState, AForkedProcessMayChangeItself) {
  const std::string before = state_of_process();
  const Completion completion = run("forks");
  EXPECT_TRUE(truth(completion, "free")) << "what is needed between fork and exec works";
  EXPECT_TRUE(truth(completion, "refused")) << "and in the host it is refused as before";
  EXPECT_EQ(said(completion, "thread_state_restored"), "") << "the child's mask is its own";
  EXPECT_EQ(state_of_process(), before);
}

TEST_F(ProcessState, AFailureIsRestoredAsWell) {
  const Completion completion = run("fails_untidily");
  ASSERT_EQ(completion.outcome.kind, Outcome::Kind::failed);
  EXPECT_EQ(completion.outcome.error->code, "gone");
  EXPECT_EQ(completion.outcome.diagnostics.size(), 2u);
  EXPECT_NE(observer_.thread_after.find("rounding 0\n"), std::string::npos) << observer_.thread_after;
}

// The rows that say "unprotected": a change that is not there any more has a row of its own to get. It takes
// a process of its own, since nothing brings the state back.
TEST_F(ProcessState, WhatIsUnprotectedIsLeftBehind) {
  const auto act = [this] {
    struct stat null {
    }, output{};
    srand(7);
    const int first = rand();
    const auto terminate = std::get_terminate();
    const Completion completion = run("unprotected");
    const auto* file = completion.outcome.result->map.find("file");
    std::vector<std::string> kept;  // rows that are not as docs/abi.md says
    const auto expect = [&](const char* row, bool is_left) {
      if (!is_left) kept.emplace_back(row);
    };
    const char* variable = getenv("PIRN_LEFT");
    expect("environ", variable && std::string_view(variable) == "behind");
    expect("name of the thread", observer_.name_after == "left-behind");
    expect("scheduling policy", observer_.policy_after == SCHED_BATCH);
    expect("standard output", stat("/dev/null", &null) == 0 && fstat(STDOUT_FILENO, &output) == 0 &&
                                  null.st_rdev == output.st_rdev);
    expect("formats of std::cout", (std::cout.flags() & std::ios::hex) != 0);
    expect("sessions", getsid(0) == getpid());
    expect("std::set_terminate", std::get_terminate() != terminate);
    expect("rand", rand() == first);
    expect("open files", file && fcntl(static_cast<int>(file->value.as_integer()), F_GETFD) != -1);
    expect("diagnostics", completion.outcome.diagnostics.empty());
    for (const std::string& row : kept) std::cerr << row << " is not left behind\n";
    _exit(kept.empty() ? 7 : 1);
  };
  EXPECT_EXIT(act(), ::testing::ExitedWithCode(7), "");
}

// The host itself goes on to use them.
TEST_F(ProcessState, TheProgramIsNotRefusedAnything) {
  const mode_t mask = umask(077);
  EXPECT_EQ(umask(mask), 077u);
  EXPECT_EQ(setenv("PIRN_TIDY", "1", 1), 0);
  EXPECT_STREQ(getenv("PIRN_TIDY"), "1");
  EXPECT_EQ(unsetenv("PIRN_TIDY"), 0);
  const auto before = signal(SIGUSR2, SIG_IGN);
  EXPECT_EQ(signal(SIGUSR2, before), SIG_IGN);
  EXPECT_NE(setlocale(LC_ALL, "C"), nullptr);
}

}  // namespace
}  // namespace pirn::worker
