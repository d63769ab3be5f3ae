// Processes that really die: who ran, and who did it, is in the file.
#include "host/worker/crash_record.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "tests/host/worker/frame.h"

namespace pirn::worker {
namespace {

using End = LastLife::End;

class CrashRecordTest : public ::testing::Test {
 protected:
  CrashRecordTest() {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    std::string pattern = (std::filesystem::temp_directory_path() / "pirn-crashes-XXXXXX").string();
    const int fd = mkstemp(pattern.data());
    if (fd >= 0) close(fd);
    file_ = pattern;
  }
  ~CrashRecordTest() override { std::filesystem::remove(file_); }

  // A death test runs this test again in another process, which has another file: it says so by the
  // environment.
  std::string file() const {
    if (const char* given = std::getenv("PIRN_CRASH_RECORD_TEST")) return given;
    setenv("PIRN_CRASH_RECORD_TEST", file_.c_str(), 1);
    return file_;
  }
  void TearDown() override { unsetenv("PIRN_CRASH_RECORD_TEST"); }

  LastLife last_life(const std::string& boot = boot_id()) const {
    const auto record = CrashRecord::open(file_, boot);
    EXPECT_TRUE(record) << describe(record.error());
    return record ? (*record)->last_life() : LastLife();
  }

  std::string file_;
};

Invocation call(uint64_t id, Kind kind = Kind::task, uint32_t step = 3) {
  Invocation call;
  call.id = id;
  call.frame = TestFrame::make();
  call.kind = kind;
  call.step = step;
  call.step_name = "charge";
  call.function = "charge_card";
  return call;
}

// A life in which this thread makes the call, and another one makes call number 8.
void live(const std::string& file, const Invocation& own, void (*end)()) {
  auto opened = CrashRecord::open(file);
  if (!opened) _exit(3);
  CrashRecord& record = **opened;
  record.begin_life();
  std::atomic<bool> called{false};
  std::thread([&] {
    const Invocation other = call(8, Kind::rollback, 4);
    const CallNote note(record.take_slot(), other);
    called = true;
    called.notify_one();
    for (;;) pause();
  }).detach();
  called.wait(false);
  std::thread([&] {
    const SignalStack stack;
    const CallNote note(record.take_slot(), own);
    end();
  }).join();
}

// Not to the null pointer: a sanitizer would stop that before the system does.
void write_to_nowhere() {
  volatile int* volatile nowhere = reinterpret_cast<volatile int*>(uintptr_t{64});
  *nowhere = 1;
}

// As deep as memory goes.
[[gnu::noinline]] int overflow(volatile char* above) {
  volatile char frame[4096];
  frame[0] = above ? above[0] : 0;
  return frame[0] == 0 ? overflow(frame) + frame[0] : 0;
}

std::vector<LastCall> both(uint64_t own) {
  return {{8, {{77}, 4, Kind::rollback}}, {own, {{77}, 3, Kind::task}}};
}

TEST_F(CrashRecordTest, ASegmentationFaultNamesItsCallAndWhatElseRan) {
  const std::string at = file();
  EXPECT_EXIT(live(at, call(1099511627777), write_to_nowhere), testing::KilledBySignal(SIGSEGV),
              "process_ended.*'charge_card' of the step 'charge' .acme::orders@1.2.3.* caused SIGSEGV");
  const LastLife last = last_life();
  EXPECT_EQ(last.end, End::crash);
  EXPECT_EQ(last.fatal, (std::vector<FatalInvocation>{{1099511627777, {}, "SIGSEGV"}}));
  EXPECT_EQ(last.running, both(1099511627777));
}

TEST_F(CrashRecordTest, AHookNamesItsExecutionToo) {
  const std::string at = file();
  EXPECT_EXIT(live(at, call(7, Kind::hook), write_to_nowhere), testing::KilledBySignal(SIGSEGV), "");
  EXPECT_EQ(last_life().fatal, (std::vector<FatalInvocation>{{7, {77}, "SIGSEGV"}}));
}

TEST_F(CrashRecordTest, SoDoesAnAbort) {
  const std::string at = file();
  EXPECT_EXIT(live(at, call(7), [] { std::abort(); }), testing::KilledBySignal(SIGABRT),
              "process_ended.*'charge_card'.* caused SIGABRT");
  EXPECT_EQ(last_life().fatal, (std::vector<FatalInvocation>{{7, {}, "SIGABRT"}}));
}

TEST_F(CrashRecordTest, SoDoesAStackThatOverflows) {
  const std::string at = file();
  EXPECT_EXIT(live(at, call(7), [] { (void)overflow(nullptr); }), testing::KilledBySignal(SIGSEGV),
              "process_ended.*'charge_card'.* caused SIGSEGV");
  EXPECT_EQ(last_life().fatal, (std::vector<FatalInvocation>{{7, {}, "SIGSEGV"}}));
}

// None of them is a success, whatever status was asked for.
TEST_F(CrashRecordTest, WhoeverEndsTheProcessIsNamedAndItIsNoSuccess) {
  struct Way {
    void (*end)();
    const char* cause;
  };
  const Way ends[] = {{[] { std::exit(0); }, "exit(0)"}, {[] { std::quick_exit(0); }, "exit(0)"},
                      {[] { _exit(0); }, "exit(0)"},     {[] { std::_Exit(0); }, "exit(0)"},
                      {[] { std::exit(5); }, "exit(5)"}, {[] { syscall(SYS_exit_group, 0); }, "exit(0)"}};
  for (const auto& [end, cause] : ends) {
    const std::string at = file();
    EXPECT_EXIT(
        live(at, call(7), end), testing::ExitedWithCode(CrashRecord::kExitStatus),
        "process_ended.*'charge_card' of the step 'charge' .acme::orders@1.2.3.*xit(_group)?\\([05]\\)");
    EXPECT_EQ(last_life().fatal, (std::vector<FatalInvocation>{{7, {}, cause}}));
  }
}

TEST_F(CrashRecordTest, ASignalOnAThreadWithoutACallNamesWhatWasUnderWay) {
  const std::string at = file();
  EXPECT_EXIT(live(at, call(7), [] { std::thread([] { std::abort(); }).join(); }),
              testing::KilledBySignal(SIGABRT),
              "process_ended.*a thread that runs no step received SIGABRT.* while this was under way: a call "
              "of the execution 0000000[0-9a-z]+ and 1 other calls");
}

TEST_F(CrashRecordTest, ASignalWhileNoCallIsUnderWayIsABugOfTheHost) {
  const std::string at = file();
  EXPECT_EXIT(
      {
        const auto record = CrashRecord::open(at);
        (*record)->begin_life();
        std::abort();
      },
      testing::KilledBySignal(SIGABRT), "internal.*a thread that runs no step received SIGABRT");
}

TEST_F(CrashRecordTest, AThreadOfThePackageBlamesNobodyAndIsNoSuccessEither) {
  const std::string at = file();
  EXPECT_EXIT(
      live(at, call(7), [] { std::thread([] { std::exit(0); }).join(); }),
      testing::ExitedWithCode(CrashRecord::kExitStatus),
      "a thread that was started by package code called exit\\(0\\).* while this was under way: a call of "
      "the execution 0000000[0-9a-z]+ and 1 other calls");
  EXPECT_EQ(last_life().fatal, (std::vector<FatalInvocation>{}));
  EXPECT_EQ(last_life().running, both(7));
}

TEST_F(CrashRecordTest, WhatCannotBeCaughtIsInTheSlots) {
  struct Way {
    void (*end)();
    int signal;
  };
  const Way ways[] = {
      {[] { raise(SIGKILL); }, SIGKILL},
      {[] { std::thread([] { kill(getpid(), SIGKILL); }).join(); }, SIGKILL},
      {[] { std::thread([] { throw std::runtime_error("nobody catches this"); }).join(); }, SIGABRT},
      {[] { std::thread(write_to_nowhere).join(); }, SIGSEGV},
      {[] { std::signal(SIGSEGV, SIG_DFL), write_to_nowhere(); }, SIGSEGV},
      {[] { raise(SIGTERM); }, SIGTERM},
  };
  for (const Way& way : ways) {
    const std::string at = file();
    EXPECT_EXIT(live(at, call(7), way.end), testing::KilledBySignal(way.signal), "");
    const LastLife last = last_life();
    EXPECT_EQ(last.end, End::crash);
    EXPECT_EQ(last.fatal, (std::vector<FatalInvocation>{}));
    EXPECT_EQ(last.running, both(7));
  }
}

TEST_F(CrashRecordTest, OtherSystemCallsAreTheCLibrarys) {
  EXPECT_EQ(syscall(SYS_getpid), getpid());
  EXPECT_EQ(syscall(SYS_mmap, nullptr, size_t{4096}, PROT_READ, MAP_PRIVATE, -1, off_t{0}), -1);
  EXPECT_EQ(errno, EBADF);
}

[[noreturn]] void exit_group_by_instruction() {
#if defined(__x86_64__)
  asm volatile("syscall" ::"a"(SYS_exit_group), "D"(0) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long number asm("x8") = SYS_exit_group;
  register long status asm("x0") = 0;
  asm volatile("svc 0" ::"r"(number), "r"(status) : "memory");
#endif
  __builtin_unreachable();
}

TEST_F(CrashRecordTest, AnInstructionOfItsOwnEndsTheProcessAndTheSlotsSayWhoRan) {
  const std::string at = file();
  EXPECT_EXIT(live(at, call(7), exit_group_by_instruction), testing::ExitedWithCode(0), "");
  EXPECT_EQ(last_life().end, End::crash);
  EXPECT_EQ(last_life().running, both(7));
}

TEST_F(CrashRecordTest, AnotherBootAccusesNobody) {
  const std::string at = file();
  EXPECT_EXIT(
      {
        auto record = CrashRecord::open(at);
        (*record)->keep_suspects(std::vector<Suspect>{{{{77}, 3, Kind::task}, 5, 0}});
        record->reset();
        live(at, call(7), write_to_nowhere);
      },
      testing::KilledBySignal(SIGSEGV), "");
  const LastLife last = last_life("the boot after");
  EXPECT_EQ(last.end, End::power_loss);
  EXPECT_EQ(last.fatal, (std::vector<FatalInvocation>{}));
  EXPECT_EQ(last.suspects, (std::vector<Suspect>{}));
  EXPECT_EQ(last.running, both(7)) << "for the log";
  EXPECT_EQ(last_life("").end, End::power_loss) << "who does not know which boot it is accuses nobody";
}

TEST_F(CrashRecordTest, AnEndOnPurposeIsClean) {
  const std::string at = file();
  EXPECT_EXIT(
      {
        const auto record = CrashRecord::open(at);
        (*record)->begin_life();
        const Invocation own = call(7);
        const CallNote note((*record)->take_slot(), own);
        (*record)->end_life();
        _exit(0);
      },
      testing::ExitedWithCode(0), "");
  const LastLife last = last_life();
  EXPECT_EQ(last.end, End::clean);
  EXPECT_EQ(last.running, (std::vector<LastCall>{}));
}

// What a step forks ends as it likes, and as itself.
TEST_F(CrashRecordTest, AForkedProcessIsNotTheHost) {
  const auto opened = CrashRecord::open(file_);
  ASSERT_TRUE(opened);
  CrashRecord& record = **opened;
  record.begin_life();
  const Invocation own = call(7);
  CrashRecord::Slot* const slot = record.take_slot();
  {
    const CallNote note(slot, own);
    for (void (*const end)() : {+[] { _exit(0); }, +[] { raise(SIGABRT); }}) {
      const pid_t child = fork();
      if (child == 0) end();
      int status = -1;
      ASSERT_EQ(waitpid(child, &status, 0), child);
      EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    }
  }
  record.give_back(slot);
  record.end_life();
  EXPECT_EQ(last_life().fatal, (std::vector<FatalInvocation>{}));
}

TEST_F(CrashRecordTest, ACallThatHasReturnedIsNotInIt) {
  const std::string at = file();
  EXPECT_EXIT(
      {
        const auto record = CrashRecord::open(at);
        (*record)->begin_life();
        const Invocation own = call(7);
        { const CallNote note((*record)->take_slot(), own); }
        raise(SIGKILL);
      },
      testing::KilledBySignal(SIGKILL), "");
  EXPECT_EQ(last_life().end, End::crash);
  EXPECT_EQ(last_life().running, (std::vector<LastCall>{}));
}

TEST_F(CrashRecordTest, SuspectsAndTheTrialOutliveTheProcess) {
  const std::vector<Suspect> suspects = {{{{77}, 3, Kind::task}, 250'000'000, 0},
                                         {{{78}, UINT32_MAX, Kind::handler}, 1'000'000'000, 2}};
  const std::string at = file();
  EXPECT_EXIT(
      {
        const auto record = CrashRecord::open(at);
        (*record)->begin_life();
        (*record)->keep_suspects({});
        (*record)->keep_suspects(suspects);
        (*record)->put_on_trial({1099511627777, true});
        raise(SIGKILL);
      },
      testing::KilledBySignal(SIGKILL), "");
  EXPECT_EQ(last_life().suspects, suspects);
  EXPECT_EQ(last_life().trial, (Trial{1099511627777, true}));
  {
    const auto next = CrashRecord::open(file_);
    (*next)->begin_life();
    (*next)->end_life();
  }
  EXPECT_EQ(last_life().suspects, suspects) << "until somebody clears them";
  EXPECT_EQ(last_life().trial, Trial());
}

// Without its lock a data directory can have two hosts for a while.
TEST_F(CrashRecordTest, ALifeThatGoesOnWritesIntoAFileOfItsOwn) {
  const auto before = CrashRecord::open(file_);
  (*before)->begin_life();
  const auto successor = CrashRecord::open(file_);
  (*successor)->begin_life();
  const Invocation own = call(7), other = call(8, Kind::rollback, 4);
  const CallNote of_before((*before)->take_slot(), own);
  (*before)->keep_suspects(std::vector<Suspect>{{{{77}, 3, Kind::task}, 5, 0}});
  EXPECT_EQ(last_life().running, (std::vector<LastCall>{}));
  const CallNote of_successor((*successor)->take_slot(), other);
  EXPECT_EQ(last_life().end, End::crash) << "it goes on";
  EXPECT_EQ(last_life().running, (std::vector<LastCall>{{8, {{77}, 4, Kind::rollback}}}));
  EXPECT_EQ(last_life().suspects, (std::vector<Suspect>{}));
}

TEST_F(CrashRecordTest, AFileThatIsNoneOfOursIsBegunAnew) {
  std::ofstream(file_) << "12\n34 1099511627777\n5";
  EXPECT_EQ(last_life().end, End::clean);
  (*CrashRecord::open(file_))->begin_life();
  const auto size = std::filesystem::file_size(file_);
  std::ofstream(file_) << std::string(size, '\xFF');
  EXPECT_EQ(last_life().end, End::clean);
  EXPECT_EQ(last_life().running, (std::vector<LastCall>{}));
}

TEST_F(CrashRecordTest, AFileThatCannotBeOpenedIsAnError) {
  const auto refused = CrashRecord::open("/nowhere/crashes");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::io_failed);
  std::filesystem::remove(file_);
  std::filesystem::create_symlink("/dev/null", file_);
  EXPECT_FALSE(CrashRecord::open(file_)) << "nothing that somebody planted is followed";
}

TEST_F(CrashRecordTest, WithoutAFileTheProcessStillSaysWhoEndsIt) {
  EXPECT_EXIT(live("", call(7), [] { std::exit(0); }), testing::ExitedWithCode(CrashRecord::kExitStatus),
              "process_ended.*'charge'");
}

}  // namespace
}  // namespace pirn::worker
