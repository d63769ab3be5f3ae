// What an operator and a tenant see of a host and of runs beside the runs themselves.
#include <boost/json.hpp>
#include <iostream>

#include "host/cli/client.h"
#include "host/cli/input.h"
#include "host/cli/pages.h"
#include "host/cli/runs.h"
#include "host/cli/terminal.h"
#include "host/cli/verbs.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;
using Kind = Column::Kind;

// "a, b" of a list of texts.
std::string joined(const bj::value& list) { return names_in(list.as_array()); }

// Who uses the slots for running steps.
void print_slots(const bj::array& tenants) {
  if (tenants.empty()) return;
  std::cout << '\n';
  print_rows(tenants,
             {{"TENANT", "tenant"},
              {"WEIGHT", "weight"},
              {"MAX STEPS", "max_running_steps"},
              {"RUNNING", "running_steps"},
              {"WAITING", "waiting_steps"},
              {"SHARE", "share"}},
             Format::table, "tenant", "");
}

}  // namespace

Outcome health(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const bj::value answer, client.call("GET", path({"health"})));
  const std::string status = text_of(answer.as_object(), "status");
  if (format == Format::table) {
    print_rows(answer.at("parts").as_array(), {{"PART", "part"}, {"STATUS", "status"}, {"WHY", "detail"}},
               format, "part", "");
    print_slots(answer.at("slots").at("tenants").as_array());
    std::cout << "\nthe host is " << printable(status) << '\n';
  } else {
    print_object(answer.as_object(), {}, format, "status");
  }
  return status == "failing" ? catalogue_entry(Code::not_ready).exit_code : 0;
}

Outcome sink_list(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const bj::value answer, client.call("GET", path({"sinks"})));
  print_rows(answer.at("sinks").as_array(),
             {{"SINK", "sink"},
              {"TENANT", "tenant"},
              {"WRITTEN", "written"},
              {"LOST", "lost"},
              {"ERRORS", "error_count"},
              {"LAST", "last_error_at", Kind::time},
              {"WHY", "last_error"}},
             format, "sink", "No sinks: docs/reference/configuration.md says how to create one.");
  return 0;
}

Outcome store_stats(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(bj::value answer, client.call("GET", path({"store"})));
  bj::object& stats = answer.as_object();
  if (format == Format::table) {
    const bj::object& book = stats.at("logbook").as_object();
    stats["lines"] = text_of(book, "lines") + ", lost " + text_of(book, "lost");
    stats["removed"] = stats.at("retention").at("removed");
    stats["next"] = stats.at("retention").at("next_run_at");
  }
  print_object(stats,
               {{"kept in", "kind"},
                {"executions", "executions"},
                {"open", "open_executions"},
                {"journal rows", "journal_rows"},
                {"file", "size_bytes", Kind::size},
                {"log", "wal_bytes", Kind::size},
                {"free in the file", "free_bytes", Kind::size},
                {"logbook lines", "lines"},
                {"removed by policy", "removed"},
                {"policy runs next", "next", Kind::time}},
               format, "kind");
  if (format != Format::table) return 0;
  std::cout << '\n';
  print_rows(stats.at("by_state").as_array(),
             {{"TENANT", "tenant"}, {"STATE", "state", Kind::state}, {"RUNS", "executions"}}, format,
             "tenant", "No runs are stored yet.");
  return 0;
}

Outcome store_prune(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  if (!arguments.has("older-than") && !arguments.has("keep-last"))
    return Error{Code::usage, "--older-than or --keep-last is missing: nothing would be kept",
                 "Write, for example, --older-than 30d."};
  bj::object body{{"dry_run", arguments.has("dry-run")}, {"compact", !arguments.has("no-compact")}};
  if (arguments.has("older-than")) {
    PIRN_DO(duration_of(arguments, "older-than"));
    body["older_than"] = arguments.get("older-than");
  }
  if (arguments.has("keep-last")) {
    PIRN_TRY(const int64_t keep, number_of(arguments, "keep-last"));
    body["keep_last"] = keep;
  }
  for (const char* name : {"package", "workflow"})
    if (arguments.has(name)) body[name] = arguments.get(name);
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const bj::value answer, client.call("POST", path({"store", "prune"}), bj::serialize(body)));
  print_object(answer.as_object(),
               {{arguments.has("dry-run") ? "would remove" : "removed", "executions"},
                {"kept for dead letters", "kept_for_letters"},
                {"bytes before", "size_bytes_before", Kind::size},
                {"bytes", "size_bytes", Kind::size},
                {"free in the file", "free_bytes", Kind::size}},
               format, "executions");
  if (format == Format::table && answer.at("kept_for_letters").as_int64() > 0)
    note("these runs stay until their dead letters are retried or discarded: pirn dlq ls");
  return 0;
}

Outcome store_backup(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  const std::string directory = absolute_path(arguments.get("directory"));
  PIRN_TRY(const bj::value answer, client.call("POST", path({"store", "backup"}),
                                               bj::serialize(bj::object{{"directory", directory}})));
  print_object(answer.as_object(), {{"directory", "directory"}}, format, "directory");
  if (format == Format::table) suggest("pirn serve --data " + directory);
  return 0;
}

Outcome run_checkpoints(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const std::string id, find_run(client, arguments.get("run")));
  if (arguments.has("at")) {
    PIRN_TRY(const bj::value answer,
             client.call("GET", path({"executions", id, "checkpoints", arguments.get("at")})));
    const bj::object& checkpoint = answer.as_object();
    print_object(checkpoint,
                 {{"checkpoint", "checkpoint"}, {"at", "at", Kind::time}, {"state", "state", Kind::state}},
                 format, "checkpoint");
    if (format != Format::table) return 0;
    std::cout << '\n';
    print_rows(
        checkpoint.at("steps").as_array(),
        {{"STEP", "name"}, {"STATE", "state", Kind::state}, {"CALLS", "invocations"}, {"RESULT", "result"}},
        format, "name", "No step has started.");
    return 0;
  }
  std::string target = path({"executions", id, "checkpoints"});
  add_query(target, "ran", arguments.get("ran"));
  add_query(target, "skipped", arguments.get("skipped"));
  bj::array rows;
  PIRN_DO(for_each_row(client, target, "checkpoints", "0", [&](const bj::object& row) {
    bj::object shown = row;
    if (format == Format::table)
      for (const char* list : {"started", "ran", "skipped"}) shown[list] = joined(row.at(list));
    rows.push_back(std::move(shown));
  }));
  print_rows(rows,
             {{"CHECKPOINT", "checkpoint"},
              {"AT", "at", Kind::time},
              {"STARTED", "started"},
              {"RAN", "ran"},
              {"SKIPPED", "skipped"}},
             format, "checkpoint", "No checkpoints match.");
  return 0;
}

}  // namespace pirn::cli
