// The host's slots for running steps, as the API shows them to the operator. Private to host/api.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <string>

#include "host/api/exchange.h"
#include "host/api/services.h"
#include "host/engine/command.h"
#include "registry/catalog.h"

namespace pirn::api {

// Asks the engine, and answers `request` with `answer`, which runs on the pool and may block.
void with_engine_stats(const Services& services, const RequestPtr& request, const Respond& respond,
                       std::function<Response(const engine::EngineStats&)> answer);

// {total, in_use, reserve, tenants: [{tenant, weight, …}]}
boost::json::object slots_object(const engine::SlotUse& slots);

// Adds weight and max_running_steps (null: no cap) to an object about a tenant.
void put_terms(boost::json::object& object, const registry::SlotTerms& terms);
// Adds running_steps, waiting_steps and share, as they are now.
void put_use(boost::json::object& object, const engine::SlotUse& slots, const std::string& tenant,
             const registry::SlotTerms& terms);

}  // namespace pirn::api
