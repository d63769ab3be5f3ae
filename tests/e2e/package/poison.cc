// Steps that take their process along, each in a way of its own, and one that does nothing to anybody.
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <pirn/pirn.hpp>
#include <stdexcept>
#include <string>
#include <thread>

using namespace pirn::literals;

namespace {

// On a thread of its own, as a library would that a step uses.
void apart(void (*end)()) { std::thread(end).join(); }

void end_by(const std::string& way) {
  if (way == "exit") std::exit(0);
  if (way == "quick_exit") std::quick_exit(0);
  if (way == "_exit") _exit(0);
  if (way == "exit_apart") apart([] { std::exit(0); });
  if (way == "kill_apart") apart([] { kill(getpid(), SIGKILL); });
  if (way == "throw_apart") apart([] { throw std::runtime_error("nobody catches this"); });
  if (way == "reset") {
    std::signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
  }
  if (way == "terminate") {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_UNBLOCK, &all, nullptr);
    std::signal(SIGTERM, SIG_DFL);
    kill(getpid(), SIGTERM);
    poll(nullptr, 0, -1);
  }
  if (way == "system_call") syscall(SYS_exit_group, 0);
}

}  // namespace

PIRN_STEP(drink, {.max_retries = 5, .max_crashes = 1}) {
  end_by(ctx.get<std::string>("way"));
  return pirn::ok({});
}
PIRN_WORKFLOW(poison, drink)

// Waits until a file is there.
PIRN_STEP(wait_for_file, {.timeout = 1_h}) {
  const std::string file = ctx.get<std::string>("file");
  while (access(file.c_str(), F_OK) != 0 && !ctx.cancelled()) poll(nullptr, 0, 5);
  return pirn::ok({{"seen", true}});
}
PIRN_WORKFLOW(neighbour, wait_for_file)

PIRN_PACKAGE("poison", PIRN_PACKAGE_VERSION, poison, neighbour)
