#include "host/api/request_pool.h"

#include <gtest/gtest.h>

#include <latch>
#include <thread>

#include "host/api/refusal_record.h"

namespace pirn::api {
namespace {

TEST(RequestPool, ReadsNeverWaitForOtherLanes) {
  std::latch opened(1), read(1);
  RequestPool pool;
  for (const Lane lane : kAllLanes)
    if (lane != Lane::reads)
      for (const char* owner : {"a", "b", "c", "d", "e", "f", "g", "h"})
        for (int i = 0; i < 4; ++i) pool.post({lane, owner}, [&] { opened.wait(); });
  EXPECT_TRUE(pool.offer({Lane::reads, "i"}, [&] { read.count_down(); }));
  read.wait();
  opened.count_down();
}

// A refusal was counted as one that has its own record: a stop must not make it unheard of.
TEST(RequestPool, ARecordThatWaitsWhenThePoolStopsIsWrittenAfterIt) {
  const auto registry = registry::Registry::open({});
  ASSERT_TRUE(registry);
  const registry::Principal viewer{"acme", "k1", registry::Role::viewer, "", 0};
  const auto refuse = [&](const std::string& object) {
    auto record =
        (*registry)->admit_refusal(viewer, "POST /v1/x", object, Error{Code::permission_denied, "no"}, 1'000);
    EXPECT_TRUE(record);
    return *record;
  };
  const QueueKey queue{Lane::refusals, "acme"};
  RequestPool pool;
  std::latch offered(1);
  // Runs until nothing waits behind it any more, which only the stop brings about.
  pool.post(queue, [&] {
    offered.wait();
    while (pool.figures(Lane::refusals).waiting != 0) std::this_thread::yield();
  });
  write_later(pool, queue, **registry, refuse("waits"));
  offered.count_down();
  pool.stop();
  write_later(pool, queue, **registry, refuse("comes too late"));
  ASSERT_TRUE((*registry)->record_counted(INT64_MAX));
  const auto records = (*registry)->audit("acme", 0, 10);
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 1u);
  EXPECT_EQ(records->front().times, 2u);
}

TEST(RequestPool, EveryLaneLeavesAThreadForAnotherTenantThanTheOneThatFillsIt) {
  const PoolLimits limits;
  for (const Lane lane : {Lane::reads, Lane::reports, Lane::uploads, Lane::deployments}) {
    const WorkerLimits& of = limits.lanes[static_cast<size_t>(lane)];
    EXPECT_LE(2 * of.running_per_owner, of.threads) << name(lane);
  }
}

TEST(RequestPool, AnOwnersRequestsUnderWayAreLimited) {
  PoolLimits limits;
  limits.requests_per_owner = 2;
  Admission outlives;
  {
    RequestPool pool(limits);
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
