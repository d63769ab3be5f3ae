// What the command line does with a package file and with keys. Every function blocks for its I/O, runs on
// any thread, and leaves either its whole result or nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "packager/archive/verify.h"
#include "packager/error/error.h"
#include "packager/signature/key.h"

namespace pirn::pack {

// Reads a package without trusting anybody; its structure is checked in full.
Result<archive::UnverifiedPackage> read_package(const std::string& file);

struct Signed {
  signature::KeyId key;
  Digest package_id;
  size_t signatures = 0;  // on the package now
};
// Adds the key's signature, or replaces it, in place (written beside, then renamed). The package id stays.
Result<Signed> sign_file(const std::string& file, const signature::PrivateKey& key);

struct VerifyOptions {
  std::vector<std::string> trusted_keys;  // .pub files, or keys as text
  std::string tenant;                     // empty: the audience is shown, not checked
  uint32_t signatures_required = 1;
  int64_t now_unix_s = 0;
};
// All of archive::verify, trusting exactly these keys for every package.
Result<archive::VerifiedPackage> verify_file(const std::string& file, const VerifyOptions& options);

// Does what a push does for a package whose signatures are valid: admits the library for this platform, loads
// it in the probe (`probe_program`; empty: the one next to this program), and compares it with the manifest.
// Returns false if the package has no library for this platform; nothing is compared then. Errors:
// library_misdescribed, with the differences; library_…, probe_….
Result<bool> verify_library(const archive::VerifiedPackage& package, const std::string& probe_program);

// For people, and for programs. Definitions are drawn as a tree.
std::string inspect_text(const archive::UnverifiedPackage& package);
std::string inspect_json(const archive::UnverifiedPackage& package);

// Unpacks manifest.json and the payload into `directory`, which must not exist. Nothing is ever written
// through a link. unpack_refused, io_failed.
Status unpack_file(const std::string& file, const std::string& directory);

// `pirn key generate NAME`: NAME.pem (0600, encrypted) and NAME.pub. Neither may exist.
struct GeneratedKey {
  std::string private_file, public_file;
  signature::PublicKey key;
};
Result<GeneratedKey> generate_key(const std::string& name, std::string_view passphrase);
Result<signature::PrivateKey> load_private_key(const std::string& file,
                                               const signature::PassphraseSource& passphrase);
// A .pub file, or the text of a key itself.
Result<signature::PublicKey> load_public_key(const std::string& file_or_text);

// `pirn new NAME`: copies the template of `language` ("cpp" or "c") from `templates` (sdk/template, one
// directory for each language) into `directory`, which must not exist; @NAME@ becomes NAME, in contents and
// file names. Returns the files written. invalid_argument, conflict, template_missing, io_failed.
Result<std::vector<std::string>> new_package(const std::string& name, const std::string& directory,
                                             std::string_view language, const std::string& templates);

}  // namespace pirn::pack
