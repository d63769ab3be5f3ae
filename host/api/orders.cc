#include "host/api/orders.h"

#include "host/engine/inbox.h"

namespace pirn::api {

void send(const Services& services, engine::Command command, const Respond& respond) {
  if (services.inbox.push(command)) return;
  const bool closed = services.inbox.closed();
  respond(problem(closed ? Error{Code::shutting_down, "the host is shutting down"}
                         : Error{Code::busy, "the engine's inbox is full"}));
}

Error no_execution(std::string_view id) {
  return Error{Code::not_found, "there is no execution '" + std::string(id) + "'"};
}

}  // namespace pirn::api
