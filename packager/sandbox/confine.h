// What holds for the whole process before a stranger's code runs in it. Only for programs that exist for
// that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "packager/error/error.h"

namespace pirn::sandbox {

// What a probe has of addresses and descriptors, or less where the limits of this process allow no more.
inline constexpr uint64_t kAddressBytes = uint64_t{2} << 30;
inline constexpr uint64_t kOpenFiles = 64;

// What this system gave: containment is reported, not assumed.
struct Confinement {
  uint32_t landlock =
      0;  // version of the kernel's Landlock; 0: none, and another user's public files can be read
  bool scoped_signals =
      false;  // Landlock keeps signals and abstract sockets within the process, too (version 6)
  bool unprivileged =
      false;             // a user that is not root and, when root started the probe, not the host's either
  bool guarded = false;  // threads are counted and offences named; false: no threads, and offences kill

  bool operator==(const Confinement&) const = default;
};

// "Landlock 7, signals scoped, not root, threads counted", for a log.
std::string describe(const Confinement& confinement);

// One line for a machine, "7 1 1 1\n", and back. nullopt: it is none.
std::string print(const Confinement& confinement);
std::optional<Confinement> parse_confinement(std::string_view line);

// The rights that a version of Landlock can take away, as its rulesets name them.
struct LandlockRights {
  uint64_t files = 0, network = 0, scoped = 0;
  bool operator==(const LandlockRights&) const = default;
};
LandlockRights landlock_rights(long version);

// For ever; before any other thread exists: no environment, no descriptor from `first_closed` on, no
// privileges and no way to get any, ends with its parent, 10 s of processor time, 2 GiB of addresses, 64
// descriptors, no file that could grow, no core dump; reads only the system's libraries, where the kernel has
// Landlock. `guarded` stays false: see cell.h. A program that is built with a sanitizer keeps files, user and
// addresses, which the sanitizer needs. Error: probe_sandbox_failed when anything but Landlock and another
// user cannot be had, or neither of these two: then the library could read what the host's user can.
Result<Confinement> confine_process(int first_closed);

}  // namespace pirn::sandbox
