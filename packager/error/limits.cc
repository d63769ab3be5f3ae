#include "packager/error/limits.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>

namespace pirn {

namespace {

// Whether the stack of a thread has room among this process's addresses. Where it has none, the C library
// reports the same error as where there are too many threads.
bool has_room_for_a_stack() {
  pthread_attr_t attributes;
  size_t bytes = size_t{8} << 20;
  if (pthread_getattr_default_np(&attributes) == 0) {
    pthread_attr_getstacksize(&attributes, &bytes);
    pthread_attr_destroy(&attributes);
  }
  const int before = errno;  // the caller's message may still need it
  void* const stack =
      mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  const bool has_room = stack != MAP_FAILED;
  if (has_room) munmap(stack, bytes);
  errno = before;
  return has_room;
}

}  // namespace

std::string limit_behind(int reason) {
  if (reason == EAGAIN && !has_room_for_a_stack()) reason = ENOMEM;
  rlimit limit{};
  const auto is_set = [&](__rlimit_resource resource) {
    return getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  };
  const auto now = [&](const char* unit) { return std::to_string(limit.rlim_cur) + unit; };
  switch (reason) {
    case EMFILE:
      if (!is_set(RLIMIT_NOFILE)) return {};
      return " (RLIMIT_NOFILE is " + now("") + ": raise it, by ulimit -n or LimitNOFILE=)";
    case ENOMEM:
      if (!is_set(RLIMIT_AS)) return {};
      limit.rlim_cur >>= 20;
      return " (RLIMIT_AS is " + now(" MiB") + ": raise it, by ulimit -v or LimitAS=)";
    case EAGAIN:  // or of the unit, or of the machine, which nobody can tell apart
      return " (too many threads: raise " +
             (is_set(RLIMIT_NPROC)
                  ? "RLIMIT_NPROC, which is " + now("") + ", by ulimit -u or LimitNPROC=, or "
                  : std::string()) +
             "TasksMax= of the unit)";
    default:
      return {};
  }
}

}  // namespace pirn
