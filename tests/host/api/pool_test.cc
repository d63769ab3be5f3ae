#include "host/api/pool.h"

#include <gtest/gtest.h>

#include <latch>

namespace pirn::api {
namespace {

TEST(Pool, ReadsNeverWaitForOtherLanes) {
  std::latch opened(1), read(1);
  Pool pool;
  for (const Lane lane : kAllLanes)
    if (lane != Lane::reads)
      for (const char* owner : {"a", "b", "c", "d", "e", "f", "g", "h"})
        for (int i = 0; i < 4; ++i) pool.post({lane, owner}, [&] { opened.wait(); });
  EXPECT_TRUE(pool.offer({Lane::reads, "i"}, [&] { read.count_down(); }));
  read.wait();
  opened.count_down();
}

TEST(Pool, EveryLaneLeavesAThreadForAnotherTenantThanTheOneThatFillsIt) {
  const PoolLimits limits;
  for (const Lane lane : {Lane::reads, Lane::reports, Lane::uploads, Lane::deployments}) {
    const WorkerLimits& of = limits.lanes[static_cast<size_t>(lane)];
    EXPECT_LE(2 * of.running_per_owner, of.threads) << name(lane);
  }
}

TEST(Pool, AnOwnersRequestsUnderWayAreLimited) {
  PoolLimits limits;
  limits.requests_per_owner = 2;
  Admission outlives;
  {
    Pool pool(limits);
    Admission first = pool.admit("acme"), second = pool.admit("acme");
    ASSERT_TRUE(first && second);
    EXPECT_EQ(pool.admit("acme"), nullptr);
    EXPECT_TRUE(pool.admit("other")) << "the limit is each owner's";
    EXPECT_TRUE(pool.admit("")) << "and the operator is another";
    EXPECT_EQ(pool.requests_refused(), 1u);
    EXPECT_EQ(pool.requests_under_way(), 2u);
    const Admission copy = first;
    first.reset();
    EXPECT_EQ(pool.admit("acme"), nullptr) << "a copy holds the place";
    second.reset();
    outlives = pool.admit("acme");
    EXPECT_TRUE(outlives);
  }
  outlives.reset();
}

}  // namespace
}  // namespace pirn::api
