// What every store promises (host/store/store.h), asked of each of them.
#include "tests/host/store/conformance.h"

namespace pirn::store {
namespace {

TEST_P(Conformance, AnEmptyStoreAnswers) {
  EXPECT_EQ(text_of(store().find("acme", id_at(1))), "none");
  EXPECT_EQ(text_of(store().find_by_key("acme", "k")), "none");
  EXPECT_TRUE(ids_of(store().list(filter())).empty());
  EXPECT_TRUE(numbers_of(store().journal(id_at(1), 0, 10)).empty());
  EXPECT_EQ(recover(store()), Recovered());
  EXPECT_EQ(*store().last_id(), ExecutionId());
  EXPECT_EQ(store().stats()->journal_rows, 0u);
  EXPECT_TRUE(Batch().to(store())) << "an empty change is one, too";
}

TEST_P(Conformance, EachOpeningTakesTheNextEpochAndFencesTheOneBefore) {
  const Epoch first = store().epoch();
  EXPECT_GE(first, 1u);
  std::unique_ptr<Store> zombie = std::move(store_);
  store_ = place_->open();
  EXPECT_EQ(store().epoch(), first + 1);

  write(Batch().commit(id_at(1), 1));
  const Status refused = Batch().commit(id_at(1), 2).to(*zombie);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::store_fenced);
  EXPECT_EQ(numbers_of(store().journal(id_at(1), 0, 10)), (std::vector<uint32_t>{1}));
  write(Batch().commit(id_at(1), 2));

  zombie.reset();
  reopen();
  EXPECT_EQ(store().epoch(), first + 2);
}

TEST_P(Conformance, AChangeOfAnotherEpochIsRefused) {
  const Status refused =
      Batch().commit(id_at(1), 1).to(store(), Lease{store().lease().owner, store().epoch() + 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::store_fenced);
  EXPECT_TRUE(numbers_of(store().journal(id_at(1), 0, 10)).empty());
}

TEST_P(Conformance, AChangeOfAnotherOwnerIsRefusedAlsoInTheSameEpoch) {
  const Status refused =
      Batch().commit(id_at(1), 1).to(store(), Lease{store().lease().owner + 1, store().epoch()});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::store_fenced);
  EXPECT_TRUE(numbers_of(store().journal(id_at(1), 0, 10)).empty());
}

TEST_P(Conformance, TheJournalOfAStreamIsReadInPages) {
  Batch batch;
  for (uint32_t n = 1; n <= 20; ++n)
    batch.commit(id_at(1), n, "a" + std::to_string(n)).commit(id_at(2), n, "b" + std::to_string(n));
  write(batch);
  for (uint32_t n = 21; n <= 40; ++n) write(Batch().commit(id_at(1), n, "a" + std::to_string(n), 7));

  EXPECT_EQ(numbers_of(store().journal(id_at(1), 0, 3)), (std::vector<uint32_t>{1, 2, 3}));
  EXPECT_EQ(numbers_of(store().journal(id_at(1), 38, 100)), (std::vector<uint32_t>{39, 40}));
  EXPECT_TRUE(numbers_of(store().journal(id_at(1), 40, 100)).empty());
  EXPECT_TRUE(numbers_of(store().journal(id_at(1), 0, 0)).empty());
  EXPECT_EQ(numbers_of(store().journal(id_at(2), 18, 100)), (std::vector<uint32_t>{19, 20}));
  EXPECT_TRUE(numbers_of(store().journal({UINT64_MAX}, 0, 100)).empty());

  const auto page = store().journal(id_at(1), 20, 1);
  ASSERT_EQ(page->size(), 1u);
  EXPECT_EQ(text_of(page->front()), id_at(1).text() + "/21/7 a21");
}

TEST_P(Conformance, BodiesComeBackByteForByte) {
  using namespace std::string_literals;
  const std::string strange = "{\"a\":\"\0'\"; DROP TABLE journal; -- \xF0\x9F\xA7\xB5\n\"}"s;
  const std::string large(3 << 20, 'x');
  StoredExecution row = execution(id_at(1), 3);
  row.body = large + strange;
  write(Batch().commit(id_at(1), 1, strange).commit(id_at(1), 2, large).commit(id_at(1), 3, "").row(row));
  for (int round = 0; round < 2; ++round) {
    const auto commits = store().journal(id_at(1), 0, 10);
    ASSERT_EQ(commits->size(), 3u);
    EXPECT_EQ((*commits)[0].body, strange);
    EXPECT_TRUE((*commits)[1].body == large);
    EXPECT_EQ((*commits)[2].body, "");
    EXPECT_TRUE((*store().find("acme", id_at(1)))->body == large + strange);
    reopen();
  }
}

TEST_P(Conformance, ABodyAboveTheLimitIsRefusedAndNotCut) {
  const size_t size = kBodyLimit + 1;
  void* const memory = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const JournalRow row{id_at(1), 1, 1, {static_cast<const char*>(memory), size}};
  const Status refused = store().commit({store().lease(), {&row, 1}, {}, false});
  munmap(memory, size);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::too_large);
  reopen();
  EXPECT_TRUE(numbers_of(store().journal(id_at(1), 0, 10)).empty());
}

