#include "packager/pack/pack.h"

#include <algorithm>
#include <boost/filesystem/operations.hpp>
#include <boost/filesystem/path.hpp>
#include <charconv>
#include <cstdlib>

#include "packager/file/whole_file.h"
#include "packager/library/admission.h"
#include "packager/pack/build.h"
#include "packager/probe/probe.h"

namespace pirn::pack {

namespace {

namespace fs = boost::filesystem;

constexpr uint64_t kMaxToml = 1 << 20;
constexpr uint64_t kMaxDefinition = 16 << 20;

std::string below(const PackOptions& options, const std::string& path) {
  return (fs::path(options.directory) / path).string();
}

bool exists(const std::string& path) {
  boost::system::error_code ignored;
  return fs::exists(path, ignored);
}

Result<PackageToml> read_description(const PackOptions& options) {
  const std::string file = below(options, "package.toml");
  auto text = file::read(file, file::Links::follow, kMaxToml);
  if (!text) {
    Error error = std::move(text).error();
    error.hint = "`pirn new NAME` makes a package; the smallest package.toml is: publisher = \"acme\"";
    return error;
  }
  return parse_package_toml(*text, file);
}

// A path of package.toml whose links, too, stay within the package's folder; where nothing is, whoever reads
// it says so.
Status check_stays_inside(const PackOptions& options, const std::string& path) {
  boost::system::error_code failure;
  const fs::path root = fs::canonical(options.directory, failure);
  const fs::path file = failure ? fs::path() : fs::canonical(below(options, path), failure);
  if (failure) return {};
  const auto [inside, rest] = std::mismatch(root.begin(), root.end(), file.begin(), file.end());
  if (inside == root.end()) return {};
  return Error{.code = Code::path_refused,
               .message = below(options, path) + " is " + file.string() + ", outside the package's directory",
               .hint = "Copy the file into the directory: links that lead out of it are not followed.",
               .blame = Blame::package};
}

// What package.toml names.
Result<std::string> read_named(const PackOptions& options, const std::string& path) {
  PIRN_DO(check_stays_inside(options, path));
  return file::read(below(options, path), file::Links::follow, archive::kMaxUnpacked);
}

// A named library wins; else what CMake builds; else what package.toml names.
Result<std::string> find_library(const PackOptions& options, const PackageToml& description) {
  if (!options.library.empty()) return options.library;
  const std::string prebuilt = description.library.empty() ? "" : below(options, description.library);
  if (exists(below(options, "CMakeLists.txt"))) {
    boost::system::error_code failure;
    const fs::path directory = fs::canonical(options.directory, failure);
    const std::string wanted = description.library.empty() ? "" : (directory / description.library).string();
    return build_library({directory.string(), options.sdk_prefix, options.cmake_arguments, wanted,
                          options.on_build_line, options.on_build_warning});
  }
  if (!prebuilt.empty()) {
    PIRN_DO(check_stays_inside(options, description.library));
    return prebuilt;
  }
  return Error{
      .code = Code::library_missing,
      .message = options.directory + " has neither a CMakeLists.txt nor a library in its package.toml"};
}

Status add_file(const PackOptions& options, const std::string& path, Content& content) {
  PIRN_TRY(std::string bytes, read_named(options, path));
  content.files.push_back({path, std::move(bytes)});
  return {};
}

// A file, or a directory with all regular files in it. Links are not followed: what is packed lies where it
// is named.
Status add_files(const PackOptions& options, const std::string& path, Content& content) {
  PIRN_DO(check_stays_inside(options, path));
  boost::system::error_code failure;
  const fs::path root = below(options, path);
  const fs::file_status status = fs::symlink_status(root, failure);
  if (fs::is_regular_file(status))
    return add_file(options, fs::path(path).lexically_normal().generic_string(), content);
  if (!fs::is_directory(status))
    return Error{.code = Code::not_found,
                 .message = root.string() + ", named by `files`, is neither a file nor a directory"};
  for (fs::recursive_directory_iterator i(root, failure), end; !failure && i != end; i.increment(failure)) {
    const fs::file_status entry = i->symlink_status(failure);
    if (fs::is_directory(entry)) continue;
    if (!fs::is_regular_file(entry))
      return Error{.code = Code::path_refused,
                   .message = i->path().string() + " is not a regular file",
                   .hint = "Pack the file that it refers to instead."};
    PIRN_DO(add_file(options,
                     i->path().lexically_relative(options.directory).lexically_normal().generic_string(),
                     content));
  }
  if (failure)
    return Error{.code = Code::io_failed,
                 .message = "cannot read " + root.string() + ": " + failure.message(),
                 .blame = Blame::world};
  return {};
}

// The readme may have any name outside; inside it has one that a package may contain.
Status add_readme(const PackOptions& options, Content& content) {
  std::string& readme = content.description.readme;
  if (readme.empty()) return {};
  PIRN_TRY(std::string bytes, read_named(options, readme));
  readme = fs::path(readme).filename().string();
  std::transform(readme.begin(), readme.end(), readme.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  content.files.push_back({readme, std::move(bytes)});
  return {};
}

// What the library says of itself, asked in a process of its own.
Status describe_library(const PackOptions& options, const std::string& library, Content& content,
                        bool& unloads) {
  PIRN_TRY(std::string bytes, file::read(library, file::Links::follow, archive::kMaxUnpacked));
  PIRN_TRY(const library::Runtime runtime, library::host_runtime());
  PIRN_TRY(library::Admitted admitted, library::admit(bytes, runtime));
  probe::ProbeOptions probe_options;
  probe_options.probe_path = options.probe_program;
  PIRN_TRY(probe::LibraryDescription description, probe::probe(bytes, probe_options));
  unloads = description.unloads;
  content.package = description.id;
  content.version = description.version;
  content.sdk = description.sdk;
  content.abi = {description.abi_major, description.abi_minor, description.min_host_minor};
  for (const definition::Function& function : description.functions)
    content.functions.push_back({function.id, function.kind});
  content.definition_json = std::move(description.definition);
  content.libraries.push_back(
      {std::string(archive::host_platform()), std::move(bytes), std::move(admitted.needed)});
  return {};
}

// A host of their platform admits and probes them. What they need can be read here, and has to be promised.
Status add_other_libraries(const PackOptions& options, Content& content) {
  for (const auto& [platform, path] : content.description.libraries) {
    PIRN_TRY(std::string bytes, read_named(options, path));
    Result<std::vector<std::string>> needed = library::needed_libraries(bytes);
    if (!needed) {
      Error error = std::move(needed).error();
      error.message += " (" + path + ", for " + platform + ")";
      return error;
    }
    content.libraries.push_back({platform, std::move(bytes), std::move(*needed)});
  }
  return {};
}

Status add_definition(const PackOptions& options, Content& content) {
  if (!content.definition_json.empty()) return {};
  const std::string file = below(options, "workflow.json");
  if (!exists(file))
    return Error{
        .code = Code::definition_invalid,
        .message = "the library of " + content.package + " contains no definition, and there is no " + file,
        .hint = "Declare the workflows in the sources, or write them in workflow.json.",
        .blame = Blame::package};
  PIRN_TRY(content.definition_json, file::read(file, file::Links::follow, kMaxDefinition));
  content.definition_file = file;
  return {};
}

Result<std::optional<int64_t>> source_date() {
  const char* text = std::getenv("SOURCE_DATE_EPOCH");
  if (!text || !*text) return std::optional<int64_t>();
  const std::string_view digits(text);
  int64_t seconds = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  if (end.ec != std::errc() || end.ptr != digits.data() + digits.size() || seconds < 0)
    return Error{Code::invalid_argument,
                 "SOURCE_DATE_EPOCH is '" + std::string(digits) + "', not a number of seconds",
                 "Unset it, or set it to seconds since 1970."};
  return std::optional<int64_t>(seconds);
}

}  // namespace

Result<Packed> pack(const PackOptions& options) {
  Packed packed;
  Content content;
  PIRN_TRY(content.description, read_description(options));
  PIRN_TRY(content.created_unix_s, source_date());
  PIRN_TRY(const std::string library, find_library(options, content.description));
  PIRN_DO(describe_library(options, library, content, packed.unloads));
  PIRN_DO(add_definition(options, content));
  PIRN_DO(add_other_libraries(options, content));
  PIRN_DO(add_readme(options, content));
  for (const std::string& path : content.description.files) PIRN_DO(add_files(options, path, content));
  content.signers = options.signers;
  PIRN_TRY(Assembled assembled, assemble(std::move(content)));

  packed.file = options.output.empty()
                    ? below(options, assembled.manifest.package + "-" + assembled.manifest.version + ".pirn")
                    : options.output;
  packed.package_id = archive::package_id(archive::print(assembled.manifest));
  packed.size = assembled.bytes.size();
  PIRN_DO(file::write(packed.file, assembled.bytes, 0644, file::Existing::replace));
  packed.manifest = std::move(assembled.manifest);
  packed.warnings = std::move(assembled.warnings);
  return packed;
}

}  // namespace pirn::pack
