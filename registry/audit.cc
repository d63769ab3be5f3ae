#include "registry/audit.h"

#include "packager/digest/digest.h"

namespace pirn::registry {

namespace {

// Each field with its length before it: no two records have the same bytes.
void add_field(Sha256& hash, std::string_view field) {
  std::string length(8, '\0');
  for (size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(field.size() >> (8 * i));
  hash.add(length).add(field);
}

Digest hash_of(const Digest& previous, const AuditRecord& record) {
  Sha256 hash;
  hash.add("PIRN1-AUDIT").add(previous.hex());
  for (const std::string& field : {std::to_string(record.seq), std::to_string(record.at_ms), record.tenant,
                                   record.actor, record.action, record.object, record.outcome, record.detail})
    add_field(hash, field);
  return hash.finish();
}

AuditRecord record_of(const Row& row) {
  AuditRecord record;
  record.seq = static_cast<uint64_t>(row.integer(0));
  record.at_ms = row.integer(1);
  record.tenant = row.text(2);
  record.actor = row.text(3);
  record.action = row.text(4);
  record.object = row.text(5);
  record.outcome = row.text(6);
  record.detail = row.text(7);
  record.hash = row.digest(8);
  return record;
}

}  // namespace

Status append_audit(Database& database, AuditRecord record) {
  Digest previous;
  record.seq = 1;
  PIRN_DO(database.each("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", {}, [&](const Row& row) {
    record.seq = static_cast<uint64_t>(row.integer(0)) + 1;
    previous = row.digest(1);
  }));
  return database.run(
      "INSERT INTO audit (seq, at, tenant, actor, action, object, outcome, detail, hash)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {record.seq, record.at_ms, record.tenant, record.actor, record.action, record.object, record.outcome,
       record.detail, hash_of(previous, record)});
}

Result<std::vector<AuditRecord>> read_audit(Database& database, std::string_view tenant, uint64_t after_seq,
                                            uint32_t limit) {
  std::vector<AuditRecord> records;
  const auto collect = [&](const Row& row) { records.push_back(record_of(row)); };
  if (tenant.empty())
    PIRN_DO(
        database.each("SELECT seq, at, tenant, actor, action, object, outcome, detail, hash FROM audit"
                      " WHERE seq > ? ORDER BY seq LIMIT ?",
                      {after_seq, limit}, collect));
  else
    PIRN_DO(
        database.each("SELECT seq, at, tenant, actor, action, object, outcome, detail, hash FROM audit"
                      " WHERE tenant = ? AND seq > ? ORDER BY seq LIMIT ?",
                      {tenant, after_seq, limit}, collect));
  return records;
}

Result<uint64_t> verify_audit_chain(Database& database) {
  Digest previous;
  uint64_t count = 0;
  uint64_t broken = 0;
  PIRN_DO(database.each(
      "SELECT seq, at, tenant, actor, action, object, outcome, detail, hash FROM audit ORDER BY seq", {},
      [&](const Row& row) {
        const AuditRecord record = record_of(row);
        if (broken == 0 && (record.seq != count + 1 || record.hash != hash_of(previous, record)))
          broken = count + 1;
        previous = record.hash;
        ++count;
      }));
  if (broken != 0)
    return Error{Code::audit_broken,
                 "audit record " + std::to_string(broken) + " is missing or was changed",
                 {},
                 Blame::world};
  return count;
}

}  // namespace pirn::registry
