#include "host/upkeep/upkeep.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "host/journal/codec.h"
#include "host/journal/tenant_codec.h"
#include "host/logbook/logbook.h"
#include "host/store/sqlite_store.h"

namespace pirn::upkeep {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDay = 86'400'000'000'000;
constexpr int64_t kNow = 100 * kDay;

class UpkeepTest : public ::testing::Test {
 protected:
  UpkeepTest() {
    std::string pattern = (fs::temp_directory_path() / "pirn-upkeep-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    store_ = store::SqliteStore::open(directory_ + "/pirn.db").value();
    book_ = logbook::Logbook::open(directory_ + "/logbook.db").value();
  }
  ~UpkeepTest() override {
    store_.reset();
    book_.reset();
    fs::remove_all(directory_);
  }

  // An execution with two commits and one line, that ended so many days ago; negative: it is open.
  ExecutionId add(uint64_t number, int ended_days_ago, const std::string& workflow = "daily",
                  const std::string& tenant = "acme", uint64_t root = 0) {
    const ExecutionId id{(uint64_t{1'780'000'000'000} + number) << 21};
    const ExecutionId root_id{root == 0 ? id.value : (uint64_t{1'780'000'000'000} + root) << 21};
    const bool open = ended_days_ago < 0;
    const std::string body = "{\"root\":\"" + root_id.text() + "\"," + std::string(20'000, ' ') + "\"x\":1}";
    const std::vector<store::JournalRow> journal = {{id, 1, 1, "{}"}, {id, 2, 1, "{}"}};
    store::ExecutionRow row;
    row.id = id;
    row.commit_no = 2;
    row.open = open;
    row.state = open ? "running" : "completed";
    row.tenant = tenant;
    row.package = "etl";
    row.workflow = workflow;
    row.ended_at = open ? 0 : kNow - ended_days_ago * kDay;
    row.body = body;
    const Status status = store_->commit({store_->lease(), journal, {&row, 1}, true});
    EXPECT_TRUE(status) << describe(status.error());
    book_->write({0, id, 1, "fetch", 1, 2, "{}"});
    return id;
  }
  Upkeep upkeep(Policy policy = {}) { return Upkeep(store_.get(), *book_, directory_, std::move(policy)); }
  bool there(ExecutionId id) {
    const auto row = store_->find("acme", id);
    const auto journal = store_->journal(id, 0, 10);
    const auto lines = book_->read({.execution = id});
    EXPECT_TRUE(row && journal && lines);
    EXPECT_EQ(row->has_value(), !journal->empty()) << "an execution goes with its journal";
    EXPECT_EQ(row->has_value(), !lines->lines.empty()) << "and with its logs";
    return row->has_value();
  }

  std::string directory_;
  std::unique_ptr<store::SqliteStore> store_;
  std::unique_ptr<logbook::Logbook> book_;
};

TEST_F(UpkeepTest, RemovesWhatEndedLongAgoAndNothingThatIsOpen) {
  const auto old = add(1, 31), young = add(2, 29), open = add(3, -1);
  Upkeep upkeep = this->upkeep();
  const Rule rule{.older_than_ns = 30 * kDay};
  EXPECT_EQ(upkeep.prune(rule, kNow, true)->executions, 1u);
  EXPECT_TRUE(there(old)) << "a dry run removes nothing";
  EXPECT_EQ(upkeep.prune(rule, kNow, false)->executions, 1u);
  EXPECT_FALSE(there(old));
  EXPECT_TRUE(there(young));
  EXPECT_TRUE(there(open));
  EXPECT_EQ(upkeep.prune(rule, kNow, false)->executions, 0u);
}

TEST_F(UpkeepTest, KeepsTheNewestOfEachWorkflow) {
  std::vector<ExecutionId> daily, hourly;
  for (uint64_t i = 1; i <= 4; ++i) {
    daily.push_back(add(2 * i, 50, "daily"));
    hourly.push_back(add(2 * i + 1, 50, "hourly"));
  }
  Upkeep upkeep = this->upkeep();
  EXPECT_EQ(upkeep.prune({.workflow = "daily", .keep_last = 1}, kNow, false)->executions, 3u);
  EXPECT_FALSE(there(daily[2]));
  EXPECT_TRUE(there(daily[3]));
  EXPECT_EQ(upkeep.prune({.keep_last = 2}, kNow, false)->executions, 2u);
  EXPECT_FALSE(there(hourly[1]));
  EXPECT_TRUE(there(hourly[2]));
  EXPECT_TRUE(there(daily[3]));
}

TEST_F(UpkeepTest, BothBoundsMustBePassed) {
  const auto first = add(1, 40), second = add(2, 10), third = add(3, 5);
  Upkeep upkeep = this->upkeep();
  EXPECT_EQ(upkeep.prune({.older_than_ns = 30 * kDay, .keep_last = 3}, kNow, false)->executions, 0u);
  EXPECT_EQ(upkeep.prune({.older_than_ns = 7 * kDay, .keep_last = 2}, kNow, false)->executions, 1u);
  EXPECT_FALSE(there(first));
  EXPECT_TRUE(there(second));
  EXPECT_TRUE(there(third));
}

TEST_F(UpkeepTest, KeepsToOneTenant) {
  const auto ours = add(1, 40);
  add(2, 40, "daily", "blue");
  EXPECT_EQ(upkeep().prune({.tenant = "blue", .older_than_ns = kDay}, kNow, false)->executions, 1u);
  EXPECT_TRUE(there(ours));
}

TEST_F(UpkeepTest, LeavesThePartsOfAnOpenExecution) {
  const auto root = add(1, -1), part = add(2, 40, "inner", "acme", 1);
  const auto ended_root = add(3, 40), ended_part = add(4, 40, "inner", "acme", 3);
  EXPECT_EQ(upkeep().prune({.older_than_ns = kDay}, kNow, false)->executions, 2u);
  EXPECT_TRUE(there(root));
  EXPECT_TRUE(there(part)) << "it may have to be rolled back yet";
  EXPECT_FALSE(there(ended_root));
  EXPECT_FALSE(there(ended_part));
}

// The tenant's own stream: its row, of which the last commits know more.
TEST_F(UpkeepTest, SparesRunsWhoseDeadLetterWaits) {
  const auto plain = add(1, 40), projected = add(2, 40), told = add(3, 40), discarded = add(4, 40);
  const auto foreign = add(5, 40, "daily", "blue");
  const ExecutionId stream{7};
  journal::TenantState state;
  state.stream = stream;
  state.tenant = "acme";
  uint32_t commit_no = 0;
  const auto commit = [&](const std::vector<journal::TenantRecord>& records, bool project) {
    journal::TextWriter body, row;
    journal::begin_body(body, kNow);
    for (const journal::TenantRecord& record : records) {
      journal::append_tenant_event(body, &record == &records.front(), state.next_seq, record);
      journal::apply(state, record, kNow);
    }
    journal::end_body(body);
    const store::JournalRow journal{stream, ++commit_no, journal::kTenantSchema, body.view()};
    state.next_commit = commit_no + 1;
    journal::append_tenant_state(row, state);
    const store::TenantRow tenant{stream, commit_no, "acme", row.view()};
    store::Change all{store_->lease(), {&journal, 1}, {}, project};
    if (project) all.tenants = {&tenant, 1};
    const Status status = store_->commit(all);
    ASSERT_TRUE(status) << describe(status.error());
  };
  const auto letter = [](ExecutionId id) {
    return journal::LetterInserted{id, {"etl", "1.0.0", "daily", "bad", "", 1, kNow}};
  };
  commit({journal::TenantOpened{"acme"}, letter(projected), letter(discarded)}, true);
  commit({letter(told), journal::LetterDeleted{discarded}}, false);
  Upkeep upkeep = this->upkeep();
  for (const bool dry_run : {true, false}) {
    const auto pruned = upkeep.prune({.older_than_ns = kDay}, kNow, dry_run);
    ASSERT_TRUE(pruned) << describe(pruned.error());
    EXPECT_EQ(pruned->executions, 3u);
    EXPECT_EQ(pruned->kept_for_letters, 2u);
  }
  EXPECT_FALSE(there(plain));
  EXPECT_TRUE(there(projected));
  EXPECT_TRUE(there(told));
  EXPECT_FALSE(there(discarded));
  EXPECT_FALSE(there(foreign));
  commit(
      {journal::LetterRetried{projected, plain}, journal::LettersPruned{journal::LetterPrune::asked, {told}}},
      false);
  EXPECT_EQ(upkeep.prune({.tenant = "acme", .older_than_ns = kDay}, kNow, false)->executions, 2u);
}

TEST_F(UpkeepTest, ARuleWithoutABoundIsRefused) {
  add(1, 40);
  const auto refused = upkeep().prune({}, kNow, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_argument);
}

TEST_F(UpkeepTest, GivesTheSpaceBack) {
  for (uint64_t i = 1; i <= 100; ++i) add(i, 40);
  Upkeep upkeep = this->upkeep();
  ASSERT_TRUE(upkeep.compact());  // all of it in the file, none in the log
  const uint64_t before = fs::file_size(directory_ + "/pirn.db");
  ASSERT_EQ(upkeep.prune({.older_than_ns = kDay}, kNow, false)->executions, 100u);
  EXPECT_GT(store_->stats()->free_bytes, 1'000'000u);
  ASSERT_TRUE(upkeep.compact());
  EXPECT_LT(fs::file_size(directory_ + "/pirn.db"), before / 2);
  EXPECT_EQ(store_->stats()->free_bytes, 0u);
  add(200, 1);  // and it goes on
  EXPECT_EQ(store_->stats()->executions, 1u);
}

TEST_F(UpkeepTest, RunsThePolicyWhenItIsDue) {
  const auto old = add(1, 40), young = add(2, 10);
  Upkeep upkeep = this->upkeep({{{.older_than_ns = 30 * kDay}}, kDay});
  EXPECT_TRUE(upkeep.begin_run(kNow)) << "at once after the start";
  EXPECT_FALSE(upkeep.begin_run(kNow)) << "whoever takes the turn has it alone";
  upkeep.run_policy(kNow);
  EXPECT_FALSE(there(old));
  EXPECT_TRUE(there(young));
  EXPECT_EQ(upkeep.next_run_at(), kNow + kDay);
  EXPECT_FALSE(upkeep.begin_run(kNow + kDay - 1));
  ASSERT_TRUE(upkeep.begin_run(kNow + 21 * kDay));
  upkeep.run_policy(kNow + 21 * kDay);
  EXPECT_FALSE(there(young));
  EXPECT_EQ(upkeep.policy_state().removed, 2u);
  EXPECT_EQ(upkeep.policy_state().last_run_at, kNow + 21 * kDay);
  EXPECT_EQ(upkeep.policy_state().last_error, "");
}

TEST_F(UpkeepTest, WithoutAPolicyNothingIsEverDue) {
  Upkeep upkeep = this->upkeep();
  EXPECT_EQ(upkeep.next_run_at(), INT64_MAX);
  EXPECT_FALSE(upkeep.begin_run(INT64_MAX - 1));
  Upkeep in_memory(nullptr, *book_, directory_, {{{.keep_last = 1}}, kDay});
  EXPECT_EQ(in_memory.next_run_at(), INT64_MAX);
  EXPECT_EQ(in_memory.prune({.keep_last = 1}, kNow, false).error().code, Code::unsupported);
  EXPECT_EQ(in_memory.compact().error().code, Code::unsupported);
  EXPECT_EQ(in_memory.back_up("/x").error().code, Code::unsupported);
}

TEST_F(UpkeepTest, ForgetsLinesOfExecutionsThatAreGone) {
  const auto kept = add(1, -1);
  const ExecutionId gone{uint64_t{1'770'000'000'000} << 21};
  book_->write({0, gone, 1, "fetch", 1, 2, "{}"});
  ASSERT_TRUE(upkeep().sweep());
  EXPECT_EQ(*book_->executions({}, 10), std::vector<ExecutionId>{kept});
}

TEST_F(UpkeepTest, CopiesADataDirectoryWhileItIsWrittenTo) {
  fs::create_directory(directory_ + "/blobs");
  std::ofstream(directory_ + "/blobs/abc") << "bytes";
  std::ofstream(directory_ + "/blobs/.unfinished-x") << "half";
  std::ofstream(directory_ + "/registry.pepper") << "secret";
  std::ofstream(directory_ + "/registry.sealed") << "sealed";
  ASSERT_TRUE(store::Connection::open(directory_ + "/registry.db", store::Connection::Mode::read_write_create,
                                      nullptr)
                  ->execute("CREATE TABLE t(x); INSERT INTO t VALUES(7)"));
  for (uint64_t i = 1; i <= 20; ++i) add(i, 1);
  const std::string copy = directory_ + "/copy";
  std::thread writer([&] {
    for (uint64_t i = 21; i <= 60; ++i) add(i, 1);
  });
  const Status copied = upkeep().back_up(copy);
  writer.join();
  ASSERT_TRUE(copied) << describe(copied.error());
  const auto restored = store::SqliteStore::open(copy + "/pirn.db");
  ASSERT_TRUE(restored) << describe(restored.error());
  EXPECT_GE((*restored)->stats()->executions, 20u);
  EXPECT_EQ(*store::Connection::open(copy + "/registry.db", store::Connection::Mode::read_only, nullptr)
                 ->integer("SELECT x FROM t"),
            7);
  EXPECT_TRUE(fs::exists(copy + "/blobs/abc"));
  EXPECT_FALSE(fs::exists(copy + "/blobs/.unfinished-x"));
  for (const char* file :
       {"pirn.db", "registry.db", "registry.pepper", "registry.sealed", "logbook.db", "blobs/abc"})
    EXPECT_EQ(fs::status(copy + "/" + file).permissions(), fs::perms::owner_read | fs::perms::owner_write)
        << file;
  EXPECT_EQ(upkeep().back_up(copy).error().code, Code::conflict) << "nothing is written over";
  EXPECT_EQ(upkeep().back_up("copy").error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace pirn::upkeep
