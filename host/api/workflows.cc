// Workflows and executions, described and drawn. What an execution runs is the definition of the release that
// it is pinned to, with the children that its grafts have made.
#include <algorithm>
#include <set>
#include <string_view>

#include "host/api/document.h"
#include "host/api/engine_requests.h"
#include "host/api/routes.h"
#include "packager/definition/definition.h"
#include "packager/definition/graph.h"
#include "packager/json/json.h"
#include "registry/registry.h"

namespace pirn::api {

namespace {

namespace bj = boost::json;
using namespace registry;

bj::object summary_of(const Active& active, const definition::Workflow& workflow) {
  bj::object out = definition::summary(workflow);
  out.erase("name");
  out["definition_version"] = out.at("version");
  out["workflow"] = workflow.name;
  out["package"] = active.release->package;
  out["version"] = active.release->version;
  out["release"] = active.release->digest.hex();
  out["label"] = workflow.label;
  out["description"] = workflow.description;
  out["on_event"] = bj::array(workflow.on_event.begin(), workflow.on_event.end());
  return out;
}

// The names of a workflow and of all that it contains of its own package.
void add_contained(const definition::Definition& definition, const definition::Workflow& workflow,
                   std::set<std::string_view>& names) {
  if (!names.insert(workflow.name).second) return;
  const std::string own = definition.package + "::";
  for (const definition::Step& step : workflow.steps) {
    std::string_view name = step.nested;
    if (name.starts_with(own)) name.remove_prefix(own.size());
    if (const definition::Workflow* contained = definition.find(name))
      add_contained(definition, *contained, names);
  }
}

// A whole document of a workflow and those that it contains, so that whoever reads it needs one format only.
definition::Definition document_of(const Release& release, const definition::Workflow& workflow) {
  const definition::Definition& all = release.definition;
  std::set<std::string_view> names;
  add_contained(all, workflow, names);
  definition::Definition document;
  document.schema = all.schema;
  document.package = release.package;
  document.version = release.version;
  for (const definition::Workflow& contained : all.workflows)
    if (names.contains(contained.name)) document.workflows.push_back(contained);
  return document;
}

Response text(std::string body) {
  Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  return response;
}

Response draw(const definition::Workflow& workflow, const definition::StepStates& states,
              const Request& request) {
  static const std::vector<std::string> kFormats = {"json", "mermaid", "dot", "table", "ascii"};
  const std::string_view given = request.parameter("format");
  const std::string format(given.empty() ? "json" : given);
  const std::string_view groups = request.parameter("groups");
  if (!groups.empty() && groups != "true" && groups != "false")
    return problem(Error{Code::invalid_argument, "'groups' is true or false"});
  if (format == "json") return json(200, definition::to_json(workflow, states));
  if (format == "mermaid")
    return text(definition::to_mermaid(
        workflow, states, groups == "true" ? definition::ShowGroups::yes : definition::ShowGroups::no));
  if (format == "dot") return text(definition::to_dot(workflow, states));
  if (format == "table") return text(definition::to_table(workflow, states));
  if (format == "ascii") return text(definition::to_tree(workflow, states));
  const std::string near = nearest(format, kFormats);
  return problem(Error{Code::invalid_argument, "a graph cannot be drawn as '" + format + "'",
                       near.empty() ? "The formats are json, mermaid, dot, table and ascii."
                                    : "Did you mean '" + near + "'?"});
}

// What an execution runs.
struct Run {
  definition::Definition document;  // with the workflows that it contains
  std::vector<definition::GraftChild> children;
  definition::Workflow workflow;  // with its children
  definition::StepStates states;
};

Result<Run> run_of(const Services& services, const engine::View& view) {
  const journal::ExecutionState& state = view.state;
  PIRN_TRY(const ReleasePtr release,
           services.registry.read_release(state.origin->tenant, state.origin->pins.front()));
  const definition::Workflow* workflow = release->find(state.origin->workflow);
  if (!workflow)
    return Error{Code::not_found,
                 "the release of this execution has no workflow '" + state.origin->workflow + "'"};
  Run run;
  run.document = document_of(*release, *workflow);
  for (const journal::ChildrenPtr& children : state.expansions)
    for (const journal::Child& child : *children) {
      std::string label;
      if (const auto options =
              definition::parse_child(child.options.empty() ? "{}" : child.options, child.name, nullptr))
        label = options->label;
      run.children.push_back(
          {workflow->steps.at(child.graft).name, child.name, child.task, std::move(label)});
    }
  run.workflow = definition::with_children(*workflow, run.children);
  for (size_t step = 0; step < state.steps.size(); ++step)
    run.states[view.step_names[step]] = journal::name_of(state.steps[step].state);
  return run;
}

Response report_of(const engine::View& view, const Run& run) {
  bj::object out = definition::report(run.document, run.workflow, run.states);
  bj::array children;
  for (const definition::GraftChild& child : run.children)
    children.push_back(
        {{"graft", child.graft}, {"name", child.name}, {"task", child.task}, {"label", child.label}});
  bj::object states;
  for (const auto& [step, state] : run.states) states[step] = state;
  out["execution"] = bj::object{{"id", view.state.id.text()},
                                {"state", journal::visible_state(view.state)},
                                {"strategy", journal::name_of(view.state.strategy)},
                                {"release", view.state.origin->pins.front().hex()},
                                {"states", std::move(states)},
                                {"children", std::move(children)}};
  return json(200, ObjectText(out).add("document", definition::print(run.document)).take());
}

Result<Catalog::Target> resolve(const Services& services, const Request& request, const Catalog& catalog) {
  auto target = catalog.resolve(request.tenant, request.params[0]);
  if (!target && target.error().code == Code::not_found)
    if (const auto tenant = services.registry.tenant(request.tenant); !tenant) return tenant.error();
  return target;
}

bool has_tag(const definition::Workflow& workflow, std::string_view tag) {
  return tag.empty() || std::find(workflow.tags.begin(), workflow.tags.end(), tag) != workflow.tags.end();
}

}  // namespace

Response list_workflows(const Services& services, const Request& request) {
  if (const auto tenant = services.registry.tenant(request.tenant); !tenant) return problem(tenant.error());
  const CatalogPtr catalog = services.registry.catalog();
  const std::string_view tag = request.parameter("tag"), package = request.parameter("package"),
                         trigger = request.parameter("trigger");
  bj::array array;
  for (const Active* active : catalog->packages(request.tenant)) {
    if (!package.empty() && active->release->package != package) continue;
    for (const definition::Workflow& workflow : active->release->definition.workflows) {
      if (!has_tag(workflow, tag)) continue;
      bj::object summary = summary_of(*active, workflow);
      if (trigger.empty() || summary.at("trigger").as_string() == trigger)
        array.push_back(std::move(summary));
    }
  }
  return json(200, bj::object{{"workflows", std::move(array)}});
}

Response show_workflow(const Services& services, const Request& request) {
  const CatalogPtr catalog = services.registry.catalog();
  const Result<Catalog::Target> target = resolve(services, request, *catalog);
  if (!target) return problem(target.error());
  const Active* active = catalog->active(request.tenant, target->release->package);
  bj::object object = summary_of(*active, *target->workflow);
  object["definition_digest"] = target->release->digest_of(*target->workflow).hex();
  const std::string document = definition::print(document_of(*target->release, *target->workflow));
  return json(200, ObjectText(object).add("document", document).take());
}

Response workflow_graph(const Services& services, const Request& request) {
  const CatalogPtr catalog = services.registry.catalog();
  const Result<Catalog::Target> target = resolve(services, request, *catalog);
  return target ? draw(*target->workflow, {}, request) : problem(target.error());
}

Response workflow_report(const Services& services, const Request& request) {
  const CatalogPtr catalog = services.registry.catalog();
  const Result<Catalog::Target> target = resolve(services, request, *catalog);
  if (!target) return problem(target.error());
  return json(200, definition::report(target->release->definition, *target->workflow));
}

void execution_graph(const Services& services, RequestPtr request, Respond respond) {
  with_view(services, request, respond, [&services, request](const engine::View& view) {
    const Result<Run> run = run_of(services, view);
    return run ? draw(run->workflow, run->states, *request) : problem(run.error());
  });
}

void execution_report(const Services& services, RequestPtr request, Respond respond) {
  with_view(services, request, respond, [&services](const engine::View& view) {
    const Result<Run> run = run_of(services, view);
    return run ? report_of(view, *run) : problem(run.error());
  });
}

}  // namespace pirn::api
