#include "tests/packager/sandbox/inmate.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pirn::sandbox {
namespace {

// As probe() arranges them: nothing at 0, output at 1 and 2, a file in memory at 3, the answer at 4.
[[noreturn]] void become_inmate(uid_t user, int answer, const Work& work) {
  if (dup2(answer, kAnswer) < 0 || fcntl(kAnswer, F_SETFD, 0) != 0) _exit(20);
  for (const int descriptor : {0, 1, 2, 3}) {
    const int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, descriptor) < 0) _exit(21);
  }
  if (setpgid(0, 0) != 0) _exit(22);
  if (geteuid() != user && (setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0)) _exit(23);
  run_in_cell(1 << 20, work);
}

}  // namespace

Heard run_inmate(uid_t user, const Work& work) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const int writing = fcntl(ends[1], F_DUPFD_CLOEXEC, 16);
  close(ends[1]);
  const pid_t child = fork();
  if (child == 0) become_inmate(user, writing, work);
  close(writing);
  Heard heard;
  char block[4096];
  for (ssize_t got; (got = read(ends[0], block, sizeof block)) > 0;)
    heard.said.append(block, static_cast<size_t>(got));
  close(ends[0]);
  EXPECT_EQ(waitpid(child, &heard.status, 0), child);
  return heard;
}

}  // namespace pirn::sandbox
