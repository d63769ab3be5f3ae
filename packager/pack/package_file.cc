#include "packager/pack/package_file.h"

#include <boost/filesystem/operations.hpp>

#include "packager/file/whole_file.h"
#include "packager/library/admission.h"
#include "packager/library/claims.h"
#include "packager/probe/probe.h"

namespace pirn::pack {

namespace {

namespace fs = boost::filesystem;

constexpr uint64_t kMaxKeyFile = 64 << 10;

library::AbiNote abi_of(const archive::Manifest& manifest) {
  return {static_cast<uint32_t>(manifest.abi.major), static_cast<uint32_t>(manifest.abi.built_for),
          static_cast<uint32_t>(manifest.abi.minimum)};
}

library::Claims claims_of(const archive::Manifest& manifest) {
  library::Claims claims{
      manifest.package, manifest.version, abi_of(manifest), {}, library::WorkflowDigests()};
  for (const archive::Function& function : manifest.functions)
    claims.functions.push_back({function.id, function.kind});
  for (const archive::WorkflowEntry& workflow : manifest.workflows)
    claims.workflows->emplace(workflow.name, workflow.sha256);
  return claims;
}

Error in_file(Error error, const std::string& file) {
  error.message = file + ": " + error.message;
  return error;
}

}  // namespace

Result<archive::UnverifiedPackage> read_package(const std::string& file) {
  PIRN_TRY(const std::string bytes, file::read(file, file::Links::follow, archive::kMaxPackage));
  archive::MemorySource source(bytes);
  auto package = archive::read_unverified(source);
  if (!package) return in_file(std::move(package).error(), file);
  return package;
}

Result<Signed> sign_file(const std::string& file, const signature::PrivateKey& key) {
  PIRN_TRY(archive::UnverifiedPackage package, read_package(file));
  const archive::SignatureRecord record{key.public_key().id(),
                                        key.sign(archive::signed_message(package.manifest_text))};
  auto& records = package.signatures;
  std::erase_if(records, [&](const archive::SignatureRecord& r) { return r.key == record.key; });
  records.push_back(record);
  PIRN_TRY(const std::string bytes,
           archive::write_package(package.manifest_text, records, package.compressed));
  PIRN_DO(file::write(file, bytes, 0644, file::Existing::replace));
  return Signed{record.key, package.package_id, records.size()};
}

Result<archive::VerifiedPackage> verify_file(const std::string& file, const VerifyOptions& options) {
  std::vector<archive::TrustedKey> trusted;
  for (const std::string& name : options.trusted_keys) {
    archive::TrustedKey row;
    PIRN_TRY(row.key, load_public_key(name));
    row.package_pattern.assign(1, '*');
    trusted.push_back(std::move(row));
  }
  PIRN_TRY(const std::string bytes, file::read(file, file::Links::follow, archive::kMaxPackage));
  archive::Policy policy;
  policy.tenant = options.tenant;
  policy.check_audience = !options.tenant.empty();
  policy.signatures_required = options.signatures_required;
  policy.now_unix_s = options.now_unix_s;
  archive::MemorySource source(bytes);
  auto package = archive::verify(source, trusted, policy);
  if (!package) return in_file(std::move(package).error(), file);
  return package;
}

Result<bool> verify_library(const archive::VerifiedPackage& package, const std::string& probe_program) {
  const archive::Library* described = package.manifest.find_library(archive::host_platform());
  if (described == nullptr) return false;
  const std::string_view bytes = package.library(described->platform);
  PIRN_TRY(const library::Runtime runtime, library::host_runtime());
  PIRN_TRY(const library::Admitted admitted, library::admit(bytes, runtime));
  PIRN_DO(library::compare_admitted(described->needed, abi_of(package.manifest), admitted));
  PIRN_DO(probe::confirm(bytes, claims_of(package.manifest), {.probe_path = probe_program}));
  return true;
}

Result<GeneratedKey> generate_key(const std::string& name, std::string_view passphrase) {
  GeneratedKey generated{name + ".pem", name + ".pub", {}};
  for (const std::string& file : {generated.private_file, generated.public_file})
    if (boost::system::error_code ignored; fs::exists(file, ignored))
      return Error{Code::conflict, file + " exists",
                   "Choose another name; a private key is never overwritten."};
  PIRN_TRY(const signature::PrivateKey key, signature::PrivateKey::generate());
  PIRN_TRY(const std::string pem, key.to_pem(passphrase));
  generated.key = key.public_key();
  PIRN_DO(file::write(generated.private_file, pem, 0600, file::Existing::refuse));
  if (Status written =
          file::write(generated.public_file, generated.key.text() + "\n", 0644, file::Existing::refuse);
      !written) {
    boost::system::error_code ignored;
    fs::remove(generated.private_file, ignored);  // half a pair is of no use
    return std::move(written).error();
  }
  return generated;
}

Result<signature::PrivateKey> load_private_key(const std::string& file,
                                               const signature::PassphraseSource& source) {
  PIRN_TRY(const std::string pem, file::read(file, file::Links::follow, kMaxKeyFile));
  PIRN_TRY(const std::string passphrase, signature::read_passphrase(source, file));
  auto key = signature::PrivateKey::from_pem(pem, passphrase);
  if (!key) return in_file(std::move(key).error(), file);
  return key;
}

Result<signature::PublicKey> load_public_key(const std::string& file_or_text) {
  if (file_or_text.starts_with("pirn-ed25519:")) return signature::parse_public_key(file_or_text);
  PIRN_TRY(const std::string text, file::read(file_or_text, file::Links::follow, kMaxKeyFile));
  auto key = signature::parse_public_key(text);
  if (!key) return in_file(std::move(key).error(), file_or_text);
  return key;
}

}  // namespace pirn::pack
