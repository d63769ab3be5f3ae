// The one way into Pirn for a package: staged verification. Each stage sees only what the one before has let
// through, and the first refusal ends it:
//
//   1  the front of the archive: headers predicted, lengths within limits, structure of the signatures
//   2  which of the listed keys are this tenant's active keys; none: refused, the payload still unread
//   3  every such key's signature; one bad signature of a known key refuses the package
//   4  only now the manifest is parsed; then policy at one fixed time
//   5  the payload, exactly as long as was signed, its digest before it is decompressed, then the files
//
// Errors before stage 4 say nothing of the manifest, which is not verified yet. Nothing is written
// anywhere, no program is started, and everything read is freed with the result.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "packager/archive/envelope.h"
#include "packager/archive/manifest.h"
#include "packager/archive/payload.h"
#include "packager/archive/source.h"
#include "packager/signature/key.h"

namespace pirn::archive {

// sign: the publisher's word. countersign: somebody else's approval; it counts as one of the required signatures but is never
// enough.
enum class Role : uint8_t { sign, countersign };
enum class Revocation : uint8_t { none, superseded, compromised };

// One row of a tenant's trust.
struct TrustedKey {
  signature::PublicKey key;
  // Must equal the manifest's. An empty name never matches; absent: only the key is checked.
  std::optional<std::string> publisher;
  std::string package_pattern;  // a name in which '*' stands for any characters
  Role role = Role::sign;
  int64_t valid_from_unix_s = 0;
  int64_t valid_until_unix_s = INT64_MAX;  // exclusive
  Revocation revocation = Revocation::none;
};

struct Policy {
  std::string tenant;          // must be of the audience
  bool check_audience = true;  // false only where there is no tenant: the author's own `pirn verify`
  int64_t now_unix_s = 0;
  uint32_t signatures_required =
      1;  // distinct public keys whose scope covers the package; at least one of role sign
  int64_t abi_major = 1, abi_minor = 0;     // of this host
  std::string platform;                     // a library for it must be there; empty: not asked
  Decompress decompress = decompress_here;  // a host says decompress_apart()
  // The least serial that is allowed for this package; a release that the registry already holds (known by
  // its package id) is always allowed. Called once, after the signatures hold. Null: no floor.
  std::function<int64_t(std::string_view package, const Digest& package_id)> serial_floor;
};

struct Signer {
  signature::KeyId key;
  Role role = Role::sign;
  std::string publisher;
};

struct VerifiedPackage {
  Manifest manifest;
  std::string manifest_text;  // the bytes that were signed
  Digest package_id;
  std::vector<Signer> signers;              // those whose signature held and whose scope covers the package
  std::vector<SignatureRecord> signatures;  // all records, also of keys that this tenant does not know
  UnpackedPayload payload;

  // The whole definition document, put together from the payload's definitions, for definition::parse.
  std::string definition_document() const;
  std::string_view library(std::string_view platform) const;  // its bytes; empty when there is none
};

// Consumes the source. Errors: of read_envelope, read_payload, parse_manifest, unpack_payload, and
// package_unsigned, signer_unknown, signer_expired, signer_revoked, signature_invalid, signer_out_of_scope,
// too_few_signatures, signer_missing, audience_mismatch, package_expired, abi_unsupported, platform_missing,
// serial_too_low.
Result<VerifiedPackage> verify(Source& source, const std::vector<TrustedKey>& trusted, const Policy& policy);

// Reads a package without trusting anybody: for `inspect`, `sign` and `unpack` of one's own files. The
// archive, the manifest and the payload are checked as above; signatures and policy are not.
struct UnverifiedPackage {
  Manifest manifest;
  std::string manifest_text;
  Digest package_id;
  std::vector<SignatureRecord> signatures;
  std::string compressed;  // the payload as it was
  UnpackedPayload payload;
};
Result<UnverifiedPackage> read_unverified(Source& source);

// The definition document of a package: canonical, in the order of the manifest.
std::string definition_document(const Manifest& manifest, const UnpackedPayload& payload);

}  // namespace pirn::archive
