// What the host is and does, whether it takes work, and who is asking.
#include "host/api/document.h"
#include "host/api/engine_requests.h"
#include "host/api/request_pool.h"
#include "host/api/routes.h"
#include "host/api/slots.h"
#include "host/events/feed.h"
#include "host/store/store.h"
#include "registry/registry.h"

namespace pirn::api {

namespace {

namespace bj = boost::json;

// Why the host takes no work; empty when it does.
std::string not_ready(const HostStatus& status) {
  if (status.store_failed()) return "the store has failed";
  if (status.registry_failed()) return "the registry has failed";
  if (status.draining()) return "the host is shutting down";
  if (const uint32_t stuck = status.stuck_calls(); stuck >= kStuckCallsLimit)
    return std::to_string(stuck) + " calls of package code that timed out have not returned";
  return {};
}

bj::object object_of(const Residence& residence) {
  return {{"tenant", residence.tenant},          {"package", residence.package},
          {"version", residence.version},        {"release", residence.release.hex()},
          {"retired", residence.retired},        {"still_mapped", residence.still_mapped},
          {"stuck_calls", residence.stuck_calls}};
}

bj::object object_of(const LastEnd& end) {
  bj::array calls;
  for (const LastEnd::Call& call : end.calls)
    calls.push_back({{"role", call.role},
                     {"tenant", call.tenant},
                     {"execution", call.execution},
                     {"workflow", call.workflow},
                     {"step", call.step},
                     {"function", call.function}});
  return {{"clean", end.clean}, {"what", end.what}, {"calls", std::move(calls)}};
}

Response status(const Services& services, const engine::EngineStats& engine) {
  const HostStatus& status = services.status;
  const auto stored = services.store.stats();
  if (!stored) return problem(stored.error());
  bj::array residences;
  for (const Residence& residence : status.residences()) residences.push_back(object_of(residence));
  bj::array resources;
  for (const engine::ResourceUse& use : engine.resources)
    resources.push_back({{"name", use.name},
                         {"capacity", use.capacity ? bj::value(*use.capacity) : bj::value(nullptr)},
                         {"in_use", use.in_use},
                         {"waiting", use.waiting}});
  const std::string reason = not_ready(services.status);
  return json(
      200,
      bj::object{
          {"version", status.version()},
          {"ready", reason.empty()},
          {"reason", reason.empty() ? bj::value(nullptr) : bj::value(reason)},
          {"started_at", time_text_ns(status.started_at_ns())},
          {"data_directory", status.data_directory()},
          {"clock",
           {{"now", time_text_ns(engine.clock.now)},
            {"offset_ms", engine.clock.offset / 1'000'000},
            {"jumps", engine.clock.jumps},
            {"last_jump_ms", engine.clock.last_jump / 1'000'000},
            {"last_jump_at", engine.clock.last_jump_at ? bj::value(time_text_ns(engine.clock.last_jump_at))
                                                       : bj::value(nullptr)}}},
          {"engine",
           {{"open_executions", engine.open_executions},
            {"running_steps", engine.running_steps},
            {"ready_executions", engine.ready_executions},
            {"turns", engine.turns},
            {"commits", engine.commits},
            {"executions_started", engine.executions_started},
            {"executions_ended", engine.executions_ended},
            {"behind", engine.behind}}},
          {"slots", slots_object(engine.slots)},
          {"store",
           {{"kind", status.store_kind()},
            {"epoch", services.store.epoch()},
            {"journal_rows", stored->journal_rows},
            {"executions", stored->executions},
            {"open_executions", engine.open_executions},
            {"size_bytes", stored->size_bytes},
            {"wal_bytes", stored->wal_bytes},
            {"commits", stored->commits}}},
          {"resources", std::move(resources)},
          {"stuck_calls", status.stuck_calls()},
          {"watchers", services.feed.subscribers()},
          {"releases", std::move(residences)},
          {"last_end", object_of(status.last_end())},
      });
}

}  // namespace

void live(const Services&, RequestPtr, Respond respond) {
  respond(json(200, std::string("{\"live\":true}")));
}

void ready(const Services& services, RequestPtr, Respond respond) {
  const std::string reason = not_ready(services.status);
  if (!reason.empty()) return respond(problem(Error{Code::not_ready, reason, {}, Blame::world}));
  // Whoever asks may be a stranger: how much, and not what. The host serves everything else.
  const size_t packages = services.registry.catalog()->aside().size();
  const size_t executions = services.status.damaged_executions().size();
  if (packages == 0 && executions == 0) return respond(json(200, std::string("{\"ready\":true}")));
  respond(json(200, bj::object{{"ready", true},
                               {"quarantined", {{"packages", packages}, {"executions", executions}}}}));
}

void whoami(const Services&, RequestPtr request, Respond respond) {
  const registry::Principal& who = request->principal;
  bj::array permissions;
  for (const registry::Permission permission : registry::kPermissions)
    if (registry::allows(who.role, permission)) permissions.push_back(bj::string(registry::name(permission)));
  respond(json(200, bj::object{{"who", who.who()},
                               {"tenant", who.tenant.empty() ? bj::value(nullptr) : bj::value(who.tenant)},
                               {"role", registry::name(who.role)},
                               {"key_id", who.key_id.empty() ? bj::value(nullptr) : bj::value(who.key_id)},
                               {"permissions", std::move(permissions)}}));
}

void host_status(const Services& services, RequestPtr request, Respond respond) {
  engine::Stats stats;
  stats.reply = [&services, request, respond](Result<engine::EngineStats> engine) {
    if (!engine) return respond(problem(engine.error()));
    services.pool.post(request->queue,
                       [&services, engine = *engine, respond] { respond(status(services, engine)); });
  };
  send(services.inbox, std::move(stats), respond);
}

}  // namespace pirn::api
