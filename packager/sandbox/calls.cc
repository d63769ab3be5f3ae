#include "packager/sandbox/calls.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace pirn::sandbox {
namespace {

// Calls without an argument that could reach beyond the process.
constexpr uint32_t kAlways[] = {
    // memory
    SYS_brk,
    SYS_munmap,
    SYS_mremap,
    // descriptors that are open already, and those without a name
    SYS_read,
    SYS_readv,
    SYS_pread64,
    SYS_preadv,
    SYS_lseek,
    SYS_eventfd2,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_ppoll,
    SYS_pselect6,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    // looking at files; Landlock limits which
    SYS_fstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_readlinkat,
    SYS_getcwd,
    SYS_getdents64,
    SYS_fstatfs,
    SYS_statfs,
    // threads and signals of this process
    SYS_futex,
    SYS_set_robust_list,
    SYS_get_robust_list,
    SYS_rseq,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_sched_getparam,
    SYS_sched_getscheduler,
    SYS_sched_get_priority_max,
    SYS_sched_get_priority_min,
    SYS_set_tid_address,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigpending,
    SYS_rt_sigtimedwait,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_exit,
    SYS_exit_group,
    // time and identity
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_times,
    SYS_getrusage,
    SYS_getrlimit,
    SYS_getrandom,
    SYS_getpid,
    SYS_gettid,
    SYS_getppid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_uname,
    SYS_sysinfo,
    SYS_getcpu,
#if defined(__x86_64__)
    // the older forms, which a newer machine does not have
    SYS_epoll_wait,
    SYS_poll,
    SYS_select,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_time,
    SYS_getpgrp,
#endif
};

// Calls whose first argument is a descriptor that they write to, copy or close: not those that are not
// theirs.
constexpr uint32_t kOnOwnDescriptors[] = {SYS_write, SYS_writev, SYS_pwrite64, SYS_close, SYS_dup};

// Calls that exist to reach into another process. Nobody makes one by accident.
constexpr uint32_t kOffences[] = {
    SYS_ptrace,     SYS_process_vm_readv, SYS_process_vm_writev, SYS_process_madvise,
    SYS_pidfd_open, SYS_pidfd_getfd,      SYS_pidfd_send_signal, SYS_kcmp};

// Signals, by process: to this one they are its own affair.
constexpr uint32_t kSignals[] = {SYS_kill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo};

// Calls that change how the process in their first argument runs.
constexpr uint32_t kScheduling[] = {SYS_sched_setaffinity, SYS_sched_setscheduler, SYS_sched_setparam,
                                    SYS_sched_setattr,     SYS_prlimit64,          SYS_setpgid};
// The same, with the process as the second argument.
constexpr uint32_t kPriorities[] = {SYS_setpriority, SYS_ioprio_set};

#ifndef F_SETSIG
#define F_SETSIG 10
#define F_SETLEASE 1024
#define F_NOTIFY 1026
#define F_SETOWN_EX 15
#endif
constexpr uint32_t kSignalsOnInput[] = {F_SETOWN, F_SETOWN_EX, F_SETSIG, F_SETLEASE, F_NOTIFY};
constexpr uint32_t kOwnFlags[] = {F_GETFD, F_SETFD,         F_GETFL,
                                  F_DUPFD, F_DUPFD_CLOEXEC, 1034 /* F_GET_SEALS */};
constexpr uint32_t kIoctlSetOwner = 0x8901, kIoctlSetGroup = 0x8902;  // FIOSETOWN, SIOCSPGRP

constexpr uint32_t kAdvice[] = {MADV_NORMAL, MADV_RANDOM,   MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED,
                                MADV_FREE,   MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_DODUMP};

// A thread of this process, and nothing else that clone() can make.
constexpr uint32_t kThreadNeeds = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
constexpr uint32_t kThreadMay = kThreadNeeds | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
                                CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_DETACHED;
constexpr uint32_t kReading = O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
                              0100000;  // O_LARGEFILE, which the C library defines as 0 on 64 bits
constexpr uint32_t kBarriers = 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6;  // the private ones

Condition is(uint8_t argument, uint32_t value) {
  return {.argument = argument, .test = Condition::Test::equal, .value = value};
}
Condition is_pid(uint8_t argument, pid_t pid) { return is(argument, static_cast<uint32_t>(pid)); }
Condition has(uint8_t argument, uint32_t bits) {
  return {.argument = argument, .test = Condition::Test::equal, .mask = bits, .value = bits};
}
Condition only(uint8_t argument, uint32_t bits) {
  return {.argument = argument, .test = Condition::Test::equal, .mask = ~bits, .value = 0};
}
Condition is_null(uint8_t argument) { return {.argument = argument, .test = Condition::Test::is_null}; }

class Table {
 public:
  explicit Table(const Premises& premises)
      : premises_(premises), offence_(premises.guarded ? FilterAction::notify : FilterAction::kill) {}

