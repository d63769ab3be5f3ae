#include "packager/probe/probe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/filesystem/operations.hpp>
#include <boost/filesystem/path.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "packager/error/limits.h"
#include "packager/file/descriptor.h"
#include "packager/library/sealed_file.h"
#include "packager/probe/answer.h"
#include "packager/sandbox/calls.h"
#include "packager/sandbox/guard.h"
#include "packager/sandbox/sanitized.h"

namespace pirn::probe {
namespace {

namespace fs = boost::filesystem;
using Clock = std::chrono::steady_clock;

constexpr size_t kKeptOutput = 600;  // the end of what the package printed, for messages
constexpr int kAboveTheGiven = 16;   // descriptors of the parent stay clear of 0 to 4 of the child
// What the probe itself needs of addresses: its own libraries, the stacks and heaps of two threads.
constexpr rlim_t kLeastAddresses = rlim_t{256} << 20;
constexpr rlim_t kLeastFiles = 32;

using file::FileDescriptor;

Error unavailable(std::string why) {
  return Error{Code::probe_unavailable, "the probe cannot be started: " + std::move(why), "", Blame::world};
}
Error system_error(const char* call) {
  return unavailable(std::string(call) + ": " + std::strerror(errno) + limit_behind(errno));
}

std::string size_text(rlim_t bytes) {
  return bytes == RLIM_INFINITY ? "unlimited" : std::to_string(bytes >> 20) + " MiB";
}

constexpr const char* kRaise =
    "Raise the limit where pirn is started: ulimit -v and ulimit -n, or LimitAS= and LimitNOFILE= of a "
    "service.";

// With less the probe does not come as far as the library.
Status check_limits(size_t library_bytes) {
  if (sandbox::kSanitized) return {};
  rlimit files{}, addresses{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || getrlimit(RLIMIT_AS, &addresses) != 0) return {};
  const auto lacks = [](const std::string& what) {
    Error error = unavailable(what);
    error.hint = kRaise;
    return error;
  };
  if (files.rlim_cur < kLeastFiles)
    return lacks("RLIMIT_NOFILE is " + std::to_string(files.rlim_cur) + ", and it needs " +
                 std::to_string(kLeastFiles));
  const rlim_t least = kLeastAddresses + 4 * library_bytes;
  if (addresses.rlim_cur < least)
    return lacks("RLIMIT_AS is " + size_text(addresses.rlim_cur) + ", and it needs " + size_text(least) +
                 " for this library");
  return {};
}

// What the probe had less of than it should have, because this process may give no more; empty: nothing.
std::string shortage() {
  if (sandbox::kSanitized) return {};
  rlimit files{}, addresses{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || getrlimit(RLIMIT_AS, &addresses) != 0) return {};
  std::string words;
  if (addresses.rlim_max < sandbox::kAddressBytes)
    words = size_text(addresses.rlim_max) + " of addresses (RLIMIT_AS) in place of " +
            size_text(sandbox::kAddressBytes);
  if (files.rlim_max < sandbox::kOpenFiles)
    words += (words.empty() ? "" : " and ") + std::to_string(files.rlim_max) +
             " descriptors (RLIMIT_NOFILE) in place of " + std::to_string(sandbox::kOpenFiles);
  return words;
}

// A library that fails for want of what the probe lacks is not to blame: nobody knows whether it is any good.
Error judged(Error error) {
  const std::string lacking = shortage();
  if (lacking.empty()) return error;
  switch (error.code) {
    case Code::library_load_failed:
    case Code::library_definition_failed:
    case Code::probe_crashed:
    case Code::probe_no_answer:
    case Code::probe_init_failed: {
      Error unknown{
          Code::probe_unavailable,
          "the probe cannot judge the library: it had only " + lacking + ", and then " + error.message,
          kRaise, Blame::world};
      unknown.causes.push_back(std::move(error));
      return unknown;
    }
    default:
      return error;
  }
}

struct Pipe {
  FileDescriptor read, write;
};

enum class Carries : uint8_t { bytes, descriptors_too };

Result<Pipe> make_pipe(Carries carries) {
  int ends[2];
  if ((carries == Carries::bytes ? pipe2(ends, O_CLOEXEC)
                                 : socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) != 0)
    return system_error("pipe");
  Pipe pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
  pipe.write = FileDescriptor(fcntl(ends[1], F_DUPFD_CLOEXEC, kAboveTheGiven));
  if (pipe.write.get() < 0 || fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) != 0) return system_error("fcntl");
  return pipe;
}

Result<std::string> find_program(const ProbeOptions& options) {
  boost::system::error_code error;
  fs::path path = options.probe_path;
  if (path.empty())
    if (const char* told = secure_getenv("PIRN_PROBE")) path = told;
  if (path.empty()) path = fs::read_symlink("/proc/self/exe", error).parent_path() / "pirn-probe";
  if (access(path.c_str(), X_OK) != 0) return unavailable(path.string() + ": " + std::strerror(errno));
  return path.string();
}

// The process and what connects to it. Killed and reaped at the latest by the destructor.
class Child {
 public:
  static Result<Child> start(const std::string& program, const library::SealedFile& library, bool run_init) {
    PIRN_TRY(Pipe answer, make_pipe(Carries::descriptors_too));
    PIRN_TRY(Pipe output, make_pipe(Carries::bytes));
    const FileDescriptor file(fcntl(library.fd(), F_DUPFD_CLOEXEC, kAboveTheGiven));
    if (file.get() < 0) return system_error("fcntl");
    Child child;
    PIRN_TRY(child.pid_, spawn(program, library.digest().hex(), run_init, file.get(), answer.write.get(),
                               output.write.get()));
    child.pidfd_ = FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, child.pid_, 0)));
    if (child.pidfd_.get() < 0) return system_error("pidfd_open");
    child.answer = std::move(answer.read);
    child.output = std::move(output.read);
    return child;
  }

  Child(Child&& other) noexcept
      : answer(std::move(other.answer)),
        output(std::move(other.output)),
        pid_(std::exchange(other.pid_, -1)),
        pidfd_(std::move(other.pidfd_)) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ > 0) kill_and_wait();
  }

  int pidfd() const { return pidfd_.get(); }

  // The wait status. After the process has ended, or to end it.
  int kill_and_wait() {
    kill(-pid_, SIGKILL);  // its process group, in case that it got around the ban on processes
    kill(pid_, SIGKILL);   // an ended process keeps its status
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

  FileDescriptor answer, output;

 private:
  Child() = default;

  static Result<pid_t> spawn(const std::string& program, const std::string& digest, bool run_init,
                             int library, int answer, int output) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) return unavailable(std::strerror(error));
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    posix_spawn_file_actions_adddup2(&actions, output, 2);
    posix_spawn_file_actions_adddup2(&actions, library, 3);
    posix_spawn_file_actions_adddup2(&actions, answer, 4);
    posix_spawn_file_actions_addclosefrom_np(&actions, 5);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    std::string arguments[] = {program, digest, run_init ? "init" : "describe"};
    char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
    char* no_environment[] = {nullptr};
    pid_t pid = -1;
    error = posix_spawn(&pid, program.c_str(), &actions, &attributes, argv, no_environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return unavailable(program + ": " + std::strerror(error));
    return pid;
  }

  pid_t pid_ = -1;
  FileDescriptor pidfd_;
};

