// JSON for readers: what programs answer and print. Canonical JSON is for what is signed.
//
// Header of pure functions: any thread, no I/O.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

namespace pirn {

// On one line, members in their order, numbers as people write them: 2.0 and 0.25, where Boost.JSON has 2E0
// and 2.5E-1. What JSON has no number for is null. Characters that a terminal would obey are escaped
// (printable_json()), which canonical() must not do.
std::string json_text(const boost::json::value& value);

}  // namespace pirn
