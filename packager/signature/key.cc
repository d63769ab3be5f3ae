#include "packager/signature/key.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstdlib>

namespace pirn::signature {

namespace {

template <auto free>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Sealed = std::unique_ptr<X509_SIG, Free<X509_SIG_free>>;
using Opened = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Free<PKCS8_PRIV_KEY_INFO_free>>;
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using NumberContext = std::unique_ptr<BN_CTX, Free<BN_CTX_free>>;

constexpr std::string_view kPrefix = "pirn-ed25519:";
constexpr std::string_view kIdPrefix("PIRN1-KEY\0", 10);
constexpr size_t kMinPassphrase = 8;

// OpenSSL fails at these only when it is out of memory or wrongly installed.
void require(bool done) {
  if (!done) std::abort();
}

std::string base64(const uint8_t* bytes, size_t size) {
  std::string out(4 * ((size + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<uint8_t*>(out.data()), bytes, static_cast<int>(size));
  return out;
}

// The points of orders 1, 2, 4 and 8 by their y, little endian; the sign bit may be either.
constexpr std::array<std::string_view, 5> kSmallOrder = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};

bool is_reduced(const std::array<uint8_t, 32>& y) {  // below 2^255 - 19, little endian
  if (y[31] != 0x7f || y[0] < 0xed) return true;
  return !std::all_of(y.begin() + 1, y.end() - 1, [](uint8_t byte) { return byte == 0xff; });
}

// Is there an x with -x² + y² = 1 + d·x²·y²? x² = (y² - 1) / (d·y² + 1), which is a square exactly when the
// product of the two is.
bool is_on_curve(const std::array<uint8_t, 32>& y_bytes) {
  const NumberContext context(BN_CTX_new());
  const Number p(BN_new()), d(BN_new()), y(BN_lebin2bn(y_bytes.data(), 32, nullptr)), u(BN_new()),
      v(BN_new());
  BIGNUM *p_raw = p.get(), *d_raw = d.get();
  require(BN_hex2bn(&p_raw, "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed") != 0);
  require(BN_hex2bn(&d_raw, "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3") != 0);
  require(BN_mod_sqr(u.get(), y.get(), p.get(), context.get()) == 1);                  // y²
  require(BN_mod_mul(v.get(), u.get(), d.get(), p.get(), context.get()) == 1);         // d·y²
  require(BN_add_word(v.get(), 1) == 1);                                               // d·y² + 1
  require(BN_mod_sub(u.get(), u.get(), BN_value_one(), p.get(), context.get()) == 1);  // y² - 1
  require(BN_mod_mul(u.get(), u.get(), v.get(), p.get(), context.get()) == 1);
  return BN_kronecker(u.get(), p.get(), context.get()) != -1;
}

Error unreadable(std::string_view what) {
  return Error{.code = Code::key_unreadable, .message = std::string(what)};
}

}  // namespace

KeyId PublicKey::id() const {
  std::string algorithm(8, '\0');
  for (int i = 0; i < 8; ++i) algorithm[i] = static_cast<char>(kEd25519 >> (8 * i));
  return Sha256()
      .add(kIdPrefix)
      .add(algorithm)
      .add({reinterpret_cast<const char*>(raw.data()), raw.size()})
      .finish();
}

std::string PublicKey::text() const { return std::string(kPrefix) + base64(raw.data(), raw.size()); }

Result<PublicKey> parse_public_key(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.remove_suffix(1);
  if (!text.starts_with(kPrefix))
    return unreadable("this is not a public key: it must start with " + std::string(kPrefix));
  const std::string_view encoded = text.substr(kPrefix.size());
  std::array<uint8_t, 33> decoded{};
  if (encoded.size() != 44 ||
      EVP_DecodeBlock(decoded.data(), reinterpret_cast<const uint8_t*>(encoded.data()),
                      static_cast<int>(encoded.size())) != 33)
    return unreadable("this is not a public key: 44 characters of base64 must follow " +
                      std::string(kPrefix));
  PublicKey key;
  std::copy_n(decoded.begin(), key.raw.size(), key.raw.begin());
  if (key.text() != text) return unreadable("the base64 of this public key is not canonical");
  PIRN_DO(check_public_key(key));
  return key;
}

Status check_public_key(const PublicKey& key) {
  std::array<uint8_t, 32> y = key.raw;
  y[31] &= 0x7f;  // without the sign of x
  if (!is_reduced(y))
    return Error{Code::key_not_canonical,
                 "the public key " + key.text() + " is a non-canonical encoding of another key"};
  Digest as_digest;
  as_digest.bytes = y;
  if (std::find(kSmallOrder.begin(), kSmallOrder.end(), as_digest.hex()) != kSmallOrder.end())
    return Error{Code::key_weak,
                 "the public key " + key.text() + " has small order: one signature would fit every message"};
  if (!is_on_curve(y))
    return Error{Code::key_not_canonical, "the public key " + key.text() + " is not a point on the curve"};
  return {};
}

bool verify(const PublicKey& key, std::string_view message, const Signature& signature) {
  const Key public_key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.raw.data(), key.raw.size()));
  const DigestContext context(EVP_MD_CTX_new());
  return public_key &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                          reinterpret_cast<const uint8_t*>(message.data()), message.size()) == 1;
}

