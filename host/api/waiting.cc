// What waits, and what people say to it: pause, resume, signal, approve, reject.
#include "host/api/document.h"
#include "host/api/engine_requests.h"
#include "host/api/execution_text.h"
#include "host/api/request_pool.h"
#include "host/api/routes.h"
#include "host/journal/codec.h"
#include "packager/json/json.h"
#include "registry/registry.h"

namespace pirn::api {

namespace {

constexpr uint32_t kMaxPage = 1000;

engine::Person person_of(const registry::Principal& principal) {
  return {principal.label.empty() ? principal.who() : principal.label,
          registry::allows(principal.role, registry::Permission::answer_approval)};
}

engine::Reply<std::string_view> answer_with(const Services& services, const RequestPtr& request,
                                            const Respond& respond, ExecutionId id) {
  return [&services, request, respond, id](Result<std::string_view> state) {
    if (!state && state.error().code == Code::not_found)
      return respond(problem(no_execution(services, *request, id)));
    if (!state) return respond(problem(state.error()));
    respond(json(200, "{\"id\":\"" + id.text() + "\",\"state\":\"" + std::string(*state) + "\"}"));
  };
}

Result<engine::Pause> read_pause(const Request& request) {
  engine::Pause pause;
  PIRN_TRY(const Document body, Document::read(request.body, {"reason"}));
  PIRN_TRY(pause.reason, body.text_or("reason", ""));
  return pause;
}

Result<journal::Delta> object_in(const Document& body, const char* key) {
  PIRN_TRY(Document::Keys keys, body.keys_or_none(key));
  return std::move(keys.delta);
}

Result<engine::Resume> read_resume(const Request& request) {
  engine::Resume resume;
  PIRN_TRY(const Document body, Document::read(request.body, {"context", "step", "action"}));
  PIRN_TRY(resume.context, object_in(body, "context"));
  PIRN_TRY(resume.step, body.text_or("step", ""));
  PIRN_TRY(const std::string action, body.text_or("action", "complete"));
  PIRN_TRY(resume.action, engine::parse_action(action));
  if (resume.action != engine::Resume::Action::complete && !resume.context.empty())
    return Error{Code::invalid_argument,
                 "'context' is the result of a step and not allowed with the action '" + action + "'",
                 "To change what all steps see, pause the run, and resume it with the context."};
  resume.by = person_of(request.principal);
  return resume;
}

Result<engine::Resume> read_signal(const Request& request) {
  engine::Resume signal;
  PIRN_TRY(const Document body, Document::read(request.body, {"step", "payload"}));
  PIRN_TRY(signal.step, body.text("step"));
  PIRN_TRY(signal.context, object_in(body, "payload"));
  signal.by = person_of(request.principal);
  signal.signal = true;
  return signal;
}

Result<engine::Approve> read_approval(const Request& request) {
  engine::Approve approve;
  PIRN_TRY(const Document body, Document::read(request.body, {"step", "comment"}));
  PIRN_TRY(approve.step, body.text("step"));
  PIRN_TRY(approve.comment, body.text_or("comment", ""));
  approve.by = person_of(request.principal);
  return approve;
}

template <class Order>
void give(const Services& services, const RequestPtr& request, const Respond& respond, Result<Order> order) {
  const Result<ExecutionId> id = parse_execution_id(request->params[0]);
  if (!id) return respond(problem(no_execution(request->params[0])));
  if (!order) return respond(problem(order.error()));
  order->tenant = request->tenant;
  order->id = *id;
  order->reply = answer_with(services, request, respond, *id);
  send(services.inbox, std::move(*order), respond);
}

}  // namespace

void pause_execution(const Services& services, RequestPtr request, Respond respond) {
  give(services, request, respond, read_pause(*request));
}

void resume_execution(const Services& services, RequestPtr request, Respond respond) {
  give(services, request, respond, read_resume(*request));
}

void signal_step(const Services& services, RequestPtr request, Respond respond) {
  give(services, request, respond, read_signal(*request));
}

void approve_step(const Services& services, RequestPtr request, Respond respond) {
  give(services, request, respond, read_approval(*request));
}

void reject_step(const Services& services, RequestPtr request, Respond respond) {
  Result<engine::Approve> rejection = read_approval(*request);
  if (rejection) rejection->approved = false;
  give(services, request, respond, std::move(rejection));
}

void list_approvals(const Services& services, RequestPtr request, Respond respond) {
  const Result<int64_t> limit = number_parameter(*request, "limit", 100, 1, kMaxPage);
  if (!limit) return respond(problem(limit.error()));
  engine::ListAwaiting list;
  list.tenant = request->tenant;
  list.limit = static_cast<uint32_t>(*limit);
  list.reply = [&services, respond, request](Result<std::vector<engine::AwaitingStep>> steps) {
    if (!steps) return respond(problem(steps.error()));
    services.pool.post(request->queue, [&services, respond, request, steps = std::move(*steps)] {
      if (const auto known = services.registry.tenant(request->tenant); !known)
        return respond(problem(known.error()));
      std::string out = "{\"approvals\":[";
      for (const engine::AwaitingStep& step : steps) {
        if (out.back() != '[') out += ',';
        out += waiting_text(step);
      }
      respond(json(200, out + "]}"));
    });
  };
  send(services.inbox, std::move(list), respond);
}

}  // namespace pirn::api
