// API keys: who may speak to this host, and for which tenant.
#include <algorithm>

#include "packager/mutex/mutex.h"
#include "registry/core.h"
#include "registry/plain_text.h"

namespace pirn::registry {

namespace {

Result<ApiKey> key_of(const Row& row) {
  ApiKey key;
  PIRN_TRY(key.role, parse_role(row.text(2)));
  key.id = row.text(0);
  key.tenant = row.text(1);
  key.label = row.text(3);
  key.created_at_ms = row.integer(4);
  key.created_by = row.text(5);
  key.expires_at_ms = row.integer(6);
  key.revoked_at_ms = row.integer(7);
  key.revoked_by = row.text(8);
  return key;
}

constexpr size_t kLongestLabel = 128;

// A label names its holder in approvals and in audit records, where people read it: text without control
// characters.
Status check_label(const std::string& label) {
  if (is_plain_text(label)) return {};
  return Error{Code::bad_name, "the label is not UTF-8 text without control characters",
               "Remove escape sequences, line breaks and bytes that are not UTF-8."};
}

Status check_new(const NewKey& key, int64_t now_ms) {
  if (key.tenant.empty() != (key.role == Role::host_operator))
    return Error{Code::invalid_argument,
                 key.tenant.empty() ? "a key of the role '" + std::string(name(key.role)) + "' needs a tenant"
                                    : "an operator key cannot belong to a tenant",
                 key.tenant.empty() ? "Add --tenant NAME." : "Omit --tenant, and unset PIRN_TENANT."};
  if (key.expires_at_ms != 0 && key.expires_at_ms <= now_ms)
    return Error{Code::invalid_argument, "the expiry of the key is in the past"};
  if (key.label.size() > kLongestLabel)
    return Error{Code::too_large,
                 "the label is too long: at most " + std::to_string(kLongestLabel) + " bytes are allowed"};
  PIRN_DO(check_label(key.label));
  return {};
}

}  // namespace

Status Registry::Core::read_keys() {
  Status parsed;
  const MutexLock lock(keys_mutex_);
  PIRN_DO(database_->each(
      "SELECT id, coalesce(tenant, ''), role, label, created_at, created_by, expires_at, revoked_at,"
      " revoked_by, mac FROM api_keys",
      {}, [&](const Row& row) PIRN_REQUIRES(keys_mutex_) {
        auto key = key_of(row);
        if (!key) {
          parsed = key.error();
          return;
        }
        const std::string id = key->id;
        keys_.insert_or_assign(id, KnownKey{std::move(*key), row.digest(9)});
      }));
  return parsed;
}

// A tenant whose keys change often keeps the records of the newest; the audit log has all of them.
Result<std::vector<std::string>> Registry::Core::make_place_for_key(const std::string& tenant,
                                                                    int64_t now_ms) const {
  uint64_t in_force = 0;
  std::vector<std::pair<int64_t, std::string>> ended;  // when, id
  {
    const ReaderLock lock(keys_mutex_);
    for (const auto& [id, known] : keys_) {
      const ApiKey& key = known.key;
      if (key.tenant != tenant) continue;
      if (key.revoked_at_ms != 0)
        ended.emplace_back(key.revoked_at_ms, id);
      else if (key.expires_at_ms != 0 && now_ms >= key.expires_at_ms)
        ended.emplace_back(key.expires_at_ms, id);
      else
        ++in_force;
    }
  }
  if (in_force >= kKeysInForce)
    return Error{Code::quota_exceeded,
                 (tenant.empty() ? "the operator" : "the tenant '" + tenant + "'") + " has " +
                     std::to_string(in_force) + " valid API keys, which is the limit",
                 "Revoke keys that are no longer needed: pirn key ls, then pirn key revoke ID."};
  std::vector<std::string> forgotten;
  if (ended.size() <= kKeysEnded) return forgotten;
  std::sort(ended.begin(), ended.end());
  ended.resize(ended.size() - kKeysEnded);
  for (auto& [when, id] : ended) forgotten.push_back(std::move(id));
  return forgotten;
}

Result<IssuedKey> Registry::create_key(const Principal& who, const NewKey& wanted, int64_t now_ms) {
  PIRN_TRY(const Token token, mint_token());
  ApiKey key{token.id, wanted.tenant, wanted.role, wanted.label, now_ms, wanted.expires_at_ms,
             0,        who.who(),     {}};
  const Digest kept = mac(core_->pepper_, token);
  Attempt attempt{who,
                  wanted.tenant,
                  Permission::manage_keys,
                  "key.create",
                  "key/" + key.id,
                  now_ms,
                  "role " + std::string(name(wanted.role))};
  std::vector<std::string> forgotten;
  return core_->change<IssuedKey>(
      attempt,
      [&]() -> Result<IssuedKey> {
        core_->mutex_.is_held();
        PIRN_DO(check_new(wanted, now_ms));
        if (!may_grant(who.role, wanted.role))
          return Error{Code::grant_refused, "the role '" + std::string(name(who.role)) +
                                                "' cannot grant the role '" + std::string(name(wanted.role)) +
                                                "', which has more permissions"};
        if (!wanted.tenant.empty()) PIRN_DO(core_->find_tenant(wanted.tenant));
        PIRN_TRY(forgotten, core_->make_place_for_key(wanted.tenant, now_ms));
        for (const std::string& id : forgotten)
          PIRN_DO(core_->database_->run("DELETE FROM api_keys WHERE id = ?", {id}));
        PIRN_DO(core_->database_->run(
            "INSERT INTO api_keys (id, tenant, role, label, mac, created_at, created_by, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            {key.id, Value::null_if_empty(key.tenant), name(key.role), key.label, kept, now_ms,
             key.created_by, key.expires_at_ms}));
        return IssuedKey{key, token.text()};
      },
      [&](const IssuedKey& issued) {
        const MutexLock lock(core_->keys_mutex_);
        for (const std::string& id : forgotten) core_->keys_.erase(id);
        core_->keys_.insert_or_assign(issued.key.id, Core::KnownKey{issued.key, kept});
      });
}

