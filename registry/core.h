// What the parts of Registry share: the database under its mutex, the blobs, and the three snapshots that are
// read without waiting (catalog, API keys, releases that somebody holds). Private to this folder.
//
// Order of locks: push_mutex_, then mutex_, then one of the leaf mutexes (keys_, catalog_, held_).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "packager/archive/verify.h"
#include "packager/mutex/mutex.h"
#include "registry/audit.h"
#include "registry/blobs.h"
#include "registry/database.h"
#include "registry/fair_mutex.h"
#include "registry/refusals.h"
#include "registry/registry.h"
#include "registry/token.h"

namespace pirn::registry {

// A change that somebody asks for. `tenant` is the one whose permission is asked; object and detail go into
// the audit record and may be filled in while it is decided.
struct Attempt {
  const Principal& who;
  std::string tenant;
  Permission permission;
  std::string action;
  std::string object;
  int64_t now_ms;
  std::string detail = {};
};

// Of each tenant, and of the operator: API keys in force, ended ones that are remembered (the oldest are
// forgotten), and rows of trust, with those that were revoked.
inline constexpr size_t kKeysInForce = 1'000, kKeysEnded = 1'000, kTrustRows = 1'000;

class Registry::Core {
 public:
  static Result<std::unique_ptr<Core>> open(Options options);

  // Decides and commits one change together with its audit record, then publishes it. A refusal rolls back
  // and leaves one audit record. `decide` runs inside the transaction; `publish` runs after the commit, still
  // under mutex_.
  template <class T, class Decide, class Publish>
  Result<T> change(Attempt& attempt, Decide&& decide, Publish&& publish) {
    const MutexLock lock(mutex_);
    auto result = [&]() PIRN_REQUIRES(mutex_) -> Result<T> {
      PIRN_DO(attempt.who.require(attempt.permission, attempt.tenant));
      PIRN_DO(check_in_force(attempt.who, attempt.now_ms));
      Transaction transaction(*database_);
      PIRN_DO(transaction.begin());
      PIRN_TRY(T value, decide());
      PIRN_DO(log().append(audit_record(attempt, "ok", attempt.detail)));
      PIRN_DO(transaction.commit());
      return value;
    }();
    if (!result) return refuse_locked(attempt, std::move(result).error());
    publish(*result);
    return result;
  }
  template <class T, class Decide>
  Result<T> change(Attempt& attempt, Decide&& decide) {
    return change<T>(attempt, std::forward<Decide>(decide), [](const T&) {});
  }

  // Records a refusal (refusals.h) and hands back its error; or the error of the record, if that cannot be
  // made durable.
  Error refuse(const Attempt& attempt, Error error);
  AuditLog log() PIRN_REQUIRES(mutex_) { return AuditLog(*database_, pepper_); }
  // Appends records in a transaction of their own.
  Status append(const std::vector<AuditRecord>& records) PIRN_REQUIRES(mutex_);
  // key_revoked or key_expired, when it was let in before that. Takes keys_mutex_ only.
  Status check_in_force(const Principal& who, int64_t now_ms) const;

  static AuditRecord audit_record(const Attempt& attempt, std::string_view outcome, std::string_view detail);

  // Ids of the ended keys that have to be forgotten before the tenant gets another key; quota_exceeded when
  // it has too many that are in force. Takes keys_mutex_ only.
  Result<std::vector<std::string>> make_place_for_key(const std::string& tenant, int64_t now_ms) const;

  // tenants
  Result<Tenant> find_tenant(std::string_view name) const PIRN_REQUIRES(mutex_);
  Status check_nothing_deployed(const Tenant& tenant) const PIRN_REQUIRES(mutex_);

  // trust
  Result<std::vector<TrustRow>> trust_of(std::string_view tenant) const PIRN_REQUIRES(mutex_);

