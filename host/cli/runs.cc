// Executions: started, listed, shown, followed, cancelled.
#include <boost/json.hpp>
#include <iostream>

#include "host/cli/client.h"
#include "host/cli/input.h"
#include "host/cli/pages.h"
#include "host/cli/runs.h"
#include "host/cli/terminal.h"
#include "host/cli/verbs.h"
#include "host/cli/watch.h"
#include "packager/definition/definition.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;
using Kind = Column::Kind;

const std::vector<Column> kRun = {{"ID", "id"},
                                  {"WORKFLOW", "workflow"},
                                  {"PACKAGE", "package"},
                                  {"VERSION", "version"},
                                  {"STATE", "state", Kind::state},
                                  {"DONE", "done"},
                                  {"STARTED", "started_at", Kind::time},
                                  {"TOOK", "duration_ms", Kind::duration}};

Result<int64_t> deadline_of(const Arguments& arguments) {
  if (!arguments.has("timeout")) return 0;
  PIRN_TRY(const int64_t timeout, duration_of(arguments, "timeout"));
  if (timeout == definition::kInfinite) return 0;
  return steady_ms() + timeout / 1'000'000;
}

// `-o jsonl` makes the events the data; else the data is what the execution is in the end.
std::unique_ptr<Display> display_of(Format format, bool quiet) {
  if (quiet) return show_nothing();
  if (format == Format::jsonl) return show_jsonl();
  return is_interactive() ? show_table() : show_lines();
}

Outcome wait_for(Client& client, const std::string& id, const Arguments& arguments, Format format,
                 bool quiet) {
  PIRN_TRY(const int64_t deadline, deadline_of(arguments));
  const auto display = display_of(format, quiet);
  PIRN_TRY(const bj::value execution, follow(client, id, deadline, *display));
  const int code = exit_code_of(execution.as_object());
  if (code == 130) return code;
  if (format != Format::jsonl || quiet) print_execution(execution.as_object(), format);
  if (code != 0 && format == Format::table) suggest("pirn run events " + id + client.context_options());
  return code;
}

}  // namespace

Result<std::string> find_run(Client& client, const std::string& run) {
  if (!run.starts_with('@')) return run;
  std::string target = path({"executions"});
  if (run == "@failed")
    add_query(target, "state", "failed");
  else if (run == "@running")
    add_query(target, "state", "open");
  else if (run == "@paused")
    add_query(target, "state", "paused");
  else if (run != "@latest")
    return Error{Code::usage, "there is no run '" + run + "'",
                 "Give an id, @latest, @failed, @running or @paused."};
  // A page may hold nothing of a state and still not be the last one.
  std::string cursor;
  do {
    std::string page = target;
    add_query(page, "cursor", cursor);
    PIRN_TRY(const bj::value answer, client.call("GET", page));
    const bj::array& rows = answer.at("executions").as_array();
    if (!rows.empty()) return text_of(rows.front().as_object(), "id");
    const bj::value& next = answer.at("cursor");
    cursor = next.is_string() ? std::string(next.as_string()) : std::string();
  } while (!cursor.empty());
  return Error{Code::not_found, "there is no run for '" + run + "'", "See pirn run ls."};
}

Status check_timeout(const Arguments& arguments, bool waits) {
  if (!arguments.has("timeout")) return {};
  if (!waits)
    return Error{Code::usage, "--timeout says how long to wait, but the command does not wait",
                 "Add --wait."};
  PIRN_DO(duration_of(arguments, "timeout"));
  return {};
}

bool waits(const Arguments& arguments) { return arguments.has("wait") || arguments.has("watch"); }

Outcome show_started(Client& client, const bj::object& started, const Arguments& arguments, Format format) {
  const std::string id = text_of(started, "id");
  if (!waits(arguments)) {
    if (format == Format::json || format == Format::jsonl)
      print_json(started);
    else
      std::cout << printable(id) << '\n';
    if (format == Format::table) suggest("pirn run watch " + id + client.context_options());
    return 0;
  }
  note("started " + printable(id));
  return wait_for(client, id, arguments, format, !arguments.has("watch"));
}

