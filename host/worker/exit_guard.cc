#include "host/worker/exit_guard.h"

#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

namespace {

// The C library's own. It may not return, and does not.
[[noreturn]] void end_by(const char* function, int status) {
  using End = void (*)(int);
  if (const auto end = reinterpret_cast<End>(dlsym(RTLD_NEXT, function))) end(status);
  for (;;) syscall(SYS_exit_group, status);
}

// A signal handler or the child of vfork() may ask for it: nothing but a system call is allowed here.
[[noreturn]] void end_at_once(int status) {
  for (;;) syscall(SYS_exit_group, status);
}

}  // namespace

extern "C" {

[[noreturn]] void exit(int status) noexcept {
  pirn::worker::before_exit("exit", status);
  end_by("exit", status);
}

[[noreturn]] void quick_exit(int status) noexcept {
  pirn::worker::before_exit("quick_exit", status);
  end_by("quick_exit", status);
}

[[noreturn]] void _exit(int status) {
  pirn::worker::before_exit("_exit", status);
  end_at_once(status);
}

[[noreturn]] void _Exit(int status) noexcept {
  pirn::worker::before_exit("_Exit", status);
  end_at_once(status);
}

}  // extern "C"
