// The C++20 SDK: this is the one header that a package includes. Start with package.hpp (how to declare),
// context.hpp (what a step sees), outcome.hpp (what it answers), options.hpp (what may be said of a step or a
// workflow), workflow.hpp and patterns.hpp (workflows that are built in C++).
//
// Everything is pirn::X to authors and pirn::sdk::X to the linker: a test that links a package and a host
// into one program must not mix up two classes of one name.
#pragma once

#include "pirn/abi.h"
#include "pirn/context.hpp"
#include "pirn/duration.hpp"
#include "pirn/error.hpp"
#include "pirn/function.hpp"
#include "pirn/json.hpp"
#include "pirn/name.hpp"
#include "pirn/options.hpp"
#include "pirn/outcome.hpp"
#include "pirn/package.hpp"
#include "pirn/patterns.hpp"
#include "pirn/print.hpp"
#include "pirn/value.hpp"
#include "pirn/workflow.hpp"
