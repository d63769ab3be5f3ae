#include "host/log/log.h"

#include <boost/json.hpp>

#include "tests/host/log/pipe.h"

namespace pirn::log {
namespace {

// Standard error is a pipe for the time of a test.
class LogTest : public ::testing::Test {
 protected:
  LogTest() : before_(::dup(STDERR_FILENO)) { ::dup2(pipe_.write_end(), STDERR_FILENO); }
  ~LogTest() override {
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
  }
  std::string text() {
    flush();
    return pipe_.read_now();
  }

  Pipe pipe_;
  const int before_;
};

constexpr std::string_view kHostile = "a\x1b[2J\r\n\x7f\xc2\x9b\u202e\xff";

TEST_F(LogTest, EscapesWhatATerminalWouldObey) {
  ASSERT_TRUE(configure("info", false));
  write(Level::info, "host", kHostile, {{"step", kHostile}});
  const std::string line = text();
  const std::string escaped = "a\\x1b[2J\\r\\n\\x7f\\u009b\\u202e\\xff";
  EXPECT_NE(line.find(" info host: " + escaped + "  step=" + escaped + "\n"), std::string::npos) << line;
}

TEST_F(LogTest, IsValidJsonWhateverIsInIt) {
  ASSERT_TRUE(configure("info", true));
  write(Level::warn, "host", kHostile, {{"step", kHostile}});
  const std::string line = text();
  for (const unsigned char c : line) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f)) << line;
  const boost::json::object object = boost::json::parse(line).as_object();
  EXPECT_EQ(object.at("message").as_string(), "a\x1b[2J\r\n\x7f\xc2\x9b\u202e\ufffd");
  EXPECT_EQ(object.at("level").as_string(), "warn");
}

TEST_F(LogTest, TakesLinesForPeopleInTheirPlace) {
  ASSERT_TRUE(configure("info", true));
  write(Level::info, "host", "first");
  say("second\x1b");
  write(Level::info, "host", "third");
  const std::string all = text();
  EXPECT_LT(all.find("first"), all.find("\nsecond\\x1b\n"));
  EXPECT_LT(all.find("second"), all.find("third"));
}

TEST_F(LogTest, BlocksNobodyWhenItIsNotRead) {
  ASSERT_TRUE(configure("info", true));
  pipe_.block();
  const std::string long_line(1000, 'x');
  for (int i = 0; i < 20'000; ++i) write(Level::info, "host", long_line);
  EXPECT_GT(lines_lost(), 0u);
  const uint64_t lost = lines_lost();
  write(Level::info, "host", "the newest");
  const std::string all = pipe_.read_until("the newest");
  EXPECT_NE(
      all.find("\"message\":\"lines were lost here because the reader of the log was too slow\",\"lost\":\""),
      std::string::npos);
  EXPECT_GE(lines_lost(), lost);
}

}  // namespace
}  // namespace pirn::log
