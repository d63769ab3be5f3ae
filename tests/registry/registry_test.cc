// Tenants, API keys, trust and the audit of all of it.
#include "registry/registry.h"
#include "registry/token.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/registry/sample.h"

namespace pirn::registry {
namespace {

using Tenants = RegistryTest;

TEST_F(Tenants, AreMadeByTheOperatorAndRecordedWithWhoAndWhen) {
  const auto made = registry().create_tenant(kOperator, {"initech", Isolation::in_process, 2}, kNow + 5);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->created_by, "operator");
  EXPECT_EQ(made->created_at_ms, kNow + 5);
  reopen();
  const auto read = registry().tenant("initech");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->isolation, Isolation::in_process);
  EXPECT_EQ(read->signatures_required, 2u);
  EXPECT_EQ(registry().tenants()->size(), 3u);
  EXPECT_EQ((NewTenant{"x"}).isolation, Isolation::worker);
  const auto record = audit().back();
  EXPECT_EQ(record.action, "tenant.create");
  EXPECT_EQ(record.object, "tenant/initech");
  EXPECT_EQ(record.detail, "isolation in-process");
}

TEST_F(Tenants, NamesFollowTheRule) {
  for (const char* bad : {"", "A", "-a", "_a", "a b", "a/b", "a::b", "ü", "..",
                          "a123456789a123456789a123456789a123456789a123456789a123456789abcd"})
    expect_refused(Code::bad_name, [&] { return registry().create_tenant(kOperator, {bad}, kNow); });
  for (const char* good :
       {"a", "0", "a-b_c", "a123456789a123456789a123456789a123456789a123456789a123456789abc"})
    EXPECT_TRUE(registry().create_tenant(kOperator, {good}, kNow)) << good;
}

TEST_F(Tenants, OnlyTheOperatorMakesThemAndANameIsTakenOnce) {
  expect_refused(Code::tenant_exists, [&] { return registry().create_tenant(kOperator, {"acme"}, kNow); });
  for (Role role : kRoles)
    if (role != Role::host_operator)
      expect_refused(Code::permission_denied,
                     [&] { return registry().create_tenant(as("acme", role), {"new"}, kNow); });
  expect_refused(Code::invalid_argument, [&] {
    return registry().create_tenant(kOperator, {"new", Isolation::worker, 0}, kNow);
  });
}

