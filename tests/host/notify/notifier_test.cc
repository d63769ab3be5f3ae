#include "host/notify/notifier.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <condition_variable>
#include <deque>
#include <future>

#include "host/journal/codec.h"
#include "host/store/memory_store.h"

namespace pirn::notify {
namespace {

using journal::Record;

const ExecutionId kRun{uint64_t{1'780'000'000'000} << 21};

std::string body(uint64_t first_seq, const std::vector<Record>& records) {
  static const std::vector<std::string> kNames = {"ask", "act"};
  journal::TextWriter out;
  journal::begin_body(out, 5);
  for (size_t i = 0; i < records.size(); ++i)
    journal::append_event(out, i == 0, first_seq + i, records[i], kNames);
  journal::end_body(out);
  return std::string(out.view());
}

Record await(const std::string& kind, const std::string& notify) {
  journal::Await await;
  await.kind = kind;
  await.notify = notify;
  await.approvers = {"ada"};
  await.deadline = 1'780'000'000'000'000'000;
  return journal::StepAwaiting{0, std::make_shared<const journal::Await>(await), 0};
}

// Fails so often, then takes what it gets.
class FakeMessenger final : public Messenger {
 public:
  explicit FakeMessenger(int failures = 0) : failures_(failures) {}
  Status deliver(const std::string& id, const std::string& json) override {
    const std::lock_guard lock(mutex_);
    if (failures_-- > 0) return Error{Code::io_failed, "nobody answers"};
    delivered_.emplace_back(id, json);
    return {};
  }
  std::string name() const override { return "fake"; }
  void stop() override {}
  std::vector<std::pair<std::string, std::string>> delivered() const {
    const std::lock_guard lock(mutex_);
    return delivered_;
  }

