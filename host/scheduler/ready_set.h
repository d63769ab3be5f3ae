// The ready steps of one execution, in the order in which they go: priority descending, then what lies before
// them descending, then canonical rank ascending (R60). Children share the rank of their graft and are
// numbered in their order. Pure.
#pragma once

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>

namespace pirn::scheduler {

class ReadySet {
 public:
  struct Entry {
    int32_t priority;
    uint32_t rank;
    uint32_t step;
    int64_t way = 0;  // ns to the end through this step; 0 for all: it does not count
  };

  void push(Entry entry) {
    entries_.push_back(entry);
    std::push_heap(entries_.begin(), entries_.end(), goes_later);
  }
  // The set must not be empty.
  uint32_t pop() {
    std::pop_heap(entries_.begin(), entries_.end(), goes_later);
    const uint32_t step = entries_.back().step;
    entries_.pop_back();
    return step;
  }
  // Takes this step out of its turn; false: it is not in the set.
  bool take(uint32_t step) {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return entry.step == step; });
    if (found == entries_.end()) return false;
    entries_.erase(found);
    std::make_heap(entries_.begin(), entries_.end(), goes_later);
    return true;
  }
  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }
  void clear() { entries_.clear(); }

 private:
  static bool goes_later(const Entry& a, const Entry& b) {
    if (a.priority != b.priority) return a.priority < b.priority;
    if (a.way != b.way) return a.way < b.way;
    return a.rank != b.rank ? a.rank > b.rank : a.step > b.step;
  }

  // A heap. Most executions have one ready step at a time, and it needs no memory of its own.
  boost::container::small_vector<Entry, 1> entries_;
};

}  // namespace pirn::scheduler
