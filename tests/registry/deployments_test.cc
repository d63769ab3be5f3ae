// Deployments: revisions, plans, the probe, going back, and what many threads see of it.
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "registry/registry.h"
#include "tests/registry/sample.h"

namespace pirn::registry {
namespace {

using Deployments = RegistryTest;
using Names = std::vector<std::string>;

TEST_F(Deployments, AreNumberedRevisionsThatSayWhoWhenWhyAndWhat) {
  const ReleasePtr v1 = push({.version = "1.0.0"})->release;
  const ReleasePtr v2 = push({.version = "2.0.0"})->release;
  ASSERT_TRUE(deploy("1.0.0"));
  const auto second = deploy("2.0.0");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->revision.number, 2u);
  for (int pass = 0; pass < 2; ++pass) {
    const auto history = *registry().history("acme", "etl");
    ASSERT_EQ(history.size(), 2u);
    EXPECT_EQ(history[0].number, 2u);
    EXPECT_EQ(history[0].release, v2->digest);
    EXPECT_EQ(history[0].previous, v1->digest);
    EXPECT_EQ(history[0].version, "2.0.0");
    EXPECT_EQ(history[0].by, "acme/key:k-deployer");
    EXPECT_EQ(history[0].why, "because");
    EXPECT_EQ(history[0].at_ms, kNow);
    EXPECT_FALSE(history[0].undo);
    EXPECT_TRUE(history[1].previous.is_zero());
    EXPECT_EQ(active_version(), "2.0.0");
    EXPECT_EQ(registry().catalog()->active("acme", "etl")->revision, 2u);
    reopen();
  }
}

TEST_F(Deployments, AnOldSnapshotKeepsItsRelease) {
  ASSERT_TRUE(push({.version = "1.0.0"}));
  ASSERT_TRUE(push({.version = "2.0.0"}));
  ASSERT_TRUE(deploy("1.0.0"));
  const CatalogPtr before = registry().catalog();
  ASSERT_TRUE(deploy("2.0.0"));
  EXPECT_EQ(before->resolve("acme", "load")->release->version, "1.0.0");
  EXPECT_EQ(registry().catalog()->resolve("acme", "load")->release->version, "2.0.0");
}

TEST_F(Deployments, WithoutAVersionTheHighestSerialIsMeant) {
  ASSERT_TRUE(push({.version = "1.9.0"}));
  ASSERT_TRUE(push({.version = "1.10.0"}));
  EXPECT_EQ(deploy("")->revision.version, "1.10.0");
  EXPECT_EQ(active_version(), "1.10.0");
}

TEST_F(Deployments, WhatIsActiveAlreadyMakesNoRevision) {
  ASSERT_TRUE(push({}));
  ASSERT_TRUE(deploy("1.0.0"));
  bool probed = false;
  const auto again = deploy("1.0.0", "acme", [&](const Release&) {
    probed = true;
    return Status();
  });
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->changed);
  EXPECT_EQ(again->revision.number, 1u);
  EXPECT_FALSE(probed);
  EXPECT_EQ(registry().history("acme", "etl")->size(), 1u);
}

TEST_F(Deployments, ATenantOfWorkersIsRefused) {
  ASSERT_TRUE(registry().create_tenant(kOperator, {"careful"}, kNow));
  ASSERT_TRUE(registry().add_trust(kOperator, trust_in("careful", publisher_key()), kNow));
  ASSERT_TRUE(push({}, "careful"));
  expect_refused(Code::worker_isolation_unavailable, [&] { return deploy("1.0.0", "careful"); });
  const auto plan = registry().plan({"careful", "etl"});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->refusals.size(), 1u);
  EXPECT_EQ(plan->refusals[0].code, Code::worker_isolation_unavailable);
}

