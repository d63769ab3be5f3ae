#include "registry/catalog.h"

#include <algorithm>

namespace pirn::registry {

namespace {

constexpr size_t kListedWorkflows = 10;
constexpr size_t kMostNames = 256;

// `known`: what the tenant itself has.
Error no_workflow(std::string_view reference, const std::vector<std::string>& known) {
  Error error{Code::not_found, "there is no workflow '" + std::string(reference) + "'"};
  if (const std::string near = nearest(reference, known); !near.empty()) {
    error.hint = "Did you mean '" + near + "'?";
  } else if (known.empty()) {
    error.hint = "Nothing is deployed for this tenant yet: pirn deploy PACKAGE.";
  } else if (known.size() <= kListedWorkflows) {
    for (const std::string& each : known)
      error.hint += (error.hint.empty() ? "The workflows are: " : ", ") + each;
    error.hint += ".";
  }
  return error;
}

Error withdrawn(const Release& release) {
  return Error{Code::release_withdrawn, "the release " + release.package + "@" + release.version +
                                            " is withdrawn: a key that signed it was revoked as compromised"};
}

// No more than are compared with a name that is not there: the engine's thread asks.
std::vector<std::string> names_in(const auto& packages, bool qualified) {
  std::vector<std::string> names;
  for (const auto& [package, active] : packages)
    for (const definition::Workflow& workflow : active.release->definition.workflows) {
      if (names.size() == kMostNames) return names;
      names.push_back(qualified ? package + "::" + workflow.name : workflow.name);
    }
  return names;
}

Error ambiguous(std::string_view workflow, const auto& packages) {
  std::string list;
  for (const auto& [package, active] : packages)
    if (active.release->find(workflow))
      list += (list.empty() ? "" : ", ") + package + "::" + std::string(workflow);
  return Error{Code::workflow_ambiguous,
               "the workflow '" + std::string(workflow) + "' is in several packages: " + list};
}

}  // namespace

// Each start comes through here: a name that is found costs no allocation.
Result<Catalog::Target> Catalog::resolve(std::string_view tenant, std::string_view reference) const {
  const auto found = tenants_.find(tenant);
  if (found == tenants_.end() && !has_aside(tenant)) return no_workflow(reference, {});
  static const Packages kNone;
  const Packages& packages = found == tenants_.end() ? kNone : *found->second;

  const size_t colons = reference.find("::");
  const bool qualified = colons != std::string_view::npos;
  const std::string_view package = qualified ? reference.substr(0, colons) : std::string_view();
  const std::string_view workflow = qualified ? reference.substr(colons + 2) : reference;

  const Active* active = nullptr;
  const definition::Workflow* match = nullptr;
  if (qualified) {
    if (const auto named = packages.find(package); named != packages.end()) {
      active = &named->second;
      match = active->release->find(workflow);
    }
  } else {
    for (const auto& [name, each] : packages) {
      const definition::Workflow* candidate = each.release->find(workflow);
      if (!candidate) continue;
      if (match) return ambiguous(workflow, packages);
      active = &each;
      match = candidate;
    }
  }
  if (!match && has_aside(tenant)) {
    const auto& aside = aside_.find(tenant)->second;
    if (!qualified) return aside.begin()->second;  // it may be one of its workflows
    if (const auto named = aside.find(package); named != aside.end()) return named->second;
  }
  if (!match) return no_workflow(reference, names_in(packages, qualified));
  if (active->withdrawn) return withdrawn(*active->release);
  if (active->unmet && needs_others(*active->release, *match)) return *active->unmet;
  return Target{active->release, match, active->required};
}

const Active* Catalog::active(std::string_view tenant, std::string_view package) const {
  const auto found = tenants_.find(tenant);
  if (found == tenants_.end()) return nullptr;
  const auto entry = found->second->find(package);
  return entry == found->second->end() ? nullptr : &entry->second;
}

std::vector<const Active*> Catalog::packages(std::string_view tenant) const {
  std::vector<const Active*> out;
  if (const auto found = tenants_.find(tenant); found != tenants_.end())
    for (const auto& [name, active] : *found->second) out.push_back(&active);
  return out;
}

std::vector<const Active*> Catalog::packages() const {
  std::vector<const Active*> out;
  for (const auto& [tenant, packages] : tenants_)
    for (const auto& [name, active] : *packages) out.push_back(&active);
  return out;
}

bool Catalog::in_use(const ReleasePtr& release) const {
  const auto found = tenants_.find(release->tenant);
  if (found == tenants_.end()) return false;
  return std::any_of(found->second->begin(), found->second->end(), [&](const auto& entry) {
    const Active& active = entry.second;
    if (active.release == release) return true;
    const ReleasePtr* required = find_required(active.required, release->package);
    return required && *required == release;
  });
}

const Error* Catalog::why_aside(std::string_view tenant, std::string_view package) const {
  const auto found = aside_.find(tenant);
  if (found == aside_.end()) return nullptr;
  const auto why = found->second.find(package);
  return why == found->second.end() ? nullptr : &why->second;
}

std::vector<Error> Catalog::aside() const {
  std::vector<Error> all;
  for (const auto& [tenant, packages] : aside_)
    for (const auto& [package, why] : packages) all.push_back(why);
  return all;
}

Catalog Catalog::with_aside(const std::string& tenant, const std::string& package, Error why) const {
  Catalog next = *this;
  next.aside_[tenant].insert_or_assign(package, std::move(why));
  return next;
}

SlotTerms Catalog::slot_terms(std::string_view tenant) const {
  const auto found = slot_terms_.find(tenant);
  return found == slot_terms_.end() ? SlotTerms() : found->second;
}

Catalog Catalog::with_slot_terms(const std::string& tenant, SlotTerms terms) const {
  Catalog next = *this;
  if (terms == SlotTerms())
    next.slot_terms_.erase(tenant);
  else
    next.slot_terms_[tenant] = terms;
  return next;
}

Catalog Catalog::with(const CatalogEdit& edit) const { return with_all(std::span(&edit, 1)); }

Catalog Catalog::with_all(std::span<const CatalogEdit> edits) const {
  std::map<std::string, std::shared_ptr<Packages>> edited;  // by tenant: one copy for all of its edits
  for (const CatalogEdit& edit : edits) {
    auto& packages = edited[edit.tenant];
    if (!packages) {
      const auto found = tenants_.find(edit.tenant);
      packages =
          found == tenants_.end() ? std::make_shared<Packages>() : std::make_shared<Packages>(*found->second);
    }
    if (edit.active)
      packages->insert_or_assign(edit.package, *edit.active);
    else
      packages->erase(edit.package);
  }
  Catalog next = *this;
  for (const CatalogEdit& edit : edits) {
    const auto aside = next.aside_.find(edit.tenant);
    if (aside == next.aside_.end()) continue;
    aside->second.erase(edit.package);
    if (aside->second.empty()) next.aside_.erase(aside);
  }
  for (auto& [tenant, packages] : edited) {
    if (packages->empty())
      next.tenants_.erase(tenant);
    else
      next.tenants_[tenant] = std::move(packages);
  }
  return next;
}

Catalog Catalog::with_requirements_met(const std::string& tenant, const Search& search) const {
  const auto found = tenants_.find(tenant);
  if (found == tenants_.end()) return *this;
  // One copy for all packages: a copy for each would take the square of their number.
  auto packages = std::make_shared<Packages>(*found->second);
  for (auto& [name, active] : *packages) {
    if (active.release->requirements.empty()) continue;
    active.required = nullptr;
    active.unmet.reset();
    if (auto required = meet_requirements(*active.release, search))
      active.required = std::move(required).value();
    else
      active.unmet = std::move(required).error();
  }
  Catalog next = *this;
  next.tenants_[tenant] = std::move(packages);
  return next;
}

}  // namespace pirn::registry