TEST_P(Conformance, AnExecutionIsFoundByItsOwnTenantOnly) {
  StoredExecution row = execution(id_at(1), 4, "completed");
  row.version = "2.1.0-rc.1";
  row.key = "2024-06-01";
  row.release = sha256("release");
  row.input_digest = sha256("input");
  row.started_at = kNoon + 5;
  row.ended_at = kNoon + 9;
  write(Batch().row(row));
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(text_of(store().find("acme", row.id)), text_of(row));
    EXPECT_EQ(text_of(store().find_by_key("acme", "2024-06-01")), text_of(row));
    EXPECT_EQ(text_of(store().find("other", row.id)), "none");
    EXPECT_EQ(text_of(store().find_by_key("other", "2024-06-01")), "none");
    EXPECT_EQ(text_of(store().find("acme", id_at(2))), "none");
    EXPECT_EQ(text_of(store().find("acme", {UINT64_MAX})), "none");
    reopen();
  }
}

TEST_P(Conformance, ARowIsReplacedAsAWhole) {
  StoredExecution row = execution(id_at(1), 1, "pending");
  row.key = "k";
  write(Batch().row(row));
  row = execution(id_at(1), 9, "failed");
  row.key = "k";
  row.ended_at = kNoon;
  row.body = "{}";
  write(Batch().row(row));
  EXPECT_EQ(text_of(store().find("acme", row.id)), text_of(row));
  EXPECT_EQ(store().stats()->executions, 1u);
  EXPECT_EQ(store().stats()->open_executions, 0u);
}

TEST_P(Conformance, AStartKeyBelongsToOneExecutionOfATenant) {
  const auto with_key = [](ExecutionId id, std::string tenant, std::string key) {
    StoredExecution row = execution(id, 1, "running", std::move(tenant));
    row.key = std::move(key);
    return row;
  };
  write(Batch()
            .row(with_key(id_at(1), "acme", "k"))
            .row(with_key(id_at(2), "other", "k"))
            .row(with_key(id_at(3), "acme", ""))
            .row(with_key(id_at(4), "acme", "")));
  EXPECT_EQ((*store().find_by_key("acme", "k"))->id, id_at(1));
  EXPECT_EQ((*store().find_by_key("other", "k"))->id, id_at(2));
  EXPECT_EQ(text_of(store().find_by_key("acme", "")), "none");

  EXPECT_FALSE(Batch().commit(id_at(5), 1).row(with_key(id_at(5), "acme", "k")).to(store()));
  reopen();
  EXPECT_TRUE(numbers_of(store().journal(id_at(5), 0, 10)).empty())
      << "nothing of the refused change is there";
  EXPECT_EQ((*store().find_by_key("acme", "k"))->id, id_at(1));
  EXPECT_FALSE(
      Batch().row(with_key(id_at(6), "acme", "twice")).row(with_key(id_at(7), "acme", "twice")).to(store()));
  reopen();
  EXPECT_EQ(text_of(store().find_by_key("acme", "twice")), "none");
}

