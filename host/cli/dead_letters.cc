// Dead letters and circuit breakers: what failed for good, and what is not called for a while.
#include <boost/json.hpp>
#include <iostream>

#include "host/cli/client.h"
#include "host/cli/input.h"
#include "host/cli/runs.h"
#include "host/cli/terminal.h"
#include "host/cli/verbs.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;
using Kind = Column::Kind;

const std::vector<Column> kLetter = {{"ID", "id"},
                                     {"WORKFLOW", "workflow"},
                                     {"PACKAGE", "package"},
                                     {"VERSION", "version"},
                                     {"ERROR", "code"},
                                     {"STEP", "step"},
                                     {"ATTEMPTS", "attempts"},
                                     {"FAILED", "failed_at", Kind::time},
                                     {"EXPIRES", "expires_at", Kind::time}};
const std::vector<Column> kBreaker = {{"BREAKER", "breaker"},         {"STATE", "state", Kind::state},
                                      {"FAILURES", "failures"},       {"TRIALS", "in_flight"},
                                      {"SINCE", "since", Kind::time}, {"UNTIL", "until", Kind::time},
                                      {"TRIPPED BY", "why"}};

constexpr const char* kFilters[] = {"workflow", "package", "code"};

Error no_letters_named() {
  return Error{Code::usage, "no dead letter is given",
               "Give the id of one (pirn dlq ls), or --all, with --workflow, --package, --code or --since."};
}

Outcome retry_all(const Arguments& arguments, Client& client, Format format) {
  bj::object body{{"on_active", arguments.has("on-active")}};
  for (const char* filter : {"workflow", "package", "code", "since"})
    if (arguments.has(filter)) body[filter] = arguments.get(filter);
  if (arguments.has("limit")) {
    PIRN_TRY(body["limit"], number_of(arguments, "limit"));
  }
  PIRN_TRY(const bj::value answer, client.call("POST", path({"dead-letters", "retry"}), bj::serialize(body)));
  for (const bj::value& refused : answer.at("refused").as_array())
    note(shown(refused.as_object(), "id") + " remains: " + shown(refused.as_object(), "message"));
  print_rows(answer.at("retried").as_array(), {{"LETTER", "id"}, {"RUN", "execution"}}, format, "execution",
             "No dead letter was retried.");
  return answer.at("refused").as_array().empty() ? 0 : 1;
}

void add_words(bj::object& breaker) {
  const bj::object* by = breaker.at("tripped_by").if_object();
  breaker["why"] =
      by ? text_of(*by, "code") + " of " + text_of(*by, "step") + ", " + text_of(*by, "execution")
         : std::string("-");
}

}  // namespace

Outcome dlq_list(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  std::string target = path({"dead-letters"});
  for (const char* filter : kFilters) add_query(target, filter, arguments.get(filter));
  for (const char* more : {"since", "limit", "cursor"}) add_query(target, more, arguments.get(more));
  PIRN_TRY(const bj::value answer, client.call("GET", target));
  const bj::value& cursor = answer.at("cursor");
  print_rows(answer.at("dead_letters").as_array(), kLetter, format, "id", "No dead letters.");
  if (cursor.is_string() && format == Format::table) {
    std::string next = "pirn dlq ls";
    for (const char* option : {"workflow", "package", "code", "since", "limit"})
      if (arguments.has(option)) next += " --" + std::string(option) + " " + arguments.get(option);
    suggest(next + " --cursor " + std::string(cursor.as_string()) + client.context_options() +
            "   (older ones)");
  }
  return 0;
}

Outcome dlq_show(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(bj::value answer, client.call("GET", path({"dead-letters", arguments.get("letter")})));
  bj::object& letter = answer.as_object();
  std::vector<Column> columns = kLetter;
  if (format == Format::table) {
    const bj::object* error = letter.at("error").if_object();
    letter["message"] = error ? text_of(*error, "message") : std::string("-");
    letter["input"] = json_text(letter.at("input"));
    columns.insert(columns.end(), {{"MESSAGE", "message"}, {"INPUT", "input"}});
  }
  print_object(letter, columns, format, "id");
  if (format == Format::table)
    suggest("pirn dlq retry " + arguments.get("letter") + client.context_options());
  return 0;
}

Outcome dlq_retry(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  const bool all = arguments.has("all");
  if (!all && !arguments.has("letter")) return no_letters_named();
  if (all && arguments.has("letter"))
    return Error{Code::usage, "a dead letter and --all exclude each other", "Keep one of them."};
  for (const char* of_all : {"workflow", "package", "code", "since", "limit"})
    if (!all && arguments.has(of_all))
      return Error{Code::usage, "--" + std::string(of_all) + " is allowed only with --all",
                   "Add --all, or remove it."};
  PIRN_DO(check_timeout(arguments, waits(arguments)));
  if (all && waits(arguments))
    return Error{Code::usage, "--wait and --watch are not allowed with --all", "Remove --wait and --watch."};
  PIRN_TRY(Client client, Client::open(arguments));
  if (all) return retry_all(arguments, client, format);
  const bj::object body{{"on_active", arguments.has("on-active")}};
  PIRN_TRY(
      const bj::value answer,
      client.call("POST", path({"dead-letters", arguments.get("letter"), "retry"}), bj::serialize(body)));
  return show_started(client, answer.as_object(), arguments, format);
}

Outcome dlq_discard(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const bj::value answer, client.call("DELETE", path({"dead-letters", arguments.get("letter")})));
  print_object(answer.as_object(), kLetter, format, "id");
  return 0;
}

Outcome dlq_prune(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  if (!arguments.has("older-than"))
    return Error{Code::usage, "--older-than is missing: how long ago the runs failed",
                 "Write a duration, for example --older-than 30d."};
  PIRN_TRY(Client client, Client::open(arguments));
  bj::object body{{"before", arguments.get("older-than")}};
  for (const char* filter : kFilters)
    if (arguments.has(filter)) body[filter] = arguments.get(filter);
  PIRN_TRY(const bj::value answer, client.call("POST", path({"dead-letters", "prune"}), bj::serialize(body)));
  print_object(answer.as_object(), {{"pruned", "pruned"}}, format, "pruned");
  return 0;
}

Outcome breaker_list(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(bj::value answer, client.call("GET", path({"breakers"})));
  bj::array& rows = answer.at("breakers").as_array();
  if (format == Format::table)
    for (bj::value& row : rows) add_words(row.as_object());
  print_rows(rows, kBreaker, format, "breaker", "No active workflow has a circuit breaker.");
  return 0;
}

Outcome breaker_reset(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(bj::value answer,
           client.call("POST", path({"breakers", arguments.get("breaker"), "reset"}), "{}"));
  if (format == Format::table) add_words(answer.as_object());
  print_object(answer.as_object(), kBreaker, format, "breaker");
  return 0;
}

}  // namespace pirn::cli
