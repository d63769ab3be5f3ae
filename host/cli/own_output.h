// Keeps the command's output apart from what package code prints in the same process: standard output belongs
// to the command, and `pirn run local … -o json | jq` must work whatever a step prints.
//
// Descriptor 1 becomes a copy of standard error, so printf, puts, write(1, …) and child processes land there.
// std::cout, which the command and packages share, goes to the real standard output on threads that speak for
// the command, and to standard error on all others.
#pragma once

#include <cstdint>

namespace pirn::cli {

// From here on, for the rest of the process. The calling thread speaks for the command. Once, before package
// code runs.
void keep_output_apart();

// While it lives, std::cout of this thread belongs to the command or to package code: to package code around
// everything that may call it on this thread (deinit does, at the end of a run), and to the command in
// callbacks from there, which may also come on threads of the runner.
enum class Speaker : uint8_t { command, package };
class SpeaksFor {
 public:
  explicit SpeaksFor(Speaker speaker);
  ~SpeaksFor();
  SpeaksFor(const SpeaksFor&) = delete;

 private:
  const bool before_;
};

}  // namespace pirn::cli
