// Executions and packages that a start cannot read (R81): their time goes on as if they had been read, and
// whoever asks for them hears what is damaged.
#include <gtest/gtest.h>

#include "tests/host/engine/tenant_host.h"

namespace pirn::sim {
namespace {

using journal::State;

constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kBegin = 1'777'982'400 * kSecond;  // 2026-05-05T12:00:00Z

// ---- time (R72) ----

struct Life {
  bool readable;
  int64_t clock_by;  // set before this life begins
};

struct Case {
  const char* what;
  std::vector<Life> lives;
};

class QuarantinedTime : public testing::TestWithParam<Case> {};

// Each begins ten minutes after the one before. What the execution waits for is due two hours after its start.
TEST_P(QuarantinedTime, R72TimersAreDueWhenTheyWouldHaveBeen) {
  for (const bool rows_at_once : {false, true}) {
    SCOPED_TRACE(rows_at_once);
    engine::Options options;
    if (rows_at_once) options.flush_after_commits = 1;
    TenantHost host(options, kBegin);
    host.boot = "b";
    host.crash();  // a life that knows its boot
    const auto release = host.publish(
        R"("timeout":"3h","on_failure":"ended",
           "steps":[{"name":"sleep"},{"name":"wait","await_approval":true,"timeout":"2h","on_timeout":"missed"},
                    {"name":"for_good","after":["sleep","wait"],"await_approval":true,"timeout":"infinity"}])");
    host.runner().script = [&host](const worker::Invocation& call) {
      if (call.kind != worker::Kind::task) return ok();
      if (call.step_name != "sleep") return await();
      return host.runner().calls.back().nth == 1 ? snooze(2 * kHour) : ok();
    };
    const ExecutionId id = host.start()->id;
    host.advance(10 * kMinute);
    for (const Life& life : GetParam().lives) {
      host.lose();
      host.releases.unreadable = life.readable ? nullptr : release;
      host.set_clock(life.clock_by);
      host.come_back();
      ASSERT_EQ(host.engine().damaged_executions().size(), life.readable ? 0u : 1u);
      host.advance(10 * kMinute);
    }
    host.advance(4 * kHour);
    std::vector<std::string> story;
    for (const Called& call : host.runner().calls)
      story.push_back((call.kind == worker::Kind::task ? call.step : call.function) + " at " +
                      std::to_string((call.at - kBegin) / kMinute));
    EXPECT_EQ(story, (std::vector<std::string>{"sleep at 0", "wait at 0", "missed at 120", "sleep at 120",
                                               "for_good at 120", "ended at 180"}));
    EXPECT_EQ(host.show(id).state.error->code, "workflow_timeout");
  }
}

INSTANTIATE_TEST_SUITE_P(
    Lives, QuarantinedTime,
    testing::Values(Case{"NobodySetTheClock", {{false, 0}, {true, 0}}},
                    Case{"SetForwardBeforeIt", {{true, kHour}, {false, 0}, {true, 0}}},
                    Case{"SetForwardWhenItBegan", {{false, kHour}, {true, 0}}},
                    Case{"SetForwardMeanwhile", {{false, 0}, {false, kHour}, {true, 0}}},
                    Case{"SetForwardTwice", {{false, kHour}, {false, 2 * kHour}, {false, 0}, {true, 0}}},
                    Case{"SetForwardWhenItEnded", {{false, 0}, {true, kHour}}},
                    Case{"SetForwardEachTime",
                         {{false, kHour}, {false, kHour}, {true, kHour}, {false, kHour}, {true, 0}}},
                    Case{"SetBackAndForward", {{false, 2 * kHour}, {false, -kHour}, {true, 0}}}),
    [](const auto& info) { return info.param.what; });

// ---- answers (R81) ----

class QuarantineAnswers : public testing::Test {
 protected:
  QuarantineAnswers() {
    release = host.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
      {"name":"waits","steps":[{"name":"a","await_approval":true,"timeout":"infinity"}]},
      {"name":"fails","dead_letter":true,"steps":[{"name":"f","max_retries":0}]},
      {"name":"hourly","schedule":{"every":"1h"},"steps":[]}]})");
    host.runner().script = [](const worker::Invocation& call) {
      return call.step_name == "f" ? fail("no") : await();
    };
    id = host.start("{}", "", "waits")->id;
    failed = host.start("{}", "", "fails")->id;
    host.advance(kMinute);
    host.releases.unreadable = release;
    host.crash();
  }
  static void explains(const Error& error, ExecutionId id) {
    EXPECT_EQ(error.code, Code::blob_damaged);
    EXPECT_NE(error.message.find(id.text()), std::string::npos) << error.message;
    EXPECT_NE(error.message.find("t::p::"), std::string::npos) << error.message;
    EXPECT_NE(error.hint.find("push the same package again"), std::string::npos) << error.hint;
  }

  TenantHost host{{}, kBegin};
  registry::ReleasePtr release;
  ExecutionId id, failed;
};

