#include "host/api/engine_requests.h"

#include "host/api/request_pool.h"
#include "host/engine/inbox.h"
#include "host/store/store.h"
#include "registry/registry.h"

namespace pirn::api {

void send(engine::Inbox& inbox, engine::Command command, const Respond& respond) {
  if (inbox.push(command)) return;
  const bool closed = inbox.closed();
  respond(problem(closed ? Error{Code::shutting_down, "the host is shutting down"}
                         : Error{Code::busy, "the engine's inbox is full"}));
}

void refuse(const Services& services, const RequestPtr& request, const Respond& respond, const Error& error) {
  if (error.code != Code::not_found) return respond(problem(error));
  services.pool.post(request->queue, [&services, request, respond, error] {
    const auto tenant = services.registry.tenant(request->tenant);
    respond(problem(tenant ? error : tenant.error()));
  });
}

Error no_execution(std::string_view id) {
  return Error{Code::not_found, "there is no execution '" + std::string(id) + "'"};
}

Error no_execution(const Services& services, const Request& request, ExecutionId id) {
  const Error* why = request.principal.is_operator() ? services.status.why_quarantined("", id) : nullptr;
  return why ? *why : no_execution(id.text());
}

// The engine is asked first, then the store: in this order an execution that ends in between is found.
void with_execution(const Services& services, const RequestPtr& request, const Respond& respond,
                    std::function<void(ExecutionId)> then) {
  const Result<ExecutionId> id = parse_execution_id(request->params[0]);
  if (!id) return respond(problem(no_execution(request->params[0])));
  engine::Show show;
  show.tenant = request->tenant;
  show.id = *id;
  show.brief = true;
  show.reply = [&services, id = *id, request, respond,
                then = std::move(then)](Result<std::optional<engine::View>> view) mutable {
    if (!view) return respond(problem(view.error()));
    services.pool.post(request->queue,
                       [&services, id, request, open = view->has_value(), respond, then = std::move(then)] {
                         if (open) return then(id);
                         const auto row = services.store.find(request->tenant, id);
                         if (!row) return respond(problem(row.error()));
                         if (!*row) return respond(problem(no_execution(services, *request, id)));
                         then(id);
                       });
  };
  send(services.inbox, std::move(show), respond);
}

}  // namespace pirn::api
