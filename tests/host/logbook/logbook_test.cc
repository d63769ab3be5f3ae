#include "host/logbook/logbook.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace pirn::logbook {
namespace {

class LogbookTest : public ::testing::Test {
 protected:
  LogbookTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pirn-logbook-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ + "/logbook.db";
  }
  ~LogbookTest() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<Logbook> open(Logbook::Options options = {}) {
    auto book = Logbook::open(path_, options);
    EXPECT_TRUE(book) << describe(book.error());
    return book ? std::move(book).value() : nullptr;
  }

  std::string directory_, path_;
};

LogLine line(uint64_t execution, std::string text, std::string step = "fetch", uint32_t attempt = 1,
             int32_t level = 2) {
  return {0, {execution}, 7, std::move(step), attempt, level, std::move(text)};
}

std::string texts(const Result<Page>& page) {
  EXPECT_TRUE(page) << describe(page.error());
  std::string all;
  for (const LogLine& each : page->lines) all += (all.empty() ? "" : " ") + each.text;
  return all;
}

TEST_F(LogbookTest, GivesBackWhatWasSaidInItsOrder) {
  const auto book = open();
  book->write(line(1, "a"));
  book->write(line(2, "b"));
  book->write(line(1, "c"));
  const auto page = book->read({.execution = {1}});
  EXPECT_EQ(texts(page), "a c");
  EXPECT_EQ(page->lines[0].at, 7);
  EXPECT_EQ(page->lines[0].step, "fetch");
  EXPECT_FALSE(page->more);
  EXPECT_EQ(texts(book->read({.execution = {2}})), "b");
  EXPECT_EQ(texts(book->read({.execution = {3}})), "");
}

TEST_F(LogbookTest, ChoosesByStepAttemptLevelAndNumber) {
  const auto book = open();
  book->write(line(1, "a", "fetch", 1, 0));
  const uint64_t second = book->write(line(1, "b", "fetch", 2, 4));
  book->write(line(1, "c", "store", 2, 2));
  book->write(line(1, "d", "store", 1, kNoLevel));
  EXPECT_EQ(texts(book->read({.execution = {1}, .step = "fetch"})), "a b");
  EXPECT_EQ(texts(book->read({.execution = {1}, .attempt = 2})), "b c");
  EXPECT_EQ(texts(book->read({.execution = {1}, .level = 2})), "b c");
  EXPECT_EQ(texts(book->read({.execution = {1}, .after = second})), "c d");
  const auto page = book->read({.execution = {1}, .limit = 2});
  EXPECT_EQ(texts(page), "a b");
  EXPECT_TRUE(page->more);
}

TEST_F(LogbookTest, OutlivesItsProcessAndNeverGivesANumberTwice) {
  uint64_t last = 0;
  {
    const auto book = open();
    last = book->write(line(1, "before"));
    book->spend({1}, "fetch", 3, 5);
  }
  const auto book = open();
  EXPECT_GT(book->write(line(1, "after")), last);
  EXPECT_EQ(texts(book->read({.execution = {1}})), "before after");
  const auto costs = book->costs({1});
  ASSERT_TRUE(costs);
  ASSERT_EQ(costs->size(), 1u);
  EXPECT_EQ(costs->front().cpu_ns, 3);
}

TEST_F(LogbookTest, LosesTheOldestLinesOfAnExecutionAndCountsThem) {
  const auto book = open({.lines_of_execution = 10});
  book->write(line(2, "other"));
  for (int i = 1; i <= 11; ++i) {
    book->write(line(1, std::to_string(i)));
    ASSERT_TRUE(book->read({.execution = {1}}));  // one batch each
  }
  const auto page = book->read({.execution = {1}});
  EXPECT_EQ(texts(page), "3 4 5 6 7 8 9 10 11");
  EXPECT_EQ(page->lost, 2u);
  EXPECT_EQ(texts(book->read({.execution = {2}})), "other") << "its neighbours keep theirs";
  EXPECT_EQ(book->health().lost, 2u);
  EXPECT_EQ(book->health().lines, 10u);
}

TEST_F(LogbookTest, CutsALongStoryByItsBytes) {
  const auto book = open({.bytes_of_execution = 100});
  for (int i = 0; i < 10; ++i) {
    book->write(line(1, std::string(20, static_cast<char>('a' + i)), ""));
    ASSERT_TRUE(book->read({.execution = {1}}));
  }
  const auto page = book->read({.execution = {1}});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->lines.back().text, std::string(20, 'j'));
  EXPECT_LE(page->lines.size(), 5u);
  EXPECT_EQ(page->lost + page->lines.size(), 10u);
}

TEST_F(LogbookTest, LetsTheOldestExecutionsGoWhenAllTogetherAreTooMuch) {
  const auto book = open({.bytes = 100});
  for (uint64_t execution = 1; execution <= 6; ++execution) {
    book->write(line(execution, std::string(20, 'x'), ""));
    ASSERT_TRUE(book->read({.execution = {execution}}));
  }
  EXPECT_EQ(texts(book->read({.execution = {1}})), "");
  EXPECT_EQ(book->read({.execution = {1}})->lost, 1u);
  EXPECT_NE(texts(book->read({.execution = {6}})), "");
  EXPECT_LE(book->health().bytes, 100u);
}

