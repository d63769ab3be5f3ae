// Trust: whose signatures a tenant accepts, for which packages, from when to when.
#include <algorithm>

#include "packager/mutex/mutex.h"
#include "registry/core.h"

namespace pirn::registry {

namespace {

TrustRow trust_row_of(const Row& row) {
  TrustRow trust;
  trust.id = static_cast<uint64_t>(row.integer(0));
  trust.tenant = row.text(1);
  trust.publisher = row.text(2);
  trust.key_id = row.digest(3);
  const std::string raw = row.text(4);
  std::copy_n(raw.begin(), std::min(raw.size(), trust.public_key.raw.size()), trust.public_key.raw.begin());
  trust.pattern = row.text(5);
  trust.role = row.text(6) == name(TrustRole::countersign) ? TrustRole::countersign : TrustRole::sign;
  trust.valid_from_ms = row.integer(7);
  trust.valid_until_ms = row.integer(8);
  trust.added_at_ms = row.integer(9);
  trust.added_by = row.text(10);
  trust.revoked_at_ms = row.integer(11);
  trust.revoked_by = row.text(12);
  if (const auto reason = parse_revocation_reason(row.text(13))) trust.reason = *reason;
  return trust;
}

constexpr size_t kLongestText = 128;

Status check_new(const NewTrust& trust) {
  PIRN_DO(signature::check_public_key(trust.public_key));
  if (trust.pattern.empty() || trust.pattern.size() > kLongestText ||
      trust.pattern.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-*") != std::string::npos)
    return Error{Code::invalid_argument, "'" + trust.pattern + "' is not a pattern for package names",
                 "Use the name of a package, in which '*' matches any characters."};
  if (!archive::is_name(trust.publisher))
    return Error{Code::bad_name, "'" + trust.publisher + "' is not a valid publisher name",
                 "Use the publisher of package.toml: 1 to 63 of the characters a-z, 0-9, _ and -, starting "
                 "with a letter "
                 "or a digit."};
  if (trust.valid_until_ms != 0 && trust.valid_until_ms <= trust.valid_from_ms)
    return Error{Code::invalid_argument, "the trust ends before it begins"};
  return {};
}

std::string_view bytes_of(const signature::PublicKey& key) {
  return {reinterpret_cast<const char*>(key.raw.data()), key.raw.size()};
}

}  // namespace

Result<std::vector<TrustRow>> Registry::Core::trust_of(std::string_view tenant) const {
  std::vector<TrustRow> rows;
  PIRN_DO(database_->each(
      "SELECT id, tenant, publisher, key_id, public_key, pattern, role, valid_from, valid_until,"
      " added_at, added_by, revoked_at, revoked_by, reason FROM trust WHERE tenant = ? ORDER BY id",
      {tenant}, [&](const Row& row) {
        rows.push_back(trust_row_of(row));
        // The database numbers the rows of all tenants; a tenant must not see how many the others have.
        rows.back().id = rows.size();
      }));
  return rows;
}

Result<std::vector<TrustRow>> Registry::trust(std::string_view tenant) const {
  const MutexLock lock(core_->mutex_);
  return core_->trust_of(tenant);
}

Result<TrustRow> Registry::add_trust(const Principal& who, const NewTrust& wanted, int64_t now_ms) {
  const Digest key_id = wanted.public_key.id();
  Attempt attempt{who,
                  wanted.tenant,
                  Permission::manage_trust,
                  "trust.add",
                  "trust/" + key_id.hex(),
                  now_ms,
                  std::string(name(wanted.role)) + " " + wanted.pattern + " of " + wanted.publisher};
  return core_->change<TrustRow>(attempt, [&]() -> Result<TrustRow> {
    core_->mutex_.is_held();
    PIRN_DO(core_->find_tenant(wanted.tenant));
    PIRN_DO(check_new(wanted));
    PIRN_TRY(const auto rows, core_->trust_of(wanted.tenant));
    for (const TrustRow& row : rows) {
      if (row.key_id != key_id) continue;
      if (row.revoked_at_ms != 0 && row.reason == RevocationReason::compromised)
        return Error{Code::key_compromised, "the key " + key_id.hex() + " was revoked as compromised"};
      if (row.revoked_at_ms == 0 && row.publisher == wanted.publisher && row.pattern == wanted.pattern &&
          row.role == wanted.role)
        return Error{Code::trust_exists,
                     "the key " + key_id.hex() + " is already trusted for '" + row.pattern + "'"};
    }
    // Rows that were revoked count: one of them may say that a key is never trusted again.
    if (rows.size() >= kTrustRows)
      return Error{Code::quota_exceeded,
                   "the tenant '" + wanted.tenant + "' has " + std::to_string(rows.size()) +
                       " rows of trust, including revoked ones, which is the limit",
                   "Sign with a key that is already trusted."};
    PIRN_DO(core_->database_->run(
        "INSERT INTO trust (tenant, publisher, key_id, public_key, pattern, role, valid_from, valid_until, "
        "added_at, added_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        {wanted.tenant, wanted.publisher, key_id, Value::blob(bytes_of(wanted.public_key)), wanted.pattern,
         name(wanted.role), wanted.valid_from_ms, wanted.valid_until_ms, now_ms, who.who()}));
    PIRN_TRY(auto after, core_->trust_of(wanted.tenant));
    return std::move(after.back());
  });
}

Result<std::vector<TrustRow>> Registry::revoke_trust(const Principal& who, std::string_view tenant_name,
                                                     const Digest& key_id, RevocationReason reason,
                                                     int64_t now_ms) {
  Attempt attempt{
      who,    std::string(tenant_name), Permission::manage_trust, "trust.revoke", "trust/" + key_id.hex(),
      now_ms, std::string(name(reason))};
  std::vector<CatalogEdit> edits;
  return core_->change<std::vector<TrustRow>>(
      attempt,
      [&]() -> Result<std::vector<TrustRow>> {
        core_->mutex_.is_held();
        PIRN_TRY(const Tenant tenant, core_->find_tenant(tenant_name));
        // A key that was only retired can turn out to be compromised; the other way round nothing is taken
        // back.
        PIRN_DO(
            core_->database_->run("UPDATE trust SET revoked_at = ?, revoked_by = ?, reason = ?"
                                  " WHERE tenant = ? AND key_id = ? AND (revoked_at = 0 OR (? = "
                                  "'compromised' AND reason <> 'compromised'))",
                                  {now_ms, who.who(), name(reason), tenant.name, key_id, name(reason)}));
        PIRN_TRY(auto rows, core_->trust_of(tenant.name));
        std::erase_if(rows, [&](const TrustRow& row) { return row.key_id != key_id; });
        if (rows.empty()) return Error{Code::not_found, "there is no trusted key " + key_id.hex()};
        PIRN_TRY(edits, core_->new_withdrawals(tenant));
        return rows;
      },
      [&](const std::vector<TrustRow>&) {
        core_->mutex_.is_held();
        core_->edit_catalog(edits, {std::string(tenant_name)});
      });
}

}  // namespace pirn::registry
