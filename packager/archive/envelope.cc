#include "packager/archive/envelope.h"

#include <algorithm>
#include <cstring>

#include "packager/archive/manifest.h"
#include "packager/archive/ustar.h"

namespace pirn::archive {

namespace {

constexpr std::string_view kManifest = "manifest.json", kSignatures = "signatures",
                           kPayload = "payload.tar.zst";
constexpr size_t kRecord = 8 + 32 + 64;

Error refuse(Code code, std::string message) {
  return Error{.code = code, .message = std::move(message), .blame = Blame::package};
}

Result<std::string> read_exactly(Source& source, uint64_t size, std::string_view what) {
  std::string bytes(size, '\0');
  for (size_t done = 0; done < bytes.size();) {
    PIRN_TRY(const size_t n, source.read(bytes.data() + done, bytes.size() - done));
    if (n == 0)
      return refuse(Code::package_truncated, "the package ends within " + std::string(what) + ", " +
                                                 std::to_string(bytes.size() - done) + " bytes too early");
    done += n;
  }
  return bytes;
}

// The size of the member whose header comes next.
Result<uint64_t> read_header(Source& source, std::string_view name, uint64_t limit) {
  const std::string header_of = "the header of " + std::string(name);
  // The name first: a short file of another kind is not a package that was cut off.
  PIRN_TRY(std::string bytes, read_exactly(source, name.size(), header_of));
  if (bytes != name && name == kManifest)
    return refuse(Code::package_member_unexpected,
                  "the file does not begin with " + std::string(name) + ": it is not a Pirn package");
  PIRN_TRY(const std::string rest, read_exactly(source, kBlock - name.size(), header_of));
  bytes += rest;
  TarHeader header;
  std::memcpy(header.data(), bytes.data(), kBlock);
  const auto size = size_in_header(header);
  const auto predicted = predict_header(name, size.value_or(0));
  if (!size || !predicted || *predicted != header)
    return refuse(Code::package_member_unexpected,
                  "the header of " + std::string(name) + " is missing or not canonical");
  if (*size > limit)
    return refuse(Code::package_too_large, std::string(name) + " has " + std::to_string(*size) +
                                               " bytes; at most " + std::to_string(limit) + " are allowed");
  return *size;
}

Status read_padding(Source& source, uint64_t size, std::string_view name) {
  PIRN_TRY(const std::string padding, read_exactly(source, padding_of(size), name));
  if (!all_zero(padding))
    return refuse(Code::package_member_unexpected,
                  "there are hidden bytes in the padding of " + std::string(name));
  return {};
}

uint64_t little_endian(std::string_view bytes) {
  uint64_t number = 0;
  for (size_t i = 8; i-- > 0;) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

Result<std::vector<SignatureRecord>> parse_records(std::string_view bytes) {
  if (bytes.size() % kRecord != 0)
    return refuse(Code::signatures_malformed, "the signatures have " + std::to_string(bytes.size()) +
                                                  " bytes, which is not a multiple of " +
                                                  std::to_string(kRecord));
  std::vector<SignatureRecord> records;
  for (; !bytes.empty(); bytes.remove_prefix(kRecord)) {
    if (const uint64_t algorithm = little_endian(bytes); algorithm != signature::kEd25519)
      return refuse(Code::signatures_malformed, "signature " + std::to_string(records.size() + 1) +
                                                    " has the unknown algorithm " +
                                                    std::to_string(algorithm));
    SignatureRecord record;
    std::memcpy(record.key.bytes.data(), bytes.data() + 8, record.key.bytes.size());
    std::memcpy(record.signature.data(), bytes.data() + 40, record.signature.size());
    if (!records.empty() && !(records.back().key < record.key))
      return refuse(Code::signatures_malformed, "the signatures are not strictly ascending by key id");
    records.push_back(record);
  }
  return records;
}

std::string print_records(const std::vector<SignatureRecord>& records) {
  std::string out;
  for (const SignatureRecord& record : records) {
    for (int i = 0; i < 8; ++i) out += static_cast<char>(signature::kEd25519 >> (8 * i));
    out.append(reinterpret_cast<const char*>(record.key.bytes.data()), record.key.bytes.size());
    out.append(reinterpret_cast<const char*>(record.signature.data()), record.signature.size());
  }
  return out;
}

}  // namespace

Result<Envelope> read_envelope(Source& source) {
  Envelope envelope;
  PIRN_TRY(const uint64_t manifest_size, read_header(source, kManifest, kMaxManifest));
  PIRN_TRY(envelope.manifest, read_exactly(source, manifest_size, kManifest));
  PIRN_DO(read_padding(source, manifest_size, kManifest));
  PIRN_TRY(const uint64_t signatures_size, read_header(source, kSignatures, kMaxSignatures * kRecord));
  PIRN_TRY(const std::string signatures, read_exactly(source, signatures_size, kSignatures));
  PIRN_DO(read_padding(source, signatures_size, kSignatures));
  PIRN_TRY(envelope.signatures, parse_records(signatures));
  PIRN_TRY(envelope.payload_size, read_header(source, kPayload, kMaxPackage));
  return envelope;
}

Result<std::string> read_payload(Source& source, uint64_t payload_size) {
  PIRN_TRY(std::string payload, read_exactly(source, payload_size, kPayload));
  PIRN_DO(read_padding(source, payload_size, kPayload));
  PIRN_TRY(const std::string end, read_exactly(source, kTarEnd, "its end"));
  char behind = 0;
  PIRN_TRY(const size_t more, source.read(&behind, 1));
  if (!all_zero(end) || more != 0)
    return refuse(Code::package_trailing_bytes,
                  "there are bytes after the payload, where the package must end");
  return payload;
}

Result<std::string> write_package(std::string_view manifest, std::vector<SignatureRecord> signatures,
                                  std::string_view payload) {
  const auto too_large = [](std::string_view what, uint64_t limit) {
    return Error{Code::package_too_large, std::string(what) + " exceeds " + std::to_string(limit)};
  };
  if (manifest.size() > kMaxManifest) return too_large("the manifest's size in bytes", kMaxManifest);
  if (signatures.size() > kMaxSignatures) return too_large("the number of signatures", kMaxSignatures);
  std::sort(signatures.begin(), signatures.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  PIRN_TRY(std::string package, write_tar([&](const AddMember& add) -> Status {
             PIRN_DO(add(kManifest, manifest));
             PIRN_DO(add(kSignatures, print_records(signatures)));
             return add(kPayload, payload);
           }));
  if (package.size() > kMaxPackage) return too_large("the package's size in bytes", kMaxPackage);
  return package;
}

}  // namespace pirn::archive