TEST_F(Deployments, WhatIsDeployedStaysWhenItsTenantIsChanged) {
  ASSERT_TRUE(registry().create_tenant(kOperator, {"late"}, kNow));
  ASSERT_TRUE(registry().add_trust(kOperator, trust_in("late", publisher_key()), kNow));
  ASSERT_TRUE(push({}, "late"));
  ASSERT_TRUE(registry().edit_tenant(kOperator, {"late", Isolation::in_process, {}}, kNow));
  ASSERT_TRUE(deploy("1.0.0", "late"));
  expect_refused(Code::conflict, [&] {
    return registry().edit_tenant(kOperator, {"late", Isolation::worker, {}}, kNow);
  });

  // More signatures are asked of what comes, and not of what is there.
  ASSERT_TRUE(registry().edit_tenant(kOperator, {"late", {}, 2}, kNow));
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_TRUE(registry().catalog()->resolve("late", "load"));
    EXPECT_FALSE(registry().releases("late", "etl")->front().withdrawn);
    reopen();
  }
  expect_refused(Code::too_few_signatures, [&] { return push({.version = "2.0.0"}, "late"); });

  // A key of two is lost: what is left is enough, until two are asked for.
  ASSERT_TRUE(registry().add_trust(kOperator, trust_in("late", approver_key()), kNow));
  ASSERT_TRUE(push({.version = "2.0.0", .keys = {&publisher_key(), &approver_key()}}, "late"));
  ASSERT_TRUE(deploy("2.0.0", "late"));
  ASSERT_TRUE(registry().edit_tenant(kOperator, {"late", {}, 1}, kNow));
  ASSERT_TRUE(registry().revoke_trust(kOperator, "late", approver_key().public_key().id(),
                                      RevocationReason::compromised, kNow));
  EXPECT_TRUE(registry().catalog()->resolve("late", "load"));
  ASSERT_TRUE(registry().edit_tenant(kOperator, {"late", {}, 2}, kNow));
  EXPECT_EQ(registry().catalog()->resolve("late", "load").error().code, Code::release_withdrawn);
}

TEST_F(Deployments, TheProbeHasTheLastWord) {
  ASSERT_TRUE(push({.version = "1.0.0"}));
  ASSERT_TRUE(push({.version = "2.0.0"}));
  ASSERT_TRUE(deploy("1.0.0"));
  expect_refused(Code::probe_refused, [&] {
    return deploy("2.0.0", "acme", [](const Release&) -> Status {
      return Error{Code::unsupported, "it crashed"};
    });
  });
  EXPECT_EQ(active_version(), "1.0.0");
  const auto refused = deploy("2.0.0", "acme", [](const Release&) -> Status {
    return Error{Code::unsupported, "it crashed"};
  });
  ASSERT_EQ(refused.error().causes.size(), 1u);
  EXPECT_EQ(refused.error().causes[0].message, "it crashed");
  // The probe sees the release that will be published, and can ask the registry.
  std::string seen;
  ASSERT_TRUE(deploy("2.0.0", "acme", [&](const Release& release) -> Status {
    seen = release.version;
    EXPECT_EQ(active_version(), "1.0.0");
    return registry().load_library(release) ? Status() : Status(Error{});
  }));
  EXPECT_EQ(seen, "2.0.0");
}

