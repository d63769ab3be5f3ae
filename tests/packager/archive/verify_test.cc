#include "packager/archive/verify.h"

#include <gtest/gtest.h>

#include <boost/json/value.hpp>

#include "packager/archive/ustar.h"
#include "packager/json/json.h"
#include "tests/packager/archive/sample.h"

namespace pirn::archive {
namespace {

using Keys = std::vector<const signature::PrivateKey*>;

template <class Change>
Manifest manifest_with(Change change) {
  Manifest manifest = sample_manifest();
  change(manifest);
  return manifest;
}

TEST(Verify, AGoodPackageYieldsItsContent) {
  const auto package = verify_bytes(sample_package());
  ASSERT_TRUE(package) << describe(package.error());
  EXPECT_EQ(package->manifest, sample_manifest());
  EXPECT_EQ(package->package_id, package_id(package->manifest_text));
  ASSERT_EQ(package->signers.size(), 1u);
  EXPECT_EQ(package->signers[0].key, publisher_key().public_key().id());
  EXPECT_EQ(package->library("linux-x86_64"), "\177ELF and so on");
  EXPECT_EQ(package->library("linux-aarch64"), "");
  EXPECT_EQ(package->payload.bytes("definitions/greet.json"), sample_files()[0].bytes);
  EXPECT_EQ(package->payload.bytes("absent"), "");
}

TEST(Verify, DefinitionsMakeOneCanonicalDocument) {
  const std::string document = verify_bytes(sample_package())->definition_document();
  EXPECT_TRUE(parse_canonical(document, "definition"));
  EXPECT_NE(document.find(R"("workflows":[{"name":"greet","steps":[{"name":"hello"}]}])"), std::string::npos);
  EXPECT_NE(document.find(R"("name":"hello","version":"1.2.3")"), std::string::npos);
}

// --- which keys count

TEST(Verify, NobodyIsTrustedByDefault) { EXPECT_EQ(outcome(sample_package(), {}), "signer_unknown"); }

TEST(Verify, UnsignedIsRefused) {
  EXPECT_EQ(outcome(sample_package(sample_manifest(), {})), "package_unsigned");
}

TEST(Verify, StrangersAreRefusedBeforeThePayloadIsRead) {
  const std::string package = sample_package(sample_manifest(), {&stranger_key()});
  MemorySource source(package);
  const auto verified = verify(source, {trust(publisher_key())}, sample_policy());
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().code, Code::signer_unknown);
  const uint64_t payload = sample_manifest().payload.size;
  EXPECT_EQ(source.unread(), payload + padding_of(payload) + kTarEnd);
}

TEST(Verify, TheManifestIsNotParsedForStrangers) {
  const std::string nonsense = package_of_text("this is no manifest", "payload", {&stranger_key()});
  EXPECT_EQ(outcome(nonsense), "signer_unknown");
  EXPECT_EQ(outcome(nonsense, {trust(stranger_key())}), "malformed_json");
}

TEST(Verify, ASignatureByAnotherKeyUnderATrustedIdIsRefused) {
  const std::string text = print(sample_manifest());
  const std::string forged =
      *write_package(text, {{publisher_key().public_key().id(), stranger_key().sign(signed_message(text))}},
                     pack_payload(sample_files())->compressed);
  EXPECT_EQ(outcome(forged), "signature_invalid");
}

TEST(Verify, ASignatureOfTheBareManifestIsRefused) {
  const std::string text = print(sample_manifest());
  const std::string bare =
      *write_package(text, {{publisher_key().public_key().id(), publisher_key().sign(text)}},
                     pack_payload(sample_files())->compressed);
  EXPECT_EQ(outcome(bare), "signature_invalid");
}

TEST(Verify, OneBadSignatureOfAKnownKeyRefusesAll) {
  const std::string text = print(sample_manifest());
  const std::string mixed =
      *write_package(text,
                     {{publisher_key().public_key().id(), publisher_key().sign(signed_message(text))},
                      {approver_key().public_key().id(), approver_key().sign("something else")}},
                     pack_payload(sample_files())->compressed);
  EXPECT_EQ(outcome(mixed, {trust(publisher_key()), trust(approver_key())}), "signature_invalid");
  EXPECT_EQ(outcome(mixed), "ok");  // a key that is not known here proves nothing either way
}

TEST(Verify, AnotherManifestUnderTheSignatureIsRefused) {
  Manifest changed = sample_manifest();
  changed.serial += 1;
  const std::string text = print(sample_manifest());
  EXPECT_EQ(
      outcome(*write_package(
          print(changed), {{publisher_key().public_key().id(), publisher_key().sign(signed_message(text))}},
          pack_payload(sample_files())->compressed)),
      "signature_invalid");
}

TEST(Verify, ValidityAndRevocation) {
  TrustedKey row = trust(publisher_key());
  row.valid_from_unix_s = kNow;
  row.valid_until_unix_s = kNow + 1;
  EXPECT_EQ(outcome(sample_package(), {row}), "ok");
  row.valid_from_unix_s = kNow + 1;
  EXPECT_EQ(outcome(sample_package(), {row}), "signer_expired");
  row.valid_from_unix_s = 0;
  row.valid_until_unix_s = kNow;
  EXPECT_EQ(outcome(sample_package(), {row}), "signer_expired");
  for (const Revocation revocation : {Revocation::superseded, Revocation::compromised}) {
    row = trust(publisher_key());
    row.revocation = revocation;
    EXPECT_EQ(outcome(sample_package(), {row}), "signer_revoked");
  }
}

TEST(Verify, WeakKeysNeverCount) {
  signature::PublicKey identity;
  identity.raw[0] = 1;
  signature::Signature fits_all{};
  fits_all[0] = 1;
  TrustedKey row = trust(publisher_key());
  row.key = identity;
  const std::string text = print(sample_manifest());
  EXPECT_EQ(
      outcome(*write_package(text, {{identity.id(), fits_all}}, pack_payload(sample_files())->compressed),
              {row}),
      "signer_unknown");
}

TEST(Verify, ScopeOfAKey) {
  TrustedKey row = trust(publisher_key());
  for (const char* pattern : {"hello", "*", "he*", "*o", "h*l*o", "**"}) {
    row.package_pattern = pattern;
    EXPECT_EQ(outcome(sample_package(), {row}), "ok") << pattern;
  }
  for (const char* pattern : {"", "hell", "hello2", "*x", "Hello", "h?llo"}) {
    row.package_pattern = pattern;
    EXPECT_EQ(outcome(sample_package(), {row}), "signer_out_of_scope") << pattern;
  }
  row = trust(publisher_key());
  row.publisher = "somebody-else";
  EXPECT_EQ(outcome(sample_package(), {row}), "signer_out_of_scope");
  // Whoever mistyped the publisher sees what is trusted instead.
  const std::string package = sample_package();
  MemorySource source(package);
  const auto refused = verify(source, {row}, sample_policy());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().hint.find("publisher 'somebody-else'"), std::string::npos)
      << refused.error().hint;
  EXPECT_NE(refused.error().hint.find("--publisher " + sample_manifest().publisher), std::string::npos);
}

