// What holds for the whole process before a stranger's code runs in it. Only for programs that exist for
// that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "packager/error/error.h"

namespace pirn::sandbox {

struct Limits {
  int first_closed = 5;       // descriptors from this one on are closed
  size_t max_file_bytes = 0;  // of a file that the process makes, which can only be one in memory
};

// What this system gave: containment is reported, not assumed.
struct Confinement {
  uint32_t landlock = 0;  // version of the kernel's Landlock; 0: none, and public files can be read
  bool scoped_signals =
      false;  // Landlock keeps signals and abstract sockets within the process, too (version 6)
  bool unprivileged =
      false;             // a user that is not root and, when root started the probe, not the host's either
  bool guarded = false;  // threads are counted and offences named; false: no threads, and offences kill

  bool operator==(const Confinement&) const = default;
};

// "Landlock 7, signals scoped, not root, threads counted", for a log.
std::string describe(const Confinement& confinement);

// For ever; before any other thread exists: no environment, no descriptor from `first_closed` on, no
// privileges and no way to get any, ends with its parent, 10 s of processor time, 2 GiB of addresses, 64
// descriptors, no core dump; reads only the system's libraries, where the kernel has Landlock. `guarded`
// stays false: see cell.h. A program that is built with a sanitizer keeps files, user and addresses, which
// the sanitizer needs. Error: probe_sandbox_failed when anything but Landlock and another user cannot be had.
Result<Confinement> confine_process(const Limits& limits);

}  // namespace pirn::sandbox
