#include "host/scheduler/ready_set.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <tuple>

namespace pirn::scheduler {
namespace {

RC_GTEST_PROP(ReadySet, PriorityThenWayDescendingThenRankAscending, ()) {
  ReadySet set;
  std::vector<std::tuple<int64_t, int64_t, uint32_t, uint32_t>> model;  // what goes first is least
  uint32_t rank = 0;
  for (int n = *rc::gen::inRange(0, 100); n > 0; --n) {
    if (model.empty() || *rc::gen::inRange(0, 3) < 2) {
      const auto priority = *rc::gen::elementOf(std::vector<int32_t>{INT32_MIN, -1, 0, 1, INT32_MAX});
      const uint32_t of_step = (rank * 7919u) % 1'000u;  // ranks are unique, in no order
      const auto way = *rc::gen::elementOf(std::vector<int64_t>{0, 1, INT64_MAX});
      set.push({priority, of_step, rank, way});
      model.emplace_back(-int64_t{priority}, -way, of_step, rank++);
    } else {
      const auto first = std::min_element(model.begin(), model.end());
      RC_ASSERT(set.pop() == std::get<3>(*first));
      model.erase(first);
    }
    RC_ASSERT(set.size() == model.size());
    RC_ASSERT(set.empty() == model.empty());
  }
  set.clear();
  RC_ASSERT(set.empty());
}

}  // namespace
}  // namespace pirn::scheduler
