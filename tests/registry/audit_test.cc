// The chain of audit records, its seal, its numbers, and what a schema 1 database becomes.
#include "registry/audit.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "packager/digest/digest.h"
#include "registry/schema.h"
#include "tests/registry/sample.h"

namespace pirn::registry {
namespace {

AuditRecord record(const std::string& tenant, int64_t at_ms, const std::string& object) {
  AuditRecord out;
  out.at_ms = at_ms;
  out.tenant = tenant;
  out.actor = tenant + "/key:k1";
  out.action = "key.create";
  out.object = object;
  out.outcome = "ok";
  return out;
}

class AuditTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(migrate(*database_, migrations()));
    ASSERT_TRUE(log_.seal());
    for (int i = 1; i <= 5; ++i)
      ASSERT_TRUE(log_.append(record(i % 2 ? "acme" : "globex", i * 10, "key/" + std::to_string(i))));
  }
  void tamper(const std::string& sql) {
    ASSERT_TRUE(
        database_->script("DROP TRIGGER IF EXISTS audit_stays; DROP TRIGGER IF EXISTS audit_keeps;" + sql));
  }
  std::vector<AuditRecord> read(const AuditFilter& filter) { return take(log_.read(filter)); }
  // Of the first break that nobody accepted.
  std::string broken(uint64_t newest = UINT64_MAX) {
    const AuditReport report = take(log_.verify(newest));
    return report.intact() ? "" : audit_broken(report).message;
  }

  std::unique_ptr<Database> database_ = take(Database::open({}));
  Pepper pepper_ = take(random_pepper());
  AuditLog log_{*database_, pepper_};
};

// What a filter refuses must not be an action that some change writes.
TEST(AuditActions, AreThoseOfTheSources) {
  static const std::regex literal(R"re("((?:audit|key|package|rollout|tenant|trust)\.[a-z]+)")re");
  std::set<std::string> written;
  for (const auto& entry : std::filesystem::directory_iterator(PIRN_SOURCE_DIRECTORY "/registry")) {
    if (entry.path().extension() != ".cc" || entry.path().filename() == "records.cc") continue;
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    const std::string source = text.str();
    for (std::sregex_iterator at(source.begin(), source.end(), literal), end; at != end; ++at)
      written.insert(at->str(1));
  }
  written.insert("authenticate");
  const auto actions = audit_actions();
  EXPECT_EQ(written, std::set<std::string>(actions.begin(), actions.end()));
}

TEST_F(AuditTest, EachTenantsRecordsAreNumberedByThemselves) {
  const AuditReport report = take(log_.verify());
  EXPECT_TRUE(report.intact());
  EXPECT_EQ(report.records, 5u);
  EXPECT_EQ(report.checked, 5u);
  EXPECT_EQ(report.numbers.at("acme"), 3u);
  EXPECT_EQ(report.numbers.at("globex"), 2u);
  AuditFilter filter;
  filter.tenant = "acme";
  const auto acme = read(filter);
  ASSERT_EQ(acme.size(), 3u);
  for (size_t i = 0; i < acme.size(); ++i) EXPECT_EQ(acme[i].number, i + 1);
  filter.after = 1;
  EXPECT_EQ(read(filter).front().object, "key/3");
}

TEST_F(AuditTest, AnyChangedColumnIsFound) {
  for (const std::string change : {"at = 31", "tenant = 'initech'", "actor = 'x'", "action = 'x'",
                                   "object = 'x'", "outcome = 'x'", "detail = 'x'", "number = 9", "times = 2",
                                   "first_at = 29", "hash = (SELECT hash FROM audit WHERE seq = 2)"}) {
    tamper("SAVEPOINT before; UPDATE audit SET " + change + " WHERE seq = 3");
    EXPECT_NE(broken().find("record 3: it was changed"), std::string::npos) << change << ": " << broken();
    ASSERT_TRUE(database_->script("ROLLBACK TO before; RELEASE before"));
    EXPECT_EQ(broken(), "");
  }
}

TEST_F(AuditTest, RemovedAndInsertedRecordsAreFound) {
  for (const auto& [sql, said] : std::map<std::string, std::string>{
           {"DELETE FROM audit WHERE seq = 2", "record 3: the record before it is missing"},
           {"DELETE FROM audit WHERE seq IN (1, 2)", "record 3: the 2 records before it are missing"},
           {"DELETE FROM audit WHERE seq = 5", "record 4: records after it are missing"},
           {"DELETE FROM audit WHERE seq > 2", "record 2: records after it are missing"},
           {"DELETE FROM audit", "record 0: records after it are missing"},
           {"INSERT INTO audit SELECT 6, at, tenant, actor, action, object, outcome, detail, hash, 4, 1, at "
            "FROM audit"
            " WHERE seq = 5",
            "record 6: it was changed"},
           {"DELETE FROM meta WHERE key = 'audit_head'", "record 5: records after it are missing"}}) {
    tamper("SAVEPOINT before; " + sql);
    EXPECT_NE(broken().find(said), std::string::npos) << sql << ": " << broken();
    ASSERT_TRUE(database_->script("ROLLBACK TO before; RELEASE before"));
  }
}