TEST_P(Conformance, ListsAreNewestFirstAndPaged) {
  std::vector<ExecutionId> expected;
  for (int64_t i = 0; i < 50; ++i) {
    // Rows arrive in the order in which executions end, not in which they start.
    const ExecutionId id = id_at((i * 17) % 50);
    write(Batch().row(execution(id, 1, "completed")).row(execution({id.value + 1}, 1, "completed", "other")));
    expected.push_back(id_at(49 - i));
  }
  EXPECT_EQ(ids_of(store().list(filter())), expected);

  std::vector<ExecutionId> paged;
  ExecutionFilter page = filter(7);
  while (true) {
    const std::vector<ExecutionId> ids = ids_of(store().list(page));
    if (ids.empty()) break;
    EXPECT_LE(ids.size(), 7u);
    paged.insert(paged.end(), ids.begin(), ids.end());
    page.before = ids.back();
  }
  EXPECT_EQ(paged, expected);

  page.before = {UINT64_MAX};
  EXPECT_EQ(ids_of(store().list(page)).front(), expected.front());
  page.tenant = "nobody";
  EXPECT_TRUE(ids_of(store().list(page)).empty());
  EXPECT_TRUE(ids_of(store().list(filter(0))).empty());
}

TEST_P(Conformance, ListsAreFiltered) {
  const char* const states[] = {"pending", "running", "stopping", "completed", "failed", "cancelled"};
  constexpr int64_t kMinute = 60'000, kHours3 = 180 * kMinute;
  for (int64_t i = 0; i < 36; ++i) {
    StoredExecution row = execution(id_at(i * kHours3), 1, states[i % 6]);
    if (i % 2 == 0) row.package = "report";
    if (i % 3 == 0) row.workflow = "weekly";
    write(Batch().row(row));
  }
  const auto matching = [&](const ExecutionFilter& wanted) {
    ExecutionFilter all = filter(1'000);
    all.tenant = wanted.tenant;
    std::vector<ExecutionId> ids;
    const auto rows = store().list(all);
    for (const StoredExecution& row : *rows)
      if ((wanted.package.empty() || wanted.package == row.package) &&
          (wanted.workflow.empty() || wanted.workflow == row.workflow) &&
          (wanted.states.empty() || std::count(wanted.states.begin(), wanted.states.end(), row.state) != 0) &&
          row.created_at >= wanted.since && (!wanted.before || row.id < wanted.before))
        ids.push_back(row.id);
    return ids;
  };
  const std::vector<std::vector<std::string>> state_sets = {{},
                                                            {"running"},
                                                            {"pending", "running"},
                                                            {"failed"},
                                                            {"failed", "cancelled"},
                                                            {"completed"},
                                                            {"running", "failed"},
                                                            {"no"}};
  size_t found = 0;
  for (const std::vector<std::string>& set : state_sets)
    for (const char* package : {"", "report", "no"})
      for (const char* workflow : {"", "weekly"})
        for (const int64_t since :
             {int64_t{0}, kNoon + 7 * kHours3 * kMs, kNoon + 7 * kHours3 * kMs + 1, INT64_MAX})
          for (const ExecutionId before : {ExecutionId(), id_at(20 * kHours3)}) {
            ExecutionFilter wanted = filter(1'000);
            wanted.states = set;
            wanted.package = package;
            wanted.workflow = workflow;
            wanted.since = since;
            wanted.before = before;
            const std::vector<ExecutionId> ids = ids_of(store().list(wanted));
            EXPECT_EQ(ids, matching(wanted));
            found += ids.size();
          }
  EXPECT_GT(found, 500u) << "the filters found something to compare";
}

TEST_P(Conformance, RecoveryYieldsOpenRowsAndTheCommitsTheyDoNotInclude) {
  write(Batch().commit(id_at(1), 1, "one").commit(id_at(2), 1).commit(id_at(3), 1));
  EXPECT_EQ(recover(store()).commits.size(), 3u) << "without a watermark: everything";

  write(Batch()
            .commit(id_at(1), 2)
            .commit(id_at(3), 2)
            .row(execution(id_at(1), 2))
            .row(execution(id_at(2), 1))
            .row(execution(id_at(3), 2))
            .complete());
  const StoredExecution parked = execution(id_at(4), 2);
  write(Batch().commit(id_at(1), 3, "beyond").commit(id_at(4), 1, "before its row"));
  write(Batch()
            .commit(id_at(3), 3)
            .row(execution(id_at(3), 3, "completed")));  // it ends: commit 3 is of no use
  write(Batch().commit(id_at(4), 2, "in its row").row(parked).commit(id_at(1), 4, "last"));
  write(Batch().commit(id_at(4), 3, "after its row").commit(id_at(5), 1, "no row yet"));

  const Recovered expected{
      {text_of(execution(id_at(1), 2)), text_of(execution(id_at(2), 1)), text_of(parked)},
      {id_at(1).text() + "/3/1 beyond", id_at(1).text() + "/4/1 last", id_at(4).text() + "/3/1 after its row",
       id_at(5).text() + "/1/1 no row yet"}};
  EXPECT_EQ(recover(store()), expected);
  reopen();
  EXPECT_EQ(recover(store()), expected);
  write(
      Batch().row(execution(id_at(1), 4)).row(execution(id_at(4), 3)).row(execution(id_at(5), 1)).complete());
  reopen();
  EXPECT_TRUE(recover(store()).commits.empty());
  EXPECT_EQ(recover(store()).executions.size(), 4u);
  EXPECT_EQ(*store().last_id(), id_at(5));
  EXPECT_EQ(*store().newest_instant(), 0) << "no body has one";
  write(Batch().commit(id_at(4), 100, "{\"at\":40,\"events\":[]}"));
  EXPECT_EQ(*store().newest_instant(), 40);
}

std::string text_of(const StoredTenant& row) {
  return row.stream.text() + "/" + std::to_string(row.commit_no) + " " + row.tenant + " " + row.body;
}

TEST_P(Conformance, ATenantsStreamIsRecoveredFromItsRowAndTheCommitsBehindIt) {
  const ExecutionId first{1}, second{2}, run = id_at(0);
  ASSERT_TRUE(Batch()
                  .commit(first, 1, "a1")
                  .commit(second, 1, "b1")
                  .commit(run, 1, "r1")
                  .tenant(first, 1, "acme", "{\"n\":1}")
                  .to(store()));
  ASSERT_TRUE(Batch()
                  .commit(first, 2, "a2")
                  .commit(first, 3, "a3")
                  .tenant(first, 2, "acme", "{\"n\":2}")
                  .to(store()));
  reopen();
  const auto rows = store().tenants();
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ(text_of(rows->front()), first.text() + "/2 acme {\"n\":2}");
  std::vector<std::string> commits;
  ASSERT_TRUE(store().recover([](StoredExecution) -> Status { return {}; },
                              [&](StoredCommit commit) -> Status {
                                commits.push_back(commit.body);
                                return {};
                              }));
  EXPECT_EQ(commits, (std::vector<std::string>{"b1", "r1", "a3"}));
  EXPECT_EQ(numbers_of(store().journal(first, 0, 10)), (std::vector<uint32_t>{1, 2, 3}));
  EXPECT_EQ(*store().last_id(), run);

  const auto found = store().find_tenant("acme");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->stream, first);
  const auto missing = store().find_tenant("acm");
  ASSERT_TRUE(missing);
  EXPECT_FALSE(*missing);
}

TEST_P(Conformance, AnEventIsKeptOnceForEachTenant) {
  ASSERT_TRUE(Batch().event("acme", "e-1", 7, "[]").event("globex", "e-1", 8, "[1]").to(store()));
  reopen();
  const auto ours = store().find_event("acme", "e-1"), theirs = store().find_event("globex", "e-1"),
             none = store().find_event("acme", "e-2");
  ASSERT_TRUE(ours && *ours && theirs && *theirs && none);
  EXPECT_EQ((*ours)->at, 7);
  EXPECT_EQ((*ours)->body, "[]");
  EXPECT_EQ((*theirs)->body, "[1]");
  EXPECT_FALSE(*none);
  // The engine asks first: a second one is a bug, and nothing of its change is kept.
  EXPECT_FALSE(Batch().commit(id_at(1), 1).event("acme", "e-1", 9, "[2]").to(store()));
  reopen();
  EXPECT_EQ(numbers_of(store().journal(id_at(1), 0, 10)), std::vector<uint32_t>{});
  EXPECT_EQ((**store().find_event("acme", "e-1")).at, 7);
}

TEST_P(Conformance, ACallbacksErrorEndsTheRecovery) {
  write(Batch().commit(id_at(1), 1).commit(id_at(1), 2).row(execution(id_at(2))).row(execution(id_at(3))));
  int calls = 0;
  const Error stop{Code::internal, "enough"};
  const Status rows = store().recover([&](StoredExecution) -> Status { return ++calls, stop; },
                                      [&](StoredCommit) -> Status { return ++calls, Status(); });
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().message, "enough");
  EXPECT_EQ(calls, 1);
  const Status commits = store().recover([](StoredExecution) { return Status(); },
                                         [&](StoredCommit) -> Status { return ++calls, stop; });
  ASSERT_FALSE(commits);
  EXPECT_EQ(calls, 2);
  write(Batch().commit(id_at(1), 3));
}