TEST_F(Deployments, WhatHappensDuringTheProbeCounts) {
  ASSERT_TRUE(push({}));
  const auto result = deploy("1.0.0", "acme", [&](const Release&) -> Status {
    EXPECT_TRUE(registry().revoke_trust(kOperator, "acme", publisher_key().public_key().id(),
                                        RevocationReason::compromised, kNow));
    return {};
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::release_withdrawn);
  EXPECT_TRUE(registry().history("acme", "etl")->empty());
  EXPECT_EQ(active_version(), "");
}

// A circuit breaker is the tenant's: packages that are active side by side agree on its options (R33).
TEST_F(Deployments, PackagesThatShareABreakerGiveItTheSameOptions) {
  const std::string bank = R"(,"circuit_breaker":"bank","circuit_breaker_opts":{"failure_threshold":)";
  ASSERT_TRUE(push({.step_options = bank + "3}"}));
  ASSERT_TRUE(push({.version = "2.0.0", .step_options = bank + "4}"}));
  ASSERT_TRUE(push({.package = "other", .step_options = bank + "4}"}));
  ASSERT_TRUE(push({.package = "other", .version = "2.0.0", .step_options = bank + "3}"}));
  const auto deploy_other = [&](const std::string& version) {
    return registry().deploy(as("acme", Role::deployer), {"acme", "other", version, "because"}, {}, kNow);
  };
  ASSERT_TRUE(deploy("1.0.0"));
  const auto plan = registry().plan({"acme", "other", "1.0.0"});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->refusals.size(), 1u);
  EXPECT_EQ(plan->refusals[0].code, Code::breaker_mismatch);
  EXPECT_EQ(plan->refusals[0].message,
            "the step 'only' of other::load and the step 'only' of etl::load set different options for the "
            "circuit breaker 'bank'");
  expect_refused(Code::breaker_mismatch, [&] { return deploy_other("1.0.0"); });
  ASSERT_TRUE(deploy_other("2.0.0")) << "the same options";
  expect_refused(Code::breaker_mismatch, [&] { return deploy("2.0.0"); });
  ASSERT_TRUE(deploy("1.0.0")) << "nothing changes";
  EXPECT_EQ(active_version(), "1.0.0");
  ASSERT_TRUE(push({.version = "2.0.0", .step_options = bank + "9}"}, "globex"));
  ASSERT_TRUE(deploy("2.0.0", "globex")) << "another tenant's is another breaker";
  // A package is no obstacle to itself, and what happens during the probe counts.
  ASSERT_TRUE(push({.package = "third", .workflows = {"x"}, .step_options = R"(,"circuit_breaker":"mail")"}));
  ASSERT_TRUE(
      push({.version = "3.0.0",
            .step_options = R"(,"circuit_breaker":"mail","circuit_breaker_opts":{"failure_threshold":7})"}));
  const auto late = deploy("3.0.0", "acme", [&](const Release&) -> Status {
    EXPECT_TRUE(registry().deploy(kOperator, {"acme", "third", "1.0.0", "meanwhile"}, {}, kNow));
    return {};
  });
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::breaker_mismatch);
  EXPECT_EQ(active_version(), "1.0.0");
}

TEST_F(Deployments, APlanNamesTheWorkflowsThatChange) {
  ASSERT_TRUE(push({.version = "1.0.0", .workflows = {"clean", "load", "stay"}, .timeout = "1s"}));
  const auto first = registry().plan({"acme", "etl", "1.0.0"});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->added, (Names{"clean", "load", "stay"}));
  EXPECT_EQ(first->from_version, "");
  const auto before = left_behind();
  ASSERT_TRUE(deploy("1.0.0"));
  ASSERT_TRUE(push({.version = "1.1.0", .workflows = {"load", "mail", "stay"}, .timeout = "1s"}));
  ASSERT_TRUE(push({.version = "1.2.0", .workflows = {"load"}, .timeout = "2s"}));
  const auto plan = *registry().plan({"acme", "etl", "1.1.0"});
  EXPECT_EQ(plan.from_version, "1.0.0");
  EXPECT_EQ(plan.to_version, "1.1.0");
  EXPECT_EQ(plan.added, Names{"mail"});
  EXPECT_EQ(plan.removed, Names{"clean"});
  EXPECT_EQ(plan.unchanged, (Names{"load", "stay"}));
  EXPECT_TRUE(plan.changed.empty());
  EXPECT_TRUE(plan.refusals.empty());
  const auto changed = *registry().plan({"acme", "etl", "1.2.0"});
  EXPECT_EQ(changed.changed, Names{"load"});
  EXPECT_EQ(changed.removed, (Names{"clean", "stay"}));
  EXPECT_EQ(active_version(), "1.0.0");  // a plan changes nothing
  EXPECT_NE(left_behind(), before);
  EXPECT_TRUE(registry().plan({"acme", "etl", "1.0.0"})->nothing_to_do());
  EXPECT_EQ(registry().plan({"acme", "etl", "9.9.9"}).error().code, Code::not_found);
}

