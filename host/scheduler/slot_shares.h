// Who may take a slot of the runner, and whose turn it is: weighted shares of the slots, work-conserving but
// for a reserve (R71). Pure.
//
// An eighth of the slots is the reserve; the others are shared by the tenants that have something running or
// waiting, in proportion to their weights. A tenant below its share may take any free slot. Beyond its share
// it may take one only while more slots are free than the reserve has: so whoever comes late finds the
// reserve free and starts at once, however long the steps of the others run. With a cap a tenant never holds
// more slots than that.
//
// Next is the tenant with the fewest slots for its weight, of equals the one that had its turn longest ago.
// The share of every tenant is the same number of slots for each unit of weight: if the next tenant may not
// take a slot, nobody may, and nobody has to be asked but the first of a heap. Every call takes O(log
// tenants) and allocates nothing but for tenants that are new.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace pirn::scheduler {

class SlotShares {
 public:
  static constexpr uint32_t kNoCap = UINT32_MAX;
  struct Terms {
    uint32_t weight = 1;    // 1 to 1,000
    uint32_t cap = kNoCap;  // slots that the tenant may hold at most, at least 1
    bool operator==(const Terms&) const = default;
  };

  // Tenants are small dense numbers, given by the caller; a new one has the default terms.
  void set_total(size_t total) { total_ = total; }
  void set_terms(uint32_t tenant, Terms terms) {
    assert(terms.weight > 0 && terms.cap > 0);
    Tenant& of = known(tenant);
    if (of.active()) active_weight_ = active_weight_ - of.terms.weight + terms.weight;
    of.terms = terms;
    leave(of);
    if (of.eligible()) enter(tenant);
  }
  // Whether the tenant has something that wants a slot.
  void set_waiting(uint32_t tenant, bool waiting) {
    Tenant& of = known(tenant);
    if (of.waiting == waiting) return;
    if (of.running == 0) active_weight_ += waiting ? of.terms.weight : -uint64_t{of.terms.weight};
    of.waiting = waiting;
    if (!waiting)
      leave(of);
    else if (of.eligible())
      enter(tenant);
  }
  // What the caller has decided to start takes its slot, also one that may_take() would refuse.
  void take(uint32_t tenant) {
    Tenant& of = known(tenant);
    if (!of.active()) active_weight_ += of.terms.weight;
    ++of.running;
    ++in_use_;
    if (of.place == kNowhere) return;
    if (of.eligible())
      sink(of.place);
    else
      leave(of);
  }
  void give_back(uint32_t tenant) {
    Tenant& of = known(tenant);
    assert(of.running > 0);
    --of.running;
    --in_use_;
    if (!of.active()) active_weight_ -= of.terms.weight;
    if (of.place != kNowhere)
      rise(of.place);
    else if (of.eligible())
      enter(tenant);
  }

  // The waiting tenant whose turn it is; nullopt: none waits that may take a slot.
  std::optional<uint32_t> next() const {
    if (heap_.empty() || !may_take(heap_.front())) return std::nullopt;
    return heap_.front();
  }
  // The tenant has had its turn.
  void rotate(uint32_t tenant) {
    Tenant& of = known(tenant);
    of.served = ++turns_;
    if (of.place != kNowhere) sink(of.place);
  }

  // Whose turn comes first, whether they may take a slot or not.
  bool goes_before(uint32_t a, uint32_t b) const {
    const Tenant &of_a = terms_of(a), &of_b = terms_of(b);
    const uint64_t use_a = uint64_t{of_a.running} * of_b.terms.weight;
    const uint64_t use_b = uint64_t{of_b.running} * of_a.terms.weight;
    return use_a != use_b ? use_a < use_b : of_a.served < of_b.served;
  }

  bool may_take(uint32_t tenant) const {
    const Tenant& of = terms_of(tenant);
    if (of.running >= of.terms.cap || in_use_ >= total_) return false;
    return total_ - in_use_ > reserve() || below_share(of);
  }

  size_t total() const { return total_; }
  size_t in_use() const { return in_use_; }
  size_t reserve() const { return total_ / 8; }
  // Of the tenants that have something running or waiting.
  uint64_t active_weight() const { return active_weight_; }
  uint32_t running(uint32_t tenant) const { return terms_of(tenant).running; }
  Terms terms(uint32_t tenant) const { return terms_of(tenant).terms; }
  // In slots, its cap at most; of a tenant with nothing to run what it would be, if it had.
  double share(uint32_t tenant) const {
    const Tenant& of = terms_of(tenant);
    const double share =
        static_cast<double>(shared()) * of.terms.weight / static_cast<double>(weight_beside(of));
    return std::min<double>(share, of.terms.cap);
  }

 private:
  static constexpr uint32_t kNowhere = UINT32_MAX;
  struct Tenant {
    Terms terms;
    uint32_t running = 0;
    uint32_t place = kNowhere;  // in heap_
    uint64_t served = 0;        // when it had its turn last
    bool waiting = false;

    bool active() const { return waiting || running > 0; }
    bool eligible() const { return waiting && running < terms.cap; }
  };

  size_t shared() const { return total_ - reserve(); }
  uint64_t weight_beside(const Tenant& of) const {
    return active_weight_ + (of.active() ? 0 : of.terms.weight);
  }
  bool below_share(const Tenant& of) const {
    return of.running * weight_beside(of) < static_cast<uint64_t>(shared()) * of.terms.weight;
  }
  const Tenant& terms_of(uint32_t tenant) const {
    static const Tenant kNew;
    return tenant < tenants_.size() ? tenants_[tenant] : kNew;
  }
  Tenant& known(uint32_t tenant) {
    if (tenant >= tenants_.size()) tenants_.resize(tenant + 1);
    return tenants_[tenant];
  }

  // The heap. Its first is who goes next.
  void enter(uint32_t tenant) {
    Tenant& of = tenants_[tenant];
    of.served = ++turns_;
    of.place = static_cast<uint32_t>(heap_.size());
    heap_.push_back(tenant);
    rise(of.place);
  }
  void leave(Tenant& of) {
    if (of.place == kNowhere) return;
    const uint32_t place = std::exchange(of.place, kNowhere);
    const uint32_t last = heap_.back();
    heap_.pop_back();
    if (place == heap_.size()) return;
    put(place, last);
    rise(place);
    sink(tenants_[last].place);
  }

  void put(uint32_t place, uint32_t tenant) {
    heap_[place] = tenant;
    tenants_[tenant].place = place;
  }
  void exchange(uint32_t a, uint32_t b) {
    const uint32_t at_a = heap_[a];
    put(a, heap_[b]);
    put(b, at_a);
  }
  void rise(uint32_t place) {
    while (place > 0 && goes_before(heap_[place], heap_[(place - 1) / 2])) {
      exchange(place, (place - 1) / 2);
      place = (place - 1) / 2;
    }
  }
  void sink(uint32_t place) {
    for (;;) {
      uint32_t first = place;
      for (const size_t below : {2 * size_t{place} + 1, 2 * size_t{place} + 2})
        if (below < heap_.size() && goes_before(heap_[below], heap_[first]))
          first = static_cast<uint32_t>(below);
      if (first == place) return;
      exchange(place, first);
      place = first;
    }
  }

  std::vector<Tenant> tenants_;  // by number
  std::vector<uint32_t> heap_;   // those that wait and are below their cap
  size_t total_ = 0, in_use_ = 0;
  uint64_t active_weight_ = 0;
  uint64_t turns_ = 0;
};

}  // namespace pirn::scheduler
