#include "tests/crash/host.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "tests/crash/client.h"

namespace pirn::crash {
namespace {

std::vector<char*> argument_list(const std::vector<std::string>& arguments) {
  std::vector<char*> list;
  for (const auto& argument : arguments) list.push_back(const_cast<char*>(argument.c_str()));
  list.push_back(nullptr);
  return list;
}

// The child dies with the campaign, whatever happens to that.
pid_t spawn(const std::vector<std::string>& arguments, int output) {
  auto list = argument_list(arguments);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, 0);
  dup2(output, 1);
  dup2(output, 2);
  execv(list[0], list.data());
  _exit(127);
}

int wait_for(pid_t process) {
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

void give_up(const std::string& why) {
  std::fprintf(stderr, "campaign: %s\n", why.c_str());
  std::_Exit(1);
}

std::string run(const std::vector<std::string>& arguments) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) give_up("pipe failed");
  const pid_t child = spawn(arguments, ends[1]);
  close(ends[1]);
  std::string output;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    output.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  const int status = wait_for(child);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::string command;
    for (const auto& argument : arguments) command += argument + " ";
    give_up(command + "failed:\n" + output);
  }
  return output;
}

Host::Host(std::string pirn, std::string directory)
    : pirn_(std::move(pirn)), directory_(std::move(directory)) {}

Host::~Host() {
  if (process_ > 0) kill();
}

void Host::start() {
  const int output = open(log().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (output < 0) give_up("cannot write " + log());
  process_ = spawn({pirn_, "serve", "--data", data()}, output);
  close(output);
  if (process_ < 0) give_up("fork failed");
}

bool Host::wait_ready(std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  Client client(socket(), "");
  while (std::chrono::steady_clock::now() < until) {
    if (const auto answer = client.get("/readyz"); answer && answer->status == 200) return true;
    if (int status; waitpid(process_, &status, WNOHANG) == process_) {
      process_ = -1;
      give_up("the host ended by itself; its log is " + log());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

void Host::strike() { ::kill(process_, SIGKILL); }

void Host::kill() {
  strike();
  wait_for(process_);
  process_ = -1;
}

void Host::stop_gracefully() {
  ::kill(process_, SIGTERM);
  const int status = wait_for(process_);
  process_ = -1;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    give_up("SIGTERM did not end the host with exit code 0; its log is " + log());
}

}  // namespace pirn::crash
