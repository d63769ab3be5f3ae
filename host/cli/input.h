// The input of an execution as the command line takes it.
#pragma once

#include <string>

#include "packager/error/error.h"

namespace pirn::cli {

// JSON itself, @FILE, or - for standard input. Must be an object; the error shows line and column.
Result<std::string> read_input(const std::string& text);

// A whole file; io_failed names it.
Result<std::string> read_file(const std::string& file);

}  // namespace pirn::cli
