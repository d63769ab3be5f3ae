// Shuts this process in before the code of a stranger runs in it. Only for pirn-probe.
#pragma once

#include <cstddef>

#include "packager/error/error.h"

namespace pirn::probe {

// For ever, and before any other thread exists: dies with its parent; no new privileges; no environment;
// no descriptor from `first_closed` on; 10 s of processor time, 2 GiB of addresses, no file larger than
// `max_file` bytes, no core dump; reads only the system's libraries (Landlock, where the kernel has it); no
// network, no program, no other process, no writing to files (seccomp). Threads are allowed. Error:
// probe_sandbox_failed, when anything but Landlock cannot be had.
Status enter_sandbox(int first_closed, size_t max_file);

}  // namespace pirn::probe
