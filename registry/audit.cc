#include "registry/audit.h"

#include <algorithm>
#include <map>
#include <set>

#include "packager/digest/digest.h"
#include "registry/plain_text.h"

namespace pirn::registry {

namespace {

constexpr std::string_view kSealKey = "audit_head";
constexpr std::string_view kAcceptance = "audit.accept";
constexpr size_t kLongestName = 256, kLongestDetail = 1024;

// Each field with its length before it: no two records have the same bytes.
void add_field(Sha256& hash, std::string_view field) {
  std::string length(8, '\0');
  for (size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(field.size() >> (8 * i));
  hash.add(length).add(field);
}

void add_fields(Sha256& hash, const AuditRecord& record) {
  for (const std::string& field : {std::to_string(record.seq), std::to_string(record.at_ms), record.tenant,
                                   record.actor, record.action, record.object, record.outcome, record.detail})
    add_field(hash, field);
}

Digest hash_of(const Digest& previous, const AuditRecord& record) {
  Sha256 hash;
  hash.add("PIRN2-AUDIT").add(previous.hex());
  add_fields(hash, record);
  for (const uint64_t number : {record.number, record.times, static_cast<uint64_t>(record.first_at_ms)})
    add_field(hash, std::to_string(number));
  return hash.finish();
}

// Of records that were written under schema 1. They had no number, which follows from their place.
Digest first_hash_of(const Digest& previous, const AuditRecord& record) {
  Sha256 hash;
  hash.add("PIRN1-AUDIT").add(previous.hex());
  add_fields(hash, record);
  return hash.finish();
}

bool follows(const Digest& previous, const AuditRecord& record) {
  if (record.hash == hash_of(previous, record)) return true;
  return record.times == 1 && record.first_at_ms == record.at_ms &&
         record.hash == first_hash_of(previous, record);
}

// What stands in a record now, its stored hash included: what an acceptance is bound to.
Digest found_in(const Digest& previous, const AuditRecord& record) {
  return Sha256()
      .add("PIRN1-AUDIT-FOUND")
      .add(hash_of(previous, record).hex())
      .add(record.hash.hex())
      .finish();
}

constexpr size_t kColumns = 12;
#define PIRN_AUDIT_COLUMNS                                                                               \
  "seq, at, tenant, actor, action, object, outcome, detail, hash, number, times, iif(first_at = 0, at, " \
  "first_at)"

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
  record.number = static_cast<uint64_t>(row.integer(9));
  record.times = static_cast<uint64_t>(row.integer(10));
  record.first_at_ms = row.integer(kColumns - 1);
  return record;
}

#define PIRN_AUDIT_FILTER                                                                                   \
  " AND (?3 = '' OR actor = ?3 OR (instr(actor, '/key:') > 0 AND substr(actor, instr(actor, '/key:') + 5) " \
  "= ?3))"                                                                                                  \
  " AND (?4 = '' OR action = ?4 OR substr(action, 1, length(?4) + 1) = ?4 || '.')"                          \
  " AND (?5 = '' OR outcome = ?5 OR (?5 = 'refused' AND outcome <> 'ok'))"                                  \
  " AND at >= ?6 "

const char* statement_for(const AuditFilter& filter) {
  const bool newest = filter.order == AuditFilter::Order::newest_first;
  if (filter.tenant.empty())
    return newest ? "SELECT " PIRN_AUDIT_COLUMNS " FROM audit WHERE ?1 = '' AND seq > ?2" PIRN_AUDIT_FILTER
                    "ORDER BY seq DESC LIMIT ?7"
                  : "SELECT " PIRN_AUDIT_COLUMNS " FROM audit WHERE ?1 = '' AND seq > ?2" PIRN_AUDIT_FILTER
                    "ORDER BY seq LIMIT ?7";
  return newest
             ? "SELECT " PIRN_AUDIT_COLUMNS " FROM audit WHERE tenant = ?1 AND number > ?2" PIRN_AUDIT_FILTER
               "ORDER BY number DESC LIMIT ?7"
             : "SELECT " PIRN_AUDIT_COLUMNS " FROM audit WHERE tenant = ?1 AND number > ?2" PIRN_AUDIT_FILTER
               "ORDER BY number LIMIT ?7";
}

// One pass over the chain.
class Walk {
 public:
  // `whole`: it begins with the first record there ever was.
  explicit Walk(bool whole) : whole_(whole) {}

  void take(const AuditRecord& record) {
    if (whole_ || started_) check(record);
    started_ = true;
    numbers_[record.tenant] = record.number;
    previous_ = record;
    if (record.action == kAcceptance && record.outcome == "ok")
      accepted_.insert(record.object + " " + record.detail);
  }

  void conclude() {
    report.head_seq = previous_.seq;
    report.head = previous_.hash;
    report.numbers = std::move(numbers_);
    for (AuditBreak& each : report.breaks) {
      const AuditRecord acceptance = AuditLog::acceptance(each, 0);
      each.accepted = accepted_.contains(acceptance.object + " " + acceptance.detail);
    }
  }

  const AuditRecord& last() const { return previous_; }

  AuditReport report;

 private:
  void check(const AuditRecord& record) {
    ++report.checked;
    const auto number = numbers_.find(record.tenant);
    const uint64_t expected = number == numbers_.end() ? 1 : number->second + 1;
    std::string what;
    if (record.seq != previous_.seq + 1)
      what = record.seq == previous_.seq + 2
                 ? "the record before it is missing"
                 : "the " + std::to_string(record.seq - previous_.seq - 1) + " records before it are missing";
    else if (!follows(previous_.hash, record))
      what = "it was changed, or the record before it was";
    else if ((whole_ || number != numbers_.end()) && record.number != expected)
      what = "its number in the tenant's log is " + std::to_string(record.number) + " instead of " +
             std::to_string(expected);
    if (!what.empty())
      report.breaks.push_back(
          {record.seq, record.tenant, record.number, what, found_in(previous_.hash, record)});
  }

