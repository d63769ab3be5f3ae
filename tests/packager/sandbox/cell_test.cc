#include "packager/sandbox/cell.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "packager/sandbox/filter.h"
#include "packager/sandbox/sanitized.h"
#include "tests/packager/sandbox/inmate.h"

namespace pirn::sandbox {
namespace {

class CellTest : public testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "a sanitizer does not fit into the sandbox";
  }
};

TEST_F(CellTest, SaysWhatTheWorkSays) {
  const Heard heard = run_inmate(geteuid(), [](const auto& confinement, Voice& voice) {
    voice.say("one ");
    voice.say(std::string(1 << 20, 'x'));
    return std::string(confinement ? " last" : " not shut in");
  });
  EXPECT_EQ(heard.said, "one " + std::string(1 << 20, 'x') + " last");
  EXPECT_TRUE(WIFEXITED(heard.status) && WEXITSTATUS(heard.status) == 0);
}

TEST_F(CellTest, ReportsWhatTheSystemGave) {
  const Heard heard = run_inmate(geteuid(), [](const auto& confinement, Voice&) {
    return std::to_string(confinement->guarded) + std::to_string(confinement->unprivileged) +
           std::to_string(geteuid() != 0) +
           std::to_string(confinement->scoped_signals == (confinement->landlock >= 6));
  });
  EXPECT_EQ(heard.said, "1111");
  ASSERT_TRUE(heard.confinement);
  EXPECT_TRUE(heard.confinement->guarded);
}

void install(const std::vector<Rule>& rules, bool listen) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(30);
  const Result<int> loaded = load(compile(rules, FilterAction::allow), listen);
  if (!loaded || (listen && dup2(*loaded, kSpare) < 0)) _exit(31);
}

// Where somebody else listens already, as in some containers: no threads, and every descriptor is the work's
// but that of the answer.
TEST_F(CellTest, WorksBelowAnotherListener) {
  const Heard heard = run_inmate(
      geteuid(),
      [](const auto& confinement, Voice&) -> std::string {
        if (!confinement) return confinement.error().message;
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0 || ends[0] != kAnswer + 1) return "no pipe";
        char byte = 0;
        if (write(ends[1], "x", 1) != 1 || read(ends[0], &byte, 1) != 1) return "no way through the pipe";
        if (close(ends[0]) != 0 || close(ends[1]) != 0) return "not closed";
        const long thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
        return syscall(SYS_clone, thread, 0L, 0L, 0L, 0L) < 0 && errno == EAGAIN ? "good" : "a thread";
      },
      [] { install({}, true); });
  EXPECT_EQ(heard.said, "good");
  ASSERT_TRUE(heard.confinement);
  EXPECT_FALSE(heard.confinement->guarded);
}

// Then every file of the host's user would be open to the library.
TEST_F(CellTest, WantsLandlockOrAnotherUser) {
  const auto without_landlock = [](uid_t user) {
    return run_inmate(
        user,
        [](const auto& confinement, Voice&) {
          return confinement ? std::to_string(confinement->landlock) : confinement.error().message;
        },
        [] {
          install({{SYS_landlock_create_ruleset, FilterAction::absent}}, false);
        });
  };
  const uid_t ordinary = geteuid() == 0 ? kOrdinaryUser : geteuid();
  const Heard refused = without_landlock(ordinary);
  EXPECT_NE(refused.said.find("a library could read whatever user " + std::to_string(ordinary) + " can"),
            std::string::npos)
      << refused.said;
  EXPECT_FALSE(refused.confinement);
  if (geteuid() != 0) return;
  EXPECT_EQ(without_landlock(0).said, "0") << "nobody has nothing to read";
}

