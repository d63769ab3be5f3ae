// Ed25519 keys and signatures.
//
//   public key, as text   pirn-ed25519:<base64 of the 32 raw bytes>
//   key id                SHA-256 over "PIRN1-KEY\0" ‖ le64(algorithm) ‖ raw key, so that a key has one id
//   private key           PKCS#8 PEM, encrypted with a passphrase (AES-256-CBC, scrypt)
//
// OpenSSL verifies with any 32 bytes as a key. Under a key of small order one signature fits every message,
// and a key whose y is not reduced is a second name of another key; both are refused when a key is read as
// text.
//
// Values: any thread. A PrivateKey is used by one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "packager/digest/digest.h"
#include "packager/error/error.h"

namespace pirn::signature {

inline constexpr uint64_t kEd25519 = 1;  // the only algorithm; 0 is never used

using KeyId = Digest;
using Signature = std::array<uint8_t, 64>;

struct PublicKey {
  std::array<uint8_t, 32> raw{};
  auto operator<=>(const PublicKey&) const = default;
  KeyId id() const;
  std::string text() const;
};

// Refuses (key_unreadable, key_not_canonical, key_weak) what must never be enrolled.
Result<PublicKey> parse_public_key(std::string_view text);
// The check alone, for raw bytes from elsewhere: reduced, on the curve, not of small order.
Status check_public_key(const PublicKey& key);

// False for a wrong signature, and for a key that check_public_key would refuse when OpenSSL notices.
bool verify(const PublicKey& key, std::string_view message, const Signature& signature);

// Owns the secret; erased when destroyed.
class PrivateKey {
 public:
  static Result<PrivateKey> generate();
  // passphrase_wrong, key_unreadable. An unencrypted key is refused (key_unreadable).
  static Result<PrivateKey> from_pem(std::string_view pem, std::string_view passphrase);
  // The passphrase has at least 8 bytes, else passphrase_missing.
  Result<std::string> to_pem(std::string_view passphrase) const;

  PublicKey public_key() const;
  Signature sign(std::string_view message) const;

  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  ~PrivateKey();

 private:
  struct Secret;
  explicit PrivateKey(std::unique_ptr<Secret> secret);
  std::unique_ptr<Secret> secret_;
};

// Where a passphrase comes from: never from the command line, where every process can read it.
struct PassphraseSource {
  std::string file;                                 // first line of this file, if named ("-": standard input)
  std::string environment = "PIRN_KEY_PASSPHRASE";  // else this variable, if set
  bool prompt = true;                               // else asked for on the terminal, without echo
  bool confirm = false;                             // asked twice (for a new key)
};
// `what` names the key in the prompt. passphrase_missing when there is none.
Result<std::string> read_passphrase(const PassphraseSource& source, std::string_view what);

}  // namespace pirn::signature