// Whoever has the database and not the pepper can make a chain that holds in itself, and cannot seal it.
TEST_F(AuditTest, AWholeChainThatWasWrittenAnewIsFound) {
  tamper("DELETE FROM audit WHERE seq > 3");
  Pepper other = take(random_pepper());
  AuditLog forger(*database_, other);
  ASSERT_TRUE(forger.append(record("acme", 40, "key/forged")));
  ASSERT_TRUE(take(forger.verify()).intact()) << "under the forger's own pepper";
  EXPECT_NE(broken().find("the log was rewritten"), std::string::npos) << broken();
}

TEST_F(AuditTest, MovingTextFromOneColumnToTheNextIsFound) {
  tamper("UPDATE audit SET object = 'key', detail = '/4' WHERE seq = 4");
  EXPECT_NE(broken(), "");
}

TEST_F(AuditTest, OnlyTheNewestAreFollowedWhenThatIsAskedFor) {
  tamper("UPDATE audit SET detail = 'x' WHERE seq = 2");
  EXPECT_EQ(broken(2), "");
  EXPECT_EQ(take(log_.verify(2)).checked, 2u);
  EXPECT_NE(broken(4), "");
}

TEST_F(AuditTest, AnAcceptedBreakIsReportedAsThatUntilItChangesAgain) {
  tamper("UPDATE audit SET detail = 'x' WHERE seq = 2");
  const AuditReport found = take(log_.verify());
  ASSERT_EQ(found.breaks.size(), 1u);
  ASSERT_TRUE(log_.append(AuditLog::acceptance(found.breaks[0], 99)));
  const AuditReport after = take(log_.verify());
  ASSERT_EQ(after.breaks.size(), 1u);
  EXPECT_TRUE(after.breaks[0].accepted);
  EXPECT_TRUE(after.intact());
  tamper("UPDATE audit SET detail = 'y' WHERE seq = 2");
  EXPECT_NE(broken().find("record 2"), std::string::npos);
  tamper("UPDATE audit SET detail = 'x' WHERE seq = 2; UPDATE audit SET detail = 'x' WHERE seq = 1");
  EXPECT_NE(broken().find("record 1"), std::string::npos) << "another record was not accepted";
}

TEST_F(AuditTest, FiltersSayWhichAndInWhichOrder) {
  AuditRecord refused = record("acme", 60, "key/9");
  refused.action = "trust.add";
  refused.outcome = "permission_denied";
  ASSERT_TRUE(log_.append(refused));
  const auto objects = [&](AuditFilter filter) {
    std::string all;
    for (const AuditRecord& each : read(filter)) all += each.object + " ";
    return all;
  };
  AuditFilter filter;
  filter.action = "trust";
  EXPECT_EQ(objects(filter), "key/9 ");
  filter.action = "tru";
  EXPECT_EQ(objects(filter), "") << "a kind is the whole word";
  filter.action = "key.create";
  EXPECT_EQ(objects(filter), "key/1 key/2 key/3 key/4 key/5 ");
  filter.since_ms = 40;
  EXPECT_EQ(objects(filter), "key/4 key/5 ");
  filter = {};
  filter.outcome = "refused";
  EXPECT_EQ(objects(filter), "key/9 ");
  filter.outcome = "ok";
  filter.actor = "k1";
  filter.tenant = "acme";
  filter.order = AuditFilter::Order::newest_first;
  filter.limit = 2;
  EXPECT_EQ(objects(filter), "key/5 key/3 ");
  filter.actor = "acme/key:k1";
  EXPECT_EQ(objects(filter), "key/5 key/3 ");
  filter.actor = "k";
  EXPECT_EQ(objects(filter), "");
}

