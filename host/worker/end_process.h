// Ends the process now, with this status: no handler of exit() runs and nothing is destroyed. Any thread, a
// signal handler and the child of vfork() may call it. It goes past exit_guard.h, which catches _exit() and
// syscall().
#pragma once

namespace pirn::worker {

[[noreturn]] void end_process(int status);

}  // namespace pirn::worker
