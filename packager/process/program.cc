#include "packager/process/program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "packager/error/limits.h"
#include "packager/file/descriptor.h"

extern char** environ;

namespace pirn::process {

namespace {

// Descriptors of the child that are handed on stand below this one.
constexpr int kAboveTheGiven = 16;

// Copies of what is handed on, out of the way of the numbers that it gets in the child.
class Copies {
 public:
  int add(int fd) {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, kAboveTheGiven);
    if (copy >= 0) fds_.emplace_back(copy);
    return copy;
  }

 private:
  std::vector<file::FileDescriptor> fds_;
};

// What posix_spawn is told, freed at the end of the scope.
class Orders {
 public:
  Orders() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  ~Orders() {
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
  }
  Orders(const Orders&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

// 0, or an errno.
int order_descriptors(const std::vector<Handed>& descriptors, Copies& copies,
                      posix_spawn_file_actions_t& actions) {
  int last = STDERR_FILENO;
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO})
    ::posix_spawn_file_actions_addopen(&actions, standard, "/dev/null", O_RDWR, 0);
  for (const Handed& each : descriptors) {
    last = std::max(last, each.to);
    if (each.from == Handed::kNothing) {
      ::posix_spawn_file_actions_addopen(&actions, each.to, "/dev/null", O_RDWR, 0);
      continue;
    }
    const int copy = copies.add(each.from);
    if (copy < 0) return errno;
    ::posix_spawn_file_actions_adddup2(&actions, copy, each.to);
  }
  // What a library has opened without close-on-exec stands between them as well.
  for (int fd = STDERR_FILENO + 1; fd < last; ++fd)
    if (std::none_of(descriptors.begin(), descriptors.end(),
                     [&](const Handed& each) { return each.to == fd; }))
      ::posix_spawn_file_actions_addclose(&actions, fd);
  return ::posix_spawn_file_actions_addclosefrom_np(&actions, last + 1);
}

bool is_secret(std::string_view name) {
  if (name.starts_with("PIRN_KEY")) return true;
  if (!name.starts_with("PIRN_")) return false;
  static constexpr std::string_view kWords[] = {"PASSPHRASE", "TOKEN", "SECRET"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view word) { return name.find(word) != std::string_view::npos; });
}

}  // namespace

Result<pid_t> start(const Program& program) {
  const auto failed = [&](int reason) {
    return Error{
        Code::io_failed,
        "'" + program.words.front() + "' cannot be started: " + std::strerror(reason) + limit_behind(reason),
        "Check that it is installed and on the PATH.", Blame::world};
  };
  Copies copies;
  Orders orders;
  if (const int reason = order_descriptors(program.descriptors, copies, orders.actions); reason != 0)
    return failed(reason);
  // The host blocks and ignores signals that the program must have.
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&orders.attributes, &none);
  ::posix_spawnattr_setsigdefault(&orders.attributes, &all);
  ::posix_spawnattr_setpgroup(&orders.attributes, 0);
  short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (program.own_group) flags |= POSIX_SPAWN_SETPGROUP;
  ::posix_spawnattr_setflags(&orders.attributes, flags);
  pid_t child = 0;
  const int reason =
      ::posix_spawnp(&child, program.words.front().c_str(), &orders.actions, &orders.attributes,
                     pointers(program.words).data(), pointers(program.environment).data());
  if (reason != 0) return failed(reason);
  return child;
}

std::vector<std::string> environment() {
  std::vector<std::string> out;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view text = *each;
    if (!is_secret(text.substr(0, text.find('=')))) out.emplace_back(text);
  }
  return out;
}

}  // namespace pirn::process
