// Random workflows with scripted outcomes, run on the real engine, and the properties that every run must
// have.
//
// A scenario (the graph, its options, what each attempt of each step does) is a function of its seed. How it
// is executed (how long things take, how much runs at once, where the host is lost) is a function of a second
// seed: by property P4 it must not change what comes out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pirn::sim {

struct Scenario {
  uint64_t seed = 0;
  std::string definition;  // JSON document
  std::string input;
  bool confluent = true;  // no hard failure can stop it, nothing depends on time
};
Scenario make_scenario(uint64_t seed);

struct RunSeed {
  uint64_t seed = 0;
  bool crashes = true;
  bool cancels = false;
};

struct RunReport {
  std::string outcome;                // states, skip kinds, slots and context, as text
  std::vector<std::string> problems;  // broken properties
  int crashes = 0;
};
RunReport execute(const Scenario& scenario, const RunSeed& execution);

}  // namespace pirn::sim
