// The memory that the bodies of requests and answers under way may take together. Bytes are taken as they
// arrive, never because a client has announced them, and no caller may take all of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "packager/error/error.h"
#include "packager/mutex/mutex.h"

namespace pirn::api {

// Any thread.
class BodyBudget {
 public:
  // `total`: bytes. `share`: bytes that one caller may hold of them.
  BodyBudget(uint64_t total, uint64_t share) : total_(total), share_(share) {}

  // `caller`: a tenant; empty: the operator. busy: there is no room, and nothing was taken.
  Status take(std::string_view caller, uint64_t bytes);
  // What was taken before.
  void give_back(std::string_view caller, uint64_t bytes);
  uint64_t taken() const;

 private:
  const uint64_t total_, share_;
  mutable Mutex mutex_;
  uint64_t taken_ PIRN_GUARDED_BY(mutex_) = 0;
  std::map<std::string, uint64_t, std::less<>> by_caller_ PIRN_GUARDED_BY(mutex_);  // no zeros
};

}  // namespace pirn::api
