// What every store promises about maintenance: what is old is found and removed, and nothing else.
#include "tests/host/store/conformance.h"

namespace pirn::store {
namespace {

class Maintenance : public Conformance {};

// Ended `ended_at` after noon; of the root's family when there is one.
StoredExecution ended(ExecutionId id, int64_t ended_at, ExecutionId root = {}) {
  StoredExecution row = execution(id, 1, "completed");
  row.ended_at = kNoon + ended_at;
  row.body = root ? "{\"root\":\"" + root.text() + "\",\"trigger\":\"manual\"}"
                  : "{\"trigger\":\"manual\",\"input\":{\"root\":\"" + id_at(1).text() + "\"}}";
  return row;
}

TEST_P(Maintenance, FindsAndRemovesWhatIsOld) {
  const ExecutionId open = id_at(1), part = id_at(2), young = id_at(3), part_of_young = id_at(4);
  write(Batch().commit(open, 1).row(execution(open)).commit(part, 1).row(ended(part, 10, open)));
  write(Batch().commit(young, 1));  // open, and not in the projection yet
  write(Batch().commit(part_of_young, 1).row(ended(part_of_young, 20, young)));
  for (int64_t i = 5; i <= 9; ++i) {
    StoredExecution row = ended(id_at(i), i * 10);
    row.key = std::to_string(i);
    if (i == 9) row.workflow = "hourly";
    if (i == 8) row.tenant = "blue";
    write(Batch().commit(id_at(i), 1).commit(id_at(i), 2).row(row));
  }
  const auto ids = [&](const Old& old, size_t limit = 100) {
    const auto found = store().old(old, limit);
    EXPECT_TRUE(found) << describe(found.error());
    std::vector<ExecutionId> all = found ? *found : std::vector<ExecutionId>();
    return all;
  };
  using Ids = std::vector<ExecutionId>;
  EXPECT_EQ(ids({}), (Ids{id_at(5), id_at(6), id_at(7), id_at(8), id_at(9)}))
      << "what users call root is none";
  EXPECT_EQ(ids({}, 2), (Ids{id_at(5), id_at(6)}));
  EXPECT_EQ(ids({.ended_before = kNoon + 70}), (Ids{id_at(5), id_at(6)}));
  EXPECT_EQ(ids({.tenant = "blue"}), Ids{id_at(8)});
  EXPECT_EQ(ids({.workflow = "hourly"}), Ids{id_at(9)});
  EXPECT_EQ(ids({.tenant = "acme", .keep_last = 1}), (Ids{id_at(5), id_at(6)}));

  EXPECT_EQ(store().counts()->size(), 3u);
  const Ids wanted = {id_at(5), open, id_at(7)};
  ASSERT_TRUE(store().remove(wanted));
  EXPECT_EQ(text_of(store().find("acme", id_at(5))), "none");
  EXPECT_TRUE(store().journal(id_at(5), 0, 10)->empty());
  EXPECT_EQ(text_of(store().find_by_key("acme", "7")), "none");
  EXPECT_TRUE(*store().find("acme", open)) << "what is open stays";
  EXPECT_EQ(store().journal(id_at(6), 0, 10)->size(), 2u);
  EXPECT_TRUE(*store().find_by_key("acme", "6"));
  write(Batch().commit(id_at(10), 1).row(ended(id_at(10), 100)));  // and it goes on
  EXPECT_EQ(store().stats()->executions, 7u);
}

// A retry may have to roll back what it adopted: the nested executions of what it was made from, and of what
// that was made from.
TEST_P(Maintenance, KeepsWhatAnOpenRetryHasAdopted) {
  const ExecutionId first = id_at(1), part = id_at(2), second = id_at(3), retry = id_at(4), other = id_at(5);
  const auto retry_of = [](ExecutionId id) {
    return "\"retry_of\":\"" + id.text() + "\",\"trigger\":\"retry\"";
  };
  StoredExecution again = ended(second, 30);
  again.body = "{" + retry_of(first) + "}";
  write(Batch().commit(first, 1).row(ended(first, 10)).commit(part, 1).row(ended(part, 10, first)));
  write(Batch().commit(second, 1).row(again).commit(other, 1).row(ended(other, 40)));
  using Ids = std::vector<ExecutionId>;
  EXPECT_EQ(*store().old({}, 100), (Ids{first, part, second, other}));
  write(Batch().commit(retry, 1, "{\"at\":1,\"events\":[{" + retry_of(second) + "}]}"));
  EXPECT_EQ(*store().old({}, 100), Ids{other}) << "it has no row yet";
  StoredExecution row = execution(retry);
  row.body = "{" + retry_of(second) + "}";
  write(Batch().row(row));
  EXPECT_EQ(*store().old({}, 100), Ids{other});
  row.open = false;
  row.state = "failed";
  write(Batch().commit(retry, 2).row(row));
  EXPECT_EQ(store().old({}, 100)->size(), 5u);
}

TEST_P(Maintenance, RemovesThePastOfTenants) {
  const ExecutionId stream{7};
  for (uint32_t n = 1; n <= 5; ++n) {
    Batch batch;
    batch.commit(stream, n, "{\"at\":" + std::to_string(n * 10) + ",\"events\":[]}");
    if (n == 4) batch.tenant(stream, 4, "acme", "{}");
    write(batch);
  }
  write(Batch().event("acme", "old", 10, "{}").event("acme", "new", 50, "{}").event("blue", "old", 10, "{}"));
  EXPECT_EQ(store().stats()->event_ids, 3u);
  const TenantPast past{"acme", 1'000, 50};
  EXPECT_EQ(store().tenant_past(past)->commits, 4u);
  EXPECT_EQ(store().tenant_past(past)->events, 1u);
  TenantPastSize all;
  for (;;) {
    const auto removed = store().remove_tenant_past(past, 3);
    ASSERT_TRUE(removed);
    if (removed->commits + removed->events == 0) break;
    all.commits += removed->commits;
    all.events += removed->events;
  }
  EXPECT_EQ(all.commits, 4u);
  EXPECT_EQ(all.events, 1u);
  EXPECT_EQ(store().journal(stream, 0, 10)->front().commit_no, 5u) << "its row does not include it yet";
  EXPECT_FALSE(*store().find_event("acme", "old"));
  EXPECT_TRUE(*store().find_event("blue", "old"));
  write(Batch().commit(stream, 6));
  EXPECT_EQ(store().stats()->tenant_rows, 2u);
}

INSTANTIATE_TEST_SUITE_P(
    Stores, Maintenance,
    ::testing::Values(
        Kind{"Memory", []() -> std::unique_ptr<Place> { return std::make_unique<MemoryPlace>(); }},
        Kind{"Sqlite", []() -> std::unique_ptr<Place> { return std::make_unique<SqlitePlace>(); }}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace pirn::store