namespace {

Outcome run_again(const Arguments& arguments, std::string_view verb) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_DO(check_timeout(arguments, waits(arguments)));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const std::string id, find_run(client, arguments.get("run")));
  bj::object body{{"on_active", arguments.has("on-active")}};
  if (verb == "rerun") body["from"] = arguments.get("from");
  PIRN_TRY(const bj::value answer, client.call("POST", path({"executions", id, verb}), bj::serialize(body)));
  return show_started(client, answer.as_object(), arguments, format);
}

}  // namespace

Outcome run_start(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_DO(check_timeout(arguments, waits(arguments)));
  PIRN_TRY(const std::string input, read_input(arguments, "input"));
  PIRN_TRY(Client client, Client::open(arguments));
  const std::string workflow = arguments.get("workflow");
  std::string body = "{\"workflow\":" + bj::serialize(bj::value(workflow));
  for (const char* option : {"at", "in", "strategy"})
    if (arguments.has(option))
      body += ",\"" + std::string(option) + "\":" + bj::serialize(bj::value(arguments.get(option)));
  body += ",\"input\":" + input + "}";
  Client::Headers headers;
  if (arguments.has("key")) headers.emplace_back("Idempotency-Key", arguments.get("key"));
  PIRN_TRY(const bj::value answer, client.call("POST", path({"executions"}), body, headers));
  const bj::object& started = answer.as_object();
  if (started.at("existing").as_bool()) note("this key has already started a run: " + shown(started, "id"));
  return show_started(client, started, arguments, format);
}

Outcome run_retry(const Arguments& arguments) { return run_again(arguments, "retry"); }

Outcome run_rerun(const Arguments& arguments) {
  if (!arguments.has("from"))
    return Error{Code::usage, "--from STEP is missing", "Name the step to start with: see pirn run show."};
  return run_again(arguments, "rerun");
}

namespace {

struct Listed {
  bj::array rows;
  std::string cursor;  // of what is older; empty: nothing is
};

// A page of the host may hold little of what a filter wants and still not be the last one; so whether
// anything is older is known when one more is found.
Result<Listed> list_runs(Client& client, const std::string& target, size_t limit, std::string cursor) {
  Listed listed;
  for (size_t page = std::min<size_t>(limit + 1, 1000);; page = 1000) {
    std::string next = target;
    add_query(next, "limit", std::to_string(page));
    add_query(next, "cursor", cursor);
    PIRN_TRY(bj::value answer, client.call("GET", next));
    for (bj::value& row : answer.at("executions").as_array()) {
      if (listed.rows.size() == limit) {
        listed.cursor = text_of(listed.rows.back().as_object(), "id");
        return listed;
      }
      listed.rows.push_back(std::move(row));
    }
    if (!answer.at("cursor").is_string()) return listed;
    cursor = text_of(answer.as_object(), "cursor");
  }
}

}  // namespace

Outcome run_list(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  std::string target = path({"executions"});
  add_query(target, "state", arguments.get("status"));
  add_query(target, "workflow", arguments.get("workflow"));
  add_query(target, "package", arguments.get("package"));
  add_query(target, "tag", arguments.get("tag"));
  add_query(target, "since", arguments.get("since"));
  size_t limit = 20;
  if (arguments.has("limit")) {
    PIRN_TRY(const int64_t wanted, number_of(arguments, "limit"));
    limit = static_cast<size_t>(wanted);
  }
  PIRN_TRY(Listed listed, list_runs(client, target, limit, arguments.get("cursor")));
  if (format == Format::table) {
    for (bj::value& row : listed.rows) {
      const bj::object& progress = row.at("progress").as_object();
      row.as_object()["done"] = text_of(progress, "done") + "/" + text_of(progress, "total");
    }
  }
  print_rows(listed.rows, kRun, format, "id", "No runs: pirn run start WORKFLOW" + client.context_options());
  if (!listed.cursor.empty() && format == Format::table) {
    std::string next = "pirn run ls";
    for (const char* option : {"status", "workflow", "package", "tag", "since", "limit"})
      if (arguments.has(option)) next += " --" + std::string(option) + " " + arguments.get(option);
    suggest(next + " --cursor " + listed.cursor + client.context_options() + "   (older ones)");
  }
  return 0;
}

