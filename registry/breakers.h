// Circuit breakers of packages that are active side by side. Pure: any thread.
#pragma once

#include "registry/catalog.h"

namespace pirn::registry {

// May this release be active beside the other packages of its tenant? breaker_mismatch: a circuit breaker
// that both name has other options there.
Status check_breakers(const Catalog& catalog, const Release& release);
// The same of a breaker that no definition names in this place: `who` of the release does, at run time.
Status check_breaker(const Catalog& catalog, const Release& release, const std::string& who,
                     const definition::CircuitBreaker& breaker);

}  // namespace pirn::registry
