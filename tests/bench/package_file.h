// The package of the benchmarks as a file, made by the real command line.
#pragma once

#include <cstddef>
#include <string>

#include "tests/bench/scratch.h"

namespace pirn::bench {

// The command line, in a directory of its own; its output is of no interest while it succeeds. Else it
// throws.
void pirn(const Scratch& scratch, const std::string& arguments);

// bench-1.0.0.pirn, signed, as bench.pirn, with so much incompressible ballast in it; and key.pub.
void make_package(const Scratch& scratch, size_t ballast);

}  // namespace pirn::bench
