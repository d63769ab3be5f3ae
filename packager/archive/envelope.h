// The outer archive: `name-1.4.2.pirn` is a canonical ustar of exactly three members,
//
//   manifest.json     canonical JSON, at most 1 MiB
//   signatures        0 to 16 records of 104 bytes, strictly ascending by key id (0: not signed yet)
//   payload.tar.zst   one zstd frame that holds a canonical ustar: libraries, definitions, documents, assets
//
// and nothing behind its end. A record is le64(algorithm) ‖ key id (32) ‖ signature (64).
//
// Every tar header is a function of a name and a size (ustar.h), so the reader predicts each and compares:
// there is no tar parser that hostile bytes could talk to, and one package has one form.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "packager/archive/source.h"
#include "packager/error/error.h"
#include "packager/signature/key.h"

namespace pirn::archive {

struct SignatureRecord {
  signature::KeyId key;
  signature::Signature signature{};
  bool operator==(const SignatureRecord&) const = default;
};

// The front of a package, all of it untrusted bytes. Owns them.
struct Envelope {
  std::string manifest;  // opaque: nothing has parsed it
  std::vector<SignatureRecord> signatures;
  uint64_t payload_size = 0;  // as its header says
};

// Reads up to the first byte of the payload. Errors: package_truncated, package_member_unexpected,
// package_too_large, signatures_malformed, and those of the source.
Result<Envelope> read_envelope(Source& source);
// Reads the payload and the end of the archive. Errors: package_truncated, package_trailing_bytes, and the
// source's.
Result<std::string> read_payload(Source& source, uint64_t payload_size);

// The whole package; the records in any order. The parts hold the limits, or too_large.
Result<std::string> write_package(std::string_view manifest, std::vector<SignatureRecord> signatures,
                                  std::string_view payload);

}  // namespace pirn::archive
