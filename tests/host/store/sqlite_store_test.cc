// What is SQLite's own about the embedded store: its file, its schema, its plans, its log.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "host/store/sqlite_schema.h"
#include "host/store/sqlite_store.h"

namespace pirn::store {
namespace {

class SqliteStoreTest : public ::testing::Test {
 protected:
  SqliteStoreTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pirn-sqlite-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ + "/pirn.db";
  }
  ~SqliteStoreTest() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<SqliteStore> open(SqliteStore::Options options = {}) {
    auto store = SqliteStore::open(path_, options);
    EXPECT_TRUE(store) << describe(store.error());
    return store ? std::move(store).value() : nullptr;
  }
  Connection raw() {
    auto connection = Connection::open(path_, Connection::Mode::read_write_create, nullptr);
    EXPECT_TRUE(connection);
    return std::move(connection).value();
  }
  Code refusal() {
    auto store = SqliteStore::open(path_);
    EXPECT_FALSE(store);
    return store ? Code::internal : store.error().code;
  }

  std::string directory_, path_;
};

std::string text_of_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

constexpr uint64_t kId = uint64_t{1'780'000'000'000} << 21;

Status commit(Store& store, uint64_t id, uint32_t commit_no, std::string_view body = "{}",
              const char* state = nullptr) {
  const JournalRow journal{{id}, commit_no, 1, body};
  ExecutionRow row;
  row.id = {id};
  row.commit_no = commit_no;
  row.state = state == nullptr ? "" : state;
  row.open = row.state == "running";
  row.tenant = "acme";
  row.package = "etl";
  row.workflow = "daily";
  row.body = body;
  return store.commit(
      {store.lease(), {&journal, 1}, {&row, state == nullptr ? size_t{0} : size_t{1}}, false});
}

TEST_F(SqliteStoreTest, IsItsOwnersAlone) {
  const auto before = umask(0);  // what the shell would take away must not matter
  const auto store = open();
  umask(before);
  for (const char* suffix : {"", "-wal", "-shm"})
    EXPECT_EQ(std::filesystem::status(path_ + suffix).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
        << suffix;
}

TEST_F(SqliteStoreTest, IsDurableBeforeItAcknowledges) {
  const auto store = open();
  ASSERT_TRUE(commit(*store, kId, 1));
  Connection other = raw();
  EXPECT_EQ(*other.text("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(*other.integer("SELECT count(*) FROM journal"), 1);
  // `synchronous` is a setting of each connection: the crash suite proves it for the writer's.
}

// Each schema-N.sql is a file of schema N with the same rows, as far as that schema has them.
TEST_F(SqliteStoreTest, ReadsEverySchemaThatWasEverReleased) {
  const std::string schema =
      "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema ORDER BY name)";
  open().reset();
  const std::string newest = *raw().text(schema);
  for (int64_t version = 1; version < kSchemaVersion; ++version) {
    SCOPED_TRACE("schema " + std::to_string(version));
    std::filesystem::remove(path_);
    const std::string old_file =
        text_of_file(std::string(PIRN_STORE_TESTS) + "/schema-" + std::to_string(version) + ".sql");
    ASSERT_NE(old_file, "") << "each schema but the newest has a file here";
    {
      Connection old = raw();
      ASSERT_TRUE(old.execute(old_file));
      ASSERT_EQ(*old.integer("PRAGMA user_version"), version);
    }
    auto store = open();
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->epoch(), 8u);
    EXPECT_EQ(store->stats()->journal_rows, version == 1 ? 5u : 6u);
    EXPECT_EQ((*store->find_by_key("acme", "2026-06-01"))->state, "completed");
    EXPECT_EQ(store->tenants()->size(), version == 1 ? 0u : 1u);
    EXPECT_EQ(store->find_event("acme", "e-1")->has_value(), version != 1);
    std::vector<std::string> states;
    std::vector<uint32_t> recovered;
    ASSERT_TRUE(
        store->recover([&](StoredExecution row) { return states.push_back(row.state), Status(); },
                       [&](StoredCommit row) { return recovered.push_back(row.commit_no), Status(); }));
    EXPECT_EQ(states, (std::vector<std::string>{"running"}));
    EXPECT_EQ(recovered, (std::vector<uint32_t>{2}));
    ASSERT_TRUE(commit(*store, kId + 2, 3));
    store.reset();
    // However old a file is, its tables end as those of a new one.
    EXPECT_EQ(*raw().text(schema), newest);
    EXPECT_EQ(*raw().integer("PRAGMA user_version"), kSchemaVersion);
  }
}

// Of each table one row, in which one letter has changed behind the store's back.
TEST_F(SqliteStoreTest, NoticesWhatChangedBehindItsBack) {
  auto store = open();
  ASSERT_TRUE(commit(*store, kId, 1, "{\"a\":1}", "completed"));
  ASSERT_TRUE(commit(*store, kId + 1, 1, "{\"b\":1}", "running"));
  const TenantRow tenant{{7}, 1, "acme", "{\"c\":1}"};
  const EventRow event{"acme", "e-1", 5, "{\"d\":1}"};
  const JournalRow own{{7}, 1, 1, "{\"e\":1}"};
  ASSERT_TRUE(store->commit({store->lease(), {&own, 1}, {}, false, {&tenant, 1}, {&event, 1}}));
  ASSERT_TRUE(
      raw().execute("UPDATE journal SET body = replace(body, '1', '2');"
                    "UPDATE executions SET workflow = 'dally' WHERE open = 0;"  // columns count, too
                    "UPDATE executions SET body = replace(body, '1', '2') WHERE open = 1;"
                    "UPDATE tenants SET body = replace(body, '1', '2');"
                    "UPDATE events SET at = 6"));
  const auto refused = [](const auto& result) {
    EXPECT_FALSE(result);
    return result ? Code::internal : result.error().code;
  };
  EXPECT_EQ(refused(store->find("acme", {kId})), Code::store_corrupt);
  EXPECT_EQ(refused(store->journal({kId}, 0, 10)), Code::store_corrupt);
  EXPECT_EQ(refused(store->find_tenant("acme")), Code::store_corrupt);
  EXPECT_EQ(refused(store->find_event("acme", "e-1")), Code::store_corrupt);
  const auto list = store->list({.tenant = "acme"});
  ASSERT_TRUE(list) << "one damaged row hides no other";
  ASSERT_EQ(list->size(), 2u);
  EXPECT_TRUE((*list)[0].damaged && (*list)[1].damaged);
  EXPECT_TRUE(store->tenants()->front().damaged);

  std::vector<std::string> recovered;
  ASSERT_TRUE(store->recover(
      [&](StoredExecution row) {
        EXPECT_TRUE(row.damaged);
        recovered.push_back("row " + row.body);
        return Status();
      },
      [&](StoredCommit row) {
        EXPECT_TRUE(row.damaged);
        recovered.push_back("commit " + row.body);
        return Status();
      }));
  EXPECT_EQ(recovered, (std::vector<std::string>{"row "})) << "the bodies are held back";

  // Whoever repairs a row by hand takes its checksum away.
  ASSERT_TRUE(raw().execute("UPDATE executions SET sum = NULL"));
  EXPECT_EQ((*store->find("acme", {kId}))->workflow, "dally");
}

TEST_F(SqliteStoreTest, RemovesThePastOfTenantsThatTheirRowsInclude) {
  auto store = open();
  for (uint32_t n = 1; n <= 10; ++n) {
    const std::string body = "{\"at\":" + std::to_string(n * 100) + ",\"events\":[]}";
    const JournalRow journal[] = {{{7}, n, 1, body}, {{8}, n, 1, body}};
    const TenantRow rows[] = {{{7}, n, "acme", "{}"}, {{8}, n, "blue", "{}"}};
    const std::string id = "e-" + std::to_string(n);
    const EventRow event{"acme", id, n * 100, "{}"};
    // Acme's row includes the first five commits, blue's all.
    const std::span<const TenantRow> projected = n == 10  ? std::span(rows).subspan(1)
                                                 : n == 5 ? std::span(rows).first(1)
                                                          : std::span<const TenantRow>();
    ASSERT_TRUE(store->commit({store->lease(), journal, {}, false, projected, {&event, 1}}));
  }
  EXPECT_EQ(store->stats()->tenant_rows, 20u);
  EXPECT_EQ(store->stats()->event_ids, 10u);
  const TenantPast past{.tenant = "acme", .commits_before = 900, .events_before = 301};
  EXPECT_EQ(store->tenant_past(past)->commits, 5u) << "those beyond the row are needed by a recovery";
  EXPECT_EQ(store->tenant_past(past)->events, 3u);
  uint64_t commits = 0, events = 0;
  for (int i = 0; i < 10; ++i) {
    const auto removed = store->remove_tenant_past(past, 2);
    ASSERT_TRUE(removed) << describe(removed.error());
    EXPECT_LE(removed->commits + removed->events, 4u);
    commits += removed->commits;
    events += removed->events;
  }
  EXPECT_EQ(commits, 5u);
  EXPECT_EQ(events, 3u);
  EXPECT_EQ(store->journal({7}, 0, 100)->front().commit_no, 6u);
  EXPECT_EQ(store->journal({8}, 0, 100)->size(), 10u);
  EXPECT_FALSE(*store->find_event("acme", "e-3"));
  EXPECT_TRUE(*store->find_event("acme", "e-4"));
}

TEST_F(SqliteStoreTest, RefusesWhatItCannotOpenAndLeavesItAlone) {
  open().reset();
  ASSERT_TRUE(raw().execute("PRAGMA user_version = " + std::to_string(kSchemaVersion + 1)));
  EXPECT_EQ(refusal(), Code::store_schema_too_new);
  EXPECT_EQ(*raw().integer("SELECT epoch FROM meta"), 1) << "nothing was changed";

  std::filesystem::remove(path_);
  ASSERT_TRUE(raw().execute("CREATE TABLE journal(somebody_elses)"));
  EXPECT_EQ(refusal(), Code::store_unopenable);
  EXPECT_EQ(*raw().text("PRAGMA journal_mode"), "delete") << "nothing was changed";

  std::filesystem::remove(path_);
  std::ofstream(path_) << std::string(20'000, 'x');
  EXPECT_EQ(refusal(), Code::store_corrupt);

  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_EQ(refusal(), Code::store_unopenable);
  path_ = directory_ + "/missing/pirn.db";
  EXPECT_EQ(refusal(), Code::store_unopenable);
}

// What is past is looked for beside the writer: whoever commits does not wait for it.
TEST_F(SqliteStoreTest, ThePastOfTenantsIsFoundWithoutTheWriter) {
  const auto store = open();
  ASSERT_TRUE(commit(*store, kId, 1));
  {
    Connection other = raw();
    ASSERT_TRUE(other.execute("BEGIN IMMEDIATE"));
    const auto removed = store->remove_tenant_past({"", INT64_MAX, INT64_MAX}, 10);
    ASSERT_TRUE(removed) << describe(removed.error());
    EXPECT_EQ(removed->commits + removed->events, 0u);
    ASSERT_TRUE(other.execute("ROLLBACK"));
  }
  EXPECT_TRUE(commit(*store, kId, 2));
}

// On a full disk it is what makes room.
TEST_F(SqliteStoreTest, RemovingWritesFarLessThanItFrees) {
  SqliteStore::Options options;
  options.wal_limit_bytes = 1 << 20;
  const auto store = open(options);
  const auto log = [&] { return store->stats()->wal_bytes; };
  ASSERT_TRUE(commit(*store, kId, 1, std::string(20 << 20, 'b'), "completed"));
  for (uint32_t n = 1; n <= 4; ++n) ASSERT_TRUE(commit(*store, kId + 1, n));
  ASSERT_LT(log(), 2u << 20) << "it has started again";
  const ExecutionId ended{kId};
  ASSERT_TRUE(store->remove({&ended, 1}));
  EXPECT_GT(store->stats()->free_bytes, 20u << 20);
  EXPECT_LT(log(), 2u << 20);
}

TEST_F(SqliteStoreTest, EveryListIsAWalkOfAnIndexFromTheNewest) {
  open().reset();
  Connection connection = raw();
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "executions_by_tenant"},
      {{"completed", "failed"}, "executions_by_tenant"},
      {{"running", "stopping"}, "executions_open"},
      {{"cancelled"}, "executions_unsuccessful"}};
  for (const auto& [states, index] : cases) {
    ExecutionFilter filter;
    filter.tenant = "acme";
    filter.states = states;
    filter.package = "etl";
    const ListQuery query = list_query(filter);
    auto plan = connection.prepare("EXPLAIN QUERY PLAN " + query.sql);
    ASSERT_TRUE(plan) << describe(plan.error());
    std::string text;
    while (plan->step() == SQLITE_ROW) text += plan->bytes(3);
    const std::string id = index == "executions_by_tenant" ? "id" : "rowid";
    EXPECT_EQ(text,
              "SEARCH executions USING INDEX " + index + " (tenant=? AND " + id + ">? AND " + id + "<?)");
  }
}

// Under load without a pause, and with a reader in the way for a while, the log stays within its limits.
TEST_F(SqliteStoreTest, TheLogDoesNotGrowWithoutBound) {
  SqliteStore::Options options;
  options.checkpoint_step_bytes = 128 << 10;
  options.wal_limit_bytes = 1 << 20;
  const auto store = open(options);
  const std::string body(60'000, 'b');
  uint32_t n = 0;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(commit(*store, kId, ++n, body));
  EXPECT_LT(store->stats()->wal_bytes, 512u << 10) << "of 6 MB that were written";

  Connection reader = raw();
  ASSERT_TRUE(reader.execute("BEGIN"));
  ASSERT_TRUE(reader.integer("SELECT count(*) FROM journal"));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(commit(*store, kId, ++n, body));
  EXPECT_GT(store->stats()->wal_bytes, 5u << 20) << "what the reader sees cannot be overwritten";
  ASSERT_TRUE(reader.execute("COMMIT"));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(commit(*store, kId, ++n, body));
  EXPECT_LE(store->stats()->wal_bytes, options.wal_limit_bytes) << "cut back when it started again";
}

// A log of several megabytes, as it lies there after a kill.
TEST_F(SqliteStoreTest, OpensWhatAKilledHostLeft) {
  SqliteStore::Options options;
  options.checkpoint_step_bytes = 1 << 30;
  auto store = open(options);
  for (uint32_t n = 1; n <= 50; ++n) ASSERT_TRUE(commit(*store, kId, n, std::string(100'000, 'k')));
  ASSERT_GT(store->stats()->wal_bytes, 4u << 20);
  const std::string copy = directory_ + "/copy.db";
  for (const char* suffix : {"", "-wal"}) std::filesystem::copy_file(path_ + suffix, copy + suffix);
  store.reset();
  path_ = copy;
  store = open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->journal({kId}, 0, 100)->size(), 50u);
  EXPECT_EQ(store->epoch(), 2u);
}

// An own question never waits for the pool, even when all of its connections are lent and held.
TEST_F(SqliteStoreTest, TheWritersQuestionsUseItsOwnConnection) {
  SqliteStore::Options options;
  options.readers = 0;  // the pool could never lend
  const auto store = open(options);
  ASSERT_TRUE(commit(*store, kId, 1, "{}", "running"));
  EXPECT_TRUE((*store->find("acme", {kId})).has_value());
}

TEST(ReaderPoolTest, HoldsBackForAMomentOnly) {
  std::string pattern = (std::filesystem::temp_directory_path() / "pirn-pool-XXXXXX").string();
  const std::string directory = mkdtemp(pattern.data());
  ASSERT_TRUE(SqliteStore::open(directory + "/pirn.db"));
  ReaderPool pool(directory + "/pirn.db", nullptr, 2);
  pool.hold_back(true);
  {
    const auto lease = pool.lend();  // returns although nobody lets it in
    ASSERT_TRUE(lease);
    EXPECT_FALSE(pool.none_lent());
  }
  EXPECT_TRUE(pool.none_lent());
  std::filesystem::remove_all(directory);
}

// docs/data.md: every recipe runs, and means what it says.
class DataPage : public SqliteStoreTest {
 protected:
  static std::vector<std::string> recipes(const std::string& fence) {
    const std::string page = text_of_file(PIRN_DATA_PAGE);
    std::vector<std::string> found;
    const std::string opening = "```sql " + fence + "\n";
    for (size_t at = page.find(opening); at != std::string::npos; at = page.find(opening, at)) {
      at += opening.size();
      found.push_back(page.substr(at, page.find("```", at) - at));
    }
    return found;
  }

  void SetUp() override {
    const auto store = open();
    const std::string failed =
        R"({"at":1,"events":[{"seq":1,"type":"workflow.fail","error":{"code":"boom","message":"it broke"}}]})";
    for (uint64_t i = 0; i < 3; ++i)
      ASSERT_TRUE(commit(*store, kId + i, 1, "{}", i == 0 ? "running" : "completed"));
    ASSERT_TRUE(commit(*store, kId + 3, 1, failed, "failed"));
    ASSERT_TRUE(
        raw().execute("UPDATE executions SET ended_at = unixepoch() * 1000000000 WHERE state = 'failed'"));
  }
};

TEST_F(DataPage, EveryReadingRecipeRuns) {
  const std::vector<std::string> found = recipes("pirn.db");
  ASSERT_GE(found.size(), 5u);
  Connection connection = raw();
  for (const std::string& recipe : found) {
    auto text = connection.text(recipe);
    ASSERT_TRUE(text) << recipe << describe(text.error());
    EXPECT_NE(*text, "") << recipe << "found nothing";
    if (recipe.find("newest executions") != std::string::npos) {
      EXPECT_EQ(*text, ExecutionId{kId + 3}.text());
    }
    if (recipe.find("with which error") != std::string::npos) {
      auto code = connection.text("SELECT code FROM (" + recipe.substr(0, recipe.rfind(';')) + ")");
      EXPECT_EQ(*code, "boom");
    }
  }
}

TEST_F(DataPage, PruningKeepsPartsOfWhatIsOpenAndWhatWaitsToBeRetried) {
  {
    const auto store = open();
    const std::string letter = R"({"at":1,"events":[{"seq":1,"type":"dead_letter.insert"}]})";
    ASSERT_TRUE(commit(*store, kId + 4, 1, "{}", "completed"));
    ASSERT_TRUE(commit(*store, kId + 5, 1, letter, "failed"));
    ASSERT_TRUE(store->commit({store->lease(), {}, {}, true}));
  }
  const auto make_old = [&] {
    return raw().execute(
        "UPDATE executions SET ended_at = 1 WHERE open = 0;"
        "UPDATE executions SET body = '{\"root\":\"" +
        ExecutionId{kId}.text() + "\"}' WHERE id = " + std::to_string(kId + 4));
  };
  const auto left = [&] {
    return *raw().text("SELECT group_concat(id - " + std::to_string(kId) + ") FROM executions");
  };
  std::vector<std::string> all = recipes("pirn.db stopped");
  for (std::string& recipe : all) {
    // The hundred newest are none, so that the second one has something to remove, too.
    if (const size_t at = recipe.find("nth > 100"); at != std::string::npos) recipe.replace(at, 9, "nth > 0");
    ASSERT_TRUE(make_old());
    ASSERT_TRUE(raw().execute(recipe)) << recipe;
    EXPECT_EQ(left(), "0,4,5") << recipe;
    ASSERT_TRUE(raw().execute(
        "INSERT INTO executions SELECT id + 5, commit_no, open, state, tenant, package, workflow,"
        " version, release, key, input_digest, created_at, started_at, ended_at, '{}', NULL"
        " FROM executions WHERE id = " +
        std::to_string(kId + 4)));
  }
  ASSERT_TRUE(raw().execute("UPDATE executions SET open = 0, state = 'completed' WHERE open = 1"));
  ASSERT_TRUE(make_old());
  ASSERT_TRUE(raw().execute(all[0]));
  EXPECT_EQ(left(), "5") << "the family is over";
}

TEST_F(DataPage, PruningForgetsWhatEndedAndNothingElse) {
  {
    // The projection is complete, then everything is pruned that can be.
    const auto store = open();
    ASSERT_TRUE(store->commit({store->lease(), {}, {}, true}));
  }
  const std::vector<std::string> all = recipes("pirn.db stopped");
  ASSERT_EQ(all.size(), 2u);
  for (const std::string& recipe : all) ASSERT_TRUE(raw().execute(recipe)) << recipe;
  Connection connection = raw();
  // ended_at of the completed ones is 0, long ago; the failed one ended now.
  EXPECT_EQ(*connection.text("SELECT group_concat(state) FROM executions"), "running,failed");
  EXPECT_EQ(*connection.text("SELECT group_concat(stream - " + std::to_string(kId) + ") FROM journal"),
            "0,3");
  ASSERT_TRUE(
      connection.execute("DELETE FROM executions WHERE open = 0; DELETE FROM journal WHERE stream = " +
                         std::to_string(kId + 3)));

  auto store = open();
  ASSERT_TRUE(commit(*store, kId, 2, "after"));
  std::vector<std::string> tail;
  ASSERT_TRUE(store->recover([](StoredExecution) { return Status(); },
                             [&](StoredCommit row) { return tail.push_back(row.body), Status(); }));
  EXPECT_EQ(tail, std::vector<std::string>{"after"})
      << "its position is beyond the watermark, whatever was deleted";
}

}  // namespace
}  // namespace pirn::store
