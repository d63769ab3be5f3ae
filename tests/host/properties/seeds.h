// Which seeds a test runs, and what is said of the one that fails, also when it takes the program with it: an
// assertion of the engine in the middle of a million seeds is worth little without its number.
#pragma once

#include <cstdint>
#include <string>

namespace pirn::sim {

// PIRN_SIMULATION_SEED and PIRN_SIMULATION_SEEDS, which `./dev simulate` sets.
struct Seeds {
  uint64_t first, n;
};
Seeds seeds_to_run(uint64_t usual);

// "./dev simulate 1 SEED"
std::string replay(uint64_t seed);

// While it lives, the end of the program by a signal or an exception prints the seed and how to replay it.
// One at a time.
class RunningSeed {
 public:
  explicit RunningSeed(uint64_t seed);
  ~RunningSeed();
  RunningSeed(const RunningSeed&) = delete;
  RunningSeed& operator=(const RunningSeed&) = delete;

 private:
  const int exceptions_;  // under way when it began
};

}  // namespace pirn::sim
