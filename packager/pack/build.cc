#include "packager/pack/build.h"

#include <unistd.h>

#include <algorithm>
#include <boost/filesystem/operations.hpp>
#include <boost/filesystem/path.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdlib>

#include "packager/file/whole_file.h"
#include "packager/json/json.h"
#include "packager/pack/program.h"

namespace pirn::pack {

namespace {

namespace fs = boost::filesystem;
namespace json = boost::json;

constexpr uint64_t kMaxReply = 16 << 20;

struct Target {
  std::string name;
  std::string library;  // path of what it builds
};

// What Ninja and make say of their own progress.
bool is_progress(std::string_view line) {
  if (line.starts_with('[')) {
    const size_t end = line.find(']');  // "[3/7] Building …", "[ 50%] Building …"
    return end != line.npos && line.find_first_not_of("0123456789/% ", 1) == end;
  }
  for (const std::string_view word : {"ninja: ", "gmake", "make", "Consolidate compiler", "Scanning dep"})
    if (line.starts_with(word)) return true;
  return line.empty();
}

// A build that succeeds has hidden what the compiler warned of.
void pass_on_warnings(std::string_view output, const BuildOptions& options) {
  while (options.on_warning && !output.empty()) {
    const size_t end = std::min(output.find('\n'), output.size());
    if (!is_progress(output.substr(0, end))) options.on_warning(output.substr(0, end));
    output.remove_prefix(std::min(end + 1, output.size()));
  }
}

Status run_cmake(const std::vector<std::string>& argv, const BuildOptions& options, bool builds) {
  PIRN_TRY(const ProgramResult result, run_program(argv, options.on_line));
  if (result.exit_status == 0) {
    if (builds && !options.on_line) pass_on_warnings(result.output, options);
    return {};
  }
  std::string command;
  for (const std::string& argument : argv) command += (command.empty() ? "" : " ") + argument;
  return Error{.code = Code::build_failed,
               .message = "`" + command + "` failed with status " + std::to_string(result.exit_status) +
                          (options.on_line ? "" : ":\n" + result.output),
               .blame = Blame::package};
}

// CMake would choose make, which a machine with Ninja need not have.
bool prefers_ninja() {
  const char* chosen = std::getenv("CMAKE_GENERATOR");
  const char* path = std::getenv("PATH");
  if ((chosen && *chosen) || !path) return false;
  std::string_view rest = path;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(':'), rest.size());
    if (access((std::string(rest.substr(0, end)) + "/ninja").c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

Status configure(const std::string& build, const BuildOptions& options) {
  // CMake's file API: it answers which targets there are and what they make.
  boost::system::error_code failure;
  fs::create_directories(build + "/.cmake/api/v1/query", failure);
  if (failure)
    return Error{.code = Code::io_failed,
                 .message = "cannot create " + build + ": " + failure.message(),
                 .blame = Blame::world};
  PIRN_DO(file::write(build + "/.cmake/api/v1/query/codemodel-v2", "", 0644, file::Existing::replace));
  std::vector<std::string> argv = {"cmake", "-S", options.directory, "-B", build};
  if (!fs::exists(build + "/CMakeCache.txt", failure)) {
    argv.push_back("-DCMAKE_BUILD_TYPE=Release");
    if (prefers_ninja()) argv.insert(argv.end(), {"-G", "Ninja"});
  }
  if (!options.sdk_prefix.empty()) argv.push_back("-DCMAKE_PREFIX_PATH=" + options.sdk_prefix);
  argv.insert(argv.end(), options.cmake_arguments.begin(), options.cmake_arguments.end());
  return run_cmake(argv, options, false);
}

std::string text_at(const json::value& value, const char* key) {
  const json::object* object = value.if_object();
  const json::value* text = object ? object->if_contains(key) : nullptr;
  return text && text->is_string() ? std::string(text->get_string()) : "";
}

// One target as the file API describes it; empty unless it is a module library with a file.
std::optional<Target> module_library(const json::value& value, const std::string& build) {
  if (text_at(value, "type") != "MODULE_LIBRARY") return std::nullopt;
  const json::value* artifacts = value.get_object().if_contains("artifacts");
  if (!artifacts || !artifacts->is_array() || artifacts->get_array().empty()) return std::nullopt;
  const fs::path made = text_at(artifacts->get_array().front(), "path");
  const fs::path whole = made.is_absolute() ? made : fs::path(build) / made;
  return Target{text_at(value, "name"), whole.lexically_normal().string()};
}

// The module libraries of the project: what pirn_add_package() makes.
Result<std::vector<Target>> find_targets(const std::string& build) {
  std::vector<Target> targets;
  boost::system::error_code failure;
  for (fs::directory_iterator i(build + "/.cmake/api/v1/reply", failure), end; !failure && i != end;
       i.increment(failure)) {
    if (!i->path().filename().string().starts_with("target-")) continue;
    PIRN_TRY(const std::string text, file::read(i->path().string(), file::Links::follow, kMaxReply));
    PIRN_TRY(const json::value value, parse_json(text, i->path().string()));
    if (auto target = module_library(value, build)) targets.push_back(std::move(*target));
  }
  if (failure)
    return Error{.code = Code::io_failed,
                 .message = "cannot read CMake's description of " + build + ": " + failure.message(),
                 .blame = Blame::world};
  std::sort(targets.begin(), targets.end(), [](const Target& a, const Target& b) { return a.name < b.name; });
  return targets;
}

Result<Target> choose(const std::vector<Target>& targets, const BuildOptions& options) {
  std::string names;
  for (const Target& target : targets) {
    names += (names.empty() ? "" : ", ") + target.name;
    if (!options.library.empty() && fs::path(options.library).lexically_normal() == target.library)
      return target;
  }
  if (targets.empty())
    return Error{.code = Code::library_missing,
                 .message = options.directory + "/CMakeLists.txt declares no package",
                 .blame = Blame::package};
  if (!options.library.empty())
    return Error{.code = Code::library_missing,
                 .message = "CMake builds " + names + ", none of which is " + options.library,
                 .blame = Blame::package};
  if (targets.size() > 1)
    return Error{.code = Code::library_missing,
                 .message = options.directory + "/CMakeLists.txt declares several packages: " + names,
                 .hint = "Name the one to pack in package.toml, such as library = \"build/" +
                         targets[0].name + ".so\".",
                 .blame = Blame::package};
  return targets[0];
}

}  // namespace

Result<std::string> build_library(const BuildOptions& options) {
  const std::string build = options.directory + "/build";
  PIRN_DO(configure(build, options));
  PIRN_TRY(const std::vector<Target> targets, find_targets(build));
  PIRN_TRY(const Target target, choose(targets, options));
  PIRN_DO(run_cmake({"cmake", "--build", build, "--target", target.name, "--parallel"}, options, true));
  return target.library;
}

}  // namespace pirn::pack