TEST_P(Conformance, AFailedCommitLeavesNothingAndEndsTheStore) {
  write(Batch().commit(id_at(1), 1).commit(id_at(1), 2).row(execution(id_at(1), 2)));
  const Recovered before = recover(store());
  Batch bad;
  bad.commit(id_at(2), 1).commit(id_at(1), 3).row(execution(id_at(3))).complete();
  bad.commit(id_at(1), 2);  // exists
  const Status refused = bad.to(store());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::store_failed);
  EXPECT_EQ(text_of(store().find("acme", id_at(3))), "none");
  EXPECT_EQ(numbers_of(store().journal(id_at(1), 0, 10)), (std::vector<uint32_t>{1, 2}));
  EXPECT_TRUE(numbers_of(store().journal(id_at(2), 0, 10)).empty());

  const Status later = Batch().commit(id_at(4), 1).to(store());
  ASSERT_FALSE(later) << "a store that failed takes nothing more";
  EXPECT_EQ(later.error().message, refused.error().message);
  const auto idle = store().maintain();
  ASSERT_FALSE(idle) << "and says so when nothing is asked of it";
  EXPECT_EQ(idle.error().message, refused.error().message);

  reopen();
  EXPECT_EQ(recover(store()), before);
  write(Batch().commit(id_at(1), 3));
}

