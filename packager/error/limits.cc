#include "packager/error/limits.h"

#include <sys/resource.h>

#include <cerrno>

namespace pirn {

std::string limit_behind(int reason) {
  const bool files = reason == EMFILE;
  if (!files && reason != ENOMEM) return {};
  rlimit limit{};
  if (getrlimit(files ? RLIMIT_NOFILE : RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return {};
  if (files)
    return " (RLIMIT_NOFILE is " + std::to_string(limit.rlim_cur) +
           ": raise it, by ulimit -n or LimitNOFILE=)";
  return " (RLIMIT_AS is " + std::to_string(limit.rlim_cur >> 20) +
         " MiB: raise it, by ulimit -v or LimitAS=)";
}

}  // namespace pirn