TEST_F(QuarantineAnswers, R81WhoeverAsksForAnExecutionHearsWhatIsDamaged) {
  const auto shown = host.ask<engine::Show, std::optional<engine::View>>({"t", id, {}});
  ASSERT_FALSE(shown);
  explains(shown.error(), id);
  const auto cancelled = host.cancel(id);
  ASSERT_FALSE(cancelled);
  explains(cancelled.error(), id);
  const auto paused = host.pause(id);
  ASSERT_FALSE(paused);
  explains(paused.error(), id);
  const auto approved = host.approve(id, "a");
  ASSERT_FALSE(approved);
  explains(approved.error(), id);
  const auto again = host.ask<engine::Rerun, engine::Started>({"t", id, "", false, {}});
  ASSERT_FALSE(again);
  explains(again.error(), id);

  // Another tenant hears nothing of it.
  EXPECT_EQ(host.engine().why_quarantined("u", id), nullptr);
  EXPECT_EQ(host.cancel(id, "u").error().code, Code::not_found);
  EXPECT_EQ((host.ask<engine::Show, std::optional<engine::View>>({"u", id, {}})->has_value()), false);

  host.releases.unreadable = nullptr;
  host.crash();
  EXPECT_EQ(host.engine().why_quarantined("t", id), nullptr);
  ASSERT_TRUE(host.approve(id, "a"));
  host.advance(kMinute);  // not run(): the schedule has no end
  EXPECT_EQ(host.show(id).state.state, State::completed);
}

TEST_F(QuarantineAnswers, R81ADeadLetterWhoseReleaseIsDamagedSaysSoAndStays) {
  engine::RetryDeadLetters retry;
  retry.tenant = "t";
  retry.id = failed;
  const auto refused = host.ask<engine::RetryDeadLetters, std::vector<engine::RetryResult>>(retry);
  ASSERT_FALSE(refused);
  explains(refused.error(), failed);
  EXPECT_NE(refused.error().message.find("cannot run again"), std::string::npos) << refused.error().message;
  retry.on_active = true;
  EXPECT_TRUE((host.ask<engine::RetryDeadLetters, std::vector<engine::RetryResult>>(retry)))
      << "the active release can be read";
}

TEST_F(QuarantineAnswers, R81ThePackagesSchedulesAreListedAsTheyAre) {
  const auto list = [&] {
    return host.ask<engine::ListSchedules, std::vector<engine::ScheduleView>>({"t", {}}).value();
  };
  const auto before = list();
  ASSERT_EQ(before.size(), 1u);
  EXPECT_FALSE(before[0].quarantined);
  host.releases.set_aside("t", "p");
  host.crash();
  const auto during = list();
  ASSERT_EQ(during.size(), 1u);
  EXPECT_TRUE(during[0].quarantined);
  EXPECT_EQ(during[0].broken, "p cannot be read");
  EXPECT_EQ(during[0].name, before[0].name);
  EXPECT_EQ(during[0].state, before[0].state);
  host.releases.restore(release);
  host.crash();
  ASSERT_EQ(list().size(), 1u);
  EXPECT_FALSE(list()[0].quarantined);
}

}  // namespace
}  // namespace pirn::sim