struct PrivateKey::Secret {
  Key key;  // OpenSSL wipes it when it is freed
};

PrivateKey::PrivateKey(std::unique_ptr<Secret> secret) : secret_(std::move(secret)) {}
PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

Result<PrivateKey> PrivateKey::generate() {
  Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (!key)
    return Error{
        .code = Code::io_failed, .message = "cannot get random numbers for a key", .blame = Blame::world};
  return PrivateKey(std::make_unique<Secret>(Secret{std::move(key)}));
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem, std::string_view passphrase) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Sealed sealed(PEM_read_bio_PKCS8(bio.get(), nullptr, nullptr, nullptr));
  if (!sealed)
    return unreadable("the private key is not a passphrase-protected PEM (\"BEGIN ENCRYPTED PRIVATE KEY\")");
  const Opened opened(PKCS8_decrypt(sealed.get(), passphrase.data(), static_cast<int>(passphrase.size())));
  if (!opened) return Error{Code::passphrase_wrong, "the passphrase does not open the private key"};
  Key key(EVP_PKCS82PKEY(opened.get()));
  if (!key || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519)
    return unreadable("the private key is not an Ed25519 key");
  return PrivateKey(std::make_unique<Secret>(Secret{std::move(key)}));
}

Result<std::string> PrivateKey::to_pem(std::string_view passphrase) const {
  if (passphrase.size() < kMinPassphrase)
    return Error{Code::passphrase_missing,
                 "the passphrase is shorter than " + std::to_string(kMinPassphrase) + " bytes"};
  const Opened plain(EVP_PKEY2PKCS8(secret_->key.get()));
  require(plain != nullptr);
  X509_ALGOR* const scrypt = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, 0, nullptr, 1 << 14, 8, 1);
  require(scrypt != nullptr);
  const Sealed sealed(
      PKCS8_set0_pbe(passphrase.data(), static_cast<int>(passphrase.size()), plain.get(), scrypt));
  const Bio bio(BIO_new(BIO_s_mem()));
  require(sealed && PEM_write_bio_PKCS8(bio.get(), sealed.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

PublicKey PrivateKey::public_key() const {
  PublicKey key;
  size_t size = key.raw.size();
  require(EVP_PKEY_get_raw_public_key(secret_->key.get(), key.raw.data(), &size) == 1 &&
          size == key.raw.size());
  return key;
}

Signature PrivateKey::sign(std::string_view message) const {
  Signature signature;
  size_t size = signature.size();
  const DigestContext context(EVP_MD_CTX_new());
  require(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, secret_->key.get()) == 1);
  require(EVP_DigestSign(context.get(), signature.data(), &size,
                         reinterpret_cast<const uint8_t*>(message.data()), message.size()) == 1 &&
          size == signature.size());
  return signature;
}

}  // namespace pirn::signature
