// Recovery from journals that tell what cannot have happened: bytes of a disk are part of the world, so the
// answer is an error that names the place, never the end of the process.
#include <gtest/gtest.h>

#include "host/journal/tenant_codec.h"
#include "host/simulate/world.h"

namespace pirn::sim {
namespace {

using journal::Record;
using journal::State;

const std::vector<std::string> kNames = {"a", "b", "c", "d", "e", "f", "g", "h"};

std::string body_of(const std::vector<Record>& records, uint64_t first_seq, int64_t at) {
  journal::TextWriter body;
  journal::begin_body(body, at);
  for (size_t i = 0; i < records.size(); ++i)
    journal::append_event(body, i == 0, first_seq + i, records[i], kNames);
  journal::end_body(body);
  return std::string(body.view());
}

// Puts a commit on the world's disk that no engine has made.
void forge(World& world, ExecutionId id, uint32_t commit_no, const std::string& body) {
  const std::vector<store::JournalRow> rows{{id, commit_no, journal::kSchema, body}};
  const Status stored = world.store().commit({world.store().lease(), rows, {}, false});
  ASSERT_TRUE(stored) << describe(stored.error());
}

uint64_t next_seq(const World& world, ExecutionId id) { return world.events_of(id).back().seq + 1; }

class ImpossibleJournal : public ::testing::Test {
 protected:
  void publish() {
    world.publish(R"("steps":[{"name":"a"},{"name":"b","after":["a"]}])");
    world.runner().script = [](const auto&) { return after(kSecond, ok()); };
  }
  World world;
};

TEST_F(ImpossibleJournal, AnEventThatCannotFollowLeavesItsExecutionAside) {
  publish();
  const std::vector<std::pair<const char*, Record>> impossible = {
      {"b is not ready", journal::StepStarted{1, 1, 9}},
      {"there is no such step", journal::StepReady{7}},
      {"there is no such step", journal::Stopping{journal::StopCause::fail, nullptr, 5}},
      {"there is no such step", journal::StepReady{1, 0, {6}}},
      {"it has begun", journal::Begun{2}},
      {"it was created", world.records_of<journal::Created>(world.start()->id).front()},
  };
  for (size_t i = 0; i < impossible.size(); ++i) {
    SCOPED_TRACE(std::to_string(i) + ": " + impossible[i].first);
    const std::string key = "key-" + std::to_string(i);
    const ExecutionId broken = world.start("{}", key)->id, whole = world.start()->id;
    const uint64_t seq = next_seq(world, broken);
    forge(world, broken, world.show(broken).state.next_commit,
          body_of({impossible[i].second}, seq, world.now()));
    world.crash();
    ASSERT_EQ(world.engine().damaged_executions().size(), i + 1);
    const Error& error = world.engine().damaged_executions().back();
    EXPECT_EQ(error.code, Code::journal_corrupt);
    EXPECT_NE(error.message.find(broken.text()), std::string::npos) << error.message;
    EXPECT_NE(error.message.find("seq " + std::to_string(seq) + " "), std::string::npos) << error.message;
    world.run();
    EXPECT_EQ(world.show(whole).state.state, State::completed) << "the host serves everybody else";
    const auto again = world.start("{}", key);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->id, broken) << "its start key is still taken";
    EXPECT_TRUE(again->existing);
    EXPECT_EQ(world.start(R"({"other":1})", key).error().code, Code::start_key_conflict);
  }
}

TEST_F(ImpossibleJournal, AJournalThatBeginsInItsMiddleIsLeftAside) {
  publish();
  const ExecutionId id{world.start()->id.value + 1};
  forge(world, id, 1, body_of({journal::Begun{1}}, 1, world.now()));
  world.crash();
  ASSERT_EQ(world.engine().damaged_executions().size(), 1u);
  EXPECT_NE(world.engine().damaged_executions()[0].message.find("seq 1 "), std::string::npos);
}

TEST_F(ImpossibleJournal, AQuestionThatTheDefinitionDoesNotAskIsLeftAside) {
  world.publish(R"("steps":[{"name":"a","max_retries":1}])");
  world.runner().script = [](const auto&) { return fail("e"); };
  for (const worker::Kind kind : {worker::Kind::condition, worker::Kind::backoff}) {
    world.runner().calls.clear();
    const ExecutionId id = world.start()->id;
    world.turn();  // it has failed once and waits
    forge(world, id, world.show(id).state.next_commit,
          body_of({journal::StepAsked{0, kind, 9}}, next_seq(world, id), world.now()));
    const size_t before = world.engine().damaged_executions().size();
    world.crash();
    EXPECT_EQ(world.engine().damaged_executions().size(), before + 1);
  }
}

// A child that is left aside has not been lost: another one in its place would do its work again.
TEST_F(ImpossibleJournal, AParentWaitsForAChildThatIsLeftAside) {
  world.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
    {"name":"w","steps":[{"name":"n","workflow":"inner"}]},{"name":"inner","steps":[{"name":"x"}]}]})");
  world.runner().script = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId parent = world.start()->id;
  world.settle();
  const ExecutionId child = world.show(parent).state.steps[0].extra->child;
  ASSERT_TRUE(child);
  forge(world, child, world.show(child).state.next_commit,
        body_of({journal::Begun{2}}, next_seq(world, child), world.now()));
  const size_t calls = world.runner().calls.size();
  world.crash();
  world.run();
  EXPECT_EQ(world.engine().damaged_executions().size(), 1u);
  EXPECT_EQ(world.show(parent).state.state, State::running);
  EXPECT_EQ(world.runner().calls.size(), calls) << "nothing runs in its place";
}

