// From uploaded bytes to a release and back: what is admitted, what is refused, and what a refusal leaves
// behind.
#include <gtest/gtest.h>

#include <fstream>

#include "packager/digest/digest.h"
#include "registry/registry.h"
#include "tests/registry/sample.h"

namespace pirn::registry {
namespace {

using Releases = RegistryTest;

TEST_F(Releases, APushedPackageIsReadBackAsItWasSigned) {
  const std::string bytes = archive_of({.workflows = {"load", "clean"}});
  const auto pushed = registry().push(as("acme", Role::publisher), "acme", bytes, kNow);
  ASSERT_TRUE(pushed) << describe(pushed.error());
  EXPECT_FALSE(pushed->already_there);
  const Digest digest = pushed->release->digest;
  for (int pass = 0; pass < 2; ++pass) {
    const auto release = registry().load_release("acme", digest);
    ASSERT_TRUE(release) << describe(release.error());
    EXPECT_EQ((*release)->tenant, "acme");
    EXPECT_EQ((*release)->package, "etl");
    EXPECT_EQ((*release)->version, "1.0.0");
    EXPECT_EQ((*release)->serial, 1'000'000'000'000);
    EXPECT_EQ((*release)->publisher, "tests");
    EXPECT_EQ((*release)->archive, sha256(bytes));
    EXPECT_EQ((*release)->pushed_by, "acme/key:k-publisher");
    ASSERT_EQ((*release)->signers.size(), 1u);
    EXPECT_EQ((*release)->signers[0].key, publisher_key().public_key().id());
    ASSERT_EQ((*release)->functions.size(), 1u);
    EXPECT_EQ((*release)->functions[0].id, "work");
    ASSERT_EQ((*release)->definition.workflows.size(), 2u);
    const definition::Workflow* load = (*release)->find("load");
    ASSERT_NE(load, nullptr);
    EXPECT_EQ((*release)->digest_of(*load), sha256(load->canonical));
    EXPECT_EQ(*registry().load_library(**release), good_library());
    reopen();
  }
}

TEST_F(Releases, OneReleaseIsOneObjectWhileItIsHeld) {
  const ReleasePtr pushed = push({})->release;
  EXPECT_EQ(*registry().load_release("acme", pushed->digest), pushed);
  ASSERT_TRUE(deploy("1.0.0"));
  EXPECT_EQ(registry().catalog()->active("acme", "etl")->release, pushed);
}

TEST_F(Releases, TheProbeHasTheLastWordOnAPush) {
  int probed = 0;
  Status answer = Error{Code::probe_crashed, "the library crashed"};
  options_.probe = [&](const Release& release, std::string_view library) -> Status {
    ++probed;
    EXPECT_EQ(release.tenant, "acme");
    EXPECT_EQ(release.package, "etl");
    EXPECT_EQ(library, good_library());
    const library::Claims claims = claims_of(release);
    EXPECT_EQ(claims.version, "1.0.0");
    EXPECT_EQ(claims.functions.size(), 1u);
    EXPECT_EQ(claims.workflows->size(), 1u);
    EXPECT_TRUE(registry().tenant("acme")) << "no lock is held";
    return answer;
  };
  reopen();
  expect_refused(Code::probe_crashed, [&] { return push({}); });
  EXPECT_EQ(probed, 1);
  answer = {};
  ASSERT_TRUE(push({}));
  EXPECT_EQ(probed, 2);
  answer = Error{Code::probe_crashed, "not asked"};
  EXPECT_TRUE(push({})->already_there);
  EXPECT_EQ(probed, 2) << "what is here was looked at";
}

// A slow library is its publisher's affair.
TEST_F(Releases, OtherPushesDoNotWaitForAProbe) {
  options_.probe = [&](const Release& release, std::string_view) -> Status {
    if (release.tenant == "acme") {
      EXPECT_TRUE(push({}, "globex"));
    }
    return {};
  };
  reopen();
  ASSERT_TRUE(push({}));
}

TEST_F(Releases, TheSamePackageAgainChangesNothing) {
  const auto first = push({});
  const auto before = left_behind();
  const auto again = push({});
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->already_there);
  EXPECT_EQ(again->release, first->release);
  // Also counter-signed, and after a newer version: it is known by what was signed.
  ASSERT_TRUE(
      registry().add_trust(kOperator, trust_in("acme", approver_key(), TrustRole::countersign), kNow));
  ASSERT_TRUE(push({.version = "2.0.0"}));
  const auto newer = left_behind();
  const auto countersigned = push({.keys = {&publisher_key(), &approver_key()}});
  ASSERT_TRUE(countersigned) << describe(countersigned.error());
  EXPECT_TRUE(countersigned->already_there);
  EXPECT_EQ(left_behind(), newer);
  EXPECT_NE(newer, before);
}

TEST_F(Releases, AVersionNeverChanges) {
  ASSERT_TRUE(push({}));
  expect_refused(Code::version_taken, [&] { return push({.description = "other bytes"}); });
  expect_refused(Code::version_taken,
                 [&] { return push({.serial = 2'000'000'000'000, .description = "other bytes"}); });
}

TEST_F(Releases, TheFloorOfTheSerialOnlyRises) {
  ASSERT_TRUE(push({.version = "2.0.0"}));
  expect_refused(Code::serial_too_low, [&] { return push({.version = "1.0.0"}); });
  expect_refused(Code::serial_too_low,
                 [&] { return push({.version = "2.0.1", .serial = 2'000'000'000'000}); });
  EXPECT_TRUE(
      push({.version = "1.0.1", .serial = 2'000'000'000'001}));  // a hot fix of an old line says so itself
  EXPECT_TRUE(push({.package = "other", .version = "1.0.0"}));
  EXPECT_TRUE(push({.version = "1.0.0"}, "globex"));  // the floor is the tenant's own
}

TEST_F(Releases, WhoeverIsNotTrustedIsRefused) {
  expect_refused(Code::signer_unknown, [&] { return push({.keys = {&stranger_key()}}); });
  expect_refused(Code::package_unsigned, [&] { return push({.keys = {}}); });
  NewTrust narrow = trust_in("acme", approver_key());
  narrow.pattern = "web-*";
  ASSERT_TRUE(registry().add_trust(kOperator, narrow, kNow));
  expect_refused(Code::signer_out_of_scope, [&] { return push({.keys = {&approver_key()}}); });
  EXPECT_TRUE(push({.package = "web-shop", .keys = {&approver_key()}}));
  ASSERT_TRUE(registry().revoke_trust(kOperator, "acme", publisher_key().public_key().id(),
                                      RevocationReason::retired, kNow));
  expect_refused(Code::signer_revoked, [&] { return push({}); });
  EXPECT_TRUE(push({}, "globex"));
}

TEST_F(Releases, ATenantCanRequireSeveralKeys) {
  ASSERT_TRUE(registry().create_tenant(kOperator, {"bank", Isolation::in_process, 2}, kNow));
  ASSERT_TRUE(registry().add_trust(kOperator, trust_in("bank", publisher_key()), kNow));
  ASSERT_TRUE(
      registry().add_trust(kOperator, trust_in("bank", approver_key(), TrustRole::countersign), kNow));
  expect_refused(Code::too_few_signatures, [&] { return push({}, "bank"); });
  const auto pushed = push({.keys = {&publisher_key(), &approver_key()}}, "bank");
  ASSERT_TRUE(pushed) << describe(pushed.error());
  EXPECT_EQ(pushed->release->signers.size(), 2u);
  // Losing either key leaves too few: the release is withdrawn.
  ASSERT_TRUE(registry().revoke_trust(kOperator, "bank", approver_key().public_key().id(),
                                      RevocationReason::compromised, kNow));
  EXPECT_EQ(registry().load_release("bank", pushed->release->digest).error().code, Code::release_withdrawn);
  EXPECT_TRUE(registry().read_release("bank", pushed->release->digest))
      << "it can still be shown, but not be loaded";
  EXPECT_EQ(registry().load_library(*pushed->release).error().code, Code::release_withdrawn);
}

TEST_F(Releases, EveryRoleButThosePermittedIsRefusedAndForeignTenantsAreMissing) {
  const std::string bytes = archive_of({});
  for (Role role : kRoles) {
    if (allows(role, Permission::push_release)) continue;
    expect_refused(Code::permission_denied,
                   [&] { return registry().push(as("acme", role), "acme", bytes, kNow); });
  }
  expect_refused(Code::not_found,
                 [&] { return registry().push(as("acme", Role::publisher), "globex", bytes, kNow); });
  expect_refused(Code::not_found, [&] { return registry().push(kOperator, "no-such", bytes, kNow); });
}

TEST_F(Releases, ASerialThatBlocksLaterVersionsIsToBeMeant) {
  const auto push_meant = [&](const Sample& sample, int64_t accepted) {
    return registry().push(as("acme", Role::publisher), "acme", archive_of(sample), kNow, accepted);
  };
  for (const int64_t serial : {INT64_MAX, INT64_MAX - 5, int64_t{2'000'000'000'000'000}}) {
    expect_refused(Code::serial_leap, [&] { return push({.serial = serial}); });
    expect_refused(Code::serial_leap, [&] { return push_meant({.serial = serial}, serial - 1); });
    expect_refused(Code::serial_leap, [&] { return push_meant({.serial = serial}, 1); });
  }
  ASSERT_TRUE(push({.serial = 1'000'500'000'000'000})) << "within the bound above what follows from 1.0.0";
  ASSERT_TRUE(push({.version = "1.0.1", .serial = 2'000'500'000'000'000}))
      << "within the bound above the highest";
  ASSERT_TRUE(push_meant({.version = "1.0.2", .serial = 5'000'000'000'000'000}, 5'000'000'000'000'000));
  ASSERT_TRUE(push({.version = "1.0.3", .serial = 5'000'000'000'000'001}));
  EXPECT_TRUE(push_meant({.version = "1.0.3", .serial = 5'000'000'000'000'001}, 0)->already_there);
}

TEST_F(Releases, DamagedBytesLeaveNothing) {
  const std::string good = archive_of({});
  std::string flipped = good;
  flipped[good.size() / 2] ^= 1;
  for (const std::string& bytes :
       {std::string(), std::string("not a package"), good.substr(0, good.size() / 2), flipped, good + "x"}) {
    const auto before = left_behind();
    const auto records = audit().size();
    const auto pushed = registry().push(as("acme", Role::publisher), "acme", bytes, kNow);
    ASSERT_FALSE(pushed);
    EXPECT_EQ(left_behind(), before);
    EXPECT_EQ(audit().size(), records + 1);
  }
  EXPECT_TRUE(blobs().empty());
}

TEST_F(Releases, ADefinitionThatUsesAMissingFunctionIsRefused) {
  expect_refused(Code::definition_invalid, [&] { return push({.task = "no-such-function"}); });
}

TEST_F(Releases, ALibraryThatMayNotBeLoadedIsRefusedBeforeAnybodyLoadsIt) {
  expect_refused(Code::library_malformed, [&] { return push({.library = "\177ELF and so on"}); });
  expect_refused(Code::library_misdescribed, [&] { return push({.needed = {"libm.so.6"}}); });
  std::string truncated = good_library();
  truncated.resize(truncated.size() / 2);
  expect_refused(Code::library_malformed, [&] { return push({.library = truncated}); });
}

TEST_F(Releases, QuotasHold) {
  options_.archive_limit = 64 << 20;
  options_.releases_per_tenant = 2;
  reopen();
  ASSERT_TRUE(push({.version = "1.0.0"}));
  ASSERT_TRUE(registry().admit_push(as("acme", Role::publisher), "acme", 1000, kNow));
  ASSERT_TRUE(push({.version = "1.0.1"}));
  expect_refused(Code::quota_exceeded, [&] { return push({.version = "1.0.2"}); });
  expect_refused(Code::quota_exceeded,
                 [&] { return registry().admit_push(as("acme", Role::publisher), "acme", 1000, kNow); });
  EXPECT_TRUE(push({.version = "1.0.0"}));            // there already
  EXPECT_TRUE(push({.version = "1.0.2"}, "globex"));  // a quota of its own
  expect_refused(Code::too_large, [&] {
    return registry().admit_push(as("globex", Role::publisher), "globex", (64 << 20) + 1, kNow);
  });
  expect_refused(Code::permission_denied,
                 [&] { return registry().admit_push(as("globex", Role::viewer), "globex", 1, kNow); });

  options_.releases_per_tenant = 100;
  options_.storage_per_tenant = 10;
  reopen();
  expect_refused(Code::quota_exceeded, [&] { return push({.version = "1.0.3"}); });
}

// The same package in two tenants shares its blobs and nothing else.
TEST_F(Releases, TenantsDoNotSeeEachOther) {
  const ReleasePtr mine = push({})->release;
  EXPECT_EQ(registry().load_release("globex", mine->digest).error().code, Code::not_found);
  EXPECT_EQ(describe(registry().load_release("globex", mine->digest).error()),
            "error PIRN0102 (not_found): there is no release " + mine->digest.hex() +
                "\n  hint: " + std::string(catalogue_entry(Code::not_found).fix));
  EXPECT_TRUE(registry().releases("globex")->empty());
  EXPECT_EQ(registry().releases("globex", "etl").error().code, Code::not_found);
  EXPECT_EQ(registry().plan({"globex", "etl", "1.0.0"}).error().code, Code::not_found);
  EXPECT_EQ(registry().history("globex", "etl").error().code, Code::not_found);

  const size_t blobs_of_one = blobs().size();
  const ReleasePtr theirs = push({}, "globex")->release;
  EXPECT_EQ(theirs->digest, mine->digest);
  EXPECT_NE(theirs, mine);
  EXPECT_EQ(blobs().size(), blobs_of_one);
  // What becomes of the one does not touch the other.
  ASSERT_TRUE(deploy("1.0.0", "globex"));
  ASSERT_TRUE(registry().revoke_trust(kOperator, "acme", publisher_key().public_key().id(),
                                      RevocationReason::compromised, kNow));
  EXPECT_FALSE(registry().load_release("acme", mine->digest));
  EXPECT_TRUE(registry().load_release("globex", theirs->digest));
  EXPECT_TRUE(registry().catalog()->resolve("globex", "load"));
}

TEST_F(Releases, TwoTenantsRunDifferentCodeUnderOneName) {
  ASSERT_TRUE(push({.timeout = "1s"}, "acme"));
  ASSERT_TRUE(push({.timeout = "2s"}, "globex"));
  ASSERT_TRUE(deploy("1.0.0", "acme"));
  ASSERT_TRUE(deploy("1.0.0", "globex"));
  const CatalogPtr catalog = registry().catalog();
  EXPECT_EQ(catalog->resolve("acme", "etl::load")->workflow->steps[0].timeout_ns, 1'000'000'000);
  EXPECT_EQ(catalog->resolve("globex", "etl::load")->workflow->steps[0].timeout_ns, 2'000'000'000);
}

TEST_F(Releases, RevocationBindsAsItsReasonSays) {
  const ReleasePtr release = push({})->release;
  ASSERT_TRUE(deploy("1.0.0"));
  const Digest key = publisher_key().public_key().id();
  // Retired or superseded: no new upload; what is there goes on.
  ASSERT_TRUE(registry().revoke_trust(kOperator, "acme", key, RevocationReason::superseded, kNow));
  EXPECT_TRUE(registry().load_release("acme", release->digest));
  EXPECT_TRUE(registry().load_library(*release));
  EXPECT_TRUE(registry().catalog()->resolve("acme", "load"));
  // Compromised: nothing starts, nothing is loaded, nothing is deployed; also after a restart.
  ASSERT_TRUE(registry().revoke_trust(kOperator, "acme", key, RevocationReason::compromised, kNow));
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_EQ(registry().load_release("acme", release->digest).error().code, Code::release_withdrawn);
    EXPECT_EQ(registry().load_library(*release).error().code, Code::release_withdrawn);
    EXPECT_EQ(registry().catalog()->resolve("acme", "load").error().code, Code::release_withdrawn);
    EXPECT_TRUE(registry().releases("acme", "etl")->front().withdrawn);
    reopen();
  }
  expect_refused(Code::release_withdrawn, [&] { return deploy("1.0.0"); });
}

TEST_F(Releases, ListsShowSerialSignersAndWhatIsActive) {
  ASSERT_TRUE(push({.version = "1.0.0"}));
  ASSERT_TRUE(push({.version = "1.1.0"}));
  ASSERT_TRUE(push({.package = "web", .workflows = {"page"}}));
  ASSERT_TRUE(deploy("1.0.0"));
  const auto rows = *registry().releases("acme");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].version, "1.1.0");
  EXPECT_FALSE(rows[0].active);
  EXPECT_EQ(rows[0].revision, 0u);
  EXPECT_EQ(rows[1].version, "1.0.0");
  EXPECT_TRUE(rows[1].active);
  EXPECT_EQ(rows[1].revision, 1u);
  EXPECT_EQ(rows[1].signers.size(), 1u);
  EXPECT_EQ(rows[2].package, "web");
  EXPECT_EQ(registry().releases("acme", "web")->size(), 1u);
  EXPECT_EQ(registry().releases("acme", "nothing").error().code, Code::not_found);
}

// --- a hostile or failing disk ---

TEST_F(Releases, ChangedBlobsAreNeverLoadedAndAPushRepairsThem) {
  const ReleasePtr release = push({})->release;
  const std::string path = scratch_ / "blobs/" + release->library.hex();
  std::string other = good_library();
  other.back() ^= 1;
  std::ofstream(path, std::ios::binary) << other;
  EXPECT_EQ(registry().load_library(*release).error().code, Code::blob_damaged);
  boost::filesystem::remove(path);
  EXPECT_EQ(registry().load_library(*release).error().code, Code::blob_damaged);
  ASSERT_TRUE(push({}));
  EXPECT_EQ(*registry().load_library(*release), good_library());
}

TEST_F(Releases, AChangedManifestOrDefinitionIsNoticed) {
  const Digest digest = push({})->release->digest;
  registry_.reset();
  tamper(
      "UPDATE releases SET manifest = CAST(replace(CAST(manifest AS TEXT), '\"tests\"', '\"other\"') AS "
      "BLOB)");
  reopen();
  EXPECT_EQ(registry().load_release("acme", digest).error().code, Code::blob_damaged);
}

TEST_F(Releases, AnotherDefinitionUnderTheRowIsNoticed) {
  const Digest digest = push({.version = "1.0.0"})->release->digest;
  ASSERT_TRUE(push({.version = "2.0.0", .timeout = "9s"}));
  registry_.reset();
  tamper(
      "UPDATE releases SET definition = (SELECT definition FROM releases WHERE version = '2.0.0') WHERE "
      "version = '1.0.0'");
  reopen();
  EXPECT_EQ(registry().load_release("acme", digest).error().code, Code::definition_mismatch);
}

TEST_F(Releases, ADiskThatTakesNoBlobAdmitsNothing) {
  boost::filesystem::remove_all(scratch_ / "blobs");
  const auto records = audit().size();
  const auto pushed = push({});
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, Code::io_failed);
  EXPECT_TRUE(registry().releases("acme")->empty());
  EXPECT_EQ(audit().size(), records + 1);
  boost::filesystem::create_directory(scratch_ / "blobs");
  EXPECT_TRUE(push({}));
}

// A crash between the blobs and the row: the next open removes what nothing refers to, and only that.
TEST_F(Releases, OpeningSweepsWhatACrashLeft) {
  ASSERT_TRUE(push({}));
  const auto kept = blobs();
  ASSERT_EQ(kept.size(), 3u);
  std::ofstream(scratch_ / "blobs/" + sha256("orphan").hex()) << "orphan";
  std::ofstream(scratch_ / "blobs/.unfinished-Zz9Zz9") << "half";
  reopen();
  EXPECT_EQ(blobs(), kept);
}

TEST_F(Releases, ADamagedPackageDoesNotKeepTheOthersFromBeingServed) {
  const ReleasePtr release = push({})->release;
  ASSERT_TRUE(push({.package = "web", .workflows = {"page"}}));
  ASSERT_TRUE(deploy("1.0.0"));
  ASSERT_TRUE(registry().deploy(kOperator, {"acme", "web"}, {}, kNow));
  registry_.reset();
  tamper("UPDATE releases SET manifest = x'00' WHERE package = 'web'");
  reopen();
  ASSERT_EQ(registry().catalog()->aside().size(), 1u);
  EXPECT_NE(registry().catalog()->aside()[0].message.find("acme::web"), std::string::npos);
  EXPECT_TRUE(registry().catalog()->is_aside("acme", "web"));
  EXPECT_TRUE(registry().catalog()->resolve("acme", "load"));
  EXPECT_EQ(registry().catalog()->resolve("acme", "page").error().code, Code::blob_damaged);
  EXPECT_EQ(registry().catalog()->resolve("acme", "web::page").error().code, Code::blob_damaged);
  EXPECT_EQ(registry().catalog()->resolve("other", "web::page").error().code, Code::not_found);
}

TEST_F(Releases, APackageThatWasSetAsideIsServedAgainWhenItIsDeployedOnceMore) {
  ASSERT_TRUE(push({.package = "web", .workflows = {"page"}}));
  ASSERT_TRUE(registry().deploy(kOperator, {"acme", "web"}, {}, kNow));
  registry_.reset();
  for (const std::string& blob : blobs()) std::ofstream(scratch_ / ("blobs/" + blob)) << "damaged";
  reopen();
  ASSERT_TRUE(registry().catalog()->is_aside("acme", "web"));
  ASSERT_TRUE(push({.package = "web", .workflows = {"page"}})) << "repairs the blobs";
  ASSERT_TRUE(registry().deploy(kOperator, {"acme", "web"}, {}, kNow));
  EXPECT_FALSE(registry().catalog()->is_aside("acme", "web"));
  EXPECT_TRUE(registry().catalog()->aside().empty());
  EXPECT_TRUE(registry().catalog()->resolve("acme", "page"));
}

}  // namespace
}  // namespace pirn::registry
