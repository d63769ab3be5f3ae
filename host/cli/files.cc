// Package files and signing keys. Nothing here talks to a host.
#include <algorithm>
#include <chrono>
#include <iostream>

#include "host/cli/input.h"
#include "host/cli/install.h"
#include "host/cli/terminal.h"
#include "host/cli/verbs.h"
#include "packager/pack/pack.h"
#include "packager/pack/package_file.h"

namespace pirn::cli {

namespace {

signature::PassphraseSource passphrase_of(const Arguments& arguments, bool confirm) {
  signature::PassphraseSource source;
  source.file = arguments.get("passphrase-file");
  source.confirm = confirm;
  return source;
}

int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What does not keep anybody from packing.
void warn_of(const pack::Packed& packed) {
  constexpr size_t kMostShown = 20;
  const size_t count = packed.warnings.size();
  for (size_t i = 0; i < std::min(count, kMostShown); ++i) {
    const definition::Warning& warning = packed.warnings[i];
    std::string place = warning.where.file;
    if (warning.where.line != 0) place += ":" + std::to_string(warning.where.line);
    note("warning: " + printable(warning.message) + "\n  at " + printable(place) +
         "\n  hint: " + printable(warning.hint));
  }
  if (count > kMostShown)
    note("warning: " + std::to_string(count - kMostShown) + " more warnings are not shown");
  if (!packed.unloads)
    note(
        "warning: the library stays in memory after it is closed, so each new version costs the host "
        "the memory of an old one\n  hint: A thread_local variable with a destructor has this effect.");
}

}  // namespace

Outcome new_package(const Arguments& arguments) {
  const std::string name = arguments.get("name");
  const std::string directory = arguments.get("directory", name);
  PIRN_TRY(const std::vector<std::string> files,
           pack::new_package(name, directory, arguments.get("language", "cpp"), template_directory()));
  for (const std::string& file : files) std::cout << printable(file) << '\n';
  suggest("pirn pack " + directory);
  return 0;
}

Outcome pack(const Arguments& arguments) {
  pack::PackOptions options;
  options.directory = arguments.get("directory", ".");
  options.output = arguments.get("output");
  options.library = arguments.get("library");
  options.sdk_prefix = sdk_prefix();
  options.probe_program = probe_program();
  for (const std::string& signer : arguments.all("signer")) {
    PIRN_TRY(const signature::PublicKey key, pack::load_public_key(signer));
    options.signers.push_back(key.id());
  }
  if (arguments.has("verbose"))
    options.on_build_line = [](std::string_view line) { note(line); };
  else
    note("building and packing " + printable(options.directory));
  options.on_build_warning = [](std::string_view line) { note(line); };
  PIRN_TRY(const pack::Packed packed, pack::pack(options));
  std::cout << printable(packed.file) << '\n';
  warn_of(packed);
  suggest("pirn sign " + packed.file + " --key KEY.pem");
  return 0;
}

Outcome sign(const Arguments& arguments) {
  if (!arguments.has("key"))
    return Error{Code::usage, "'pirn sign' needs --key KEY.pem", "Create one: pirn key generate NAME."};
  PIRN_TRY(const signature::PrivateKey key,
           pack::load_private_key(arguments.get("key"), passphrase_of(arguments, false)));
  const std::string file = arguments.get("file");
  PIRN_TRY(const pack::Signed result, pack::sign_file(file, key));
  std::cout << "signed " << printable(file) << " with key " << result.key.hex() << " ("
            << std::to_string(result.signatures)
            << (result.signatures == 1 ? " signature)\n" : " signatures)\n");
  suggest("pirn push " + file);
  return 0;
}

Outcome verify(const Arguments& arguments) {
  pack::VerifyOptions options;
  options.trusted_keys = arguments.all("trust");
  if (options.trusted_keys.empty())
    return Error{Code::usage, "'pirn verify' needs --trust KEY.pub, once for each key to trust",
                 "pirn inspect shows a package without verifying it."};
  options.tenant = arguments.get("tenant");
  if (arguments.has("tenant") && !archive::is_name(options.tenant))
    return Error{Code::bad_name, "'" + options.tenant + "' is not a valid tenant name"};
  options.now_unix_s = unix_seconds();
  if (arguments.has("signatures")) {
    PIRN_TRY(const int64_t signatures, number_of(arguments, "signatures"));
    options.signatures_required = static_cast<uint32_t>(std::min<int64_t>(signatures, UINT32_MAX));
  }
  PIRN_TRY(const archive::VerifiedPackage package, pack::verify_file(arguments.get("file"), options));
  PIRN_TRY(const bool compared, pack::verify_library(package, probe_program()));
  std::cout << printable(package.manifest.package + " " + package.manifest.version)
            << " is genuine; signed by";
  for (const archive::Signer& signer : package.signers) std::cout << " " << signer.key.hex().substr(0, 16);
  std::cout << "\nrelease " << package.package_id.hex() << '\n';
  std::cout
      << (compared
              ? "the library matches the manifest\n"
              : "the library was not compared with the manifest: the package has none for this platform\n");
  return 0;
}

Outcome inspect(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(const archive::UnverifiedPackage package, pack::read_package(arguments.get("file")));
  if (format == Format::id)
    std::cout << package.package_id.hex() << '\n';
  else if (format == Format::table)
    std::cout << pack::inspect_text(package);
  else
    print_json_text(pack::inspect_json(package));
  return 0;
}

Outcome unpack(const Arguments& arguments) {
  const std::string file = arguments.get("file");
  std::string directory = arguments.get("directory");
  if (directory.empty()) {
    const size_t slash = file.rfind('/');
    directory = file.substr(slash == std::string::npos ? 0 : slash + 1);
    if (directory.ends_with(".pirn"))
      directory.erase(directory.size() - 5);
    else
      directory += ".d";
  }
  PIRN_DO(pack::unpack_file(file, directory));
  std::cout << printable(directory) << '\n';
  return 0;
}

Outcome key_generate(const Arguments& arguments) {
  PIRN_TRY(const std::string passphrase,
           signature::read_passphrase(passphrase_of(arguments, true), "the new key"));
  PIRN_TRY(const pack::GeneratedKey key, pack::generate_key(arguments.get("name"), passphrase));
  std::cout << printable(key.private_file) << '\n' << printable(key.public_file) << '\n';
  note("key id " + key.key.id().hex());
  note(printable(key.private_file) + " signs packages: keep it secret. " + printable(key.public_file) +
       " is the key that others trust.");
  suggest("pirn sign PACKAGE.pirn --key " + key.private_file);
  return 0;
}

}  // namespace pirn::cli
