#include "host/log/line_writer.h"

#include <thread>

#include "tests/host/log/pipe.h"

namespace pirn::log {
namespace {

using Outcome = LineWriter::Outcome;
using std::chrono::milliseconds;

TEST(LineWriter, WritesToWhoeverReads) {
  Pipe pipe;
  LineWriter writer(pipe.write_end(), milliseconds(1000));
  EXPECT_EQ(writer.write("one\n"), Outcome::written);
  EXPECT_EQ(writer.write("two\n"), Outcome::written);
  EXPECT_EQ(pipe.read_now(), "one\ntwo\n");
}

TEST(LineWriter, WaitsNoLongerThanItsPatience) {
  Pipe pipe;
  pipe.block();
  LineWriter writer(pipe.write_end(), milliseconds(1));
  EXPECT_EQ(writer.write("lost\n"), Outcome::late);
  pipe.read_now();
  EXPECT_EQ(writer.write("kept\n"), Outcome::written);
  EXPECT_EQ(pipe.read_now(), "kept\n");
}

TEST(LineWriter, FinishesALineThatItHasBegun) {
  Pipe pipe;
  LineWriter writer(pipe.write_end(), milliseconds(1));
  const std::string line = std::string(static_cast<size_t>(3 * pipe.size()), 'x') + "\n";
  EXPECT_EQ(writer.write(line), Outcome::written);   // begun
  EXPECT_EQ(writer.write("lost\n"), Outcome::late);  // its rest goes first
  std::string all;
  while (all.size() < line.size() || !all.ends_with("next\n")) {
    all += pipe.read_now();
    if (all.size() <= line.size()) (void)writer.write("next\n");
  }
  EXPECT_EQ(all.substr(0, line.size()), line);
  EXPECT_EQ(all.find("lost"), std::string::npos);
}

TEST(LineWriter, IsToldToComeToAnEnd) {
  Pipe pipe;
  pipe.block();
  LineWriter writer(pipe.write_end(), milliseconds::max());
  std::thread other([&] { writer.finish_by(LineWriter::Clock::now()); });
  EXPECT_EQ(writer.write("lost\n"), Outcome::late);
  other.join();
}

TEST(LineWriter, SaysWhatIsWrong) {
  Pipe pipe;
  LineWriter writer(pipe.write_end(), milliseconds::max());
  pipe.close_reader();
  EXPECT_EQ(writer.write("lost\n"), Outcome::failed);
  EXPECT_EQ(writer.error(), EPIPE);
  LineWriter nowhere(-1, milliseconds(1));
  EXPECT_NE(nowhere.write("lost\n"), Outcome::written);
}

}  // namespace
}  // namespace pirn::log
