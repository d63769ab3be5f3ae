// What is kept, and how it is made less or copied.
#include "host/store/store.h"
#include "host/api/document.h"
#include "host/api/engine_requests.h"
#include "host/api/names.h"
#include "host/api/routes.h"
#include "host/api/slots.h"
#include "host/api/store_text.h"
#include "host/engine/inbox.h"
#include "host/logbook/logbook.h"
#include "host/maintenance/maintenance.h"
#include "packager/definition/definition.h"
#include "registry/registry.h"

namespace pirn::api {

namespace {

namespace bj = boost::json;

bj::value instant(int64_t ns) { return ns == 0 ? bj::value(nullptr) : bj::value(time_text_ns(ns)); }

Result<maintenance::Rule> read_rule(const Request& request, const Document& body) {
  maintenance::Rule rule;
  rule.tenant = request.tenant;
  PIRN_TRY(const std::string package, body.text_or("package", ""));
  PIRN_TRY(WorkflowName name, workflow_in(body, request));
  PIRN_TRY(rule.package, package_of(name, package));
  if (!name.tenant.empty()) rule.tenant = std::move(name.tenant);
  rule.workflow = std::move(name.workflow);
  PIRN_TRY(const std::string age, body.text_or("older_than", ""));
  if (!age.empty()) {
    PIRN_TRY(rule.older_than_ns, as_argument("older_than", definition::parse_duration(age)));
    if (rule.older_than_ns <= 0 || rule.older_than_ns == definition::kInfinite)
      return Error{Code::invalid_argument, "'older_than' must be a finite, positive duration"};
  }
  PIRN_TRY(const int64_t keep, body.integer_or("keep_last", 0, 0, INT64_MAX));
  rule.keep_last = static_cast<uint64_t>(keep);
  PIRN_DO(maintenance::check(rule));
  return rule;
}

Result<Response> prune(const Services& services, const Request& request) {
  PIRN_TRY(const Document body, Document::read(request.body, {"older_than", "keep_last", "package",
                                                              "workflow", "dry_run", "compact"}));
  PIRN_TRY(const maintenance::Rule rule, read_rule(request, body));
  PIRN_TRY(const bool dry_run, body.flag_or("dry_run", false));
  PIRN_TRY(const bool compact, body.flag_or("compact", false));
  PIRN_TRY(const store::StoreStats before, services.store.stats());
  PIRN_TRY(const maintenance::Pruned pruned, services.maintenance.prune(rule, services.clock.now(), dry_run));
  // What is in memory is free as soon as it is removed.
  if (compact && !dry_run && services.status.store_kind() != "memory") {
    // Without room for a second file the space stays in this one, for new executions: `free_bytes`.
    const Status compacted = services.maintenance.compact();
    if (!compacted && compacted.error().code != Code::store_full) return compacted.error();
  }
  PIRN_TRY(const store::StoreStats after, services.store.stats());
  return json(200, pruned_text(pruned, dry_run, before, after));
}

Result<Response> show(const Services& services, const Request& request, const engine::EngineStats& engine) {
  PIRN_TRY(const store::StoreStats stats, services.store.stats());
  bj::array counts;
  PIRN_TRY(const std::vector<maintenance::Count> all, services.maintenance.counts());
  for (const maintenance::Count& each : all)
    if (request.tenant.empty() || each.tenant == request.tenant)
      counts.push_back(
          bj::object{{"tenant", each.tenant}, {"state", each.state}, {"executions", each.executions}});
  const logbook::Health book = services.logbook.health();
  const maintenance::PolicyState policy = services.maintenance.policy_state();
  const maintenance::DiskState disk = services.maintenance.disk().state();
  return json(
      200,
      bj::object{
          {"kind", services.status.store_kind()},
          {"journal_rows", stats.journal_rows},
          {"tenant_rows", stats.tenant_rows},
          {"event_ids", stats.event_ids},
          {"executions", stats.executions},
          {"open_executions", engine.open_executions},
          {"size_bytes", stats.size_bytes},
          {"wal_bytes", stats.wal_bytes},
          {"free_bytes", stats.free_bytes},
          {"disk",
           {{"room", maintenance::name_of(disk.room)},
            {"directory", disk.directory},
            {"used_bytes", disk.space.used},
            {"free_bytes", disk.space.free},
            {"reserve_bytes", disk.reserve_bytes}}},
          {"by_state", std::move(counts)},
          {"logbook",
           {{"lines", book.lines},
            {"bytes", book.bytes},
            {"lost", book.lost},
            {"failures", book.failures},
            {"last_error", book.last_error.empty() ? bj::value(nullptr) : bj::value(book.last_error)}}},
          {"retention",
           {{"last_run_at", instant(policy.last_run_at)},
            {"next_run_at", instant(policy.next_run_at)},
            {"removed", policy.removed},
            {"last_error", policy.last_error.empty() ? bj::value(nullptr) : bj::value(policy.last_error)}}}});
}

Result<Response> back_up(const Services& services, const Request& request) {
  PIRN_TRY(const Document body, Document::read(request.body, {"directory"}));
  PIRN_TRY(const std::string directory, body.text("directory"));
  PIRN_DO(services.maintenance.back_up(directory, services.clock.wall()));
  return json(201, bj::object{{"directory", directory}});
}

Result<Response> verify(const Services& services) {
  PIRN_TRY(maintenance::Verification found, services.maintenance.verify());
  if (found.damages.empty()) {
    PIRN_TRY(const registry::AuditReport audit, services.registry.audit_report());
    add_audit(found, audit);
  }
  return json(200, verification_text(found));
}

Response answer(Result<Response> response) {
  return response ? std::move(response).value() : problem(response.error());
}

}  // namespace

void show_store(const Services& services, RequestPtr request, Respond respond) {
  with_engine_stats(services, request, respond, [&services, request](const engine::EngineStats& engine) {
    return answer(show(services, *request, engine));
  });
}
Response prune_store(const Services& services, const Request& request) {
  Response response = answer(prune(services, request));
  services.inbox.nudge();  // a store that failed ends the host at once, not at its next commit
  return response;
}
Response back_up_store(const Services& services, const Request& request) {
  return answer(back_up(services, request));
}
Response verify_store(const Services& services, const Request&) { return answer(verify(services)); }

void delete_execution(const Services& services, RequestPtr request, Respond respond) {
  with_execution(services, request, respond, [&services, request, respond](ExecutionId id) {
    if (const Error* const why = services.status.why_quarantined(request->tenant, id))
      return respond(problem(*why));
    const Status removed = services.maintenance.remove(request->tenant, id);
    services.inbox.nudge();  // as after a prune
    respond(removed ? json(200, bj::object{{"id", id.text()}, {"deleted", true}}) : problem(removed.error()));
  });
}

}  // namespace pirn::api
