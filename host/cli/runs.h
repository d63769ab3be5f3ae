// What the commands about executions share. Private to host/cli.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>

#include "host/cli/client.h"
#include "host/cli/terminal.h"

namespace pirn::cli {

// An id, or @latest, @failed, @running, @paused.
Result<std::string> find_run(Client& client, const std::string& run);

// Before anything is started or cancelled: a --timeout that is not a duration, or is given without --wait.
Status check_timeout(const Arguments& arguments, bool waits);
// --wait or --watch.
bool waits(const Arguments& arguments);
// What a start ends with: the id, or the whole run when it is over.
Outcome show_started(Client& client, const boost::json::object& started, const Arguments& arguments,
                     Format format);

// "ada, grace", printable; empty for none.
std::string names_in(const boost::json::array& names);

}  // namespace pirn::cli
