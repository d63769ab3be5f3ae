#include "host/worker/end_process.h"

#include <dlfcn.h>

#include <csignal>

namespace pirn::worker {
namespace {

// The C library's own, looked up before main(): a signal handler and the child of a fork may not do that.
const auto c_exit_now = reinterpret_cast<void (*)(int)>(dlsym(RTLD_NEXT, "_exit"));

}  // namespace

void end_process(int status) {
  if (c_exit_now != nullptr) c_exit_now(status);
  for (;;) std::raise(SIGKILL);  // a library's constructor ends the process before main()
}

}  // namespace pirn::worker
