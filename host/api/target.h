// The target of a request: its path, its query. A path is split at its slashes first and each segment is
// decoded then, so that an encoded slash is part of a segment and never separates two.
//
// Pure; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "packager/error/error.h"

namespace pirn::api {

// The decoded segments of a path without its query: "/v1/a%2fb" is {"v1", "a/b"}, "/v1/" is {"v1", ""}. A
// path that does not begin with a slash has none. Errors: malformed_request (an escape that is none; after
// decoding a control character, or what is not UTF-8).
Result<std::vector<std::string>> path_segments(std::string_view path);

// "a=1&b=x+y". Errors: malformed_request (an escape that is none, a character that a URL
// must escape, a NUL, what is not UTF-8, a name twice).
using Query = std::map<std::string, std::string, std::less<>>;
Result<Query> read_query(std::string_view text);

}  // namespace pirn::api
