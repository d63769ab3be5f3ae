// What the log says at a start that is not like others, for whoever reads it later.
#pragma once

#include "host/engine/engine.h"
#include "host/worker/crash_record.h"
#include "registry/registry.h"

namespace pirn {

// --accept-broken-audit was given.
void log_accepted_audit(const registry::Registry& registry);
// Parts that are quarantined because they cannot be read.
void log_damaged(const registry::Registry& registry);
void log_damaged(const engine::Engine& engine);
// How the last life of the host ended, and which calls were under way, unless it ended in order.
void log_last_life(const worker::LastLife& last, const engine::Engine& engine);

}  // namespace pirn
