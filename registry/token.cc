#include "registry/token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <boost/filesystem/operations.hpp>
#include <cassert>
#include <cstring>
#include <span>

#include "packager/digest/digest.h"
#include "packager/file/whole_file.h"
#include "registry/secret_file.h"

namespace pirn::registry {

namespace {

constexpr std::string_view kPrefix = "pirn_";
constexpr size_t kIdSize = 10;
constexpr size_t kSecretSize = 64;
constexpr size_t kChecksumSize = 8;
constexpr std::string_view kIdAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::string_view kHex = "0123456789abcdef";

Status fill_random(std::span<uint8_t> bytes) {
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1) return {};
  return Error{Code::io_failed, "the operating system provided no random bytes", {}, Blame::world};
}

std::string checksum(std::string_view body) {
  return Sha256().add("PIRN1-TOKEN").add(body).finish().hex().substr(0, kChecksumSize);
}

bool consists_of(std::string_view text, std::string_view alphabet) {
  return text.find_first_not_of(alphabet) == std::string_view::npos;
}

}  // namespace

Result<Pepper> random_pepper() {
  Pepper pepper;
  PIRN_DO(fill_random(pepper));
  return pepper;
}

Result<Pepper> open_pepper(const std::string& path, bool may_create) {
  boost::system::error_code ignored;
  if (!boost::filesystem::exists(path, ignored)) {
    if (!may_create)
      return Error{Code::pepper_lost,
                   path + " is missing, but the API keys in registry.db were created with it",
                   {},
                   Blame::world};
    PIRN_TRY(const Pepper pepper, random_pepper());
    Digest digest;  // for its hexadecimal form
    digest.bytes = pepper;
    PIRN_DO(file::write(path, digest.hex() + "\n", 0600));
    return pepper;
  }
  PIRN_TRY(const std::string text, read_secret_file(path));
  const auto digest = parse_digest(std::string_view(text).substr(0, text.find('\n')));
  if (!digest)
    return Error{Code::pepper_lost, path + " does not contain 64 hexadecimal digits", {}, Blame::world};
  return digest->bytes;
}

std::string Token::text() const {
  const std::string body = std::string(kPrefix) + id + "_" + secret;
  return body + "_" + checksum(body);
}

Result<Token> mint_token() {
  std::array<uint8_t, kIdSize> id;
  Digest secret;
  PIRN_DO(fill_random(id));
  PIRN_DO(fill_random(secret.bytes));
  Token token{{}, secret.hex()};
  for (uint8_t byte : id) token.id += kIdAlphabet[byte & 31];
  return token;
}

Result<Token> parse_token(std::string_view text) {
  constexpr size_t kBodySize = kPrefix.size() + kIdSize + 1 + kSecretSize;
  const Error refusal{Code::unauthenticated, "the API key is malformed or mistyped"};
  if (text.size() != kBodySize + 1 + kChecksumSize || !text.starts_with(kPrefix)) return refusal;
  const std::string_view id = text.substr(kPrefix.size(), kIdSize);
  const std::string_view secret = text.substr(kPrefix.size() + kIdSize + 1, kSecretSize);
  if (text[kPrefix.size() + kIdSize] != '_' || text[kBodySize] != '_') return refusal;
  if (!consists_of(id, kIdAlphabet) || !consists_of(secret, kHex)) return refusal;
  if (text.substr(kBodySize + 1) != checksum(text.substr(0, kBodySize))) return refusal;
  return Token{std::string(id), std::string(secret)};
}

Digest mac(const Pepper& pepper, std::string_view message) {
  Digest digest;
  unsigned size = 0;
  const unsigned char* done =
      HMAC(EVP_sha256(), pepper.data(), pepper.size(), reinterpret_cast<const unsigned char*>(message.data()),
           message.size(), digest.bytes.data(), &size);
  assert(done && size == digest.bytes.size());
  (void)done;
  return digest;
}

Digest mac(const Pepper& pepper, const Token& token) { return mac(pepper, token.id + "_" + token.secret); }

bool equal_in_constant_time(const Digest& a, const Digest& b) {
  return CRYPTO_memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

}  // namespace pirn::registry
