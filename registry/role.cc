#include "registry/role.h"

#include <string>

namespace pirn::registry {

namespace {

constexpr uint32_t bit(Permission permission) { return 1u << static_cast<uint32_t>(permission); }

struct Row {
  Role role;
  std::string_view name;
  uint32_t permissions;
};

constexpr uint32_t kAll = (1u << std::size(kPermissions)) - 1;

constexpr Row kTable[] = {
    {Role::host_operator, "operator", kAll},
    {Role::tenant_admin, "tenant-admin", kAll & ~bit(Permission::manage_tenants)},
    {Role::publisher, "publisher", bit(Permission::push_release) | bit(Permission::view)},
    {Role::deployer, "deployer",
     bit(Permission::deploy_release) | bit(Permission::roll_back_release) | bit(Permission::view)},
    {Role::runner, "runner",
     bit(Permission::start_execution) | bit(Permission::control_execution) | bit(Permission::view)},
    {Role::approver, "approver", bit(Permission::answer_approval) | bit(Permission::view)},
    {Role::viewer, "viewer", bit(Permission::view)},
    {Role::auditor, "auditor", bit(Permission::view) | bit(Permission::view_audit)},
};

constexpr bool in_order() {
  for (size_t i = 0; i < std::size(kTable); ++i)
    if (kTable[i].role != kRoles[i] || static_cast<size_t>(kTable[i].role) != i) return false;
  return std::size(kTable) == std::size(kRoles);
}
static_assert(in_order(), "the table is indexed by role");

constexpr std::string_view kPermissionNames[] = {
    "manage_tenants",    "manage_keys",     "manage_trust",      "push_release",    "deploy_release",
    "roll_back_release", "start_execution", "control_execution", "answer_approval", "view",
    "view_audit"};
static_assert(std::size(kPermissionNames) == std::size(kPermissions));

const Row& row(Role role) { return kTable[static_cast<size_t>(role)]; }

}  // namespace

bool allows(Role role, Permission permission) { return (row(role).permissions & bit(permission)) != 0; }

bool may_grant(Role holder, Role granted) {
  return (row(granted).permissions & ~row(holder).permissions) == 0;
}

std::string_view name(Role role) { return row(role).name; }
std::string_view name(Permission permission) { return kPermissionNames[static_cast<size_t>(permission)]; }

Result<Role> parse_role(std::string_view text) {
  std::vector<std::string> names;
  for (const Row& row : kTable) {
    if (row.name == text) return row.role;
    names.emplace_back(row.name);
  }
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  const std::string near = nearest(text, names);
  return Error{Code::invalid_argument, "there is no role '" + std::string(text) + "'",
               near.empty() ? "The roles are " + list + "."
                            : "Did you mean '" + near + "'? The roles are " + list + "."};
}

std::string Principal::who() const {
  const std::string_view owner = is_operator() ? std::string_view("operator") : std::string_view(tenant);
  return key_id.empty() ? std::string(owner) : std::string(owner) + "/key:" + key_id;
}

Status Principal::require(Permission permission, std::string_view of_tenant) const {
  if (!is_operator() && of_tenant != tenant)
    return Error{Code::not_found, "there is no tenant '" + std::string(of_tenant) + "'"};
  if (allows(role, permission)) return {};
  std::string holders;
  for (const Row& row : kTable)
    if (allows(row.role, permission)) holders += (holders.empty() ? "" : ", ") + std::string(row.name);
  return Error{Code::permission_denied,
               "the role '" + std::string(name(role)) + "' of " + who() + " does not have the permission '" +
                   std::string(name(permission)) + "'",
               "Use a key with one of these roles: " + holders + "."};
}

}  // namespace pirn::registry
