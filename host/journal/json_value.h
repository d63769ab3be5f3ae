// Where Boost.JSON's values become ours.
#pragma once

#include <boost/json/fwd.hpp>

#include "host/journal/value.h"

namespace pirn::journal {

// Objects and arrays become canonical text. The integers fit int64 (parse_json sees to it).
Value value_from(const boost::json::value& json);
Delta delta_from(const boost::json::object& json);

}  // namespace pirn::journal
