#include "registry/refusals.h"

#include <gtest/gtest.h>

#include "tests/registry/sample.h"

namespace pirn::registry {
namespace {

AuditRecord refusal(int64_t at_ms, const std::string& actor = "acme/key:k1", const std::string& object = "a",
                    const std::string& outcome = "permission_denied") {
  AuditRecord out;
  out.at_ms = at_ms;
  out.tenant = "acme";
  out.actor = actor;
  out.action = "POST /v1/x";
  out.object = object;
  out.outcome = outcome;
  out.detail = "no " + object;
  return out;
}

TEST(Refusals, TheFirstAreRecordedAndTheRestBecomesOneRecord) {
  Refusals refusals({.window_ms = 1000, .each = 3, .one_by_one = 10, .kinds = 4});
  int recorded = 0;
  for (int i = 0; i < 3000; ++i)
    recorded += refusals.admit("acme", refusal(100 + i / 10, "acme/key:k1", i == 2999 ? "z" : "a"));
  EXPECT_EQ(recorded, 3);
  EXPECT_EQ(refusals.due_ms(), 1100);
  EXPECT_TRUE(refusals.take(1099).empty());
  const auto due = refusals.take(1100);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].times, 2997u);
  EXPECT_EQ(due[0].first_at_ms, 100);
  EXPECT_EQ(due[0].at_ms, 399);
  EXPECT_EQ(due[0].actor, "acme/key:k1");
  EXPECT_EQ(due[0].object, "several");
  EXPECT_EQ(due[0].detail, "the last of 2997: no z");
  EXPECT_EQ(refusals.due_ms(), INT64_MAX);
  EXPECT_TRUE(refusals.take(INT64_MAX).empty()) << "handed out once";
}

TEST(Refusals, ATenantHasABoundHoweverManyActorsAndOutcomesThereAre) {
  Refusals refusals({.window_ms = 1000, .each = 3, .one_by_one = 10, .kinds = 4});
  size_t records = 0;
  for (int i = 0; i < 5000; ++i)
    records += refusals.admit(
        "acme", refusal(1, "acme/key:k" + std::to_string(i), "a", "error" + std::to_string(i % 7)));
  const size_t admitted = records;
  EXPECT_TRUE(refusals.admit("globex", refusal(1))) << "another tenant has its own";
  uint64_t counted = 0;
  for (const AuditRecord& each : refusals.take(INT64_MAX)) {
    counted += each.times;
    ++records;
  }
  EXPECT_LE(records, 10u + 2 * 4u + 1u);
  EXPECT_EQ(counted + admitted, 5000u) << "each is recorded or counted";
}

TEST(Refusals, WhoIsRefusedInManyWaysBlursOnlyHisOwn) {
  Refusals refusals({.window_ms = 1000, .each = 1, .one_by_one = 2, .kinds = 4});
  for (int i = 0; i < 50; ++i)
    refusals.admit("acme", refusal(1, "acme/key:noisy", "a", "error" + std::to_string(i)));
  for (int i = 0; i < 3; ++i) refusals.admit("acme", refusal(2, "acme/key:quiet", "secret"));
  std::map<std::string, uint64_t> of;
  for (const AuditRecord& each : refusals.take(INT64_MAX)) {
    of[each.actor] += each.times;
    if (each.actor == "acme/key:quiet") {
      EXPECT_EQ(each.action, "POST /v1/x");
      EXPECT_EQ(each.outcome, "permission_denied");
      EXPECT_EQ(each.object, "secret");
    }
  }
  EXPECT_EQ(of["acme/key:quiet"], 3u);
  EXPECT_EQ(of["acme/key:noisy"], 48u);
  EXPECT_FALSE(of.contains("several"));
}

TEST(Refusals, AWindowThatNobodyCameForIsNotLost) {
  Refusals refusals({.window_ms = 1000, .each = 1, .one_by_one = 10, .kinds = 4});
  for (const int64_t at : {0, 1, 2, 5000, 5001, 9000, 9001}) refusals.admit("acme", refusal(at));
  uint64_t counted = 0;
  for (const AuditRecord& each : refusals.take(9500)) counted += each.times;
  EXPECT_EQ(counted, 3u) << "of the first two windows; the third is open";
  EXPECT_EQ(refusals.take(INT64_MAX).size(), 1u);
}

