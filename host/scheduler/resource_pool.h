// What there is of the things that steps take while they run: cores, memory, devices (R48). Pure.
//
// Amounts are whole: whoever counts in fractions counts in small units, so that what was taken and given back
// a million times sums up to what was there. What things are called is the caller's to know; here they are
// numbers.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace pirn::scheduler {

inline constexpr int64_t kPlenty = INT64_MAX;  // a capacity that never runs out

struct Share {
  uint32_t resource = 0;
  int64_t amount = 0;
  bool operator==(const Share&) const = default;
};

class ResourcePool {
 public:
  // The number of the new resource.
  uint32_t add(int64_t capacity) {
    capacity_.push_back(capacity);
    in_use_.push_back(0);
    return static_cast<uint32_t>(capacity_.size() - 1);
  }

  size_t size() const { return capacity_.size(); }
  int64_t capacity(uint32_t resource) const { return capacity_[resource]; }
  int64_t in_use(uint32_t resource) const { return in_use_[resource]; }

  // If nobody else had anything.
  bool could_fit(std::span<const Share> shares) const {
    for (const Share& share : shares)
      if (share.amount > capacity_[share.resource]) return false;
    return true;
  }
  bool fits(std::span<const Share> shares) const {
    for (const Share& share : shares)
      if (share.amount > capacity_[share.resource] - in_use_[share.resource]) return false;
    return true;
  }
  // They must fit.
  void take(std::span<const Share> shares) {
    assert(fits(shares));
    for (const Share& share : shares) in_use_[share.resource] += share.amount;
  }
  // What was taken.
  void give_back(std::span<const Share> shares) {
    for (const Share& share : shares) {
      in_use_[share.resource] -= share.amount;
      assert(in_use_[share.resource] >= 0);
    }
  }

 private:
  std::vector<int64_t> capacity_, in_use_;  // by resource
};

}  // namespace pirn::scheduler
