#include "registry/requirements.h"

#include <algorithm>
#include <map>
#include <set>

#include "packager/archive/version.h"

namespace pirn::registry {

namespace {

// Each requirement can move the choice of another one once; sets that still move after that many turns fit
// each other in no order.
constexpr int kMostTurns = 64;

std::string named(const Release& release) { return release.package + "@" + release.version; }

// The workflow that a step contains, as [package, workflow].
std::pair<std::string_view, std::string_view> contained(const Release& release,
                                                        const definition::Step& step) {
  const std::string_view name = step.nested;
  const size_t colons = name.find("::");
  if (colons == name.npos) return {release.package, name};
  return {name.substr(0, colons), name.substr(colons + 2)};
}

// What somebody asks of a package.
struct Demand {
  const Release* by;
  std::string range;
  archive::VersionRange versions;
  std::set<std::string_view> workflows;
};
using Demands = std::map<std::string, std::vector<Demand>, std::less<>>;
using Chosen = std::map<std::string, ReleasePtr, std::less<>>;

// Empty when the release fits.
std::string lacks(const Release& release, const Demand& demand) {
  const auto version = archive::parse_version(release.version);
  if (!version || !demand.versions.contains(*version))
    return "is outside the range " + demand.range + ", which " + named(*demand.by) + " requires";
  for (const std::string_view workflow : demand.workflows)
    if (!release.find(workflow))
      return "has no workflow '" + std::string(workflow) + "', which " + named(*demand.by) + " contains";
  return {};
}

class Meeting {
 public:
  Meeting(const Release& root, const Search& search) : root_(root), search_(search) {}

  Result<RequiredPtr> run() {
    for (int turn = 0; turn < kMostTurns; ++turn) {
      PIRN_TRY(const Demands demands, demands_of_all());
      PIRN_TRY(Chosen next, choose(demands));
      if (next == chosen_) return checked();
      chosen_ = std::move(next);
    }
    return Error{Code::requirement_unmet, "no set of deployed releases meets what " + named(root_) +
                                              " requires: the requirements conflict"};
  }

 private:
  // Of the release itself and of what is chosen so far and still asked for.
  Result<Demands> demands_of_all() {
    Demands demands;
    std::vector<const Release*> todo{&root_};
    std::set<std::string_view> seen;
    while (!todo.empty()) {
      const Release& release = *todo.back();
      todo.pop_back();
      for (const auto& [package, range] : release.requirements) {
        if (package == release.package) return circle({package, package});
        if (package == root_.package) return circle({root_.package, release.package, package});
        PIRN_TRY(auto versions, archive::parse_range(range));
        demands[package].push_back({&release, range, std::move(versions), workflows_of(release, package)});
        const auto found = chosen_.find(package);
        if (found != chosen_.end() && seen.insert(found->first).second) todo.push_back(found->second.get());
      }
    }
    return demands;
  }

  static std::set<std::string_view> workflows_of(const Release& release, std::string_view package) {
    std::set<std::string_view> workflows;
    for (const definition::Workflow& workflow : release.definition.workflows)
      for (const definition::Step& step : workflow.steps)
        if (!step.nested.empty() && contained(release, step).first == package)
          workflows.insert(contained(release, step).second);
    return workflows;
  }

  Result<Chosen> choose(const Demands& demands) const {
    Chosen next;
    for (const auto& [package, all] : demands) {
      std::vector<Error> causes;
      PIRN_TRY(ReleasePtr release, search_(package, [&](const Release& candidate) {
                 for (const Demand& demand : all) {
                   const std::string lack = lacks(candidate, demand);
                   if (lack.empty()) continue;
                   causes.push_back({Code::requirement_unmet, named(candidate) + " " + lack});
                   return false;
                 }
                 return true;
               }));
      if (!release) return unmet(package, all, std::move(causes));
      next.emplace(package, std::move(release));
    }
    return next;
  }

  Error unmet(const std::string& package, const std::vector<Demand>& demands,
              std::vector<Error> causes) const {
    const Demand& first = demands.front();
    Error error{
        Code::requirement_unmet,
        named(*first.by) + " requires " + package + " " + first.range + ", but " +
            (causes.empty() ? "no release of it is deployed" : "no deployed release of it is suitable")};
    if (first.by != &root_) error.message += " (which is required by " + named(root_) + ")";
    error.causes = std::move(causes);
    return error;
  }