  // releases
  struct ReleaseRecord {
    Release head;  // all but functions, definition, library: those come out of the manifest and the blob
    std::string manifest;  // the signed bytes
    Digest definition;     // blob of the whole definition document
    bool withdrawn = false;
  };
  Result<ReleaseRecord> find_release(std::string_view tenant, const Digest& digest) const
      PIRN_REQUIRES(mutex_);
  // The newest release without a `version`. Of a package that is not there it says only that; ask_for_version
  // adds a suggestion.
  Result<Digest> find_version(std::string_view tenant, std::string_view package,
                              std::string_view version) const PIRN_REQUIRES(mutex_);
  // The same for a tenant that may not be there, with a suggestion. Takes the lock, and makes the suggestion
  // without it.
  Result<Digest> ask_for_version(std::string_view tenant, std::string_view package,
                                 std::string_view version) const;
  Result<bool> is_withdrawn(const Tenant& tenant, const Digest& release) const PIRN_REQUIRES(mutex_);
  // What the catalog does not know yet of the withdrawals of a tenant's active releases.
  Result<std::vector<CatalogEdit>> new_withdrawals(const Tenant& tenant) const PIRN_REQUIRES(mutex_);
  Status check_quota(std::string_view tenant, uint64_t more_bytes) const PIRN_REQUIRES(mutex_);
  // What the manifest alone says of a release: its definition has names of workflows and nothing else. Takes
  // no lock, reads nothing.
  Result<Release> outline_of(const ReleaseRecord& record) const;
  // Takes no lock but held_; reads blobs.
  Result<ReleasePtr> read_back(const ReleaseRecord& record) const;
  // All releases of a tenant, or those of one package. Takes the lock, and gives it back now and then.
  Result<std::vector<ReleaseRow>> list_releases(std::string_view tenant, std::string_view package) const;
  // One object for one release, as long as somebody holds it.
  ReleasePtr share(Release release) const;
  Status remove_unreferenced(const std::vector<Digest>& blobs) PIRN_REQUIRES(mutex_);
  struct Admitted;
  Result<Admitted> admit(const Principal& who, std::string_view tenant, std::string_view archive,
                         int64_t now_ms) const;
  Result<PushedRelease> record_release(Attempt& attempt, const Admitted& admitted, int64_t accepted_serial);

  // deployments
  struct Target {
    DeploymentPlan plan;
    ReleaseRecord to;
    uint64_t current = 0;  // number of the newest revision; 0: none
  };
  Result<Target> aim(const Tenant& tenant, std::string_view package, const Digest& to) const
      PIRN_REQUIRES(mutex_);
  // The newest first, from `newest` down.
  Result<std::vector<Revision>> revisions(std::string_view tenant, std::string_view package, uint64_t newest,
                                          uint32_t limit) const PIRN_REQUIRES(mutex_);
  Result<Deployed> publish_release(Attempt& attempt, const Digest& to, bool undo, std::string_view package,
                                   std::string_view why, const Probe& probe);

  // What was deployed in this tenant, for meet_requirements.
  Search deployed_releases(const std::string& tenant) const PIRN_REQUIRES(mutex_);
  Status check_requirements(const Release& release) const PIRN_REQUIRES(mutex_);

  CatalogPtr catalog() const;
  // Reads a flag that is atomic, of an object that stays: without the mutex, so that no health check waits for a
  // sync.
  bool healthy() const PIRN_NOT_CHECKED { return database_->healthy(); }
  // What packages of these tenants and of the edited ones require is looked at again.
  void edit_catalog(const std::vector<CatalogEdit>& edits, std::set<std::string> tenants = {})
      PIRN_REQUIRES(mutex_);
  void publish_slots(const Tenant& tenant) PIRN_REQUIRES(mutex_);
  // At open.
  Status read_catalog() PIRN_REQUIRES(mutex_);
  Status read_keys() PIRN_REQUIRES(mutex_);

  const Options options_;
  Pepper pepper_{};
  std::unique_ptr<Blobs> blobs_;
  Refusals refusals_;
  std::vector<std::string> accepted_breaks_;  // of open()

  // Reads of the audit log take long where there is much of it: they have a connection of their own, and the
  // changes do not wait for them. Null in memory, where there is one connection.
  mutable Mutex reader_mutex_;
  std::unique_ptr<Database> reader_ PIRN_GUARDED_BY(reader_mutex_);
  mutable Mutex verify_mutex_;  // one verification at a time

  Mutex watcher_mutex_;
  std::function<void(const std::string& key_id)> key_watcher_ PIRN_GUARDED_BY(watcher_mutex_);

  FairMutex push_mutex_;  // one upload at a time is verified and stored: it bounds memory, and orders blobs
                          // and rows
  mutable FairMutex mutex_;
  std::unique_ptr<Database> database_ PIRN_GUARDED_BY(mutex_);

  struct KnownKey {
    ApiKey key;
    Digest mac;
  };
  mutable SharedMutex keys_mutex_;
  std::unordered_map<std::string, KnownKey> keys_ PIRN_GUARDED_BY(keys_mutex_);  // by id

  mutable Mutex catalog_mutex_;
  CatalogPtr catalog_ PIRN_GUARDED_BY(catalog_mutex_) = std::make_shared<const Catalog>();

  mutable Mutex held_mutex_;
  mutable std::map<std::pair<std::string, Digest>, std::weak_ptr<const Release>> held_
      PIRN_GUARDED_BY(held_mutex_);

 private:
  explicit Core(Options options) : options_(std::move(options)) {}
  Error refuse_locked(const Attempt& attempt, Error error) PIRN_REQUIRES(mutex_);
  Status open_files() PIRN_REQUIRES(mutex_);
  Status open_pepper_file(const std::string& path) PIRN_REQUIRES(mutex_);
  Status open_audit(bool sealed) PIRN_REQUIRES(mutex_);
  Status sweep_blobs() PIRN_REQUIRES(mutex_);
};

}  // namespace pirn::registry
