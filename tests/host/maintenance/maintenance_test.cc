#include "host/maintenance/maintenance.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "host/journal/codec.h"
#include "host/journal/tenant_codec.h"
#include "host/logbook/logbook.h"
#include "host/maintenance/backup.h"
#include "host/store/memory_store.h"
#include "host/store/sqlite_store.h"

namespace pirn::maintenance {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDay = 86'400'000'000'000;
constexpr int64_t kNow = 100 * kDay;

class MaintenanceTest : public ::testing::Test {
 protected:
  MaintenanceTest() {
    std::string pattern = (fs::temp_directory_path() / "pirn-maintenance-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    std::string elsewhere = (fs::temp_directory_path() / "pirn-elsewhere-XXXXXX").string();
    elsewhere_ = mkdtemp(elsewhere.data());
    store_ = store::SqliteStore::open(directory_ + "/pirn.db").value();
    book_ = logbook::Logbook::open(directory_ + "/logbook.db").value();
  }
  ~MaintenanceTest() override {
    store_.reset();
    book_.reset();
    fs::remove_all(directory_);
    fs::remove_all(elsewhere_);
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
  Maintenance maintenance(Policy policy = {}) {
    return Maintenance(*store_, store_.get(), nullptr, *book_, disk_, directory_, std::move(policy));
  }
  bool there(ExecutionId id) {
    const auto row = store_->find("acme", id);
    const auto journal = store_->journal(id, 0, 10);
    const auto lines = book_->read({.execution = id});
    EXPECT_TRUE(row && journal && lines);
    EXPECT_EQ(row->has_value(), !journal->empty()) << "an execution goes with its journal";
    EXPECT_EQ(row->has_value(), !lines->lines.empty()) << "and with its logs";
    return row->has_value();
  }

  std::string elsewhere_;
  std::string directory_;
  DiskWatch disk_{"/", "", {}};
  std::unique_ptr<store::SqliteStore> store_;
  std::unique_ptr<logbook::Logbook> book_;
};

TEST_F(MaintenanceTest, RemovesWhatEndedLongAgoAndNothingThatIsOpen) {
  const auto old = add(1, 31), young = add(2, 29), open = add(3, -1);
  Maintenance maintenance = this->maintenance();
  const Rule rule{.older_than_ns = 30 * kDay};
  EXPECT_EQ(maintenance.prune(rule, kNow, true)->executions, 1u);
  EXPECT_TRUE(there(old)) << "a dry run removes nothing";
  EXPECT_EQ(maintenance.prune(rule, kNow, false)->executions, 1u);
  EXPECT_FALSE(there(old));
  EXPECT_TRUE(there(young));
  EXPECT_TRUE(there(open));
  EXPECT_EQ(maintenance.prune(rule, kNow, false)->executions, 0u);
}

TEST_F(MaintenanceTest, KeepsTheNewestOfEachWorkflow) {
  std::vector<ExecutionId> daily, hourly;
  for (uint64_t i = 1; i <= 4; ++i) {
    daily.push_back(add(2 * i, 50, "daily"));
    hourly.push_back(add(2 * i + 1, 50, "hourly"));
  }
  Maintenance maintenance = this->maintenance();
  EXPECT_EQ(maintenance.prune({.workflow = "daily", .keep_last = 1}, kNow, false)->executions, 3u);
  EXPECT_FALSE(there(daily[2]));
  EXPECT_TRUE(there(daily[3]));
  EXPECT_EQ(maintenance.prune({.keep_last = 2}, kNow, false)->executions, 2u);
  EXPECT_FALSE(there(hourly[1]));
  EXPECT_TRUE(there(hourly[2]));
  EXPECT_TRUE(there(daily[3]));
}

TEST_F(MaintenanceTest, BothBoundsMustBePassed) {
  const auto first = add(1, 40), second = add(2, 10), third = add(3, 5);
  Maintenance maintenance = this->maintenance();
  EXPECT_EQ(maintenance.prune({.older_than_ns = 30 * kDay, .keep_last = 3}, kNow, false)->executions, 0u);
  EXPECT_EQ(maintenance.prune({.older_than_ns = 7 * kDay, .keep_last = 2}, kNow, false)->executions, 1u);
  EXPECT_FALSE(there(first));
  EXPECT_TRUE(there(second));
  EXPECT_TRUE(there(third));
}

TEST_F(MaintenanceTest, KeepsToOneTenant) {
  const auto ours = add(1, 40);
  add(2, 40, "daily", "blue");
  EXPECT_EQ(maintenance().prune({.tenant = "blue", .older_than_ns = kDay}, kNow, false)->executions, 1u);
  EXPECT_TRUE(there(ours));
}

TEST_F(MaintenanceTest, LeavesThePartsOfAnOpenExecution) {
  const auto root = add(1, -1), part = add(2, 40, "inner", "acme", 1);
  const auto ended_root = add(3, 40), ended_part = add(4, 40, "inner", "acme", 3);
  EXPECT_EQ(maintenance().prune({.older_than_ns = kDay}, kNow, false)->executions, 2u);
  EXPECT_TRUE(there(root));
  EXPECT_TRUE(there(part)) << "it may have to be rolled back yet";
  EXPECT_FALSE(there(ended_root));
  EXPECT_FALSE(there(ended_part));
}

// The tenant's own stream: its row, of which the last commits know more.
TEST_F(MaintenanceTest, SparesRunsWhoseDeadLetterWaits) {
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
    return journal::DeadLetterInserted{id, {"etl", "1.0.0", "daily", "bad", "", 1, kNow}};
  };
  commit({journal::TenantOpened{"acme"}, letter(projected), letter(discarded)}, true);
  commit({letter(told), journal::DeadLetterDeleted{discarded}}, false);
  Maintenance maintenance = this->maintenance();
  for (const bool dry_run : {true, false}) {
    const auto pruned = maintenance.prune({.older_than_ns = kDay}, kNow, dry_run);
    ASSERT_TRUE(pruned) << describe(pruned.error());
    EXPECT_EQ(pruned->executions, 3u);
    EXPECT_EQ(pruned->kept_for_letters, 2u);
  }
  EXPECT_FALSE(there(plain));
  EXPECT_TRUE(there(projected));
  EXPECT_TRUE(there(told));
  EXPECT_FALSE(there(discarded));
  EXPECT_FALSE(there(foreign));
  commit({journal::DeadLetterRetried{projected, plain},
          journal::DeadLettersPruned{journal::DeadLetterPrune::asked, {told}}},
         false);
  EXPECT_EQ(maintenance.prune({.tenant = "acme", .older_than_ns = kDay}, kNow, false)->executions, 2u);
}

TEST_F(MaintenanceTest, ARuleWithoutABoundIsRefused) {
  add(1, 40);
  const auto refused = maintenance().prune({}, kNow, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_argument);
}

TEST_F(MaintenanceTest, GivesTheSpaceBack) {
  for (uint64_t i = 1; i <= 100; ++i) add(i, 40);
  Maintenance maintenance = this->maintenance();
  ASSERT_TRUE(maintenance.compact());  // all of it in the file, none in the log
  const uint64_t before = fs::file_size(directory_ + "/pirn.db");
  ASSERT_EQ(maintenance.prune({.older_than_ns = kDay}, kNow, false)->executions, 100u);
  EXPECT_GT(store_->stats()->free_bytes, 1'000'000u);
  ASSERT_TRUE(maintenance.compact());
  EXPECT_LT(fs::file_size(directory_ + "/pirn.db"), before / 2);
  EXPECT_EQ(store_->stats()->free_bytes, 0u);
  add(200, 1);  // and it goes on
  EXPECT_EQ(store_->stats()->executions, 1u);
}

TEST_F(MaintenanceTest, DoesNotCompactWithoutRoom) {
  for (uint64_t i = 1; i <= 100; ++i) add(i, 40);
  DiskWatch small(directory_, "", {}, [](const std::string&) { return DiskSpace{1 << 20, 9 << 20}; });
  Maintenance maintenance(*store_, store_.get(), nullptr, *book_, small, directory_, {});
  EXPECT_EQ(maintenance.compact().error().code, Code::store_full)
      << "the file has 2 MB, and would be written twice";
  ASSERT_TRUE(maintenance.prune({.older_than_ns = kDay}, kNow, false));
  EXPECT_GT(store_->stats()->free_bytes, 1'000'000u);
  EXPECT_TRUE(maintenance.compact()) << "what is left is small";
  add(200, 1);
  EXPECT_EQ(store_->stats()->executions, 1u);
}

TEST_F(MaintenanceTest, RunsThePolicyWhenItIsDue) {
  const auto old = add(1, 40), young = add(2, 10);
  Maintenance maintenance = this->maintenance({{{.older_than_ns = 30 * kDay}}, kDay});
  EXPECT_TRUE(maintenance.begin_run(kNow)) << "at once after the start";
  EXPECT_FALSE(maintenance.begin_run(kNow)) << "whoever takes the turn has it alone";
  maintenance.run_policy(kNow);
  EXPECT_FALSE(there(old));
  EXPECT_TRUE(there(young));
  EXPECT_EQ(maintenance.next_run_at(), kNow + kDay);
  EXPECT_FALSE(maintenance.begin_run(kNow + kDay - 1));
  ASSERT_TRUE(maintenance.begin_run(kNow + 21 * kDay));
  maintenance.run_policy(kNow + 21 * kDay);
  EXPECT_FALSE(there(young));
  EXPECT_EQ(maintenance.policy_state().removed, 2u);
  EXPECT_EQ(maintenance.policy_state().last_run_at, kNow + 21 * kDay);
  EXPECT_EQ(maintenance.policy_state().last_error, "");
}

TEST_F(MaintenanceTest, WithoutAPolicyNothingIsEverDue) {
  Maintenance maintenance = this->maintenance();
  EXPECT_EQ(maintenance.next_run_at(), INT64_MAX);
  EXPECT_FALSE(maintenance.begin_run(INT64_MAX - 1));
}

TEST_F(MaintenanceTest, InMemoryItPrunesByPolicyAndByOrder) {
  store::MemoryStore memory;
  Maintenance maintenance(memory, nullptr, &memory, *book_, disk_, directory_, {.keep_in_memory = 10});
  uint64_t next = 1;
  const auto run = [&](int n) {
    for (int i = 0; i < n; ++i) {
      const ExecutionId id{next++ << 21};
      const store::JournalRow journal{id, 1, 1, "{}"};
      store::ExecutionRow row;
      row.id = id;
      row.commit_no = 1;
      row.open = false;
      row.state = "completed";
      row.tenant = "acme";
      row.package = "etl";
      row.workflow = "daily";
      row.ended_at = kNow;
      row.body = "{}";
      ASSERT_TRUE(memory.commit({memory.lease(), {&journal, 1}, {&row, 1}, false}));
    }
  };
  EXPECT_TRUE(maintenance.begin_run(kNow));
  maintenance.run_policy(kNow);
  run(20);
  EXPECT_FALSE(maintenance.begin_run(kNow)) << "not before there are twice as many as stay";
  run(1);
  ASSERT_TRUE(maintenance.begin_run(kNow));
  EXPECT_FALSE(maintenance.begin_run(kNow)) << "whoever takes the turn has it alone";
  maintenance.run_policy(kNow);
  EXPECT_EQ(memory.ended(), 10u);
  EXPECT_EQ(maintenance.policy_state().removed, 11u);
  EXPECT_EQ(maintenance.prune({.keep_last = 3}, kNow, false)->executions, 7u);
  EXPECT_EQ(maintenance.counts()->front().executions, 3u);
  EXPECT_EQ(maintenance.compact().error().code, Code::unsupported);
  EXPECT_EQ(maintenance.back_up("/x", kNow).error().code, Code::unsupported);
}

TEST_F(MaintenanceTest, RemovesThePastOfTheTenantsThemselves) {
  const ExecutionId stream{7};
  for (uint32_t n = 1; n <= 4; ++n) {
    const std::string body = "{\"at\":" + std::to_string(n * 20 * kDay) + ",\"events\":[]}";
    const store::JournalRow journal{stream, n, journal::kTenantSchema, body};
    journal::TenantState state;
    state.stream = stream;
    state.tenant = "acme";
    state.next_commit = n + 1;
    journal::TextWriter text;
    journal::append_tenant_state(text, state);
    const store::TenantRow row{stream, n, "acme", text.view()};
    const std::string id = "e-" + std::to_string(n);
    const store::EventRow event{"acme", id, n * 20 * kDay, "{}"};
    ASSERT_TRUE(store_->commit({store_->lease(), {&journal, 1}, {}, true, {&row, 1}, {&event, 1}}));
  }
  Maintenance maintenance = this->maintenance({.event_window_ns = 50 * kDay});
  const Rule rule{.older_than_ns = 30 * kDay};  // before day 70; and events before day 50
  EXPECT_EQ(maintenance.prune({.workflow = "daily", .older_than_ns = kDay}, kNow, true)->tenant_commits, 0u);
  for (const bool dry_run : {true, false}) {
    const auto pruned = maintenance.prune(rule, kNow, dry_run);
    ASSERT_TRUE(pruned) << describe(pruned.error());
    EXPECT_EQ(pruned->tenant_commits, 3u);
    EXPECT_EQ(pruned->event_ids, 2u);
  }
  EXPECT_EQ(store_->stats()->tenant_rows, 1u);
  EXPECT_EQ(store_->stats()->event_ids, 2u);

  Maintenance policy = this->maintenance({.tenant_journal_ns = 10 * kDay, .event_window_ns = 10 * kDay});
  ASSERT_TRUE(policy.begin_run(kNow)) << "also without rules about executions";
  policy.run_policy(kNow);
  EXPECT_EQ(store_->stats()->tenant_rows, 0u);
  EXPECT_EQ(store_->stats()->event_ids, 0u);
  EXPECT_EQ(policy.policy_state().last_error, "");
}

TEST_F(MaintenanceTest, RemovesOneExecution) {
  const auto root = add(1, -1), part = add(2, 40, "inner", "acme", 1), ended = add(3, 0), other = add(4, 0);
  const ExecutionId young{(uint64_t{1'780'000'000'000} + 5) << 21};
  const store::JournalRow journal{young, 1, 1, "{}"};
  ASSERT_TRUE(store_->commit({store_->lease(), {&journal, 1}, {}, false}));
  Maintenance maintenance = this->maintenance();
  EXPECT_EQ(maintenance.remove("acme", root).error().code, Code::invalid_transition);
  EXPECT_EQ(maintenance.remove("acme", part).error().code, Code::invalid_transition);
  EXPECT_EQ(maintenance.remove("acme", young).error().code, Code::invalid_transition);
  EXPECT_FALSE(maintenance.remove("blue", ended)) << "it is another tenant's";
  EXPECT_TRUE(there(ended));
  ASSERT_TRUE(maintenance.remove("acme", ended));
  EXPECT_FALSE(there(ended));
  EXPECT_TRUE(there(part));
  EXPECT_TRUE(there(other));
  EXPECT_EQ(maintenance.remove("acme", ended).error().code, Code::not_found);

  // A retry that is open may have to roll back what is nested in the run that it was made from.
  const auto failed = add(6, 5), nested = add(7, 5, "inner", "acme", 6);
  const std::string body = R"({"events":[{"retry_of":")" + failed.text() + R"("}]})";
  const store::JournalRow retry{{(uint64_t{1'780'000'000'000} + 8) << 21}, 1, 1, body};
  ASSERT_TRUE(store_->commit({store_->lease(), {&retry, 1}, {}, false}));
  EXPECT_EQ(maintenance.remove("acme", nested).error().code, Code::invalid_transition);
  EXPECT_TRUE(there(nested));
}

TEST_F(MaintenanceTest, ForgetsLinesOfExecutionsThatAreGone) {
  const auto kept = add(1, -1);
  const ExecutionId gone{uint64_t{1'770'000'000'000} << 21};
  book_->write({0, gone, 1, "fetch", 1, 2, "{}"});
  ASSERT_TRUE(maintenance().sweep());
  EXPECT_EQ(*book_->executions({}, 10), std::vector<ExecutionId>{kept});
}

TEST_F(MaintenanceTest, RemovesAnEndedExecutionWhoseRowIsDamaged) {
  const auto ended = add(1, 5), open = add(2, -1);
  store_.reset();
  {
    auto file =
        store::Connection::open(directory_ + "/pirn.db", store::Connection::Mode::read_write_create, nullptr);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->execute("UPDATE executions SET version = '9'"));
  }
  store_ = store::SqliteStore::open(directory_ + "/pirn.db").value();
  ASSERT_EQ(store_->find("acme", ended).error().code, Code::store_corrupt);
  EXPECT_EQ(maintenance().remove("acme", open).error().code, Code::invalid_transition);
  EXPECT_TRUE(maintenance().remove("acme", ended)) << "it is the way out";
  EXPECT_FALSE(*store_->find("acme", ended));
}

TEST_F(MaintenanceTest, ADamagedJournalKeepsItsLinesAndStopsNoSweep) {
  const auto damaged = add(1, 5);
  const ExecutionId gone{uint64_t{1'790'000'000'000} << 21};
  book_->write({0, gone, 1, "fetch", 1, 2, "{}"});
  store_.reset();
  {
    auto file =
        store::Connection::open(directory_ + "/pirn.db", store::Connection::Mode::read_write_create, nullptr);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->execute("UPDATE journal SET body = '[]'"));
  }
  store_ = store::SqliteStore::open(directory_ + "/pirn.db").value();
  const Status swept = maintenance().sweep();
  ASSERT_TRUE(swept) << describe(swept.error());
  EXPECT_EQ(*book_->executions({}, 10), std::vector<ExecutionId>{damaged});
}