  const bool whole_;
  bool started_ = false;
  AuditRecord previous_;
  std::map<std::string, uint64_t> numbers_;
  std::set<std::string> accepted_;
};

}  // namespace

std::string AuditLog::seal_of(uint64_t seq, const Digest& hash) const {
  const std::string head = std::to_string(seq) + " " + hash.hex();
  return head + " " + mac(pepper_, "PIRN1-AUDIT-HEAD " + head).hex();
}

Status AuditLog::write_seal(uint64_t seq, const Digest& hash) {
  return database_.run(
      "INSERT INTO meta (key, value) VALUES (?, ?)"
      " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      {kSealKey, std::string_view(seal_of(seq, hash))});
}

Status AuditLog::append(AuditRecord record) {
  Digest previous;
  record.seq = 1;
  PIRN_DO(database_.each("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", {}, [&](const Row& row) {
    record.seq = static_cast<uint64_t>(row.integer(0)) + 1;
    previous = row.digest(1);
  }));
  PIRN_TRY(const auto number,
           database_.integer("SELECT max(number) FROM audit WHERE tenant = ?", {record.tenant}));
  record.number = static_cast<uint64_t>(number.value_or(0)) + 1;
  if (record.first_at_ms == 0) record.first_at_ms = record.at_ms;
  for (std::string* name : {&record.actor, &record.action, &record.object, &record.outcome})
    *name = as_text(*name, kLongestName);
  record.detail = as_text(record.detail, kLongestDetail);
  record.hash = hash_of(previous, record);
  PIRN_DO(database_.run(
      "INSERT INTO audit (seq, at, tenant, actor, action, object, outcome, detail, hash, number, times, "
      "first_at)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {record.seq, record.at_ms, record.tenant, record.actor, record.action, record.object, record.outcome,
       record.detail, record.hash, record.number, record.times, record.first_at_ms}));
  return write_seal(record.seq, record.hash);
}

Status AuditLog::seal() {
  uint64_t seq = 0;
  Digest hash;
  PIRN_DO(database_.each("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", {}, [&](const Row& row) {
    seq = static_cast<uint64_t>(row.integer(0));
    hash = row.digest(1);
  }));
  return write_seal(seq, hash);
}

Result<bool> AuditLog::has_seal() const {
  PIRN_TRY(const auto found, database_.integer("SELECT 1 FROM meta WHERE key = ?", {kSealKey}));
  return found.has_value();
}

Result<std::vector<AuditRecord>> AuditLog::read(const AuditFilter& filter) const {
  std::vector<AuditRecord> records;
  PIRN_DO(database_.each(statement_for(filter),
                         {filter.tenant, filter.after, filter.actor, filter.action, filter.outcome,
                          filter.since_ms, filter.limit},
                         [&](const Row& row) { records.push_back(record_of(row)); }));
  return records;
}

Result<AuditReport> AuditLog::verify(uint64_t newest, bool sealed) const {
  PIRN_TRY(const auto newest_seq, database_.integer("SELECT max(seq) FROM audit", {}));
  const auto last = static_cast<uint64_t>(newest_seq.value_or(0));
  // The record before the first that is checked gives the hash that the check begins with.
  const uint64_t from = last > newest ? last - newest : 0;
  Walk walk(from == 0);
  PIRN_DO(database_.each("SELECT " PIRN_AUDIT_COLUMNS " FROM audit WHERE seq >= ? ORDER BY seq", {from},
                         [&](const Row& row) { walk.take(record_of(row)); }));
  std::string seal;
  PIRN_DO(database_.each("SELECT value FROM meta WHERE key = ?", {kSealKey},
                         [&](const Row& row) { seal = row.text(0); }));
  PIRN_TRY(const auto count, database_.integer("SELECT count(*) FROM audit", {}));
  walk.report.records = static_cast<uint64_t>(count.value_or(0));
  const AuditRecord& head = walk.last();
  if (sealed && seal != seal_of(head.seq, head.hash))
    walk.report.breaks.push_back({0, "", 0,
                                  "the seal does not match record " + std::to_string(head.seq) +
                                      ": records after it are missing, or the log was rewritten",
                                  Sha256().add("PIRN1-AUDIT-FOUND").add(seal).add(head.hash.hex()).finish()});
  walk.conclude();
  return std::move(walk.report);
}

AuditRecord AuditLog::acceptance(const AuditBreak& found, int64_t now_ms) {
  AuditRecord record;
  record.at_ms = now_ms;
  record.actor = "operator";
  record.action = kAcceptance;
  record.object = found.seq == 0 ? std::string("audit/head") : "audit/" + std::to_string(found.seq);
  record.outcome = "ok";
  record.detail = found.what + "; found " + found.found.hex();
  return record;
}

Error audit_broken(const AuditReport& report) {
  std::string message = "the audit log was changed";
  size_t open = 0;
  for (const AuditBreak& each : report.breaks) {
    if (each.accepted) continue;
    if (++open == 1)
      message += each.seq == 0 ? ": " + each.what : ": record " + std::to_string(each.seq) + ": " + each.what;
  }
  if (open > 1) message += " (and " + std::to_string(open - 1) + " more breaks)";
  return Error{Code::audit_broken, message, {}, Blame::world};
}

}  // namespace pirn::registry
