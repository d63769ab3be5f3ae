// Where the files that belong to this program are: in the build tree beside it, or where it was installed.
#pragma once

#include <string>

namespace pirn::cli {

std::string probe_program();       // PIRN_PROBE, or pirn-probe where it is installed
std::string sdk_prefix();          // PIRN_SDK, or the prefix of this program; for find_package(Pirn)
std::string template_directory();  // has one directory for each language

}  // namespace pirn::cli
