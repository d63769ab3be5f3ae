// Definitions, drawn and described: from the host, or from a package file.
#include <algorithm>
#include <boost/json.hpp>
#include <iostream>
#include <memory>

#include "host/cli/client.h"
#include "host/cli/terminal.h"
#include "host/cli/verbs.h"
#include "packager/definition/definition.h"
#include "packager/definition/graph.h"
#include "packager/pack/package_file.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;

struct Found {
  definition::Definition document;
  const definition::Workflow* workflow = nullptr;
};

Result<std::string> document_text(const Arguments& arguments, std::string& workflow) {
  if (arguments.has("package")) {
    PIRN_TRY(const archive::UnverifiedPackage package, pack::read_package(arguments.get("package")));
    return archive::definition_document(package.manifest, package.payload);
  }
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const bj::value answer, client.call("GET", path({"workflows", workflow})));
  workflow = text_of(answer.as_object(), "workflow");
  return bj::serialize(answer.at("document"));
}

Result<std::unique_ptr<Found>> find(const Arguments& arguments) {
  std::string name = arguments.get("workflow");
  PIRN_TRY(const std::string text, document_text(arguments, name));
  auto found = std::make_unique<Found>();
  PIRN_TRY(found->document, definition::parse(text, "the definition", nullptr));
  if (const size_t colons = name.find("::"); colons != std::string::npos) name.erase(0, colons + 2);
  found->workflow = found->document.find(name);
  if (found->workflow != nullptr) return found;
  std::vector<std::string> names;
  for (const definition::Workflow& workflow : found->document.workflows) names.push_back(workflow.name);
  const std::string near = nearest(name, names);
  return Error{Code::not_found, "the package has no workflow '" + name + "'",
               near.empty() ? "" : "Did you mean '" + near + "'?"};
}

}  // namespace

Outcome graph(const Arguments& arguments) {
  static const std::vector<std::string> kForms = {"ascii", "table", "dot", "mermaid", "json"};
  const std::string form = arguments.get("output", "ascii");
  if (std::find(kForms.begin(), kForms.end(), form) == kForms.end()) {
    const std::string near = nearest(form, kForms);
    return Error{
        Code::usage, "a graph cannot be drawn as '" + form + "'",
        near.empty() ? "It is drawn as ascii, table, dot, mermaid or json." : "Did you mean '" + near + "'?"};
  }
  PIRN_TRY(const std::unique_ptr<Found> found, find(arguments));
  const definition::Workflow& workflow = *found->workflow;
  if (form == "table")
    std::cout << definition::to_table(workflow);
  else if (form == "dot")
    std::cout << definition::to_dot(workflow);
  else if (form == "mermaid")
    std::cout << definition::to_mermaid(workflow);
  else if (form == "json")
    std::cout << definition::to_json(workflow) << '\n';
  else
    std::cout << definition::to_tree(workflow);
  return 0;
}

Outcome describe_workflow(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(const std::unique_ptr<Found> found, find(arguments));
  const definition::Workflow& workflow = *found->workflow;
  if (format != Format::table) {
    std::cout << (format == Format::id ? definition::digest(workflow).hex()
                                       : definition::report(found->document, workflow))
              << '\n';
    return 0;
  }
  std::cout << found->document.package << "::" << workflow.name << "  (version " << found->document.version
            << ")\n";
  if (!workflow.description.empty()) std::cout << workflow.description << '\n';
  std::cout << '\n' << definition::to_table(workflow) << '\n';
  const definition::CriticalPath path = definition::critical_path(workflow);
  std::cout << "order          ";
  for (const uint32_t step : definition::execution_order(workflow))
    std::cout << workflow.steps[step].name << ' ';
  std::cout << "\ncritical path  ";
  for (const uint32_t step : path.steps) std::cout << workflow.steps[step].name << ' ';
  std::cout << "\nat most        " << definition::print_duration(path.timeout_ns) << "\non failure     "
            << (workflow.failure_mode == definition::FailureMode::fail_fast ? "fail_fast" : "continue")
            << "\ntimeout        " << definition::print_duration(workflow.timeout_ns) << "\nat one time    "
            << (workflow.step_concurrency == 0 ? std::string("any number of steps")
                                               : std::to_string(workflow.step_concurrency) + " steps")
            << "\ndefinition     " << definition::digest(workflow).hex() << '\n';
  return 0;
}

}  // namespace pirn::cli
