// What waits, and what is said to it: pause, resume, signal, approve, reject, the list of approvals.
#include <boost/json.hpp>

#include "host/cli/client.h"
#include "host/cli/input.h"
#include "host/cli/runs.h"
#include "host/cli/terminal.h"
#include "host/cli/verbs.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;
using Kind = Column::Kind;

Outcome say(const Arguments& arguments, std::string_view word, const std::string& body) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const std::string id, find_run(client, arguments.get("run")));
  PIRN_TRY(const bj::value answer, client.call("POST", path({"executions", id, word}), body));
  print_object(answer.as_object(), {{"id", "id"}, {"state", "state", Kind::state}}, format, "id");
  if (format == Format::table) suggest("pirn run watch " + id + client.context_options());
  return 0;
}

Status check_step(const Arguments& arguments) {
  if (arguments.has("step")) return {};
  return Error{Code::usage, "--step is missing", "Name the step: see pirn approvals ls."};
}

// `object` is JSON text: as it was read, since numbers and the order of keys are the author's.
std::string body_with(std::string_view key, const std::string& object, const bj::object& rest) {
  std::string body = bj::serialize(rest);
  body.insert(1, "\"" + std::string(key) + "\":" + object + (rest.empty() ? "" : ","));
  return body;
}

Outcome answer_approval(const Arguments& arguments, std::string_view word) {
  PIRN_DO(check_step(arguments));
  bj::object body{{"step", arguments.get("step")}};
  if (arguments.has("message")) body["comment"] = arguments.get("message");
  return say(arguments, word, bj::serialize(body));
}

}  // namespace

Outcome run_pause(const Arguments& arguments) {
  bj::object body;
  if (arguments.has("reason")) body["reason"] = arguments.get("reason");
  return say(arguments, "pause", bj::serialize(body));
}

Outcome run_resume(const Arguments& arguments) {
  PIRN_TRY(const std::string context, read_input(arguments, "context"));
  bj::object rest;
  for (const char* option : {"step", "action"})
    if (arguments.has(option)) rest[option] = arguments.get(option);
  return say(arguments, "resume", body_with("context", context, rest));
}

Outcome run_signal(const Arguments& arguments) {
  PIRN_DO(check_step(arguments));
  PIRN_TRY(const std::string payload, read_input(arguments, "payload"));
  return say(arguments, "signal", body_with("payload", payload, {{"step", arguments.get("step")}}));
}

Outcome run_approve(const Arguments& arguments) { return answer_approval(arguments, "approve"); }
Outcome run_reject(const Arguments& arguments) { return answer_approval(arguments, "reject"); }

Outcome approvals_list(const Arguments& arguments) {
  static const std::vector<Column> kApproval = {{"RUN", "execution"},   {"WORKFLOW", "workflow"},
                                                {"PACKAGE", "package"}, {"STEP", "step"},
                                                {"KIND", "kind"},       {"DEADLINE", "deadline", Kind::time},
                                                {"APPROVERS", "who"},   {"ERROR", "why"}};
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  std::string target = path({"approvals"});
  add_query(target, "limit", arguments.get("limit", "100"));
  PIRN_TRY(bj::value answer, client.call("GET", target));
  bj::array& rows = answer.at("approvals").as_array();
  if (format == Format::table)
    for (bj::value& row : rows) {
      row.as_object()["who"] = names_in(row.at("approvers").as_array());
      if (const bj::object* error = row.at("error").if_object())
        row.as_object()["why"] = text_of(*error, "code") + ": " + text_of(*error, "message");
    }
  print_rows(rows, kApproval, format, "execution", "No step awaits an answer.");
  return 0;
}

}  // namespace pirn::cli