TEST(Verify, ThresholdCountsDistinctKeys) {
  Policy policy = sample_policy();
  policy.signatures_required = 2;
  const std::string one = sample_package();
  const std::string two = sample_package(sample_manifest(), {&publisher_key(), &approver_key()});
  const TrustedKey publisher = trust(publisher_key()), approver = trust(approver_key(), Role::countersign);
  EXPECT_EQ(outcome(two, {publisher, approver}, policy), "ok");
  EXPECT_EQ(outcome(one, {publisher, approver}, policy), "too_few_signatures");
  EXPECT_EQ(outcome(one, {publisher, publisher, trust(publisher_key(), Role::countersign)}, policy),
            "too_few_signatures");  // one key in three rows
  EXPECT_EQ(outcome(two, {publisher}, policy), "too_few_signatures");
  EXPECT_EQ(outcome(two, {approver}), "signer_out_of_scope");  // approval alone is no signature
}

TEST(Verify, OneKeyListedTwiceIsRefused) {
  const std::string text = print(sample_manifest());
  const SignatureRecord record{publisher_key().public_key().id(), publisher_key().sign(signed_message(text))};
  EXPECT_EQ(outcome(*write_package(text, {record, record}, pack_payload(sample_files())->compressed)),
            "signatures_malformed");
}

TEST(Verify, AStrippedSignatureIsMissed) {
  const Manifest manifest = manifest_with([](Manifest& m) {
    m.signers = {publisher_key().public_key().id(), approver_key().public_key().id()};
    std::sort(m.signers.begin(), m.signers.end());
  });
  const TrustedKey publisher = trust(publisher_key()), approver = trust(approver_key(), Role::countersign);
  EXPECT_EQ(outcome(sample_package(manifest, {&publisher_key(), &approver_key()}), {publisher, approver}),
            "ok");
  EXPECT_EQ(outcome(sample_package(manifest, {&publisher_key()}), {publisher, approver}), "signer_missing");
}

// --- policy

TEST(Verify, Audience) {
  const std::string both = sample_package(manifest_with([](Manifest& m) { m.audience = {"alpha", "beta"}; }));
  const std::string beta = sample_package(manifest_with([](Manifest& m) { m.audience = {"beta"}; }));
  EXPECT_EQ(outcome(both), "ok");
  EXPECT_EQ(outcome(beta), "audience_mismatch");
  Policy nobody = sample_policy();
  nobody.tenant.clear();
  EXPECT_EQ(outcome(beta, {trust(publisher_key())}, nobody), "audience_mismatch");
}

