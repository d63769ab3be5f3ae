#include "host/start_log.h"

#include <string>

#include "host/log/log.h"

namespace pirn {

void log_accepted_audit(const registry::Registry& registry) {
  for (const std::string& found : registry.accepted_breaks())
    log::write(log::Level::warn, "registry",
               "the audit log was changed behind the host's back, and --accept-broken-audit accepts it",
               {{"found", found}});
  if (registry.accepted_breaks().empty())
    log::write(log::Level::warn, "registry",
               "--accept-broken-audit accepts nothing, for the audit log holds: start without it");
}

void log_damaged(const registry::Registry& registry) {
  for (const Error& error : registry.catalog()->aside())
    log::write(log::Level::error, "registry", error.message);
}

void log_damaged(const engine::Engine& engine) {
  for (const Error& error : engine.damaged_executions())
    log::write(log::Level::error, "engine", error.message);
}

void log_last_life(const worker::LastLife& last, const engine::Engine& engine) {
  if (last.end == worker::LastLife::End::clean) return;
  log::write(log::Level::warn, "host", engine::words_of(last.end),
             {{"calls_under_way", std::to_string(last.running.size())}});
  for (const engine::LostCall& call : engine.lost_calls())
    log::write(log::Level::warn, "host", engine::words_of(call.role),
               {{"tenant", call.tenant},
                {"execution", call.execution.text()},
                {"workflow", call.workflow},
                {"step", call.step},
                {"function", call.function},
                {"call", journal::name_of(call.kind)}});
}

}  // namespace pirn
