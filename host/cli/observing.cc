// What an operator and a tenant see of a host and of runs beside the runs themselves.
#include <boost/json.hpp>
#include <iostream>

#include "host/cli/client.h"
#include "host/cli/input.h"
#include "host/cli/pages.h"
#include "host/cli/runs.h"
#include "host/cli/terminal.h"
#include "host/cli/verbs.h"
#include "host/host.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;
using Kind = Column::Kind;

// With --data of a directory that no host uses the command does the work itself; else the host does.
template <class Beside, class InHost>
Result<bj::value> beside_or_in_host(const Arguments& arguments, Beside beside, InHost in_host) {
  if (arguments.has("data") && !arguments.has("server")) {
    const Result<std::string> text = beside(data_directory(arguments));
    if (text) return bj::parse(*text);
    if (text.error().code != Code::store_locked) return text.error();
  }
  PIRN_TRY(Client client, Client::open(arguments));
  return in_host(client);
}

Result<PruneOrder> prune_order(const Arguments& arguments) {
  PruneOrder order;
  order.rule.tenant = arguments.get("tenant");
  order.rule.package = arguments.get("package");
  order.rule.workflow = arguments.get("workflow");
  if (arguments.has("older-than")) {
    PIRN_TRY(order.rule.older_than_ns, duration_of(arguments, "older-than"));
  }
  if (arguments.has("keep-last")) {
    PIRN_TRY(const int64_t keep, number_of(arguments, "keep-last"));
    order.rule.keep_last = static_cast<uint64_t>(keep);
  }
  order.dry_run = arguments.has("dry-run");
  order.compact = arguments.has("compact");
  return order;
}

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
    stats["disk_free"] = stats.at("disk").at("free_bytes");
    stats["removed"] = stats.at("retention").at("removed");
    stats["next"] = stats.at("retention").at("next_run_at");
  }
  print_object(stats,
               {{"kept in", "kind"},
                {"executions", "executions"},
                {"open", "open_executions"},
                {"journal rows", "journal_rows"},
                {"of tenants' own", "tenant_rows"},
                {"event ids", "event_ids"},
                {"file", "size_bytes", Kind::size},
                {"log", "wal_bytes", Kind::size},
                {"free in the file", "free_bytes", Kind::size},
                {"free on the disk", "disk_free", Kind::size},
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
  bj::object body{{"dry_run", arguments.has("dry-run")}, {"compact", arguments.has("compact")}};
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
  PIRN_TRY(const bj::value answer,
           beside_or_in_host(
               arguments,
               [&](const std::string& directory) -> Result<std::string> {
                 PIRN_TRY(const PruneOrder order, prune_order(arguments));
                 return prune_data_of(directory, order);
               },
               [&](Client& client) {
                 return client.call("POST", path({"store", "prune"}), bj::serialize(body));
               }));
  print_object(answer.as_object(),
               {{arguments.has("dry-run") ? "would remove" : "removed", "executions"},
                {"kept for dead letters", "kept_for_letters"},
                {"commits of tenants", "tenant_commits"},
                {"event ids", "event_ids"},
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

Outcome store_verify(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(const bj::value answer,
           beside_or_in_host(
               arguments, [](const std::string& directory) { return verify_data_of(directory); },
               [](Client& client) {
                 return client.call("GET", path({"store", "verification"}));
               }));
  const bj::object& report = answer.as_object();
  const bool intact = report.at("intact").as_bool();
  if (format == Format::table) {
    for (const bj::value& damage : report.at("damages").as_array())
      note(printable(text_of(damage.as_object(), "file")) + ": " +
           printable(text_of(damage.as_object(), "what")));
    if (const std::string more = text_of(report, "more"); more != "0") note("and " + more + " more");
    std::cout << (intact ? "the data is whole: " : "the data is DAMAGED: ") << text_of(report, "rows")
              << " rows, " << text_of(report, "blobs") << " blobs";
    if (const std::string old = text_of(report, "without_checksum"); old != "0")
      std::cout << "; " << old << " rows are from before checksums";
    std::cout << '\n';
  } else {
    print_object(report, {}, format, "intact");
  }
  return intact ? 0 : catalogue_entry(Code::store_corrupt).exit_code;
}

Outcome run_delete(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const std::string id, find_run(client, arguments.get("run")));
  PIRN_TRY(const bj::value answer, client.call("DELETE", path({"executions", id})));
  print_object(answer.as_object(), {{"deleted", "id"}}, format, "id");
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
