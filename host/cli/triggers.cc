// Schedules and events: seen, steered, told.
#include <boost/json.hpp>
#include <iostream>

#include "host/cli/client.h"
#include "host/cli/input.h"
#include "host/cli/pages.h"
#include "host/cli/terminal.h"
#include "host/cli/verbs.h"
#include "host/cli/watch.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;
using Kind = Column::Kind;

const std::vector<Column> kSchedule = {
    {"WORKFLOW", "workflow"}, {"PACKAGE", "package"},       {"STATE", "state", Kind::state},
    {"WHEN", "when"},         {"NEXT", "next", Kind::time}, {"LAST", "last_fire", Kind::time},
    {"FIRES", "fires"},       {"SKIPS", "skips"},           {"WHY", "why"}};
const std::vector<Column> kFire = {
    {"INSTANT", "instant", Kind::time}, {"RUN", "execution"}, {"STATE", "state"}};

// "0 6 * * * Europe/Berlin", "every 1h", "at 2026-…": a schedule's terms on one line.
std::string when_of(const bj::value& terms) {
  const bj::object* schedule = terms.if_object();
  if (!schedule) return "-";
  std::string out;
  if (const bj::value* cron = schedule->if_contains("cron"))
    for (const bj::value& each : cron->as_array())
      out += (out.empty() ? "" : ", ") + std::string(each.as_string());
  for (const char* key : {"every", "at", "in"})
    if (schedule->contains(key)) out = std::string(key) + " " + text_of(*schedule, key);
  if (schedule->contains("timezone")) out += " " + text_of(*schedule, "timezone");
  return out;
}

void add_words(bj::object& schedule) {
  schedule["when"] = when_of(schedule.at("schedule"));
  const bj::object* skip = schedule.at("last_skip").if_object();
  schedule["why"] = schedule.contains("problem") ? text_of(schedule, "problem")
                    : skip                       ? text_of(*skip, "reason")
                                                 : "-";
}

Outcome control(const Arguments& arguments, std::string_view action) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(bj::value answer,
           client.call("POST", path({"schedules", arguments.get("workflow"), action}), "{}"));
  bj::object& schedule = answer.as_object();
  if (format == Format::table) add_words(schedule);
  print_object(schedule, kSchedule, format, "workflow");
  return 0;
}

}  // namespace

Outcome schedule_list(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(bj::value answer, client.call("GET", path({"schedules"})));
  bj::array& rows = answer.at("schedules").as_array();
  if (format == Format::table)
    for (bj::value& row : rows) add_words(row.as_object());
  print_rows(rows, kSchedule, format, "workflow", "No active workflow has a schedule.");
  return 0;
}

Outcome schedule_next(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  std::string target = path({"schedules", arguments.get("workflow"), "next"});
  add_query(target, "count", arguments.get("count"));
  PIRN_TRY(const bj::value answer, client.call("GET", target));
  const bj::object& schedule = answer.as_object();
  if (text_of(schedule, "state") == "paused") note("the schedule is paused: pirn schedule resume");
  if (schedule.contains("problem")) note(shown(schedule, "problem"));
  print_rows(schedule.at("fires_at").as_array(), {{"INSTANT", "instant", Kind::time}}, format, "instant",
             "It does not fire again.");
  return 0;
}

Outcome schedule_pause(const Arguments& arguments) { return control(arguments, "pause"); }
Outcome schedule_resume(const Arguments& arguments) { return control(arguments, "resume"); }

Outcome schedule_trigger(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const bj::value answer,
           client.call("POST", path({"schedules", arguments.get("workflow"), "trigger"}), "{}"));
  const std::string id = text_of(answer.as_object(), "id");
  if (format == Format::json || format == Format::jsonl)
    print_json(answer);
  else
    std::cout << printable(id) << '\n';
  if (format == Format::table) suggest("pirn run watch " + id + client.context_options());
  return 0;
}

Outcome schedule_backfill(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  if (!arguments.has("from"))
    return Error{Code::usage, "--from is missing: the first instant to fill in",
                 "Write an instant, for example --from 2026-01-31T00:00:00Z."};
  PIRN_TRY(Client client, Client::open(arguments));
  const bool dry_run = arguments.has("dry-run");
  bj::object body{{"from", arguments.get("from")}, {"dry_run", dry_run}};
  if (arguments.has("to")) body["to"] = arguments.get("to");
  PIRN_TRY(bj::value answer, client.call("POST", path({"schedules", arguments.get("workflow"), "backfill"}),
                                         bj::serialize(body)));
  bj::array& rows = answer.at("fires").as_array();
  if (format == Format::table)
    for (bj::value& row : rows)
      row.as_object()["state"] = row.at("existing").as_bool() ? "existed"
                                 : dry_run                    ? "would start"
                                                              : "started";
  print_rows(rows, kFire, format, "execution", "The schedule has no fires in this period.");
  return 0;
}

Outcome event_emit(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(const std::string payload, read_input(arguments, "payload"));
  PIRN_TRY(Client client, Client::open(arguments));
  bj::object body{{"event", arguments.get("name")}};
  if (arguments.has("id")) body["id"] = arguments.get("id");
  std::string text = bj::serialize(body);
  text.back() = ',';
  text += "\"payload\":" + payload + "}";
  PIRN_TRY(const bj::value answer, client.call("POST", path({"events"}), text));
  const bj::array& ids = answer.at("executions").as_array();
  if (answer.at("existing").as_bool()) note("the host already knows this event: nothing was started");
  const bj::array& refused = answer.at("refused").as_array();
  for (const bj::value& one : refused)
    note(shown(one.as_object(), "package") + "::" + shown(one.as_object(), "workflow") +
         " did not start: " + shown(one.as_object(), "message"));
  if (ids.empty() && refused.empty())
    note("no active workflow waits for '" + printable(arguments.get("name")) + "'");
  if (format == Format::json || format == Format::jsonl)
    print_json(answer);
  else
    for (const bj::value& id : ids) std::cout << printable(id.as_string()) << '\n';
  return 0;
}

Outcome event_list(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  return print_journal(client, path({"events"}), arguments.get("after", "0"), format, tenant_event_line);
}

}  // namespace pirn::cli