Outcome run_show(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const std::string id, find_run(client, arguments.get("run")));
  PIRN_TRY(const bj::value execution, client.call("GET", path({"executions", id})));
  print_execution(execution.as_object(), format);
  return 0;
}

Outcome run_watch(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const std::string id, find_run(client, arguments.get("run")));
  return wait_for(client, id, arguments, format, false);
}

Outcome run_events(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const std::string id, find_run(client, arguments.get("run")));
  return print_journal(client, path({"executions", id, "events"}), arguments.get("after", "0"), format,
                       [](const bj::object& event) { return event_line(event, text_of(event, "type")); });
}

Outcome run_cancel_all(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  bj::object body{{"all", arguments.has("all")},
                  {"cleanup", !arguments.has("no-cleanup")},
                  {"rollback", arguments.has("rollback")},
                  {"dry_run", arguments.has("dry-run")}};
  bool filtered = arguments.has("all");
  for (const auto& [option, name] :
       {std::pair("status", "state"), std::pair("workflow", "workflow"), std::pair("package", "package"),
        std::pair("tag", "tag"), std::pair("since", "since")})
    if (arguments.has(option)) {
      body[name] = arguments.get(option);
      filtered = true;
    }
  if (!filtered)
    return Error{Code::usage, "the command does not say which runs to cancel",
                 "Add --workflow, --package, --status, --tag or --since; or --all for all open runs."};
  if (arguments.has("reason")) body["reason"] = arguments.get("reason");
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const bj::value answer, client.call("POST", path({"executions", "cancel"}), bj::serialize(body)));
  if (format == Format::json || format == Format::jsonl) {
    print_json(answer);
    return 0;
  }
  for (const bj::value& id : answer.at("executions").as_array())
    std::cout << printable(id.as_string()) << '\n';
  const std::string count = shown(answer.as_object(), "count");
  note(count + (count == "1" ? " run " : " runs ") +
       (arguments.has("dry-run") ? "would be cancelled"
        : count == "1"           ? "is being cancelled"
                                 : "are being cancelled"));
  return 0;
}

Outcome run_cancel(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_DO(check_timeout(arguments, arguments.has("wait")));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const std::string id, find_run(client, arguments.get("run")));
  bj::object body{{"cleanup", !arguments.has("no-cleanup")}, {"rollback", arguments.has("rollback")}};
  if (arguments.has("reason")) body["reason"] = arguments.get("reason");
  PIRN_TRY(const bj::value answer,
           client.call("POST", path({"executions", id, "cancel"}), bj::serialize(body)));
  if (!arguments.has("wait")) {
    print_object(answer.as_object(), {{"id", "id"}, {"state", "state", Kind::state}}, format, "id");
    if (format == Format::table) suggest("pirn run watch " + id + client.context_options());
    return 0;
  }
  PIRN_TRY(const int64_t deadline, deadline_of(arguments));
  const auto display = show_nothing();
  PIRN_TRY(const bj::value execution, follow(client, id, deadline, *display));
  print_execution(execution.as_object(), format);
  // Cancelled is what was asked for.
  return text_of(execution.as_object(), "state") == "cancelled" ? 0 : exit_code_of(execution.as_object());
}

std::string names_in(const bj::array& names) {
  std::string text;
  for (const bj::value& name : names) text += (text.empty() ? "" : ", ") + printable(name.as_string());
  return text;
}

}  // namespace pirn::cli
