// Whether the host is well, in which part it is not, and its figures for those who collect them.
#include <algorithm>

#include "host/api/connection_table.h"
#include "host/api/document.h"
#include "host/api/engine_requests.h"
#include "host/api/request_pool.h"
#include "host/api/routes.h"
#include "host/api/slots.h"
#include "host/api/wrong_keys.h"
#include "host/engine/inbox.h"
#include "host/events/feed.h"
#include "host/events/meters.h"
#include "host/events/outlets.h"
#include "host/logbook/logbook.h"
#include "host/maintenance/maintenance.h"
#include "host/notify/notifier.h"
#include "host/store/store.h"
#include "packager/definition/definition.h"
#include "registry/registry.h"

namespace pirn::api {

namespace {

namespace bj = boost::json;

// ok: nothing to do. degraded: work goes on, and something is lost. failing: no work is taken.
enum class Condition : uint8_t { ok, degraded, failing };

struct Finding {
  std::string part;
  Condition condition = Condition::ok;
  std::string detail;
};

std::string_view word(Condition condition) {
  return condition == Condition::ok ? "ok" : condition == Condition::degraded ? "degraded" : "failing";
}

Finding find(std::string part, bool well, Condition otherwise, std::string detail) {
  return {std::move(part), well ? Condition::ok : otherwise, well ? std::string() : std::move(detail)};
}

// Requests that are refused because their owner has too many are no fault of the host.
std::string api_text(const RequestPool& pool) {
  uint64_t waiting = 0, refused = pool.requests_refused();
  for (const Lane lane : kAllLanes) {
    const WorkerFigures figures = pool.figures(lane);
    waiting += figures.waiting;
    refused += lane == Lane::refusals ? 0 : figures.refused;
  }
  return std::to_string(pool.requests_under_way()) + " requests under way, " + std::to_string(waiting) +
         " jobs wait, " + std::to_string(refused) + " refused because their tenant had too many, " +
         std::to_string(pool.figures(Lane::refusals).refused) + " records of refusals not written";
}

std::string connections_text(const ConnectionTable::Count& count) {
  return std::to_string(count.local) + " of the Unix socket, " + std::to_string(count.known) +
         " of TCP with a key and " + std::to_string(count.strangers) + " without; " +
         std::to_string(count.closed) + " closed to make room, " + std::to_string(count.refused) + " refused";
}

// "1h back", "25h ahead", to the nearest millisecond.
std::string leap(int64_t ns) {
  constexpr int64_t kMs = 1'000'000;
  const uint64_t ms = ((ns < 0 ? -static_cast<uint64_t>(ns) : static_cast<uint64_t>(ns)) + kMs / 2) / kMs;
  return definition::print_duration(static_cast<int64_t>(ms) * kMs) + (ns < 0 ? " back" : " ahead");
}

// Nothing is lost when somebody sets the clock, but whoever wonders about instants finds out why. Empty:
// nobody ever has.
std::string clock_text(const engine::EngineStats::Clock& clock) {
  if (clock.jumps == 0) return {};
  return "the system's clock was set " +
         (clock.jumps == 1 ? "once" : std::to_string(clock.jumps) + " times, the last time") + ", " +
         leap(clock.last_jump) + ", at " + time_text_ns(clock.last_jump_at) +
         " of engine time; it differs from engine time by " + leap(clock.offset);
}

std::vector<Finding> examine(const Services& services, const engine::EngineStats& engine) {
  const HostStatus& status = services.status;
  std::vector<Finding> all;
  all.push_back(
      find("store", !status.store_failed(), Condition::failing, "a commit could not be made durable"));
  all.push_back(find("registry", !status.registry_failed(), Condition::failing,
                     "a commit could not be made durable; the host stops"));
  all.push_back(find("lock", !status.lock_lost(), Condition::degraded,
                     "the file 'lock' of the data directory was removed or replaced while this host runs, so "
                     "that another host can start on it. This host changes nothing in registry.db any more, "
                     "and stops when another one has taken over: restart it"));
  std::string wals;
  for (const std::string& warning : status.wal_warnings()) wals += (wals.empty() ? "" : "; ") + warning;
  all.push_back(find("write-ahead logs", wals.empty(), Condition::degraded, wals));
  std::string aside;
  for (const Error& error : services.registry.catalog()->aside())
    aside += (aside.empty() ? "" : "; ") + error.message;
  all.push_back(find("packages", aside.empty(), Condition::degraded, aside));
  all.push_back(find("admission", !status.draining(), Condition::failing, "the host is shutting down"));
  const uint32_t stuck = status.stuck_calls();
  all.push_back(find("calls", stuck == 0,
                     stuck >= kStuckCallsLimit ? Condition::failing : Condition::degraded,
                     std::to_string(stuck) + " calls that timed out have not returned"));
  const std::vector<Error>& damaged = status.damaged_executions();
  all.push_back(find("executions", damaged.empty(), Condition::degraded,
                     damaged.empty()
                         ? ""
                         : std::to_string(damaged.size()) + (damaged.size() == 1 ? " is" : " are") +
                               " quarantined (the host's log lists all); the "
                               "first is: " +
                               damaged.front().message));
  const logbook::Health book = services.logbook.health();
  all.push_back(find("logbook", book.failures == 0, Condition::degraded, book.last_error));
  const uint64_t lost = status.log_lines_lost();
  all.push_back(
      find("log", lost == 0, Condition::degraded,
           std::to_string(lost) + " lines of the host's log were lost because its reader was too slow"));
  for (const events::OutletHealth& sink : services.outlets.health(""))
    all.push_back(find("sink " + sink.name, sink.errors == 0 && sink.lost == 0, Condition::degraded,
                       std::to_string(sink.errors) + " errors, " + std::to_string(sink.lost) + " lost" +
                           (sink.last_error.empty() ? "" : ": " + sink.last_error)));
  for (const notify::NotifierHealth& notifier : services.notifier.health())
    all.push_back(find("notifier" + (notifier.tenant.empty() ? "" : " " + notifier.tenant),
                       notifier.given_up == 0, Condition::degraded,
                       std::to_string(notifier.given_up) + " notices given up: " + notifier.last_error));
  const maintenance::PolicyState policy = services.maintenance.policy_state();
  const maintenance::DiskState disk = services.maintenance.disk().state();
  all.push_back(find("disk", disk.room == maintenance::Room::ample,
                     disk.room == maintenance::Room::full ? Condition::failing : Condition::degraded,
                     (disk.room == maintenance::Room::full ? "nothing new is started: " : "") + disk.detail));
  all.push_back(find("retention", policy.last_error.empty(), Condition::degraded, policy.last_error));
  all.push_back({"api", Condition::ok, api_text(services.pool)});
  all.push_back({"connections", Condition::ok, connections_text(services.connections.count())});
  all.push_back({"clock", Condition::ok, clock_text(engine.clock)});
  const WrongKeys::Figures keys = services.wrong_keys.figures();
  all.push_back({"keys", Condition::ok,
                 keys.wrong == 0 ? std::string()
                                 : std::to_string(keys.wrong) + " requests with wrong API keys, " +
                                       std::to_string(keys.held_back) + " held back, " +
                                       std::to_string(keys.refused) + " refused unread"});
  all.push_back({"engine", Condition::ok,
                 std::to_string(engine.open_executions) + " open runs, " +
                     std::to_string(engine.running_steps) + " running steps" +
                     (engine.behind == 0 ? ""
                                         : ", " + std::to_string(engine.behind) +
                                               " missed schedules and starts to catch up on")});
  all.push_back({"slots", Condition::ok,
                 std::to_string(engine.slots.in_use) + " of " + std::to_string(engine.slots.total) +
                     " in use, " + std::to_string(engine.slots.reserve) +
                     " reserved for tenants below their share"});
  return all;
}

Response health(const Services& services, const engine::EngineStats& engine) {
  bj::array parts;
  Condition worst = Condition::ok;
  for (Finding& each : examine(services, engine)) {
    worst = std::max(worst, each.condition);
    parts.push_back(
        bj::object{{"part", each.part}, {"status", word(each.condition)}, {"detail", each.detail}});
  }
  return json(200, bj::object{{"status", word(worst)},
                              {"parts", std::move(parts)},
                              {"slots", slots_object(engine.slots)},
                              {"behind", engine.behind}});
}

void append(std::string& out, std::string_view name, std::string_view type, uint64_t value) {
  out += "# TYPE pirn_" + std::string(name) + " " + std::string(type) + "\npirn_" + std::string(name) + " " +
         std::to_string(value) + "\n";
}

void append_slots(std::string& out, const engine::SlotUse& slots) {
  append(out, "slots", "gauge", slots.total);
  append(out, "slots_in_use", "gauge", slots.in_use);
  append(out, "slots_reserve", "gauge", slots.reserve);
  const auto of_tenants = [&](std::string_view name, auto value) {
    if (slots.tenants.empty()) return;
    out += "# TYPE pirn_" + std::string(name) + " gauge\n";
    for (const engine::TenantSlots& each : slots.tenants)
      out += "pirn_" + std::string(name) + "{tenant=\"" + each.tenant + "\"} " + value(each) + "\n";
  };
  of_tenants("tenant_running_steps",
             [](const engine::TenantSlots& each) { return std::to_string(each.running); });
  of_tenants("tenant_waiting_steps",
             [](const engine::TenantSlots& each) { return std::to_string(each.waiting); });
  // Whole slots: with a decimal point the text would depend on the locale.
  of_tenants("tenant_slot_share", [](const engine::TenantSlots& each) {
    return std::to_string(static_cast<uint64_t>(each.share));
  });
}

void append_connections(std::string& out, const ConnectionTable::Count& count) {
  out += "# TYPE pirn_connections gauge\n";
  const std::pair<std::string_view, size_t> kinds[] = {
      {"local", count.local}, {"known", count.known}, {"stranger", count.strangers}};
  for (const auto& [kind, open] : kinds)
    out += "pirn_connections{kind=\"" + std::string(kind) + "\"} " + std::to_string(open) + "\n";
  append(out, "connections_closed_for_room_total", "counter", count.closed);
  append(out, "connections_refused_total", "counter", count.refused);
}

void append_lanes(std::string& out, const RequestPool& pool, std::string_view name, std::string_view type,
                  uint64_t WorkerFigures::*figure) {
  out += "# TYPE pirn_pool_" + std::string(name) + " " + std::string(type) + "\n";
  for (const Lane lane : kAllLanes)
    out += "pirn_pool_" + std::string(name) + "{lane=\"" + std::string(api::name(lane)) + "\"} " +
           std::to_string(pool.figures(lane).*figure) + "\n";
}

Response metrics_text(const Services& services, const engine::EngineStats& engine) {
  const auto stored = services.store.stats();
  if (!stored) return problem(stored.error());
  const logbook::Health book = services.logbook.health();
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  std::string& out = response.body;
  append(out, "open_executions", "gauge", engine.open_executions);
  append(out, "running_steps", "gauge", engine.running_steps);
  append(out, "behind", "gauge", engine.behind);
  append(out, "clock_jumps_total", "counter", engine.clock.jumps);
  append_slots(out, engine.slots);
  append(out, "executions_started_total", "counter", engine.executions_started);
  append(out, "executions_ended_total", "counter", engine.executions_ended);
  append(out, "commits_total", "counter", engine.commits);
  append(out, "stuck_calls", "gauge", services.status.stuck_calls());
  append(out, "watchers", "gauge", services.feed.subscribers());
  const WrongKeys::Figures keys = services.wrong_keys.figures();
  append(out, "wrong_keys_total", "counter", keys.wrong);
  append(out, "wrong_keys_held_back_total", "counter", keys.held_back);
  append(out, "wrong_keys_refused_total", "counter", keys.refused);
  append_connections(out, services.connections.count());
  append(out, "store_bytes", "gauge", stored->size_bytes);
  append(out, "store_wal_bytes", "gauge", stored->wal_bytes);
  const maintenance::DiskState disk = services.maintenance.disk().state();
  append(out, "disk_used_bytes", "gauge", disk.space.used);
  append(out, "disk_free_bytes", "gauge", disk.space.free);
  append(out, "disk_reserve_bytes", "gauge", disk.reserve_bytes);
  append(out, "disk_low", "gauge", disk.room != maintenance::Room::ample ? 1 : 0);
  append(out, "disk_full", "gauge", disk.room == maintenance::Room::full ? 1 : 0);
  append(out, "logbook_lines", "gauge", book.lines);
  append(out, "logbook_lines_lost_total", "counter", book.lost);
  append(out, "log_lines_lost_total", "counter", services.status.log_lines_lost());
  append(out, "requests_under_way", "gauge", services.pool.requests_under_way());
  append(out, "requests_refused_total", "counter", services.pool.requests_refused());
  append_lanes(out, services.pool, "jobs_waiting", "gauge", &WorkerFigures::waiting);
  append_lanes(out, services.pool, "jobs_running", "gauge", &WorkerFigures::running);
  append_lanes(out, services.pool, "jobs_done_total", "counter", &WorkerFigures::done);
  append_lanes(out, services.pool, "jobs_refused_total", "counter", &WorkerFigures::refused);
  for (const auto& meter : services.meters) meter->append_text(out);
  return response;
}

}  // namespace

void show_health(const Services& services, RequestPtr request, Respond respond) {
  with_engine_stats(services, request, respond,
                    [&services](const engine::EngineStats& engine) { return health(services, engine); });
}
void show_metrics(const Services& services, RequestPtr request, Respond respond) {
  with_engine_stats(services, request, respond, [&services](const engine::EngineStats& engine) {
    return metrics_text(services, engine);
  });
}

}  // namespace pirn::api