TEST(Refusals, OneThatCouldNotBeWrittenIsCounted) {
  Refusals refusals;
  const AuditRecord one = refusal(5);
  ASSERT_TRUE(refusals.admit("acme", one));
  refusals.count("acme", one);
  const auto due = refusals.take(INT64_MAX);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].times, 1u);
  EXPECT_EQ(due[0].detail, "no a");
}

using RefusedOften = RegistryTest;

TEST_F(RefusedOften, NeitherCrowdsOutWhatWasDoneNorFillsTheLog) {
  const size_t before = audit().size();
  const Principal viewer = as("acme", Role::viewer);
  for (int i = 0; i < 3000; ++i) {
    EXPECT_FALSE(registry().create_key(viewer, {"acme", Role::viewer}, kNow + i));
    if (i % 1000 == 0) {
      EXPECT_TRUE(registry().create_key(kOperator, {"acme", Role::viewer}, kNow + i));
    }
  }
  ASSERT_TRUE(registry().record_counted(INT64_MAX));
  const auto records = audit();
  EXPECT_EQ(records.size(), before + 3 + 16 + 1)
      << "what was done, the first refusals, and one for the others";
  EXPECT_EQ(records.back().times, 3000u - 16u);
  EXPECT_EQ(records.back().first_at_ms, kNow + 16);
  EXPECT_EQ(records.back().at_ms, kNow + 2999);
  EXPECT_EQ(*registry().verify_audit(), records.size());
}

TEST_F(RefusedOften, WrongKeysAreInTheLogOfWhoseKeyTheyName) {
  const auto issued = take(registry().create_key(kOperator, {"acme", Role::viewer}, kNow));
  std::string wrong = issued.token;
  const Error error{Code::unauthenticated, "the API key is not valid here"};
  const auto named = registry().admit_wrong_key(wrong, "192.0.2.1", error, kNow);
  ASSERT_TRUE(named);
  EXPECT_EQ(named->tenant, "acme");
  EXPECT_EQ(named->object, "key/" + issued.key.id);
  EXPECT_EQ(named->actor, "peer/192.0.2.1");
  const auto nonsense = registry().admit_wrong_key("nonsense", "192.0.2.1", error, kNow);
  ASSERT_TRUE(nonsense);
  EXPECT_EQ(nonsense->tenant, "");
  EXPECT_EQ(nonsense->object, "key");
  // They use up none of the limits of the tenant's own people.
  for (int i = 0; i < 1000; ++i)
    (void)registry().admit_wrong_key(wrong, "192.0.2." + std::to_string(i), error, kNow);
  EXPECT_TRUE(registry().admit_refusal(as("acme", Role::viewer), "POST /v1/x", "/v1/x", error, kNow));
}

TEST_F(RefusedOften, AKeyThatWasRevokedMeanwhileChangesNothing) {
  const auto issued = take(registry().create_key(kOperator, {"acme", Role::tenant_admin}, kNow));
  const Principal admin = take(registry().authenticate(issued.token, kNow));
  std::vector<std::string> told;
  registry().watch_keys([&](const std::string& key) { told.push_back(key); });
  ASSERT_TRUE(registry().revoke_key(kOperator, "acme", issued.key.id, kNow));
  EXPECT_EQ(told, std::vector<std::string>{issued.key.id});
  EXPECT_EQ(registry().check_in_force(admin, kNow).error().code, Code::key_revoked);
  expect_refused(Code::key_revoked, [&] {
    return registry().create_key(admin, {"acme", Role::viewer}, kNow);
  });
  const auto brief = take(registry().create_key(kOperator, {"acme", Role::tenant_admin, "", kNow + 5}, kNow));
  const Principal short_lived = take(registry().authenticate(brief.token, kNow + 4));
  EXPECT_EQ(short_lived.expires_at_ms, kNow + 5);
  expect_refused(Code::key_expired, [&] {
    return registry().create_key(short_lived, {"acme", Role::viewer}, kNow + 5);
  });
  registry().watch_keys(nullptr);
}

}  // namespace
}  // namespace pirn::registry
