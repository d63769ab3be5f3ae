#include "packager/sandbox/filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "packager/sandbox/sanitized.h"

namespace pirn::sandbox {
namespace {

// What `calls` returns in a process with these rules, in which everything else is allowed; -1: a signal ended
// it.
int with_rules(const std::vector<Rule>& rules, const std::function<int()>& calls) {
  const pid_t child = fork();
  if (child == 0) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !load(compile(rules, FilterAction::allow), false))
      _exit(99);
    _exit(calls());
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int error_of(long result) { return result < 0 ? errno : 0; }

// lseek(descriptor, offset, whence): a harmless call with three arguments.
int seek(uint64_t descriptor, uint64_t offset = 0, uint64_t whence = 0) {
  return error_of(syscall(SYS_lseek, descriptor, offset, whence));
}

class Filter : public testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "a sanitizer makes calls of its own";
  }
};

TEST_F(Filter, TheFirstRuleThatMatchesDecides) {
  const std::vector<Rule> rules = {
      {SYS_lseek, FilterAction::absent, {{.argument = 1, .test = Condition::Test::equal, .value = 7}}},
      {SYS_lseek, FilterAction::exhaust, {{.argument = 1, .test = Condition::Test::equal, .value = 8}}},
      {SYS_lseek, FilterAction::refuse}};
  EXPECT_EQ(with_rules(rules, [] { return seek(0, 7); }), ENOSYS);
  EXPECT_EQ(with_rules(rules, [] { return seek(0, 8); }), EAGAIN);
  EXPECT_EQ(with_rules(rules, [] { return seek(0, 9); }), EPERM);
  EXPECT_EQ(with_rules(rules, [] { return getpid() > 0 ? 0 : 1; }), 0);
}

TEST_F(Filter, AllConditionsOfARuleMustHold) {
  const std::vector<Rule> rules = {
      {SYS_lseek,
       FilterAction::refuse,
       {{.argument = 1, .test = Condition::Test::equal, .mask = 0xf0, .value = 0x30},
        {.argument = 2, .test = Condition::Test::not_equal, .value = 5}}}};
  EXPECT_EQ(with_rules(rules, [] { return seek(999, 0x3f, 4); }), EPERM);
  EXPECT_EQ(with_rules(rules, [] { return seek(999, 0x4f, 4); }), EBADF);
  EXPECT_EQ(with_rules(rules, [] { return seek(999, 0x3f, 5); }), EBADF);
}

// The kernel takes an int from the lower half of a register, and so must a rule.
TEST_F(Filter, GarbageAboveAnIntHidesNothing) {
  const std::vector<Rule> rules = {
      {SYS_lseek, FilterAction::refuse, {{.argument = 0, .test = Condition::Test::equal, .value = 999}}}};
  EXPECT_EQ(with_rules(rules, [] { return seek(999); }), EPERM);
  EXPECT_EQ(with_rules(rules, [] { return seek(0x1'0000'0000 + 999); }), EPERM);
  EXPECT_EQ(with_rules(rules, [] { return seek(0xffff'ffff'0000'0000 + 999); }), EPERM);
  EXPECT_EQ(with_rules(rules, [] { return seek(998); }), EBADF);
}

TEST_F(Filter, NullIsAllOfAPointer) {
  const std::vector<Rule> rules = {
      {SYS_lseek, FilterAction::refuse, {{.argument = 1, .test = Condition::Test::is_null}}}};
  EXPECT_EQ(with_rules(rules, [] { return seek(999, 0); }), EPERM);
  EXPECT_EQ(with_rules(rules, [] { return seek(999, 1); }), EBADF);
  EXPECT_EQ(with_rules(rules, [] { return seek(999, uint64_t{1} << 40); }), EBADF);
}

TEST_F(Filter, KillsTheWholeProcess) {
  EXPECT_EQ(with_rules({{SYS_lseek, FilterAction::kill}}, [] { return seek(0); }), -1);
#if defined(__x86_64__)
  EXPECT_EQ(with_rules({}, [] { return error_of(syscall(0x40000000 + SYS_getpid)); }), -1)
      << "the x32 form of a call";
#endif
}

TEST_F(Filter, TheKernelsAnswerIsPassedOn) {
  EXPECT_EQ(load({}, false).error().code, Code::probe_sandbox_failed);
}

}  // namespace
}  // namespace pirn::sandbox
