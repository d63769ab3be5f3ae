// What commands read: values of options, files, the input of an execution.
#pragma once

#include <cstdint>
#include <string>

#include "host/cli/command.h"

namespace pirn::cli {

// What the option says, {} without it: JSON itself, @FILE, or - for standard input. Must be an object; the
// error names the option or the file, with line and column.
Result<std::string> read_input(const Arguments& arguments, std::string_view option);

// A whole file. not_found, io_failed; the error names it and says why.
Result<std::string> read_file(const std::string& file);

// A path as another process finds it.
std::string absolute_path(const std::string& path);

// The value of an option that is there, in nanoseconds. usage names the option.
Result<int64_t> duration_of(const Arguments& arguments, std::string_view option);
// A number of bytes: "1048576", "256MiB", "1GiB" (KiB, MiB, GiB, TiB). invalid_argument.
Result<uint64_t> parse_bytes(std::string_view text);
// A whole number from 1. usage names the option.
Result<int64_t> number_of(const Arguments& arguments, std::string_view option);

}  // namespace pirn::cli
