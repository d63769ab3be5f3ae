// Who waits for shares of a pool, and who goes next: tenants in turn, the one that got something longest ago
// first; within a tenant by priority, where a second of waiting is worth one priority. Pure: time is an
// argument.
//
// Nobody is overtaken at a resource: who goes next and does not fit yet keeps what he waits for from all who
// come after him. So one that wants all of a pool gets it when those who have some of it are through, however
// many small ones arrive meanwhile; what is idle until then is the price. And nobody holds anything while he
// waits, so there is no circle of waiting.
//
// Of a tenant those that wait for the same things stand in one lane, in which only the first can go: what a
// look costs grows with tenants and kinds of need, not with how many wait.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "host/scheduler/resource_pool.h"

namespace pirn::scheduler {

template <class Item>
class WaitingLine {
 public:
  using Ticket = uint64_t;

  // `shares` are of different resources and in ascending order. What the pool could never give waits outside
  // of the line, where it is in nobody's way.
  Ticket push(const ResourcePool& pool, uint32_t tenant, Item item, std::vector<Share> shares,
              int32_t priority, int64_t now_ns) {
    const Ticket ticket = ++last_ticket_;
    if (!pool.could_fit(shares)) return ticket;
    std::vector<uint32_t> names;
    for (const Share& share : shares) names.push_back(share.resource);
    const Key key{now_ns - priority * kSecondPerPriority, ticket};
    places_.emplace(ticket, Place{tenant, names, key});
    lanes_[tenant][std::move(names)].emplace(key, Waiting{std::move(item), std::move(shares)});
    stuck_ = false;
    return ticket;
  }

  // Who waits no longer. One that has gone is ignored.
  void remove(Ticket ticket) {
    const auto place = places_.find(ticket);
    if (place == places_.end()) return;
    erase(place->second);
    places_.erase(place);
    stuck_ = false;
  }

  // Something was given back to the pool.
  void look_again() { stuck_ = false; }

  // The next that can go; its shares are taken. nullopt: nobody can, until something changes. A tenant that
  // may not go for a reason of its own, `may_go(tenant)`, is passed over and keeps nothing from the others.
  template <class MayGo>
  std::optional<Item> next(ResourcePool& pool, MayGo may_go) {
    if (stuck_) return std::nullopt;
    std::vector<bool> kept(pool.size());
    bool passed_over = false;
    for (const uint32_t tenant : in_turn()) {
      if (!may_go(tenant)) {
        passed_over = true;
        continue;
      }
      for (const Place& place : heads_of(tenant)) {
        const Waiting& head = lanes_[tenant][place.names].begin()->second;
        const bool passed_by = std::none_of(head.shares.begin(), head.shares.end(),
                                            [&](const Share& share) { return kept[share.resource]; });
        if (passed_by && pool.fits(head.shares)) return let_go(pool, place);
        for (const Share& share : head.shares) kept[share.resource] = true;
      }
    }
    stuck_ = !passed_over;
    return std::nullopt;
  }
  std::optional<Item> next(ResourcePool& pool) {
    return next(pool, [](uint32_t) { return true; });
  }

  // Without those that the pool could never serve.
  size_t size() const { return places_.size(); }

 private:
  static constexpr int64_t kSecondPerPriority = 1'000'000'000;

  struct Key {
    int64_t since;  // as if it had come so much earlier or later
    Ticket ticket;
    auto operator<=>(const Key&) const = default;
  };
  struct Waiting {
    Item item;
    std::vector<Share> shares;
  };
  using Names = std::vector<uint32_t>;
  struct Place {
    uint32_t tenant;
    Names names;
    Key key;
  };
  using Lane = std::map<Key, Waiting>;

  std::vector<uint32_t> in_turn() const {
    std::vector<uint32_t> tenants;
    for (const auto& [tenant, lanes] : lanes_) tenants.push_back(tenant);
    const auto served = [&](uint32_t tenant) { return tenant < served_.size() ? served_[tenant] : 0; };
    std::stable_sort(tenants.begin(), tenants.end(),
                     [&](uint32_t a, uint32_t b) { return served(a) < served(b); });
    return tenants;
  }

  // The first of each lane, in the order in which they go.
  std::vector<Place> heads_of(uint32_t tenant) const {
    std::vector<Place> heads;
    for (const auto& [names, lane] : lanes_.at(tenant)) heads.push_back({tenant, names, lane.begin()->first});
    std::sort(heads.begin(), heads.end(), [](const Place& a, const Place& b) { return a.key < b.key; });
    return heads;
  }

  Item let_go(ResourcePool& pool, const Place& place) {
    Waiting& waiting = lanes_[place.tenant][place.names].begin()->second;
    pool.take(waiting.shares);
    Item item = std::move(waiting.item);
    if (served_.size() <= place.tenant) served_.resize(place.tenant + 1);
    served_[place.tenant] = ++turns_;
    places_.erase(place.key.ticket);
    erase(place);
    return item;
  }

  void erase(const Place& place) {
    auto& of_tenant = lanes_[place.tenant];
    Lane& lane = of_tenant[place.names];
    lane.erase(place.key);
    if (lane.empty()) of_tenant.erase(place.names);
    if (of_tenant.empty()) lanes_.erase(place.tenant);
  }

  std::map<uint32_t, std::map<Names, Lane>> lanes_;  // by tenant; none is empty
  std::unordered_map<Ticket, Place> places_;
  std::vector<uint64_t> served_;  // by tenant: when it got something last
  uint64_t turns_ = 0;
  Ticket last_ticket_ = 0;
  bool stuck_ = false;  // nobody could go when somebody looked last
};

}  // namespace pirn::scheduler
