// A file in which bytes have changed: what does not match its checksum is never used, and concerns its
// execution alone.
#include <gtest/gtest.h>

#include <filesystem>

#include "host/simulate/world.h"
#include "host/store/sqlite.h"
#include "host/store/sqlite_store.h"

namespace pirn::sim {
namespace {

using journal::State;

class DamagedStore : public ::testing::Test, public engine::CommitListener, public worker::Wakeup {
 protected:
  DamagedStore() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pirn-damaged-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    world.publish(R"("steps":[{"name":"a"},{"name":"b","after":["a"]}])");
    world.runner().script = [](const auto&) { return after(kSecond, ok(R"({"k":1})")); };
  }
  ~DamagedStore() override { std::filesystem::remove_all(directory_); }

  void on_commit(ExecutionId id, const journal::Origin&, uint32_t, std::string_view, bool last) override {
    if (last) ended.push_back(id);
  }
  void wake() override {}

  std::string path() const { return directory_ + "/pirn.db"; }
  // The execution as the world has it, into the file.
  void copy(store::Store& to, ExecutionId id, bool with_row = true) {
    const auto commits = world.store().journal(id, 0, UINT32_MAX).value();
    const auto stored = world.store().find("t", id).value();
    ASSERT_TRUE(stored);
    std::vector<store::JournalRow> journal;
    for (const store::StoredCommit& commit : commits)
      journal.push_back({id, commit.commit_no, commit.schema, commit.body});
    store::ExecutionRow row;
    static_cast<journal::StateColumns&>(row) = stored->columns();
    row.open = stored->open;
    row.body = stored->body;
    const std::span<const store::ExecutionRow> rows(&row, with_row ? 1 : 0);
    const Status written = to.commit({to.lease(), journal, rows, false});
    ASSERT_TRUE(written) << describe(written.error());
  }
  void damage(const std::string& sql) {
    auto file = store::Connection::open(path(), store::Connection::Mode::read_write_create, nullptr);
    ASSERT_TRUE(file);
    const Status done = file->execute(sql);
    ASSERT_TRUE(done) << describe(done.error());
  }
  static std::string where(const char* column, ExecutionId id) {
    return std::string(" WHERE ") + column + " = " + std::to_string(id.value) + ";";
  }

  static engine::Options rows_at_once() {
    engine::Options options;
    options.flush_after_commits = 1;  // each row is there
    return options;
  }
  World world{rows_at_once()};
  std::vector<ExecutionId> ended;
  int64_t now_ = 0;

 private:
  std::string directory_;
};

TEST_F(DamagedStore, ConcernsOnlyTheExecutionsThatAreDamaged) {
  const ExecutionId done = world.start("{}", "done")->id;
  world.run();
  const ExecutionId row = world.start()->id, commit = world.start()->id, both = world.start("{}", "both")->id,
                    whole = world.start()->id;
  world.advance(kSecond);
  ASSERT_EQ(world.step_state(whole, "a"), "completed");
  {
    auto store = store::SqliteStore::open(path()).value();
    for (const ExecutionId id : {done, row, both, whole}) copy(*store, id);
    copy(*store, commit, false);
  }
  damage("UPDATE executions SET body = replace(body, ':', ': ')" + where("id", row) +
         "UPDATE executions SET version = '9'" + where("id", both) + "UPDATE executions SET version = '9'" +
         where("id", done) + "UPDATE journal SET body = replace(body, ':', ': ')" + where("stream", both) +
         "UPDATE journal SET body = replace(body, ':', ': ')" + where("commit_no > 1 AND stream", commit));

  auto store = store::SqliteStore::open(path()).value();
  now_ = world.now();
  ScriptedRunner runner(now_);
  runner.script = world.runner().script;
  engine::Engine engine({}, *store, runner, world.releases, *this, *this);
  const Status recovered = engine.recover(now_);
  ASSERT_TRUE(recovered) << describe(recovered.error());
  ASSERT_EQ(engine.damaged_executions().size(), 2u);
  for (const ExecutionId id : {commit, both})
    EXPECT_TRUE(std::any_of(engine.damaged_executions().begin(), engine.damaged_executions().end(),
                            [&](const Error& error) {
                              return error.message.find(id.text()) != std::string::npos &&
                                     error.message.find("does not match its checksum") != std::string::npos;
                            }))
        << id.text();

  Result<engine::Started> again = Error{Code::internal, ""}, taken = again;
  for (auto& [key, answer] : {std::pair("both", &again), std::pair("done", &taken)}) {
    engine::Start start;
    start.tenant = "t";
    start.workflow = "p::w";
    start.key = key;
    start.reply = [answer](Result<engine::Started> result) { *answer = std::move(result); };
    engine::Command command = std::move(start);
    ASSERT_TRUE(engine.inbox().push(command));
  }
  for (int i = 0; i < 20; ++i) {
    const auto turn = engine.turn(now_);
    ASSERT_TRUE(turn) << describe(turn.error());
    now_ += kSecond;
  }
  EXPECT_EQ(ended, (std::vector{row, whole})) << "the row is read again from the journal";
  EXPECT_EQ(again.error().code, Code::start_key_conflict) << "the start key of what is set aside is taken";
  EXPECT_EQ(taken.error().code, Code::store_corrupt) << "nobody knows what that key has started";
  EXPECT_EQ(store->find("t", done).error().code, Code::store_corrupt);
}

}  // namespace
}  // namespace pirn::sim
