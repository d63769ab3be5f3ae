// Processes that really die: who killed them is in the file.
#include "host/worker/last_words.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace pirn::worker {
namespace {

class LastWordsTest : public ::testing::Test {
 protected:
  LastWordsTest() {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    std::string pattern = (std::filesystem::temp_directory_path() / "pirn-words-XXXXXX").string();
    const int fd = mkstemp(pattern.data());
    if (fd >= 0) close(fd);
    file_ = pattern;
  }
  ~LastWordsTest() override { std::filesystem::remove(file_); }

  // A death test runs this test again in another process, which has another file: it says so by the
  // environment.
  std::string file() const {
    if (const char* given = std::getenv("PIRN_LAST_WORDS_TEST")) return given;
    setenv("PIRN_LAST_WORDS_TEST", file_.c_str(), 1);
    return file_;
  }
  void TearDown() override { unsetenv("PIRN_LAST_WORDS_TEST"); }

  std::string words() const {
    std::ifstream in(file_);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string file_;
};

// Not to the null pointer: a sanitizer would stop that before the system does.
void write_to_nowhere() {
  volatile int* volatile nowhere = reinterpret_cast<volatile int*>(uintptr_t{64});
  *nowhere = 1;
}

void crash_in(const std::string& file, uint64_t invocation, void (*crash)(), ExecutionId hook_of = {}) {
  const auto opened = LastWords::open(file);
  if (!opened) _exit(3);
  std::thread([&] {
    const SignalStack stack;
    const InvocationNote note(invocation, hook_of);
    crash();
  }).join();
}

// As deep as memory goes.
[[gnu::noinline]] int overflow(volatile char* above) {
  volatile char frame[4096];
  frame[0] = above ? above[0] : 0;
  return frame[0] == 0 ? overflow(frame) + frame[0] : 0;
}

TEST_F(LastWordsTest, ASegmentationFaultNamesItsInvocation) {
  const std::string at = file();
  EXPECT_EXIT(crash_in(at, 1099511627777, write_to_nowhere), testing::KilledBySignal(SIGSEGV), "");
  EXPECT_EQ(words(), "1099511627777\n");
}

TEST_F(LastWordsTest, AHookNamesItsExecutionToo) {
  const std::string at = file();
  EXPECT_EXIT(crash_in(at, 7, write_to_nowhere, {1099511627777}), testing::KilledBySignal(SIGSEGV), "");
  EXPECT_EQ(words(), "7 1099511627777\n");
}

TEST_F(LastWordsTest, SoDoesAnAbort) {
  const std::string at = file();
  EXPECT_EXIT(crash_in(at, 7, [] { std::abort(); }), testing::KilledBySignal(SIGABRT), "");
  EXPECT_EQ(words(), "7\n");
}

TEST_F(LastWordsTest, SoDoesAStackThatOverflows) {
  const std::string at = file();
  EXPECT_EXIT(crash_in(at, 8, [] { (void)overflow(nullptr); }), testing::KilledBySignal(SIGSEGV), "");
  EXPECT_EQ(words(), "8\n");
}

TEST_F(LastWordsTest, AThreadWithoutAnInvocationBlamesNobody) {
  const std::string at = file();
  EXPECT_EXIT(
      {
        const auto opened = LastWords::open(at);
        { const InvocationNote over(5); }
        const InvocationNote of_another_thread(6);
        std::thread(write_to_nowhere).join();
      },
      testing::KilledBySignal(SIGSEGV), "");
  EXPECT_EQ(words(), "");
}

TEST_F(LastWordsTest, TheNextLifeReadsThemOnce) {
  std::ofstream(file_) << "12\n34 1099511627777\n5";
  const auto opened = LastWords::open(file_);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->killers(), (std::vector<Killer>{{12, {}}, {34, {1099511627777}}, {5, {}}}));
  opened->forget();
  EXPECT_EQ(words(), "");
}

TEST_F(LastWordsTest, AFileThatCannotBeOpenedIsAnError) {
  const auto refused = LastWords::open("/nowhere/crashes");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::io_failed);
}

}  // namespace
}  // namespace pirn::worker
