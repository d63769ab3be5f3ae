// Call × argument → answer, as root and as an ordinary user.
#include "packager/sandbox/calls.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "packager/sandbox/sanitized.h"
#include "tests/packager/sandbox/inmate.h"

namespace pirn::sandbox {
namespace {

enum class Answer { allowed, eperm, enosys, offence };

struct Row {
  const char* what;
  Answer answer;
  long (*call)();
};

template <class... Arguments>
long raw(long number, Arguments... arguments) {
  return syscall(number, arguments...);
}

constexpr long kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
constexpr long kPage = 4096;
long parent() { return getppid(); }
long self() { return getpid(); }
char g_scratch[4096];
long scratch() { return reinterpret_cast<long>(g_scratch); }

long mapping(int protection, int flags, int descriptor = -1) {
  return reinterpret_cast<long>(mmap(nullptr, kPage, protection, flags, descriptor, 0));
}

const Row kRows[] = {
    // descriptors and the signals that they can send
    {"fcntl(F_GETFD)", Answer::allowed, [] { return long{fcntl(1, F_GETFD)}; }},
    {"fcntl(F_SETFD)", Answer::allowed, [] { return long{fcntl(1, F_SETFD, FD_CLOEXEC)}; }},
    {"fcntl(F_GETFL)", Answer::allowed, [] { return long{fcntl(1, F_GETFL)}; }},
    {"fcntl(F_DUPFD_CLOEXEC)", Answer::allowed, [] { return long{fcntl(1, F_DUPFD_CLOEXEC, 20)}; }},
    {"fcntl(F_SETFL, O_NONBLOCK)", Answer::allowed, [] { return long{fcntl(1, F_SETFL, O_NONBLOCK)}; }},
    {"fcntl(F_SETFL, O_ASYNC)", Answer::offence, [] { return long{fcntl(1, F_SETFL, O_ASYNC)}; }},
    {"fcntl(F_SETFL, O_ASYNC | O_NONBLOCK)", Answer::offence,
     [] { return long{fcntl(1, F_SETFL, O_ASYNC | O_NONBLOCK)}; }},
    {"fcntl(F_SETOWN, parent)", Answer::offence, [] { return raw(SYS_fcntl, 1L, long{F_SETOWN}, parent()); }},
    {"fcntl(F_SETOWN) with garbage above", Answer::offence,
     [] { return raw(SYS_fcntl, 1L, (1L << 32) + F_SETOWN, parent()); }},
    {"fcntl(F_SETOWN_EX)", Answer::offence, [] { return raw(SYS_fcntl, 1L, 15L, scratch()); }},
    {"fcntl(F_SETSIG)", Answer::offence, [] { return raw(SYS_fcntl, 1L, 10L, 9L); }},
    {"fcntl(F_SETLEASE)", Answer::offence, [] { return raw(SYS_fcntl, 1L, 1024L, 0L); }},
    {"fcntl(F_NOTIFY)", Answer::offence, [] { return raw(SYS_fcntl, 1L, 1026L, 0L); }},
    {"fcntl(F_SETLK)", Answer::eperm, [] { return raw(SYS_fcntl, 1L, long{F_SETLK}, scratch()); }},
    {"fcntl(F_SETPIPE_SZ)", Answer::eperm, [] { return raw(SYS_fcntl, 1L, 1031L, 1L << 20); }},
    {"ioctl(TCGETS)", Answer::allowed, [] { return raw(SYS_ioctl, 1L, long{TCGETS}, scratch()); }},
    {"ioctl(FIOASYNC)", Answer::offence, [] { return raw(SYS_ioctl, 1L, long{FIOASYNC}, scratch()); }},
    {"ioctl(FIOSETOWN)", Answer::offence, [] { return raw(SYS_ioctl, 1L, 0x8901L, scratch()); }},
    {"ioctl(TIOCSTI)", Answer::offence, [] { return raw(SYS_ioctl, 1L, long{TIOCSTI}, scratch()); }},
    {"ioctl(another)", Answer::eperm, [] { return raw(SYS_ioctl, 1L, 0x4711L, scratch()); }},
    {"dup", Answer::allowed, [] { return long{dup(1)}; }},
    {"dup3 over a guarded one", Answer::eperm, [] { return long{dup3(1, kAnswer, 0)}; }},
    {"write to a guarded one", Answer::eperm, [] { return long{write(kAnswer, "x", 1)}; }},
    {"pipe2(O_CLOEXEC)", Answer::allowed,
     [] {
       int ends[2];
       return long{pipe2(ends, O_CLOEXEC)};
     }},
    {"pipe2(O_NOTIFICATION_PIPE)", Answer::eperm, [] { return raw(SYS_pipe2, scratch(), long{O_EXCL}); }},
    // threads and processes
    {"clone3", Answer::enosys, [] { return raw(SYS_clone3, scratch(), 64L); }},
    {"fork by clone", Answer::eperm, [] { return raw(SYS_clone, long{SIGCHLD}, 0L, 0L, 0L, 0L); }},
    {"clone(CLONE_NEWUSER)", Answer::eperm,
     [] { return raw(SYS_clone, long{CLONE_NEWUSER | SIGCHLD}, 0L, 0L, 0L, 0L); }},
    {"a thread in namespaces", Answer::eperm,
     [] { return raw(SYS_clone, kThread | CLONE_NEWNET, 0L, 0L, 0L, 0L); }},
    {"a thread that is traced", Answer::eperm,
     [] { return raw(SYS_clone, kThread | CLONE_PTRACE, 0L, 0L, 0L, 0L); }},
    {"a thread with a pidfd", Answer::eperm,
     [] { return raw(SYS_clone, kThread | CLONE_PIDFD, 0L, 0L, 0L, 0L); }},
    {"a thread with files of its own", Answer::eperm,
     [] { return raw(SYS_clone, kThread & ~long{CLONE_FILES}, 0L, 0L, 0L, 0L); }},
#if defined(__x86_64__)
    {"fork", Answer::eperm, [] { return raw(SYS_fork); }},
    {"vfork", Answer::eperm, [] { return raw(SYS_vfork); }},
#endif
    {"execve", Answer::eperm, [] { return raw(SYS_execve, scratch(), 0L, 0L); }},
    {"execveat", Answer::eperm, [] { return raw(SYS_execveat, 1L, scratch(), 0L, 0L, 0L); }},
    {"unshare", Answer::eperm, [] { return raw(SYS_unshare, long{CLONE_NEWUSER}); }},
    {"setns", Answer::eperm, [] { return raw(SYS_setns, 1L, 0L); }},
    // signals
    {"kill(self, 0)", Answer::allowed, [] { return long{kill(getpid(), 0)}; }},
    {"kill(parent)", Answer::offence, [] { return raw(SYS_kill, parent(), 0L); }},
    {"kill(everybody)", Answer::offence, [] { return raw(SYS_kill, -1L, 0L); }},
    {"kill(the group)", Answer::offence, [] { return raw(SYS_kill, 0L, 0L); }},
    {"kill(parent) with garbage above", Answer::offence,
     [] { return raw(SYS_kill, (1L << 32) + parent(), 0L); }},
    {"tgkill(self)", Answer::allowed, [] { return raw(SYS_tgkill, self(), long{gettid()}, 0L); }},
    {"tgkill(parent)", Answer::offence, [] { return raw(SYS_tgkill, parent(), parent(), 0L); }},
    {"tkill(self)", Answer::eperm, [] { return raw(SYS_tkill, long{gettid()}, 0L); }},
    {"rt_sigqueueinfo(parent)", Answer::offence,
     [] { return raw(SYS_rt_sigqueueinfo, parent(), 0L, scratch()); }},
    {"rt_tgsigqueueinfo(parent)", Answer::offence,
     [] { return raw(SYS_rt_tgsigqueueinfo, parent(), parent(), 0L, scratch()); }},
    {"pidfd_open(parent)", Answer::offence, [] { return raw(SYS_pidfd_open, parent(), 0L); }},
    {"pidfd_send_signal", Answer::offence, [] { return raw(SYS_pidfd_send_signal, 1L, 0L, 0L, 0L); }},
    {"pidfd_getfd", Answer::offence, [] { return raw(SYS_pidfd_getfd, 1L, 1L, 0L); }},
    // how processes run
    {"sched_setaffinity(0)", Answer::allowed,
     [] {
       return sched_getaffinity(0, sizeof(cpu_set_t), reinterpret_cast<cpu_set_t*>(g_scratch)) == 0
                  ? raw(SYS_sched_setaffinity, 0L, long{sizeof(cpu_set_t)}, scratch())
                  : -1;
     }},
    {"sched_setaffinity(parent)", Answer::offence,
     [] { return raw(SYS_sched_setaffinity, parent(), 8L, scratch()); }},
    {"sched_setaffinity(somebody)", Answer::eperm,
     [] { return raw(SYS_sched_setaffinity, 1L, 8L, scratch()); }},
    {"sched_setscheduler(parent)", Answer::offence,
     [] { return raw(SYS_sched_setscheduler, parent(), 0L, scratch()); }},
    {"sched_setscheduler(0)", Answer::eperm, [] { return raw(SYS_sched_setscheduler, 0L, 0L, scratch()); }},
    {"sched_setattr(parent)", Answer::offence,
     [] { return raw(SYS_sched_setattr, parent(), scratch(), 0L); }},
    {"setpriority(parent)", Answer::offence, [] { return raw(SYS_setpriority, 0L, parent(), 19L); }},
    {"setpriority(0)", Answer::eperm, [] { return raw(SYS_setpriority, 0L, 0L, 19L); }},
    {"ioprio_set(parent)", Answer::offence, [] { return raw(SYS_ioprio_set, 1L, parent(), 0L); }},
    {"prlimit64(0, read)", Answer::allowed,
     [] { return raw(SYS_prlimit64, 0L, long{RLIMIT_NOFILE}, 0L, scratch()); }},
    {"prlimit64(0, write)", Answer::eperm,
     [] { return raw(SYS_prlimit64, 0L, long{RLIMIT_NOFILE}, scratch(), 0L); }},
    {"prlimit64(parent)", Answer::offence, [] { return raw(SYS_prlimit64, parent(), 0L, 0L, scratch()); }},
    {"setrlimit", Answer::eperm, [] { return raw(SYS_setrlimit, 0L, scratch()); }},
    {"setpgid(parent)", Answer::offence, [] { return raw(SYS_setpgid, parent(), 0L); }},
    {"setsid", Answer::eperm, [] { return raw(SYS_setsid); }},
    // memory
    {"mmap", Answer::allowed, [] { return mapping(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS); }},
    {"mmap(executable)", Answer::allowed,
     [] { return mapping(PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS); }},
    {"mmap(writable, executable)", Answer::eperm,
     [] { return mapping(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS); }},
    {"mmap(huge pages)", Answer::eperm,
     [] { return mapping(PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB); }},
    {"mprotect(the stack executable)", Answer::eperm,
     [] {
       const long page = reinterpret_cast<long>(__builtin_frame_address(0)) & -kPage;
       return raw(SYS_mprotect, page, kPage, long{PROT_READ | PROT_WRITE | PROT_EXEC});
     }},
    {"madvise(MADV_DONTNEED)", Answer::allowed, [] { return raw(SYS_madvise, 0L, 0L, long{MADV_DONTNEED}); }},
    {"madvise(MADV_HWPOISON)", Answer::eperm, [] { return raw(SYS_madvise, 0L, 0L, 100L); }},
    {"memfd_create", Answer::eperm, [] { return raw(SYS_memfd_create, scratch(), long{MFD_CLOEXEC}); }},
    {"ftruncate", Answer::eperm, [] { return raw(SYS_ftruncate, 1L, 4096L); }},
    {"fallocate", Answer::eperm, [] { return raw(SYS_fallocate, 1L, 0L, 0L, 4096L); }},
    {"membarrier(private)", Answer::allowed, [] { return raw(SYS_membarrier, 16L, 0L); }},
    {"membarrier(global)", Answer::eperm, [] { return raw(SYS_membarrier, 1L, 0L); }},
    {"mlock", Answer::eperm, [] { return raw(SYS_mlock, scratch(), kPage); }},
    {"process_vm_readv", Answer::offence,
     [] { return raw(SYS_process_vm_readv, parent(), 0L, 0L, 0L, 0L, 0L); }},
    {"process_vm_writev", Answer::offence,
     [] { return raw(SYS_process_vm_writev, parent(), 0L, 0L, 0L, 0L, 0L); }},
    {"process_madvise", Answer::offence, [] { return raw(SYS_process_madvise, 1L, 0L, 0L, 0L, 0L); }},
    {"ptrace", Answer::offence, [] { return raw(SYS_ptrace, 0L, 0L, 0L, 0L); }},
    {"kcmp", Answer::offence, [] { return raw(SYS_kcmp, self(), parent(), 0L, 0L, 0L); }},
    // files
    {"openat(a library)", Answer::allowed,
     [] { return long{open("/usr/lib/os-release", O_RDONLY | O_CLOEXEC)}; }},
    {"openat(O_WRONLY)", Answer::eperm, [] { return long{open("/dev/null", O_WRONLY)}; }},
    {"openat(O_RDWR)", Answer::eperm, [] { return long{open("/dev/null", O_RDWR)}; }},
    {"openat(O_CREAT)", Answer::eperm,
     [] { return long{open("/tmp/pirn-inmate", O_RDONLY | O_CREAT, 0600)}; }},
    {"openat(O_TRUNC)", Answer::eperm, [] { return long{open("/usr/lib/os-release", O_RDONLY | O_TRUNC)}; }},
    {"openat(O_PATH)", Answer::eperm, [] { return long{open("/", O_PATH)}; }},
    {"openat(O_TMPFILE)", Answer::eperm, [] { return long{open("/tmp", O_TMPFILE | O_RDWR, 0600)}; }},
    {"openat2", Answer::eperm, [] { return raw(SYS_openat2, -100L, scratch(), scratch(), 24L); }},
    {"unlinkat", Answer::eperm, [] { return raw(SYS_unlinkat, -100L, scratch(), 0L); }},
    {"renameat2", Answer::eperm, [] { return raw(SYS_renameat2, -100L, scratch(), -100L, scratch(), 0L); }},
    {"mount", Answer::eperm, [] { return raw(SYS_mount, scratch(), scratch(), scratch(), 0L, 0L); }},
    {"chroot", Answer::eperm, [] { return raw(SYS_chroot, scratch()); }},
    {"name_to_handle_at", Answer::eperm,
     [] { return raw(SYS_name_to_handle_at, -100L, scratch(), 0L, 0L, 0L); }},
    {"splice", Answer::eperm, [] { return raw(SYS_splice, 0L, 0L, 1L, 0L, 1L, 0L); }},
    {"sendfile", Answer::eperm, [] { return raw(SYS_sendfile, 1L, 0L, 0L, 1L); }},
    // the network, and what else the kernel offers
    {"socket(AF_INET)", Answer::eperm, [] { return long{socket(AF_INET, SOCK_STREAM, 0)}; }},
    {"socket(AF_UNIX)", Answer::eperm, [] { return long{socket(AF_UNIX, SOCK_STREAM, 0)}; }},
    {"socketpair", Answer::eperm, [] { return raw(SYS_socketpair, 1L, 1L, 0L, scratch()); }},
    {"io_uring_setup", Answer::eperm, [] { return raw(SYS_io_uring_setup, 1L, scratch()); }},
    {"userfaultfd", Answer::eperm, [] { return raw(SYS_userfaultfd, 0L); }},
    {"bpf", Answer::eperm, [] { return raw(SYS_bpf, 0L, scratch(), 8L); }},
    {"keyctl", Answer::eperm, [] { return raw(SYS_keyctl, 0L, 0L); }},
    {"perf_event_open", Answer::eperm, [] { return raw(SYS_perf_event_open, scratch(), 0L, -1L, -1L, 0L); }},
    {"seccomp", Answer::eperm, [] { return raw(SYS_seccomp, 1L, 0L, scratch()); }},
    {"prctl(PR_SET_NAME)", Answer::allowed, [] { return long{prctl(PR_SET_NAME, "inmate")}; }},
    {"prctl(PR_SET_DUMPABLE)", Answer::eperm, [] { return long{prctl(PR_SET_DUMPABLE, 1)}; }},
    {"prctl(PR_SET_PDEATHSIG)", Answer::eperm, [] { return long{prctl(PR_SET_PDEATHSIG, 0)}; }},
    {"prctl(PR_SET_PTRACER)", Answer::eperm, [] { return raw(SYS_prctl, 0x59616d61L, 1L); }},
    {"setuid(self)", Answer::eperm, [] { return raw(SYS_setuid, long{geteuid()}); }},
    {"capset", Answer::eperm, [] { return raw(SYS_capset, scratch(), scratch()); }},
    {"personality", Answer::eperm, [] { return raw(SYS_personality, 0x0400000L); }},
    {"a call of the future", Answer::eperm, [] { return raw(4000L); }},
};

std::string said_after(const Row& row, uid_t user) {
  const Heard heard = run_inmate(user, [&](const auto& confinement, Voice&) -> std::string {
    if (!confinement) return confinement.error().message;
    errno = 0;
    const long result = row.call();
    return result < 0 && result > -4096 ? std::to_string(errno) : "ok";
  });
  return heard.offence ? "offence" : heard.said;
}

std::string name(Answer answer) {
  switch (answer) {
    case Answer::eperm:
      return std::to_string(EPERM);
    case Answer::enosys:
      return std::to_string(ENOSYS);
    case Answer::offence:
      return "offence";
    default:
      return "allowed";
  }
}

std::string answer_of(const std::string& said) {
  const bool is_answer =
      said == name(Answer::eperm) || said == name(Answer::enosys) || said == name(Answer::offence);
  return is_answer || said.empty() ? said : "allowed";
}

void expect_table(uid_t user) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer does not fit into the sandbox";
  for (const Row& row : kRows) {
    const std::string said = said_after(row, user);
    EXPECT_EQ(answer_of(said), name(row.answer)) << row.what << " was answered with '" << said << "'";
  }
}

TEST(Calls, AreAnsweredAsTheTableSays) { expect_table(geteuid()); }

TEST(Calls, AreAnsweredAsTheTableSaysForAnOrdinaryUser) {
  if (geteuid() != 0) GTEST_SKIP() << "this one is an ordinary user";
  expect_table(kOrdinaryUser);
}

// What the kernel does with a call under the program, which has only the instructions of compile().
uint32_t evaluate(const std::vector<sock_filter>& program, const seccomp_data& call) {
  uint32_t word = 0;
  for (size_t at = 0; at < program.size(); ++at) {
    const sock_filter& step = program[at];
    if (step.code == (BPF_RET | BPF_K)) return step.k;
    if (step.code == (BPF_LD | BPF_W | BPF_ABS))
      std::memcpy(&word, reinterpret_cast<const char*>(&call) + step.k, sizeof word);
    else if (step.code == (BPF_ALU | BPF_AND | BPF_K))
      word &= step.k;
    else if (step.code == (BPF_JMP | BPF_JEQ | BPF_K))
      at += word == step.k ? step.jt : step.jf;
    else if (step.code == (BPF_JMP | BPF_JGE | BPF_K))
      at += word >= step.k ? step.jt : step.jf;
    else
      ADD_FAILURE() << "an instruction of another kind: " << step.code;
  }
  ADD_FAILURE() << "the program has no end";
  return 0;
}

// Calls that the kernel refuses with EPERM in the cell in any case, so that the table could not tell whether
// the filter does.
TEST(Calls, ThatNeedRightsAreRefusedByTheFilter) {
  const Premises premises{.process = 100, .thread = 101, .parent = 99, .answer = kAnswer};
  const std::vector<sock_filter> program = compile(rules_for_package_code(premises), FilterAction::refuse);
  const auto answer = [&](int call, uint64_t first) {
    seccomp_data data{};
    data.nr = call;
    std::memcpy(&data.arch, &program.at(1).k, sizeof data.arch);
    data.args[0] = first;
    return evaluate(program, data);
  };
  for (const int call : {SYS_open_by_handle_at, SYS_mount, SYS_chroot, SYS_setuid, SYS_setresuid, SYS_capset,
                         SYS_bpf, SYS_tkill, SYS_reboot, SYS_init_module, SYS_setns, SYS_memfd_create})
    for (const uint64_t first : {0, 99, 100, 101})
      EXPECT_EQ(answer(call, first), uint32_t{SECCOMP_RET_ERRNO | EPERM}) << call;
  EXPECT_EQ(answer(SYS_getpid, 0), uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(answer(SYS_kill, 100), uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(answer(SYS_kill, 99), uint32_t{SECCOMP_RET_USER_NOTIF});
  EXPECT_EQ(answer(SYS_prlimit64, 99), uint32_t{SECCOMP_RET_USER_NOTIF});
}

// Without a listener, as where another one is there already, offences end the process and there are no
// threads.
TEST(Calls, WithoutAGuardTheFilterDecides) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer makes calls of its own";
  const auto status_after = [](long (*call)()) {
    const pid_t child = fork();
    if (child == 0) {
      const Premises premises{
          .process = getpid(), .thread = getpid(), .parent = getppid(), .answer = kAnswer, .guarded = false};
      if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
          !load(compile(rules_for_package_code(premises), FilterAction::refuse), false))
        _exit(99);
      const long result = call();
      _exit(result < 0 ? errno : 0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return status;
  };
  const int killed = status_after([] { return raw(SYS_kill, parent(), 0L); });
  EXPECT_TRUE(WIFSIGNALED(killed) && WTERMSIG(killed) == SIGSYS) << killed;
  const int refused = status_after([] { return raw(SYS_clone, kThread, scratch() + kPage, 0L, 0L, 0L); });
  EXPECT_TRUE(WIFEXITED(refused)) << refused;
  EXPECT_EQ(WEXITSTATUS(refused), EAGAIN);
}

TEST(Calls, OffencesHaveNames) {
  EXPECT_EQ(name_of_offence(SYS_kill, 9), "kill()");
  EXPECT_EQ(name_of_offence(SYS_fcntl, F_SETOWN), "fcntl(F_SETOWN)");
  EXPECT_EQ(name_of_offence(SYS_fcntl, F_SETFL), "fcntl(F_SETFL, O_ASYNC)");
  EXPECT_EQ(name_of_offence(77777, 0), "system call 77777");
}

}  // namespace
}  // namespace pirn::sandbox
