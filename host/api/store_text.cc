#include "host/api/store_text.h"

#include <boost/json.hpp>

namespace pirn::api {

namespace bj = boost::json;

std::string pruned_text(const maintenance::Pruned& pruned, bool dry_run, const store::StoreStats& before,
                        const store::StoreStats& after) {
  return bj::serialize(bj::object{{"executions", pruned.executions},
                                  {"kept_for_letters", pruned.kept_for_letters},
                                  {"tenant_commits", pruned.tenant_commits},
                                  {"event_ids", pruned.event_ids},
                                  {"dry_run", dry_run},
                                  {"size_bytes_before", before.size_bytes + before.wal_bytes},
                                  {"size_bytes", after.size_bytes + after.wal_bytes},
                                  {"free_bytes", after.free_bytes}});
}

void add_audit(maintenance::Verification& found, const registry::AuditReport& audit) {
  if (!audit.intact())
    found.damages.push_back({"registry.db", "the audit log was changed; pirn audit verify says where"});
}

std::string verification_text(const maintenance::Verification& found) {
  bj::array damages;
  for (const maintenance::Damage& damage : found.damages)
    damages.push_back(bj::object{{"file", damage.file}, {"what", damage.what}});
  return bj::serialize(bj::object{{"intact", found.damages.empty()},
                                  {"rows", found.rows},
                                  {"without_checksum", found.without_checksum},
                                  {"blobs", found.blobs},
                                  {"backup_files", found.backup_files},
                                  {"damages", std::move(damages)},
                                  {"more", found.more}});
}

}  // namespace pirn::api
