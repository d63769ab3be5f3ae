#include "host/scheduler/slot_queue.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <map>

namespace pirn::scheduler {
namespace {

using Item = std::pair<uint32_t, int>;  // tenant, number within the tenant

struct Queue {
  explicit Queue(size_t total) { slots.set_total(total); }
  std::optional<Item> start() {
    const auto item = queue.pop();
    if (item) slots.take(item->first);
    return item;
  }

  SlotShares slots;
  SlotQueue<Item> queue{slots};
};

TEST(SlotQueue, ALargeTenantKeepsNobodyWaiting) {
  Queue of(2048);
  for (int i = 0; i < 1'000; ++i) of.queue.push(7, {7, i});
  of.queue.push(2, {2, 0});
  of.queue.push(9, {9, 0});
  EXPECT_EQ(of.start(), Item(7, 0));
  EXPECT_EQ(of.start(), Item(2, 0));
  EXPECT_EQ(of.start(), Item(9, 0));
  EXPECT_EQ(of.start(), Item(7, 1));
  EXPECT_EQ(of.queue.size(), 998u);
  EXPECT_EQ(of.queue.size(7), 998u);
  EXPECT_EQ(of.queue.size(2), 0u);
}

TEST(SlotQueue, AnItemThatComesBackGoesToTheEndOfItsTenant) {
  Queue of(8);
  of.queue.push(0, {0, 1});
  of.queue.push(0, {0, 2});
  const Item first = *of.queue.pop();
  of.queue.push(0, first);
  EXPECT_EQ(of.queue.pop(), Item(0, 2)) << "an execution with many ready steps keeps no other waiting";
  EXPECT_EQ(of.queue.pop(), Item(0, 1));
  EXPECT_EQ(of.queue.pop(), std::nullopt);
}

TEST(SlotQueue, WithoutASlotNothingGoes) {
  Queue of(1);
  of.queue.push(0, {0, 1});
  of.queue.push(0, {0, 2});
  EXPECT_EQ(of.start(), Item(0, 1));
  EXPECT_EQ(of.start(), std::nullopt);
  of.slots.give_back(0);
  EXPECT_EQ(of.start(), Item(0, 2));
}

// Nothing is lost or doubled, and each tenant is first in, first out.
RC_GTEST_PROP(SlotQueue, LosesNothing, ()) {
  Queue of(*rc::gen::inRange<size_t>(1, 20));
  std::map<uint32_t, std::deque<Item>> model;
  std::map<uint32_t, int> pushed, running;
  size_t size = 0;
  for (int n = *rc::gen::inRange(0, 300); n > 0; --n) {
    const auto tenant = *rc::gen::inRange<uint32_t>(0, 6);
    switch (*rc::gen::inRange(0, 3)) {
      case 0: {
        const Item item{tenant, pushed[tenant]++};
        of.queue.push(tenant, item);
        model[tenant].push_back(item);
        ++size;
        break;
      }
      case 1:
        if (const auto item = of.start()) {
          RC_ASSERT(!model[item->first].empty());
          RC_ASSERT(model[item->first].front() == *item);
          model[item->first].pop_front();
          ++running[item->first];
          --size;
        }
        break;
      default:
        if (running[tenant] == 0) break;
        --running[tenant];
        of.slots.give_back(tenant);
    }
    RC_ASSERT(of.queue.size() == size);
    RC_ASSERT(of.queue.size(tenant) == model[tenant].size());
  }
}

}  // namespace
}  // namespace pirn::scheduler
