// Cuts the power, fills the disk and breaks it at every single operation of a scenario, and asks each time:
// is everything there that was acknowledged, nothing twice, and nothing in half?
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "host/store/sqlite_store.h"
#include "tests/host/store/crash_disk.h"

namespace pirn::store {
namespace {

constexpr const char* kPath = "/pirn.db";
constexpr uint64_t kFirstId = uint64_t{1'780'000'000'000} << 21;

SqliteStore::Options options_on(const CrashDisk& disk) {
  SqliteStore::Options options;
  options.checkpoint_step_bytes = 128 << 10;  // small, so that the scenario sees many checkpoints
  options.wal_limit_bytes = 1 << 20;
  options.cache_bytes = 4 << 20;
  options.vfs = disk.vfs();
  return options;
}

// What a host knows to be durable, and what it does not know about.
struct Ledger {
  std::map<uint64_t, uint32_t> acknowledged;  // stream: its last commit
  std::map<uint64_t, uint32_t> in_flight;     // the same after the change that was not acknowledged
  Epoch epoch = 0;
};

std::string body_of(uint64_t id, uint32_t commit_no) {
  return std::string(700 + (id * 7 + commit_no * 131) % 900, 'a') + std::to_string(id) + "/" +
         std::to_string(commit_no);
}

// One change: three executions go one commit further, every third turn also rewrites their rows.
Status turn(Store& store, int number, Ledger& ledger) {
  std::vector<std::string> bodies;
  std::vector<uint64_t> ids;
  bodies.reserve(3);
  std::vector<JournalRow> journal;
  std::vector<ExecutionRow> rows;
  ledger.in_flight = ledger.acknowledged;
  for (uint64_t i = 0; i < 3; ++i) {
    const uint64_t id = kFirstId + static_cast<uint64_t>(number % 4) * 3 + i;
    const uint32_t commit_no = ++ledger.in_flight[id];
    bodies.push_back(body_of(id, commit_no));
    journal.push_back({{id}, commit_no, 1, bodies.back()});
    if (number % 3 == 0) {
      ExecutionRow row;
      row.id = {id};
      row.commit_no = commit_no;
      row.state = "running";
      row.tenant = "acme";
      row.body = bodies.back();
      rows.push_back(row);
    }
  }
  Status status = store.commit({store.lease(), journal, rows, false});
  if (status) ledger.acknowledged = ledger.in_flight;
  return status;
}

// Two hosts after each other. Ends early when one fails.
void scenario(CrashDisk& disk, Ledger& ledger) {
  int number = 0;
  for (int host = 0; host < 2; ++host) {
    auto store = SqliteStore::open(kPath, options_on(disk));
    if (!store) return;
    EXPECT_GT((*store)->epoch(), ledger.epoch);
    ledger.epoch = (*store)->epoch();
    for (int i = 0; i < 14; ++i) {
      if (!turn(**store, number++, ledger)) {
        Ledger later = ledger;
        EXPECT_FALSE(turn(**store, number, later)) << "a store that failed took a commit";
        return;
      }
      if (i % 5 == 4 && !(*store)->maintain()) {
        EXPECT_FALSE(turn(**store, number, ledger)) << "a store that failed took a commit";
        return;
      }
    }
  }
}

std::string check_integrity(const CrashDisk& disk) {
  auto connection = Connection::open(kPath, Connection::Mode::read_write_create, disk.vfs());
  if (!connection) return connection.error().message;
  auto text = connection->text("PRAGMA integrity_check");
  return text ? *text : text.error().message;
}

// The commits that the store has, by stream; a failure text when they are not what the ledger allows.
std::string check(CrashDisk& disk, const Ledger& ledger, std::map<uint64_t, uint32_t>* seen = nullptr) {
  auto store = SqliteStore::open(kPath, options_on(disk));
  if (!store) return describe(store.error());
  if ((*store)->epoch() <= ledger.epoch) return "the epoch was given twice";
  std::map<uint64_t, uint32_t> there;
  std::string problem;
  for (uint64_t id = kFirstId; id < kFirstId + 12; ++id) {
    auto commits = (*store)->journal({id}, 0, 1'000);
    if (!commits) return describe(commits.error());
    for (const StoredCommit& commit : *commits)
      if (commit.commit_no != ++there[id] || commit.body != body_of(id, commit.commit_no))
        problem = "a commit is damaged";
    auto row = (*store)->find("acme", {id});
    if (!row) return describe(row.error());
    if (*row && ((*row)->commit_no > there[id] || (*row)->body != body_of(id, (*row)->commit_no)))
      problem = "an execution's row is ahead of its journal";
  }
  if (seen != nullptr) *seen = there;
  if (there != ledger.acknowledged && there != ledger.in_flight)
    problem = "what is there was not acknowledged, or the reverse";
  Ledger after = ledger;
  after.acknowledged = there;
  if (!turn(**store, 1, after)) problem = "no commit works afterwards";
  store->reset();
  const std::string integrity = check_integrity(disk);
  return integrity == "ok" ? problem : integrity;
}

uint64_t operations_of_the_scenario() {
  CrashDisk disk("counting");
  Ledger ledger;
  scenario(disk, ledger);
  const uint64_t operations = disk.operations();
  EXPECT_EQ(ledger.acknowledged.size(), 12u);
  EXPECT_EQ(check(disk, ledger), "");
  return operations;
}

std::string_view name_of(CrashDisk::Unsynced unsynced) {
  if (unsynced == CrashDisk::Unsynced::random) return "Random";
  return unsynced == CrashDisk::Unsynced::lost ? "Lost" : "Kept";
}
std::string_view name_of(CrashDisk::Fault fault) {
  return fault == CrashDisk::Fault::no_space ? "NoSpace" : "IoError";
}

}  // namespace

// GoogleTest looks for them where the types are.
void PrintTo(CrashDisk::Unsynced unsynced, std::ostream* out) { *out << name_of(unsynced); }
void PrintTo(CrashDisk::Fault fault, std::ostream* out) { *out << name_of(fault); }

namespace {

class PowerCut : public ::testing::TestWithParam<CrashDisk::Unsynced> {};

TEST_P(PowerCut, AtEveryOperationLosesNothingThatWasAcknowledged) {
  const uint64_t operations = operations_of_the_scenario();
  ASSERT_GT(operations, 200u);
  for (uint64_t n = 1; n <= operations; ++n) {
    CrashDisk disk("power");
    Ledger ledger;
    disk.fault_at(n, CrashDisk::Fault::kill);
    scenario(disk, ledger);
    disk.reboot(GetParam(), static_cast<uint32_t>(n));
    ASSERT_EQ(check(disk, ledger), "") << "killed at operation " << n;
  }
}

INSTANTIATE_TEST_SUITE_P(Unsynced, PowerCut,
                         ::testing::Values(CrashDisk::Unsynced::lost, CrashDisk::Unsynced::kept,
                                           CrashDisk::Unsynced::random),
                         [](const auto& info) { return std::string(name_of(info.param)); });

class BrokenDisk : public ::testing::TestWithParam<CrashDisk::Fault> {};

// The machine goes on after the failure: the next host reads what the operating system still shows of the
// failed sync. What it saw must survive the power cut that follows.
TEST_P(BrokenDisk, AtEveryOperationStopsTheStoreAndLosesNothing) {
  const uint64_t operations = operations_of_the_scenario();
  for (uint64_t n = 1; n <= operations; ++n) {
    CrashDisk disk("broken");
    Ledger ledger;
    disk.fault_at(n, GetParam());
    scenario(disk, ledger);
    ASSERT_TRUE(disk.fault_happened()) << n;
    disk.no_fault();
    Ledger after = ledger;
    ASSERT_EQ(check(disk, ledger, &after.acknowledged), "") << "failed at operation " << n;
    // check() made one commit more, and acknowledged it.
    for (uint64_t id = kFirstId + 3; id < kFirstId + 6; ++id) ++after.acknowledged[id];
    after.in_flight = after.acknowledged;
    disk.reboot(CrashDisk::Unsynced::lost, 0);
    ASSERT_EQ(check(disk, after), "") << "failed at operation " << n << ", then without power";
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, BrokenDisk,
                         ::testing::Values(CrashDisk::Fault::no_space, CrashDisk::Fault::io_error),
                         [](const auto& info) { return std::string(name_of(info.param)); });

// A sync failed, the next host starts on the same machine, and power is cut at each operation of its opening.
TEST(FailedSync, IsNotBelievedByTheNextOpening) {
  const uint64_t operations = operations_of_the_scenario();
  for (uint64_t n = 1; n <= operations; ++n) {
    bool opened = false;
    for (uint64_t m = 1; !opened; ++m) {
      CrashDisk disk("twice");
      Ledger ledger;
      disk.fault_at(n, CrashDisk::Fault::io_error);
      scenario(disk, ledger);
      if (!disk.a_sync_failed()) break;
      disk.fault_at(m, CrashDisk::Fault::kill);
      opened = static_cast<bool>(SqliteStore::open(kPath, options_on(disk)));
      disk.reboot(CrashDisk::Unsynced::random, static_cast<uint32_t>(n * 100 + m));
      ASSERT_EQ(check(disk, ledger), "")
          << "sync " << n << " failed, killed at operation " << m << " of the opening";
    }
  }
}

// The disk is full at each operation of a prune: it fails alone, removes nothing, and commits go on.
TEST(FullDisk, EndsAPruneAndNotTheStore) {
  for (uint64_t n = 1;; ++n) {
    CrashDisk disk("prune");
    Ledger ledger;
    auto store = SqliteStore::open(kPath, options_on(disk));
    ASSERT_TRUE(store) << describe(store.error());
    std::vector<ExecutionId> ended;
    for (uint64_t id = kFirstId + 100; id < kFirstId + 160; ++id) {
      const std::string body = body_of(id, 1);
      const JournalRow journal{{id}, 1, 1, body};
      ExecutionRow row;
      row.id = {id};
      row.commit_no = 1;
      row.open = false;
      row.state = "completed";
      row.tenant = "acme";
      row.body = body;
      ASSERT_TRUE((*store)->commit({(*store)->lease(), {&journal, 1}, {&row, 1}, false}));
      ended.push_back({id});
    }
    ASSERT_TRUE(turn(**store, 0, ledger));
    disk.fault_at(n, CrashDisk::Fault::no_space);
    const Status removed = (*store)->remove(ended);
    const bool happened = disk.fault_happened();
    disk.no_fault();
    if (!happened) {
      EXPECT_GT(n, 1u);
      break;
    }
    SCOPED_TRACE(n);
    // What does not write, and what is done after the commit, does not ask for room.
    if (!removed && removed.error().code != Code::store_full) {
      EXPECT_EQ(removed.error().code, Code::store_failed);
      continue;
    }
    ASSERT_TRUE(turn(**store, 1, ledger)) << "the store goes on";
    if (!removed) {
      EXPECT_TRUE(*(*store)->find("acme", ended.front())) << "nothing was removed";
    }
    EXPECT_TRUE((*store)->remove(ended)) << "there is room again";
    EXPECT_FALSE(*(*store)->find("acme", ended.front()));
    store->reset();
    EXPECT_EQ(check(disk, ledger), "");
  }
}

// Nobody but the operator can make room, so the error says how much and how.
TEST(FullDisk, ACommitThatFindsNoRoomSaysWhatToDo) {
  size_t said = 0;
  for (uint64_t n = 1;; ++n) {
    CrashDisk disk("full");
    Ledger ledger;
    auto store = SqliteStore::open(kPath, options_on(disk));
    ASSERT_TRUE(store) << describe(store.error());
    ASSERT_TRUE(turn(**store, 0, ledger));
    disk.fault_at(n, CrashDisk::Fault::no_space);
    const Status committed = turn(**store, 1, ledger);
    if (!disk.fault_happened()) break;
    if (!committed && committed.error().hint.find("Free at least 16 MiB") != std::string::npos) ++said;
  }
  EXPECT_GT(said, 0u) << "a write fails for want of room; a sync does not say why it fails";
}

// A checkpoint in idle time that fails must not wait for the next commit to be noticed.
TEST(IdleUpkeep, ThatFailsEndsTheStoreAtOnce) {
  CrashDisk disk("idle");
  Ledger ledger;
  auto store = SqliteStore::open(kPath, options_on(disk));
  ASSERT_TRUE(store) << describe(store.error());
  int number = 0;
  while (number < 500 && !disk.fault_happened()) {
    ASSERT_TRUE(turn(**store, number++, ledger));
    disk.fault_at(1, CrashDisk::Fault::io_error);
    const auto idle = (*store)->maintain();
    EXPECT_EQ(!idle, disk.fault_happened());
    if (!idle) {
      EXPECT_EQ(idle.error().code, Code::store_failed);
    }
    disk.no_fault();
  }
  ASSERT_TRUE(disk.fault_happened()) << "there was never anything to move";
  Ledger later = ledger;
  EXPECT_FALSE(turn(**store, number, later));
  store->reset();
  disk.reboot(CrashDisk::Unsynced::lost, 0);
  EXPECT_EQ(check(disk, ledger), "");
}

// The check of the check: on a disk that does not sync, acknowledged commits are lost, and this suite says
// so.
TEST(CrashDiskItself, ADiskThatIgnoresSyncsIsNoticed) {
  CrashDisk disk("lying");
  disk.ignore_syncs();
  Ledger ledger;
  scenario(disk, ledger);
  disk.reboot(CrashDisk::Unsynced::lost, 0);
  EXPECT_NE(check(disk, ledger), "");
}

}  // namespace
}  // namespace pirn::store