class BackupTest : public MaintenanceTest {
 protected:
  static constexpr const char* kSha256OfBytes =
      "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9";

  // Like a registry's, as far as others look at it.
  BackupTest() {
    fs::create_directory(directory_ + "/blobs");
    write("blobs/" + std::string(kSha256OfBytes), "bytes");
    write("blobs/.unfinished-x", "half");
    write("registry.pepper", "secret");
    write("registry.sealed", "sealed");
    const std::string digest(64, '0');
    registry(
        "CREATE TABLE tenants(name); INSERT INTO tenants VALUES('acme');"
        "CREATE TABLE releases(tenant, digest, archive, definition);"
        "INSERT INTO releases VALUES('acme', '" +
        digest + "', '" + kSha256OfBytes + "', '" + kSha256OfBytes +
        "');"
        "CREATE TABLE release_blobs(tenant, release, blob);"
        "INSERT INTO release_blobs VALUES('acme', '" +
        digest + "', '" + kSha256OfBytes + "')");
  }
  static void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name, std::ios::binary) << text;
  }
  void registry(const std::string& sql) {
    const Status done = store::Connection::open(directory_ + "/registry.db",
                                                store::Connection::Mode::read_write_create, nullptr)
                            ->execute(sql);
    ASSERT_TRUE(done) << describe(done.error());
  }
  std::string back_up() {
    const std::string copy = elsewhere_ + "/copy";
    const Status copied = maintenance().back_up(copy, kNow);
    EXPECT_TRUE(copied) << describe(copied.error());
    return copy;
  }
  std::vector<std::string> damages() {
    const auto found = maintenance().verify();
    EXPECT_TRUE(found) << describe(found.error());
    std::vector<std::string> all;
    if (found)
      for (const Damage& damage : found->damages) all.push_back(damage.file + ": " + damage.what);
    return all;
  }
};

