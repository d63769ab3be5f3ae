#include "packager/archive/verify.h"

#include <algorithm>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include "packager/json/json.h"

namespace pirn::archive {

namespace {

Error refuse(Code code, std::string message, std::string hint = {}) {
  return Error{.code = code, .message = std::move(message), .hint = std::move(hint), .blame = Blame::package};
}

// A listed key that this tenant trusts at the time of the policy, with its rows: one public key counts once,
// in however many rows it stands.
struct Candidate {
  const SignatureRecord* record;
  std::vector<const TrustedKey*> rows;
};

Result<std::vector<Candidate>> find_candidates(const Envelope& envelope,
                                               const std::vector<TrustedKey>& trusted, int64_t now_unix_s) {
  if (envelope.signatures.empty()) return refuse(Code::package_unsigned, "the package is not signed");
  std::vector<Candidate> candidates;
  bool revoked = false, expired = false;
  for (const SignatureRecord& record : envelope.signatures) {
    Candidate candidate{&record, {}};
    for (const TrustedKey& row : trusted) {
      if (row.key.id() != record.key || !signature::check_public_key(row.key)) continue;
      if (row.revocation != Revocation::none)
        revoked = true;
      else if (now_unix_s < row.valid_from_unix_s || now_unix_s >= row.valid_until_unix_s)
        expired = true;
      else
        candidate.rows.push_back(&row);
    }
    if (!candidate.rows.empty()) candidates.push_back(std::move(candidate));
  }
  if (!candidates.empty()) return candidates;
  std::string keys;
  for (const SignatureRecord& record : envelope.signatures) keys += " " + record.key.hex();
  if (revoked) return refuse(Code::signer_revoked, "the package's signing key is revoked:" + keys);
  if (expired)
    return refuse(Code::signer_expired, "the trust in the package's signing key is not valid now:" + keys);
  return refuse(Code::signer_unknown, "no signer of the package is trusted here:" + keys);
}

Status check_signatures(const std::vector<Candidate>& candidates, std::string_view manifest_text) {
  const std::string message = signed_message(manifest_text);
  for (const Candidate& candidate : candidates)
    if (!signature::verify(candidate.rows.front()->key, message, candidate.record->signature))
      return refuse(Code::signature_invalid,
                    "the signature of key " + candidate.record->key.hex() + " does not match the manifest");
  return {};
}

// '*' stands for any characters; everything else for itself. Goes back to the last star only, so it is
// quadratic at worst.
bool matches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool covers(const TrustedKey& row, const Manifest& manifest) {
  return matches(row.package_pattern, manifest.package) &&
         (!row.publisher || *row.publisher == manifest.publisher);
}

// The signers whose trust covers this package. A key with several such rows acts in its strongest role.
std::vector<Signer> signers_of(const std::vector<Candidate>& candidates, const Manifest& manifest) {
  std::vector<Signer> signers;
  for (const Candidate& candidate : candidates) {
    const TrustedKey* best = nullptr;
    for (const TrustedKey* row : candidate.rows)
      if (covers(*row, manifest) && (!best || row->role == Role::sign)) best = row;
    if (best) signers.push_back({candidate.record->key, best->role, manifest.publisher});
  }
  return signers;
}

// What the package's signers are trusted with here instead: a publisher that is mistyped shows.
std::string trusted_instead(const std::vector<Candidate>& candidates, const Manifest& manifest) {
  std::string rows;
  for (const Candidate& candidate : candidates)
    for (const TrustedKey* row : candidate.rows)
      rows += (rows.empty() ? "" : "; ") + candidate.record->key.hex().substr(0, 16) + ": role " +
              (row->role == Role::sign ? "sign" : "countersign") + ", packages '" + row->package_pattern +
              "', publisher " + (row->publisher ? "'" + *row->publisher + "'" : std::string("any"));
  return "Trusted here: " + rows +
         ". To trust the key for this package: pirn trust add --key KEY.pub --publisher " +
         manifest.publisher + " --package " + manifest.package;
}

Status check_signers(const std::vector<Candidate>& candidates, const std::vector<Signer>& signers,
                     const Manifest& manifest, const Policy& policy) {
  const std::string name = manifest.package + " of " + manifest.publisher;
  if (std::none_of(signers.begin(), signers.end(), [](const Signer& s) { return s.role == Role::sign; }))
    return refuse(Code::signer_out_of_scope, "no signer is trusted to sign " + name,
                  trusted_instead(candidates, manifest));
  if (signers.size() < policy.signatures_required)
    return refuse(Code::too_few_signatures, std::to_string(signers.size()) + " of the " +
                                                std::to_string(policy.signatures_required) +
                                                " keys required have signed " + name);
  for (const Digest& wanted : manifest.signers)
    if (std::none_of(signers.begin(), signers.end(), [&](const Signer& s) { return s.key == wanted; }))
      return refuse(Code::signer_missing, "the manifest requires a signature by key " + wanted.hex() +
                                              ", which is missing or not trusted here");
  return {};
}

Status check_host(const Manifest& manifest, const Policy& policy) {
  if (manifest.not_after_unix_s && policy.now_unix_s > *manifest.not_after_unix_s)
    return refuse(Code::package_expired, manifest.package + " " + manifest.version +
                                             " may no longer be used (not_after " +
                                             std::to_string(*manifest.not_after_unix_s) + ")");
  if (manifest.abi.major != policy.abi_major || manifest.abi.minimum > policy.abi_minor)
    return refuse(Code::abi_unsupported, "the package needs ABI " + std::to_string(manifest.abi.major) + "." +
                                             std::to_string(manifest.abi.minimum) + "; this host has " +
                                             std::to_string(policy.abi_major) + "." +
                                             std::to_string(policy.abi_minor));
  if (!policy.platform.empty() && !manifest.find_library(policy.platform))
    return refuse(Code::platform_missing, "the package has no library for " + policy.platform);
  return {};
}

Status check_policy(const Manifest& manifest, const Digest& id, const std::vector<Candidate>& candidates,
                    const std::vector<Signer>& signers, const Policy& policy) {
  const auto& audience = manifest.audience;
  if (policy.check_audience && audience.front() != "*" &&
      std::find(audience.begin(), audience.end(), policy.tenant) == audience.end())
    return refuse(Code::audience_mismatch,
                  "the package's audience does not include the tenant " + policy.tenant);
  PIRN_DO(check_signers(candidates, signers, manifest, policy));
  PIRN_DO(check_host(manifest, policy));
  if (policy.serial_floor)
    if (const int64_t floor = policy.serial_floor(manifest.package, id); manifest.serial < floor)
      return refuse(Code::serial_too_low, manifest.package + " " + manifest.version + " has the serial " +
                                              std::to_string(manifest.serial) + "; at least " +
                                              std::to_string(floor) + " is needed");
  return {};
}

Result<std::string> read_signed_payload(Source& source, const Envelope& envelope, const Manifest& manifest) {
  if (envelope.payload_size != manifest.payload.size)
    return refuse(Code::payload_digest_mismatch, "the payload has " + std::to_string(envelope.payload_size) +
                                                     " bytes; " + std::to_string(manifest.payload.size) +
                                                     " were signed");
  return read_payload(source, envelope.payload_size);
}

}  // namespace

Result<VerifiedPackage> verify(Source& source, const std::vector<TrustedKey>& trusted, const Policy& policy) {
  PIRN_TRY(Envelope envelope, read_envelope(source));
  PIRN_TRY(const std::vector<Candidate> candidates, find_candidates(envelope, trusted, policy.now_unix_s));
  PIRN_DO(check_signatures(candidates, envelope.manifest));

  VerifiedPackage package;
  PIRN_TRY(package.manifest, parse_manifest(envelope.manifest));
  package.package_id = package_id(envelope.manifest);
  package.signers = signers_of(candidates, package.manifest);
  PIRN_DO(check_policy(package.manifest, package.package_id, candidates, package.signers, policy));

  PIRN_TRY(const std::string compressed, read_signed_payload(source, envelope, package.manifest));
  PIRN_TRY(package.payload, unpack_payload(compressed, package.manifest, policy.decompress));
  package.manifest_text = std::move(envelope.manifest);
  package.signatures = std::move(envelope.signatures);
  return package;
}

Result<UnverifiedPackage> read_unverified(Source& source) {
  PIRN_TRY(Envelope envelope, read_envelope(source));
  UnverifiedPackage package;
  PIRN_TRY(package.manifest, parse_manifest(envelope.manifest));
  PIRN_TRY(package.compressed, read_signed_payload(source, envelope, package.manifest));
  PIRN_TRY(package.payload, unpack_payload(package.compressed, package.manifest));
  package.package_id = package_id(envelope.manifest);
  package.manifest_text = std::move(envelope.manifest);
  package.signatures = std::move(envelope.signatures);
  return package;
}

std::string_view VerifiedPackage::library(std::string_view platform) const {
  const Library* library = manifest.find_library(platform);
  return library ? payload.bytes(library->path) : std::string_view();
}

std::string VerifiedPackage::definition_document() const {
  return archive::definition_document(manifest, payload);
}

std::string definition_document(const Manifest& manifest, const UnpackedPayload& payload) {
  // Each definition is canonical already, so the document is put together as text.
  std::string workflows;
  for (const WorkflowEntry& workflow : manifest.workflows)
    workflows.append(workflows.empty() ? "" : ",").append(payload.bytes(workflow.path()));
  const boost::json::object package = {{"name", manifest.package},
                                       {"version", manifest.version},
                                       {"description", manifest.description},
                                       {"author", manifest.author},
                                       {"licence", manifest.licence}};
  return "{\"package\":" + canonical(package) + ",\"schema\":1,\"workflows\":[" + workflows + "]}";
}

}  // namespace pirn::archive
