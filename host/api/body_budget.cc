#include "host/api/body_budget.h"

namespace pirn::api {

Status BodyBudget::take(std::string_view caller, uint64_t bytes) {
  if (bytes == 0) return {};
  const MutexLock lock(mutex_);
  auto found = by_caller_.find(caller);
  const uint64_t held = found == by_caller_.end() ? 0 : found->second;
  if (bytes > share_ - held)
    return Error{Code::busy,
                 "the bodies of this caller's requests and answers under way exceed its share of " +
                     std::to_string(share_) + " bytes"};
  if (bytes > total_ - taken_)
    return Error{Code::busy, "the bodies of all requests and answers under way exceed " +
                                 std::to_string(total_) + " bytes"};
  if (found == by_caller_.end()) found = by_caller_.emplace(caller, 0).first;
  found->second += bytes;
  taken_ += bytes;
  return {};
}

void BodyBudget::give_back(std::string_view caller, uint64_t bytes) {
  if (bytes == 0) return;
  const MutexLock lock(mutex_);
  const auto found = by_caller_.find(caller);
  taken_ -= bytes;
  found->second -= bytes;
  if (found->second == 0) by_caller_.erase(found);
}

uint64_t BodyBudget::taken() const {
  const MutexLock lock(mutex_);
  return taken_;
}

}  // namespace pirn::api