TEST(Confinement, TakesAwayWhatEachVersionOfLandlockCan) {
  constexpr uint64_t kFirst = 0x1fff, kRefer = 0x2000, kTruncate = 0x4000, kIoctl = 0x8000;
  const LandlockRights rows[] = {{kFirst, 0, 0},
                                 {kFirst | kRefer, 0, 0},
                                 {kFirst | kRefer | kTruncate, 0, 0},
                                 {kFirst | kRefer | kTruncate, 3, 0},
                                 {kFirst | kRefer | kTruncate | kIoctl, 3, 0},
                                 {kFirst | kRefer | kTruncate | kIoctl, 3, 3},
                                 {kFirst | kRefer | kTruncate | kIoctl, 3, 3}};
  for (long version = 1; version <= 7; ++version)
    EXPECT_EQ(landlock_rights(version), rows[version - 1]) << version;
}

TEST(Confinement, IsDescribed) {
  EXPECT_EQ(describe({.landlock = 7, .scoped_signals = true, .unprivileged = true, .guarded = true}),
            "Landlock 7, signals scoped, not root, threads counted");
  EXPECT_EQ(describe({}), "no Landlock, root without capabilities, no threads");
}

TEST_F(CellTest, KeepsTheAnswerFromTheWork) {
  const Heard heard = run_inmate(geteuid(), [](const auto&, Voice& voice) {
    std::string allowed;
    const auto note = [&](const char* what, long result) {
      if (result >= 0 || errno != EPERM) allowed += what;
    };
    for (const long garbage : {0L, 1L << 32, -1L << 32}) {
      note("write ", syscall(SYS_write, garbage + kAnswer, "forged", 6L));
      note("pwrite ", syscall(SYS_pwrite64, garbage + kAnswer, "forged", 6L, 0L));
      note("dup ", syscall(SYS_dup, garbage + kAnswer));
      note("dup3 ", syscall(SYS_dup3, garbage + kAnswer, 30L, 0L));
      note("over it ", syscall(SYS_dup3, 1L, garbage + kAnswer, 0L));
      note("fcntl ", syscall(SYS_fcntl, garbage + kAnswer, F_DUPFD, 30L));
      note("flags ", syscall(SYS_fcntl, garbage + kAnswer, F_SETFL, O_NONBLOCK));
      note("close ", syscall(SYS_close, garbage + kAnswer));
    }
    voice.say("allowed: " + allowed);
    return std::string("end");
  });
  EXPECT_EQ(heard.said, "allowed: end");
}

// A handler would run with the rights of the thread that takes the signal.
TEST_F(CellTest, TrustedThreadsTakeNoSignals) {
  const Heard heard = run_inmate(geteuid(), [](const auto&, Voice&) -> std::string {
    struct sigaction action = {};
    action.sa_handler = [](int) { static_cast<void>(!write(kAnswer, "forged", 6)); };
    for (int signal = 1; signal < 32; ++signal) sigaction(signal, &action, nullptr);
    for (int signal = 1; signal < 65; ++signal)
      if (signal != SIGKILL && signal != SIGSTOP) syscall(SYS_tgkill, getpid(), getpid(), signal);
    return "end";
  });
  EXPECT_EQ(heard.said, "end");
}

TEST_F(CellTest, AnEarlyEndIsNoAnswer) {
  const Heard heard = run_inmate(geteuid(), [](const auto&, Voice& voice) -> std::string {
    voice.say("begun");
    _exit(0);
  });
  EXPECT_EQ(heard.said, "begun");
}

// Returns how many threads could be made.
std::string start_threads(unsigned count) {
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 1 << 16);
  unsigned made = 0;
  for (unsigned i = 0; i < count; ++i) {
    pthread_t thread;
    const auto sleep = [](void*) -> void* { return pause(), nullptr; };
    if (pthread_create(&thread, &small, sleep, nullptr) == 0) ++made;
  }
  return std::to_string(made);
}

TEST_F(CellTest, ThreadsAreCounted) {
  const auto enough = [](const auto&, Voice&) { return start_threads(kMaxThreads); };
  EXPECT_EQ(run_inmate(geteuid(), enough).said, std::to_string(kMaxThreads));
  const auto crowd = [](const auto&, Voice&) { return start_threads(3000); };
  const Heard heard = run_inmate(geteuid(), crowd);
  ASSERT_TRUE(heard.offence) << heard.said;
  EXPECT_EQ(heard.offence->call, uint32_t{SYS_clone});
}

}  // namespace
}  // namespace pirn::sandbox
