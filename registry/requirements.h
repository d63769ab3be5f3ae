// What a release needs of other packages (`requires` of its manifest), and which releases meet it.
//
// A requirement is met by the newest deployment of the package that fits: its version within the range, and
// with the workflows that are run as steps. The kMostCandidates newest are looked at. So a new version of a
// required package is taken up by the next execution when it fits, and has no effect when it does not:
// a package that cannot use it stays with the previous one. An execution pins what it was started with; its
// nested executions run on the same pins.
//
// Pure but for what `search` does.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "registry/release.h"

namespace pirn::registry {

using Required = std::vector<ReleasePtr>;  // also what the required ones require; ascending by package
using RequiredPtr = std::shared_ptr<const Required>;  // nullptr: none

inline constexpr uint64_t kMostCandidates = 256;

// The newest deployment of `package` that is not withdrawn and of which `fits` is true; nullptr: none. `fits`
// asks for package, version and the names of workflows only: it may get a release that has nothing else.
using Fits = std::function<bool(const Release&)>;
using Search = std::function<Result<ReleasePtr>(std::string_view package, const Fits& fits)>;

// One release for each package, also where several require the same one. requirement_unmet, its causes say
// what each release lacks; nesting_refused when packages require each other or workflows nest too deep.
Result<RequiredPtr> meet_requirements(const Release& release, const Search& search);

// Of `among`, which holds them, those that `release` itself runs with.
RequiredPtr required_by(const Release& release, const RequiredPtr& among);

// nullptr when it is not among them.
const ReleasePtr* find_required(const RequiredPtr& required, std::string_view package);

// Does the workflow, or one of its own package that it contains, contain one of another package?
bool needs_others(const Release& release, const definition::Workflow& workflow);

}  // namespace pirn::registry
