// The manifest: everything that a host must know of a package without running its code. Canonical JSON of at
// most 1 MiB, signed; docs/package-format.md describes each field. Values: any thread, no I/O.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "packager/archive/version.h"
#include "packager/definition/definition.h"
#include "packager/digest/digest.h"
#include "packager/error/error.h"

namespace pirn::archive {

inline constexpr int64_t kManifestSchema = 1;

// Limits of a package, in bytes unless named otherwise. Both the writer and the reader hold them.
inline constexpr uint64_t kMaxPackage = 256ull << 20;
inline constexpr uint64_t kMaxUnpacked = 512ull << 20;
inline constexpr uint64_t kMaxManifest = 1ull << 20;
inline constexpr uint64_t kMaxRatio = 100;          // unpacked : compressed, above kRatioFree
inline constexpr uint64_t kRatioFree = 1ull << 20;  // unpacked up to this is never a bomb
inline constexpr size_t kMaxFiles = 1024;
inline constexpr size_t kMaxWorkflows = 256;
inline constexpr size_t kMaxFunctions = 1024;
inline constexpr size_t kMaxSignatures = 16;
inline constexpr size_t kMaxListed =
    256;  // entries of each of the other lists: audience, needed, requires, …
inline constexpr size_t kMaxProblems = 64;  // that are told of one manifest
inline constexpr size_t kMaxPath = 160;
inline constexpr size_t kMaxDepth = 8;  // components of a path

struct File {
  std::string path;  // [a-z0-9._-] and '/', relative, no "." or ".."; unique, ascending
  Digest sha256;
  uint64_t size = 0;
  auto operator<=>(const File&) const = default;
};

struct Library {
  std::string platform;  // "linux-x86_64"; at most one library for each
  std::string path;      // of a File
  Digest sha256;
  uint64_t size = 0;
  std::vector<std::string> needed;  // DT_NEEDED, ascending
  bool operator==(const Library&) const = default;
};

struct Function {
  std::string id;
  uint32_t kind = 0;  // PIRN_KIND_ of abi.h
  auto operator<=>(const Function&) const = default;
};

// The definition is the file definitions/<name>.json of the payload: the canonical text of the workflow.
struct WorkflowEntry {
  std::string name;
  Digest sha256;  // of that file: the definition's digest
  auto operator<=>(const WorkflowEntry&) const = default;
  std::string path() const { return "definitions/" + name + ".json"; }
};

struct FilesystemPermission {
  std::string path;  // absolute
  bool write = false;
  auto operator<=>(const FilesystemPermission&) const = default;
};

// What the package asks for. A tenant's policy grants or refuses; what is not granted is denied by the
// sandbox.
struct Permissions {
  bool network = false;
  bool exec = false;
  std::vector<FilesystemPermission> filesystem;
  std::vector<std::string> env;
  bool operator==(const Permissions&) const = default;
  bool any() const { return network || exec || !filesystem.empty() || !env.empty(); }
};

struct Abi {
  int64_t major = 1;
  int64_t built_for = 0;  // minor of the header it was compiled with
  int64_t minimum = 0;    // the least minor of a host that can run it
  bool operator==(const Abi&) const = default;
};

struct Payload {
  Digest sha256;          // of the compressed bytes
  uint64_t size = 0;      // compressed
  uint64_t unpacked = 0;  // of the archive inside
  bool operator==(const Payload&) const = default;
};

struct Manifest {
  std::string package;
  std::string version;  // a semantic version
  int64_t serial = 0;   // increases with every release: the rollback counter
  std::string publisher;
  std::vector<std::string> audience;      // tenants, ascending; {"*"} = everybody
  std::vector<Digest> signers;            // key ids that were meant to sign, ascending; empty = not said
  std::optional<int64_t> created_unix_s;  // from SOURCE_DATE_EPOCH
  std::optional<int64_t> not_after_unix_s;
  Abi abi;
  std::string sdk;  // name and version of what built it, for people
  Payload payload;
  std::vector<Library> libraries;        // ascending by platform
  std::vector<File> files;               // all of the payload, ascending by path
  std::vector<Function> functions;       // ascending by id
  std::vector<WorkflowEntry> workflows;  // ascending by name
  Permissions permissions;
  std::map<std::string, std::string> dependencies;  // "requires": package -> range of versions
  std::map<std::string, int64_t> resources;         // resource -> what a host must have of it
  std::string description, author, licence;
  std::string readme;  // path of a File, or empty

  bool operator==(const Manifest&) const = default;

  const File* find_file(std::string_view path) const;
  const Library* find_library(std::string_view platform) const;
};

// The canonical text. print(parse(t)) == t for every t that parse accepts.
std::string print(const Manifest& manifest);

// Canonical, complete, nothing unknown, within the limits, paths and names well formed, every library and
// definition among the files. Errors: json_not_canonical, malformed_json, manifest_invalid (causes: all
// problems), path_refused, path_duplicate.
Result<Manifest> parse_manifest(std::string_view text);

// requirement_unmet, unless `requires` names each package whose workflows the definition contains.
Status check_requires(const Manifest& manifest, const definition::Definition& definition);

// What is signed: "PIRN1-PACKAGE\0" ‖ le64(length) ‖ manifest.
std::string signed_message(std::string_view manifest_text);
// SHA-256 of that message. It says nothing of signatures, so counter-signing leaves it as it is.
Digest package_id(std::string_view manifest_text);

// path_refused, unless it is a path that a package may contain.
Status check_path(std::string_view path);
using definition::is_name;  // of packages, workflows, functions, tenants, publishers
// The platform of this host, such as "linux-x86_64".
std::string_view host_platform();

}  // namespace pirn::archive