  std::vector<Rule> take() {
    for (const uint32_t call : kAlways) add(call, FilterAction::allow);
    add_memory();
    add_descriptors();
    add_files();
    add_threads();
    add_other_processes();
    add(SYS_prctl, FilterAction::allow, {is(0, PR_SET_NAME)});
    add(SYS_prctl, FilterAction::allow, {is(0, PR_GET_NAME)});
    return std::move(rules_);
  }

 private:
  void add(uint32_t call, FilterAction action, std::vector<Condition> when = {}) {
    rules_.push_back({call, action, std::move(when)});
  }

  void add_memory() {
    // The loader maps code from files, and some packages make code: writable or executable, never both. So
    // the stack of a thread cannot become executable either, whatever a library asks the loader for.
    for (const uint32_t call : {SYS_mmap, SYS_mprotect})
      add(call, FilterAction::refuse, {has(2, PROT_WRITE | PROT_EXEC)});
    add(SYS_mprotect, FilterAction::allow);
    for (const uint32_t flag : {MAP_HUGETLB, MAP_LOCKED}) add(SYS_mmap, FilterAction::refuse, {has(3, flag)});
    add(SYS_mmap, FilterAction::allow);
    for (const uint32_t advice : kAdvice) add(SYS_madvise, FilterAction::allow, {is(2, advice)});
    add(SYS_membarrier, FilterAction::allow, {only(0, kBarriers)});
  }

  void add_descriptors() {
    for (const uint32_t call : kOnOwnDescriptors) {
      keep_off(call, 0);
      add(call, FilterAction::allow);
    }
    for (const uint32_t call : {
#if defined(__x86_64__)
           SYS_dup2,
#endif
               SYS_dup3
         }) {
      keep_off(call, 0);
      keep_off(call, 1);
      add(call, FilterAction::allow);
    }
    add_fcntl();
    add(SYS_ioctl, FilterAction::allow, {is(1, TCGETS)});
    for (const uint32_t request : {uint32_t{FIOASYNC}, kIoctlSetOwner, kIoctlSetGroup, uint32_t{TIOCSTI}})
      add(SYS_ioctl, offence_, {is(1, request)});
    add(SYS_pipe2, FilterAction::allow, {only(1, O_CLOEXEC | O_NONBLOCK)});
#if defined(__x86_64__)
    add(SYS_pipe, FilterAction::allow);
#endif
  }

  void keep_off(uint32_t call, uint8_t argument) {
    add(call, FilterAction::refuse, {is(argument, static_cast<uint32_t>(premises_.answer))});
  }

  // The kernel sends signals for a descriptor to whoever F_SETOWN names, with the rights of whoever set it.
  void add_fcntl() {
    for (const uint32_t command : kSignalsOnInput) add(SYS_fcntl, offence_, {is(1, command)});
    add(SYS_fcntl, offence_, {is(1, F_SETFL), has(2, O_ASYNC)});
    keep_off(SYS_fcntl, 0);
    add(SYS_fcntl, FilterAction::allow, {is(1, F_SETFL)});
    for (const uint32_t command : kOwnFlags) add(SYS_fcntl, FilterAction::allow, {is(1, command)});
  }

  void add_files() {
#if defined(__x86_64__)
    add(SYS_open, FilterAction::allow, {only(1, kReading)});
#endif
    add(SYS_openat, FilterAction::allow, {only(2, kReading)});
  }

