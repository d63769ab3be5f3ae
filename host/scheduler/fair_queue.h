// Which execution may start a step next: tenants in turn, and within a tenant executions in turn, so that
// neither a tenant with a thousand executions nor an execution with a thousand ready steps keeps others
// waiting. Pure.
//
// An item is queued at most once by its owner (the engine keeps a flag in the execution); pop() and push()
// are O(1), and nothing is polled: a tenant without work is not in the ring.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace pirn::scheduler {

template <class Item>
class FairQueue {
 public:
  // Tenants are small dense numbers, given by the caller.
  void push(uint32_t tenant, Item item) {
    if (tenant >= queues_.size()) queues_.resize(tenant + 1);
    if (queues_[tenant].empty()) ring_.push_back(tenant);
    queues_[tenant].push_back(std::move(item));
    ++size_;
  }

  // The queue must not be empty. The tenant whose item this is goes to the end of the ring.
  Item pop() {
    assert(size_ > 0);
    const uint32_t tenant = ring_.front();
    ring_.pop_front();
    std::deque<Item>& queue = queues_[tenant];
    Item item = std::move(queue.front());
    queue.pop_front();
    if (!queue.empty()) ring_.push_back(tenant);
    --size_;
    return item;
  }

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

 private:
  std::vector<std::deque<Item>> queues_;  // by tenant
  std::deque<uint32_t> ring_;             // tenants with a non-empty queue, each once
  size_t size_ = 0;
};

}  // namespace pirn::scheduler
