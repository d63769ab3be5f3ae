// `pirn pack DIR`: builds the library if need be, asks the probe what it exports, and writes
// name-version.pirn. The same inputs give the same bytes, independent of user and directory.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "packager/archive/manifest.h"
#include "packager/archive/payload.h"
#include "packager/definition/definition.h"
#include "packager/error/error.h"
#include "packager/pack/package_toml.h"
#include "packager/signature/key.h"

namespace pirn::pack {

struct PackOptions {
  std::string directory = ".";  // holds package.toml, and CMakeLists.txt unless the library is prebuilt
  std::string output;           // file to write; empty: DIR/name-version.pirn
  std::string library;          // a built library; empty: package.toml's, or what CMake builds
  std::string sdk_prefix;       // where find_package(Pirn) looks first; empty: CMake's own places
  std::vector<std::string> cmake_arguments;  // passed to the configuration, such as -DNAME=VALUE
  std::string probe_program;                 // pirn-probe; empty: found beside this program
  std::vector<signature::KeyId> signers;     // keys that are meant to sign, written into the manifest
  // One line of the build's output at a time; null: shown only when the build fails, within the error.
  std::function<void(std::string_view)> on_build_line;
  // One line at a time of what the compiler said while it built the library successfully, without the build's
  // progress; not called where on_build_line shows all of it. A source that was compiled before is not
  // compiled again, and then says nothing. May be null.
  std::function<void(std::string_view)> on_build_warning;
};

struct Packed {
  std::string file;
  archive::Manifest manifest;
  Digest package_id;
  uint64_t size = 0;
  // False: something (a thread-local with a destructor, say) keeps the library in memory after it was closed,
  // so every hot swap in one process costs memory. Worth a warning.
  bool unloads = true;
  std::vector<definition::Warning> warnings;  // about the definition
};

// Blocks for as long as the build takes. Either the whole file is there, durable, or nothing of it. Errors:
// those of package.toml, of the definition, of the probe, and build_failed, library_missing,
// serial_underivable, path_refused, path_duplicate, package_too_large, io_failed.
Result<Packed> pack(const PackOptions& options);

// What pack() derives a manifest from, apart from files and programs: pure, so that it can be tested alone.
struct Content {
  PackageToml description;
  std::string package, version, sdk;
  archive::Abi abi;
  std::vector<archive::Function> functions;
  std::string definition_json;  // as the library gave it, or from workflow.json
  std::string definition_file;  // names it in messages; empty: the library's
  struct PlatformLibrary {
    std::string platform;
    std::string bytes;
    std::vector<std::string> needed;
  };
  std::vector<PlatformLibrary> libraries;
  std::vector<archive::InputFile> files;  // readme and assets
  std::vector<signature::KeyId> signers;
  std::optional<int64_t> created_unix_s;
};
struct Assembled {
  archive::Manifest manifest;
  std::vector<definition::Warning> warnings;
  std::string bytes;  // the unsigned package
};
Result<Assembled> assemble(Content content);

}  // namespace pirn::pack