TEST_F(BackupTest, AWholeOneThatWasNeverRenamedBlocksNobody) {
  add(1, 1);
  const std::string copy = back_up();
  fs::rename(copy, copy + ".partial");
  add(2, 1);
  ASSERT_TRUE(maintenance().back_up(copy, kNow));
  EXPECT_FALSE(fs::exists(copy + ".partial"));
  EXPECT_EQ(verify(copy, copy + "/pirn.db")->damages.size(), 0u);
  fs::create_directory(copy + "2.partial");
  write_file(copy + "2.partial/mine", "x");
  EXPECT_EQ(maintenance().back_up(copy + "2", kNow).error().code, Code::conflict)
      << "what is not a backup stays";
  EXPECT_TRUE(fs::exists(copy + "2.partial/mine"));
}

TEST_F(BackupTest, CopiesADataDirectoryWhileItIsWrittenTo) {
  for (uint64_t i = 1; i <= 20; ++i) add(i, 1);
  const std::string copy = elsewhere_ + "/copy";
  std::thread writer([&] {
    for (uint64_t i = 21; i <= 60; ++i) add(i, 1);
  });
  const Status copied = maintenance().back_up(copy, kNow);
  writer.join();
  ASSERT_TRUE(copied) << describe(copied.error());
  const auto verified = verify(copy, copy + "/pirn.db");
  ASSERT_TRUE(verified) << describe(verified.error());
  EXPECT_TRUE(verified->damages.empty());
  EXPECT_EQ(verified->backup_files, 6u);
  EXPECT_GE(verified->rows, 60u);
  for (const char* file : {"pirn.db", "registry.db", "registry.pepper", "registry.sealed", "logbook.db"})
    EXPECT_EQ(fs::status(copy + "/" + file).permissions(), fs::perms::owner_read | fs::perms::owner_write)
        << file;
  EXPECT_FALSE(fs::exists(copy + "/blobs/.unfinished-x"));
  EXPECT_FALSE(fs::exists(copy + ".partial"));
  EXPECT_EQ(maintenance().back_up(copy, kNow).error().code, Code::conflict) << "nothing is written over";
  EXPECT_TRUE(maintenance().back_up(elsewhere_ + "/second/", kNow)) << "as a shell completes it";
  EXPECT_TRUE(fs::exists(elsewhere_ + "/second/backup.json"));
  EXPECT_EQ(maintenance().back_up("copy", kNow).error().code, Code::invalid_argument);
  fs::create_directory_symlink(directory_, elsewhere_ + "/link");
  for (const std::string& inside : {directory_ + "/copy", elsewhere_ + "/link/copy"})
    EXPECT_EQ(maintenance().back_up(inside, kNow).error().code, Code::invalid_argument) << inside;

  ASSERT_TRUE(adopt_backup(copy));
  EXPECT_FALSE(fs::exists(copy + "/" + kManifestFile));
  ASSERT_TRUE(adopt_backup(copy)) << "a directory that is in use is no backup any more";
  const auto restored = store::SqliteStore::open(copy + "/pirn.db");
  ASSERT_TRUE(restored) << describe(restored.error());
  EXPECT_GE((*restored)->stats()->executions, 20u);
}