TEST_F(Deployments, APlanNamesTheSchedulesThatMove) {
  const auto schedule = [](const std::string& every) { return R"(,"schedule":{"every":")" + every + "\"}"; };
  const auto moves = [&](const std::string& version) {
    std::vector<std::string> out;
    const auto plan = registry().plan({"acme", "etl", version});
    for (const auto& move : plan->schedules) out.push_back(move.workflow + " " + std::string(move.what));
    return out;
  };
  ASSERT_TRUE(push({.version = "1.0.0", .workflows = {"clean", "load"}, .workflow_options = schedule("1h")}));
  EXPECT_EQ(moves("1.0.0"), (std::vector<std::string>{"clean starts", "load starts"}));
  ASSERT_TRUE(deploy("1.0.0"));
  EXPECT_TRUE(moves("1.0.0").empty());
  ASSERT_TRUE(
      push({.version = "1.1.0", .workflows = {"load"}, .timeout = "9s", .workflow_options = schedule("1h")}));
  EXPECT_EQ(moves("1.1.0"), std::vector<std::string>{"clean stops"})
      << "what is as it was stays in its place";
  ASSERT_TRUE(
      push({.version = "1.2.0", .workflows = {"clean", "load"}, .workflow_options = schedule("60m")}));
  EXPECT_TRUE(moves("1.2.0").empty()) << "the same, in other words";
  ASSERT_TRUE(push({.version = "1.3.0", .workflows = {"clean", "load"}, .workflow_options = schedule("2h")}));
  EXPECT_EQ(moves("1.3.0"), (std::vector<std::string>{"clean restarts", "load restarts"}));
}

TEST_F(Deployments, UndoIsANewRevisionThatGoesBack) {
  ASSERT_TRUE(push({.version = "1.0.0"}));
  ASSERT_TRUE(push({.version = "2.0.0"}));
  expect_refused(Code::nothing_to_undo, [&] { return undo(); });
  ASSERT_TRUE(deploy("1.0.0"));
  expect_refused(Code::nothing_to_undo, [&] { return undo(); });
  ASSERT_TRUE(deploy("2.0.0"));
  const auto undone = undo();
  ASSERT_TRUE(undone) << describe(undone.error());
  EXPECT_EQ(undone->revision.number, 3u);
  EXPECT_TRUE(undone->revision.undo);
  EXPECT_EQ(undone->revision.version, "1.0.0");
  EXPECT_EQ(active_version(), "1.0.0");
  EXPECT_EQ(audit().back().action, "rollout.undo");
  // Once more goes back to what was there before that.
  ASSERT_TRUE(undo());
  EXPECT_EQ(active_version(), "2.0.0");
  ASSERT_TRUE(undo(1));
  EXPECT_EQ(active_version(), "1.0.0");
  expect_refused(Code::not_found, [&] { return undo(99); });
  EXPECT_EQ(registry().history("acme", "etl")->size(), 5u);
  reopen();
  EXPECT_EQ(active_version(), "1.0.0");
}

TEST_F(Deployments, GoingBackIsAPermissionOfItsOwn) {
  ASSERT_TRUE(push({.version = "1.0.0"}));
  ASSERT_TRUE(push({.version = "1.5.0"}));
  ASSERT_TRUE(push({.version = "2.0.0"}));
  ASSERT_TRUE(deploy("1.0.0"));
  ASSERT_TRUE(deploy("2.0.0"));
  expect_refused(Code::rollback_needed, [&] { return deploy("1.0.0"); });
  expect_refused(Code::rollback_needed,
                 [&] { return deploy("1.5.0"); });  // it never was active: undo cannot reach it
  ASSERT_EQ(registry().plan({"acme", "etl", "1.5.0"})->refusals.size(), 1u);
  for (Role role : kRoles)
    if (!allows(role, Permission::roll_back_release))
      expect_refused(Code::permission_denied,
                     [&] { return registry().undo(as("acme", role), "acme", "etl", 0, "", {}, kNow); });
  ASSERT_TRUE(undo());
  expect_refused(Code::rollback_needed, [&] { return deploy("1.5.0"); });  // an undo does not lower the floor
  EXPECT_TRUE(deploy("2.0.0"));
}

