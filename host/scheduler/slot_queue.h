// What waits for a slot: tenants by their shares (slot_shares.h), and of one tenant in turn, so that an
// execution with a thousand ready steps does not keep the others waiting. Pure.
//
// An item is queued at most once by its owner (the engine keeps a flag in the execution).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "host/scheduler/slot_shares.h"

namespace pirn::scheduler {

template <class Item>
class SlotQueue {
 public:
  // `slots` outlives the queue, which tells it who waits.
  explicit SlotQueue(SlotShares& slots) : slots_(slots) {}

  void push(uint32_t tenant, Item item) {
    if (tenant >= queues_.size()) queues_.resize(tenant + 1);
    queues_[tenant].push_back(std::move(item));
    if (queues_[tenant].size() == 1) slots_.set_waiting(tenant, true);
    ++size_;
  }

  // The next item of the tenant whose turn it is; nullopt: nobody who waits may take a slot. The slot is
  // the caller's to take.
  std::optional<Item> pop() {
    const std::optional<uint32_t> tenant = slots_.next();
    if (!tenant) return std::nullopt;
    std::deque<Item>& queue = queues_[*tenant];
    Item item = std::move(queue.front());
    queue.pop_front();
    if (queue.empty())
      slots_.set_waiting(*tenant, false);
    else
      slots_.rotate(*tenant);
    --size_;
    return item;
  }

  size_t size() const { return size_; }
  size_t size(uint32_t tenant) const { return tenant < queues_.size() ? queues_[tenant].size() : 0; }

 private:
  SlotShares& slots_;
  std::vector<std::deque<Item>> queues_;  // by tenant
  size_t size_ = 0;
};

}  // namespace pirn::scheduler
