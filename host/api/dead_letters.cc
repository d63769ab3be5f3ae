// Dead letters: seen, retried, given up. The engine has the letters; what a letter's execution was is the
// store's to say.
#include <charconv>

#include "host/api/document.h"
#include "host/api/engine_requests.h"
#include "host/api/names.h"
#include "host/api/request_pool.h"
#include "host/api/routes.h"
#include "host/journal/codec.h"
#include "host/store/store.h"
#include "packager/json/json.h"
#include "packager/schedule/instant.h"
#include "registry/registry.h"

namespace pirn::api {

namespace {

namespace bj = boost::json;
using engine::DeadLetterEntry;
using engine::DeadLetterFilter;
using schedule::print_instant;

constexpr int64_t kMaxPage = 1000;

Error no_dead_letter(std::string_view id) {
  return Error{Code::not_found, "there is no dead letter '" + std::string(id) + "'", "See pirn dlq ls."};
}

bj::object object_of(const DeadLetterEntry& letter) {
  const journal::DeadLetter& of = letter.letter;
  return {{"id", letter.id.text()},
          {"package", of.package},
          {"version", of.version},
          {"workflow", of.workflow},
          {"code", of.code},
          {"step", of.step.empty() ? bj::value(nullptr) : bj::value(of.step)},
          {"attempts", of.attempts},
          {"failed_at", print_instant(of.failed_at)},
          {"expires_at",
           of.expires_at == journal::kNever ? bj::value(nullptr) : bj::value(print_instant(of.expires_at))}};
}

Status set_workflow(DeadLetterFilter& filter, WorkflowName name, std::string_view package) {
  PIRN_TRY(filter.package, package_of(name, package));
  filter.workflow = std::move(name.workflow);
  return {};
}

Result<DeadLetterFilter> read_filter(const Document& body, const Request& request, int64_t now) {
  DeadLetterFilter filter;
  PIRN_TRY(const std::string package, body.text_or("package", ""));
  PIRN_TRY(WorkflowName name, workflow_in(body, request));
  PIRN_DO(set_workflow(filter, std::move(name), package));
  PIRN_TRY(filter.code, body.text_or("code", ""));
  PIRN_TRY(const std::string since, body.text_or("since", ""));
  if (!since.empty()) {
    PIRN_TRY(filter.since, parse_since_ns(since, now));
  }
  PIRN_TRY(const std::string before, body.text_or("before", ""));
  if (!before.empty()) {
    PIRN_TRY(filter.before, parse_since_ns(before, now));
  }
  return filter;
}

// A cursor is the instant and the id of the last letter of a page: "1700000000000000000.0000000020000".
std::string cursor_of(const DeadLetterEntry& last) {
  return std::to_string(last.letter.failed_at) + '.' + last.id.text();
}
Status read_cursor(std::string_view cursor, engine::ListDeadLetters& list) {
  const size_t dot = cursor.find('.');
  if (dot == std::string_view::npos) return no_cursor(cursor);
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + dot, list.after);
  const auto id = parse_cursor_id(cursor.substr(dot + 1));
  if (error != std::errc() || end != cursor.data() + dot || list.after <= 0 || !id) return no_cursor(cursor);
  list.after_id = *id;
  return {};
}

Result<engine::ListDeadLetters> read_list(const Request& request, int64_t now) {
  engine::ListDeadLetters list;
  list.tenant = request.tenant;
  PIRN_DO(set_workflow(list.filter, split_workflow_name(request.parameter("workflow")),
                       request.parameter("package")));
  list.filter.code = request.parameter("code");
  if (const std::string_view since = request.parameter("since"); !since.empty()) {
    PIRN_TRY(list.filter.since, parse_since_ns(since, now));
  }
  PIRN_TRY(const int64_t limit, number_parameter(request, "limit", 100, 1, kMaxPage));
  list.limit = static_cast<uint32_t>(limit);
  if (const auto cursor = request.query.find("cursor"); cursor != request.query.end())
    PIRN_DO(read_cursor(cursor->second, list));
  return list;
}

// The letter, and what its execution has to say. On the pool.
Response show(const Services& services, const std::string& tenant, const DeadLetterEntry& letter) {
  const auto row = services.store.find(tenant, letter.id);
  const auto unreadable = [&](const Error& why) {
    return problem(Error{
        why.code,
        "the execution of the dead letter '" + letter.id.text() + "' cannot be read: " + why.message,
        "Restore the data directory from a backup, or give the letter up: pirn dlq discard.", Blame::world});
  };
  if (!row) return unreadable(row.error());
  if (!*row) return problem(no_dead_letter(letter.id.text()));
  const Result<journal::DecodedState> decoded = journal::decode_state((*row)->columns(), (*row)->body);
  if (!decoded) return unreadable(decoded.error());
  std::string input = "{";
  for (const journal::Delta::Entry& entry : decoded->state.input.entries) {
    if (input.size() > 1) input += ',';
    journal::append_json_string(input, entry.key);
    input += ':';
    journal::append_json(input, entry.value);
  }
  std::string error;
  if (decoded->state.error) journal::append_error(error, *decoded->state.error);
  return json(200, ObjectText(object_of(letter))
                       .add("input", input + "}")
                       .add("error", error.empty() ? "null" : error)
                       .take());
}

// Whether there is such a tenant at all, nothing else says. `then` runs on the pool.
void with_tenant(const Services& services, const RequestPtr& request, const Respond& respond,
                 std::function<void()> then) {
  services.pool.post(request->queue, [&services, request, respond, then = std::move(then)] {
    if (const auto tenant = services.registry.tenant(request->tenant); !tenant)
      return respond(problem(tenant.error()));
    then();
  });
}

void retry_one(const Services& services, const Request& request, const Respond& respond,
               engine::RetryDeadLetters command) {
  const Result<ExecutionId> id = parse_execution_id(request.params[0]);
  if (!id) return respond(problem(no_dead_letter(request.params[0])));
  command.tenant = request.tenant;
  command.id = *id;
  command.reply = [respond](Result<std::vector<engine::RetryResult>> again) {
    if (!again) return respond(problem(again.error()));
    const std::string started = again->front().execution.text();
    Response response = json(201, bj::object{{"id", started}});
    response.headers.emplace_back("Location", "/v1/executions/" + started);
    respond(std::move(response));
  };
  send(services.inbox, std::move(command), respond);
}

}  // namespace

