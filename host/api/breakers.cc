// Circuit breakers: seen, and closed by hand. The engine answers for all of it.
#include "host/api/document.h"
#include "host/api/engine_requests.h"
#include "host/api/request_pool.h"
#include "host/api/routes.h"
#include "packager/definition/definition.h"
#include "packager/schedule/instant.h"
#include "registry/registry.h"

namespace pirn::api {

namespace {

namespace bj = boost::json;
using engine::BreakerView;
using schedule::print_instant;

bj::value text_or_null(const std::string& text) {
  return text.empty() ? bj::value(nullptr) : bj::value(text);
}
bj::value instant(int64_t ns) { return ns == 0 ? bj::value(nullptr) : bj::value(print_instant(ns)); }

bj::object object_of(const BreakerView& view) {
  const journal::BreakerState& state = view.state;
  bj::object out{
      {"breaker", view.name},
      {"state", journal::name_of(state.circuit)},
      {"failures", state.failures},
      {"successes", state.successes},
      {"in_flight", view.in_flight},
      {"since", instant(state.since)},
      {"until", state.circuit == journal::Circuit::open ? instant(state.until) : bj::value(nullptr)},
      {"tripped_by", nullptr},
      {"options", nullptr}};
  if (!state.code.empty())
    out["tripped_by"] = {
        {"execution", state.execution.text()}, {"step", text_or_null(state.step)}, {"code", state.code}};
  if (view.options)
    out["options"] = {{"failure_threshold", view.options->failure_threshold},
                      {"success_threshold", view.options->success_threshold},
                      {"half_open_limit", view.options->half_open_limit},
                      {"reset_timeout", definition::print_duration(view.options->reset_timeout_ns)}};
  return out;
}

}  // namespace

void list_breakers(const Services& services, RequestPtr request, Respond respond) {
  const auto answered = [&services, request, respond](Result<std::vector<BreakerView>> views) {
    services.pool.post(request->queue, [&services, request, respond, views = std::move(views)] {
      if (!views) return respond(problem(views.error()));
      if (const auto tenant = services.registry.tenant(request->tenant); !tenant)
        return respond(problem(tenant.error()));
      bj::array rows;
      for (const BreakerView& view : *views) rows.push_back(object_of(view));
      respond(json(200, bj::object{{"breakers", std::move(rows)}}));
    });
  };
  send(services.inbox, engine::ListBreakers{request->tenant, answered}, respond);
}

void reset_breaker(const Services& services, RequestPtr request, Respond respond) {
  const Result<Document> body = Document::read(request->body, {});
  if (!body) return respond(problem(body.error()));
  const registry::Principal& by = request->principal;
  const auto answered = [respond](Result<BreakerView> view) {
    respond(view ? json(200, object_of(*view)) : problem(view.error()));
  };
  send(services.inbox,
       engine::ResetBreaker{request->tenant, request->params[0], by.label.empty() ? by.who() : by.label,
                            answered},
       respond);
}

}  // namespace pirn::api
