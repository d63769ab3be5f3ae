// What the signed manifest of a release says that its library says about itself (packager/library/claims.h),
// and who asks the library.
#pragma once

#include <functional>
#include <string_view>

#include "packager/library/claims.h"
#include "registry/release.h"

namespace pirn::registry {

// Without the ABI: admission compares that with the manifest, in the bytes of the library, and every load
// compares the library with them.
library::Claims claims_of(const Release& release);

// Loads the library of a release where it can do no harm (a throw-away process), and compares what it says
// about itself with claims_of(release). Called without any lock of the registry, on the thread that pushes;
// an error refuses the push.
using PushProbe = std::function<Status(const Release& release, std::string_view library)>;

}  // namespace pirn::registry