TEST_F(Tenants, HaveAShareOfTheSlotsThatTheOperatorSets) {
  EXPECT_EQ(registry().tenant("acme")->slots, SlotTerms());
  EXPECT_EQ(registry().catalog()->slot_terms("acme"), SlotTerms());
  ASSERT_TRUE(registry().create_tenant(kOperator, {"initech", Isolation::worker, 1, {7, 30}}, kNow));
  EXPECT_EQ(audit().back().detail, "isolation worker, weight 7, max running steps 30");
  EXPECT_EQ(registry().catalog()->slot_terms("initech"), (SlotTerms{7, 30}));

  const auto before = registry().catalog();
  ASSERT_TRUE(registry().edit_tenant(kOperator, {"acme", {}, {}, 4, {}}, kNow));
  EXPECT_EQ(audit().back().detail, "weight 4");
  ASSERT_TRUE(registry().edit_tenant(kOperator, {"acme", {}, {}, {}, 50}, kNow));
  EXPECT_EQ(audit().back().detail, "max running steps 50");
  EXPECT_EQ(registry().catalog()->slot_terms("acme"), (SlotTerms{4, 50})) << "at once";
  EXPECT_EQ(before->slot_terms("acme"), SlotTerms()) << "whoever holds a snapshot keeps it";

  reopen();
  EXPECT_EQ(registry().tenant("acme")->slots, (SlotTerms{4, 50}));
  EXPECT_EQ(registry().catalog()->slot_terms("acme"), (SlotTerms{4, 50}));
  ASSERT_TRUE(registry().edit_tenant(kOperator, {"acme", {}, {}, 1, 0}, kNow));
  EXPECT_EQ(audit().back().detail, "weight 1, max running steps none");
  EXPECT_EQ(registry().catalog()->slot_terms("acme"), SlotTerms());

  for (const SlotTerms& bad : {SlotTerms{0, 0}, SlotTerms{1'001, 0}, SlotTerms{1, 1'000'001}}) {
    expect_refused(Code::invalid_argument, [&] {
      return registry().create_tenant(kOperator, {"new", Isolation::worker, 1, bad}, kNow);
    });
    expect_refused(Code::invalid_argument, [&] {
      return registry().edit_tenant(kOperator, {"acme", {}, {}, bad.weight, bad.max_running_steps}, kNow);
    });
  }
  for (Role role : kRoles)
    if (role != Role::host_operator)
      expect_refused(Code::permission_denied, [&] {
        return registry().edit_tenant(as("acme", role), {"acme", {}, {}, 1'000, {}}, kNow);
      });
  EXPECT_EQ(registry().catalog()->slot_terms("acme"), SlotTerms());
}

TEST_F(Tenants, AreChangedByTheOperator) {
  ASSERT_TRUE(registry().create_tenant(kOperator, {"initech"}, kNow));
  const auto trusted = registry().edit_tenant(kOperator, {"initech", Isolation::in_process, {}}, kNow);
  ASSERT_TRUE(trusted) << describe(trusted.error());
  EXPECT_EQ(trusted->isolation, Isolation::in_process);
  EXPECT_EQ(trusted->signatures_required, 1u);
  EXPECT_EQ(audit().back().action, "tenant.set");
  EXPECT_EQ(audit().back().detail, "isolation in-process");
  ASSERT_TRUE(registry().edit_tenant(kOperator, {"initech", {}, 3}, kNow));
  reopen();
  EXPECT_EQ(registry().tenant("initech")->isolation, Isolation::in_process);
  EXPECT_EQ(registry().tenant("initech")->signatures_required, 3u);
  EXPECT_EQ(registry().tenant("acme")->signatures_required, 1u);
  EXPECT_TRUE(registry().edit_tenant(kOperator, {"initech", Isolation::worker, {}}, kNow))
      << "nothing was deployed yet";

  expect_refused(Code::not_found, [&] { return registry().edit_tenant(kOperator, {"nobody", {}, 2}, kNow); });
  expect_refused(Code::invalid_argument, [&] {
    return registry().edit_tenant(kOperator, {"initech", {}, 17}, kNow);
  });
  expect_refused(Code::invalid_argument, [&] {
    return registry().edit_tenant(kOperator, {"initech", {}, {}}, kNow);
  });
  for (Role role : kRoles)
    if (role != Role::host_operator)
      expect_refused(Code::permission_denied, [&] {
        return registry().edit_tenant(as("acme", role), {"acme", {}, 2}, kNow);
      });
}

using Keys = RegistryTest;

TEST_F(Keys, AuthenticateAsTheirTenantAndRoleAcrossARestart) {
  const auto issued = registry().create_key(kOperator, {"acme", Role::deployer, "ci"}, kNow);
  ASSERT_TRUE(issued);
  for (int pass = 0; pass < 2; ++pass) {
    const auto principal = registry().authenticate(issued->token, kNow);
    ASSERT_TRUE(principal);
    EXPECT_EQ(principal->tenant, "acme");
    EXPECT_EQ(principal->role, Role::deployer);
    EXPECT_EQ(principal->key_id, issued->key.id);
    reopen();
  }
}

TEST_F(Keys, TheSecretIsNowhereOnDisk) {
  const auto issued = registry().create_key(kOperator, {"acme", Role::viewer}, kNow);
  const std::string secret = issued->token.substr(issued->token.size() - 9 - 64, 64);
  registry_.reset();
  for (const auto& entry : boost::filesystem::directory_iterator(scratch_.path())) {
    if (boost::filesystem::is_directory(entry)) continue;
    std::ifstream file(entry.path().string(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    EXPECT_EQ(bytes.find(secret), std::string::npos) << entry.path();
  }
}

TEST_F(Keys, AWrongSecretAndAnUnknownKeyGetTheSameAnswer) {
  const auto issued = registry().create_key(kOperator, {"acme", Role::viewer}, kNow);
  Token wrong = *parse_token(issued->token);
  wrong.secret = mint_token()->secret;
  const auto a = registry().authenticate(wrong.text(), kNow);
  const auto b = registry().authenticate(mint_token()->text(), kNow);
  ASSERT_FALSE(a);
  ASSERT_FALSE(b);
  EXPECT_EQ(a.error().code, Code::unauthenticated);
  EXPECT_EQ(describe(a.error()), describe(b.error()));
  EXPECT_EQ(registry().authenticate("", kNow).error().code, Code::unauthenticated);
}

TEST_F(Keys, ExpireAtTheirInstant) {
  const auto issued = registry().create_key(kOperator, {"acme", Role::viewer, "", kNow + 1000}, kNow);
  EXPECT_TRUE(registry().authenticate(issued->token, kNow + 999));
  EXPECT_EQ(registry().authenticate(issued->token, kNow + 1000).error().code, Code::key_expired);
  expect_refused(Code::invalid_argument, [&] {
    return registry().create_key(kOperator, {"acme", Role::viewer, "", kNow}, kNow);
  });
}

TEST_F(Keys, RevokedOnesStopAtOnceAndForGood) {
  const auto issued = registry().create_key(kOperator, {"acme", Role::viewer}, kNow);
  const auto revoked =
      registry().revoke_key(as("acme", Role::tenant_admin), "acme", issued->key.id, kNow + 1);
  ASSERT_TRUE(revoked);
  EXPECT_EQ(revoked->revoked_at_ms, kNow + 1);
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_EQ(registry().authenticate(issued->token, kNow + 2).error().code, Code::key_revoked);
    EXPECT_EQ(registry().keys("acme")->front().revoked_by, "acme/key:k-tenant-admin");
    reopen();
  }
  EXPECT_EQ(registry().revoke_key(kOperator, "acme", issued->key.id, kNow + 9)->revoked_at_ms, kNow + 1);
}

TEST_F(Keys, NobodyGrantsMoreThanHeHolds) {
  for (Role holder : kRoles)
    for (Role granted : kRoles) {
      const Principal who = holder == Role::host_operator ? kOperator : as("acme", holder);
      const std::string tenant = granted == Role::host_operator ? "" : "acme";
      const auto made = registry().create_key(who, {tenant, granted}, kNow);
      const bool expected =
          holder == Role::host_operator || (holder == Role::tenant_admin && granted != Role::host_operator);
      EXPECT_EQ(static_cast<bool>(made), expected) << name(holder) << " grants " << name(granted);
    }
  expect_refused(Code::invalid_argument, [&] {
    return registry().create_key(kOperator, {"acme", Role::host_operator}, kNow);
  });
  expect_refused(Code::invalid_argument, [&] {
    return registry().create_key(kOperator, {"", Role::viewer}, kNow);
  });
  expect_refused(Code::not_found, [&] {
    return registry().create_key(kOperator, {"no-such", Role::viewer}, kNow);
  });
}

TEST_F(Keys, ForeignOnesAreAsIfMissing) {
  const auto issued = registry().create_key(kOperator, {"globex", Role::viewer}, kNow);
  const Principal admin = as("acme", Role::tenant_admin);
  expect_refused(Code::not_found,
                 [&] { return registry().revoke_key(admin, "globex", issued->key.id, kNow); });
  const auto foreign = registry().revoke_key(admin, "acme", issued->key.id, kNow);
  EXPECT_EQ(foreign.error().code, Code::not_found);
  EXPECT_EQ(foreign.error().message, "there is no key '" + issued->key.id + "'");
  EXPECT_TRUE(registry().keys("acme")->empty());
  EXPECT_TRUE(registry().authenticate(issued->token, kNow));
}

TEST_F(Keys, ALostOrForeignPepperIsNoticedAtOpen) {
  ASSERT_TRUE(registry().create_key(kOperator, {"acme", Role::viewer}, kNow));
  registry_.reset();
  std::ofstream(scratch_ / "registry.pepper") << std::string(64, 'a') << "\n";
  EXPECT_EQ(Registry::open(options_).error().code, Code::pepper_lost);
  boost::filesystem::remove(scratch_ / "registry.pepper");
  EXPECT_EQ(Registry::open(options_).error().code, Code::pepper_lost);
  EXPECT_FALSE(boost::filesystem::exists(scratch_ / "registry.pepper"));
}

TEST_F(Keys, APepperThatOthersCanReachIsRefused) {
  const std::string pepper = scratch_ / "registry.pepper", aside = scratch_ / "aside";
  registry_.reset();
  const auto refused = [&] {
    const auto opened = Registry::open(options_);
    return !opened && opened.error().code == Code::data_directory_unsafe;
  };
  for (const mode_t mode : {0640, 0604, 0620, 0602}) {
    ASSERT_EQ(chmod(pepper.c_str(), mode), 0);
    EXPECT_TRUE(refused()) << std::oct << mode;
  }
  ASSERT_EQ(chmod(pepper.c_str(), 0600), 0);
  boost::filesystem::create_hard_link(pepper, aside);
  EXPECT_TRUE(refused()) << "a second name";
  boost::filesystem::remove(pepper);
  boost::filesystem::create_symlink(aside, pepper);
  EXPECT_EQ(Registry::open(options_).error().code, Code::io_failed) << "a link is not followed";
  boost::filesystem::rename(aside, pepper);
  EXPECT_TRUE(Registry::open(options_));
}

using Trust = RegistryTest;

TEST_F(Trust, RowsSayWhoTrustsWhomForWhatAndSince) {
  NewTrust wanted = trust_in("acme", approver_key(), TrustRole::countersign);
  wanted.pattern = "etl-*";
  wanted.valid_until_ms = kNow + 10;
  const auto row = registry().add_trust(as("acme", Role::tenant_admin), wanted, kNow);
  ASSERT_TRUE(row);
  reopen();
  const auto rows = registry().trust("acme");
  ASSERT_EQ(rows->size(), 2u);
  const TrustRow& read = rows->back();
  EXPECT_EQ(read.key_id, approver_key().public_key().id());
  EXPECT_EQ(read.public_key, approver_key().public_key());
  EXPECT_EQ(read.pattern, "etl-*");
  EXPECT_EQ(read.role, TrustRole::countersign);
  EXPECT_EQ(read.added_by, "acme/key:k-tenant-admin");
  EXPECT_TRUE(read.active(kNow + 9));
  EXPECT_FALSE(read.active(kNow + 10));
  EXPECT_EQ(registry().trust("globex")->size(), 1u);
}

TEST_F(Trust, RefusesWeakAndMisspeltKeysAndNonsense) {
  NewTrust wanted = trust_in("acme", approver_key());
  wanted.public_key.raw = {1};  // the neutral element: every signature fits
  expect_refused(Code::key_weak, [&] { return registry().add_trust(kOperator, wanted, kNow); });
  wanted.public_key.raw.fill(0xff);  // y is not reduced: another spelling of another key
  expect_refused(Code::key_not_canonical, [&] { return registry().add_trust(kOperator, wanted, kNow); });
  wanted = trust_in("acme", approver_key());
  for (const char* pattern : {"", "ETL", "etl/*", "a b"}) {
    wanted.pattern = pattern;
    expect_refused(Code::invalid_argument, [&] { return registry().add_trust(kOperator, wanted, kNow); });
  }
  wanted = trust_in("acme", approver_key());
  wanted.valid_from_ms = 5, wanted.valid_until_ms = 5;
  expect_refused(Code::invalid_argument, [&] { return registry().add_trust(kOperator, wanted, kNow); });
}

TEST_F(Trust, APublisherIsANameAndAnEmptyOneIsNobodys) {
  NewTrust wanted = trust_in("acme", approver_key());
  for (const char* publisher : {"", " ", "*", "A", "a b", "a\n", "\x1b[0m"}) {
    wanted.publisher = publisher;
    expect_refused(Code::bad_name, [&] { return registry().add_trust(kOperator, wanted, kNow); });
  }
}

TEST_F(Trust, RowsAreNumberedForEachTenant) {
  ASSERT_TRUE(registry().add_trust(kOperator, trust_in("globex", approver_key()), kNow));
  const auto row = registry().add_trust(kOperator, trust_in("acme", approver_key()), kNow);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->id, 2u) << "the rows of others do not count";
}

// A registry in memory, where a thousand changes are quick.
class Quotas : public ::testing::Test {
 protected:
  Quotas() {
    auto opened = Registry::open({});
    EXPECT_TRUE(opened);
    registry_ = std::move(*opened);
    for (const char* tenant : {"acme", "globex"})
      EXPECT_TRUE(registry_->create_tenant(kOperator, {tenant, Isolation::in_process}, kNow));
  }
  Result<IssuedKey> make(const std::string& tenant, int64_t now, int64_t expires = 0) {
    return registry_->create_key(
        kOperator, {tenant, tenant.empty() ? Role::host_operator : Role::viewer, "", expires}, now);
  }
  Code error(const std::string& tenant, int64_t now) {
    const auto made = make(tenant, now);
    return made ? Code() : made.error().code;
  }

  std::unique_ptr<Registry> registry_;
};

TEST_F(Quotas, ATenantHasAThousandRowsOfTrust) {
  NewTrust wanted = trust_in("acme", publisher_key());
  for (int i = 0; i < 999; ++i) {
    wanted.pattern = "p" + std::to_string(i);
    ASSERT_TRUE(registry_->add_trust(kOperator, wanted, kNow)) << i;
  }
  ASSERT_TRUE(registry_->add_trust(kOperator, trust_in("acme", approver_key()), kNow));
  const NewTrust more = trust_in("acme", stranger_key());
  EXPECT_EQ(registry_->add_trust(kOperator, more, kNow).error().code, Code::quota_exceeded);
  // What was revoked counts: a compromised key must never be trusted again.
  ASSERT_TRUE(registry_->revoke_trust(kOperator, "acme", approver_key().public_key().id(),
                                      RevocationReason::compromised, kNow));
  EXPECT_EQ(registry_->add_trust(kOperator, more, kNow).error().code, Code::quota_exceeded);
  EXPECT_TRUE(registry_->add_trust(kOperator, trust_in("globex", stranger_key()), kNow)) << "one of its own";
}

TEST_F(Quotas, ATenantHasAThousandKeysInForce) {
  const auto first = make("acme", kNow, kNow + 10);
  for (int i = 1; i < 1'000; ++i) ASSERT_TRUE(make("acme", kNow)) << i;
  EXPECT_EQ(error("acme", kNow), Code::quota_exceeded);
  EXPECT_TRUE(make("globex", kNow)) << "each has a quota of its own";
  EXPECT_TRUE(make("", kNow)) << "and so has the operator";
  EXPECT_TRUE(make("acme", kNow + 10)) << "one has expired";
  EXPECT_EQ(error("acme", kNow + 10), Code::quota_exceeded);
  ASSERT_TRUE(registry_->revoke_key(kOperator, "acme", registry_->keys("acme")->back().id, kNow + 11));
  EXPECT_TRUE(make("acme", kNow + 11)) << "one was revoked";
}

TEST_F(Quotas, OfTheKeysThatEndedTheNewestThousandAreKnown) {
  std::vector<IssuedKey> keys;
  for (int64_t i = 0; i < 1'002; ++i) {
    keys.push_back(*make("acme", kNow + i));
    ASSERT_TRUE(registry_->revoke_key(kOperator, "acme", keys.back().key.id, kNow + i));
  }
  const auto foreign = make("globex", kNow), last = make("acme", kNow + 2'000);
  ASSERT_TRUE(foreign && last);
  const auto error_of = [&](const IssuedKey& key) {
    return registry_->authenticate(key.token, kNow + 2'000).error().code;
  };
  EXPECT_EQ(error_of(keys[0]), Code::unauthenticated);
  EXPECT_EQ(error_of(keys[1]), Code::unauthenticated);
  EXPECT_EQ(error_of(keys[2]), Code::key_revoked);
  EXPECT_TRUE(registry_->authenticate(last->token, kNow + 2'000));
  EXPECT_TRUE(registry_->authenticate(foreign->token, kNow + 2'000));
  EXPECT_EQ(registry_->keys("acme")->size(), 1'001u);
}

TEST_F(Keys, LabelsAreTextWithoutControlCharacters) {
  for (const char* label : {"a\nb", "\x1b[2J", "\x7f", "a\xC2\x9B", "\xE2\x80\xAE", "\xFF"})
    expect_refused(Code::bad_name, [&] {
      return registry().create_key(kOperator, {"acme", Role::viewer, label}, kNow);
    });
  EXPECT_TRUE(registry().create_key(kOperator, {"acme", Role::viewer, "Zo\xC3\xAB's laptop"}, kNow));
}

TEST_F(Trust, OneRowOnceAndNeverAgainAfterACompromise) {
  const NewTrust wanted = trust_in("acme", publisher_key());
  expect_refused(Code::trust_exists, [&] { return registry().add_trust(kOperator, wanted, kNow); });
  const Digest id = publisher_key().public_key().id();
  ASSERT_TRUE(registry().revoke_trust(kOperator, "acme", id, RevocationReason::retired, kNow));
  ASSERT_TRUE(registry().add_trust(kOperator, wanted, kNow));
  ASSERT_TRUE(registry().revoke_trust(kOperator, "acme", id, RevocationReason::compromised, kNow));
  expect_refused(Code::key_compromised, [&] { return registry().add_trust(kOperator, wanted, kNow); });
  // Nothing takes a compromise back.
  const auto rows = registry().revoke_trust(kOperator, "acme", id, RevocationReason::retired, kNow + 1);
  ASSERT_EQ(rows->size(), 2u);
  for (const TrustRow& row : *rows) EXPECT_EQ(row.reason, RevocationReason::compromised);
}

TEST_F(Trust, IsTheTenantsOwn) {
  const Digest id = publisher_key().public_key().id();
  expect_refused(Code::not_found, [&] {
    return registry().revoke_trust(as("acme", Role::tenant_admin), "globex", id, RevocationReason::retired,
                                   kNow);
  });
  expect_refused(Code::not_found, [&] {
    return registry().add_trust(as("acme", Role::tenant_admin), trust_in("globex", stranger_key()), kNow);
  });
  expect_refused(Code::permission_denied, [&] {
    return registry().add_trust(as("acme", Role::deployer), trust_in("acme", stranger_key()), kNow);
  });
  expect_refused(Code::not_found, [&] {
    return registry().revoke_trust(kOperator, "acme", stranger_key().public_key().id(),
                                   RevocationReason::retired, kNow);
  });
  ASSERT_TRUE(registry().revoke_trust(kOperator, "acme", id, RevocationReason::retired, kNow));
  EXPECT_TRUE(registry().trust("globex")->front().active(kNow));
}

using Audit = RegistryTest;

TEST_F(Audit, ForeignAttemptsStandInTheAttackersLogOnly) {
  const auto before = audit("globex").size();
  EXPECT_FALSE(registry().create_key(as("acme", Role::tenant_admin), {"globex", Role::viewer}, kNow));
  EXPECT_EQ(audit("globex").size(), before);
  EXPECT_EQ(audit("acme").back().outcome, "not_found");
}

TEST_F(Audit, RecordsWhatTheApiRefusesAndKeepsItsChain) {
  ASSERT_TRUE(registry().record_refusal(as("acme", Role::viewer), "acme", "run.start", "workflow/load",
                                        Error{Code::permission_denied, "no"}, kNow));
  const auto record = audit().back();
  EXPECT_EQ(record.outcome, "permission_denied");
  EXPECT_EQ(record.actor, "acme/key:k-viewer");
  EXPECT_EQ(*registry().verify_audit(), audit().size());
  tamper("UPDATE audit SET outcome = 'ok' WHERE seq = " + std::to_string(record.seq));
  EXPECT_EQ(registry().verify_audit().error().code, Code::audit_broken);
}

TEST(RegistryInMemory, DoesTheWholeWayWithoutAFile) {
  const auto registry = take(Registry::open({}));
  ASSERT_TRUE(registry->create_tenant(kOperator, {"acme", Isolation::in_process}, kNow));
  ASSERT_TRUE(registry->add_trust(kOperator, trust_in("acme", publisher_key()), kNow));
  const auto pushed = registry->push(kOperator, "acme", archive_of({}), kNow);
  ASSERT_TRUE(pushed) << describe(pushed.error());
  ASSERT_TRUE(registry->deploy(kOperator, {"acme", "etl"}, {}, kNow));
  EXPECT_TRUE(registry->catalog()->resolve("acme", "load"));
  EXPECT_EQ(*registry->load_library(*pushed->release), good_library());
  const auto key = registry->create_key(kOperator, {"acme", Role::runner}, kNow);
  EXPECT_TRUE(registry->authenticate(key->token, kNow));
}

TEST(RegistryOpen, SaysWhatItCannotOpen) {
  const Scratch scratch;
  EXPECT_EQ(Registry::open({scratch / "no/such/directory"}).error().code, Code::io_failed);
  std::ofstream(scratch / "registry.db") << "this is no database, and long enough to be sure of it";
  const Error error = Registry::open({scratch.path()}).error();
  EXPECT_EQ(error.code, Code::store_corrupt);
  EXPECT_EQ(error.message, (scratch / "registry.db") + ": file is not a database");
  EXPECT_NE(error.hint.find("Restore the data directory from a backup"), std::string::npos) << error.hint;
}

// Another host may have been started on the same directory.
TEST(RegistryOpen, ChangesNothingWhenItMayNot) {
  const Scratch scratch;
  bool may = true;
  Options options{scratch.path()};
  options.may_write = [&]() -> Status {
    return may ? Status() : Status(Error{Code::store_fenced, "the lock is gone", "", Blame::world});
  };
  const auto registry = take(Registry::open(std::move(options)));
  ASSERT_TRUE(registry->create_tenant(kOperator, {"acme"}, kNow));
  may = false;
  const auto refused = registry->create_tenant(kOperator, {"late"}, kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::store_fenced);
  EXPECT_EQ(take(registry->tenants()).size(), 1u);
  may = true;
  EXPECT_TRUE(registry->create_tenant(kOperator, {"late"}, kNow)) << "nothing was left half done";
}

}  // namespace
}  // namespace pirn::registry
