#include "registry/role.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace pirn::registry {
namespace {

// The policy once more, in the words of a person: what each role may do, and nothing else.
TEST(Role, HoldsExactlyWhatTheTableSays) {
  using P = Permission;
  const std::map<Role, std::set<P>> expected = {
      {Role::host_operator, {std::begin(kPermissions), std::end(kPermissions)}},
      {Role::tenant_admin,
       {P::manage_keys, P::manage_trust, P::push_release, P::deploy_release, P::roll_back_release,
        P::start_execution, P::control_execution, P::answer_approval, P::view, P::view_audit}},
      {Role::publisher, {P::push_release, P::view}},
      {Role::deployer, {P::deploy_release, P::roll_back_release, P::view}},
      {Role::runner, {P::start_execution, P::control_execution, P::view}},
      {Role::approver, {P::answer_approval, P::view}},
      {Role::viewer, {P::view}},
      {Role::auditor, {P::view, P::view_audit}},
  };
  for (Role role : kRoles)
    for (Permission permission : kPermissions)
      EXPECT_EQ(allows(role, permission), expected.at(role).contains(permission))
          << name(role) << " " << name(permission);
}

TEST(Role, NobodyGrantsWhatHeDoesNotHold) {
  for (Role holder : kRoles)
    for (Role granted : kRoles) {
      bool holds_all = true;
      for (Permission permission : kPermissions)
        if (allows(granted, permission) && !allows(holder, permission)) holds_all = false;
      EXPECT_EQ(may_grant(holder, granted), holds_all) << name(holder) << " " << name(granted);
    }
  EXPECT_FALSE(may_grant(Role::tenant_admin, Role::host_operator));
  EXPECT_FALSE(may_grant(Role::publisher, Role::deployer));
}

TEST(Role, NamesGoBothWaysAndMistakesGetASuggestion) {
  for (Role role : kRoles) EXPECT_EQ(*parse_role(name(role)), role);
  const auto wrong = parse_role("deplyer");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::invalid_argument);
  EXPECT_NE(wrong.error().hint.find("'deployer'"), std::string::npos) << wrong.error().hint;
}

TEST(Principal, ForeignTenantAnswersAsAMissingOne) {
  const Principal principal{"acme", "k1", Role::tenant_admin};
  EXPECT_TRUE(principal.require(Permission::deploy_release, "acme"));
  const auto foreign = principal.require(Permission::view, "globex");
  const auto missing = principal.require(Permission::view, "no-such");
  ASSERT_FALSE(foreign);
  ASSERT_FALSE(missing);
  EXPECT_EQ(foreign.error().code, Code::not_found);
  EXPECT_EQ(missing.error().code, Code::not_found);
  EXPECT_EQ(foreign.error().message, "there is no tenant 'globex'");
  EXPECT_EQ(missing.error().message, "there is no tenant 'no-such'");
  // What the role lacks is not told about a tenant that is not its own.
  EXPECT_EQ(
      (Principal{"acme", "k1", Role::viewer}).require(Permission::deploy_release, "globex").error().code,
      Code::not_found);
}

TEST(Principal, LackingPermissionNamesRoleAndPermission) {
  const auto refused = Principal{"acme", "k1", Role::viewer}.require(Permission::deploy_release, "acme");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::permission_denied);
  EXPECT_NE(refused.error().message.find("viewer"), std::string::npos);
  EXPECT_NE(refused.error().message.find("deploy_release"), std::string::npos);
}

TEST(Principal, OperatorActsForEveryTenant) {
  for (Permission permission : kPermissions)
    EXPECT_TRUE(Principal::local_operator().require(permission, "any"));
  EXPECT_EQ(Principal::local_operator().who(), "operator");
  EXPECT_EQ((Principal{"", "k7", Role::host_operator}).who(), "operator/key:k7");
  EXPECT_EQ((Principal{"acme", "k1", Role::viewer}).who(), "acme/key:k1");
}

}  // namespace
}  // namespace pirn::registry
