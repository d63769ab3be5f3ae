#include "host/scheduler/slot_shares.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <vector>

namespace pirn::scheduler {
namespace {

constexpr uint32_t kA = 0, kB = 1, kC = 2;

SlotShares of(size_t total) {
  SlotShares slots;
  slots.set_total(total);
  return slots;
}

// Takes slots for whoever's turn it is, until nobody may have one; how many each got.
std::map<uint32_t, uint32_t> fill(SlotShares& slots) {
  std::map<uint32_t, uint32_t> got;
  while (const auto tenant = slots.next()) {
    slots.rotate(*tenant);
    slots.take(*tenant);
    ++got[*tenant];
  }
  return got;
}

TEST(SlotShares, ATenantAloneHasAllButTheReserve) {
  SlotShares slots = of(2048);
  slots.set_waiting(kA, true);
  EXPECT_EQ(fill(slots)[kA], 1792u);
  EXPECT_EQ(slots.reserve(), 256u);
  EXPECT_DOUBLE_EQ(slots.share(kA), 1792);
}

TEST(SlotShares, WhoeverComesLateFindsTheReserve) {
  SlotShares slots = of(64);
  slots.set_waiting(kA, true);
  ASSERT_EQ(fill(slots)[kA], 56u);
  slots.set_waiting(kB, true);
  EXPECT_EQ(fill(slots), (std::map<uint32_t, uint32_t>{{kB, 8}})) << "at once, and all of the reserve";
  EXPECT_DOUBLE_EQ(slots.share(kB), 28);
  for (int i = 0; i < 20; ++i) {
    slots.give_back(kA);
    EXPECT_EQ(fill(slots), (std::map<uint32_t, uint32_t>{{kB, 1}})) << "what is freed goes to who lacks most";
  }
  for (int i = 0; i < 8; ++i) {
    slots.give_back(kA);
    EXPECT_TRUE(fill(slots).empty()) << "both have their share: the reserve fills again";
  }
  EXPECT_EQ(slots.running(kA), 28u);
  EXPECT_EQ(slots.running(kB), 28u);
  slots.give_back(kB);
  EXPECT_EQ(fill(slots), (std::map<uint32_t, uint32_t>{{kB, 1}}));
}

TEST(SlotShares, AreWeighted) {
  SlotShares slots = of(64);
  slots.set_terms(kB, {.weight = 3});
  slots.set_waiting(kA, true);
  slots.set_waiting(kB, true);
  EXPECT_EQ(fill(slots), (std::map<uint32_t, uint32_t>{{kA, 14}, {kB, 42}}));
  slots.set_terms(kA, {.weight = 3});
  EXPECT_EQ(fill(slots), (std::map<uint32_t, uint32_t>{{kA, 8}})) << "another weight counts at once";
}

// But for the reserve no slot is idle while somebody wants it.
TEST(SlotShares, WhatOthersDoNotUseIsThereForAll) {
  SlotShares slots = of(64);
  slots.set_waiting(kA, true);
  slots.take(kB);
  EXPECT_DOUBLE_EQ(slots.share(kA), 28);
  EXPECT_EQ(fill(slots)[kA], 55u);
}

TEST(SlotShares, AreNoLargerThanTheCap) {
  SlotShares slots = of(64);
  slots.set_terms(kA, {.weight = 3, .cap = 5});
  slots.set_waiting(kA, true);
  EXPECT_DOUBLE_EQ(slots.share(kA), 5);
  EXPECT_DOUBLE_EQ(slots.share(kB), 14) << "what the other would have is as before";
  slots.set_terms(kA, {.weight = 3, .cap = 60});
  EXPECT_DOUBLE_EQ(slots.share(kA), 56);
}

TEST(SlotShares, ACapHoldsWhateverIsFree) {
  SlotShares slots = of(64);
  slots.set_terms(kA, {.cap = 3});
  slots.set_waiting(kA, true);
  slots.set_waiting(kB, true);
  EXPECT_EQ(fill(slots), (std::map<uint32_t, uint32_t>{{kA, 3}, {kB, 53}}));
  EXPECT_FALSE(slots.may_take(kA));
  slots.set_terms(kA, {.cap = 4});
  EXPECT_EQ(fill(slots), (std::map<uint32_t, uint32_t>{{kA, 1}}));
  slots.set_terms(kA, {.cap = 1});
  slots.give_back(kA);
  EXPECT_FALSE(slots.may_take(kA)) << "it has more than that already";
}

TEST(SlotShares, TakeTurnsAmongEquals) {
  SlotShares slots = of(7);  // too few for a reserve
  for (const uint32_t tenant : {kC, kA, kB}) slots.set_waiting(tenant, true);
  std::vector<uint32_t> order;
  while (const auto tenant = slots.next()) {
    order.push_back(*tenant);
    slots.rotate(*tenant);
    slots.take(*tenant);
  }
  EXPECT_EQ(order, (std::vector<uint32_t>{kC, kA, kB, kC, kA, kB, kC}));
}

// More tenants than slots: each has its turn.
TEST(SlotShares, OfLessThanOneSlotKeepNobodyWaiting) {
  SlotShares slots = of(8);
  std::map<uint32_t, int> turns;
  for (uint32_t tenant = 0; tenant < 100; ++tenant) slots.set_waiting(tenant, true);
  for (int i = 0; i < 1'000; ++i) {
    const auto tenant = slots.next();
    ASSERT_TRUE(tenant);
    slots.rotate(*tenant);
    slots.take(*tenant);
    slots.give_back(*tenant);
    ++turns[*tenant];
  }
  for (const auto& [tenant, n] : turns) EXPECT_EQ(n, 10) << tenant;
}

// What may be said of every state that tenants, weights, caps and arrivals can bring about.
RC_GTEST_PROP(SlotShares, KeepWhatTheyPromise, ()) {
  struct Model {
    SlotShares::Terms terms;
    uint32_t running = 0, waiting = 0;
  };
  const auto total = *rc::gen::inRange<size_t>(1, 80);
  const auto n_tenants = *rc::gen::inRange<uint32_t>(1, 7);
  SlotShares slots;
  slots.set_total(total);
  std::vector<Model> model(n_tenants);
  const auto set_terms = [&](uint32_t tenant) {
    Model& of = model[tenant];
    of.terms.weight = *rc::gen::inRange<uint32_t>(1, 10);
    of.terms.cap = *rc::gen::arbitrary<bool>() ? SlotShares::kNoCap : *rc::gen::inRange<uint32_t>(1, 30);
    slots.set_terms(tenant, of.terms);
  };
  for (uint32_t tenant = 0; tenant < n_tenants; ++tenant) set_terms(tenant);
  const size_t reserve = total / 8;
  const auto used = [&] {
    size_t n = 0;
    for (const Model& each : model) n += each.running;
    return n;
  };
  const auto below_share = [&](const Model& of) {
    uint64_t weights = 0;
    for (const Model& each : model) weights += each.running + each.waiting > 0 ? each.terms.weight : 0;
    return of.running * weights < (total - reserve) * of.terms.weight;
  };

  for (int n = *rc::gen::inRange(0, 400); n > 0; --n) {
    const auto tenant = *rc::gen::inRange<uint32_t>(0, n_tenants);
    Model& of = model[tenant];
    switch (*rc::gen::inRange(0, 8)) {
      case 0:
        set_terms(tenant);
        break;
      case 1:
      case 2:
      case 3:
        of.waiting += *rc::gen::inRange<uint32_t>(1, 40);
        slots.set_waiting(tenant, true);
        break;
      default:
        if (of.running == 0) break;
        --of.running;
        slots.give_back(tenant);
    }
    while (const auto next = slots.next()) {
      Model& starts = model[*next];
      const size_t free = total - used();
      RC_ASSERT(starts.waiting > 0 && free > 0);
      RC_ASSERT(starts.running < starts.terms.cap);
      RC_ASSERT(below_share(starts) || free > reserve);
      for (const Model& other : model)  // nobody with fewer slots for his weight is passed by
        if (other.waiting > 0 && other.running < other.terms.cap)
          RC_ASSERT(uint64_t{starts.running} * other.terms.weight <=
                    uint64_t{other.running} * starts.terms.weight);
      slots.rotate(*next);
      if (--starts.waiting == 0) slots.set_waiting(*next, false);
      slots.take(*next);
      ++starts.running;
    }
    const size_t free = total - used();
    RC_ASSERT(slots.in_use() == used());
    for (uint32_t each = 0; each < n_tenants; ++each) {
      const Model& waits = model[each];
      RC_ASSERT(slots.running(each) == waits.running);
      if (waits.waiting == 0 || waits.running >= waits.terms.cap) continue;
      RC_ASSERT(free <= reserve);                   // no more idle than the reserve
      RC_ASSERT(free == 0 || !below_share(waits));  // and that only for those below their share
    }
  }
}

}  // namespace
}  // namespace pirn::scheduler
