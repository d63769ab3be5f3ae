// Tenants whose own stream of the journal cannot be read: each concerns its tenant alone.
#include <gtest/gtest.h>

#include "host/engine/dead_letter_command.h"
#include "tests/host/engine/tenant_host.h"

namespace pirn::sim {
namespace {

using engine::ControlSchedule;
using journal::State;

constexpr int64_t kMinute = 60 * kSecond;

std::string tenant_body(const std::vector<journal::TenantRecord>& records, uint64_t first_seq) {
  journal::TextWriter body;
  journal::begin_body(body, 1);
  for (size_t i = 0; i < records.size(); ++i)
    journal::append_tenant_event(body, i == 0, first_seq + i, records[i]);
  journal::end_body(body);
  return std::string(body.view());
}

TEST(DamagedTenantJournal, IsNamedWithItsStreamAndThePlace) {
  using journal::TenantOpened;
  const journal::SchedulePaused nothing{{"p", "w"}};
  struct Damage {
    uint64_t stream;
    uint32_t commit_no;
    std::string body;
    std::vector<std::string> parts;
  };
  const std::vector<Damage> damages = {
      {1, 2, tenant_body({nothing}, 2), {"0000000000001", "'t'", "seq 2"}},
      {1, 2, tenant_body({TenantOpened{"t"}}, 2), {"'t'", "seq 2"}},
      {1, 2, R"({"at":1,"events":[{"seq":2,"type":"no.such"}]})", {"0000000000001", "commit 2", "no.such"}},
      {1, 2, R"({"at":1,"eve)", {"0000000000001", "commit 2"}},
      {1, 3, tenant_body({nothing}, 3), {"0000000000001", "commit 3"}},
      {2, 1, tenant_body({nothing}, 1), {"0000000000002", "commit 1"}},
      {2, 1, tenant_body({TenantOpened{"t"}}, 1), {"0000000000002", "'t'", "second"}},
  };
  for (const Damage& damage : damages) {
    SCOPED_TRACE(damage.body);
    World world;
    world.publish(R"("steps":[{"name":"a"}])");
    const std::string opened = tenant_body({TenantOpened{"t"}}, 1);
    const std::vector<store::JournalRow> rows{
        {{1}, 1, journal::kTenantSchema, opened},
        {{damage.stream}, damage.commit_no, journal::kTenantSchema, damage.body}};
    ASSERT_TRUE(world.store().commit({world.store().lease(), rows, {}, false}));
    world.crash();
    ASSERT_EQ(world.engine().damaged_executions().size(), 1u);
    const Error& error = world.engine().damaged_executions().front();
    EXPECT_EQ(error.code, Code::journal_corrupt);
    for (const std::string& part : damage.parts)
      EXPECT_NE(error.message.find(part), std::string::npos) << error.message;
    EXPECT_NE(describe(error).find("backup"), std::string::npos) << "what to do";
  }
}

class DamagedTenant : public ::testing::Test {
 protected:
  DamagedTenant() {
    for (const char* tenant : {"t", "u"})
      host.releases.publish(tenant, R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
          {"name":"w","schedule":{"every":"1h"},"steps":[{"name":"a"}]}]})");
    host.runner().script = [](const auto&) { return after(kMinute, ok()); };
    host.crash();
    EXPECT_TRUE(control("t"));
  }
  Result<ControlSchedule::Answer> control(const std::string& tenant) {
    return host.ask<ControlSchedule, ControlSchedule::Answer>(
        {tenant, "w", ControlSchedule::Action::pause, {}});
  }
  std::vector<engine::ScheduleView> schedules(const std::string& tenant) {
    const auto all = host.ask<engine::ListSchedules, std::vector<engine::ScheduleView>>({tenant, {}});
    return all ? *all : std::vector<engine::ScheduleView>();
  }
  store::StoredTenant row(std::string_view tenant) {
    return host.store().find_tenant(tenant).value().value();
  }
  void write_row(const store::StoredTenant& like, std::string_view body) {
    const std::vector<store::TenantRow> rows{{like.stream, like.commit_no, like.tenant, body}};
    const Status written = host.store().commit({host.store().lease(), {}, {}, false, rows});
    ASSERT_TRUE(written) << describe(written.error());
  }
  // The commits that the row includes are gone, as after a prune.
  void prune(const std::string& tenant) {
    ASSERT_TRUE(host.store().remove_tenant_past({.tenant = tenant, .commits_before = INT64_MAX}, 1'000));
  }
  TenantHost host;
};

TEST_F(DamagedTenant, RowIsFoldedAgainFromTheJournal) {
  write_row(row("t"), R"({"stream":"0000000000001"})");
  host.crash();
  EXPECT_TRUE(host.engine().damaged_executions().empty());
  ASSERT_EQ(schedules("t").size(), 1u);
  EXPECT_TRUE(schedules("t")[0].state.paused) << "as somebody left it";
  EXPECT_TRUE(journal::decode_tenant_state(row("t").body)) << "the row is replaced";
  host.advance(3 * 60 * kMinute + kMinute);
  EXPECT_EQ(host.executions("t"), 0u);
  EXPECT_EQ(host.executions("u"), 3u);
}

TEST_F(DamagedTenant, IsQuarantinedAloneAndComesBackUnchanged) {
  const auto open = host.start();
  ASSERT_TRUE(open);
  const store::StoredTenant whole = row("t");
  prune("t");
  const std::string damaged = R"({"stream":"0000000000001"})";
  write_row(whole, damaged);
  host.crash();
  ASSERT_EQ(host.engine().damaged_executions().size(), 1u)
      << "one error for the tenant, with all that is open of it";
  EXPECT_NE(host.engine().damaged_executions()[0].message.find("tenant 't'"), std::string::npos);

  const auto is_refused = [&](const Error& error) {
    EXPECT_EQ(error.code, Code::journal_corrupt) << describe(error);
    EXPECT_NE(describe(error).find("backup"), std::string::npos);
  };
  is_refused(host.start().error());
  is_refused(host.cancel(open->id).error());
  is_refused(control("t").error());
  is_refused(
      host.ask<engine::ListDeadLetters, std::vector<engine::DeadLetterEntry>>({.tenant = "t", .reply = {}})
          .error());
  host.advance(3 * 60 * kMinute + kMinute);
  EXPECT_EQ(host.executions("u"), 3u) << "nobody else notices";
  EXPECT_EQ(row("t").body, damaged) << "nothing of it is changed";

  write_row(whole, whole.body);
  host.crash();
  EXPECT_TRUE(host.engine().damaged_executions().empty());
  host.advance(2 * kMinute);
  EXPECT_EQ(host.show(open->id).state.state, State::completed);
  ASSERT_EQ(schedules("t").size(), 1u);
  EXPECT_TRUE(schedules("t")[0].state.paused);
}

TEST_F(DamagedTenant, TheHostsOwnStreamBeginsAnew) {
  host.set_clock(60 * kMinute);
  host.advance(kMinute);
  store::StoredTenant own = row(journal::kHostStream);
  prune("");
  write_row(own, "{}");
  host.crash();
  ASSERT_EQ(host.engine().damaged_executions().size(), 1u);
  EXPECT_NE(host.engine().damaged_executions()[0].message.find("the host's own stream"), std::string::npos);
  ASSERT_TRUE(host.start("{}", "", "w", "u"));
  host.crash();
  EXPECT_TRUE(host.engine().damaged_executions().empty()) << "its row was replaced";
}

// What cannot be read now moves with the clock all the same, and is not early when it comes back.
TEST(Quarantined, ExecutionsDoNotWakeEarlyAfterTheClockWasSet) {
  for (const int64_t by : {60 * kMinute, -60 * kMinute}) {
    World world;
    world.boot = "b";
    world.crash();
    const registry::ReleasePtr release = world.publish(R"("steps":[{"name":"a"}])");
    bool has_snoozed = false;
    world.runner().script = [&](const auto&) {
      return std::exchange(has_snoozed, true) ? after(0, ok()) : after(0, snooze(30 * kMinute));
    };
    const auto id = world.start()->id;
    world.advance(kMinute);
    world.releases.unreadable = release;
    world.lose();
    world.set_clock(by);
    world.come_back();
    ASSERT_EQ(world.engine().damaged_executions().size(), 1u);
    world.advance(kMinute);
    world.releases.unreadable = nullptr;
    world.crash();
    EXPECT_TRUE(world.engine().damaged_executions().empty());
    world.advance(27 * kMinute);
    EXPECT_EQ(world.step_state(id, "a"), "snoozed") << "29 of 30 minutes have passed";
    world.advance(2 * kMinute);
    EXPECT_EQ(world.step_state(id, "a"), "completed");
  }
}

}  // namespace
}  // namespace pirn::sim
