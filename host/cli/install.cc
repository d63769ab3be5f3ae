#include "host/cli/install.h"

#include <boost/filesystem/operations.hpp>
#include <boost/filesystem/path.hpp>
#include <cstdlib>

namespace pirn::cli {

namespace {

namespace fs = boost::filesystem;

fs::path program_directory() {
  boost::system::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path(".") : program.parent_path();
}

bool is_there(const fs::path& path) {
  boost::system::error_code error;
  return fs::exists(path, error);
}

}  // namespace

std::string probe_program() {
  if (const char* named = std::getenv("PIRN_PROBE")) return named;
  const fs::path beside = program_directory() / "pirn-probe";
  if (is_there(beside)) return beside.string();
  return (program_directory().parent_path() / "libexec/pirn/pirn-probe").string();
}

std::string sdk_prefix() {
  if (const char* named = std::getenv("PIRN_SDK")) return named;
  return program_directory().parent_path().string();
}

std::string template_directory() {
  const fs::path prefix = sdk_prefix();
  for (const char* below : {"share/pirn/template", "sdk/template", "template"})
    if (is_there(prefix / below)) return (prefix / below).string();
  return (prefix.parent_path() / "sdk/template").string();  // a build directory inside of the sources
}

}  // namespace pirn::cli