// Whatever cut the copy short: the backup itself, or a copy of it.
TEST_F(BackupTest, ACopyThatIsNotCompleteIsRefused) {
  add(1, 1);
  const std::string copy = back_up();
  const std::string broken = directory_ + "/broken";
  const auto again = [&] {
    fs::remove_all(broken);
    fs::copy(copy, broken, fs::copy_options::recursive);
  };
  const auto refused = [&] {
    const Status adopted = adopt_backup(broken);
    EXPECT_FALSE(adopted);
    EXPECT_EQ(adopted ? Code::internal : adopted.error().code, Code::backup_incomplete);
    const auto verified = verify(broken, broken + "/pirn.db");
    EXPECT_FALSE(verified);
    EXPECT_TRUE(fs::exists(broken + "/" + kManifestFile));
    return adopted ? std::string() : adopted.error().message;
  };
  again();
  ASSERT_TRUE(adopt_backup(broken));
  for (const char* file : {"pirn.db", "registry.db", "registry.pepper", "logbook.db"}) {
    again();
    fs::remove(broken + "/" + file);
    EXPECT_NE(refused().find(file), std::string::npos);
    again();
    fs::resize_file(broken + "/" + file, fs::file_size(broken + "/" + file) - 1);
    EXPECT_NE(refused().find(file), std::string::npos);
  }
  again();
  std::ofstream(broken + "/" + kManifestFile) << "{\"complete\":";
  refused();
  again();
  ASSERT_TRUE(begin_manifest(broken));
  EXPECT_NE(refused().find("did not come to its end"), std::string::npos);
  EXPECT_TRUE(is_unfinished_backup(broken));
  EXPECT_FALSE(is_unfinished_backup(copy));
}

