// Circuit breakers of packages that are active side by side. Pure: any thread.
#pragma once

#include "registry/catalog.h"

namespace pirn::registry {

// May this release be active beside the other packages of its tenant? breaker_mismatch: a circuit breaker
// that both name has other options there.
Status check_breakers(const Catalog& catalog, const Release& release);

}  // namespace pirn::registry
