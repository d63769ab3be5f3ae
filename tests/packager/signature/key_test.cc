#include "packager/signature/key.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pirn::signature {
namespace {

PublicKey key_of_hex(std::string_view hex) {
  PublicKey key;
  key.raw = parse_digest(hex)->bytes;
  return key;
}

TEST(Key, SignsAndVerifies) {
  const auto key = PrivateKey::generate();
  ASSERT_TRUE(key);
  const Signature signature = key->sign("message");
  EXPECT_TRUE(verify(key->public_key(), "message", signature));
  EXPECT_FALSE(verify(key->public_key(), "massage", signature));
  EXPECT_FALSE(verify(PrivateKey::generate()->public_key(), "message", signature));
  Signature flipped = signature;
  flipped[63] ^= 0x20;
  EXPECT_FALSE(verify(key->public_key(), "message", flipped));
}

// RFC 8032, 7.1, test 2.
TEST(Key, AgreesWithTheStandard) {
  const PublicKey key = key_of_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  Signature signature;
  const Digest r = *parse_digest("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da");
  const Digest s = *parse_digest("085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  std::copy(r.bytes.begin(), r.bytes.end(), signature.begin());
  std::copy(s.bytes.begin(), s.bytes.end(), signature.begin() + 32);
  EXPECT_TRUE(check_public_key(key));
  EXPECT_TRUE(verify(key, "\x72", signature));
}

TEST(Key, TextRoundTrips) {
  for (int i = 0; i < 50; ++i) {
    const PublicKey key = PrivateKey::generate()->public_key();
    const auto read = parse_public_key(key.text() + "\n");
    ASSERT_TRUE(read) << describe(read.error());
    EXPECT_EQ(*read, key);
    EXPECT_EQ(read->id(), key.id());
  }
}

TEST(Key, IdsDifferFromDigestsOfTheRawKey) {
  const PublicKey key = PrivateKey::generate()->public_key();
  EXPECT_NE(key.id(), sha256({reinterpret_cast<const char*>(key.raw.data()), key.raw.size()}));
}

TEST(Key, TextWithAnotherFormIsRefused) {
  const std::string text = PrivateKey::generate()->public_key().text();
  for (const std::string& wrong : {text.substr(5), text + "=", text.substr(0, text.size() - 1),
                                   std::string("ssh-ed25519 AAAA"), std::string()}) {
    const auto read = parse_public_key(wrong);
    ASSERT_FALSE(read) << wrong;
    EXPECT_EQ(read.error().code, Code::key_unreadable);
  }
}

TEST(Key, SmallOrderIsRefused) {
  for (const char* y : {"0000000000000000000000000000000000000000000000000000000000000000",
                        "0100000000000000000000000000000000000000000000000000000000000000",
                        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"})
    for (const uint8_t sign : {0x00, 0x80}) {
      PublicKey key = key_of_hex(y);
      key.raw[31] |= sign;
      const Status checked = check_public_key(key);
      ASSERT_FALSE(checked) << y;
      EXPECT_EQ(checked.error().code, Code::key_weak) << y;
      EXPECT_EQ(parse_public_key(key.text()).error().code, Code::key_weak);
    }
}

// Why small order matters: under the identity as key, (R = identity, s = 0) fits every message.
TEST(Key, OpenSslAloneWouldAcceptTheIdentity) {
  const PublicKey identity = key_of_hex("0100000000000000000000000000000000000000000000000000000000000000");
  Signature signature{};
  signature[0] = 1;
  EXPECT_TRUE(verify(identity, "anything", signature));
  EXPECT_TRUE(verify(identity, "anything else", signature));
}

TEST(Key, SecondSpellingsAreRefused) {
  for (const char* y : {"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // p, that is 0
                        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // p + 1
                        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // p + 3
                        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"}) {
    const Status checked = check_public_key(key_of_hex(y));
    ASSERT_FALSE(checked) << y;
    EXPECT_EQ(checked.error().code, Code::key_not_canonical) << y;
  }
}

TEST(Key, WhatIsNoPointIsRefused) {
  // y = 2 is on no point of the curve; y = 3 is.
  EXPECT_EQ(check_public_key(key_of_hex("0200000000000000000000000000000000000000000000000000000000000000"))
                .error()
                .code,
            Code::key_not_canonical);
  EXPECT_TRUE(
      check_public_key(key_of_hex("0300000000000000000000000000000000000000000000000000000000000000")));
}

TEST(PrivateKey, PemNeedsItsPassphrase) {
  const auto key = PrivateKey::generate();
  const auto pem = key->to_pem("correct horse");
  ASSERT_TRUE(pem);
  EXPECT_TRUE(pem->starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
  const auto opened = PrivateKey::from_pem(*pem, "correct horse");
  ASSERT_TRUE(opened) << describe(opened.error());
  EXPECT_EQ(opened->public_key(), key->public_key());
  EXPECT_EQ(PrivateKey::from_pem(*pem, "wrong horse").error().code, Code::passphrase_wrong);
  EXPECT_EQ(PrivateKey::from_pem(*pem, "").error().code, Code::passphrase_wrong);
}

TEST(PrivateKey, ShortPassphrasesAreRefused) {
  EXPECT_EQ(PrivateKey::generate()->to_pem("1234567").error().code, Code::passphrase_missing);
}

TEST(PrivateKey, OtherKeysAreRefused) {
  EXPECT_EQ(PrivateKey::from_pem("", "x").error().code, Code::key_unreadable);
  // Unencrypted PKCS#8 Ed25519 (RFC 8410, 10.3).
  EXPECT_EQ(PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\n"
                                 "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
                                 "-----END PRIVATE KEY-----\n",
                                 "x")
                .error()
                .code,
            Code::key_unreadable);
}

}  // namespace
}  // namespace pirn::signature
