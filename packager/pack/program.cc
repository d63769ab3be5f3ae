#include "packager/pack/program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pirn::pack {

namespace {

constexpr size_t kKeptOutput = 64 << 10;

Error cannot_start(const std::string& program, int reason) {
  return Error{.code = Code::io_failed,
               .message = "cannot start " + program + ": " + std::strerror(reason),
               .hint = "Check that " + program + " is installed and on the PATH.",
               .blame = Blame::world};
}

// Starts it with both outputs into `write_end`.
int spawn(const std::vector<std::string>& argv, int write_end, pid_t& child) {
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, write_end, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, write_end, STDERR_FILENO);
  const int failure = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  return failure;
}

void hand_out_lines(std::string& line, const std::function<void(std::string_view)>& on_line) {
  for (size_t end; (end = line.find('\n')) != std::string::npos; line.erase(0, end + 1))
    if (on_line) on_line(std::string_view(line).substr(0, end));
}

}  // namespace

Result<ProgramResult> run_program(const std::vector<std::string>& argv,
                                  const std::function<void(std::string_view)>& on_line) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) return cannot_start(argv[0], errno);
  pid_t child = 0;
  const int failure = spawn(argv, pipe_ends[1], child);
  ::close(pipe_ends[1]);
  ProgramResult result;
  std::string line;
  char buffer[4096];
  for (ssize_t n; failure == 0 &&
                  ((n = ::read(pipe_ends[0], buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR));) {
    if (n < 0) continue;
    result.output.append(buffer, static_cast<size_t>(n));
    if (result.output.size() > 2 * kKeptOutput) result.output.erase(0, result.output.size() - kKeptOutput);
    line.append(buffer, static_cast<size_t>(n));
    hand_out_lines(line, on_line);
  }
  ::close(pipe_ends[0]);
  if (failure != 0) return cannot_start(argv[0], failure);
  if (on_line && !line.empty()) on_line(line);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace pirn::pack
