// The instants at which something is due. An indexed binary heap: adding, removing and taking the next are
// O(log n), and a removed timer leaves nothing behind (step timeouts are set and removed with each
// invocation, so lazy deletion would keep five minutes of dead ones). Pure: time is an argument.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace pirn::scheduler {

using TimerHandle = uint32_t;
inline constexpr TimerHandle kNoTimer = UINT32_MAX;

template <class Due>
class Timers {
 public:
  TimerHandle add(int64_t at, Due due) {
    TimerHandle handle;
    if (free_.empty()) {
      handle = static_cast<TimerHandle>(position_.size());
      position_.push_back(0);
    } else {
      handle = free_.back();
      free_.pop_back();
    }
    heap_.push_back({at, handle, std::move(due)});
    position_[handle] = heap_.size() - 1;
    up(heap_.size() - 1);
    return handle;
  }

  // Sets the handle to kNoTimer; kNoTimer itself is ignored.
  void remove(TimerHandle& handle) {
    if (handle == kNoTimer) return;
    const size_t hole = position_[handle];
    assert(heap_[hole].handle == handle);
    take_out(hole);
    handle = kNoTimer;
  }

  std::optional<int64_t> next() const {
    return heap_.empty() ? std::nullopt : std::optional<int64_t>(heap_.front().at);
  }

  // The earliest timer that is due at `now`, if there is one. Of the same instant the smaller Due comes
  // first: what happens then depends on what is due, and not on what was added and removed before.
  std::optional<Due> take_due(int64_t now) {
    if (heap_.empty() || heap_.front().at > now) return std::nullopt;
    Due due = std::move(heap_.front().due);
    take_out(0);
    return due;
  }

  size_t size() const { return heap_.size(); }

 private:
  struct Node {
    int64_t at;
    TimerHandle handle;
    Due due;
  };

  static bool before(const Node& a, const Node& b) { return a.at != b.at ? a.at < b.at : a.due < b.due; }

  void place(size_t index, Node node) {
    position_[node.handle] = index;
    heap_[index] = std::move(node);
  }

  void up(size_t index) {
    Node node = std::move(heap_[index]);
    while (index > 0 && before(node, heap_[(index - 1) / 2])) {
      place(index, std::move(heap_[(index - 1) / 2]));
      index = (index - 1) / 2;
    }
    place(index, std::move(node));
  }

  void down(size_t index) {
    Node node = std::move(heap_[index]);
    for (;;) {
      size_t child = 2 * index + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
      if (!before(heap_[child], node)) break;
      place(index, std::move(heap_[child]));
      index = child;
    }
    place(index, std::move(node));
  }

  void take_out(size_t index) {
    free_.push_back(heap_[index].handle);
    Node last = std::move(heap_.back());
    heap_.pop_back();
    if (index == heap_.size()) return;
    place(index, std::move(last));
    down(index);
    up(index);
  }

  std::vector<Node> heap_;
  std::vector<size_t> position_;  // by handle
  std::vector<TimerHandle> free_;
};

}  // namespace pirn::scheduler