void list_dead_letters(const Services& services, RequestPtr request, Respond respond) {
  Result<engine::ListDeadLetters> list = read_list(*request, services.clock.now());
  if (!list) return respond(problem(list.error()));
  // One more than is shown says whether any are older.
  list->reply = [&services, request, respond,
                 limit = list->limit++](Result<std::vector<DeadLetterEntry>> letters) {
    if (!letters) return respond(problem(letters.error()));
    with_tenant(services, request, respond, [respond, limit, letters = std::move(*letters)]() mutable {
      bj::value cursor;
      if (letters.size() > limit) {
        letters.resize(limit);
        cursor = cursor_of(letters.back());
      }
      bj::array rows;
      for (const DeadLetterEntry& letter : letters) rows.push_back(object_of(letter));
      respond(json(200, bj::object{{"dead_letters", std::move(rows)}, {"cursor", std::move(cursor)}}));
    });
  };
  send(services.inbox, std::move(*list), respond);
}

void show_dead_letter(const Services& services, RequestPtr request, Respond respond) {
  const Result<ExecutionId> id = parse_execution_id(request->params[0]);
  if (!id) return respond(problem(no_dead_letter(request->params[0])));
  const auto answered = [&services, request, respond](Result<DeadLetterEntry> letter) {
    if (!letter) return respond(problem(letter.error()));
    services.pool.post(request->queue, [&services, request, respond, letter = std::move(*letter)] {
      respond(show(services, request->tenant, letter));
    });
  };
  send(services.inbox, engine::ShowDeadLetter{request->tenant, *id, answered}, respond);
}

