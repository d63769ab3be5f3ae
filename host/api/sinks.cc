// Where events go beside the journal.
#include "host/api/document.h"
#include "host/api/routes.h"
#include "host/events/outlets.h"

namespace pirn::api {

namespace bj = boost::json;

Response list_sinks(const Services& services, const Request& request) {
  bj::array sinks;
  for (const events::OutletHealth& each : services.outlets.health(request.tenant))
    sinks.push_back(
        bj::object{{"sink", each.name},
                   {"tenant", each.tenant.empty() ? bj::value(nullptr) : bj::value(each.tenant)},
                   {"written", each.written},
                   {"lost", each.lost},
                   {"error_count", each.errors},
                   {"last_error", each.last_error.empty() ? bj::value(nullptr) : bj::value(each.last_error)},
                   {"last_error_at", time_ms(each.last_error_at / 1'000'000)}});
  return json(200, bj::object{{"sinks", std::move(sinks)}});
}

}  // namespace pirn::api
