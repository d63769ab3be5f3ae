// Names as requests bring them, checked where they come in: as a segment of the path, in the query, as the
// tenant of a header, and as a member of the body. What a value is called says which rule it keeps, so that
// no route can forget it; a name in a member that is called otherwise is checked by its route. An empty name
// is never taken for "any": who means any leaves it out.
//
// Thread: any; values.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "packager/error/error.h"

namespace pirn::api {

// bad_name when `what` is one of the names below and `text` breaks its rule; anything else passes.
//   tenant, package, publisher, breaker                  a name: [a-z0-9][a-z0-9_-]{0,62}
//   workflow                                             [package::]name
//   step, ran, skipped                                   a step's name, also of a nested one
//   version                                              at most 128 of those that a semantic version has
Status check_named(std::string_view what, std::string_view text);

// The segments of a path in the holes of its pattern ("/v1/packages/{package}").
Status check_path_names(std::string_view pattern, const std::vector<std::string>& params);
Status check_query_names(const std::map<std::string, std::string, std::less<>>& query);

}  // namespace pirn::api