Result<std::vector<ApiKey>> Registry::keys(std::string_view tenant) const {
  const ReaderLock lock(core_->keys_mutex_);
  std::map<std::pair<int64_t, std::string>, ApiKey> ordered;
  for (const auto& [id, known] : core_->keys_)
    if (known.key.tenant == tenant) ordered.emplace(std::pair(known.key.created_at_ms, id), known.key);
  std::vector<ApiKey> keys;
  for (auto& [order, key] : ordered) keys.push_back(std::move(key));
  return keys;
}

Result<ApiKey> Registry::revoke_key(const Principal& who, std::string_view tenant, std::string_view id,
                                    int64_t now_ms) {
  Attempt attempt{who,          std::string(tenant),      Permission::manage_keys,
                  "key.revoke", "key/" + std::string(id), now_ms};
  return core_->change<ApiKey>(
      attempt,
      [&]() -> Result<ApiKey> {
        core_->mutex_.is_held();
        const ReaderLock lock(core_->keys_mutex_);
        const auto found = core_->keys_.find(std::string(id));
        if (found == core_->keys_.end() || found->second.key.tenant != tenant)
          return Error{Code::not_found, "there is no key '" + std::string(id) + "'"};
        ApiKey key = found->second.key;
        if (key.revoked_at_ms != 0) return key;
        key.revoked_at_ms = now_ms;
        key.revoked_by = who.who();
        PIRN_DO(core_->database_->run("UPDATE api_keys SET revoked_at = ?, revoked_by = ? WHERE id = ?",
                                      {now_ms, key.revoked_by, key.id}));
        return key;
      },
      [&](const ApiKey& key) {
        {
          const MutexLock lock(core_->keys_mutex_);
          core_->keys_[key.id].key = key;
        }
        const MutexLock lock(core_->watcher_mutex_);
        if (core_->key_watcher_) core_->key_watcher_(key.id);
      });
}

void Registry::watch_keys(std::function<void(const std::string& key_id)> revoked) {
  const MutexLock lock(core_->watcher_mutex_);
  core_->key_watcher_ = std::move(revoked);
}

namespace {

Status check_key(const ApiKey& key, int64_t now_ms) {
  if (key.revoked_at_ms != 0) return Error{Code::key_revoked, "the API key " + key.id + " was revoked"};
  if (key.expires_at_ms != 0 && now_ms >= key.expires_at_ms)
    return Error{Code::key_expired, "the API key " + key.id + " has expired"};
  return {};
}

}  // namespace

Status Registry::Core::check_in_force(const Principal& who, int64_t now_ms) const {
  if (who.key_id.empty()) return {};
  const ReaderLock lock(keys_mutex_);
  const auto found = keys_.find(who.key_id);
  return found == keys_.end() ? Status() : check_key(found->second.key, now_ms);
}

bool Registry::has_key(std::string_view id) const {
  const ReaderLock lock(core_->keys_mutex_);
  return core_->keys_.contains(std::string(id));
}

Status Registry::check_in_force(const Principal& who, int64_t now_ms) const {
  return core_->check_in_force(who, now_ms);
}

// An unknown key costs as much as a wrong secret and gets the same answer; what is expired or revoked is only
// told to whoever holds the secret.
Result<Principal> Registry::authenticate(std::string_view text, int64_t now_ms) const {
  PIRN_TRY(const Token token, parse_token(text));
  const Digest presented = mac(core_->pepper_, token);
  const ReaderLock lock(core_->keys_mutex_);
  const auto found = core_->keys_.find(token.id);
  const bool known = found != core_->keys_.end();
  const bool same = equal_in_constant_time(presented, known ? found->second.mac : Digest{});
  if (!known || !same) return Error{Code::unauthenticated, "the API key is not valid here"};
  const ApiKey& key = found->second.key;
  PIRN_DO(check_key(key, now_ms));
  return Principal{key.tenant, key.id, key.role, key.label, key.expires_at_ms};
}

}  // namespace pirn::registry
