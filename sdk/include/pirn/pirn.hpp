// The C++20 SDK. This is the one header that a package includes; it needs no library to link. Start with
//
//   package.hpp   how to declare steps, workflows and the package
//   context.hpp   what a step sees and may do
//   outcome.hpp   what a step returns
//   options.hpp   options of steps and workflows
//   workflow.hpp  workflows that are built in C++; patterns.hpp: workflows of a common shape
//
// Authors write pirn::X; the linker sees pirn::sdk::X, so that a test can link a package and a host into one
// program although both have classes of the same name. Names in pirn::detail are not part of the interface.
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