TEST_F(BackupTest, AFailedBackupLeavesNothing) {
  add(1, 1);
  fs::remove(directory_ + "/registry.sealed");
  const std::string copy = elsewhere_ + "/copy";
  EXPECT_EQ(maintenance().back_up(copy, kNow).error().code, Code::io_failed);
  EXPECT_FALSE(fs::exists(copy));
  EXPECT_FALSE(fs::exists(copy + ".partial"));
  EXPECT_EQ(maintenance().back_up(elsewhere_ + "/missing/copy", kNow).error().code, Code::io_failed);

  // One that was killed left its own behind; somebody else's directory of that name is not touched.
  write("registry.sealed", "sealed");
  fs::create_directory(copy + ".partial");
  std::ofstream(copy + ".partial/notes") << "mine";
  EXPECT_EQ(maintenance().back_up(copy, kNow).error().code, Code::conflict);
  EXPECT_TRUE(fs::exists(copy + ".partial/notes"));
  ASSERT_TRUE(begin_manifest(copy + ".partial"));
  ASSERT_TRUE(maintenance().back_up(copy, kNow));
  EXPECT_FALSE(fs::exists(copy + "/notes"));

  // Or it was killed before there was a manifest.
  for (const bool begun : {false, true}) {
    fs::remove_all(copy);
    fs::create_directory(copy + ".partial");
    if (begun) std::ofstream(copy + ".partial/backup.json.new") << "{";
    EXPECT_TRUE(maintenance().back_up(copy, kNow)) << begun;
  }
}

