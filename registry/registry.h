// The registry of a host: tenants, API keys, trust, releases, deployments, and the catalog that all of it
// leads to. It owns registry.db (SQLite), the pepper of the API keys and the blobs of one data directory;
// docs/data.md says what lies where. Start reading at push() and deploy(): the rest serves them.
//
// Thread: every function may be called from any thread. Changes are serialised by one mutex and are on disk
// when they return. catalog() and authenticate() never wait for a change that is under way.
//
// Every change takes the principal and checks its permission (role.h); a foreign tenant answers as a
// missing one. Every change that is refused leaves one audit record and nothing else. Reads take the tenant
// and trust the caller to have asked Principal::require.
//
// When the database fails to commit, the registry refuses every later change (registry_failed): what is on
// disk is known again only after the next open.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "packager/archive/unpacker.h"
#include "registry/catalog.h"
#include "registry/claims.h"
#include "registry/records.h"
#include "registry/release.h"
#include "registry/role.h"

namespace pirn::registry {

struct Options {
  std::string directory;  // the data directory, which exists; empty: everything in memory (trials and tests)
  uint64_t archive_limit = 256ull << 20;  // bytes of one upload
  uint64_t releases_per_tenant = 10'000;
  uint64_t storage_per_tenant = 10ull << 30;  // bytes of archives
  // Who unpacks what is pushed: this process, or, as a host says, archive::decompress_apart().
  archive::Decompress decompress = archive::decompress_here;
  // Probes a library that is pushed for the first time. Empty: no probe, and a library that differs from
  // its manifest is noticed when it is deployed.
  PushProbe probe = {};
  // The newest records of the audit log that open() follows; all of them where there are no more.
  uint64_t audit_checked_at_open = 250'000;
  // A broken audit log does not stop open(): each break that it finds is accepted by a record of its own,
  // made at this instant (ms since 1970); 0: it does stop it.
  int64_t accept_broken_audit_at_ms = 0;
  // Told, on any thread, when a commit could not be made durable: from then on nothing is written any more.
  std::function<void()> failed = {};
  // Asked before each change is written, under the registry's lock: an error refuses it. Empty: all are
  // written.
  std::function<Status()> may_write = {};
};

class Registry {
 public:
  // Opens or creates, migrates the schema, follows the audit log, sweeps what a crash left behind, reads the
  // catalog. audit_broken when the log was changed behind the registry's back.
  static Result<std::unique_ptr<Registry>> open(Options options);
  ~Registry();

  // The current snapshot; never null.
  CatalogPtr catalog() const;
  // What this opening has found in the audit log and accepted (Options::accept_broken_audit_at_ms).
  const std::vector<std::string>& accepted_breaks() const;
  // False once a commit could not be made durable. What is on the disk is known to the next opening only.
  bool healthy() const;

  // Tenants. `in_process` is a decision of the operator, recorded with who and when.
  Result<Tenant> create_tenant(const Principal& who, const NewTenant& tenant, int64_t now_ms);
  // Isolation changes what the next deployment may do: taking it back is refused (conflict) once packages of
  // the tenant are deployed, since they run in the host. More signatures are asked of later uploads, and of
  // what is left of a release when one of its keys is compromised; what was pushed and deployed stays.
  Result<Tenant> edit_tenant(const Principal& who, const TenantEdit& edit, int64_t now_ms);
  Result<std::vector<Tenant>> tenants() const;  // ascending by name
  Result<Tenant> tenant(std::string_view name) const;

  // API keys. The token of create_key is shown once and cannot be read again.
  Result<IssuedKey> create_key(const Principal& who, const NewKey& key, int64_t now_ms);
  Result<std::vector<ApiKey>> keys(std::string_view tenant) const;  // "" = the operator's own
  Result<ApiKey> revoke_key(const Principal& who, std::string_view tenant, std::string_view id,
                            int64_t now_ms);
  // unauthenticated (which does not say whether the key exists), key_expired, key_revoked.
  Result<Principal> authenticate(std::string_view token, int64_t now_ms) const;
  // Whether there is a key with this public id, be it revoked or expired.
  bool has_key(std::string_view id) const;
  // Whether the key that a principal came with is still good: key_expired, key_revoked. Takes no time.
  Status check_in_force(const Principal& who, int64_t now_ms) const;
  // Called with the id of each key that is revoked from now on, on the thread that revokes it and after that
  // is durable; it must not block and not call the registry. Null: removes the watcher.
  void watch_keys(std::function<void(const std::string& key_id)> revoked);

