// seccomp lists what is allowed, not what is forbidden: a new system call of a future kernel stays out.
#include "packager/probe/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace pirn::probe {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // a sanitizer's shadow memory and its tricks do not fit in here
#else
constexpr bool kSanitized = false;
#endif

constexpr rlim_t kCpuSeconds = 10;
constexpr rlim_t kAddressSpace = rlim_t{2} << 30;
constexpr rlim_t kOpenFiles = 64;

constexpr const char* kAllowed[] = {
    // memory
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "memfd_create", "ftruncate",
    // descriptors that are open already, and those without a name
    "read", "readv", "pread64", "preadv", "write", "writev", "pwrite64", "lseek", "close", "dup", "dup2",
    "dup3", "fcntl", "pipe", "pipe2", "eventfd2", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
    "poll", "ppoll", "select", "pselect6", "timerfd_create", "timerfd_settime",
    // looking at files; Landlock limits which
    "fstat", "newfstatat", "stat", "lstat", "statx", "access", "faccessat", "faccessat2", "readlink",
    "readlinkat", "getcwd", "getdents64", "fstatfs", "statfs",
    // threads and signals
    "futex", "set_robust_list", "get_robust_list", "rseq", "sched_yield", "sched_getaffinity",
    "sched_setaffinity", "sched_getparam", "sched_getscheduler", "sched_get_priority_max",
    "sched_get_priority_min", "set_tid_address", "membarrier", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "sigaltstack", "restart_syscall", "exit",
    "exit_group",
    // time and identity
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "times",
    "getrusage", "getrandom", "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid",
    "getpgrp", "uname", "sysinfo", "getcpu", "arch_prctl"};

constexpr const char* kReadable[] = {
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo", "/etc/localtime"};

Error failed(const char* what) {
  return Error{Code::probe_sandbox_failed,
               std::string("cannot shut the probe in: ") + what + ": " + std::strerror(errno), "",
               Blame::world};
}

bool limit(int resource, rlim_t value, rlim_t grace = 0) {
  const rlimit soft_and_hard{value, value + grace};
  return setrlimit(static_cast<__rlimit_resource>(resource), &soft_and_hard) == 0;
}

Status limit_resources(size_t max_file) {
  // A second between SIGXCPU, which tells the parent what happened, and SIGKILL, which does not.
  if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_CPU, kCpuSeconds, 1) || !limit(RLIMIT_NOFILE, kOpenFiles) ||
      !limit(RLIMIT_FSIZE, max_file) || (!kSanitized && !limit(RLIMIT_AS, kAddressSpace)))
    return failed("setrlimit");
  std::signal(SIGXFSZ, SIG_IGN);  // a file that would become too large is an error, not the end
  return {};
}

void allow_reading(int ruleset, const char* path) {
  const int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return;
  landlock_path_beneath_attr rule{};
  rule.parent_fd = fd;
  rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;  // a file has no entries to read
    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  }
  close(fd);
}

// A kernel without Landlock leaves files readable, and still unwritable.
void hide_files() {
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return;
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // all of the first version
  const auto ruleset =
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0));
  if (ruleset < 0) return;
  for (const char* path : kReadable) allow_reading(ruleset, path);
  syscall(SYS_landlock_restrict_self, ruleset, 0);
  close(ruleset);
}

int number_of(const char* name) { return seccomp_syscall_resolve_name(name); }

Status filter_system_calls() {
  const std::unique_ptr<void, void (*)(void*)> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)), seccomp_release);
  if (!filter) return failed("seccomp_init");
  int error = 0;
  const auto allow = [&](const char* name, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    const int number = number_of(name);
    if (number == __NR_SCMP_ERROR || error != 0) return;  // this machine has no such call
    error = seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, number,
                                   static_cast<unsigned>(conditions.size()), conditions.begin());
  };
  for (const char* name : kAllowed) allow(name);
  constexpr scmp_datum_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC;
  allow("open", {SCMP_A1(SCMP_CMP_MASKED_EQ, kWriting, O_RDONLY)});
  allow("openat", {SCMP_A2(SCMP_CMP_MASKED_EQ, kWriting, O_RDONLY)});
  allow("clone", {SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)});
  allow("tgkill", {SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(getpid()))});  // abort()
  allow("prctl", {SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME)});
  allow("prctl", {SCMP_A0(SCMP_CMP_EQ, PR_GET_NAME)});
  // Its arguments are in memory, where a filter cannot look; with ENOSYS glibc makes threads with clone().
  if (error == 0 && number_of("clone3") != __NR_SCMP_ERROR)
    error = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), number_of("clone3"), 0);
  if (error == 0) error = seccomp_load(filter.get());
  if (error == 0) return {};
  errno = -error;
  return failed("seccomp");
}

}  // namespace

Status enter_sandbox(int first_closed, size_t max_file) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return failed("prctl");
  clearenv();
  if (close_range(static_cast<unsigned>(first_closed), ~0u, 0) != 0) return failed("close_range");
  PIRN_DO(limit_resources(max_file));
  if (kSanitized) return {};
  hide_files();
  return filter_system_calls();
}

}  // namespace pirn::probe