TEST(DamagedJournal, ACommitThatCannotBeReadLeavesItsExecutionAside) {
  for (const std::string body :
       {"{\"at\":1,\"events\":[{\"seq\":9,\"type\":\"no.such\"}]}", "{\"at\":1,\"eve"}) {
    World world;
    world.publish(R"("steps":[{"name":"a"}])");
    world.runner().script = [](const auto&) { return after(kSecond, ok()); };
    const ExecutionId broken = world.start("{}", "key")->id, whole = world.start()->id;
    const uint32_t damaged = world.show(broken).state.next_commit;
    forge(world, broken, damaged, body);
    world.damaged = true;
    world.crash();
    ASSERT_EQ(world.engine().damaged_executions().size(), 1u);
    const std::string& message = world.engine().damaged_executions()[0].message;
    EXPECT_NE(message.find(broken.text()), std::string::npos) << message;
    EXPECT_NE(message.find("commit " + std::to_string(damaged)), std::string::npos) << message;
    world.run();
    EXPECT_EQ(world.show(whole).state.state, State::completed);
    EXPECT_EQ(world.start("{}", "key")->id, broken);
  }
}

// Replaces the body of an execution's row.
void damage_row(World& world, ExecutionId id, std::string_view body) {
  const auto stored = world.store().find("t", id).value();
  ASSERT_TRUE(stored);
  store::ExecutionRow row;
  static_cast<journal::StateColumns&>(row) = stored->columns();
  row.body = body;
  const std::vector<store::ExecutionRow> rows{row};
  ASSERT_TRUE(world.store().commit({world.store().lease(), {}, rows, false}));
}

TEST(DamagedRow, IsReadAgainFromTheJournal) {
  engine::Options options;
  options.flush_after_commits = 1;  // each row is there
  World world(options);
  world.publish(R"("steps":[{"name":"a"},{"name":"b","after":["a"]}])");
  world.runner().script = [](const auto&) { return after(kSecond, ok(R"({"k":1})")); };
  const ExecutionId id = world.start("{}", "key")->id, other = world.start()->id;
  world.advance(kSecond);
  damage_row(world, id, "{\"trig");
  world.crash();
  EXPECT_TRUE(world.engine().damaged_executions().empty());
  EXPECT_EQ(world.step_state(id, "a"), "completed");
  world.run();
  EXPECT_EQ(world.show(id).state.state, State::completed);
  EXPECT_EQ(world.show(other).state.state, State::completed);
}

