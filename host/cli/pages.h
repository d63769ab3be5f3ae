// Lists that a host gives out page by page, read to their end. Private to host/cli.
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "host/cli/client.h"
#include "host/cli/terminal.h"

namespace pirn::cli {

// Calls `visit` for each row of `member`, from behind `after` ("" or "0": from the first) until there are no
// more. `target`: path and query. Returns the last page.
Result<boost::json::value> for_each_row(Client& client, const std::string& target, std::string_view member,
                                        std::string after,
                                        const std::function<void(const boost::json::object&)>& visit);

// A journal on standard output, as its events come; `line`: an event for a person.
Outcome print_journal(Client& client, const std::string& target, const std::string& after, Format format,
                      const std::function<std::string(const boost::json::object&)>& line);

}  // namespace pirn::cli
