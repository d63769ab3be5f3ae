#include "host/worker/exit_guard.h"

#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

namespace {

// The C library's own, resolved before main(): the child of a fork may take no lock and so not look for them.
using End = void (*)(int);
End c_library(const char* function) { return reinterpret_cast<End>(dlsym(RTLD_NEXT, function)); }
const End c_exit = c_library("exit"), c_quick_exit = c_library("quick_exit");

// `end` may not return, and does not. Null: a library's constructor ends the process before main().
[[noreturn]] void end_by(End end, const char* function, int status) {
  if (end == nullptr) end = c_library(function);
  if (end != nullptr) end(status);
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
  end_by(c_exit, "exit", status);
}

[[noreturn]] void quick_exit(int status) noexcept {
  pirn::worker::before_exit("quick_exit", status);
  end_by(c_quick_exit, "quick_exit", status);
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
