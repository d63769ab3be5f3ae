// Executions: started, listed, shown, cancelled. An open execution is the engine's and it answers for it; a
// closed one is the store's. Commands go to the engine's inbox from the network thread; what reads the store
// or writes long texts continues on the pool.
#include <algorithm>
#include <memory>

#include "host/api/document.h"
#include "host/api/engine_requests.h"
#include "host/api/execution_text.h"
#include "host/api/names.h"
#include "host/api/request_pool.h"
#include "host/api/routes.h"
#include "host/journal/codec.h"
#include "packager/definition/definition.h"
#include "packager/digest/digest.h"
#include "packager/json/json.h"
#include "packager/schedule/instant.h"
#include "registry/registry.h"

namespace pirn::api {

namespace {

constexpr uint32_t kMaxPage = 1000;

// When a start is to begin: `at` an instant or `in` a while.
Result<engine::When> read_beginning(const Document& body, int64_t now) {
  PIRN_TRY(const std::string at, body.text_or("at", ""));
  PIRN_TRY(const std::string in, body.text_or("in", ""));
  if (!at.empty() && !in.empty())
    return Error{Code::invalid_argument, "'at' and 'in' exclude each other", "Keep one of them."};
  engine::When when;
  if (!at.empty()) {
    PIRN_TRY(when.at, as_argument("at", schedule::parse_instant(at)));
  }
  if (in.empty()) return when;
  PIRN_TRY(when.delay, as_argument("in", definition::parse_duration(in)));
  if (when.delay > INT64_MAX - 1 - now)
    return Error{Code::invalid_argument, "'in' reaches beyond the year 2261"};
  return when;
}

Result<engine::Start> read_start(const Request& request, int64_t now) {
  PIRN_TRY(const Document body, Document::read(request.body, {"workflow", "input", "at", "in", "strategy"}));
  engine::Start start;
  start.tenant = request.tenant;
  PIRN_DO(body.text("workflow"));
  PIRN_TRY(const WorkflowName name, workflow_in(body, request));
  start.workflow = name.local();
  PIRN_TRY(Document::Keys input, body.keys_or_none("input"));
  start.input = std::move(input.delta);
  start.input_digest = sha256(input.canonical);
  PIRN_TRY(start.beginning, read_beginning(body, now));
  PIRN_TRY(const std::string strategy, body.text_or("strategy", ""));
  PIRN_TRY(start.strategy, engine::parse_strategy(strategy));
  start.key = request.header("idempotency-key");
  if (start.key.size() > 255)
    return Error{Code::too_large,
                 "the start key has " + std::to_string(start.key.size()) + " bytes; the limit is 255"};
  return start;
}

// "failed,open" as the states that it stands for.
Result<std::vector<std::string>> read_states(std::string_view states) {
  static const std::vector<std::string> kStates = {"pending",      "running",     "paused",    "stopping",
                                                   "compensating", "quarantined", "completed", "failed",
                                                   "cancelled",    "open",        "closed"};
  std::vector<std::string> out;
  while (!states.empty()) {
    const size_t comma = std::min(states.find(','), states.size());
    const std::string state(states.substr(0, comma));
    states.remove_prefix(std::min(comma + 1, states.size()));
    if (std::find(kStates.begin(), kStates.end(), state) == kStates.end()) {
      std::string names;
      for (const std::string& each : kStates) names += (names.empty() ? "" : ", ") + each;
      return Error{Code::invalid_argument, "there is no state '" + state + "'",
                   "The states are " + names + "."};
    }
    if (state == "open")
      out.insert(out.end(), kStates.begin(), kStates.begin() + 6);
    else if (state == "closed")
      out.insert(out.end(), kStates.begin() + 6, kStates.begin() + 9);
    else
      out.push_back(state);
  }
  // Each execution is compared with all of them.
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Result<store::ExecutionFilter> read_filter(const Request& request, int64_t now) {
  store::ExecutionFilter filter;
  filter.tenant = request.tenant;
  const WorkflowName name = split_workflow_name(request.parameter("workflow"));
  PIRN_TRY(filter.package, package_of(name, request.parameter("package")));
  filter.workflow = name.workflow;
  PIRN_TRY(filter.states, read_states(request.parameter("state")));
  if (const std::string_view since = request.parameter("since"); !since.empty()) {
    PIRN_TRY(filter.since, parse_since_ns(since, now));
  }
  PIRN_TRY(const int64_t limit, number_parameter(request, "limit", 100, 1, kMaxPage));
  filter.limit = static_cast<uint32_t>(limit);
  if (const auto cursor = request.query.find("cursor"); cursor != request.query.end()) {
    PIRN_TRY(filter.before, parse_cursor_id(cursor->second));
  }
  return filter;
}

Result<engine::CancelAll> read_cancel_all(const Request& request, int64_t now) {
  PIRN_TRY(const Document body,
           Document::read(request.body, {"package", "workflow", "state", "tag", "since", "all", "reason",
                                         "rollback", "cleanup", "dry_run"}));
  engine::CancelAll command;
  command.tenant = request.tenant;
  PIRN_TRY(const std::string package, body.text_or("package", ""));
  PIRN_TRY(WorkflowName name, workflow_in(body, request));
  PIRN_TRY(command.package, package_of(name, package));
  command.workflow = std::move(name.workflow);
  PIRN_TRY(command.tag, body.text_or("tag", ""));
  PIRN_TRY(const std::string states, body.text_or("state", ""));
  PIRN_TRY(command.states, read_states(states));
  if (states == "quarantined")
    return Error{Code::invalid_argument, "executions that are quarantined cannot be cancelled",
                 "See why with pirn run show."};
  PIRN_TRY(const std::string since, body.text_or("since", ""));
  if (!since.empty()) {
    PIRN_TRY(command.since, parse_since_ns(since, now));
  }
  PIRN_TRY(const bool all, body.flag_or("all", false));
  if (!all && command.package.empty() && command.workflow.empty() && command.tag.empty() && states.empty() &&
      since.empty())
    return Error{Code::invalid_argument, "nothing says which executions are to be cancelled",
                 "Name a workflow, package, state, tag or since; or say all: true."};
  PIRN_TRY(command.reason, body.text_or("reason", "user_requested"));
  PIRN_TRY(command.rollback, body.flag_or("rollback", false));
  PIRN_TRY(command.cleanup, body.flag_or("cleanup", true));
  PIRN_TRY(command.dry_run, body.flag_or("dry_run", false));
  return command;
}

// Both lists are newest first and hold the newest of what they know, one more than `limit`: so the merge's
// newest `limit` are right, and it is known whether any are older. An execution in both is open: the store's
// row of it may be old.
Response merge(const Services& services, const store::ExecutionFilter& filter, const std::string& tag,
               std::vector<engine::ExecutionSummary> open) {
  if (const auto tenant = services.registry.tenant(filter.tenant); !tenant) return problem(tenant.error());
  // Each side is asked only for the states that it knows, so that a page is not used up by rows that nobody
  // wants: the engine knows all open executions but the quarantined ones, the store knows those and all closed
  // ones (what it says about other open executions may be old).
  const auto is_closed = [](const std::string& state) {
    return state == "completed" || state == "failed" || state == "cancelled";
  };
  const auto n_closed =
      static_cast<size_t>(std::count_if(filter.states.begin(), filter.states.end(), is_closed));
  const bool wants_open = filter.states.empty() || n_closed < filter.states.size();
  const bool wants_closed = filter.states.empty() || n_closed > 0;
  const bool wants_quarantined =
      std::find(filter.states.begin(), filter.states.end(), "quarantined") != filter.states.end();
  if (!wants_open) open.clear();
  store::ExecutionFilter any_state = filter;
  ++any_state.limit;
  if (wants_closed && wants_open)
    any_state.states.clear();
  else if (wants_quarantined)
    any_state.states = {"pending", "running", "paused", "stopping", "compensating"};
  const auto stored = wants_closed || wants_quarantined ? services.store.list(any_state)
                                                        : Result(std::vector<store::StoredExecution>());
  if (!stored) return problem(stored.error());

  const auto wanted = [&](std::string_view state) {
    return filter.states.empty() ||
           std::find(filter.states.begin(), filter.states.end(), state) != filter.states.end();
  };
  Tags tags(services, filter.tenant, tag);
  const int64_t now = services.clock.now();
  std::string out = "{\"executions\":[";
  ExecutionId last;
  uint32_t examined = 0;
  bool first = true;
  const auto append = [&](std::string_view state, ExecutionId id, const auto& row, const auto& text) {
    ++examined;
    last = id;
    if (!wanted(state) || !tags.wanted(row.release, row.workflow)) return;
    if (!first) out += ',';
    first = false;
    out += text();
  };
  auto a = open.begin();
  auto b = stored->begin();
  while (examined < filter.limit && (a != open.end() || b != stored->end())) {
    const bool take_open = b == stored->end() || (a != open.end() && a->id >= b->id);
    if (!take_open) {
      const bool quarantined = b->open && services.status.why_quarantined(filter.tenant, b->id);
      const std::string_view state = quarantined ? "quarantined" : std::string_view(b->state);
      append(state, b->id, *b, [&] { return line_text(*b, state, now); });
      ++b;
      continue;
    }
    if (b != stored->end() && a->id == b->id) ++b;
    append(a->state, a->id, *a, [&] { return line_text(*a, now); });
    ++a;
  }
  out += "],\"cursor\":";
  if (a != open.end() || b != stored->end())
    journal::append_json_string(out, last.text());
  else
    out += "null";
  out += '}';
  return json(200, std::move(out));
}

Result<engine::View> closed_execution(const Services& services, const Request& request, ExecutionId id) {
  PIRN_TRY(const auto row, services.store.find(request.tenant, id));
  if (!row) return no_execution(services, request, id);
  PIRN_TRY(journal::DecodedState decoded, journal::decode_state(row->columns(), row->body));
  return engine::view_of(std::move(decoded));
}

// What the engine does not have open has ended, or is not there.
Response refuse_cancel(const Services& services, const Request& request, ExecutionId id) {
  const auto row = services.store.find(request.tenant, id);
  if (!row) return problem(row.error());
  if (!*row) return problem(no_execution(services, request, id));
  return problem(Error{Code::invalid_transition, "the execution '" + id.text() + "' is " + (*row)->state});
}

}  // namespace

void start_execution(const Services& services, RequestPtr request, Respond respond) {
  if (services.status.draining())
    return respond(problem(Error{Code::shutting_down, "the host is shutting down and starts nothing"}));
  Result<engine::Start> start = read_start(*request, services.clock.now());
  if (!start) return respond(problem(start.error()));
  start->reply = [&services, request, respond](Result<engine::Started> started) {
    if (!started) return refuse(services, request, respond, started.error());
    const std::string id = started->id.text();
    Response response =
        json(started->existing ? 200 : 201,
             "{\"id\":\"" + id + "\",\"existing\":" + (started->existing ? "true}" : "false}"));
    response.headers.emplace_back("Location", "/v1/executions/" + id);
    respond(std::move(response));
  };
  send(services.inbox, std::move(*start), respond);
}

void list_executions(const Services& services, RequestPtr request, Respond respond) {
  Result<store::ExecutionFilter> filter = read_filter(*request, services.clock.now());
  if (!filter) return respond(problem(filter.error()));
  engine::ListOpen list;
  list.tenant = filter->tenant;
  list.package = filter->package;
  list.workflow = filter->workflow;
  list.since = filter->since;
  list.before = filter->before;
  list.limit = filter->limit + 1;
  QueueKey queue = request->queue;
  // Tags are in the definitions, which are read and parsed for each release of the page.
  if (!request->parameter("tag").empty()) queue.lane = Lane::reports;
  list.reply = [&services, filter = std::move(*filter), queue = std::move(queue),
                tag = std::string(request->parameter("tag")),
                respond](Result<std::vector<engine::ExecutionSummary>> open) mutable {
    if (!open) return respond(problem(open.error()));
    services.pool.post(queue,
                       [&services, filter = std::move(filter), tag = std::move(tag), open = std::move(*open),
                        respond]() mutable { respond(merge(services, filter, tag, std::move(open))); });
  };
  send(services.inbox, std::move(list), respond);
}

void with_view(const Services& services, const RequestPtr& request, const Respond& respond,
               std::function<Response(const engine::View&)> answer) {
  const Result<ExecutionId> id = parse_execution_id(request->params[0]);
  if (!id) return respond(problem(no_execution(request->params[0])));
  engine::Show show;
  show.tenant = request->tenant;
  show.id = *id;
  show.reply = [&services, id = *id, request, respond,
                answer = std::move(answer)](Result<std::optional<engine::View>> view) mutable {
    if (!view) return respond(problem(view.error()));
    services.pool.post(request->queue, [&services, id, request, view = std::move(*view), respond,
                                        answer = std::move(answer)] {
      if (view) return respond(answer(*view));
      const auto closed = closed_execution(services, *request, id);
      respond(closed ? answer(*closed) : problem(closed.error()));
    });
  };
  send(services.inbox, std::move(show), respond);
}

namespace {

// What a graft has not made yet, it may still make.
bool may_grow(const Services& services, const journal::ExecutionState& state) {
  const auto release = services.registry.read_release(state.origin->tenant, state.origin->pins.front());
  const definition::Workflow* workflow = release ? (*release)->find(state.origin->workflow) : nullptr;
  for (size_t step = 0; workflow && step < workflow->steps.size() && step < state.steps.size(); ++step)
    if (workflow->steps[step].graft && !journal::terminal(state.steps[step].state)) return true;
  return false;
}

}  // namespace

void with_steps(const Services& services, const RequestPtr& request, const Respond& respond,
                std::vector<std::string> steps, std::function<Response(ExecutionId)> answer) {
  std::erase_if(steps, [](const std::string& step) { return step.empty(); });
  if (steps.empty())
    return with_execution(services, request, respond,
                          [respond, answer = std::move(answer)](ExecutionId id) { respond(answer(id)); });
  with_view(
      services, request, respond,
      [&services, steps = std::move(steps), answer = std::move(answer)](const engine::View& view) {
        const std::vector<std::string>& known = view.step_names;
        for (const std::string& step : steps) {
          if (std::find(known.begin(), known.end(), step) != known.end()) continue;
          if (may_grow(services, view.state)) continue;
          const std::string near = nearest(step, known);
          return problem(Error{Code::not_found,
                               "the execution '" + view.state.id.text() + "' has no step '" + step + "'",
                               near.empty() ? "See pirn run show." : "Did you mean '" + near + "'?"});
        }
        return answer(view.state.id);
      });
}

void show_execution(const Services& services, RequestPtr request, Respond respond) {
  with_view(services, request, respond, [&services](const engine::View& view) {
    return json(200, execution_text(view, services.clock.now()));
  });
}

bool Tags::wanted(const Digest& release, const std::string& workflow) {
  if (tag_.empty()) return true;
  const auto [known, fresh] = known_.try_emplace({release.hex(), workflow}, false);
  if (!fresh) return known->second;
  const auto read = services_.registry.read_release(tenant_, release);
  const definition::Workflow* found = read ? (*read)->find(workflow) : nullptr;
  return known->second =
             found && std::find(found->tags.begin(), found->tags.end(), tag_) != found->tags.end();
}

namespace {

void rerun(const Services& services, const RequestPtr& request, engine::Rerun command,
           const Respond& respond) {
  const Result<ExecutionId> id = parse_execution_id(request->params[0]);
  if (!id) return respond(problem(no_execution(request->params[0])));
  command.tenant = request->tenant;
  command.id = *id;
  command.reply = [respond](Result<engine::Started> started) {
    if (!started) return respond(problem(started.error()));
    respond(json(201, "{\"id\":\"" + started->id.text() + "\"}"));
  };
  send(services.inbox, std::move(command), respond);
}

}  // namespace

void retry_execution(const Services& services, RequestPtr request, Respond respond) {
  const Result<Document> body = Document::read(request->body, {"on_active"});
  if (!body) return respond(problem(body.error()));
  const Result<bool> on_active = body->flag_or("on_active", false);
  if (!on_active) return respond(problem(on_active.error()));
  engine::Rerun command;
  command.on_active = *on_active;
  rerun(services, request, std::move(command), respond);
}

void rerun_execution(const Services& services, RequestPtr request, Respond respond) {
  const Result<Document> body = Document::read(request->body, {"from", "on_active"});
  if (!body) return respond(problem(body.error()));
  Result<std::string> from = body->text("from");
  if (!from) return respond(problem(from.error()));
  if (const Status named = check_named("step", *from); !named) return respond(problem(named.error()));
  const Result<bool> on_active = body->flag_or("on_active", false);
  if (!on_active) return respond(problem(on_active.error()));
  engine::Rerun command;
  command.from = std::move(*from);
  command.on_active = *on_active;
  rerun(services, request, std::move(command), respond);
}

void cancel_executions(const Services& services, RequestPtr request, Respond respond) {
  Result<engine::CancelAll> command = read_cancel_all(*request, services.clock.now());
  if (!command) return respond(problem(command.error()));
  const bool dry_run = command->dry_run;
  command->reply = [&services, request, respond, dry_run](Result<std::vector<ExecutionId>> cancelled) {
    if (!cancelled) return refuse(services, request, respond, cancelled.error());
    services.pool.post(request->queue, [respond, dry_run, cancelled = std::move(*cancelled)] {
      boost::json::array ids;
      ids.reserve(cancelled.size());
      for (const ExecutionId id : cancelled) ids.push_back(boost::json::string(id.text()));
      respond(json(dry_run ? 200 : 202,
                   boost::json::object{
                       {"count", cancelled.size()}, {"dry_run", dry_run}, {"executions", std::move(ids)}}));
    });
  };
  send(services.inbox, std::move(*command), respond);
}

void cancel_execution(const Services& services, RequestPtr request, Respond respond) {
  const Result<ExecutionId> id = parse_execution_id(request->params[0]);
  if (!id) return respond(problem(no_execution(request->params[0])));
  const Result<Document> body = Document::read(request->body, {"reason", "rollback", "cleanup"});
  if (!body) return respond(problem(body.error()));
  Result<std::string> reason = body->text_or("reason", "user_requested");
  if (!reason) return respond(problem(reason.error()));
  const Result<bool> cleanup = body->flag_or("cleanup", true);
  if (!cleanup) return respond(problem(cleanup.error()));
  const Result<bool> rollback = body->flag_or("rollback", false);
  if (!rollback) return respond(problem(rollback.error()));
  engine::Cancel cancel;
  cancel.tenant = request->tenant;
  cancel.id = *id;
  cancel.reason = std::move(*reason);
  cancel.rollback = *rollback;
  cancel.cleanup = *cleanup;
  cancel.reply = [&services, id = *id, request, respond](Result<journal::State> state) mutable {
    if (!state && state.error().code == Code::not_found) {
      services.pool.post(request->queue, [&services, id, request, respond] {
        respond(refuse_cancel(services, *request, id));
      });
      return;
    }
    if (!state) return respond(problem(state.error()));
    respond(json(
        202, "{\"id\":\"" + id.text() + "\",\"state\":\"" + std::string(journal::name_of(*state)) + "\"}"));
  };
  send(services.inbox, std::move(cancel), respond);
}

}  // namespace pirn::api
