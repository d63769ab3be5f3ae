// package.toml: what the author says of a package that cannot be derived from its library. All of it is
// optional but the publisher; docs/package-format.md describes each key.
//
//   publisher   = "acme"
//   audience    = ["*"]                       # or names of tenants
//   description = "Daily operations report"   # else the definition's, as author and licence
//   authors     = ["Ada <ada@example.org>"]
//   licence     = "Apache-2.0"
//   readme      = "README.md"
//   serial      = 1004002                     # else derived from the version
//   not_after   = 2027-12-31T00:00:00Z
//   library     = "prebuilt/libx.so"          # else built from CMakeLists.txt
//   files       = ["assets", "schema.json"]   # files and directories to carry along
//
//   [libraries]                               # further platforms, built elsewhere
//   linux-aarch64 = "prebuilt/libx-arm.so"
//
//   [permissions]
//   network    = false
//   exec       = false
//   env        = ["TZ"]
//   filesystem = [{path = "/srv/data", mode = "read"}]
//
//   [requires]
//   payments = "^2.1"
//
//   [resources]                               # what a host must have of each
//   gpu = 1
//
// Pure: any thread, no I/O.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "packager/archive/manifest.h"
#include "packager/error/error.h"

namespace pirn::pack {

struct PackageToml {
  std::string publisher;
  std::vector<std::string> audience = {"*"};  // ascending
  std::string description, author, licence;   // empty: the definition's
  std::string readme, library;                // paths; empty: none. No path leaves the package's folder
  std::vector<std::string> files;
  std::map<std::string, std::string> libraries;  // platform -> path
  std::optional<int64_t> serial, not_after_unix_s;
  archive::Permissions permissions;
  std::map<std::string, std::string> dependencies;  // [requires]: package -> range of versions
  std::map<std::string, int64_t> resources;
};

// On failure one Error package_toml_invalid, whose causes are all problems, each with its place and a
// suggestion.
Result<PackageToml> parse_package_toml(std::string_view text, std::string_view file);

}  // namespace pirn::pack
