// What was pruned and what was verified, as the API and the command line without a host show it.
#pragma once

#include <string>

#include "host/maintenance/maintenance.h"
#include "host/store/store.h"
#include "registry/records.h"

namespace pirn::api {

// JSON objects.
std::string pruned_text(const maintenance::Pruned& pruned, bool dry_run, const store::StoreStats& before,
                        const store::StoreStats& after);
std::string verification_text(const maintenance::Verification& found);

// A break of the audit log that nobody has accepted is a damage of the registry.
void add_audit(maintenance::Verification& found, const registry::AuditReport& audit);

}  // namespace pirn::api
