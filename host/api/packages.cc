// Releases, deployments, workflows: what a tenant may run.
#include "host/api/document.h"
#include "host/api/routes.h"
#include "host/engine/inbox.h"
#include "host/maintenance/maintenance.h"
#include "packager/definition/definition.h"
#include "packager/json/json.h"
#include "registry/registry.h"

namespace pirn::api {

namespace {

namespace bj = boost::json;
using namespace registry;

bj::array array_of(const std::vector<Signer>& signers) {
  bj::array array;
  for (const Signer& signer : signers)
    array.push_back({{"key_id", signer.key.hex()}, {"role", signer.countersigner ? "countersign" : "sign"}});
  return array;
}

// `aside`: why the active release of its package cannot be read; nullptr: it can.
bj::object object_of(const ReleaseRow& row, const Error* aside) {
  return {{"package", row.package},
          {"version", row.version},
          {"release", row.digest.hex()},
          {"publisher", row.publisher},
          {"serial", row.serial},
          {"signers", array_of(row.signers)},
          {"size", row.archive_size},
          {"pushed_at", time_ms(row.pushed_at_ms)},
          {"pushed_by", row.pushed_by},
          {"active", row.active},
          {"withdrawn", row.withdrawn},
          {"quarantined", aside && row.active ? bj::value(aside->message) : bj::value(nullptr)},
          {"revision", row.revision == 0 ? bj::value(nullptr) : bj::value(row.revision)}};
}

bj::object object_of(const Revision& revision) {
  return {{"revision", revision.number},
          {"package", revision.package},
          {"version", revision.version},
          {"release", revision.release.hex()},
          {"previous", revision.previous.is_zero() ? bj::value(nullptr) : bj::value(revision.previous.hex())},
          {"undo", revision.undo},
          {"at", time_ms(revision.at_ms)},
          {"by", revision.by},
          {"why", revision.why}};
}

bj::array array_of(const std::vector<std::string>& names) { return bj::array(names.begin(), names.end()); }

bj::object object_of(const DeploymentPlan& plan) {
  bj::array refusals;
  for (const Error& error : plan.refusals) refusals.push_back(problem_object(error));
  bj::array schedules;
  for (const DeploymentPlan::ScheduleMove& move : plan.schedules)
    schedules.push_back(bj::object{{"workflow", move.workflow}, {"what", move.what}});
  return {{"package", plan.package},
          {"from_version", plan.from_version.empty() ? bj::value(nullptr) : bj::value(plan.from_version)},
          {"to_version", plan.to_version},
          {"from", plan.from.is_zero() ? bj::value(nullptr) : bj::value(plan.from.hex())},
          {"to", plan.to.hex()},
          {"added", array_of(plan.added)},
          {"changed", array_of(plan.changed)},
          {"removed", array_of(plan.removed)},
          {"unchanged", array_of(plan.unchanged)},
          {"schedules", std::move(schedules)},
          {"nothing_to_do", plan.nothing_to_do()},
          {"refusals", std::move(refusals)}};
}

Response answer(const Result<Deployed>& deployed) {
  if (!deployed) return problem(deployed.error());
  bj::object object = object_of(deployed->revision);
  object["changed"] = deployed->changed;
  object["plan"] = object_of(deployed->plan);
  return json(deployed->changed ? 201 : 200, object);
}

Response list(const Services& services, const Request& request, const Result<std::vector<ReleaseRow>>& rows) {
  if (!rows) return problem(rows.error());
  const CatalogPtr catalog = services.registry.catalog();
  bj::array array;
  for (const ReleaseRow& row : *rows)
    array.push_back(object_of(row, catalog->why_aside(request.tenant, row.package)));
  return json(200, bj::object{{"releases", std::move(array)}});
}

Result<NewDeployment> read_deployment(const Request& request) {
  PIRN_TRY(const Document body, Document::read(request.body, {"version", "why"}));
  NewDeployment deployment;
  deployment.tenant = request.tenant;
  deployment.package = request.params[0];
  PIRN_TRY(deployment.version, body.text_or("version", ""));
  PIRN_TRY(deployment.why, body.text_or("why", ""));
  return deployment;
}

// What it requires and, when it is the active one, which releases new executions run with.
void add_requirements(const Release& release, const Active* active, bj::object& out) {
  bj::object& required = out["requires"].emplace_object();
  for (const auto& [package, range] : release.requirements) required[package] = range;
  if (!active || active->release->digest != release.digest) return;
  bj::array& runs_with = out["runs_with"].emplace_array();
  if (active->required)
    for (const ReleasePtr& each : *active->required)
      runs_with.push_back(
          {{"package", each->package}, {"version", each->version}, {"release", each->digest.hex()}});
  if (active->unmet) out["unmet"] = active->unmet->message;
}

Error no_package(const Request& request) {
  return Error{Code::not_found, "there is no package '" + request.params[0] + "'"};
}

}  // namespace

Response list_packages(const Services& services, const Request& request) {
  return list(services, request, services.registry.releases(request.tenant));
}

Response show_package(const Services& services, const Request& request) {
  auto rows = services.registry.releases(request.tenant, request.params[0]);
  if (rows && rows->empty()) return problem(no_package(request));
  return list(services, request, rows);
}

Response show_release(const Services& services, const Request& request) {
  const auto rows = services.registry.releases(request.tenant, request.params[0]);
  if (!rows) return problem(rows.error());
  if (rows->empty()) return problem(no_package(request));
  std::vector<std::string> versions;
  for (const ReleaseRow& row : *rows) {
    versions.push_back(row.version);
    if (row.version != request.params[1]) continue;
    const Result<ReleasePtr> release = services.registry.read_release(request.tenant, row.digest);
    if (!release) return problem(release.error());
    bj::object object = object_of(row, nullptr);  // it has been read
    bj::array functions, workflows;
    for (const definition::Function& function : (*release)->functions)
      functions.push_back(bj::string(function.id));
    for (const definition::Workflow& workflow : (*release)->definition.workflows)
      workflows.push_back({{"name", workflow.name},
                           {"label", workflow.label},
                           {"steps", workflow.steps.size()},
                           {"definition", (*release)->digest_of(workflow).hex()}});
    add_requirements(**release, services.registry.catalog()->active(request.tenant, row.package), object);
    object["description"] = (*release)->definition.description;
    object["author"] = (*release)->definition.author;
    object["licence"] = (*release)->definition.licence;
    object["library"] = (*release)->library.hex();
    object["functions"] = std::move(functions);
    object["workflows"] = std::move(workflows);
    return json(200, object);
  }
  const std::string near = nearest(request.params[1], versions);
  return problem(Error{Code::not_found,
                       "the package '" + request.params[0] + "' has no version '" + request.params[1] + "'",
                       near.empty() ? "" : "Did you mean '" + near + "'?"});
}

Status admit_push(const Services& services, const Request& request, uint64_t length) {
  if (const maintenance::DiskState disk = services.maintenance.disk().state();
      disk.room == maintenance::Room::full)
    return Error{Code::store_full, "no package is taken: " + disk.detail, "", Blame::world};
  return services.registry.admit_push(request.principal, request.tenant, length, now_ms());
}

Response push(const Services& services, const Request& request) {
  const Result<int64_t> accepted = number_parameter(request, "accept_serial", 0, 1, INT64_MAX);
  if (!accepted) return problem(accepted.error());
  const auto pushed =
      services.registry.push(request.principal, request.tenant, request.body, now_ms(), *accepted);
  if (!pushed) return problem(pushed.error());
  const Release& release = *pushed->release;
  return json(pushed->already_there ? 200 : 201, bj::object{{"package", release.package},
                                                            {"version", release.version},
                                                            {"release", release.digest.hex()},
                                                            {"publisher", release.publisher},
                                                            {"serial", release.serial},
                                                            {"signers", array_of(release.signers)},
                                                            {"already_there", pushed->already_there}});
}

Response plan_deployment(const Services& services, const Request& request) {
  const Result<NewDeployment> deployment = read_deployment(request);
  if (!deployment) return problem(deployment.error());
  Result<DeploymentPlan> plan = services.registry.plan(*deployment);
  if (!plan) return problem(plan.error());
  if (const auto release = services.registry.read_release(request.tenant, plan->to))
    if (const Status fits = engine::check_resources(services.capacity, **release); !fits)
      plan->refusals.push_back(fits.error());
  return json(200, object_of(*plan));
}

Response deploy(const Services& services, const Request& request) {
  const Result<NewDeployment> deployment = read_deployment(request);
  if (!deployment) return problem(deployment.error());
  const auto deployed = services.registry.deploy(request.principal, *deployment, services.probe, now_ms());
  services.inbox.nudge();
  return answer(deployed);
}

Response deployment_history(const Services& services, const Request& request) {
  const auto revisions = services.registry.history(request.tenant, request.params[0]);
  if (!revisions) return problem(revisions.error());
  bj::array array;
  for (const Revision& revision : *revisions) array.push_back(object_of(revision));
  return json(200, bj::object{{"deployments", std::move(array)}});
}

Response undo_deployment(const Services& services, const Request& request) {
  const Result<Document> body = Document::read(request.body, {"to_revision", "why"});
  if (!body) return problem(body.error());
  const Result<int64_t> to = body->integer_or("to_revision", 0, 1, INT64_MAX);
  if (!to) return problem(to.error());
  const Result<std::string> why = body->text_or("why", "");
  if (!why) return problem(why.error());
  const auto undone = services.registry.undo(request.principal, request.tenant, request.params[0],
                                             static_cast<uint64_t>(*to), *why, services.probe, now_ms());
  services.inbox.nudge();
  return answer(undone);
}

}  // namespace pirn::api
