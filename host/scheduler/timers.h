// The instants at which something is due. A binary heap. Most timers are timeouts of invocations, which are
// removed and never fire: so to remove one costs a mark, and the marked are swept when they come to the front
// or are the half of all. Pure: time is an argument.
//
// A Due must be comparable as long as it is in here, also after it was removed.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace pirn::scheduler {

using TimerHandle = uint32_t;
inline constexpr TimerHandle kNoTimer = UINT32_MAX;

template <class Item>
class Timers {
 public:
  TimerHandle add(int64_t at, Item item) {
    TimerHandle handle;
    if (free_.empty()) {
      handle = static_cast<TimerHandle>(removed_.size());
      removed_.push_back(false);
    } else {
      handle = free_.back();
      free_.pop_back();
      removed_[handle] = false;
    }
    heap_.push_back({at, handle, std::move(item)});
    std::push_heap(heap_.begin(), heap_.end(), later);
    return handle;
  }

  // Sets the handle to kNoTimer; kNoTimer itself is ignored.
  void remove(TimerHandle& handle) {
    if (handle == kNoTimer) return;
    assert(!removed_[handle]);
    removed_[handle] = true;
    ++n_removed_;
    handle = kNoTimer;
    if (n_removed_ > heap_.size() / 2) sweep();
  }

  std::optional<int64_t> next() {
    clear_front();
    return heap_.empty() ? std::nullopt : std::optional<int64_t>(heap_.front().at);
  }

  // The earliest timer that is due at `now`, if there is one. Of the same instant the smaller item comes
  // first: what happens then depends on what is due, and not on what was added and removed before.
  std::optional<Item> take_due(int64_t now) {
    clear_front();
    if (heap_.empty() || heap_.front().at > now) return std::nullopt;
    return take_front();
  }

  size_t size() const { return heap_.size() - n_removed_; }

 private:
  struct Node {
    int64_t at;
    TimerHandle handle;
    Item item;
  };

  static bool later(const Node& a, const Node& b) { return a.at != b.at ? b.at < a.at : b.item < a.item; }

  Item take_front() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Item item = std::move(heap_.back().item);
    free_.push_back(heap_.back().handle);
    heap_.pop_back();
    return item;
  }

  // Timeouts of the same length are removed from the front on: many at once are swept, few are taken out.
  void clear_front() {
    if (n_removed_ > heap_.size() / 8) return sweep();
    while (!heap_.empty() && removed_[heap_.front().handle]) {
      (void)take_front();
      --n_removed_;
    }
  }

  void sweep() {
    if (n_removed_ == 0) return;
    std::erase_if(heap_, [this](const Node& node) {
      if (removed_[node.handle]) free_.push_back(node.handle);
      return removed_[node.handle];
    });
    std::make_heap(heap_.begin(), heap_.end(), later);
    n_removed_ = 0;
  }

  std::vector<Node> heap_;
  std::vector<uint8_t> removed_;  // by handle
  std::vector<TimerHandle> free_;
  size_t n_removed_ = 0;  // that are still in the heap
};

}  // namespace pirn::scheduler