TEST(DamagedRow, WithoutItsJournalIsLeftAsideAndTheOthersAreServed) {
  engine::Options options;
  options.flush_after_commits = 1;
  World world(options);
  world.publish(R"("steps":[{"name":"a"}])");
  world.runner().script = [](const auto&) { return after(kSecond, ok()); };
  const ExecutionId id = world.start("{}", "key")->id, other = world.start()->id;
  forge(world, id, world.show(id).state.next_commit, "{\"at\":1,\"eve");
  damage_row(world, id, "");
  world.damaged = true;
  for (int i = 0; i < 3; ++i) {
    world.crash();
    ASSERT_EQ(world.engine().damaged_executions().size(), 1u);
    EXPECT_EQ(world.start("{}", "key")->id, id) << "its start key is still taken";
  }
  world.run();
  EXPECT_EQ(world.show(other).state.state, State::completed);
}

// How many commits the next opening would read.
size_t behind_the_watermark(World& world) {
  size_t n = 0;
  EXPECT_TRUE(world.store().recover([](store::StoredExecution) { return Status(); },
                                    [&](store::StoredCommit) {
                                      ++n;
                                      return Status();
                                    }));
  return n;
}

TEST(LeftAside, DoesNotHoldTheWatermark) {
  for (const bool unreadable : {false, true}) {
    SCOPED_TRACE(unreadable);
    engine::Options options;
    options.flush_after_commits = 4;
    World world(options);
    const auto release = world.publish(R"("steps":[{"name":"a"},{"name":"b","after":["a"]}])");
    world.runner().script = [](const auto&) { return after(kSecond, ok(R"({"k":1})")); };
    const ExecutionId aside = world.start("{}", "key")->id;
    if (unreadable)
      world.releases.unreadable = release;
    else
      forge(world, aside, world.show(aside).state.next_commit,
            body_of({journal::Begun{3}}, next_seq(world, aside), world.now()));
    world.crash();
    ASSERT_EQ(world.engine().damaged_executions().size(), 1u);
    world.publish(R"("description":"two","steps":[{"name":"a"},{"name":"b","after":["a"]}])");
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(world.start());
      world.advance(2 * kSecond);
    }
    EXPECT_LE(behind_the_watermark(world), 10u);
    for (int i = 0; i < 2; ++i) {
      world.crash();
      ASSERT_EQ(world.engine().damaged_executions().size(), 1u) << "it is not forgotten";
      EXPECT_NE(world.engine().damaged_executions()[0].message.find(aside.text()), std::string::npos);
      EXPECT_EQ(world.start("{}", "key")->id, aside);
    }
    if (!unreadable) continue;
    world.releases.unreadable = nullptr;
    world.crash();
    EXPECT_TRUE(world.engine().damaged_executions().empty());
    world.run();
    EXPECT_EQ(world.show(aside).state.state, State::completed) << "it goes on as if nothing had been";
    EXPECT_EQ(world.step_state(aside, "b"), "completed");
  }
}

// The registry is a database: a query for each of 100,000 executions takes seconds.
TEST(Recoveries, AskForEachReleaseOnce) {
  for (const bool unreadable : {false, true}) {
    World world;
    const auto release = world.publish(R"("steps":[{"name":"a"}])");
    world.runner().script = [](const auto&) { return await(); };
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(world.start());
    world.run();
    if (unreadable) world.releases.unreadable = release;
    world.releases.n_loaded = 0;
    world.crash();
    EXPECT_EQ(world.releases.n_loaded, 1u);
    EXPECT_EQ(world.engine().damaged_executions().size(), unreadable ? 20u : 0u);
  }
}

TEST(LeftAside, APackagesSchedulesComeBackUnchanged) {
  World world;
  const auto release = world.publish(R"("schedule":{"every":"1h"},"steps":[{"name":"a"}])");
  world.settle();
  const auto schedule = [&]() {
    const auto row = world.store().find_tenant("t").value();
    return row ? journal::decode_tenant_state(row->body)->schedules
               : decltype(journal::TenantState::schedules)();
  };
  world.options().flush_after_commits = 1;
  world.crash();
  world.advance(90 * kMinute);
  engine::ControlSchedule pause;
  pause.tenant = "t";
  pause.workflow = "w";
  pause.action = engine::ControlSchedule::Action::pause;
  ASSERT_TRUE(world.ask<engine::ControlSchedule::Answer>(std::move(pause)));
  const auto before = schedule();
  ASSERT_EQ(before.size(), 1u);
  world.releases.set_aside("t", "p");
  world.crash();
  world.advance(3 * 60 * kMinute);
  world.releases.restore(release);
  world.crash();
  world.advance(kMinute);
  const auto after = schedule();
  EXPECT_EQ(after, before) << "paused as it was, on the same grid";
}

