// Who may do what. The table is the whole policy: the API asks it for each route, the registry asks it again
// for each change. Values only: any thread, no I/O.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "packager/error/error.h"

namespace pirn::registry {

enum class Role : uint8_t {
  host_operator,
  tenant_admin,
  publisher,
  deployer,
  runner,
  approver,
  viewer,
  auditor
};
inline constexpr Role kRoles[] = {Role::host_operator, Role::tenant_admin, Role::publisher, Role::deployer,
                                  Role::runner,        Role::approver,     Role::viewer,    Role::auditor};

enum class Permission : uint8_t {
  manage_tenants,     // create tenants, see all of them
  manage_keys,        // create and revoke API keys of the tenant
  manage_trust,       // enrol and revoke signing keys of the tenant
  push_release,       // upload a package
  deploy_release,     // make a release the active one
  roll_back_release,  // go back to a release that was active before, below the floor of the serial
  start_execution,
  control_execution,  // cancel, pause, resume
  answer_approval,
  view,        // packages, deployments, executions
  view_audit,  // the audit log
};
inline constexpr Permission kPermissions[] = {Permission::manage_tenants,  Permission::manage_keys,
                                              Permission::manage_trust,    Permission::push_release,
                                              Permission::deploy_release,  Permission::roll_back_release,
                                              Permission::start_execution, Permission::control_execution,
                                              Permission::answer_approval, Permission::view,
                                              Permission::view_audit};

bool allows(Role role, Permission permission);
// A key cannot grant what it does not have: true when `holder` has every permission of `granted`.
bool may_grant(Role holder, Role granted);

std::string_view name(Role role);              // "operator", "tenant-admin", ...
std::string_view name(Permission permission);  // "deploy_release", ...
Result<Role> parse_role(std::string_view name);

// Who asks. The tenant comes from the API key, never from the request; the operator belongs to no tenant.
struct Principal {
  std::string tenant;  // empty: the operator, who may act for every tenant
  std::string key_id;  // empty: the Unix socket of the data directory
  Role role = Role::viewer;
  std::string label{};        // of the key, as who made it named it; may be empty
  int64_t expires_at_ms = 0;  // of the key, since 1970 UTC; 0: never

  static Principal local_operator() { return {"", "", Role::host_operator, "", 0}; }
  bool is_operator() const { return role == Role::host_operator; }
  // For records: "operator", "operator/key:3fk…", "acme/key:9qd…".
  std::string who() const;
  // The one question of every route and every change. A tenant that is not the caller's answers exactly as a
  // missing one (not_found); a permission that the role lacks answers permission_denied.
  Status require(Permission permission, std::string_view of_tenant) const;
};

}  // namespace pirn::registry
