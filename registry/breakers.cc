// Circuit breakers belong to a tenant (R33): packages that share one must agree on its options.
#include "registry/breakers.h"

#include <map>
#include <string>

namespace pirn::registry {

namespace {

struct Named {
  const Release* release;
  const definition::Workflow* workflow;
  const definition::Step* step;
  std::string text() const {
    return "the step '" + step->name + "' of " + release->package + "::" + workflow->name;
  }
};

template <class Visit>
void each_guarded_step(const Release& release, Visit visit) {
  for (const definition::Workflow& workflow : release.definition.workflows)
    for (const definition::Step& step : workflow.steps)
      if (!step.breaker.name.empty()) visit(Named{&release, &workflow, &step});
}

Error mismatch(const std::string& one, const std::string& other, const std::string& breaker) {
  return Error{Code::breaker_mismatch,
               one + " and " + other + " set different options for the circuit breaker '" + breaker + "'",
               "A tenant's workflows share circuit breakers: give both steps the same circuit_breaker_opts, "
               "or name two different breakers."};
}

}  // namespace

Status check_breaker(const Catalog& catalog, const Release& release, const std::string& who,
                     const definition::CircuitBreaker& breaker) {
  bool own = false;
  Status result;
  const auto compare = [&](const Named& other) {
    if (other.step->breaker.name != breaker.name) return;
    own = own || other.release == &release;
    if (result && other.step->breaker != breaker) result = mismatch(who, other.text(), breaker.name);
  };
  each_guarded_step(release, compare);
  if (own) return result;  // what its package says of it was agreed upon when that was deployed
  for (const Active* active : catalog.packages(release.tenant))
    if (active->release->package != release.package && !active->withdrawn)
      each_guarded_step(*active->release, compare);
  return result;
}

Status check_breakers(const Catalog& catalog, const Release& release) {
  std::map<std::string_view, Named> own;
  each_guarded_step(release, [&](const Named& named) { own.emplace(named.step->breaker.name, named); });
  if (own.empty()) return {};
  Status result;
  for (const Active* active : catalog.packages(release.tenant)) {
    if (active->release->package == release.package || active->withdrawn) continue;
    each_guarded_step(*active->release, [&](const Named& other) {
      const auto same = own.find(other.step->breaker.name);
      if (!result || same == own.end() || same->second.step->breaker == other.step->breaker) return;
      result = mismatch(same->second.text(), other.text(), other.step->breaker.name);
    });
  }
  return result;
}

}  // namespace pirn::registry
