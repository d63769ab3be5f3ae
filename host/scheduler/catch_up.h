// What a host missed while it was down, made up for at a bounded pace: so many starts a round, and a round at
// most every so often, tenants in turn (R36). A tenant whose steps wait for slots is passed over, so that
// what people start now does not wait behind what was missed; while that holds for all of them, one start
// goes through from time to time, and nobody waits for ever. Pure: time is an argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace pirn::scheduler {

struct Pace {
  size_t starts = 20;                    // of one round
  int64_t every_ns = 100'000'000;        // from one round to the next
  int64_t when_busy_ns = 1'000'000'000;  // the same while every tenant is busy; then a round is one start
};

template <class Item>
class CatchUp {
 public:
  explicit CatchUp(Pace pace) : pace_(pace) {}

  void push(uint32_t tenant, Item item) {
    lines_[tenant].push_back(std::move(item));
    ++size_;
  }

  // One round, if it is time for one; how many items were served. `busy(tenant)`: its steps wait for slots,
  // as it is before the round: what is served makes tenants busy. `serve(item)` starts one thing; true: the
  // item has more to start, and goes to the end of its tenant's line.
  template <class Busy, class Serve>
  size_t round(int64_t now, Busy busy, Serve serve) {
    if (lines_.empty() || now < next_) return 0;
    std::set<uint32_t> are_busy;
    for (const auto& [tenant, line] : lines_)
      if (busy(tenant)) are_busy.insert(tenant);
    size_t served = 0;
    for (size_t passed = 0; served < pace_.starts && passed < lines_.size();) {
      const auto line = next_line();
      if (are_busy.contains(line->first)) {
        ++passed;
        continue;
      }
      passed = 0;
      serve_front(line, serve);
      ++served;
    }
    next_ = now + (served > 0 ? pace_.every_ns : pace_.when_busy_ns);
    if (served > 0) return served;
    serve_front(next_line(), serve);
    return 1;
  }

  // When there is something to do next.
  std::optional<int64_t> next_timer() const {
    return lines_.empty() ? std::nullopt : std::optional<int64_t>(next_);
  }
  size_t size() const { return size_; }

 private:
  using Lines = std::map<uint32_t, std::deque<Item>>;

  typename Lines::iterator next_line() {
    auto line = lines_.upper_bound(last_);
    if (line == lines_.end()) line = lines_.begin();
    last_ = line->first;
    return line;
  }

  template <class Serve>
  void serve_front(typename Lines::iterator line, Serve serve) {
    Item item = std::move(line->second.front());
    line->second.pop_front();
    if (serve(item))
      line->second.push_back(std::move(item));
    else
      --size_;
    if (line->second.empty()) lines_.erase(line);
  }

  const Pace pace_;
  Lines lines_;  // by tenant; none is empty
  uint32_t last_ = UINT32_MAX;
  int64_t next_ = INT64_MIN;
  size_t size_ = 0;
};

}  // namespace pirn::scheduler
