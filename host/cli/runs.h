// What the commands about executions share. Private to host/cli.
#pragma once

#include <boost/json/array.hpp>
#include <string>

#include "host/cli/client.h"

namespace pirn::cli {

// An id, or @latest, @failed, @running, @paused.
Result<std::string> find_run(Client& client, const std::string& run);

// "ada, grace"; empty for none.
std::string names_in(const boost::json::array& names);

}  // namespace pirn::cli
