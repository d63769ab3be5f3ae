// What starts executions by itself: schedules, seen and steered, and events, told. The engine answers for all
// of it; what is asked of the registry first, and long lists of instants, are the pool's.
#include "host/api/document.h"
#include "host/api/engine_requests.h"
#include "host/api/request_pool.h"
#include "host/api/routes.h"
#include "packager/digest/digest.h"
#include "packager/json/json.h"
#include "packager/schedule/instant.h"
#include "registry/registry.h"

namespace pirn::api {

namespace {

namespace bj = boost::json;
using engine::ControlSchedule;
using engine::ScheduleView;
using schedule::print_instant;

constexpr size_t kMaxText = 255;

bj::value instant(int64_t ns, int64_t absent = 0) {
  return ns == absent ? bj::value(nullptr) : bj::value(print_instant(ns));
}
bj::value id_of(ExecutionId id) { return id ? bj::value(id.text()) : bj::value(nullptr); }

std::string_view state_of(const ScheduleView& view) {
  if (view.quarantined) return "quarantined";
  if (!view.broken.empty()) return "broken";
  if (view.state.paused) return "paused";
  return view.state.next == journal::kNever ? "ended" : "active";
}

bj::object object_of(const ScheduleView& view) {
  const journal::ScheduleState& state = view.state;
  bj::object out{
      {"workflow", view.name.workflow},
      {"package", view.name.package},
      {"version", view.version.empty() ? bj::value(nullptr) : bj::value(view.version)},
      {"state", state_of(view)},
      {"schedule", state.terms.empty() ? bj::value(nullptr) : *parse_own_json(state.terms, "a schedule", {})},
      {"max_running", view.max_running == 0 ? bj::value(nullptr) : bj::value(view.max_running)},
      {"next", state.paused || view.quarantined ? bj::value(nullptr) : instant(state.next, journal::kNever)},
      {"last_fire", instant(state.last_fire)},
      {"last_execution", id_of(state.last_execution)},
      {"fires", state.fires},
      {"skips", state.skips},
      {"last_skip", nullptr}};
  if (state.last_skip != 0)
    out["last_skip"] = {{"at", print_instant(state.last_skip)},
                        {"reason", journal::name_of(state.skip_reason)}};
  if (!view.broken.empty()) out["problem"] = view.broken;
  return out;
}

// The id of an event: a text that is there and not too long.
Status check_text(std::string_view name, const std::string& text) {
  if (text.empty()) return Error{Code::invalid_argument, "'" + std::string(name) + "' is empty"};
  if (text.size() > kMaxText)
    return Error{Code::too_large, "'" + std::string(name) + "' has " + std::to_string(text.size()) +
                                      " bytes; the limit is " + std::to_string(kMaxText)};
  return {};
}

Result<engine::Emit> read_event(const Request& request) {
  PIRN_TRY(const Document body, Document::read(request.body, {"event", "id", "payload"}));
  engine::Emit emit;
  emit.tenant = request.tenant;
  PIRN_TRY(emit.event, body.text("event"));
  if (body.find("id")) {
    PIRN_TRY(emit.id, body.text("id"));
    PIRN_DO(check_text("id", emit.id));
  }
  PIRN_TRY(Document::Keys payload, body.keys_or_none("payload"));
  emit.payload = std::move(payload.delta);
  emit.payload_digest = sha256(payload.canonical);
  return emit;
}

Result<engine::Backfill> read_backfill(const Request& request, int64_t now) {
  PIRN_TRY(const Document body, Document::read(request.body, {"from", "to", "dry_run"}));
  engine::Backfill backfill;
  backfill.tenant = request.tenant;
  backfill.workflow = request.params[0];
  PIRN_TRY(const std::string from, body.text("from"));
  PIRN_TRY(backfill.from, as_argument("from", schedule::parse_instant(from)));
  PIRN_TRY(const std::string to, body.text_or("to", ""));
  backfill.to = now;
  if (!to.empty()) {
    PIRN_TRY(backfill.to, as_argument("to", schedule::parse_instant(to)));
  }
  PIRN_TRY(backfill.dry_run, body.flag_or("dry_run", false));
  return backfill;
}

void control(const Services& services, const RequestPtr& request, const Respond& respond,
             ControlSchedule::Action action) {
  const Result<Document> body = Document::read(request->body, {});
  if (!body) return respond(problem(body.error()));
  const auto answered = [&services, request, respond, action](Result<ControlSchedule::Answer> answer) {
    if (!answer) return refuse(services, request, respond, answer.error());
    if (action != ControlSchedule::Action::trigger) return respond(json(200, object_of(answer->schedule)));
    Response response = json(201, bj::object{{"id", answer->execution.text()}});
    response.headers.emplace_back("Location", "/v1/executions/" + answer->execution.text());
    respond(std::move(response));
  };
  send(services.inbox, ControlSchedule{request->tenant, request->params[0], action, answered}, respond);
}

}  // namespace

void list_schedules(const Services& services, RequestPtr request, Respond respond) {
  const auto answered = [&services, request, respond](Result<std::vector<ScheduleView>> views) {
    services.pool.post(request->queue, [&services, request, respond, views = std::move(views)] {
      if (!views) return respond(problem(views.error()));
      if (const auto tenant = services.registry.tenant(request->tenant); !tenant)
        return respond(problem(tenant.error()));
      bj::array rows;
      for (const ScheduleView& view : *views) rows.push_back(object_of(view));
      respond(json(200, bj::object{{"schedules", std::move(rows)}}));
    });
  };
  send(services.inbox, engine::ListSchedules{request->tenant, answered}, respond);
}

void next_fires(const Services& services, RequestPtr request, Respond respond) {
  const Result<int64_t> count = number_parameter(*request, "count", 5, 1, 100);
  if (!count) return respond(problem(count.error()));
  const auto answered = [&services, request, respond, count = *count](Result<ScheduleView> view) {
    if (!view) return refuse(services, request, respond, view.error());
    services.pool.post(request->queue, [&services, respond, count, view = std::move(view)] {
      bj::array instants;
      std::optional<int64_t> at;
      if (view->timetable && !view->state.paused && view->state.next != journal::kNever)
        at = view->state.next;
      else if (view->timetable && view->state.paused)
        at = view->timetable->next(view->relative ? services.clock.now()
                                                  : services.clock.wall());  // if resumed
      for (; at && static_cast<int64_t>(instants.size()) < count; at = view->timetable->next(*at))
        instants.push_back(bj::object{{"instant", print_instant(*at)}});
      bj::object out = object_of(*view);
      out["fires_at"] = std::move(instants);
      respond(json(200, out));
    });
  };
  send(services.inbox, engine::ShowSchedule{request->tenant, request->params[0], answered}, respond);
}

void pause_schedule(const Services& services, RequestPtr request, Respond respond) {
  control(services, request, respond, ControlSchedule::Action::pause);
}
void resume_schedule(const Services& services, RequestPtr request, Respond respond) {
  control(services, request, respond, ControlSchedule::Action::resume);
}
void trigger_schedule(const Services& services, RequestPtr request, Respond respond) {
  control(services, request, respond, ControlSchedule::Action::trigger);
}

void backfill_schedule(const Services& services, RequestPtr request, Respond respond) {
  Result<engine::Backfill> backfill = read_backfill(*request, services.clock.wall());
  if (!backfill) return respond(problem(backfill.error()));
  backfill->reply = [&services, request, respond,
                     dry_run = backfill->dry_run](Result<std::vector<engine::Backfill::Fire>> fires) {
    if (!fires) return refuse(services, request, respond, fires.error());
    bj::array rows;
    for (const engine::Backfill::Fire& fire : *fires)
      rows.push_back({{"instant", print_instant(fire.instant)},
                      {"execution", id_of(fire.execution)},
                      {"existing", fire.existing}});
    respond(json(200, bj::object{{"dry_run", dry_run}, {"fires", std::move(rows)}}));
  };
  send(services.inbox, std::move(*backfill), respond);
}

void emit_event(const Services& services, RequestPtr request, Respond respond) {
  if (services.status.draining())
    return respond(problem(Error{Code::shutting_down, "the host is shutting down and starts nothing"}));
  services.pool.post(request->queue, [&services, request, respond] {
    // An event needs no workflow, so that nothing else says whether there is such a tenant.
    if (const auto tenant = services.registry.tenant(request->tenant); !tenant)
      return respond(problem(tenant.error()));
    Result<engine::Emit> emit = read_event(*request);
    if (!emit) return respond(problem(emit.error()));
    emit->reply = [respond](Result<engine::Emit::Answer> answer) {
      if (!answer) return respond(problem(answer.error()));
      bj::array ids, refused;
      for (const ExecutionId id : answer->executions) ids.emplace_back(id.text());
      for (const auto& [workflow, error] : answer->refused)
        refused.push_back(bj::object{{"package", workflow.package},
                                     {"workflow", workflow.workflow},
                                     {"code", error.name()},
                                     {"message", error.message}});
      respond(json(answer->existing ? 200 : 201, bj::object{{"executions", std::move(ids)},
                                                            {"existing", answer->existing},
                                                            {"refused", std::move(refused)}}));
    };
    send(services.inbox, std::move(*emit), respond);
  });
}

}  // namespace pirn::api
