#include "host/api/slots.h"

#include <algorithm>
#include <cmath>

#include "host/api/engine_requests.h"
#include "host/api/request_pool.h"

namespace pirn::api {

namespace {

namespace bj = boost::json;

// Of many tenants a share is less than one slot.
double shown(double share) { return std::round(share * 100) / 100; }

}  // namespace

void with_engine_stats(const Services& services, const RequestPtr& request, const Respond& respond,
                       std::function<Response(const engine::EngineStats&)> answer) {
  engine::Stats stats;
  stats.reply = [&services, request, respond,
                 answer = std::move(answer)](Result<engine::EngineStats> engine) {
    if (!engine) return respond(problem(engine.error()));
    services.pool.post(request->queue, [respond, answer, engine = *engine] { respond(answer(engine)); });
  };
  send(services.inbox, std::move(stats), respond);
}

void put_terms(bj::object& object, const registry::SlotTerms& terms) {
  object["weight"] = terms.weight;
  object["max_running_steps"] =
      terms.max_running_steps == 0 ? bj::value(nullptr) : bj::value(terms.max_running_steps);
}

void put_use(bj::object& object, const engine::SlotUse& slots, const std::string& tenant,
             const registry::SlotTerms& terms) {
  const auto found = std::find_if(slots.tenants.begin(), slots.tenants.end(),
                                  [&](const engine::TenantSlots& each) { return each.tenant == tenant; });
  const bool known = found != slots.tenants.end();
  object["running_steps"] = known ? found->running : 0;
  object["waiting_steps"] = known ? found->waiting : 0;
  object["share"] = shown(known ? found->share : slots.share(terms.weight, terms.max_running_steps));
}

bj::object slots_object(const engine::SlotUse& slots) {
  bj::array tenants;
  for (const engine::TenantSlots& each : slots.tenants) {
    bj::object tenant{{"tenant", each.tenant}};
    const registry::SlotTerms terms{each.weight, each.max_running_steps};
    put_terms(tenant, terms);
    put_use(tenant, slots, each.tenant, terms);
    tenants.push_back(std::move(tenant));
  }
  return {{"total", slots.total},
          {"in_use", slots.in_use},
          {"reserve", slots.reserve},
          {"tenants", std::move(tenants)}};
}

}  // namespace pirn::api
