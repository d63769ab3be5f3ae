#include "tests/packager/sandbox/inmate.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pirn::sandbox {
namespace {

// As probe() arranges them: nothing at 0, output at 1 and 2, a file at 3, the answer at 4.
[[noreturn]] void become_inmate(uid_t user, int answer, const Work& work,
                                const std::function<void()>& prepare) {
  if (dup2(answer, kAnswer) < 0 || fcntl(kAnswer, F_SETFD, 0) != 0) _exit(20);
  for (const int descriptor : {0, 1, 2, kSpare}) {
    const int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, descriptor) < 0) _exit(21);
  }
  if (setpgid(0, 0) != 0) _exit(22);
  if (geteuid() != user && (setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0)) _exit(23);
  prepare();
  run_in_cell(work);
}

// Until the cell ends, or is ended because of an offence.
void listen(int answer, pid_t child, Heard& heard) {
  Guard guard(answer);
  char block[4096];
  while (true) {
    pollfd watched[] = {{answer, POLLIN, 0}, {guard.listener(), POLLIN, 0}};
    if (poll(watched, 2, -1) < 0) continue;
    if (watched[0].revents != 0) {
      const ssize_t got = guard.read(block, sizeof block);
      if (got <= 0) return;
      heard.said.append(block, static_cast<size_t>(got));
    }
    if (watched[1].revents & POLLIN)
      heard.offence = guard.judge();
    else if (watched[1].revents != 0)
      guard.retire();
    if (!heard.offence) continue;
    kill(child, SIGKILL);
    return;
  }
}

}  // namespace

Heard run_inmate(uid_t user, const Work& work, const std::function<void()>& prepare) {
  int ends[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const int writing = fcntl(ends[1], F_DUPFD_CLOEXEC, 16);
  close(ends[1]);
  const pid_t child = fork();
  if (child == 0) become_inmate(user, writing, work, prepare);
  close(writing);
  Heard heard;
  listen(ends[0], child, heard);
  close(ends[0]);
  EXPECT_EQ(waitpid(child, &heard.status, 0), child);
  const size_t line = heard.said.find('\n') + 1;
  heard.confinement = parse_confinement(std::string_view(heard.said).substr(0, line));
  if (heard.confinement) heard.said.erase(0, line);
  return heard;
}

}  // namespace pirn::sandbox
