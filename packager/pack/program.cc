#include "packager/pack/program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "packager/file/descriptor.h"
#include "packager/process/program.h"

namespace pirn::pack {

namespace {

constexpr size_t kKeptOutput = 64 << 10;

void hand_out_lines(std::string& line, const std::function<void(std::string_view)>& on_line) {
  for (size_t end; (end = line.find('\n')) != std::string::npos; line.erase(0, end + 1))
    if (on_line) on_line(std::string_view(line).substr(0, end));
}

}  // namespace

Result<ProgramResult> run_program(const std::vector<std::string>& argv,
                                  const std::function<void(std::string_view)>& on_line) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0)
    return Error{
        Code::io_failed, std::string("cannot create a pipe: ") + std::strerror(errno), {}, Blame::world};
  const file::FileDescriptor read_end(pipe_ends[0]);
  file::FileDescriptor write_end(pipe_ends[1]);
  const Result<pid_t> child =
      process::start({.words = argv,
                      .environment = process::environment(),
                      .descriptors = {{write_end.get(), STDOUT_FILENO}, {write_end.get(), STDERR_FILENO}}});
  write_end.reset();
  ProgramResult result;
  std::string line;
  char buffer[4096];
  for (ssize_t n;
       child && ((n = ::read(read_end.get(), buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR));) {
    if (n < 0) continue;
    result.output.append(buffer, static_cast<size_t>(n));
    if (result.output.size() > 2 * kKeptOutput) result.output.erase(0, result.output.size() - kKeptOutput);
    line.append(buffer, static_cast<size_t>(n));
    hand_out_lines(line, on_line);
  }
  if (!child) return child.error();
  if (on_line && !line.empty()) on_line(line);
  int status = 0;
  while (::waitpid(*child, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace pirn::pack
