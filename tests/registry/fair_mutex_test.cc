#include "registry/fair_mutex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace pirn::registry {
namespace {

TEST(FairMutex, IsTakenInTheOrderOfAsking) {
  FairMutex mutex;
  std::vector<int> order;  // guarded by mutex
  std::vector<std::thread> threads;
  mutex.lock();
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&, i] {
      const std::lock_guard lock(mutex);
      order.push_back(i);
    });
    while (mutex.users() < static_cast<uint64_t>(i) + 2) std::this_thread::yield();
  }
  mutex.unlock();
  mutex.lock();  // whoever has just given it back is the last in the row
  order.push_back(5);
  mutex.unlock();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(mutex.users(), 0u);
}

}  // namespace
}  // namespace pirn::registry
