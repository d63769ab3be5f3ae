#include "host/notify/messenger.h"

#include <curl/curl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>

#include "packager/file/descriptor.h"
#include "packager/process/program.h"

namespace pirn::notify {

namespace {

Error undelivered(const std::string& why) { return Error{Code::io_failed, why, {}, Blame::world}; }

Error stopped() { return undelivered("the host ended before it was delivered"); }

struct EasyDelete {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDelete {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListDelete {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListDelete>;

void add(List& list, const std::string& line) { list.reset(curl_slist_append(list.release(), line.c_str())); }

class Webhook final : public Messenger {
 public:
  Webhook(std::string url, int64_t limit_ms) : url_(std::move(url)), limit_ms_(limit_ms) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    multi_.reset(curl_multi_init());
  }

  Status deliver(const std::string& id, const std::string& json) override {
    const std::unique_ptr<CURL, EasyDelete> curl(curl_easy_init());
    List headers;
    add(headers, "Content-Type: application/json");
    add(headers, "Idempotency-Key: " + id);
    prepare(curl.get(), headers.get(), json);
    PIRN_TRY(const CURLcode code, perform(curl.get()));
    if (code != CURLE_OK) return undelivered(curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    return status / 100 == 2 ? Status() : Status(undelivered("it answered " + std::to_string(status)));
  }
  std::string name() const override { return "webhook"; }
  void stop() override {
    stopping_ = true;
    curl_multi_wakeup(multi_.get());  // the one function that other threads may call
  }

 private:
  void prepare(CURL* curl, curl_slist* headers, const std::string& json) const {
    curl_easy_setopt(curl, CURLOPT_URL, url_.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(limit_ms_));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, json.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(json.size()));
    curl_easy_setopt(
        curl, CURLOPT_WRITEFUNCTION,
        +[](char*, size_t size, size_t count, void*) -> size_t { return size * count; });
    // libcurl would leave its sockets to the programs that are started meanwhile.
    curl_easy_setopt(
        curl, CURLOPT_OPENSOCKETFUNCTION, +[](void*, curlsocktype, curl_sockaddr* address) -> curl_socket_t {
          return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
        });
  }

  Result<CURLcode> perform(CURL* curl) {
    curl_multi_add_handle(multi_.get(), curl);
    int running = 1;
    while (running != 0 && !stopping_) {
      if (curl_multi_perform(multi_.get(), &running) != CURLM_OK) break;
      if (running != 0) curl_multi_poll(multi_.get(), nullptr, 0, 1000, nullptr);
    }
    int waiting = 0;
    const CURLMsg* const message = curl_multi_info_read(multi_.get(), &waiting);
    const std::optional<CURLcode> code =
        message == nullptr ? std::nullopt : std::optional(message->data.result);
    curl_multi_remove_handle(multi_.get(), curl);
    if (code) return *code;
    return stopping_ ? stopped() : undelivered("libcurl gave no result");
  }

  const std::string url_;
  const int64_t limit_ms_;
  std::unique_ptr<CURLM, MultiDelete> multi_;
  std::atomic<bool> stopping_{false};
};

class Program final : public Messenger {
 public:
  Program(std::vector<std::string> words, int64_t limit_ms)
      : words_(std::move(words)), limit_ms_(limit_ms), stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  Status deliver(const std::string& id, const std::string& json) override {
    // A file takes any length without anybody reading it meanwhile.
    const file::FileDescriptor input(memfd_create("notice", MFD_CLOEXEC));
    if (input.get() < 0 ||
        ::write(input.get(), json.data(), json.size()) != static_cast<ssize_t>(json.size()) ||
        ::lseek(input.get(), 0, SEEK_SET) != 0)
      return undelivered(std::string("the notice cannot be handed over: ") + std::strerror(errno));
    if (stopping_) return stopped();
    std::vector<std::string> environment = process::environment();
    environment.push_back("PIRN_NOTICE_ID=" + id);
    PIRN_TRY(const pid_t child, process::start({.words = words_,
                                                .environment = std::move(environment),
                                                .descriptors = {{input.get(), STDIN_FILENO}},
                                                .own_group = true}));
    return outcome_of(child);
  }
  std::string name() const override { return "command"; }
  void stop() override {
    stopping_ = true;
    const uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof one);
  }

 private:
  Status outcome_of(pid_t child) const {
    const file::FileDescriptor process(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
    pollfd watched[] = {{process.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    const bool in_time = process.get() >= 0 && ::poll(watched, 2, static_cast<int>(limit_ms_)) >= 1;
    const bool ended = in_time && watched[0].revents != 0;
    if (!ended) {
      ::kill(-child, SIGKILL);
      ::kill(child, SIGKILL);  // in case that it has left its group
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const std::string name = "'" + words_.front() + "'";
    if (!in_time) return undelivered(name + " took longer than " + std::to_string(limit_ms_) + " ms");
    if (!ended) return stopped();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    return undelivered(name + " ended with " +
                       (WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                                          : "signal " + std::to_string(WTERMSIG(status))));
  }

  const std::vector<std::string> words_;
  const int64_t limit_ms_;
  const file::FileDescriptor stop_;  // an eventfd; readable for ever once stop() was called
  std::atomic<bool> stopping_{false};
};

}  // namespace

std::unique_ptr<Messenger> webhook(std::string url, int64_t limit_ms) {
  return std::make_unique<Webhook>(std::move(url), limit_ms);
}
std::unique_ptr<Messenger> command(std::vector<std::string> words, int64_t limit_ms) {
  return std::make_unique<Program>(std::move(words), limit_ms);
}

}  // namespace pirn::notify
