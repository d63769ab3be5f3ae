// Where the nodes of a Context lie depends on a number that nobody who chooses keys may know: keys that were
// chosen for it would make the map one long chain.
#pragma once

#include <cstdint>
#include <random>

namespace pirn::journal {

// Only before the first Context is made, on the only thread; 0 unless set. What a map holds does not depend
// on it.
void set_context_shuffle(uint64_t secret);
// The same with a number of the system's that nobody knows.
inline void shuffle_contexts() {
  std::random_device random;
  set_context_shuffle(uint64_t{random()} << 32 | random());
}

}  // namespace pirn::journal