TEST_P(Conformance, IdleTimeHasNoMoreToDoThanThereIs) {
  write(Batch().commit(id_at(1), 1));
  const auto more = store().maintain();
  ASSERT_TRUE(more) << describe(more.error());
  EXPECT_FALSE(*more);
}

TEST_P(Conformance, StatsCount) {
  write(Batch().commit(id_at(1), 1).commit(id_at(2), 1).row(execution(id_at(1))));
  write(Batch().commit(id_at(1), 2).row(execution(id_at(2), 2, "failed")));
  const auto stats = store().stats();
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->journal_rows, 3u);
  EXPECT_EQ(stats->executions, 2u);
  EXPECT_EQ(stats->open_executions, 1u);
  EXPECT_EQ(stats->commits, 2u);
  EXPECT_GT(stats->size_bytes, 0u);
}

// Each change moves two executions and their journals in step; a reader that finds them apart saw half a
// change.
TEST_P(Conformance, ReadersSeeWholeCommitsWhileTheWriterWorks) {
  constexpr uint32_t kCommits = 300, kMostCommits = 50'000;
  constexpr uint64_t kReads = 60;
  write(Batch()
            .commit(id_at(1), 1)
            .commit(id_at(1), 2)
            .row(execution(id_at(1), 1))
            .row(execution(id_at(2), 1)));
  std::atomic<bool> done = false;
  std::atomic<uint64_t> reads = 0, problems = 0;
  const auto read = [&] {
    uint32_t newest = 0;
    do {
      const auto rows = store().list(filter());
      const auto commits = store().journal(id_at(1), newest, 1'000'000);
      const bool whole = rows && rows->size() == 2 && (*rows)[0].commit_no == (*rows)[1].commit_no &&
                         commits && (newest + commits->size()) % 2 == 0 &&
                         (newest + commits->size()) / 2 >= (*rows)[0].commit_no;
      const bool forward = whole && (*rows)[0].commit_no >= newest;
      if (forward) newest = (*rows)[0].commit_no;
      problems += forward ? 0 : 1;
      ++reads;
    } while (!done);
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < 6; ++i) readers.emplace_back(read);
  for (uint32_t n = 2; n <= kCommits || (reads < kReads && n < kMostCommits); ++n) {
    Batch batch;
    batch.commit(id_at(1), 2 * n - 1)
        .commit(id_at(1), 2 * n)
        .row(execution(id_at(1), n))
        .row(execution(id_at(2), n));
    if (const Status status = batch.to(store()); !status) {
      ADD_FAILURE() << describe(status.error());
      break;
    }
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(problems, 0u);
  EXPECT_GE(reads, kReads);
}

// The same random changes to every kind of store, and to one that is opened again after each: one answer.
TEST(Stores, AgreeOnRandomChanges) {
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    std::mt19937 random(seed);
    MemoryPlace memory_place;
    SqlitePlace sqlite_place;
    std::unique_ptr<Store> memory = memory_place.open(), sqlite = sqlite_place.open();
    std::vector<uint32_t> last(12, 0);
    std::vector<bool> closed(12, false);
    for (int turn = 0; turn < 30; ++turn) {
      Batch batch;
      for (int i = 0; i < 8; ++i) {
        const size_t which = random() % last.size();
        if (closed[which]) continue;
        const ExecutionId id = id_at(static_cast<int64_t>(which / 2) * 1'000, which);
        batch.commit(id, ++last[which], std::to_string(random()));
        closed[which] = random() % 12 == 0;
        if (closed[which] || random() % 4 == 0) {
          StoredExecution row = execution(id, last[which], closed[which] ? "cancelled" : "running",
                                          which % 3 == 0 ? "acme" : "b");
          row.key = which % 4 == 0 ? std::to_string(which) : "";
          batch.row(row);
        }
      }
      ASSERT_TRUE(batch.to(*memory));
      ASSERT_TRUE(batch.to(*sqlite));
      if (random() % 5 == 0) {
        sqlite.reset();
        sqlite = sqlite_place.open();
      }
      ASSERT_EQ(recover(*memory), recover(*sqlite)) << "seed " << seed << ", turn " << turn;
    }
    for (size_t which = 0; which < last.size(); ++which) {
      const ExecutionId id = id_at(static_cast<int64_t>(which / 2) * 1'000, which);
      EXPECT_EQ(text_of(memory->find("acme", id)), text_of(sqlite->find("acme", id)));
      EXPECT_EQ(text_of(memory->find_by_key("acme", std::to_string(which))),
                text_of(sqlite->find_by_key("acme", std::to_string(which))));
      EXPECT_EQ(numbers_of(memory->journal(id, 2, 100)), numbers_of(sqlite->journal(id, 2, 100)));
    }
    ExecutionFilter filter;
    filter.tenant = "b";
    EXPECT_EQ(ids_of(memory->list(filter)), ids_of(sqlite->list(filter)));
    EXPECT_EQ(*memory->last_id(), *sqlite->last_id());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Stores, Conformance,
    ::testing::Values(
        Kind{"Memory", []() -> std::unique_ptr<Place> { return std::make_unique<MemoryPlace>(); }},
        Kind{"Sqlite", []() -> std::unique_ptr<Place> { return std::make_unique<SqlitePlace>(); }}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace pirn::store
