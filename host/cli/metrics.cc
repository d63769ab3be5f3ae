// How runs went.
#include <boost/json.hpp>
#include <cmath>
#include <iostream>

#include "host/cli/client.h"
#include "host/cli/runs.h"
#include "host/cli/terminal.h"
#include "host/cli/verbs.h"
#include "packager/json/plain_text.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;
using Kind = Column::Kind;

std::string percent(const bj::value& share) {
  if (!share.is_number()) return "-";
  return fixed_text(share.to_number<double>() * 100, 1) + " %";
}

std::string grade_words(const bj::value& grade) {
  if (!grade.is_object()) return "-";
  const double score = std::floor(grade.at("score").to_number<double>() * 10) / 10;  // 59.99 is no 60
  return std::string(grade.at("letter").as_string()) + " (" + fixed_text(score, 1) + ")";
}

// "broken: it broke", and below it what caused it, each further in.
void print_causes(const bj::object& error, size_t depth) {
  std::cout << std::string(2 * depth, ' ') << (depth == 1 ? "" : "cause: ");
  if (error.contains("code")) std::cout << shown(error, "code") << ": ";  // an exception may have none
  std::cout << shown(error, "message") << '\n';
  if (error.at("cause").is_object()) print_causes(error.at("cause").as_object(), depth + 1);
}

}  // namespace

Outcome run_metrics(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const std::string id, find_run(client, arguments.get("run")));
  PIRN_TRY(bj::value answer, client.call("GET", path({"executions", id, "metrics"})));
  bj::object& metrics = answer.as_object();
  if (format != Format::table) {
    print_object(metrics, {}, format, "id");
    return 0;
  }
  metrics["graded"] = grade_words(metrics.at("grade"));
  metrics["succeeded"] = percent(metrics.at("success_rate"));
  metrics["used"] = percent(metrics.at("utilisation"));
  print_object(metrics,
               {{"id", "id"},
                {"state", "state", Kind::state},
                {"grade", "graded"},
                {"succeeded", "succeeded"},
                {"took", "duration_ms", Kind::duration},
                {"processor", "cpu_ms", Kind::duration},
                {"utilisation", "used"},
                {"max parallel", "max_concurrency"}},
               format, "id");
  std::cout << '\n';
  bj::array& steps = metrics.at("steps").as_array();
  for (bj::value& step : steps) step.as_object()["graded"] = grade_words(step.at("grade"));
  print_rows(steps,
             {{"STEP", "name"},
              {"STATE", "state", Kind::state},
              {"CALLS", "invocations"},
              {"FAILED", "failures"},
              {"TOOK", "duration_ms", Kind::duration},
              {"QUEUED", "queued_ms", Kind::duration},
              {"PROCESSOR", "cpu_ms", Kind::duration},
              {"GRADE", "graded"}},
             format, "name", "No step has started.");
  for (const bj::value& each : metrics.at("bottlenecks").as_array())
    std::cout << "\nbottleneck  " << shown(each.as_object(), "step") << " ("
              << shown(each.as_object(), "severity") << "): " << shown(each.as_object(), "advice") << '\n';
  std::cout << '\n';
  for (const bj::value& each : metrics.at("recommendations").as_array())
    std::cout << printable(each.as_string()) << '\n';
  if (metrics.at("cpu_ms").is_null())
    note("processor time is not measured: set measure_cpu = true in the host's configuration");
  return 0;
}

Outcome run_errors(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const std::string id, find_run(client, arguments.get("run")));
  PIRN_TRY(const bj::value answer, client.call("GET", path({"executions", id, "errors"})));
  const bj::array& errors = answer.at("errors").as_array();
  if (format != Format::table) {
    print_rows(errors, {}, format, "when", "");
    return 0;
  }
  if (errors.empty()) note("The run has had no errors.");
  size_t number = 0;
  for (const bj::value& each : errors) {
    const bj::object& error = each.as_object();
    const bj::object& scope = error.at("scope").as_object();
    std::cout << '[' << std::to_string(number++) << "] " << printable(time_words(error.at("when"))) << " | "
              << shown(scope, "kind");
    if (scope.contains("node_id")) std::cout << ' ' << shown(scope, "node_id");
    std::cout << " @" << shown(scope, "checkpoint") << '\n';
    print_causes(error.at("error").as_object(), 1);
    std::cout << "  tags: " << names_in(error.at("tags").as_array()) << '\n'
              << "  context: " << json_text(error.at("context")) << '\n';
  }
  return 0;
}

Outcome dashboard(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(bj::value answer, client.call("GET", path({"dashboard"})));
  bj::object& board = answer.as_object();
  if (format == Format::table) board["succeeded"] = percent(board.at("success_rate"));
  print_object(board,
               {{"at", "timestamp", Kind::time},
                {"active runs", "active_workflows"},
                {"active steps", "active_tasks"},
                {"succeeded", "succeeded"}},
               format, "timestamp");
  if (format != Format::table) return 0;
  bj::array rows;
  for (const auto& workflow : board.at("workflow_status").as_object())
    for (const auto& state : workflow.value().as_object())
      rows.push_back(
          bj::object{{"workflow", workflow.key()}, {"state", state.key()}, {"runs", state.value()}});
  std::cout << '\n';
  print_rows(rows, {{"WORKFLOW", "workflow"}, {"STATE", "state", Kind::state}, {"RUNS", "runs"}}, format,
             "workflow", "No runs yet.");
  std::cout << '\n';
  print_rows(board.at("recent_events").as_array(),
             {{"AT", "timestamp", Kind::time}, {"RUN", "execution"}, {"EVENT", "type"}, {"STEP", "step"}},
             format, "execution", "Nothing has happened yet.");
  return 0;
}

}  // namespace pirn::cli