 private:
  mutable std::mutex mutex_;
  int failures_;
  std::vector<std::pair<std::string, std::string>> delivered_;
};

// An engine's inbox whose commands the test answers itself.
class NotifierTest : public ::testing::Test, public worker::Wakeup {
 protected:
  void wake() override {
    { const std::lock_guard lock(mutex_); }
    changed_.notify_all();
  }
  std::unique_ptr<Notifier> notifier(int failures, RetryLimits limits = {.first_delay_ns = 1, .attempts = 5},
                                     const std::string& tenant = "acme") {
    Notifier::Messengers messengers;
    auto fake = std::make_unique<FakeMessenger>(failures);
    fake_ = fake.get();
    messengers[tenant] = std::move(fake);
    return std::make_unique<Notifier>(
        std::move(messengers), inbox_, store_, [this] { return clock_.fetch_add(1); }, limits);
  }
  // The next command that reaches the engine.
  template <class Expected>
  Expected next() {
    std::unique_lock lock(mutex_);
    std::vector<engine::Command> commands;
    changed_.wait(lock, [&] {
      if (commands_.empty()) {
        inbox_.take(100, commands);
        for (engine::Command& each : commands) commands_.push_back(std::move(each));
        commands.clear();
      }
      return !commands_.empty();
    });
    Expected expected = std::get<Expected>(std::move(commands_.front()));
    commands_.pop_front();
    return expected;
  }
  void commit(uint32_t commit_no, const std::string& text) {
    const store::JournalRow row{kRun, commit_no, journal::kSchema, text};
    ASSERT_TRUE(store_.commit({store_.lease(), {&row, 1}, {}}));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<engine::Command> commands_;
  engine::Inbox inbox_{100, *this};
  store::MemoryStore store_;
  std::atomic<int64_t> clock_{1};
  FakeMessenger* fake_ = nullptr;
};

TEST_F(NotifierTest, TellsOnceAndJournalsIt) {
  const auto notifier = this->notifier(0);
  notifier->publish_commit(kRun, "acme",
                           body(4, {journal::StepStarted{}, await("approval", "\"the boss\"")}));
  const auto note = next<engine::Note>();
  EXPECT_EQ(note.tenant, "acme");
  EXPECT_EQ(note.id, kRun);
  EXPECT_EQ(note.step, "ask");
  EXPECT_EQ(note.code, "notified");
  EXPECT_EQ(note.message, "told by fake, attempt 1");
  const auto delivered = fake_->delivered();
  ASSERT_EQ(delivered.size(), 1u);
  EXPECT_EQ(delivered[0].first, kRun.text() + ":5");
  const boost::json::object document = boost::json::parse(delivered[0].second).as_object();
  EXPECT_EQ(document.at("notify"), boost::json::value("the boss"));
  EXPECT_EQ(document.at("kind"), boost::json::value("approval"));
  EXPECT_EQ(document.at("approvers"), boost::json::value({"ada"}));
  EXPECT_EQ(document.at("deadline"), boost::json::value("2026-05-28T20:26:40Z"));
}

TEST_F(NotifierTest, SaysWhatAnInterventionIsAbout) {
  const auto notifier = this->notifier(0);
  const auto failed = [](const char* code) {
    return journal::StepFailed{
        0,
        std::make_shared<const journal::StepError>(journal::StepError{code, "look at it", {}, ""}),
        {},
        0,
        0};
  };
  const std::string before = body(1, {failed("first"), failed("odd")});
  const std::string waits = body(3, {await("intervention", "")});
  commit(1, before);
  commit(2, waits);
  notifier->publish_commit(kRun, "acme", waits);
  next<engine::Note>();
  const boost::json::object told = boost::json::parse(fake_->delivered().at(0).second).as_object();
  EXPECT_EQ(told.at("error").at("code"), boost::json::value("odd"));
  EXPECT_EQ(told.at("error").at("message"), boost::json::value("look at it"));
  notifier->publish_commit(kRun, "acme", body(4, {await("approval", "")}));
  next<engine::Note>();
  EXPECT_TRUE(boost::json::parse(fake_->delivered().at(1).second).at("error").is_null());
}

TEST_F(NotifierTest, TriesAgainAndCounts) {
  const auto notifier = this->notifier(2);
  notifier->publish_commit(kRun, "acme", body(1, {await("intervention", "")}));
  EXPECT_EQ(next<engine::Note>().message, "told by fake, attempt 3");
  const auto health = notifier->health();
  ASSERT_EQ(health.size(), 1u);
  EXPECT_EQ(health[0].told, 1u);
  EXPECT_EQ(health[0].failures, 2u);
  EXPECT_EQ(health[0].last_error, "nobody answers");
}

TEST_F(NotifierTest, GivesUpAndJournalsThat) {
  const auto notifier = this->notifier(1000, {.first_delay_ns = 1, .attempts = 3});
  notifier->publish_commit(kRun, "acme", body(1, {await("approval", "")}));
  const auto note = next<engine::Note>();
  EXPECT_EQ(note.code, "notify_failed");
  EXPECT_NE(note.message.find("nobody answers"), std::string::npos);
  EXPECT_EQ(notifier->health()[0].given_up, 1u);
}

TEST_F(NotifierTest, IsForPeopleAndForItsTenants) {
  const auto notifier = this->notifier(0);
  notifier->publish_commit(kRun, "blue", body(1, {await("approval", "")}));
  notifier->publish_commit(kRun, "acme", body(1, {await("event", "")}));
  notifier->publish_commit(kRun, "acme", body(1, {journal::Diagnostic{"c", "\"type\":\"step.await\"", 0}}));
  notifier->publish_commit(kRun, "acme", body(9, {await("event", "\"ops\"")}));
  EXPECT_EQ(next<engine::Note>().code, "notified");
  ASSERT_EQ(fake_->delivered().size(), 1u);
  EXPECT_EQ(fake_->delivered()[0].first, kRun.text() + ":9");
}

TEST_F(NotifierTest, AfterARestartTellsOfWhatNobodyWasToldOf) {
  commit(1, body(1, {await("approval", "")}));
  const auto notifier = this->notifier(0, {}, "");
  notifier->resume({"acme"});
  engine::ListAwaiting list = next<engine::ListAwaiting>();
  EXPECT_EQ(list.tenant, "acme");
  list.reply(std::vector<engine::AwaitingStep>{{kRun, "etl", "review", "ask", nullptr}});
  EXPECT_EQ(next<engine::Note>().step, "ask");
  ASSERT_EQ(fake_->delivered().size(), 1u);
  EXPECT_EQ(fake_->delivered()[0].first, kRun.text() + ":1");

  // Told, as the journal says: not again; but of a later wait of the same step.
  commit(2, body(2, {journal::Diagnostic{"notified", "told", 0}}));
  notifier->resume({"acme"});
  next<engine::ListAwaiting>().reply(
      std::vector<engine::AwaitingStep>{{kRun, "etl", "review", "ask", nullptr}});
  commit(3, body(3, {await("approval", "")}));
  notifier->resume({"acme"});
  next<engine::ListAwaiting>().reply(
      std::vector<engine::AwaitingStep>{{kRun, "etl", "review", "ask", nullptr}});
  EXPECT_EQ(next<engine::Note>().code, "notified");
  EXPECT_EQ(fake_->delivered().back().first, kRun.text() + ":3");
}

}  // namespace
}  // namespace pirn::notify
