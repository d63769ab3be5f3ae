// Definitions, drawn and described: from the host, from a package file, or as a run has it.
#include <algorithm>
#include <boost/json.hpp>
#include <iostream>
#include <memory>

#include "host/cli/client.h"
#include "host/cli/runs.h"
#include "host/cli/terminal.h"
#include "host/cli/verbs.h"
#include "packager/definition/definition.h"
#include "packager/definition/graph.h"
#include "packager/definition/workflow_name.h"
#include "packager/json/json.h"
#include "packager/pack/package_file.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;
using Kind = Column::Kind;

struct Found {
  definition::Definition document;
  definition::Workflow workflow;  // of a run with the children that its grafts have made
  definition::StepStates states;  // of a run
  std::string run, run_state;
};
using FoundPtr = std::unique_ptr<Found>;

Result<FoundPtr> parse_document(const std::string& text, const std::string& name) {
  auto found = std::make_unique<Found>();
  PIRN_TRY(found->document, definition::parse(text, "the definition", nullptr));
  if (const definition::Workflow* workflow = found->document.find(name)) {
    found->workflow = *workflow;
    return found;
  }
  std::vector<std::string> names;
  for (const definition::Workflow& workflow : found->document.workflows) names.push_back(workflow.name);
  const std::string near = nearest(name, names);
  return Error{Code::not_found, "the package has no workflow '" + name + "'",
               near.empty() ? "" : "Did you mean '" + near + "'?"};
}

Result<FoundPtr> find_workflow(const Arguments& arguments, const std::string& name) {
  if (arguments.has("package")) {
    // A file belongs to no tenant.
    PIRN_TRY(const definition::WorkflowName named, definition::parse_workflow_name(name));
    PIRN_TRY(const archive::UnverifiedPackage package, pack::read_package(arguments.get("package")));
    if (!named.package.empty() && named.package != package.manifest.package)
      return Error{Code::not_found, "the file holds the package '" + package.manifest.package + "', not '" +
                                        named.package + "'"};
    return parse_document(archive::definition_document(package.manifest, package.payload), named.workflow);
  }
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const bj::value answer, client.call("GET", path({"workflows", name})));
  return parse_document(bj::serialize(answer.at("document")), text_of(answer.as_object(), "workflow"));
}

Result<FoundPtr> find_as_run(const Arguments& arguments, const std::string& run) {
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const std::string id, find_run(client, run));
  PIRN_TRY(const bj::value answer, client.call("GET", path({"executions", id, "report"})));
  PIRN_TRY(FoundPtr found,
           parse_document(bj::serialize(answer.at("document")), text_of(answer.as_object(), "name")));
  const bj::object& execution = answer.at("execution").as_object();
  found->run = text_of(execution, "id");
  found->run_state = text_of(execution, "state");
  for (const auto& state : execution.at("states").as_object())
    found->states.emplace(std::string(state.key()), std::string(state.value().as_string()));
  std::vector<definition::GraftChild> children;
  for (const bj::value& child : execution.at("children").as_array()) {
    const bj::object& object = child.as_object();
    children.push_back({text_of(object, "graft"), text_of(object, "name"), text_of(object, "task"),
                        text_of(object, "label")});
  }
  found->workflow = definition::with_children(found->workflow, children);
  return found;
}

Result<FoundPtr> find(const Arguments& arguments) {
  const std::string target = arguments.get("workflow");
  if (target.starts_with('@')) return find_as_run(arguments, target);
  Result<FoundPtr> found = find_workflow(arguments, target);
  if (found || found.error().code != Code::not_found || arguments.has("package")) return found;
  Result<FoundPtr> run = find_as_run(arguments, target);
  return run || run.error().code != Code::not_found ? std::move(run) : std::move(found);
}

Result<std::string> form_of(const Arguments& arguments) {
  static const std::vector<std::string> kForms = {"ascii", "table", "dot", "mermaid", "json", "jsonl"};
  const std::string form = arguments.get("output", "ascii");
  if (std::find(kForms.begin(), kForms.end(), form) != kForms.end()) return form;
  return Error{Code::usage, "a graph cannot be drawn as '" + form + "'",
               "The formats are ascii, table, dot, mermaid, json and jsonl (the same as json)."};
}

