// Tries the rules of workflows out: the real engine, in memory, on a virtual clock, with scripted outcomes.
// What the command line may know of host/simulate.
//
// Thread: any, one call at a time each; no clock, no file but those that `read_definition` opens.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "packager/error/error.h"

namespace pirn::sim {

struct Simulated {
  std::string json;                // runs, journal, calls, refusals
  std::vector<Error> differences;  // from what the case expects; each points at its place in the case
};

// `text` is a case (docs/reference/simulate.md), `file` its name in messages.
Result<Simulated> simulate(
    std::string_view text, std::string_view file,
    const std::function<Result<std::string>(const std::string& path)>& read_definition);

}  // namespace pirn::sim
