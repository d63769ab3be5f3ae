// The audit log: what was done and what was refused, by whom. Append-only, and each record carries the
// SHA-256 of the one before and of itself, so that a record that was changed, removed or put in between is
// found by reading on. What a chain alone cannot show is that its newest records were cut off; signed
// checkpoints are for that.
//
// Thread: with the database, one at a time.
#pragma once

#include "registry/database.h"
#include "registry/records.h"

namespace pirn::registry {

// Appends within the caller's transaction; seq and hash of `record` are assigned here.
Status append_audit(Database& database, AuditRecord record);
Result<std::vector<AuditRecord>> read_audit(Database& database, std::string_view tenant, uint64_t after_seq,
                                            uint32_t limit);
// The number of records, or audit_broken.
Result<uint64_t> verify_audit_chain(Database& database);

}  // namespace pirn::registry