TEST(Verify, Expiry) {
  EXPECT_EQ(outcome(sample_package(manifest_with([](Manifest& m) { m.not_after_unix_s = kNow; }))), "ok");
  EXPECT_EQ(outcome(sample_package(manifest_with([](Manifest& m) { m.not_after_unix_s = kNow - 1; }))),
            "package_expired");
}

TEST(Verify, Abi) {
  EXPECT_EQ(outcome(sample_package(manifest_with([](Manifest& m) { m.abi.major = 2; }))), "abi_unsupported");
  EXPECT_EQ(outcome(sample_package(manifest_with([](Manifest& m) { m.abi.minimum = 1; }))),
            "abi_unsupported");
  EXPECT_EQ(outcome(sample_package(manifest_with([](Manifest& m) { m.abi.built_for = 7; }))), "ok");
}

TEST(Verify, Platform) {
  Policy policy = sample_policy();
  policy.platform = "linux-aarch64";
  EXPECT_EQ(outcome(sample_package(), {trust(publisher_key())}, policy), "platform_missing");
}

TEST(Verify, SerialFloor) {
  Policy policy = sample_policy();
  int64_t floor = 1'000'002'000'003;
  policy.serial_floor = [&](std::string_view package, const Digest& id) {
    EXPECT_EQ(package, "hello");
    EXPECT_EQ(id, package_id(print(sample_manifest())));
    return floor;
  };
  EXPECT_EQ(outcome(sample_package(), {trust(publisher_key())}, policy), "ok");
  floor += 1;
  EXPECT_EQ(outcome(sample_package(), {trust(publisher_key())}, policy), "serial_too_low");
}

TEST(Verify, SignedNonsenseIsStillRefused) {
  const std::string payload = pack_payload(sample_files())->compressed;
  const std::string good = print(sample_manifest());
  EXPECT_EQ(outcome(package_of_text(good + " ", payload)), "json_not_canonical");
  EXPECT_EQ(outcome(package_of_text("{}", payload)), "manifest_invalid");
  EXPECT_EQ(outcome(package_of_text(good.substr(0, good.size() - 1) + ",\"zzz\":1}", payload)),
            "manifest_invalid");
}

// --- the outer archive

TEST(Verify, LengthsAreChecked) {
  EXPECT_EQ(outcome(any_header("manifest.json", kMaxManifest + 1, '0')), "package_too_large");
  EXPECT_EQ(outcome(any_header("manifest.json", 8'000'000'000, '0')), "package_too_large");
  const std::string package = sample_package();
  const size_t signatures =
      kBlock + print(sample_manifest()).size() + padding_of(print(sample_manifest()).size());
  EXPECT_EQ(outcome(package.substr(0, signatures) + any_header("signatures", 17 * 104, '0')),
            "package_too_large");
  EXPECT_EQ(outcome(package.substr(0, signatures) + any_header("signatures", 103, '0') +
                    std::string(103, 'x') + std::string(409, '\0')),
            "signatures_malformed");
  EXPECT_EQ(
      outcome(package.substr(0, signatures + 1024) + any_header("payload.tar.zst", kMaxPackage + 1, '0')),
      "package_too_large");
}

TEST(Verify, APayloadOfAnotherLengthIsNotRead) {
  const std::string text = print(sample_manifest());
  const std::string payload = pack_payload(sample_files())->compressed;
  EXPECT_EQ(outcome(package_of_text(text, payload + "x")), "payload_digest_mismatch");
  std::string flipped = payload;
  flipped.back() ^= 1;
  EXPECT_EQ(outcome(package_of_text(text, flipped)), "payload_digest_mismatch");
}

TEST(Verify, OtherFilesAreRefused) {
  EXPECT_EQ(outcome(""), "package_truncated");
  EXPECT_EQ(outcome("{\"name\": \"Ada\"}\n"), "package_member_unexpected");  // short, and no package
  EXPECT_EQ(outcome(std::string(512, '\0')), "package_member_unexpected");
  EXPECT_EQ(outcome("PK\3\4" + std::string(600, 'x')), "package_member_unexpected");
  EXPECT_EQ(outcome(tar_of(sample_files())), "package_member_unexpected");
  EXPECT_EQ(outcome(any_header("manifest.json", 0, '2', "/etc/passwd")), "package_member_unexpected");
}

TEST(Verify, NothingMayFollow) {
  const std::string package = sample_package();
  EXPECT_EQ(outcome(package + package), "package_trailing_bytes");
  EXPECT_EQ(outcome(package + std::string(1, '\0')), "package_trailing_bytes");
  EXPECT_EQ(outcome(package + std::string(10240, '\0')), "package_trailing_bytes");
  EXPECT_EQ(outcome(package.substr(0, package.size() - kTarEnd) + any_header("evil", 0, '0') +
                    std::string(kTarEnd, '\0')),
            "package_trailing_bytes");
}

}  // namespace
}  // namespace pirn::archive
