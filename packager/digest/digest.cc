#include "packager/digest/digest.h"

#include <openssl/evp.h>

#include <cstdlib>

namespace pirn {

namespace {

constexpr std::string_view kHex = "0123456789abcdef";

// OpenSSL's digests fail only when it is out of memory or wrongly installed: nothing a caller could decide
// on.
void require(bool done) {
  if (!done) std::abort();
}

}  // namespace

std::string Digest::hex() const {
  std::string out;
  out.reserve(64);
  for (uint8_t byte : bytes) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

Result<Digest> parse_digest(std::string_view hex) {
  Digest digest;
  if (hex.size() != 64)
    return Error{Code::invalid_argument,
                 "'" + std::string(hex) + "' is not a digest: 64 hexadecimal digits are expected"};
  for (size_t i = 0; i < 64; ++i) {
    const size_t nibble = kHex.find(hex[i]);
    if (nibble == std::string_view::npos)
      return Error{Code::invalid_argument, "'" + std::string(hex) + "' is not a digest: '" + hex[i] +
                                               "' is not a lower-case hexadecimal digit"};
    digest.bytes[i / 2] = static_cast<uint8_t>(digest.bytes[i / 2] << 4 | nibble);
  }
  return digest;
}

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  require(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() = default;

Sha256& Sha256::add(std::string_view bytes) {
  require(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
  return *this;
}

Digest Sha256::finish() {
  Digest digest;
  require(EVP_DigestFinal_ex(state_->context, digest.bytes.data(), nullptr) == 1);
  return digest;
}

Digest sha256(std::string_view bytes) { return Sha256().add(bytes).finish(); }

}  // namespace pirn
