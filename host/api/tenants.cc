// Tenants, API keys, trust: who owns what and who may.
#include "host/api/document.h"
#include "host/api/routes.h"
#include "host/api/slots.h"
#include "host/engine/inbox.h"
#include "packager/definition/definition.h"
#include "packager/signature/key.h"
#include "registry/registry.h"

namespace pirn::api {

namespace {

namespace bj = boost::json;
using namespace registry;

bj::object object_of(const Tenant& tenant) {
  bj::object object{{"name", tenant.name},
                    {"isolation", name(tenant.isolation)},
                    {"signatures_required", tenant.signatures_required},
                    {"created_at", time_ms(tenant.created_at_ms)},
                    {"created_by", tenant.created_by}};
  put_terms(object, tenant.slots);
  return object;
}

// With what it runs now.
bj::object object_of(const Tenant& tenant, const engine::SlotUse& slots) {
  bj::object object = object_of(tenant);
  put_use(object, slots, tenant.name, tenant.slots);
  return object;
}

bj::object object_of(const ApiKey& key) {
  const int64_t now = now_ms();
  const std::string_view state = key.revoked_at_ms != 0                               ? "revoked"
                                 : key.expires_at_ms != 0 && key.expires_at_ms <= now ? "expired"
                                                                                      : "active";
  return {{"id", key.id},
          {"tenant", key.tenant.empty() ? bj::value(nullptr) : bj::value(key.tenant)},
          {"role", name(key.role)},
          {"label", key.label},
          {"state", state},
          {"created_at", time_ms(key.created_at_ms)},
          {"created_by", key.created_by},
          {"expires_at", time_ms(key.expires_at_ms)},
          {"revoked_at", time_ms(key.revoked_at_ms)}};
}

bj::object object_of(const TrustRow& row) {
  const std::string_view state = row.revoked_at_ms != 0 ? "revoked"
                                 : row.active(now_ms()) ? "active"
                                                        : "expired";
  bj::object object{{"id", row.id},
                    {"publisher", row.publisher},
                    {"key_id", row.key_id.hex()},
                    {"key", row.public_key.text()},
                    {"packages", row.pattern},
                    {"role", name(row.role)},
                    {"state", state},
                    {"added_at", time_ms(row.added_at_ms)},
                    {"added_by", row.added_by},
                    {"valid_until", time_ms(row.valid_until_ms)},
                    {"revoked_at", time_ms(row.revoked_at_ms)}};
  if (row.revoked_at_ms != 0) object["reason"] = name(row.reason);
  return object;
}

template <class Rows>
Response list(std::string_view what, const Result<Rows>& rows) {
  if (!rows) return problem(rows.error());
  bj::array array;
  for (const auto& row : *rows) array.push_back(object_of(row));
  return json(200, bj::object{{what, std::move(array)}});
}

template <class Row>
Response one(int status, const Result<Row>& row) {
  return row ? json(status, object_of(*row)) : problem(row.error());
}

// null: no cap.
Result<uint32_t> read_cap(const Document& body) {
  if (body.find("max_running_steps") == nullptr) return uint32_t{0};
  PIRN_TRY(const int64_t cap, body.integer_or("max_running_steps", 1, 1, kMostRunningSteps));
  return static_cast<uint32_t>(cap);
}

Result<uint32_t> read_weight(const Document& body) {
  PIRN_TRY(const int64_t weight, body.integer_or("weight", 1, 1, kMostWeight));
  return static_cast<uint32_t>(weight);
}

Result<NewTenant> read_tenant(const Request& request) {
  PIRN_TRY(const Document body, Document::read(request.body, {"name", "isolation", "signatures_required",
                                                              "weight", "max_running_steps"}));
  NewTenant tenant;
  PIRN_TRY(tenant.name, body.text("name"));
  PIRN_TRY(const std::string isolation, body.text_or("isolation", name(Isolation::worker)));
  PIRN_TRY(tenant.isolation, parse_isolation(isolation));
  PIRN_TRY(const int64_t signatures, body.integer_or("signatures_required", 1, 1, 16));
  tenant.signatures_required = static_cast<uint32_t>(signatures);
  PIRN_TRY(tenant.slots.weight, read_weight(body));
  PIRN_TRY(tenant.slots.max_running_steps, read_cap(body));
  return tenant;
}

Result<NewKey> read_key(const Request& request) {
  PIRN_TRY(const Document body, Document::read(request.body, {"role", "label", "expires_in"}));
  NewKey key;
  key.tenant = request.tenant;
  PIRN_TRY(const std::string role, body.text("role"));
  PIRN_TRY(key.role, parse_role(role));
  PIRN_TRY(key.label, body.text_or("label", ""));
  PIRN_TRY(const std::string expires_in, body.text_or("expires_in", "infinity"));
  PIRN_TRY(const int64_t duration, as_argument("expires_in", definition::parse_duration(expires_in)));
  if (duration <= 0) return Error{Code::invalid_argument, "'expires_in' must be longer than 0"};
  if (duration != definition::kInfinite) key.expires_at_ms = now_ms() + duration / 1'000'000;
  return key;
}

Result<NewTrust> read_trust(const Request& request) {
  PIRN_TRY(const Document body,
           Document::read(request.body, {"publisher", "key", "packages", "role", "expires_in"}));
  NewTrust trust;
  trust.tenant = request.tenant;
  PIRN_TRY(trust.publisher, body.text("publisher"));
  PIRN_TRY(const std::string key, body.text("key"));
  PIRN_TRY(const signature::PublicKey public_key, signature::parse_public_key(key));
  trust.public_key = public_key;
  PIRN_TRY(trust.pattern, body.text_or("packages", "*"));
  PIRN_TRY(const std::string role, body.text_or("role", name(TrustRole::sign)));
  PIRN_TRY(trust.role, parse_trust_role(role));
  PIRN_TRY(const std::string expires_in, body.text_or("expires_in", "infinity"));
  PIRN_TRY(const int64_t duration, as_argument("expires_in", definition::parse_duration(expires_in)));
  if (duration <= 0) return Error{Code::invalid_argument, "'expires_in' must be longer than 0"};
  if (duration != definition::kInfinite) trust.valid_until_ms = now_ms() + duration / 1'000'000;
  return trust;
}

}  // namespace

void list_tenants(const Services& services, RequestPtr request, Respond respond) {
  with_engine_stats(services, request, respond, [&services](const engine::EngineStats& engine) {
    const auto tenants = services.registry.tenants();
    if (!tenants) return problem(tenants.error());
    bj::array array;
    for (const Tenant& tenant : *tenants) array.push_back(object_of(tenant, engine.slots));
    return json(200, bj::object{{"tenants", std::move(array)}});
  });
}

void show_tenant(const Services& services, RequestPtr request, Respond respond) {
  with_engine_stats(services, request, respond,
                    [&services, name = request->params[0]](const engine::EngineStats& engine) {
                      const auto tenant = services.registry.tenant(name);
                      if (!tenant) return problem(tenant.error());
                      return json(200, object_of(*tenant, engine.slots));
                    });
}

Response create_tenant(const Services& services, const Request& request) {
  const Result<NewTenant> tenant = read_tenant(request);
  if (!tenant) return problem(tenant.error());
  return one(201, services.registry.create_tenant(request.principal, *tenant, now_ms()));
}

Response edit_tenant(const Services& services, const Request& request) {
  const auto read = [&]() -> Result<TenantEdit> {
    PIRN_TRY(const Document body, Document::read(request.body, {"isolation", "signatures_required", "weight",
                                                                "max_running_steps"}));
    TenantEdit edit{request.params[0], {}, {}};
    if (body.find("isolation") != nullptr) {
      PIRN_TRY(const std::string isolation, body.text("isolation"));
      PIRN_TRY(edit.isolation, parse_isolation(isolation));
    }
    if (body.find("signatures_required") != nullptr) {
      PIRN_TRY(const int64_t signatures, body.integer_or("signatures_required", 1, 1, 16));
      edit.signatures_required = static_cast<uint32_t>(signatures);
    }
    if (body.find("weight") != nullptr) {
      PIRN_TRY(edit.weight, read_weight(body));
    }
    if (body.has("max_running_steps")) {  // null: no cap
      PIRN_TRY(edit.max_running_steps, read_cap(body));
    }
    return edit;
  };
  const Result<TenantEdit> edit = read();
  if (!edit) return problem(edit.error());
  const Result<Tenant> edited = services.registry.edit_tenant(request.principal, *edit, now_ms());
  services.inbox.nudge();  // it may have withdrawn what is active, or changed what may run
  return one(200, edited);
}

Response list_keys(const Services& services, const Request& request) {
  return list("keys", services.registry.keys(request.tenant));
}

Response create_key(const Services& services, const Request& request) {
  const Result<NewKey> key = read_key(request);
  if (!key) return problem(key.error());
  const Result<IssuedKey> issued = services.registry.create_key(request.principal, *key, now_ms());
  if (!issued) return problem(issued.error());
  bj::object object = object_of(issued->key);
  object["token"] = issued->token;
  return json(201, object);
}

Response revoke_key(const Services& services, const Request& request) {
  return one(200,
             services.registry.revoke_key(request.principal, request.tenant, request.params[0], now_ms()));
}

Response list_trust(const Services& services, const Request& request) {
  return list("trust", services.registry.trust(request.tenant));
}

Response add_trust(const Services& services, const Request& request) {
  const Result<NewTrust> trust = read_trust(request);
  if (!trust) return problem(trust.error());
  return one(201, services.registry.add_trust(request.principal, *trust, now_ms()));
}

Response revoke_trust(const Services& services, const Request& request) {
  const std::string_view text = request.parameter("reason");
  const Result<RevocationReason> reason =
      text.empty() ? Result<RevocationReason>(RevocationReason::retired) : parse_revocation_reason(text);
  if (!reason) return problem(reason.error());
  const Result<Digest> key = parse_digest(request.params[0]);
  if (!key) return problem(key.error());
  const auto revoked =
      services.registry.revoke_trust(request.principal, request.tenant, *key, *reason, now_ms());
  services.inbox.nudge();  // it may have withdrawn what is active
  return list("trust", revoked);
}

}  // namespace pirn::api
