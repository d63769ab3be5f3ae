// Many seeds of random workflows. A failing one is printed with what replays it.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "tests/host/properties/seeds.h"
#include "tests/host/simulation/scenario.h"

namespace pirn::sim {
namespace {

std::string told(const RunReport& result) {
  std::string out;
  for (const std::string& problem : result.problems) out += problem + "\n";
  return out;
}

TEST(Simulation, EveryRunHasTheProperties) {
  const auto [first, n] = seeds_to_run(2000);
  uint64_t crashes = 0;
  for (uint64_t seed = first; seed < first + n; ++seed) {
    const RunningSeed running(seed);
    SCOPED_TRACE(replay(seed));
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

TEST(SeedsDeathTest, OneThatEndsTheProgramIsPrintedWithWhatReplaysIt) {
  const auto end_with = [](void (*end)()) {
    const RunningSeed running(42);
    end();
  };
  EXPECT_DEATH(end_with([] { std::abort(); }), "seed 42 was running: ./dev simulate 1 42");
  EXPECT_EXIT(end_with([] { std::raise(SIGTERM); }), testing::KilledBySignal(SIGTERM), "seed 42 was running");
}

TEST(Seeds, OneThatThrowsIsPrintedAndOneThatIsOverIsNot) {
  testing::internal::CaptureStderr();
  { const RunningSeed over(41); }
  try {
    const RunningSeed running(42);
    throw std::runtime_error("out of luck");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "\nseed 42 was running: ./dev simulate 1 42\n");
}

}  // namespace
}  // namespace pirn::sim
