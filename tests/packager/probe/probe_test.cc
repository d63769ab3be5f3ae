#include "packager/probe/probe.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "tests/packager/library/zoo.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PIRN_NEEDS_THE_SANDBOX() \
  GTEST_SKIP() << "a sanitizer does not fit into the sandbox, and catches signals itself"
#else
#define PIRN_NEEDS_THE_SANDBOX() static_cast<void>(0)
#endif

namespace pirn::probe {
namespace {

class Probe : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a process was left behind";
    EXPECT_EQ(errno, ECHILD);
  }

  static Result<LibraryDescription> ask(const std::string& name, bool run_init = false,
                                        int timeout_ms = 20'000) {
    ProbeOptions options;
    options.run_init = run_init;
    options.timeout = std::chrono::milliseconds(timeout_ms);
    options.probe_path = PIRN_PROBE_PROGRAM;
    return probe(library::animal(name), options);
  }

  static void expect_refused(const Result<LibraryDescription>& result, Code code,
                             const std::string& words = "") {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, code) << describe(result.error());
    EXPECT_NE(result.error().message.find(words), std::string::npos) << describe(result.error());
  }
};

TEST_F(Probe, DescribesAGoodLibrary) {
  for (const bool run_init : {false, true}) {
    const Result<LibraryDescription> description = ask("good", run_init);
    ASSERT_TRUE(description) << describe(description.error());
    EXPECT_EQ(description->id, "zoo");
    EXPECT_EQ(description->version, "1.0.0");
    EXPECT_EQ(description->sdk, "zoo/1");
    EXPECT_EQ(description->functions.size(), 2u);
    EXPECT_TRUE(description->unloads);
    EXPECT_TRUE(definition::parse(description->definition, "zoo", &description->functions));
  }
  EXPECT_EQ(ask("no_definition")->definition, "");
}

TEST_F(Probe, TellsWhatStaysInMemory) {
  const Result<LibraryDescription> description = ask("resident", true);
  ASSERT_TRUE(description) << describe(description.error());
  EXPECT_FALSE(description->unloads);
}

TEST_F(Probe, PassesOnWhyALibraryIsRefused) {
  expect_refused(ask("extra_export"), Code::library_exports_more, "zoo_counter_of_this_copy");
  EXPECT_EQ(ask("many_sins").error().causes.size(), 2u);
  expect_refused(ask("duplicate_ids"), Code::library_descriptor_invalid, "'work'");
  expect_refused(ask("refuses_host"), Code::library_refuses_host);
  expect_refused(ask("definition_fails"), Code::library_definition_failed, "the sloth");
}

TEST_F(Probe, SurvivesACrash) {
  PIRN_NEEDS_THE_SANDBOX();
  expect_refused(ask("constructor_crashes"), Code::probe_crashed, "SIGABRT while it was loaded");
  expect_refused(ask("entry_crashes"), Code::probe_crashed, "SIGSEGV while it was loaded");
  expect_refused(ask("init_crashes", true), Code::probe_crashed, " in its init");
  expect_refused(ask("deinit_crashes", true), Code::probe_crashed, "SIGABRT in its deinit");
  EXPECT_TRUE(ask("init_crashes"));  // nobody asked for init
}

TEST_F(Probe, StopsALibraryThatDoesNotEnd) {
  // On a busy machine the time may be over before the library's own begins.
  Result<LibraryDescription> stopped = ask("constructor_loops", false, 250);
  for (int limit_ms = 500; limit_ms <= 32'000 && !stopped &&
                           stopped.error().message.find("before it was loaded") != std::string::npos;
       limit_ms *= 2)
    stopped = ask("constructor_loops", false, limit_ms);
  expect_refused(stopped, Code::probe_timeout, "while it was loaded");
}

TEST_F(Probe, IsNotDeceivedByAnEarlyExit) {
  expect_refused(ask("constructor_exits"), Code::probe_no_answer, "while it was loaded");
}

// Whatever is written to whichever descriptor is not the answer.
TEST_F(Probe, IsNotConfusedByOutput) {
  PIRN_NEEDS_THE_SANDBOX();
  for (const char* name : {"constructor_prints", "constructor_floods", "constructor_copies_the_answer"}) {
    const Result<LibraryDescription> description = ask(name);
    ASSERT_TRUE(description) << name << ": " << describe(description.error());
    EXPECT_EQ(description->id, "zoo");
  }
}

