// Many seeds of random workflows. A failing one is printed and replays with
//   PIRN_SIMULATION_SEED=n PIRN_SIMULATION_SEEDS=1 build/bin/simulation_test
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/host/simulation/scenario.h"

namespace pirn::sim {
namespace {

uint64_t setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::string told(const RunReport& result) {
  std::string out;
  for (const std::string& problem : result.problems) out += problem + "\n";
  return out;
}

TEST(Simulation, EveryRunHasTheProperties) {
  const uint64_t first = setting("PIRN_SIMULATION_SEED", 1), n = setting("PIRN_SIMULATION_SEEDS", 2000);
  uint64_t crashes = 0;
  for (uint64_t seed = first; seed < first + n; ++seed) {
    const Scenario scenario = make_scenario(seed);
    const RunReport calm = execute(scenario, {seed * 3, false, false});
    ASSERT_TRUE(calm.problems.empty()) << "seed " << seed << ", calm\n" << told(calm) << scenario.definition;
    const RunReport stormy = execute(scenario, {seed * 5 + 1, true, false});
    ASSERT_TRUE(stormy.problems.empty()) << "seed " << seed << ", stormy\n"
                                         << told(stormy) << scenario.definition;
    crashes += static_cast<uint64_t>(stormy.crashes);
    // P4: neither timing nor crashes change what comes out.
    if (scenario.confluent) {
      ASSERT_EQ(calm.outcome, stormy.outcome) << "seed " << seed << "\n" << scenario.definition;
    }
    const RunReport cancelled = execute(scenario, {seed * 7 + 2, seed % 2 == 0, true});
    ASSERT_TRUE(cancelled.problems.empty()) << "seed " << seed << ", cancelled\n"
                                            << told(cancelled) << scenario.definition;
  }
  std::printf("%llu seeds, %llu crashes\n", static_cast<unsigned long long>(n),
              static_cast<unsigned long long>(crashes));
}

TEST(Simulation, ASeedIsARun) {
  const Scenario scenario = make_scenario(42);
  EXPECT_EQ(execute(scenario, {7, true, false}).outcome, execute(scenario, {7, true, false}).outcome);
}

}  // namespace
}  // namespace pirn::sim
