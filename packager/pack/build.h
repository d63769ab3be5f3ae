// Builds an author's project with CMake, and finds the package library that it makes. Private to
// packager/pack.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "packager/error/error.h"

namespace pirn::pack {

struct BuildOptions {
  std::string directory;   // holds CMakeLists.txt; built in its build/
  std::string sdk_prefix;  // may be empty
  std::vector<std::string> cmake_arguments;
  std::string library;  // the one to build, if the author named it; else the project must have exactly one
  std::function<void(std::string_view)> on_line;     // may be null
  std::function<void(std::string_view)> on_warning;  // see PackOptions::on_build_warning; may be null
};

// Path of the built library. Only its target is built, not the project's tests. Blocks. build_failed,
// library_missing, io_failed.
Result<std::string> build_library(const BuildOptions& options);

}  // namespace pirn::pack
