// What the registry keeps, as values: rows as callers see them and what callers ask for. Times are
// milliseconds since 1970 UTC; 0 = none. `who` is Principal::who() of the person or key that did it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "packager/signature/key.h"
#include "registry/catalog.h"
#include "registry/ids.h"
#include "registry/release.h"
#include "registry/role.h"

namespace pirn::registry {

// Where a tenant's code runs. `in_process` means that the operator trusts it like the host itself.
enum class Isolation : uint8_t { worker, in_process };
std::string_view name(Isolation isolation);  // "worker", "in-process"
Result<Isolation> parse_isolation(std::string_view name);

struct Tenant {
  std::string name;
  Isolation isolation = Isolation::worker;
  uint32_t signatures_required = 1;  // distinct trusted keys that an upload needs
  SlotTerms slots;                   // of the host's slots for running steps
  int64_t created_at_ms = 0;
  std::string created_by;
};

struct NewTenant {
  std::string name;  // [a-z0-9][a-z0-9_-]{0,62}
  Isolation isolation = Isolation::worker;
  uint32_t signatures_required = 1;
  SlotTerms slots = {};
};

// What is not given stays as it is.
struct TenantEdit {
  std::string name;
  std::optional<Isolation> isolation;
  std::optional<uint32_t> signatures_required;
  std::optional<uint32_t> weight = {};             // 1 to kMostWeight
  std::optional<uint32_t> max_running_steps = {};  // 0: lifts the cap
};

struct ApiKey {
  std::string id;
  std::string tenant;  // empty: a key of the operator
  Role role = Role::viewer;
  std::string label;
  int64_t created_at_ms = 0, expires_at_ms = 0, revoked_at_ms = 0;
  std::string created_by, revoked_by;
};

struct NewKey {
  std::string tenant;  // empty: a key of the operator
  Role role = Role::viewer;
  std::string label;
  int64_t expires_at_ms = 0;
};

struct IssuedKey {
  ApiKey key;
  std::string token;  // shown once: only a keyed hash of it is kept
};

enum class TrustRole : uint8_t { sign, countersign };
std::string_view name(TrustRole role);
Result<TrustRole> parse_trust_role(std::string_view name);

// compromised stops what runs on its releases; superseded and retired only end new uploads.
enum class RevocationReason : uint8_t { compromised, superseded, retired };
std::string_view name(RevocationReason reason);
Result<RevocationReason> parse_revocation_reason(std::string_view name);

struct TrustRow {
  uint64_t id = 0;  // in the list of the tenant: 1, 2, 3, …
  std::string tenant;
  std::string publisher;
  Digest key_id;
  signature::PublicKey public_key;
  std::string pattern;  // a package name in which '*' stands for any characters
  TrustRole role = TrustRole::sign;
  int64_t valid_from_ms = 0, valid_until_ms = 0;  // 0: without end
  int64_t added_at_ms = 0, revoked_at_ms = 0;
  std::string added_by, revoked_by;
  RevocationReason reason = RevocationReason::retired;  // when revoked

  bool active(int64_t now_ms) const {
    return revoked_at_ms == 0 && valid_from_ms <= now_ms && (valid_until_ms == 0 || now_ms < valid_until_ms);
  }
};

struct NewTrust {
  std::string tenant, publisher;  // both are names
  signature::PublicKey public_key;
  std::string pattern = "*";
  TrustRole role = TrustRole::sign;
  int64_t valid_from_ms = 0, valid_until_ms = 0;
};

struct PushedRelease {
  ReleasePtr release;
  bool already_there = false;  // the same package id again: nothing was changed
};

// A numbered, append-only deployment.
struct Revision {
  std::string tenant, package;
  uint64_t number = 0;       // 1, 2, ... in (tenant, package)
  Digest release, previous;  // previous: zero for the first
  std::string version;
  bool undo = false;
  int64_t at_ms = 0;
  std::string by, why;
};

// What a deployment would change, by the digests of the definitions. Names ascending.
struct DeploymentPlan {
  std::string tenant, package;
  std::string from_version, to_version;  // from: empty when nothing is active
  Digest from, to;
  std::vector<std::string> added, changed, removed, unchanged;
  struct ScheduleMove {
    std::string workflow;
    std::string_view what;  // "starts", "restarts", "stops"
  };
  std::vector<ScheduleMove> schedules;  // by workflow; those that stay as they are keep their next fire (R68)
  std::vector<Error> refusals;          // why deploy() would refuse now; the probe is not part of a plan
  bool nothing_to_do() const { return from == to; }
};

struct NewDeployment {
  std::string tenant, package;
  std::string version;  // empty: the release with the highest serial
  std::string why;
};

struct Deployed {
  Revision revision;
  DeploymentPlan plan;
  bool changed = true;  // false: that release was active already, and no revision was made
};

// One release in the lists of `package ls` and `package show`.
struct ReleaseRow {
  Digest digest;
  std::string package, version, publisher;
  int64_t serial = 0;
  std::vector<Signer> signers;
  uint64_t archive_size = 0;
  int64_t pushed_at_ms = 0;
  std::string pushed_by;
  bool active = false;
  bool withdrawn = false;
  uint64_t revision = 0;  // the newest deployment of it; 0: never deployed
};

struct AuditRecord {
  uint64_t seq = 0;  // in the host's log; for the operator only: it tells how much all tenants do
  int64_t at_ms = 0;
  std::string tenant, actor, action, object;
  std::string outcome;  // "ok" or the name of the error
  std::string detail;
  Digest hash;              // SHA-256 of the previous hash and this record
  uint64_t number = 0;      // in the log of `tenant`: 1, 2, 3, …
  uint64_t times = 1;       // how many refusals this record stands for
  int64_t first_at_ms = 0;  // of the first of them; at_ms is the last
};

// Which audit records are read. Empty texts and 0 stand for any.
struct AuditFilter {
  std::string tenant;   // empty: of the whole host
  std::string actor;    // as the record has it, or the id of an API key
  std::string action;   // "key.create", or all of a kind: "key"
  std::string outcome;  // "ok", "refused" (all that are not ok), or the name of an error
  int64_t since_ms = 0;
  uint64_t after = 0;  // the number in the tenant's log, or `seq` when no tenant is named
  uint32_t limit = 100;
  enum class Order : uint8_t { oldest_first, newest_first } order = Order::oldest_first;
};

// A place at which the chain does not hold. seq 0: its end.
struct AuditBreak {
  uint64_t seq = 0;
  std::string tenant;
  uint64_t number = 0;
  std::string what;
  Digest found;           // over what stands there now
  bool accepted = false;  // by the operator, in a later record
};

struct AuditReport {
  uint64_t records = 0;  // that there are
  uint64_t checked = 0;  // that were followed
  uint64_t head_seq = 0;
  Digest head;  // hash of the newest record
  std::vector<AuditBreak> breaks;
  std::map<std::string, uint64_t> numbers;  // the newest number of each tenant; "" is the operator's own

  bool intact() const {
    return std::all_of(breaks.begin(), breaks.end(), [](const AuditBreak& each) { return each.accepted; });
  }
};

// What `action` can be in a record of the audit log, ascending; a refused request has its route instead
// ("POST /v1/keys").
std::span<const std::string_view> audit_actions();

}  // namespace pirn::registry