// Reads what there is. False: nothing will come any more.
template <class Read>
bool drain(Read read, std::string& into, size_t limit) {
  char block[65536];
  while (true) {
    const ssize_t got = read(block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    into.append(block, static_cast<size_t>(got));
    if (into.size() > limit) return false;
  }
}

struct Heard {
  std::string answer, output;
  bool too_long = false;
  bool in_time = false;
  int status = 0;  // of waitpid
  std::optional<sandbox::Offence> offence;
};

void keep_the_end(std::string& output) {
  if (output.size() > kKeptOutput) output.erase(0, output.size() - kKeptOutput);
}

// Listens until the process ends, the time is over, it talks too much or makes a call that it must not make.
// It may close its descriptors and live on.
Heard listen(Child child, Clock::time_point deadline) {
  Heard heard;
  sandbox::Guard guard(child.answer.get());
  const auto read_answer = [&](char* into, size_t size) { return guard.read(into, size); };
  const auto read_output = [&](char* into, size_t size) { return read(child.output.get(), into, size); };
  bool more_answer = true, more_output = true;
  while (!heard.in_time && !heard.too_long && !heard.offence) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) break;
    pollfd watched[] = {{child.pidfd(), POLLIN, 0},
                        {more_answer ? child.answer.get() : -1, POLLIN, 0},
                        {more_output ? child.output.get() : -1, POLLIN, 0},
                        {guard.listener(), POLLIN, 0}};
    if (poll(watched, std::size(watched), static_cast<int>(std::min<int64_t>(left.count(), 60'000))) < 0 &&
        errno != EINTR)
      break;
    heard.in_time = (watched[0].revents & POLLIN) != 0;
    // Also when it has ended: what it wrote before is still in the pipes.
    if (more_answer) more_answer = drain(read_answer, heard.answer, kMaxAnswer);
    if (more_output)
      more_output = drain(read_output, heard.output, size_t{1} << 20) || heard.output.size() > kKeptOutput;
    keep_the_end(heard.output);
    heard.too_long = heard.answer.size() > kMaxAnswer;
    if (watched[3].revents & POLLIN)
      heard.offence = guard.judge();
    else if (watched[3].revents & POLLHUP)
      guard.retire();
  }
  heard.status = child.kill_and_wait();
  return heard;
}

std::string last_words(const Heard& heard) {
  std::string out;
  for (const char c : heard.output)
    if (static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out.empty() ? "" : "; it printed: " + out;
}

std::string what_was_done(const sandbox::Offence& offence) {
  if (offence.call == SYS_clone)
    return "started more than " + std::to_string(sandbox::kMaxThreads) + " threads ";
  return "called " + sandbox::name_of_offence(offence.call, offence.second_argument) +
         ", which reaches beyond its process, ";
}

std::string signal_name(int signal) {
  const char* name = sigabbrev_np(signal);
  return name == nullptr ? "signal " + std::to_string(signal) : "SIG" + std::string(name);
}

Result<library::Claims> claims_of(const LibraryDescription& description) {
  library::Claims claims{
      description.id, description.version,
      library::AbiNote{description.abi_major, description.abi_minor, description.min_host_minor},
      description.functions, std::nullopt};
  PIRN_TRY(claims.workflows, library::read_workflows(description.definition, description.functions));
  return claims;
}

}  // namespace

Result<LibraryDescription> probe(std::string_view library, const ProbeOptions& options) {
  const Clock::time_point deadline = Clock::now() + options.timeout;
  PIRN_TRY(const std::string program, find_program(options));
  PIRN_DO(check_limits(library.size()));
  PIRN_TRY(const library::SealedFile sealed, library::SealedFile::make(library));
  PIRN_TRY(Child child, Child::start(program, sealed, options.run_init));
  const Heard heard = listen(std::move(child), deadline);

  const std::string stage(last_stage(heard.answer));
  const auto refused = [&](Code code, const std::string& what) {
    return judged(Error{code, "the library " + what + last_words(heard), "", Blame::package});
  };
  if (heard.too_long)
    return refused(Code::probe_answer_invalid, "made the probe answer with more than 48 MiB");
  if (heard.offence) return refused(Code::probe_forbidden_call, what_was_done(*heard.offence) + stage);
  if (!heard.in_time)
    return refused(Code::probe_timeout, "took longer than " + std::to_string(options.timeout.count()) +
                                            " ms, and was stopped " + stage);
  // Nothing of the library has been looked at before the first words.
  if (heard.answer.empty() && (WIFSIGNALED(heard.status) || WEXITSTATUS(heard.status) != 0))
    return unavailable("it ended with " +
                       (WIFSIGNALED(heard.status) ? signal_name(WTERMSIG(heard.status))
                                                  : "status " + std::to_string(WEXITSTATUS(heard.status))) +
                       " before it looked at the library" + last_words(heard));
  if (WIFSIGNALED(heard.status) && WTERMSIG(heard.status) == SIGXCPU)
    return refused(Code::probe_timeout, "used more than 10 s of processor time, and was stopped " + stage);
  if (WIFSIGNALED(heard.status) && WTERMSIG(heard.status) == SIGSYS)
    return refused(Code::probe_forbidden_call, "made a system call that reaches beyond its process " + stage);
  if (WIFSIGNALED(heard.status))
    return refused(Code::probe_crashed, "crashed with " + signal_name(WTERMSIG(heard.status)) + " " + stage);
  Result<LibraryDescription> answer = parse_answer(heard.answer);
  if (answer && (!WIFEXITED(heard.status) || WEXITSTATUS(heard.status) != 0))
    return refused(Code::probe_no_answer,
                   "ended its process with status " + std::to_string(WEXITSTATUS(heard.status)));
  if (answer) return answer;
  Error error = std::move(answer).error();
  if (error.code == Code::probe_no_answer) error.message += last_words(heard);
  return judged(std::move(error));
}

Result<sandbox::Confinement> confirm(std::string_view library, const library::Claims& manifest,
                                     const ProbeOptions& options) {
  PIRN_TRY(const LibraryDescription description, probe(library, options));
  PIRN_TRY(const library::Claims claims, claims_of(description));
  PIRN_DO(library::compare_claims(manifest, claims));
  return description.confinement;
}

}  // namespace pirn::probe
