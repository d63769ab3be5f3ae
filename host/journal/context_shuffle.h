// Where the nodes of a Context lie depends on a number that nobody who chooses keys may know: keys that were chosen
// for it would make the map one long chain.
#pragma once

#include <cstdint>

namespace pirn::journal {

// Only before the first Context is made, on the only thread; 0 unless set. What a map holds does not depend on it.
void set_context_shuffle(uint64_t secret);

}  // namespace pirn::journal