TEST_F(Deployments, OfAForeignOrMissingPackageAreAsIfMissing) {
  ASSERT_TRUE(push({}, "globex"));
  expect_refused(Code::not_found, [&] { return deploy("1.0.0", "acme"); });
  expect_refused(Code::not_found, [&] {
    return registry().deploy(as("acme", Role::deployer), {"globex", "etl", "1.0.0"}, {}, kNow);
  });
  expect_refused(Code::not_found, [&] {
    return registry().undo(as("acme", Role::deployer), "globex", "etl", 0, "", {}, kNow);
  });
  expect_refused(Code::not_found, [&] {
    return registry().deploy(kOperator, {"no-such", "etl", "1.0.0"}, {}, kNow);
  });
  EXPECT_EQ(active_version("globex"), "");
  for (Role role : kRoles)
    if (!allows(role, Permission::deploy_release))
      expect_refused(Code::permission_denied, [&] {
        return registry().deploy(as("globex", role), {"globex", "etl", "1.0.0"}, {}, kNow);
      });
}

// Many threads deploy, undo, push and look, in two tenants: every look sees a whole snapshot, revisions have
// no gap, and the audit chain holds.
TEST_F(Deployments, ThreadsSeeWholeSnapshots) {
  constexpr int kReaders = 2, kRounds = 15;
  for (const char* tenant : {"acme", "globex"})
    for (const char* version : {"1.0.0", "2.0.0"})
      ASSERT_TRUE(
          push({.version = version, .workflows = {"load", version[0] == '1' ? "one" : "two"}}, tenant));
  const auto key = registry().create_key(kOperator, {"acme", Role::runner}, kNow);
  for (const char* tenant : {"acme", "globex"}) {
    ASSERT_TRUE(deploy("1.0.0", tenant));
    ASSERT_TRUE(deploy("2.0.0", tenant));
  }
  std::atomic<bool> stop = false;
  std::latch start(2 + 1 + kReaders);
  std::vector<std::thread> threads;
  for (const char* tenant : {"acme", "globex"})
    threads.emplace_back([&, tenant] {
      start.arrive_and_wait();
      for (int i = 0; i < kRounds; ++i) EXPECT_TRUE(undo(0, tenant));
    });
  threads.emplace_back([&] {
    start.arrive_and_wait();
    for (int i = 0; i < kRounds; ++i) EXPECT_TRUE(push({.version = "3.0." + std::to_string(i)}, "acme"));
  });
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i)
    readers.emplace_back([&] {
      start.arrive_and_wait();
      while (!stop) {
        const CatalogPtr catalog = registry().catalog();
        const auto target = catalog->resolve("acme", "etl::load");
        ASSERT_TRUE(target);
        const bool one = target->release->version == "1.0.0";
        EXPECT_EQ(static_cast<bool>(catalog->resolve("acme", "one")), one);
        EXPECT_EQ(static_cast<bool>(catalog->resolve("acme", "two")), !one);
        EXPECT_EQ(target->release->digest_of(*target->workflow), target->release->workflow_digests[0]);
        EXPECT_TRUE(registry().authenticate(key->token, kNow));
        EXPECT_TRUE(registry().load_release("acme", target->release->digest));
      }
    });
  for (std::thread& thread : threads) thread.join();
  stop = true;
  for (std::thread& thread : readers) thread.join();
  for (const char* tenant : {"acme", "globex"}) {
    const auto history = *registry().history(tenant, "etl");
    ASSERT_EQ(history.size(), 2u + kRounds);
    for (size_t i = 0; i < history.size(); ++i) EXPECT_EQ(history[i].number, history.size() - i);
  }
  EXPECT_EQ(*registry().verify_audit(), audit().size());
}

}  // namespace
}  // namespace pirn::registry
