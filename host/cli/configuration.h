// The configuration file of a host (docs/reference/configuration.md): TOML whose keys are all known.
// Private to host/cli.
#pragma once

#include <string>
#include <string_view>

#include "host/host.h"

namespace pirn::cli {

// What the file says goes into `options`; what it does not say stays. config_invalid lists every problem with
// its place.
Status read_configuration(std::string_view text, std::string_view file, HostOptions& options);

}  // namespace pirn::cli