void retry_dead_letter(const Services& services, RequestPtr request, Respond respond) {
  const Result<Document> body = Document::read(request->body, {"on_active"});
  if (!body) return respond(problem(body.error()));
  const Result<bool> on_active = body->flag_or("on_active", false);
  if (!on_active) return respond(problem(on_active.error()));
  engine::RetryDeadLetters command;
  command.on_active = *on_active;
  retry_one(services, *request, respond, std::move(command));
}

void retry_dead_letters(const Services& services, RequestPtr request, Respond respond) {
  const auto read = [&]() -> Result<engine::RetryDeadLetters> {
    PIRN_TRY(const Document body, Document::read(request->body, {"package", "workflow", "code", "since",
                                                                 "before", "limit", "on_active"}));
    engine::RetryDeadLetters command;
    command.tenant = request->tenant;
    PIRN_TRY(command.filter, read_filter(body, *request, services.clock.now()));
    PIRN_TRY(const int64_t limit, body.integer_or("limit", 100, 1, kMaxPage));
    command.limit = static_cast<uint32_t>(limit);
    PIRN_TRY(command.on_active, body.flag_or("on_active", false));
    return command;
  };
  Result<engine::RetryDeadLetters> command = read();
  if (!command) return respond(problem(command.error()));
  command->reply = [respond](Result<std::vector<engine::RetryResult>> all) {
    if (!all) return respond(problem(all.error()));
    bj::array retried, refused;
    for (const engine::RetryResult& again : *all) {
      if (again.execution)
        retried.push_back(bj::object{{"id", again.id.text()}, {"execution", again.execution.text()}});
      else
        refused.push_back(bj::object{
            {"id", again.id.text()}, {"code", again.error.name()}, {"message", again.error.message}});
    }
    respond(json(200, bj::object{{"retried", std::move(retried)}, {"refused", std::move(refused)}}));
  };
  with_tenant(services, request, respond, [&services, respond, command = std::move(*command)]() mutable {
    send(services.inbox, std::move(command), respond);
  });
}

void discard_dead_letter(const Services& services, RequestPtr request, Respond respond) {
  const Result<ExecutionId> id = parse_execution_id(request->params[0]);
  if (!id) return respond(problem(no_dead_letter(request->params[0])));
  engine::DiscardDeadLetters command;
  command.tenant = request->tenant;
  command.id = *id;
  command.reply = [respond](Result<std::vector<DeadLetterEntry>> letters) {
    if (!letters) return respond(problem(letters.error()));
    respond(json(200, object_of(letters->front())));
  };
  send(services.inbox, std::move(command), respond);
}

void prune_dead_letters(const Services& services, RequestPtr request, Respond respond) {
  const auto read = [&]() -> Result<engine::DiscardDeadLetters> {
    PIRN_TRY(const Document body, Document::read(request->body, {"package", "workflow", "code", "before"}));
    PIRN_DO(body.text("before"));  // all there is goes by no mistake
    engine::DiscardDeadLetters command;
    command.tenant = request->tenant;
    PIRN_TRY(command.filter, read_filter(body, *request, services.clock.now()));
    return command;
  };
  Result<engine::DiscardDeadLetters> command = read();
  if (!command) return respond(problem(command.error()));
  command->reply = [respond](Result<std::vector<DeadLetterEntry>> letters) {
    if (!letters) return respond(problem(letters.error()));
    respond(json(200, bj::object{{"pruned", letters->size()}}));
  };
  with_tenant(services, request, respond, [&services, respond, command = std::move(*command)]() mutable {
    send(services.inbox, std::move(command), respond);
  });
}

}  // namespace pirn::api