Outcome draw(const Found& found, const std::string& form, bool groups) {
  if (form == "table")
    std::cout << definition::to_table(found.workflow, found.states);
  else if (form == "dot")
    std::cout << definition::to_dot(found.workflow, found.states);
  else if (form == "mermaid")
    std::cout << definition::to_mermaid(found.workflow, found.states,
                                        groups ? definition::ShowGroups::yes : definition::ShowGroups::no);
  else if (form == "json" || form == "jsonl")
    print_json_text(definition::to_json(found.workflow, found.states));
  else
    std::cout << definition::to_tree(found.workflow, found.states);
  return 0;
}

std::string names_of(const definition::Workflow& workflow, const std::vector<uint32_t>& steps) {
  std::string out;
  for (const uint32_t step : steps) out += (out.empty() ? "" : " ") + workflow.steps[step].name;
  return out;
}

// "name           text", unless there is nothing to say.
void print_line(std::string_view name, const std::string& text) {
  if (text.empty()) return;
  std::string line(name);
  line.resize(15, ' ');
  std::cout << line << printable(text) << '\n';
}

// "on_failure alert, on_cancel clean_up" of {"on_failure":"alert","on_cancel":"clean_up"}
std::string pairs_in(const bj::object& object) {
  std::string out;
  for (const auto& member : object)
    out += (out.empty() ? "" : ", ") + std::string(member.key()) + " " + text_of(object, member.key());
  return out;
}

void print_report(const Found& found) {
  const definition::Workflow& workflow = found.workflow;
  const definition::CriticalPath path = definition::critical_path(workflow);
  const bj::object report = definition::report(found.document, workflow, found.states);
  print_line("order", names_of(workflow, definition::execution_order(workflow)));
  print_line("critical path", names_of(workflow, path.steps));
  print_line("at most", definition::print_duration(path.timeout_ns) + " on that path, " +
                            definition::print_duration(definition::total_timeout(workflow)) + " in all");
  print_line("on failure", text_of(report, "failure_mode"));
  print_line("timeout", definition::print_duration(workflow.timeout_ns));
  print_line("attempts", workflow.retry.max_retries == 0
                             ? std::string()
                             : std::to_string(workflow.retry.max_retries + 1) + " of the whole workflow");
  print_line("at one time", workflow.step_concurrency == 0
                                ? std::string("any number of steps")
                                : std::to_string(workflow.step_concurrency) + " steps");
  print_line("strategy", text_of(report, "strategy"));
  print_line("ready steps", workflow.order == definition::Order::critical_path
                                ? "the longest path to the end first"
                                : "in canonical order");
  print_line("handlers", pairs_in(report.at("handlers").as_object()));
  print_line("hooks", pairs_in(report.at("hooks").as_object()));
  print_line("dead letter", workflow.dead_letter ? "of an execution that fails for good" : "");
  print_line("definition", definition::digest(*found.document.find(workflow.name)).hex());
}

// Text of several lines; only the first begins as a line of ours does.
std::string paragraph(std::string_view text) {
  std::string out;
  for (const char c : printable(text, Lines::many)) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out;
}

void print_head(const Found& found) {
  const definition::Workflow& workflow = found.workflow;
  std::cout << printable(found.document.package + "::" + workflow.name) << "  (version "
            << printable(found.document.version) << ")\n";
  if (!found.run.empty())
    std::cout << "run " << printable(found.run) << ", " << state_word(found.run_state) << '\n';
  if (!workflow.description.empty()) std::cout << paragraph(workflow.description) << '\n';
}

// "2: extract, load"
std::string counted(const std::string& names, size_t count) {
  return count == 0 ? "" : std::to_string(count) + ": " + names;
}

