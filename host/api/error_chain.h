// An error with what caused it, as `pirn run errors` shows it. Pure: any thread.
#pragma once

#include <boost/json.hpp>

namespace pirn::api {

// An error of the journal with the members `details` and `cause`, which are null when there are none. Each
// cause has them, too. Causes come from the details: `causes`, which the SDK writes, the outermost first; and
// `error`, which a nested workflow leaves.
boost::json::object with_causes(boost::json::object error);

}  // namespace pirn::api