TEST_F(Probe, TakesNoForgedAnswer) {
  PIRN_NEEDS_THE_SANDBOX();
  for (const char* name : {"constructor_forges", "constructor_forges_by_thread", "entry_forges"}) {
    SCOPED_TRACE(name);
    expect_refused(ask(name), Code::probe_no_answer, "ended its process while it was loaded");
  }
  // The thread that may write the answer runs no handler. The forged version is 1.0.0.
  const Result<LibraryDescription> description = ask("constructor_forges_by_signal");
  ASSERT_TRUE(description) << describe(description.error());
  EXPECT_EQ(description->version, "2.0.0");
}

TEST_F(Probe, LeavesItsParentAlone) {
  PIRN_NEEDS_THE_SANDBOX();
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  expect_refused(ask("constructor_signals_by_input"), Code::probe_forbidden_call,
                 "called fcntl(F_SETOWN), which reaches beyond its process, while it was loaded");
  expect_refused(ask("constructor_pins_parent"), Code::probe_forbidden_call, "called sched_setaffinity()");
  expect_refused(ask("constructor_kills_parent"), Code::probe_forbidden_call, "called kill()");
  rlimit limit_before, limit_after;
  ASSERT_EQ(getrlimit(RLIMIT_MSGQUEUE, &limit_before), 0);
  expect_refused(ask("constructor_patches_the_guard"), Code::probe_forbidden_call, "called prlimit64()");
  ASSERT_EQ(getrlimit(RLIMIT_MSGQUEUE, &limit_after), 0);
  EXPECT_EQ(limit_before.rlim_cur, limit_after.rlim_cur);
  ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST_F(Probe, CountsThreads) {
  PIRN_NEEDS_THE_SANDBOX();
  const Result<LibraryDescription> some = ask("constructor_starts_some");
  EXPECT_TRUE(some) << describe(some.error());
  expect_refused(ask("constructor_starts_a_crowd"), Code::probe_forbidden_call,
                 "started more than 64 threads while it was loaded");
}

TEST_F(Probe, SaysWhatTheSystemGave) {
  PIRN_NEEDS_THE_SANDBOX();
  const Result<LibraryDescription> description = ask("good");
  ASSERT_TRUE(description) << describe(description.error());
  EXPECT_TRUE(description->confinement.guarded);
  EXPECT_TRUE(description->confinement.unprivileged);
  EXPECT_EQ(description->confinement.scoped_signals, description->confinement.landlock >= 6);
}

TEST_F(Probe, ReportsAFailedInit) {
  expect_refused(ask("init_fails", true), Code::probe_init_failed, "status -5");
  expect_refused(ask("init_fails_in_latin", true), Code::probe_init_failed,
                 "status -5: caf\xef\xbf\xbd (the package logged text that is not UTF-8)");
}

TEST_F(Probe, LetsNothingOut) {
  PIRN_NEEDS_THE_SANDBOX();
  expect_refused(ask("init_connects", true), Code::probe_init_failed, "status -7");
  expect_refused(ask("init_executes", true), Code::probe_init_failed, "status -7");
  expect_refused(ask("init_writes_file", true), Code::probe_init_failed, "status -7");
  expect_refused(ask("init_allocates", true), Code::probe_init_failed, "status -5");
  EXPECT_NE(access("/tmp/pirn-zoo-was-here", F_OK), 0);
}

TEST_F(Probe, InheritsNothing) {
  const int open_file = fcntl(STDERR_FILENO, F_DUPFD, 77);  // on purpose without close-on-exec
  ASSERT_EQ(open_file, 77);
  ASSERT_EQ(setenv("PIRN_TEST_SECRET", "x", 1), 0);
  const Result<LibraryDescription> description = ask("init_looks_around", true);
  EXPECT_TRUE(description) << describe(description.error());
  close(open_file);
}

TEST_F(Probe, RefusesWhatIsNoLibrary) {
  ProbeOptions options;
  options.probe_path = PIRN_PROBE_PROGRAM;
  expect_refused(probe("no library", options), Code::library_malformed);
  expect_refused(probe("", options), Code::library_malformed);
}

TEST_F(Probe, SaysThatItIsMissing) {
  ProbeOptions options;
  options.probe_path = "/nowhere/pirn-probe";
  expect_refused(probe(library::animal("good"), options), Code::probe_unavailable, "/nowhere/pirn-probe");
}

// A child with lowered limits asks, and tells what came of it: the code, and the message.
std::string ask_within(__rlimit_resource resource, rlim_t soft, rlim_t hard, const std::string& name) {
  int said[2];
  if (pipe2(said, O_CLOEXEC) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit{soft, hard};
    if (setrlimit(resource, &limit) != 0) _exit(1);
    ProbeOptions options;
    options.probe_path = PIRN_PROBE_PROGRAM;
    const Result<LibraryDescription> answer = probe(library::animal(name), options);
    const std::string words = answer ? "described " + answer->id
                                     : std::string(answer.error().name()) + ": " + answer.error().message +
                                           " | " + answer.error().hint;
    (void)!write(said[1], words.data(), words.size());
    _exit(0);
  }
  close(said[1]);
  std::string words;
  char block[4096];
  for (ssize_t got = 0; (got = read(said[0], block, sizeof block)) > 0;)
    words.append(block, static_cast<size_t>(got));
  close(said[0]);
  waitpid(child, nullptr, 0);
  return words;
}

TEST_F(Probe, WorksWithinTightLimits) {
  PIRN_NEEDS_THE_SANDBOX();
  constexpr rlim_t kMiB = 1 << 20;
  EXPECT_EQ(ask_within(RLIMIT_NOFILE, 32, 32, "good"), "described zoo");
  EXPECT_EQ(ask_within(RLIMIT_NOFILE, 32, 4096, "good"), "described zoo");
  EXPECT_EQ(ask_within(RLIMIT_AS, 257 * kMiB, 257 * kMiB, "good"), "described zoo");
  EXPECT_EQ(ask_within(RLIMIT_AS, 257 * kMiB, RLIM_INFINITY, "good"), "described zoo");
}

TEST_F(Probe, SaysWhichLimitIsTooLowAndBlamesNoLibrary) {
  PIRN_NEEDS_THE_SANDBOX();
  constexpr rlim_t kMiB = 1 << 20;
  const std::string raise =
      " | Raise the limit where pirn is started: ulimit -v and ulimit -n, or LimitAS= and LimitNOFILE= of a "
      "service.";
  EXPECT_EQ(ask_within(RLIMIT_NOFILE, 20, 20, "good"),
            "probe_unavailable: the probe cannot be started: RLIMIT_NOFILE is 20, and it needs 32" + raise);
  const std::string lacks = ask_within(RLIMIT_AS, 200 * kMiB, 200 * kMiB, "good");
  EXPECT_TRUE(lacks.starts_with(
      "probe_unavailable: the probe cannot be started: RLIMIT_AS is 200 MiB, and it needs 256"))
      << lacks;
  EXPECT_TRUE(lacks.ends_with(" for this library" + raise)) << lacks;
  // What fails within less than a probe should have may be good with it.
  const std::string failed = ask_within(RLIMIT_AS, 600 * kMiB, 600 * kMiB, "entry_crashes");
  EXPECT_TRUE(
      failed.starts_with("probe_unavailable: the probe cannot judge the library: it had only 600 MiB of "
                         "addresses (RLIMIT_AS) in place of 2048 MiB, and then the library crashed with "
                         "SIGSEGV while it was loaded"))
      << failed;
}

// All descriptors are taken: the message says which limit that is.
TEST_F(Probe, NamesTheLimitOfDescriptorsThatAreAllTaken) {
  const std::string library = library::animal("good");
  ProbeOptions options;
  options.probe_path = PIRN_PROBE_PROGRAM;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{40, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  std::vector<int> taken;
  for (int fd; (fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0;) taken.push_back(fd);
  const Result<LibraryDescription> answer = probe(library, options);
  for (const int fd : taken) close(fd);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("(RLIMIT_NOFILE is 40: raise it, by ulimit -n or LimitNOFILE=)"),
            std::string::npos)
      << describe(answer.error());
}

// Tests run beside pirn-probe, as pirn does.
TEST_F(Probe, IsFoundBesideTheProgram) { EXPECT_TRUE(probe(library::animal("good"), {})); }

}  // namespace
}  // namespace pirn::probe
