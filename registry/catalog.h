// Which release each tenant's packages point to, and what slots it may use, as an immutable snapshot. A
// deployment appends an edit and swaps the snapshot (hot swap is nothing more); whoever holds the old one
// keeps it, and the releases in it.
//
// A snapshot costs one copy of the edited tenant's map; the other tenants are shared with the one before. A
// persistent tree was rejected: deployments are rare, and lookups want one flat step.
//
// Immutable: any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "registry/release.h"
#include "registry/requirements.h"

namespace pirn::registry {

// What a package points to.
struct Active {
  ReleasePtr release;
  uint64_t revision = 0;   // the deployment that made it active
  bool withdrawn = false;  // a key that signed it was revoked as compromised: nothing starts on it any more
  RequiredPtr required = nullptr;   // what executions that start now run with
  std::optional<Error> unmet = {};  // why nothing starts that contains workflows of other packages

  bool may_start(const definition::Workflow& workflow) const {
    return !withdrawn && !(unmet && needs_others(*release, workflow));
  }
};

// One change of one package of one tenant. No value: the package has no active release.
struct CatalogEdit {
  std::string tenant, package;
  std::optional<Active> active;
};

// How much of the host a tenant may use at once (docs/semantics.md, R71); the operator's to say.
inline constexpr uint32_t kMostWeight = 1'000, kMostRunningSteps = 1'000'000;
struct SlotTerms {
  uint32_t weight = 1;             // of the tenant's share of the slots, 1 to kMostWeight
  uint32_t max_running_steps = 0;  // 0: no cap; else 1 to kMostRunningSteps
  bool operator==(const SlotTerms&) const = default;
};

class Catalog {
 public:
  struct Target {
    ReleasePtr release;  // keeps the workflow alive
    const definition::Workflow* workflow = nullptr;
    RequiredPtr required = nullptr;
  };

  // "workflow" or "package::workflow" in this tenant's packages. not_found for what is missing and for what
  // belongs to somebody else, without a difference; workflow_ambiguous lists the candidates;
  // release_withdrawn; requirement_unmet.
  Result<Target> resolve(std::string_view tenant, std::string_view reference) const;

  // nullptr when the package has no active release (or belongs to somebody else).
  const Active* active(std::string_view tenant, std::string_view package) const;
  // All active packages of a tenant, ascending by name.
  std::vector<const Active*> packages(std::string_view tenant) const;
  // All active packages, by tenant and name.
  std::vector<const Active*> packages() const;

  // Is it active, or does an active release run with it?
  bool in_use(const ReleasePtr& release) const;

  // Packages whose active release cannot be read, and why. Nothing of them starts, and what is known of them
  // is left alone: they come back unchanged when they can be read, or are deployed again.
  const Error* why_aside(std::string_view tenant, std::string_view package) const;  // nullptr: it is not
  bool is_aside(std::string_view tenant, std::string_view package) const {
    return why_aside(tenant, package) != nullptr;
  }
  bool has_aside(std::string_view tenant) const { return aside_.contains(tenant); }
  std::vector<Error> aside() const;

  // The default for a tenant that was given none.
  SlotTerms slot_terms(std::string_view tenant) const;

  Catalog with(const CatalogEdit& edit) const;
  Catalog with_all(std::span<const CatalogEdit> edits) const;  // one after the other
  Catalog with_aside(const std::string& tenant, const std::string& package, Error why) const;
  Catalog with_slot_terms(const std::string& tenant, SlotTerms terms) const;
  // The same releases, with what those of a tenant run with found anew.
  Catalog with_requirements_met(const std::string& tenant, const Search& search) const;

 private:
  using Packages = std::map<std::string, Active, std::less<>>;
  std::map<std::string, std::shared_ptr<const Packages>, std::less<>> tenants_;
  std::map<std::string, SlotTerms, std::less<>> slot_terms_;  // other than the default
  std::map<std::string, std::map<std::string, Error, std::less<>>, std::less<>> aside_;
};
using CatalogPtr = std::shared_ptr<const Catalog>;

}  // namespace pirn::registry
