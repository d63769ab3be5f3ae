#include "registry/requirements.h"

#include <gtest/gtest.h>

#include "tests/registry/sample.h"

namespace pirn::registry {
namespace {

// Deployed releases, made from what a package requires and contains; the newest last.
class History {
 public:
  using Workflows = std::vector<std::pair<std::string, std::vector<std::string>>>;  // name -> contained

  ReleasePtr add(const std::string& package, const std::string& version,
                 const std::map<std::string, std::string>& requirements, const Workflows& workflows) {
    auto release = std::make_shared<Release>();
    release->tenant = "t";
    release->package = package;
    release->version = version;
    release->requirements = requirements;
    for (const auto& [name, contained] : workflows) {
      definition::Workflow& workflow = release->definition.workflows.emplace_back();
      workflow.name = name;
      for (const std::string& nested : contained) {
        definition::Step& step = workflow.steps.emplace_back();
        step.name = "s" + std::to_string(workflow.steps.size());
        step.nested = nested;
      }
    }
    releases_.push_back(release);
    return release;
  }

  Result<RequiredPtr> meet(const ReleasePtr& release) const {
    return meet_requirements(*release, [&](std::string_view package, const Fits& fits) -> Result<ReleasePtr> {
      for (auto at = releases_.rbegin(); at != releases_.rend(); ++at)
        if ((*at)->package == package && fits(**at)) return *at;
      return ReleasePtr();
    });
  }
  // "pay@1.2.0 tax@1.0.0", or the error's name.
  std::string met(const ReleasePtr& release) const {
    const auto required = meet(release);
    if (!required) return std::string(required.error().name());
    std::string text;
    if (*required)
      for (const ReleasePtr& each : **required)
        text += (text.empty() ? "" : " ") + each->package + "@" + each->version;
    return text;
  }

