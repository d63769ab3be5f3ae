#include "host/api/journal_pages.h"

namespace pirn::api {

namespace {

constexpr uint32_t kCommitsPerRead = 256;

}  // namespace

Status for_each_commit(const store::Store& store, ExecutionId id, uint32_t after,
                       const std::function<Result<bool>(const store::StoredCommit&)>& visit) {
  for (;;) {
    PIRN_TRY(const auto commits, store.journal(id, after, kCommitsPerRead));
    for (const store::StoredCommit& commit : commits) {
      PIRN_TRY(const bool goes_on, visit(commit));
      if (!goes_on) return {};
      after = commit.commit_no;
    }
    if (commits.size() < kCommitsPerRead) return {};
  }
}

Status for_each_event(const store::Store& store, ExecutionId id,
                      const std::function<void(const events::EventView&, uint32_t commit_no)>& visit) {
  return for_each_commit(store, id, 0, [&](const store::StoredCommit& commit) -> Result<bool> {
    PIRN_DO(events::for_each_event(commit.body,
                                   [&](const events::EventView& event) { visit(event, commit.commit_no); }));
    return true;
  });
}

}  // namespace pirn::api
