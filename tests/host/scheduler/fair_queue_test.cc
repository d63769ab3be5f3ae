#include "host/scheduler/fair_queue.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <map>

namespace pirn::scheduler {
namespace {

using Item = std::pair<uint32_t, int>;  // tenant, number within the tenant

TEST(FairQueue, ALargeTenantKeepsNobodyWaiting) {
  FairQueue<Item> queue;
  for (int i = 0; i < 1'000; ++i) queue.push(7, {7, i});
  queue.push(2, {2, 0});
  queue.push(9, {9, 0});
  EXPECT_EQ(queue.pop(), Item(7, 0));
  EXPECT_EQ(queue.pop(), Item(2, 0));
  EXPECT_EQ(queue.pop(), Item(9, 0));
  EXPECT_EQ(queue.pop(), Item(7, 1));
  EXPECT_EQ(queue.size(), 998u);
}

TEST(FairQueue, AnItemThatComesBackGoesToTheEndOfItsTenant) {
  FairQueue<Item> queue;
  queue.push(0, {0, 1});
  queue.push(0, {0, 2});
  const Item first = queue.pop();
  queue.push(0, first);
  EXPECT_EQ(queue.pop(), Item(0, 2)) << "an execution with many ready steps keeps no other waiting";
  EXPECT_EQ(queue.pop(), Item(0, 1));
  EXPECT_TRUE(queue.empty());
}

// Nothing is lost or doubled, each tenant is first in, first out, and whoever waits is passed by each other
// tenant at most once.
RC_GTEST_PROP(FairQueue, IsFair, ()) {
  FairQueue<Item> queue;
  std::map<uint32_t, std::deque<Item>> model;
  std::map<uint32_t, std::map<uint32_t, int>> passed;  // by who waits: how often each other went since
  std::map<uint32_t, int> pushed;
  size_t size = 0;
  for (int n = *rc::gen::inRange(0, 300); n > 0; --n) {
    if (size == 0 || *rc::gen::inRange(0, 5) < 3) {
      const auto tenant = *rc::gen::inRange<uint32_t>(0, 6);
      const Item item{tenant, pushed[tenant]++};
      queue.push(tenant, item);
      if (model[tenant].empty()) passed[tenant].clear();
      model[tenant].push_back(item);
      ++size;
    } else {
      const Item item = queue.pop();
      const uint32_t tenant = item.first;
      RC_ASSERT(!model[tenant].empty());
      RC_ASSERT(model[tenant].front() == item);
      model[tenant].pop_front();
      passed[tenant].clear();
      for (auto& [other, waiting] : model)
        if (other != tenant && !waiting.empty()) RC_ASSERT(++passed[other][tenant] <= 1);
      --size;
    }
    RC_ASSERT(queue.size() == size);
    RC_ASSERT(queue.empty() == (size == 0));
  }
}

}  // namespace
}  // namespace pirn::scheduler
