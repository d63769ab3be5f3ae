// Figures of the whole way: a package file, and the real `pirn serve` behind its socket.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "packager/archive/verify.h"
#include "packager/library/library.h"
#include "tests/bench/bench_host.h"
#include "tests/bench/figures.h"
#include "tests/bench/package_file.h"
#include "tests/bench/scratch.h"

namespace pirn::bench {

namespace {

// Caught in main(), so that what was started ends and what was written goes.
[[noreturn]] void give_up(const std::string& why) { throw std::runtime_error(why); }

// `pirn serve`, which ends with this object or with this process.
class Serving {
 public:
  explicit Serving(const Scratch& scratch) {
    child_ = fork();
    if (child_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (chdir(scratch.path().c_str()) != 0) _exit(127);
      const int log = open("serve.log", O_WRONLY | O_CREAT | O_APPEND, 0600);
      dup2(log, 1);
      dup2(log, 2);
      execl(PIRN_BENCH_PIRN, "pirn", "serve", "--data", "data", nullptr);
      _exit(127);
    }
    socket_ = scratch.path() + "/data/pirn.sock";
  }
  ~Serving() {
    kill(child_, SIGTERM);
    waitpid(child_, nullptr, 0);
  }

  // A connection to its socket; waits until it serves.
  int connect() const {
    for (int attempt = 0; attempt < 1000; ++attempt) {
      const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      std::snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_.c_str());
      if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
      close(fd);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    give_up("the host does not serve");
  }

 private:
  pid_t child_ = 0;
  std::string socket_;
};

}  // namespace

std::vector<Figure> http_start(const Settings& settings) {
  Scratch scratch;
  make_package(scratch, 0);
  Serving host(scratch);
  close(host.connect());
  pirn(scratch, "tenant create bench --isolation in-process");
  pirn(scratch, "trust add --key key.pub --publisher bench");
  pirn(scratch, "push bench.pirn");
  pirn(scratch, "deploy bench@1.0.0");

  // The task writes when it ran into this pipe.
  const std::string path = boost::filesystem::absolute(scratch.path()).string() + "/pipe";
  if (mkfifo(path.c_str(), 0600) != 0) give_up("no pipe");
  const int pipe = open(path.c_str(), O_RDWR | O_CLOEXEC);
  const int fd = host.connect();
  const std::string body = "{\"workflow\":\"stamped\",\"input\":{\"pipe\":\"" + path + "\"}}";
  const std::string request =
      "POST /v1/executions HTTP/1.1\r\nHost: localhost\r\nPirn-Tenant: bench\r\nContent-Type: "
      "application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  std::vector<double> latencies;
  const int64_t end = now_ns() + std::min(settings.seconds, 5) * 1'000'000'000ll;
  char answer[4096];
  while (now_ns() < end) {
    const int64_t begin = now_ns();
    if (write(fd, request.data(), request.size()) != static_cast<ssize_t>(request.size()))
      give_up("the request was not taken");
    int64_t ran = 0;
    if (read(pipe, &ran, sizeof ran) != sizeof ran) give_up("the task did not tell when it ran");
    const ssize_t n = read(fd, answer, sizeof answer);
    if (n < 12 || std::string_view(answer + 9, 3) != "201")
      give_up("the start was answered " + std::string(answer, n > 0 ? static_cast<size_t>(n) : 0));
    latencies.push_back(static_cast<double>(ran - begin) / 1e6);
  }
  close(fd);
  close(pipe);
  return {{"http_start_to_first_invocation_p50_ms", percentile(latencies, 0.5), "ms", 0.5, false,
           std::nullopt, 0}};
}

std::vector<Figure> verify_and_load(const Settings&) {
  Scratch scratch;
  make_package(scratch, 1 << 20);
  const std::string bytes = package_bytes(scratch.path() + "/bench.pirn");
  auto key = signature::parse_public_key(package_bytes(scratch.path() + "/key.pub"));
  auto runtime = library::host_runtime();
  if (!key || !runtime) give_up("no key, or no runtime");
  archive::TrustedKey trusted;
  trusted.key = *key;
  trusted.publisher = "bench";
  trusted.package_pattern = "*";
  archive::Policy policy;
  policy.tenant = "bench";
  policy.platform = "linux-x86_64";
  std::vector<double> times;
  for (int i = 0; i < 50; ++i) {
    const int64_t begin = now_ns();
    archive::MemorySource source(bytes);
    auto package = archive::verify(source, {trusted}, policy);
    if (!package) give_up(describe(package.error()));
    const std::string_view image = package->library("linux-x86_64");
    if (auto admitted = library::admit(image, *runtime); !admitted) give_up(describe(admitted.error()));
    auto loaded = library::Library::load(image, sha256(image));
    if (!loaded) give_up(describe(loaded.error()));
    const std::vector<definition::Function> functions = library::functions_of(loaded->descriptor());
    if (auto parsed = definition::parse(package->definition_document(), "bench", &functions); !parsed)
      give_up(describe(parsed.error()));
    if (!loaded->descriptor().find("noop")->call) give_up("nothing to call");
    times.push_back(static_cast<double>(now_ns() - begin) / 1e6);
  }
  return {{"verify_and_load_1mib_package_ms", percentile(times, 0.5), "ms", 20, false, std::nullopt, 0}};
}

}  // namespace pirn::bench
