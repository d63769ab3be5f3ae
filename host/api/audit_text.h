// What a verification of the audit log found, as the API and the command line show it. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "registry/records.h"

namespace pirn::api {

// JSON: intact, records, breaks [{seq, what, accepted}]. `tenant` empty: as the operator sees it, with
// checked (records that were followed), head {seq, hash}, and the tenant of each break. Else as that tenant
// does: its own records by their own numbers, and of the others only
// whether they hold.
std::string audit_report_text(const registry::AuditReport& report, std::string_view tenant);

}  // namespace pirn::api