TEST_F(BackupTest, VerificationFindsEveryKindOfDamage) {
  const auto first = add(1, 1), second = add(2, -1), third = add(3, 2);
  EXPECT_EQ(damages(), std::vector<std::string>());
  const auto found = maintenance().verify();
  EXPECT_EQ(found->rows, 9u);
  EXPECT_EQ(found->blobs, 1u);
  const auto sql = [&](const std::string& text) {
    const Status done =
        store::Connection::open(directory_ + "/pirn.db", store::Connection::Mode::read_write_create, nullptr)
            ->execute(text);
    ASSERT_TRUE(done) << describe(done.error());
  };
  const auto expect = [&](const std::string& file, const std::string& what) {
    const auto all = damages();
    ASSERT_EQ(all.size(), 1u) << file << ": " << what;
    EXPECT_EQ(all.front().substr(0, file.size() + 2), file + ": ");
    EXPECT_NE(all.front().find(what), std::string::npos) << all.front();
  };
  const std::string one = std::to_string(first.value), two = std::to_string(second.value),
                    three = std::to_string(third.value);
  sql("UPDATE journal SET body = '{\"x\":1}' WHERE stream = " + one + " AND commit_no = 1");
  expect("pirn.db", "commit 1 of stream " + first.text() + " does not match its checksum");
  sql("UPDATE journal SET body = '{}' WHERE stream = " + one);
  sql("UPDATE executions SET state = 'failed' WHERE id = " + one);
  expect("pirn.db", "the row of execution " + first.text() + " does not match its checksum");
  sql("UPDATE executions SET state = 'completed' WHERE id = " + one);
  sql("UPDATE executions SET body = '{', sum = NULL WHERE id = " + two);
  expect("pirn.db", "is not readable");
  sql("UPDATE executions SET body = '{}' WHERE id = " + two);
  EXPECT_EQ(maintenance().verify()->without_checksum, 1u);
  EXPECT_EQ(damages(), std::vector<std::string>());

  sql("DELETE FROM journal WHERE stream = " + two + " AND commit_no = 1");
  expect("pirn.db", "the journal of stream " + second.text() + " misses commits");
  sql("DELETE FROM journal WHERE stream = " + two + "; DELETE FROM executions WHERE id = " + two);
  sql("DELETE FROM executions WHERE id = " + three);
  expect("pirn.db", "the execution is not");
  sql("DELETE FROM journal WHERE stream = " + three);

  registry("UPDATE tenants SET name = 'blue'");
  expect("pirn.db", "executions of the tenant 'acme', which the registry does not have");
  registry("UPDATE tenants SET name = 'acme'; UPDATE releases SET digest = 'x'");
  expect("pirn.db", "which the registry does not have");
  registry("UPDATE releases SET digest = '" + std::string(64, '0') + "'");

  write("blobs/" + std::string(kSha256OfBytes), "other");
  expect("blobs/" + std::string(kSha256OfBytes), "SHA-256");
  fs::remove(directory_ + "/blobs/" + kSha256OfBytes);
  expect("blobs/" + std::string(kSha256OfBytes), "opening");
  write("blobs/" + std::string(kSha256OfBytes), "bytes");
  EXPECT_EQ(damages(), std::vector<std::string>());

  store_.reset();
  std::fstream file(directory_ + "/pirn.db", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(8192);  // the second page
  file << std::string(8192, 'x');
  file.close();
  const auto broken = verify(directory_, directory_ + "/pirn.db");
  ASSERT_TRUE(broken) << describe(broken.error());
  EXPECT_FALSE(broken->damages.empty());
}

}  // namespace
}  // namespace pirn::maintenance
