#include "host/log/backlog.h"

#include <chrono>

#include "tests/host/log/pipe.h"

namespace pirn::log {
namespace {

using Clock = std::chrono::steady_clock;

std::string notice(uint64_t lost) { return "lost " + std::to_string(lost) + "\n"; }

TEST(Backlog, WritesInOrder) {
  Pipe pipe;
  Backlog backlog(pipe.write_end(), {}, notice);
  for (int i = 0; i < 10; ++i) backlog.push(std::to_string(i) + "\n");
  EXPECT_TRUE(backlog.flush());
  EXPECT_EQ(pipe.read_now(), "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
  EXPECT_EQ(backlog.lost(), 0u);
}

TEST(Backlog, NeverBlocksWhoPushesAndCountsWhatItLost) {
  Pipe pipe;
  pipe.block();
  Backlog backlog(pipe.write_end(), {.lines = 4, .bytes = 1 << 20}, notice);
  for (int i = 0; i < 1000; ++i) backlog.push(std::to_string(i) + "\n");
  const uint64_t lost = backlog.lost();
  EXPECT_GE(lost, 1000u - 4 - 4) << "four wait, and four may be in the hands of the writer";
  // Whoever reads again is told where lines are missing, and has the newest ones.
  const std::string text = pipe.read_until("\n999\n");
  // How many notices there are depends on when the writer began.
  uint64_t told = 0;
  for (size_t at = text.find("lost "); at != std::string::npos; at = text.find("lost ", at + 1))
    told += std::stoull(text.substr(at + 5));
  EXPECT_EQ(told, lost) << text;
  EXPECT_TRUE(text.ends_with("\n996\n997\n998\n999\n")) << text;
  EXPECT_TRUE(backlog.flush());
  backlog.push("after\n");
  EXPECT_TRUE(backlog.flush());
  EXPECT_EQ(pipe.read_now(), "after\n");
  EXPECT_EQ(backlog.lost(), lost);
}

TEST(Backlog, IsBoundedInBytes) {
  Pipe pipe;
  pipe.block();
  Backlog backlog(pipe.write_end(), {.lines = 1'000'000, .bytes = 10'000}, notice);
  for (int i = 0; i < 100; ++i) backlog.push(std::string(999, 'x') + "\n");
  EXPECT_GE(backlog.lost(), 80u);
  backlog.push(std::string(20'000, 'y') +
               "\n");  // larger than the whole bound: it is lost, and all before it
  backlog.push("the end\n");
  EXPECT_EQ(pipe.read_until("the end").find('y'), std::string::npos);
}

TEST(Backlog, EndsInTimeAlthoughNobodyReads) {
  Pipe pipe;
  pipe.block();
  const auto begin = Clock::now();
  {
    Backlog backlog(pipe.write_end(), {}, notice);
    backlog.push("never read\n");
    EXPECT_FALSE(backlog.flush(std::chrono::milliseconds(1)));
    EXPECT_FALSE(backlog.flush(std::chrono::hours(1))) << "a reader that does not read is waited for once";
  }
  EXPECT_LT(Clock::now() - begin, 10 * Backlog::kFlushLimit);
}

TEST(Backlog, WritesWhatWaitsBeforeItEnds) {
  Pipe pipe;
  { Backlog(pipe.write_end(), {}, notice).push("last words\n"); }
  EXPECT_EQ(pipe.read_now(), "last words\n");
}

TEST(Backlog, LosesLinesOfAReaderThatHasGone) {
  Pipe pipe;
  pipe.close_reader();
  Backlog backlog(pipe.write_end(), {}, notice);
  for (int i = 0; i < 3; ++i) backlog.push("x\n");
  EXPECT_TRUE(backlog.flush());
  EXPECT_EQ(backlog.lost(), 3u);
}

}  // namespace
}  // namespace pirn::log
