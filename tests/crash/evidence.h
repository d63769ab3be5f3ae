// What a kill -9 campaign has in hand at the end, and what must hold of it. Two witnesses: the ledger, which
// the steps wrote themselves and into which the campaign also wrote what the host had told it, in the order
// in which all of that happened; and the journals that the host shows after the last restart. Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pirn::crash {

// A step ran: "ran EXECUTION STEP ATTEMPT INVOCATION VERSION UNIX_NS".
struct Effect {
  size_t line = 0;
  std::string execution, step;
  uint32_t attempt = 0;
  uint64_t invocation = 0;
  std::string version;
  int64_t at_ns = 0;
};
// The host said that the step is completed: "seen EXECUTION STEP". Nothing may run it after that line.
struct Sighting {
  size_t line = 0;
  std::string execution, step;
};
struct Ledger {
  std::vector<Effect> effects;
  std::vector<Sighting> sightings;
};

using Problems = std::vector<std::string>;

// Lines that are neither are problems.
Ledger read_ledger(std::string_view text, Problems& problems);
std::string sighting_line(std::string_view execution, std::string_view step);

// No step ran after it was seen completed; each invocation ran once; attempts never fall; an execution runs
// one version.
Problems check_ledger(const Ledger& ledger);

// One record of an execution's journal, as far as the campaign looks at it.
struct Event {
  uint64_t seq = 0;
  int64_t at_ns = 0;
  std::string type, step, state;
  uint32_t attempt = 0;
  uint64_t invocation = 0;
  int64_t wake_at = 0;
};

struct Expectation {
  std::map<std::string, uint32_t> failures;  // by step: how often it fails by its own fault
};

// The journal of a completed execution against the effects of the same: numbered without a gap; one start,
// one stop; each step stopped once; each start of a step ended in a stop, a failure or an interruption;
// failures are exactly the expected ones, so nobody was blamed for a crash; retries were not early; what ran
// had been started, and what stopped had run.
Problems check_history(const std::string& execution, const std::vector<Event>& events,
                       const std::vector<Effect>& effects, const Expectation& expectation);

}  // namespace pirn::crash
