// Sinks whose reader does not read: they lose events, and hold up neither who publishes nor the end.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>

#include "host/events/outlets.h"
#include "host/journal/value.h"
#include "tests/host/log/pipe.h"

namespace pirn::events {
namespace {

using Clock = std::chrono::steady_clock;

std::string progress(size_t size) {
  return R"({"at":1,"step":"fetch","attempt":1,"note":")" + std::string(size, 'x') + "\"}";
}

class BlockedReader : public ::testing::Test {
 protected:
  BlockedReader() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pirn-sinks-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~BlockedReader() override { std::filesystem::remove_all(directory_); }

  std::string fifo() const {
    const std::string path = directory_ + "/fifo";
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    return path;
  }

  // Publishes more than fits anywhere, and ends. Returns what the end took.
  static Clock::duration publish_and_end(std::shared_ptr<Sink> sink) {
    auto outlets = std::make_unique<Outlets>(
        std::vector<OutletOptions>{{"slow", "", {}, std::move(sink)}}, [] { return int64_t{0}; },
        [](const OutletFailure&) {}, 64);
    for (int i = 0; i < 1000; ++i)
      outlets->publish_live({ExecutionId{7}, "acme", "etl", "daily"}, "progress", progress(1000));
    EXPECT_GT(outlets->health("")[0].lost, 0u);
    const auto begin = Clock::now();
    outlets.reset();
    return Clock::now() - begin;
  }

  std::string directory_;
};

constexpr auto kSoon = 10 * kSinkPatience;

TEST_F(BlockedReader, OfStandardOutputHoldsUpNobody) {
  log::Pipe pipe;
  pipe.block();
  std::FILE* const stream = ::fdopen(::dup(pipe.write_end()), "w");
  EXPECT_LT(publish_and_end(std::make_shared<StdoutSink>(stream)), kSoon);
  std::fclose(stream);
}

TEST_F(BlockedReader, OfAFifoHoldsUpNobody) {
  const std::string path = fifo();
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  auto sink = JsonLinesSink::open(path);
  ASSERT_TRUE(sink) << describe(sink.error());
  EXPECT_LT(publish_and_end(std::move(*sink)), kSoon);
  ::close(reader);
}

TEST_F(BlockedReader, OfAFifoMayComeLater) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string path = fifo();
  auto sink = JsonLinesSink::open(path);
  ASSERT_TRUE(sink) << describe(sink.error());
  Envelope envelope;
  envelope.message = "nobody";
  EXPECT_FALSE((*sink)->write(envelope));
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  envelope.message = "somebody";
  EXPECT_TRUE((*sink)->write(envelope));
  char buffer[4096];
  const ssize_t n = ::read(reader, buffer, sizeof buffer);
  ::close(reader);
  ASSERT_GT(n, 0);
  const std::string text(buffer, static_cast<size_t>(n));
  EXPECT_NE(text.find("somebody"), std::string::npos);
  EXPECT_EQ(text.find("nobody"), std::string::npos);
}

TEST(Envelope, IsJsonThatSteersNoTerminal) {
  Envelope envelope;
  envelope.message = "\x1b\x7f\xc2\x9b\xe2\x80\xae";
  EXPECT_NE(envelope.json().find("\"message\":\"\\u001b\\u007f\\u009b\\u202e\""), std::string::npos)
      << envelope.json();
  log::Pipe pipe;
  std::FILE* const stream = ::fdopen(::dup(pipe.write_end()), "w");
  StdoutSink sink(stream);
  EXPECT_TRUE(sink.write(envelope));
  EXPECT_NE(pipe.read_now().find("\\x1b\\x7f\\u009b\\u202e\n"), std::string::npos);
  std::fclose(stream);
}

}  // namespace
}  // namespace pirn::events
