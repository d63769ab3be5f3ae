// exit(), quick_exit(), _exit(), _Exit() and syscall(SYS_exit_group) of package code end the process of the
// host, and with a status of the package's choice: 0 would tell a service manager that nothing is wrong.
// exit_guard.cc defines these functions over those of the C library, in programs that are linked with
// pirn_guard_exit() (CMakeLists.txt): the dynamic linker then finds them first, for packages too. Elsewhere the
// handlers of exit() see to it.
//
// A system call that package code makes with an instruction of its own cannot be caught: a seccomp filter could,
// but every process that a step starts would inherit it. It ends the process with whatever status it was given;
// who was under way is in the crash record all the same.
#pragma once

namespace pirn::worker {

// Ends the process with CrashRecord::kExitStatus, after it has recorded and said whose doing it is, if a life
// of this process's record goes on: else it returns, and the process may end as it was asked to. A process
// that was forked may always.
void before_exit(const char* function, int status);

}  // namespace pirn::worker