 private:
  std::vector<ReleasePtr> releases_;
};

TEST(Requirements, TheNewestDeploymentThatFitsIsTaken) {
  History deployed;
  deployed.add("pay", "1.1.0", {}, {{"charge", {}}});
  deployed.add("pay", "1.2.0", {}, {{"charge", {}}});
  deployed.add("pay", "2.0.0", {}, {{"charge", {}}});
  EXPECT_EQ(deployed.met(deployed.add("shop", "1.0.0", {{"pay", "^1.0"}}, {{"buy", {"pay::charge"}}})),
            "pay@1.2.0");
  EXPECT_EQ(deployed.met(deployed.add("shop", "1.0.1", {{"pay", "*"}}, {{"buy", {"pay::charge"}}})),
            "pay@2.0.0");
  deployed.add("pay", "1.1.0", {}, {{"charge", {}}});  // somebody went back
  EXPECT_EQ(deployed.met(deployed.add("shop", "1.0.2", {{"pay", "^1.0"}}, {{"buy", {"pay::charge"}}})),
            "pay@1.1.0");
}

TEST(Requirements, AReleaseWithoutTheWorkflowDoesNotFit) {
  History deployed;
  deployed.add("pay", "1.0.0", {}, {{"charge", {}}});
  deployed.add("pay", "1.1.0", {}, {{"charge_card", {}}});
  EXPECT_EQ(deployed.met(deployed.add("shop", "1.0.0", {{"pay", "^1.0"}}, {{"buy", {"pay::charge"}}})),
            "pay@1.0.0");
  const auto refused =
      deployed.meet(deployed.add("shop", "1.0.1", {{"pay", "^1.0"}}, {{"buy", {"pay::refund"}}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::requirement_unmet);
  EXPECT_EQ(refused.error().message,
            "shop@1.0.1 requires pay ^1.0, but no deployed release of it is suitable");
  ASSERT_EQ(refused.error().causes.size(), 2u);
  EXPECT_EQ(refused.error().causes[0].message,
            "pay@1.1.0 has no workflow 'refund', which shop@1.0.1 contains");
}

TEST(Requirements, WhatWasNeverDeployedIsSaid) {
  History deployed;
  const auto refused = deployed.meet(deployed.add("shop", "1.0.0", {{"pay", "^1.0"}}, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "shop@1.0.0 requires pay ^1.0, but no release of it is deployed");
}

TEST(Requirements, OneReleaseOfAPackageForEverybody) {
  History deployed;
  deployed.add("tax", "1.0.0", {}, {{"rate", {}}});
  deployed.add("tax", "1.5.0", {}, {{"rate", {}}});
  deployed.add("pay", "1.0.0", {{"tax", "~1.0"}}, {{"charge", {"tax::rate"}}});
  const ReleasePtr shop =
      deployed.add("shop", "1.0.0", {{"pay", "*"}, {"tax", "^1.0"}}, {{"buy", {"pay::charge", "tax::rate"}}});
  EXPECT_EQ(deployed.met(shop), "pay@1.0.0 tax@1.0.0") << "pay does not take tax 1.5";

  const ReleasePtr modern = deployed.add("shop", "2.0.0", {{"pay", "*"}, {"tax", "^1.5"}}, {});
  EXPECT_EQ(deployed.met(modern), "requirement_unmet") << "nothing fits both";
  const RequiredPtr all = *deployed.meet(shop);
  const RequiredPtr of_pay = required_by(**find_required(all, "pay"), all);
  ASSERT_TRUE(of_pay);
  ASSERT_EQ(of_pay->size(), 1u);
  EXPECT_EQ(of_pay->front()->package, "tax");
  EXPECT_EQ(required_by(*of_pay->front(), all), nullptr);
}

TEST(Requirements, PackagesDoNotRequireEachOther) {
  History deployed;
  const ReleasePtr a = deployed.add("a", "1.0.0", {{"b", "*"}}, {});
  deployed.add("b", "1.0.0", {{"a", "*"}}, {});
  EXPECT_EQ(deployed.met(a), "nesting_refused");
  deployed.add("c", "1.0.0", {{"d", "*"}}, {});
  deployed.add("d", "1.0.0", {{"c", "*"}}, {});
  const auto refused = deployed.meet(deployed.add("e", "1.0.0", {{"c", "*"}}, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "packages require each other: 'c' -> 'd' -> 'c'");
}

TEST(Requirements, NoPackageRequiresItself) {
  History deployed;
  const auto refused = deployed.meet(deployed.add("a", "1.0.0", {{"a", "*"}}, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "packages require each other: 'a' -> 'a'");
}

TEST(Requirements, LevelsAreCountedAcrossPackages) {
  History deployed;
  std::string below;
  for (size_t level = 0; level <= definition::kMaxNesting; ++level) {
    const std::string package = "p" + std::to_string(level);
    const ReleasePtr release = below.empty()
                                   ? deployed.add(package, "1.0.0", {}, {{"w", {}}})
                                   : deployed.add(package, "1.0.0", {{below, "*"}}, {{"w", {below + "::w"}}});
    EXPECT_NE(deployed.met(release), "nesting_refused") << level;
    below = package;
  }
  EXPECT_EQ(deployed.met(deployed.add("top", "1.0.0", {{below, "*"}}, {{"w", {below + "::w"}}})),
            "nesting_refused");
}

TEST(Requirements, NeedsOthersLooksThroughItsOwnNestedWorkflows) {
  History deployed;
  const ReleasePtr shop =
      deployed.add("shop", "1.0.0", {{"pay", "*"}},
                   {{"buy", {"pay::charge"}}, {"week", {"buy"}}, {"alone", {"shop::quiet"}}, {"quiet", {}}});
  EXPECT_TRUE(needs_others(*shop, *shop->find("buy")));
  EXPECT_TRUE(needs_others(*shop, *shop->find("week")));
  EXPECT_FALSE(needs_others(*shop, *shop->find("alone")));
}

// ---- in the registry ----

class RequiredPackages : public RegistryTest {
 protected:
  static Sample pay(const std::string& version, const std::string& workflow = "charge") {
    Sample sample;
    sample.package = "pay";
    sample.version = version;
    sample.workflows = {workflow};
    return sample;
  }
  static Sample shop(const std::string& version = "1.0.0", const std::string& range = "^1.0") {
    Sample sample;
    sample.package = "shop";
    sample.version = version;
    sample.workflows = {"buy"};
    sample.nested = "pay::charge";
    if (!range.empty()) sample.dependencies = {{"pay", range}};
    return sample;
  }
  Result<Deployed> push_and_deploy(const Sample& sample) {
    PIRN_DO(push(sample));
    return deploy_package(sample.package, sample.version);
  }
  Result<Deployed> deploy_package(const std::string& package, const std::string& version) {
    return registry().deploy(as("acme", Role::deployer), {"acme", package, version, "because"}, {}, kNow);
  }
  std::string shop_runs_with() {
    const auto target = registry().catalog()->resolve("acme", "shop::buy");
    if (!target) return std::string(target.error().name());
    return target->required ? target->required->front()->package + "@" + target->required->front()->version
                            : "";
  }
};

TEST_F(RequiredPackages, AContainedWorkflowMustBeOfARequiredPackage) {
  expect_refused(Code::requirement_unmet, [&] { return push(shop("1.0.0", "")); });
}

TEST_F(RequiredPackages, NothingIsDeployedBeforeWhatItRequires) {
  ASSERT_TRUE(push(shop()));
  expect_refused(Code::requirement_unmet, [&] { return deploy_package("shop", "1.0.0"); });
  const auto plan = registry().plan({"acme", "shop"});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->refusals.size(), 1u);
  EXPECT_EQ(plan->refusals[0].code, Code::requirement_unmet);
  ASSERT_TRUE(push_and_deploy(pay("1.0.0")));
  ASSERT_TRUE(deploy_package("shop", "1.0.0"));
  EXPECT_EQ(shop_runs_with(), "pay@1.0.0");
}

TEST_F(RequiredPackages, ANewVersionIsTakenUpWhenItFitsAndDisturbsNobodyWhenItDoesNot) {
  ASSERT_TRUE(push_and_deploy(pay("1.0.0")));
  ASSERT_TRUE(push_and_deploy(shop()));
  ASSERT_TRUE(push_and_deploy(pay("1.1.0")));
  EXPECT_EQ(shop_runs_with(), "pay@1.1.0");
  ASSERT_TRUE(push_and_deploy(pay("1.2.0", "charge_card")));
  EXPECT_EQ(shop_runs_with(), "pay@1.1.0") << "1.2.0 lacks the workflow";
  ASSERT_TRUE(push_and_deploy(pay("2.0.0")));
  EXPECT_EQ(shop_runs_with(), "pay@1.1.0") << "2.0.0 is not within ^1.0";
  EXPECT_EQ(registry().catalog()->resolve("acme", "pay::charge")->release->version, "2.0.0");
  reopen();
  EXPECT_EQ(shop_runs_with(), "pay@1.1.0");
  const CatalogPtr catalog = registry().catalog();
  EXPECT_TRUE(catalog->in_use(catalog->resolve("acme", "shop::buy")->required->front()));
}

TEST_F(RequiredPackages, AWithdrawnReleaseIsNoChoice) {
  Sample signed_by_another = pay("1.1.0");
  signed_by_another.keys = {&approver_key()};
  ASSERT_TRUE(registry().add_trust(as("acme", Role::tenant_admin), trust_in("acme", approver_key()), kNow));
  ASSERT_TRUE(push_and_deploy(pay("1.0.0")));
  ASSERT_TRUE(push_and_deploy(signed_by_another));
  ASSERT_TRUE(push_and_deploy(shop("1.0.0")));
  ASSERT_TRUE(push_and_deploy(shop("1.1.0", ">=1.1")));
  EXPECT_EQ(shop_runs_with(), "pay@1.1.0");
  ASSERT_TRUE(registry().revoke_trust(as("acme", Role::tenant_admin), "acme",
                                      approver_key().public_key().id(), RevocationReason::compromised, kNow));
  EXPECT_EQ(shop_runs_with(), "requirement_unmet");
  ASSERT_TRUE(registry().undo(as("acme", Role::deployer), "acme", "shop", 0, "", {}, kNow));
  EXPECT_EQ(shop_runs_with(), "pay@1.0.0");
}

TEST_F(RequiredPackages, AForeignPackageMeetsNothing) {
  ASSERT_TRUE(push(pay("1.0.0"), "globex"));
  ASSERT_TRUE(registry().deploy(as("globex", Role::deployer), {"globex", "pay", "1.0.0", ""}, {}, kNow));
  ASSERT_TRUE(push(shop()));
  expect_refused(Code::requirement_unmet, [&] { return deploy_package("shop", "1.0.0"); });
}

}  // namespace
}  // namespace pirn::registry
