// A package that changes what it shares with the host and with other packages: one function for each row of
// the table in docs/abi.md. Each says in "refused" whether the call failed with EPERM.
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <filesystem>
#include <iostream>
#include <locale>
#include <pirn/pirn.hpp>
#include <thread>
#include <utility>

namespace {

pirn::Outcome refused(bool yes) { return pirn::ok({{"refused", yes && errno == EPERM}}); }
pirn::Outcome refused_of(int status) { return refused(status == -1); }

struct Comma : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

PIRN_STEP(c_locale) { return refused(setlocale(LC_ALL, "C.UTF-8") == nullptr); }
PIRN_STEP(cpp_locale) {
  errno = 0;
  std::locale::global(std::locale(std::locale::classic(), new Comma));
  return refused(std::use_facet<std::numpunct<char>>(std::locale()).decimal_point() == '.');
}
PIRN_STEP(thread_locale) {
  uselocale(newlocale(LC_ALL_MASK, "C.UTF-8", nullptr));
  return pirn::ok();
}
PIRN_STEP(directory) {
  const bool is_refused = chdir("/") == -1 && errno == EPERM;
  std::error_code error;
  std::filesystem::current_path("/", error);  // through another library
  return pirn::ok({{"refused", is_refused && error.value() == EPERM}});
}
PIRN_STEP(mode_mask) {
  errno = 0;
  const mode_t before = umask(0777);
  return refused(umask(0777) == before);
}
PIRN_STEP(environment) {
  static char text[] = "PIRN_UNTIDY=1";
  return refused(setenv("PIRN_UNTIDY", "1", 1) == -1 && putenv(text) != 0 && unsetenv("PATH") == -1 &&
                 clearenv() != 0);
}
PIRN_STEP(handlers) {
  struct sigaction action = {};
  action.sa_handler = SIG_IGN;
  struct sigaction before;
  return refused(sigaction(SIGUSR2, nullptr, &before) == 0 && sigaction(SIGUSR2, &action, nullptr) == -1 &&
                 signal(SIGUSR2, SIG_IGN) == SIG_ERR);
}
PIRN_STEP(signal_stack) {
  static char memory[16 << 10];
  stack_t stack = {};
  stack.ss_sp = memory;
  stack.ss_size = sizeof memory;
  return refused_of(sigaltstack(&stack, nullptr));
}
PIRN_STEP(signal_mask) {
  sigset_t all;
  sigfillset(&all);
  return pirn::ok({{"changed", pthread_sigmask(SIG_SETMASK, &all, nullptr) == 0}});
}
PIRN_STEP(rounding) { return pirn::ok({{"changed", fesetround(FE_UPWARD) == 0}}); }
PIRN_STEP(exception_mask) { return pirn::ok({{"changed", feenableexcept(FE_DIVBYZERO) != -1}}); }
PIRN_STEP(limits) {
  rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = 3;
  return refused(setrlimit(RLIMIT_NOFILE, &limit) == -1 && prlimit(0, RLIMIT_NOFILE, &limit, nullptr) == -1);
}
PIRN_STEP(timers) {
  const itimerval soon = {{0, 0}, {0, 1000}};
  errno = 0;
  return refused(alarm(1) == 0 && setitimer(ITIMER_REAL, &soon, nullptr) == -1);
}
PIRN_STEP(affinity) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(0, &cpus);
  return refused(sched_setaffinity(0, sizeof cpus, &cpus) == -1 &&
                 pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus) == EPERM);
}
PIRN_STEP(priority) { return refused(nice(3) == -1 && setpriority(PRIO_PROCESS, 0, 3) == -1); }
// A thread of its own has no scope; it may change itself, and not the process.
PIRN_STEP(own_thread) {
  bool process = false, self = false;
  std::thread([&] {
    process = chdir("/") == -1 && setenv("PIRN_UNTIDY", "1", 1) == -1 && errno == EPERM;
    self = setpriority(PRIO_PROCESS, 0, 3) == 0;
  }).join();
  return pirn::ok({{"refused", process && self}});
}
// What a child sets up before it executes a program. False: something was refused.
bool set_up() {
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  sigset_t all;
  sigfillset(&all);
  rlimit limit;
  getrlimit(RLIMIT_CORE, &limit);
  limit.rlim_cur = 0;
  umask(0123);
  return chdir("/") == 0 && umask(0123) == 0123 && sigaction(SIGUSR2, &ignore, nullptr) == 0 &&
         signal(SIGUSR1, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_CORE, &limit) == 0 &&
         sigprocmask(SIG_BLOCK, &all, nullptr) == 0;
}
void become_a_shell() {
  char program[] = "/bin/sh", option[] = "-c", command[] = "test \"$(pwd)\" = / && umask | grep -q 123";
  char* const arguments[] = {program, option, command, nullptr};
  execve(program, arguments, environ);
}
bool ended_well(pid_t child) {
  int status = -1;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
PIRN_STEP(executes) {
  char name[] = "true";
  char* const arguments[] = {name, nullptr};
  const auto fails = [](int status) { return status == -1 && std::exchange(errno, 0) == EPERM; };
  const bool lists = fails(execl("/bin/true", "true", nullptr)) && fails(execlp("true", "true", nullptr)) &&
                     fails(execle("/bin/true", "true", nullptr, environ));
  const bool arrays = fails(execv("/bin/true", arguments)) && fails(execvp("true", arguments)) &&
                      fails(execve("/bin/true", arguments, environ)) &&
                      fails(execvpe("true", arguments, environ)) &&
                      fails(execveat(AT_FDCWD, "/bin/true", arguments, environ, 0)) &&
                      fails(fexecve(STDIN_FILENO, arguments, environ));
  const pid_t forked = fork();
  if (forked == 0) {
    execl("/bin/sh", "sh", "-c", "exit $#", "sh", "a", "b", nullptr);
    _exit(1);
  }
  int status = 0;
  const bool is_free = waitpid(forked, &status, 0) == forked && WIFEXITED(status) && WEXITSTATUS(status) == 2;
  return pirn::ok({{"refused", lists && arrays && is_free}});
}
PIRN_STEP(forks) {
  const pid_t forked = fork();
  if (forked == 0) {
    if (set_up() && setenv("PIRN_UNTIDY", "1", 1) == 0) become_a_shell();
    _exit(1);
  }
  const bool fork_is_free = ended_well(forked);
  const pid_t sharing = vfork();
  if (sharing == 0) {
    if (set_up()) become_a_shell();
    _exit(1);
  }
  const bool vfork_is_free = ended_well(sharing);
  errno = 0;
  const bool is_refused = chdir("/") == -1 && errno == EPERM;  // here, still
  const mode_t mask = umask(0);
  return pirn::ok({{"refused", is_refused && mask != 0123}, {"free", fork_is_free && vfork_is_free}});
}
PIRN_STEP(fails_untidily) {
  chdir("/");
  fesetround(FE_DOWNWARD);
  throw pirn::Error("gone", "with all that", pirn::terminal);
}

// What nothing in this process protects: each change is there when the function has returned.
PIRN_STEP(unprotected) {
  // Not in the library, which may be unloaded.
  environ = new char* [2] { strdup("PIRN_LEFT=behind"), nullptr };
  prctl(PR_SET_NAME, "left-behind");
  const sched_param none{};
  sched_setscheduler(0, SCHED_BATCH, &none);
  const int null = open("/dev/null", O_WRONLY);
  dup2(null, STDOUT_FILENO);
  std::cout << std::hex;
  setsid();
  std::set_terminate([] { _exit(93); });
  srand(7);
  return pirn::ok({{"file", static_cast<int64_t>(null)}});
}

PIRN_WORKFLOW(acts, c_locale, cpp_locale, thread_locale, directory, mode_mask, environment, handlers,
              signal_stack, signal_mask, rounding, exception_mask, limits, timers, affinity, priority,
              own_thread, executes, forks, fails_untidily, unprotected)

void begin() { setenv("PIRN_UNTIDY", "init", 1), fesetround(FE_UPWARD); }

}  // namespace

PIRN_PACKAGE("untidy", "1.0.0", acts, pirn::on_load<begin>)
