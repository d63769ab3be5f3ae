// The audit log: what was done and what was refused, by whom. Append-only. Each record contains the SHA-256
// of the previous record and of itself, so reading the log detects records that were changed, removed or
// inserted. The newest record is sealed: registry.db names it under an HMAC whose key, the pepper, is
// outside of the database. So write access to the database alone is not enough to remove the newest records
// or to rewrite the whole chain. An older copy of database and pepper together is not detected; keep copies
// of the log elsewhere.
//
// Numbers: `seq` counts the records of the host, `number` those of one tenant. A tenant is only ever told the
// latter, so that it learns nothing of what others do.
//
// A break stays what it is. When the operator accepts one (pirn serve --accept-broken-audit), a record says
// so and names what was found there; verification then reports that break as accepted, and any further change
// of the same record as a new one.
//
// Thread: with the database, one at a time.
#pragma once

#include <vector>

#include "registry/database.h"
#include "registry/records.h"
#include "registry/token.h"

namespace pirn::registry {

class AuditLog {
 public:
  // Both are borrowed and outlive it.
  AuditLog(Database& database, const Pepper& pepper) : database_(database), pepper_(pepper) {}

  // Within the caller's transaction. seq, number and hash are assigned here; text that is not UTF-8 is
  // repaired, and what is too long is cut.
  Status append(AuditRecord record);
  // Within the caller's transaction: seals a log that was written before there were seals.
  Status seal();
  // Whether there is a seal, right or wrong.
  Result<bool> has_seal() const;

  // In the order that the filter says.
  Result<std::vector<AuditRecord>> read(const AuditFilter& filter) const;

  // Follows the chain over the newest `newest` records. `sealed`: false for a log without a seal yet.
  Result<AuditReport> verify(uint64_t newest = UINT64_MAX, bool sealed = true) const;
  // The record that accepts a break; to be appended.
  static AuditRecord acceptance(const AuditBreak& found, int64_t now_ms);

 private:
  Status write_seal(uint64_t seq, const Digest& hash);
  std::string seal_of(uint64_t seq, const Digest& hash) const;

  Database& database_;
  const Pepper& pepper_;
};

// The break as an error (audit_broken), for callers that must stop.
Error audit_broken(const AuditReport& report);

}  // namespace pirn::registry
