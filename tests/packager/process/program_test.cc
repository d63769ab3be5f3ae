#include "packager/process/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace pirn::process {
namespace {

// What a program writes to its standard output, and how it ends.
struct Ran {
  std::string output;
  int status = 0;
};
Ran run(std::vector<std::string> words, std::vector<std::string> environment = process::environment(),
        std::vector<Handed> more = {}) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  more.push_back({ends[1], 1});
  const auto child = start({std::move(words), std::move(environment), std::move(more), false});
  ::close(ends[1]);
  Ran ran;
  EXPECT_TRUE(child) << (child ? "" : describe(child.error()));
  char buffer[4096];
  for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    ran.output.append(buffer, static_cast<size_t>(n));
  ::close(ends[0]);
  if (child) ::waitpid(*child, &ran.status, 0);
  return ran;
}

// The shell opens one descriptor itself, to list the others.
constexpr const char* kList = "for fd in /proc/$$/fd/*; do [ -e $fd ] && echo ${fd##*/}; done; true";

TEST(Program, InheritsNoDescriptors) {
  // As a library would open them: without close-on-exec.
  const int file = ::open("/dev/null", O_RDONLY);
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  const int high = ::fcntl(file, F_DUPFD, 900);
  EXPECT_EQ(run({"sh", "-c", kList}).output, "0\n1\n2\n");
  for (const int fd : {file, socket, high}) ::close(fd);
}

TEST(Program, GetsWhatItIsHanded) {
  const int memory = ::memfd_create("handed", MFD_CLOEXEC);
  ASSERT_EQ(::write(memory, "hello", 5), 5);
  ::lseek(memory, 0, SEEK_SET);
  EXPECT_EQ(run({"cat"}, process::environment(), {{memory, 0}}).output, "hello");
  ::lseek(memory, 0, SEEK_SET);
  EXPECT_EQ(run({"sh", "-c", "cat <&7"}, process::environment(), {{memory, 7}}).output, "hello");
  ::close(memory);
  EXPECT_EQ(run({"sh", "-c", "cat; readlink /proc/$$/fd/2"}, process::environment(), {{Handed::kNothing, 2}})
                .output,
            "/dev/null\n");
}

TEST(Program, InheritsNothingBetweenTheNumbersThatItIsHanded) {
  const int file = ::open("/dev/null", O_RDONLY);
  std::vector<int> open;
  for (int i = 0; i < 24; ++i) open.push_back(::fcntl(file, F_DUPFD, 3));  // as a library would open them
  EXPECT_EQ(run({"sh", "-c", kList}, process::environment(), {{file, 9}, {file, 5}}).output,
            "0\n1\n2\n5\n9\n");
  EXPECT_EQ(run({"sh", "-c", kList}, process::environment(), {{file, 20}}).output, "0\n1\n2\n20\n");
  for (const int fd : open) ::close(fd);
  ::close(file);
}

TEST(Program, InheritsNoSecrets) {
  for (const char* name : {"PIRN_KEY", "PIRN_KEY_FILE", "PIRN_KEY_PASSPHRASE", "PIRN_KEY_PASSPHRASE_FILE",
                           "PIRN_PASSPHRASE", "PIRN_API_TOKEN", "PIRN_WEBHOOK_SECRET"})
    ::setenv(name, "very-secret", 1);
  ::setenv("PIRN_TENANT", "acme", 1);
  ::setenv("KEYBOARD", "qwertz", 1);
  const std::string output = run({"env"}).output;
  EXPECT_EQ(output.find("very-secret"), std::string::npos) << output;
  EXPECT_NE(output.find("PIRN_TENANT=acme\n"), std::string::npos) << output;
  EXPECT_NE(output.find("KEYBOARD=qwertz\n"), std::string::npos) << output;
  EXPECT_NE(output.find("PATH="), std::string::npos) << output;
  EXPECT_EQ(run({"env"}, {"ONLY=this"}).output, "ONLY=this\n");
}

TEST(Program, HasTheSignalsOfALogin) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  signal(SIGPIPE, SIG_IGN);
  const Ran ran = run({"sh", "-c", "kill -TERM $$; echo survived"});
  const std::string ignored = run({"grep", "SigIgn", "/proc/self/status"}).output;
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  EXPECT_TRUE(WIFSIGNALED(ran.status)) << ran.output;
  const uint64_t mask = std::stoull(ignored.substr(ignored.find(':') + 1), nullptr, 16);
  EXPECT_EQ(mask >> (SIGPIPE - 1) & 1, 0u) << ignored;
}

TEST(Program, SaysWhyItCannotBeStarted) {
  const auto child = start({{"/no/such/program"}, {}, {}, false});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, Code::io_failed);
  EXPECT_NE(child.error().message.find("'/no/such/program' cannot be started"), std::string::npos);
}

}  // namespace
}  // namespace pirn::process
