// The limit of this process that may be behind an error of the system, for messages: "Too many open files"
// alone does not say what to do.
#pragma once

#include <string>

namespace pirn {

// errno of a call that failed: " (RLIMIT_NOFILE is 64: raise it, by ulimit -n or LimitNOFILE=)"; empty: no
// limit that is known is behind it. EAGAIN: of a call that starts a thread or a process. Any thread.
std::string limit_behind(int reason);

}  // namespace pirn