  void add_threads() {
    // The arguments of clone3 are in memory, where a filter cannot look; with ENOSYS the C library calls
    // clone.
    add(SYS_clone3, FilterAction::absent);
    add(SYS_clone, premises_.guarded ? FilterAction::notify : FilterAction::exhaust,
        {has(0, kThreadNeeds), only(0, kThreadMay)});
  }

  void add_other_processes() {
    for (const uint32_t call : kOffences) add(call, offence_);
    for (const uint32_t call : kSignals) {
      add(call, FilterAction::allow, {is_pid(0, premises_.process)});
      add(call, offence_);
    }
    if (premises_.parent > 0) {  // 0: it is in another namespace, and has no number here
      for (const uint32_t call : kScheduling) add(call, offence_, {is_pid(0, premises_.parent)});
      for (const uint32_t call : kPriorities) add(call, offence_, {is_pid(1, premises_.parent)});
    }
    for (const pid_t own : {0, premises_.process, premises_.thread}) {
      add(SYS_sched_setaffinity, FilterAction::allow, {is_pid(0, own)});
      add(SYS_prlimit64, FilterAction::allow, {is_pid(0, own), is_null(2)});
    }
  }

  const Premises& premises_;
  const FilterAction offence_;
  std::vector<Rule> rules_;
};

struct Name {
  uint32_t number;
  std::string_view name;
};
constexpr Name kCommands[] = {{F_SETOWN, "F_SETOWN"}, {F_SETOWN_EX, "F_SETOWN_EX"},
                              {F_SETSIG, "F_SETSIG"}, {F_SETLEASE, "F_SETLEASE"},
                              {F_NOTIFY, "F_NOTIFY"}, {F_SETFL, "F_SETFL, O_ASYNC"}};
constexpr Name kCalls[] = {{SYS_ptrace, "ptrace"},
                           {SYS_process_vm_readv, "process_vm_readv"},
                           {SYS_process_vm_writev, "process_vm_writev"},
                           {SYS_process_madvise, "process_madvise"},
                           {SYS_pidfd_open, "pidfd_open"},
                           {SYS_pidfd_getfd, "pidfd_getfd"},
                           {SYS_pidfd_send_signal, "pidfd_send_signal"},
                           {SYS_kcmp, "kcmp"},
                           {SYS_kill, "kill"},
                           {SYS_tgkill, "tgkill"},
                           {SYS_rt_sigqueueinfo, "rt_sigqueueinfo"},
                           {SYS_rt_tgsigqueueinfo, "rt_tgsigqueueinfo"},
                           {SYS_sched_setaffinity, "sched_setaffinity"},
                           {SYS_sched_setscheduler, "sched_setscheduler"},
                           {SYS_sched_setparam, "sched_setparam"},
                           {SYS_sched_setattr, "sched_setattr"},
                           {SYS_prlimit64, "prlimit64"},
                           {SYS_setpgid, "setpgid"},
                           {SYS_setpriority, "setpriority"},
                           {SYS_ioprio_set, "ioprio_set"},
                           {SYS_fcntl, "fcntl"},
                           {SYS_ioctl, "ioctl"},
                           {SYS_clone, "clone"}};

template <size_t N>
std::string_view find_name(const Name (&names)[N], uint32_t number) {
  const auto found =
      std::find_if(std::begin(names), std::end(names), [&](const Name& n) { return n.number == number; });
  return found == std::end(names) ? std::string_view() : found->name;
}

}  // namespace

std::vector<Rule> rules_for_package_code(const Premises& premises) { return Table(premises).take(); }

std::vector<Rule> rules_for_trusted_code(const Premises& premises) {
  return {{SYS_futex, FilterAction::allow},
          {SYS_sched_yield, FilterAction::allow},
          {SYS_restart_syscall, FilterAction::allow},
          {SYS_exit_group, FilterAction::allow},
          {SYS_write, FilterAction::allow, {is(0, static_cast<uint32_t>(premises.answer))}}};
}

std::string name_of_offence(uint32_t call, uint32_t second_argument) {
  const std::string_view name = find_name(kCalls, call);
  if (name.empty()) return "system call " + std::to_string(call);
  const std::string_view command =
      call == SYS_fcntl ? find_name(kCommands, second_argument) : std::string_view();
  return std::string(name) + "(" + std::string(command) + ")";
}

}  // namespace pirn::sandbox