TEST_F(LogbookTest, AddsUpWhatStepsCost) {
  const auto book = open();
  book->spend({1}, "fetch", 10, 100);
  book->spend({1}, "fetch", 5, 50);
  book->spend({1}, "store", 1, 2);
  const auto costs = book->costs({1});
  ASSERT_TRUE(costs);
  ASSERT_EQ(costs->size(), 2u);
  EXPECT_EQ(costs->front().step, "fetch");
  EXPECT_EQ(costs->front().calls, 2u);
  EXPECT_EQ(costs->front().cpu_ns, 15);
  EXPECT_EQ(costs->front().wall_ns, 150);
}

TEST_F(LogbookTest, ForgetsExecutionsThatAreGone) {
  const auto book = open();
  for (uint64_t execution = 1; execution <= 3; ++execution) book->write(line(execution, "x"));
  book->spend({4}, "fetch", 1, 1);
  const auto known = book->executions({1}, 10);
  ASSERT_TRUE(known);
  EXPECT_EQ(*known, (std::vector<ExecutionId>{{2}, {3}, {4}}));
  const std::vector<ExecutionId> gone{{1}, {3}, {4}, {9}};
  EXPECT_TRUE(book->forget(gone));
  EXPECT_EQ(*book->executions({}, 10), (std::vector<ExecutionId>{{2}}));
  EXPECT_EQ(book->health().lines, 1u);
  EXPECT_TRUE(book->costs({4})->empty());
}

TEST_F(LogbookTest, NumbersFollowTheOrderOfManyWriters) {
  const auto book = open();
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer)
    writers.emplace_back([&] {
      for (int i = 0; i < 200; ++i) book->write(line(1, "x"));
    });
  for (std::thread& writer : writers) writer.join();
  const auto page = book->read({.execution = {1}});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->lines.size(), 800u);
  for (size_t i = 1; i < page->lines.size(); ++i) EXPECT_EQ(page->lines[i].n, page->lines[i - 1].n + 1);
}

TEST_F(LogbookTest, NumbersTellNothingOfWhatOthersSay) {
  const auto book = open();
  const auto said = [&](uint64_t execution, int64_t at_ms) {
    LogLine one = line(execution, "x");
    one.at = at_ms * 1'000'000;
    return book->write(std::move(one));
  };
  const uint64_t before = said(1, 5'000'000);
  for (int i = 0; i < 500; ++i) said(2, 5'000'001);
  EXPECT_EQ(said(1, 5'000'002) - before, 2'000u) << "the microseconds that have passed";
  EXPECT_GT(said(1, 4'000'000), before) << "also when the clock is set back";
}

TEST_F(LogbookTest, ADatabaseThatFailsIsCountedAndMattersToNobody) {
  const auto book = open();
  book->write(line(1, "kept"));
  ASSERT_TRUE(book->read({.execution = {1}}));
  auto other = store::Connection::open(path_, store::Connection::Mode::read_write_create, nullptr);
  ASSERT_TRUE(other);
  ASSERT_TRUE(other->execute("DROP TABLE lines"));
  book->write(line(1, "lost"));
  EXPECT_FALSE(book->read({.execution = {1}}));
  const Health health = book->health();
  EXPECT_EQ(health.failures, 1u);
  EXPECT_EQ(health.lost, 1u);
  EXPECT_NE(health.last_error.find("lines"), std::string::npos) << health.last_error;
}

TEST_F(LogbookTest, WhatIsNotItsOwnIsLeftAlone) {
  {
    auto other = store::Connection::open(path_, store::Connection::Mode::read_write_create, nullptr);
    ASSERT_TRUE(other->execute("CREATE TABLE mine(x)"));
  }
  const auto book = Logbook::open(path_);
  ASSERT_FALSE(book);
  EXPECT_EQ(book.error().code, Code::store_unopenable);
}

TEST_F(LogbookTest, AnotherProgramsDatabaseIsMovedAwayAndKept) {
  {
    auto other = store::Connection::open(path_, store::Connection::Mode::read_write_create, nullptr);
    ASSERT_TRUE(other->execute("CREATE TABLE mine(x); INSERT INTO mine VALUES(7)"));
  }
  std::string moved_to;
  const auto book = Logbook::open(path_, {}, &moved_to);
  ASSERT_TRUE(book) << describe(book.error());
  EXPECT_EQ(moved_to, path_ + ".damaged");
  auto other = store::Connection::open(moved_to, store::Connection::Mode::read_write_create, nullptr);
  EXPECT_EQ(other->integer("SELECT x FROM mine").value(), 7);
}

TEST_F(LogbookTest, OneThatIsDamagedIsMovedAwayAndBegunAnew) {
  const std::string damaged(8192, 'x');
  std::ofstream(path_) << damaged;
  ASSERT_FALSE(Logbook::open(path_)) << "unless that is asked for";
  std::string moved_to;
  const auto book = Logbook::open(path_, {}, &moved_to);
  ASSERT_TRUE(book) << describe(book.error());
  EXPECT_EQ(moved_to, path_ + ".damaged");
  EXPECT_EQ(std::filesystem::file_size(moved_to), damaged.size());
  (*book)->write(line(1, "a"));
  EXPECT_EQ(texts((*book)->read({.execution = {1}})), "a");
}

TEST_F(LogbookTest, IsItsOwnersAlone) {
  const auto book = open();
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

}  // namespace
}  // namespace pirn::logbook