  // Trust. A new tenant trusts no keys.
  Result<TrustRow> add_trust(const Principal& who, const NewTrust& trust, int64_t now_ms);
  Result<std::vector<TrustRow>> trust(std::string_view tenant) const;
  // Revokes every row of that key in that tenant. `compromised` also withdraws the releases that it carried.
  Result<std::vector<TrustRow>> revoke_trust(const Principal& who, std::string_view tenant,
                                             const Digest& key_id, RevocationReason reason, int64_t now_ms);

  // Releases. admit_push is for before the body is read: permission, declared length, quota.
  Status admit_push(const Principal& who, std::string_view tenant, uint64_t declared_size, int64_t now_ms);
  // Verifies and admits an archive, has Options::probe look at its library, and stores it
  // (docs/package-format.md, "The order of verification"). What is refused leaves an audit record and nothing
  // else.
  // A serial that would block all later versions is refused (serial_leap), unless it is `accepted_serial`.
  Result<PushedRelease> push(const Principal& who, std::string_view tenant, std::string_view archive,
                             int64_t now_ms, int64_t accepted_serial = 0);
  // The release with its parsed definition, read back and checked against its digest. For what is pinned but
  // no longer active too; equal calls give the same object as long as somebody holds it. release_withdrawn
  // when compromised.
  Result<ReleasePtr> load_release(std::string_view tenant, const Digest& digest) const;
  // The same, also when it is withdrawn: for showing it, and for executions that pinned it before. Its
  // library is refused all the same.
  Result<ReleasePtr> read_release(std::string_view tenant, const Digest& digest) const;
  // The bytes of the library of a release, checked against the digest that was signed: what a loader maps.
  // release_withdrawn when compromised.
  Result<std::string> load_library(const Release& release) const;
  // All releases of a tenant, or of one of its packages: by package, newest serial first.
  Result<std::vector<ReleaseRow>> releases(std::string_view tenant) const;
  Result<std::vector<ReleaseRow>> releases(std::string_view tenant, std::string_view package) const;

  // Deployments.
  Result<DeploymentPlan> plan(const NewDeployment& deployment) const;
  Result<Deployed> deploy(const Principal& who, const NewDeployment& deployment, const Probe& probe,
                          int64_t now_ms);
  // A new revision that points to the release that was active before the current one; with `to_revision`, to
  // the release of that revision.
  Result<Deployed> undo(const Principal& who, std::string_view tenant, std::string_view package,
                        uint64_t to_revision, std::string_view why, const Probe& probe, int64_t now_ms);
  Result<std::vector<Revision>> history(std::string_view tenant,
                                        std::string_view package) const;  // newest first

  // Audit. Refusals that the registry does not make itself come in two steps: admit_… counts, at once, and
  // hands out the record where it is to be written (refusals.h); record() writes it, and blocks on the disk.
  std::optional<AuditRecord> admit_refusal(const Principal& who, std::string_view action,
                                           std::string_view object, const Error& error, int64_t now_ms);
  // A key that was refused, from `peer` (an address). It goes to the log of the tenant whose key it names.
  std::optional<AuditRecord> admit_wrong_key(std::string_view token, std::string_view peer,
                                             const Error& error, int64_t now_ms);
  Status record(const AuditRecord& refusal);
  // Counts an admitted record that there is no time to write.
  void count_refusal(const AuditRecord& refusal);
  // Both steps at once.
  Status record_refusal(const Principal& who, std::string_view tenant, std::string_view action,
                        std::string_view object, const Error& error, int64_t now_ms);
  // Writes what was counted in windows that are over; INT64_MAX: everything. refusals_due_ms() says when
  // there is something, and is cheap.
  Status record_counted(int64_t now_ms);
  int64_t refusals_due_ms() const;

  Result<std::vector<AuditRecord>> audit(const AuditFilter& filter) const;
  // Oldest first, after a number (of the tenant's log, or `seq` when `tenant` is empty: of all).
  Result<std::vector<AuditRecord>> audit(std::string_view tenant, uint64_t after, uint32_t limit) const;
  // Follows the whole chain. busy while another verification is under way.
  Result<AuditReport> audit_report() const;
  // The number of records, or audit_broken with the first record that does not fit.
  Result<uint64_t> verify_audit() const;
  // The same of a data directory that no host uses, changing nothing.
  static Result<AuditReport> audit_report_of(const std::string& directory);

 private:
  class Core;
  explicit Registry(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace pirn::registry