void print_summary(const Found& found) {
  const bj::object report = definition::report(found.document, found.workflow, found.states);
  const bj::object& groups = report.at("parallel_groups").as_object();
  std::string group_names;
  for (const auto& group : groups)
    group_names += (group_names.empty() ? "" : ", ") + std::string(group.key());
  const bj::array& grafts = report.at("grafts").as_array();
  const bj::object& nested = report.at("nested_workflows").as_object();
  print_line("steps", text_of(report, "steps"));
  print_line("groups", counted(group_names, groups.size()));
  print_line("grafts", counted(names_in(grafts), grafts.size()));
  print_line("nested", counted(pairs_in(nested), nested.size()));
  print_line("rollbacks", report.at("has_rollback").as_bool() ? "yes" : "no");
  const bj::object* schedule = report.at("schedule").if_object();
  print_line("starts", schedule != nullptr ? pairs_in(*schedule)
                       : report.at("on_event").as_array().empty()
                           ? std::string("by hand")
                           : "on " + names_in(report.at("on_event").as_array()));
  print_line("tags", names_in(report.at("tags").as_array()));
  print_line("at most", definition::print_duration(definition::critical_path(found.workflow).timeout_ns));
}

}  // namespace

Outcome workflow_list(const Arguments& arguments) {
  static const std::vector<Column> kColumns = {
      {"WORKFLOW", "workflow"}, {"PACKAGE", "package"}, {"VERSION", "version"}, {"STEPS", "steps"},
      {"TRIGGER", "trigger"},   {"WHEN", "when"},       {"TAGS", "tags_text"}};
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  std::string target = path({"workflows"});
  for (const char* filter : {"package", "tag", "trigger"}) add_query(target, filter, arguments.get(filter));
  PIRN_TRY(bj::value answer, client.call("GET", target));
  bj::array& rows = answer.at("workflows").as_array();
  if (format == Format::table)
    for (bj::value& row : rows) {
      bj::object& object = row.as_object();
      const bj::value& schedule = object.at("schedule");
      std::string when = names_in(object.at("on_event").as_array());
      if (schedule.is_object())
        for (const auto& part : schedule.as_object())
          when += (when.empty() ? "" : ", ") + std::string(part.key()) + " " + bj::serialize(part.value());
      object["tags_text"] = names_in(object.at("tags").as_array());
      object["when"] = when;
    }
  print_rows(rows, kColumns, format, "workflow",
             "No workflows: pirn deploy PACKAGE" + client.context_options());
  return 0;
}

Outcome graph(const Arguments& arguments) {
  PIRN_TRY(const std::string form, form_of(arguments));
  PIRN_TRY(const FoundPtr found, find(arguments));
  return draw(*found, form, arguments.has("groups"));
}

Outcome run_graph(const Arguments& arguments) {
  PIRN_TRY(const std::string form, form_of(arguments));
  PIRN_TRY(const FoundPtr found, find_as_run(arguments, arguments.get("run")));
  return draw(*found, form, arguments.has("groups"));
}

Outcome describe_workflow(const Arguments& arguments) {
  static const std::vector<std::string> kParts = {"summary", "report", "plan"};
  PIRN_TRY(const Format format, format_of(arguments));
  const std::string part = arguments.get("part");
  if (!part.empty() && std::find(kParts.begin(), kParts.end(), part) == kParts.end())
    return Error{Code::usage, "a description has no part '" + part + "'",
                 "The parts are summary, report and plan."};
  PIRN_TRY(const FoundPtr found, find(arguments));
  const definition::Workflow& workflow = found->workflow;
  if (format == Format::id) {
    std::cout << definition::digest(*found->document.find(workflow.name)).hex() << '\n';
    return 0;
  }
  if (format != Format::table) {
    print_json_text(part == "summary" ? canonical(definition::summary(workflow))
                    : part == "plan"
                        ? definition::plan(workflow)
                        : canonical(definition::report(found->document, workflow, found->states)));
    return 0;
  }
  if (part.empty() || part == "summary") print_head(*found);
  if (part == "summary") print_summary(*found);
  if (part.empty()) std::cout << '\n' << definition::to_table(workflow, found->states) << '\n';
  if (part.empty() || part == "report") print_report(*found);
  if (part.empty()) std::cout << '\n';
  if (part.empty() || part == "plan") std::cout << definition::to_plan_text(workflow);
  return 0;
}

}  // namespace pirn::cli