  Result<RequiredPtr> checked() {
    for (const auto& [package, release] : chosen_) {
      std::vector<std::string> path{package};
      PIRN_DO(check_circle(*release, path));
    }
    for (const definition::Workflow& workflow : root_.definition.workflows)
      if (levels(root_, workflow) > definition::kMaxNesting)
        return Error{Code::nesting_refused,
                     "the workflow '" + root_.package + "::" + workflow.name + "' contains more than " +
                         std::to_string(definition::kMaxNesting) + " levels of nested workflows",
                     "Start one of them with an event instead, or merge two of them."};
    if (chosen_.empty()) return RequiredPtr();
    Required required;
    for (const auto& [package, release] : chosen_) required.push_back(release);
    return std::make_shared<const Required>(std::move(required));
  }

  Status check_circle(const Release& release, std::vector<std::string>& path) {
    if (free_of_circles_.contains(release.package)) return {};
    for (const auto& [package, range] : release.requirements) {
      const bool again = std::find(path.begin(), path.end(), package) != path.end();
      path.push_back(package);
      if (again) return circle(path);
      PIRN_DO(check_circle(*chosen_.find(package)->second, path));
      path.pop_back();
    }
    free_of_circles_.insert(release.package);
    return {};
  }

  static Error circle(const std::vector<std::string>& path) {
    std::string text;
    for (const std::string& package : path) text += (text.empty() ? "'" : " -> '") + package + "'";
    return Error{Code::nesting_refused, "packages require each other: " + text,
                 "Remove one of these requirements; start that workflow with an event instead."};
  }

  // No circle is left, within a package (definition::parse) or between packages, so this ends.
  size_t levels(const Release& release, const definition::Workflow& workflow) {
    if (const auto known = levels_.find(&workflow); known != levels_.end()) return known->second;
    size_t most = 0;
    for (const definition::Step& step : workflow.steps) {
      if (step.nested.empty()) continue;
      const auto [package, name] = contained(release, step);
      const Release* of = &release;
      if (package != release.package) {
        const auto found = chosen_.find(package);
        if (found == chosen_.end()) continue;  // not named: check_requirements_named refuses it
        of = found->second.get();
      }
      if (const definition::Workflow* nested = of->find(name))
        most = std::max(most, levels(*of, *nested) + 1);
    }
    return levels_[&workflow] = most;
  }

  const Release& root_;
  const Search& search_;
  Chosen chosen_;
  std::set<std::string> free_of_circles_;
  std::map<const definition::Workflow*, size_t> levels_;
};

}  // namespace

Result<RequiredPtr> meet_requirements(const Release& release, const Search& search) {
  return Meeting(release, search).run();
}

RequiredPtr required_by(const Release& release, const RequiredPtr& among) {
  if (release.requirements.empty() || !among) return nullptr;
  std::set<std::string> wanted;
  std::vector<const Release*> todo{&release};
  while (!todo.empty()) {
    const Release* of = todo.back();
    todo.pop_back();
    for (const auto& [package, range] : of->requirements)
      if (const ReleasePtr* found = find_required(among, package); found && wanted.insert(package).second)
        todo.push_back(found->get());
  }
  if (wanted.size() == among->size()) return among;
  Required required;
  for (const ReleasePtr& each : *among)
    if (wanted.contains(each->package)) required.push_back(each);
  return required.empty() ? nullptr : std::make_shared<const Required>(std::move(required));
}

const ReleasePtr* find_required(const RequiredPtr& required, std::string_view package) {
  if (!required) return nullptr;
  for (const ReleasePtr& release : *required)
    if (release->package == package) return &release;
  return nullptr;
}

bool needs_others(const Release& release, const definition::Workflow& workflow) {
  std::vector<const definition::Workflow*> todo{&workflow};
  std::set<const definition::Workflow*> seen{&workflow};
  while (!todo.empty()) {
    const definition::Workflow& of = *todo.back();
    todo.pop_back();
    for (const definition::Step& step : of.steps) {
      if (step.nested.empty()) continue;
      const auto [package, name] = contained(release, step);
      if (package != release.package) return true;
      const definition::Workflow* nested = release.find(name);
      if (nested && seen.insert(nested).second) todo.push_back(nested);
    }
  }
  return false;
}

}  // namespace pirn::registry
