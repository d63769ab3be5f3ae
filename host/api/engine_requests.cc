#include "host/api/engine_requests.h"

#include "host/api/pool.h"
#include "host/engine/inbox.h"
#include "host/store/store.h"

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

// The engine is asked first, then the store: in this order an execution that ends in between is found.
void with_execution(const Services& services, const Request& request, const Respond& respond,
                    std::function<void(ExecutionId)> then) {
  const Result<ExecutionId> id = parse_execution_id(request.params[0]);
  if (!id) return respond(problem(no_execution(request.params[0])));
  engine::Show show;
  show.tenant = request.tenant;
  show.id = *id;
  show.brief = true;
  show.reply = [&services, id = *id, queue = request.queue, tenant = request.tenant, respond,
                then = std::move(then)](Result<std::optional<engine::View>> view) mutable {
    if (!view) return respond(problem(view.error()));
    services.pool.post(queue, [&services, id, tenant = std::move(tenant), open = view->has_value(), respond,
                               then = std::move(then)] {
      if (open) return then(id);
      const auto row = services.store.find(tenant, id);
      if (!row) return respond(problem(row.error()));
      if (!*row) return respond(problem(no_execution(id.text())));
      then(id);
    });
  };
  send(services, std::move(show), respond);
}

}  // namespace pirn::api