// Nobody knows what else is gone: the host does not start.
TEST(DamagedJournal, WithoutACommitIsRefusedWithTheExecutionAndTheCommit) {
  for (const auto& [commit_no, body] :
       std::vector<std::pair<uint32_t, std::string>>{{3, body_of({journal::Begun{1}}, 1, 1)}}) {
    World world;
    world.publish(R"("steps":[{"name":"a"}])");
    const ExecutionId id{world.start()->id.value + 1};
    forge(world, id, commit_no, body);
    engine::Engine engine({}, world.store(), world.runner(), world.releases, world, world);
    const Status recovered = engine.recover(world.now());
    ASSERT_FALSE(recovered);
    EXPECT_EQ(recovered.error().code, Code::journal_corrupt);
    EXPECT_NE(recovered.error().message.find(id.text()), std::string::npos) << recovered.error().message;
    EXPECT_NE(recovered.error().message.find(std::to_string(commit_no)), std::string::npos);
  }
}

// Real journals with one event gone, doubled, exchanged with its neighbour, or of another step. Each must be
// continued or left aside, and none may take the host with it.
TEST(AlteredJournals, AreContinuedOrLeftAside) {
  World world;
  world.publish(
      R"("steps":[{"name":"a","max_retries":1},{"name":"b","after":["a"],"when":{"function":"maybe"}},
                            {"name":"c","after":["a"]},{"name":"d","after":["b","c"]}])");
  world.runner().by_function["maybe"] = [](const auto&) { return after(kSecond, answer(true)); };
  world.runner().script = [](const worker::Invocation& call) {
    return after(kSecond, call.attempt == 1 && call.step == 0 ? fail("once") : ok(R"({"k":1})"));
  };
  uint64_t fresh = 0;
  std::vector<std::vector<Record>> forged;
  for (int seconds = 0; seconds < 6; ++seconds) {
    const ExecutionId id = world.start()->id;
    fresh = id.value;
    if (seconds > 0) world.advance(seconds * kSecond);
    std::vector<Record> records;
    for (Event& event : world.events_of(id)) records.push_back(std::move(event.record));
    for (size_t i = 0; i < records.size(); ++i) {
      std::vector<Record> altered = records;
      altered.erase(altered.begin() + static_cast<ptrdiff_t>(i));
      if (!altered.empty()) forged.push_back(altered);
      altered = records;
      altered.insert(altered.begin() + static_cast<ptrdiff_t>(i), records[i]);
      forged.push_back(altered);
      if (i + 1 < records.size()) {
        altered = records;
        std::swap(altered[i], altered[i + 1]);
        forged.push_back(altered);
      }
      altered.assign(records.begin(), records.begin() + static_cast<ptrdiff_t>(i) + 1);
      forged.push_back(altered);  // cut off behind it
      for (const uint32_t other : {0u, 3u, 5u}) {
        altered = records;
        std::visit(
            [&](auto& record) {
              if constexpr (requires { record.step; }) record.step = other;
            },
            altered[i]);
        forged.push_back(altered);
      }
    }
  }
  ASSERT_GT(forged.size(), 300u);
  world.run();
  for (const auto& records : forged) forge(world, ExecutionId{++fresh}, 1, body_of(records, 1, world.now()));
  world.crash();
  const size_t aside = world.engine().damaged_executions().size();
  EXPECT_GT(aside, forged.size() / 4);
  EXPECT_LT(aside, forged.size());
  for (const Error& error : world.engine().damaged_executions()) EXPECT_EQ(error.code, Code::journal_corrupt);
  world.run();
  world.crash();
  world.run();
}

}  // namespace
}  // namespace pirn::sim
