#include "host/worker/exit_guard.h"

#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdlib>

#include "host/worker/end_process.h"

namespace {

// The C library's own, looked up before main(): the child of a fork may take no lock and so not look for
// them. Null: a library's constructor calls one before that.
template <class Function>
Function* c_library(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}
using End = void(int);
using SystemCall = long(long, ...);
End* const c_exit = c_library<End>("exit");
End* const c_quick_exit = c_library<End>("quick_exit");
SystemCall* const c_syscall = c_library<SystemCall>("syscall");

// `end` does not return.
[[noreturn]] void end_by(End* end, const char* function, int status) {
  if (end == nullptr) end = c_library<End>(function);
  if (end != nullptr) end(status);
  pirn::worker::end_process(status);
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
  pirn::worker::end_process(status);
}

[[noreturn]] void _Exit(int status) noexcept {
  pirn::worker::before_exit("_Exit", status);
  pirn::worker::end_process(status);
}

// As many arguments as a system call can have are passed on, whether or not they were given.
long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long a[6];
  for (long& argument : a) argument = va_arg(list, long);
  va_end(list);
  if (number == SYS_exit_group) {
    const int status = static_cast<int>(a[0]);
    pirn::worker::before_exit("exit_group", status);
    pirn::worker::end_process(status);
  }
  SystemCall* const call = c_syscall != nullptr ? c_syscall : c_library<SystemCall>("syscall");
  return call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

}  // extern "C"