TEST_F(AuditTest, WhatStrangersChooseIsTextOfABoundedLength) {
  AuditRecord hostile = record("acme", 60, std::string(5'000, 'x') + "\xFF");
  hostile.detail = "\xC0\xAF\xED\xA0\x80 \xF4\x90\x80\x80" + std::string(9'000, 'y');
  ASSERT_TRUE(log_.append(hostile));
  const AuditRecord kept = read({}).back();
  EXPECT_EQ(kept.object, std::string(256, 'x') + "\xE2\x80\xA6");
  EXPECT_LT(kept.detail.size(), 1'100u);
  EXPECT_TRUE(kept.detail.starts_with("\xEF\xBF\xBD")) << "bytes that are no UTF-8 are replaced";
  EXPECT_EQ(broken(), "");
}

// ---- an older schema

// As the version that had schema 1 wrote them.
void append_as_schema_1(Database& database, AuditRecord entry, Digest& previous) {
  Sha256 hash;
  hash.add("PIRN1-AUDIT").add(previous.hex());
  for (const std::string& field : {std::to_string(entry.seq), std::to_string(entry.at_ms), entry.tenant,
                                   entry.actor, entry.action, entry.object, entry.outcome, entry.detail}) {
    std::string length(8, '\0');
    for (size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(field.size() >> (8 * i));
    hash.add(length).add(field);
  }
  previous = hash.finish();
  ASSERT_TRUE(database.run("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                           {entry.seq, entry.at_ms, entry.tenant, entry.actor, entry.action, entry.object,
                            entry.outcome, entry.detail, previous}));
}

TEST(OldSchema, ALogOfSchema1GoesOnAndIsSealed) {
  const Scratch scratch;
  {
    const auto database = take(Database::open(scratch / "registry.db"));
    ASSERT_TRUE(migrate(*database, migrations().first(1)));
    ASSERT_TRUE(database->script(
        "INSERT INTO tenants VALUES ('acme', 'in-process', 1, 0, 'operator');"
        "INSERT INTO trust (tenant, publisher, key_id, public_key, pattern, role, valid_from, valid_until, "
        "added_at,"
        " added_by) VALUES ('acme', '', 'a', zeroblob(32), '*', 'sign', 0, 0, 0, 'operator'),"
        " ('acme', 'tests', 'b', zeroblob(32), '*', 'sign', 0, 0, 0, 'operator');"));
    Digest previous;
    for (uint64_t i = 1; i <= 4; ++i) {
      AuditRecord old = record(i % 2 ? "acme" : "", static_cast<int64_t>(i * 10), "key/" + std::to_string(i));
      old.seq = i;
      append_as_schema_1(*database, old, previous);
    }
  }
  {
    const auto registry = take(Registry::open({scratch.path()}));
    EXPECT_EQ(*registry->verify_audit(), 4u);
    ASSERT_TRUE(registry->create_key(kOperator, {"acme", Role::viewer}, kNow));
    EXPECT_EQ(*registry->verify_audit(), 5u);
    const auto acme = *registry->audit("acme", 0, 100);
    ASSERT_EQ(acme.size(), 3u);
    for (size_t i = 0; i < acme.size(); ++i) EXPECT_EQ(acme[i].number, i + 1);
    EXPECT_EQ(acme[0].first_at_ms, acme[0].at_ms);
    const auto trust = *registry->trust("acme");
    ASSERT_EQ(trust.size(), 2u);
    EXPECT_NE(trust[0].revoked_at_ms, 0) << "trust in no publisher in particular has ended";
    EXPECT_EQ(trust[1].revoked_at_ms, 0);
  }
  {
    const auto database = take(Database::open(scratch / "registry.db"));
    ASSERT_TRUE(
        database->script("DROP TRIGGER audit_stays; UPDATE audit SET object = 'key/0' WHERE seq = 2"));
  }
  EXPECT_EQ(Registry::open({scratch.path()}).error().code, Code::audit_broken);
}

// ---- at the start of a host

using AuditAtOpen = RegistryTest;

TEST_F(AuditAtOpen, ABrokenLogStopsItUntilTheOperatorAcceptsTheBreak) {
  ASSERT_TRUE(registry().create_key(kOperator, {"acme", Role::viewer}, kNow));
  registry_.reset();
  const auto sql = [&](const std::string& text) {
    const auto database = take(Database::open(scratch_ / "registry.db"));
    ASSERT_TRUE(
        database->script("DROP TRIGGER IF EXISTS audit_stays; DROP TRIGGER IF EXISTS audit_keeps;" + text));
  };
  sql("UPDATE audit SET outcome = 'not_found' WHERE seq = 2");
  const auto refused = Registry::open(options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::audit_broken);
  EXPECT_NE(refused.error().message.find("record 2: it was changed"), std::string::npos)
      << refused.error().message;
  const AuditReport offline = take(Registry::audit_report_of(scratch_.path()));
  EXPECT_FALSE(offline.intact());

  options_.accept_broken_audit_at_ms = kNow + 7;
  registry_ = take(Registry::open(options_));
  const AuditRecord accepted = audit().back();
  EXPECT_EQ(accepted.action, "audit.accept");
  EXPECT_EQ(accepted.object, "audit/2");
  EXPECT_EQ(accepted.at_ms, kNow + 7);
  options_.accept_broken_audit_at_ms = 0;
  reopen();
  EXPECT_TRUE(take(registry().audit_report()).intact());

  registry_.reset();
  sql("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)");
  EXPECT_EQ(Registry::open(options_).error().code, Code::audit_broken) << "the newest record was cut off";
  options_.accept_broken_audit_at_ms = kNow + 8;
  registry_ = take(Registry::open(options_));
  const auto records = audit();
  EXPECT_EQ(records.back().object, "audit/head");
  EXPECT_EQ(records[records.size() - 2].object, "audit/2")
      << "with its acceptance the first break is open again";
  EXPECT_TRUE(take(registry().audit_report()).intact());
}

// Whoever can write to registry.db alone, and makes it look as if it came from a version without seals.
TEST_F(AuditAtOpen, ALogThatWasSealedOnceCannotLoseItsSeal) {
  ASSERT_TRUE(registry().create_key(kOperator, {"acme", Role::viewer}, kNow));
  registry_.reset();
  const std::string mark = scratch_ / "registry.sealed";
  ASSERT_EQ(boost::filesystem::status(mark).permissions(),
            boost::filesystem::owner_read | boost::filesystem::owner_write);
  {
    const auto database = take(Database::open(scratch_ / "registry.db"));
    ASSERT_TRUE(database->script(
        "DROP TRIGGER audit_stays; DROP TRIGGER audit_keeps; DROP INDEX audit_of_tenant;"
        "DELETE FROM audit; DELETE FROM meta WHERE key = 'audit_head';"
        "ALTER TABLE audit DROP COLUMN number; ALTER TABLE audit DROP COLUMN times;"
        "ALTER TABLE audit DROP COLUMN first_at;"
        "CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'x'); END;"
        "CREATE INDEX audit_of_tenant ON audit (tenant, seq); PRAGMA user_version = 2"));
    Digest previous;
    for (uint64_t i = 1; i <= 2; ++i) {
      AuditRecord forged = record("acme", static_cast<int64_t>(i * 10), "key/forged");
      forged.seq = i;
      append_as_schema_1(*database, forged, previous);
    }
  }
  EXPECT_EQ(Registry::audit_report_of(scratch_.path()).error().code, Code::audit_broken);
  for (int start = 0; start < 2; ++start) {
    const auto refused = Registry::open(options_);
    ASSERT_FALSE(refused) << "start " << start;
    EXPECT_EQ(refused.error().code, Code::audit_broken) << describe(refused.error());
  }
  options_.accept_broken_audit_at_ms = kNow + 7;
  registry_ = take(Registry::open(options_));
  options_.accept_broken_audit_at_ms = 0;
  reopen();
  EXPECT_EQ(audit().back().object, "audit/head") << "what was found is on record";
  registry_.reset();
  boost::filesystem::remove(scratch_ / "registry.db");
  EXPECT_EQ(Registry::open(options_).error().code, Code::audit_broken) << "nor lose the whole database";
}

// A start can end between the migration and the seal, and between the seal and its mark.
TEST_F(AuditAtOpen, AStartThatWasInterruptedIsMadeUpFor) {
  registry_.reset();
  boost::filesystem::remove(scratch_ / "registry.sealed");
  registry_ = take(Registry::open(options_));
  EXPECT_TRUE(boost::filesystem::exists(scratch_ / "registry.sealed"));
  registry_.reset();
  boost::filesystem::remove(scratch_ / "registry.sealed");
  ASSERT_TRUE(
      take(Database::open(scratch_ / "registry.db"))->script("DELETE FROM meta WHERE key = 'audit_head'"));
  registry_ = take(Registry::open(options_));
  EXPECT_TRUE(take(registry().audit_report()).intact());
  reopen();
}

TEST_F(AuditAtOpen, FollowsAsManyOfTheNewestAsItIsTold) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(registry().create_key(kOperator, {"acme", Role::viewer}, kNow));
  tamper("UPDATE audit SET outcome = 'not_found' WHERE seq = 1");
  options_.audit_checked_at_open = 3;
  reopen();
  EXPECT_EQ(registry().verify_audit().error().code, Code::audit_broken)
      << "all of it is followed when one asks";
}

TEST_F(AuditAtOpen, AnEmptyPublisherTrustsNobody) {
  tamper("UPDATE trust SET publisher = '' WHERE tenant = 'acme'");
  const auto pushed = push({});
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, Code::signer_out_of_scope) << describe(pushed.error());
}

}  // namespace
}  // namespace pirn::registry
