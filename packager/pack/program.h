// Runs a program that the author asked for: CMake. Packages from elsewhere never start one.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "packager/error/error.h"

namespace pirn::pack {

struct ProgramResult {
  int exit_status = 0;  // 128 + signal when a signal ended it
  std::string output;   // standard output and error together, the last 64 KiB
};

// Blocks until the program ends. `on_line` gets each line as it comes; may be null. io_failed when the
// program cannot be started. Standard input is empty; the environment is this one without its secrets, and no
// other descriptor is open in the program (packager/process).
Result<ProgramResult> run_program(const std::vector<std::string>& argv,
                                  const std::function<void(std::string_view)>& on_line);

}  // namespace pirn::pack
