#include "host/store/wal_watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>

#include "host/store/sqlite.h"

extern char** environ;

namespace pirn::store {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDatabase = "PIRN_TEST_DATABASE";

class WalWatch : public ::testing::Test {
 protected:
  WalWatch() {
    std::string pattern = (fs::temp_directory_path() / "pirn-wal-XXXXXX").string();
    scratch_ = mkdtemp(pattern.data());
    database_ = scratch_ + "/pirn.db";
    Result<Connection> opened = Connection::open(database_, Connection::Mode::read_write_create, nullptr);
    writer_.emplace(std::move(opened).value());
    EXPECT_TRUE(
        writer_->execute("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
                         "CREATE TABLE t(x); INSERT INTO t VALUES (randomblob(2000000))"));
  }
  ~WalWatch() override { fs::remove_all(scratch_); }

  std::string scratch_, database_;
  std::optional<Connection> writer_;
};

constexpr uint64_t kMiB = 1 << 20;

TEST_F(WalWatch, SaysNothingOfAWalThatIsSmallEnough) {
  EXPECT_EQ(wal_warning(database_), "");
  EXPECT_EQ(wal_warning(scratch_ + "/none.db", 0), "");
}

TEST_F(WalWatch, SaysThatNobodyReadsFromALargeOne) {
  EXPECT_EQ(wal_warning(database_, kMiB),
            "pirn.db-wal has 1 MiB, more than 1 MiB: no process reads from it now; it starts again once all "
            "of it has been copied to the database");
}

TEST_F(WalWatch, NamesWhatThisProcessReadsForTheLongestFirst) {
  const Purpose listing("/v1/executions");
  const Reading first(database_);
  const Reading second(database_, "a backup");
  const Reading elsewhere(scratch_ + "/registry.db", "the audit log");
  EXPECT_EQ(
      std::regex_replace(wal_warning(database_, kMiB), std::regex("[0-9]+ s"), "N s"),
      "pirn.db-wal has 1 MiB, more than 1 MiB: it grows while it is read by this host (/v1/executions, for "
      "N s), this host (a backup, for N s)");
}

TEST_F(WalWatch, ForgetsWhatHasBeenRead) {
  {
    const Purpose listing("/v1/executions");
    Reading reading(database_);
    const Reading moved = std::move(reading);
  }
  EXPECT_NE(wal_warning(database_, kMiB).find("no process reads"), std::string::npos);
  const Reading without(database_);
  EXPECT_NE(wal_warning(database_, kMiB).find("this host (work of its own"), std::string::npos)
      << "a purpose ends with its scope";
}

// Not a test: the process that the next one starts. It reads until its standard input ends.
TEST(WalReader, DISABLED_HoldsATransactionOpen) {
  Result<Connection> opened = Connection::open(std::getenv(kDatabase), Connection::Mode::read_only, nullptr);
  ASSERT_TRUE(opened);
  ASSERT_TRUE(opened->execute("BEGIN; SELECT count(*) FROM t"));
  char byte = 'r';
  ASSERT_EQ(write(STDERR_FILENO, &byte, 1), 1);
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
}

TEST_F(WalWatch, NamesTheProcessThatReads) {
  int in[2], said[2];
  ASSERT_EQ(pipe2(in, O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(said, O_CLOEXEC), 0);
  ASSERT_EQ(setenv(kDatabase, database_.c_str(), 1), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, said[1], STDERR_FILENO);
  std::string words[] = {"/proc/self/exe", "--gtest_filter=WalReader.*", "--gtest_also_run_disabled_tests"};
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t reader = 0;
  ASSERT_EQ(
      posix_spawn(&reader, fs::read_symlink("/proc/self/exe").c_str(), &actions, nullptr, arguments, environ),
      0);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(said[1]);
  char byte = 0;
  ASSERT_EQ(read(said[0], &byte, 1), 1) << "it has begun to read";
  const std::string warning = wal_warning(database_, kMiB);
  close(in[1]);
  waitpid(reader, nullptr, 0);
  close(said[0]);
  EXPECT_NE(warning.find("it grows while it is read by another process, " + std::to_string(reader) +
                         " (store_test)"),
            std::string::npos)
      << warning;
  EXPECT_NE(wal_warning(database_, kMiB).find("no process reads"), std::string::npos);
}

}  // namespace
}  // namespace pirn::store
