#include "host/notify/messenger.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

extern char** environ;

namespace pirn::notify {

namespace {

Error undelivered(const std::string& why) { return Error{Code::io_failed, why, {}, Blame::world}; }

class Webhook final : public Messenger {
 public:
  Webhook(std::string url, int64_t limit_ms) : url_(std::move(url)), limit_ms_(limit_ms) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  }

  Status deliver(const std::string& id, const std::string& json) override {
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
    const std::string key = "Idempotency-Key: " + id;
    std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(
        curl_slist_append(curl_slist_append(nullptr, "Content-Type: application/json"), key.c_str()),
        curl_slist_free_all);
    curl_easy_setopt(curl.get(), CURLOPT_URL, url_.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(limit_ms_));
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, json.data());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(json.size()));
    curl_easy_setopt(
        curl.get(), CURLOPT_WRITEFUNCTION,
        +[](char*, size_t size, size_t count, void*) -> size_t { return size * count; });
    if (const CURLcode code = curl_easy_perform(curl.get()); code != CURLE_OK)
      return undelivered(curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    return status / 100 == 2 ? Status() : Status(undelivered("it answered " + std::to_string(status)));
  }
  std::string name() const override { return "webhook"; }

 private:
  const std::string url_;
  const int64_t limit_ms_;
};

// Closes at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  int get() const { return fd_; }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

class Program final : public Messenger {
 public:
  Program(std::vector<std::string> words, int64_t limit_ms) : words_(std::move(words)), limit_ms_(limit_ms) {}

  Status deliver(const std::string& id, const std::string& json) override {
    // A file takes any length without anybody reading it meanwhile.
    const Descriptor input(memfd_create("notice", MFD_CLOEXEC));
    if (input.get() < 0 ||
        ::write(input.get(), json.data(), json.size()) != static_cast<ssize_t>(json.size()) ||
        ::lseek(input.get(), 0, SEEK_SET) != 0)
      return undelivered(std::string("the notice cannot be handed over: ") + std::strerror(errno));
    pid_t child = 0;
    if (const int reason = start(input.get(), id, child); reason != 0)
      return undelivered("'" + words_.front() + "' cannot be started: " + std::strerror(reason));
    const Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
    pollfd ended{process.get(), POLLIN, 0};
    const bool in_time = process.get() >= 0 && ::poll(&ended, 1, static_cast<int>(limit_ms_)) == 1;
    if (!in_time) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!in_time)
      return undelivered("'" + words_.front() + "' took longer than " + std::to_string(limit_ms_) + " ms");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    return undelivered("'" + words_.front() + "' ended with " +
                       (WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                                          : "signal " + std::to_string(WTERMSIG(status))));
  }
  std::string name() const override { return "command"; }

 private:
  int start(int input, const std::string& id, pid_t& child) const {
    std::vector<char*> arguments;
    for (const std::string& word : words_) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    std::string own = "PIRN_NOTICE_ID=" + id;
    std::vector<char*> environment{own.data()};
    for (char** each = environ; *each != nullptr; ++each) environment.push_back(*each);
    environment.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    // The host blocks and ignores signals that the program must have.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    for (const int signal : {SIGPIPE, SIGTERM, SIGINT, SIGXFSZ}) sigaddset(&defaults, signal);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    const int reason =
        posix_spawnp(&child, arguments.front(), &actions, &attributes, arguments.data(), environment.data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return reason;
  }

  const std::vector<std::string> words_;
  const int64_t limit_ms_;
};

}  // namespace

std::unique_ptr<Messenger> webhook(std::string url, int64_t limit_ms) {
  return std::make_unique<Webhook>(std::move(url), limit_ms);
}
std::unique_ptr<Messenger> command(std::vector<std::string> words, int64_t limit_ms) {
  return std::make_unique<Program>(std::move(words), limit_ms);
}

}  // namespace pirn::notify
