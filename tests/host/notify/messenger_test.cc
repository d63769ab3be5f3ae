#include "host/notify/messenger.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

namespace pirn::notify {
namespace {

TEST(Command, GetsTheDocumentAndItsId) {
  std::string pattern = (std::filesystem::temp_directory_path() / "pirn-notify-XXXXXX").string();
  const std::string directory = mkdtemp(pattern.data());
  const std::string out = directory + "/out";
  const auto messenger = command({"sh", "-c", "{ echo \"$PIRN_NOTICE_ID\"; cat; } >\"$0\"", out});
  const Status told = messenger->deliver("run:7", std::string(100'000, 'x'));
  EXPECT_TRUE(told) << describe(told.error());
  std::ifstream file(out);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(text, "run:7\n" + std::string(100'000, 'x'));
  std::filesystem::remove_all(directory);
}

TEST(Command, SaysHowItFailed) {
  EXPECT_NE(command({"sh", "-c", "exit 3"})->deliver("a", "{}").error().message.find("exit code 3"),
            std::string::npos);
  EXPECT_NE(command({"sh", "-c", "kill -9 $$"})->deliver("a", "{}").error().message.find("signal 9"),
            std::string::npos);
  EXPECT_NE(command({"/nowhere/to/be/found"})->deliver("a", "{}").error().message.find("cannot be started"),
            std::string::npos);
}

// What a process that a command leaves behind has of the host: nothing that would keep a port or a lock.
TEST(Command, InheritsNeitherDescriptorsNorSecrets) {
  std::string pattern = (std::filesystem::temp_directory_path() / "pirn-notify-XXXXXX").string();
  const std::string directory = mkdtemp(pattern.data());
  const std::string out = directory + "/out";
  setenv("PIRN_KEY", "very-secret", 1);
  setenv("PIRN_KEY_PASSPHRASE", "very-secret", 1);
  const int listening = socket(AF_INET, SOCK_STREAM, 0);  // without close-on-exec
  const auto messenger = command(
      {"sh", "-c",
       "{ env; for fd in /proc/$$/fd/*; do [ -e $fd ] && echo fd ${fd##*/}; done; true; } >\"$0\"", out});
  EXPECT_TRUE(messenger->deliver("run:7", "{}"));
  close(listening);
  std::ifstream file(out);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(text.find("very-secret"), std::string::npos) << text;
  EXPECT_NE(text.find("PIRN_NOTICE_ID=run:7\n"), std::string::npos) << text;
  const std::string descriptors = text.substr(text.find("fd "));
  EXPECT_TRUE(descriptors.starts_with("fd 0\nfd 1\n")) << text;
  EXPECT_LE(std::count(descriptors.begin(), descriptors.end(), '\n'), 4) << "the shell saved one: " << text;
  std::filesystem::remove_all(directory);
}

TEST(Command, IsBrokenOffWhenTheHostEnds) {
  const auto messenger = command({"sh", "-c", "tail -f /dev/null"}, 3'600'000);
  std::thread host([&] { messenger->stop(); });
  const Status told = messenger->deliver("a", "{}");
  host.join();
  ASSERT_FALSE(told);
  EXPECT_NE(told.error().message.find("the host ended"), std::string::npos) << told.error().message;
  EXPECT_FALSE(messenger->deliver("b", "{}"));
}

TEST(Command, IsKilledWhenItTakesTooLong) {
  const Status late = command({"sh", "-c", "exec tail -f /dev/null"}, 50)->deliver("a", "{}");
  ASSERT_FALSE(late);
  EXPECT_NE(late.error().message.find("longer than 50 ms"), std::string::npos) << late.error().message;
}

// Answers one request with a status and keeps what it got.
class Receiver {
 public:
  explicit Receiver(std::string answer)
      : answer_(std::move(answer)), socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(socket_, 1), 0);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Receiver() { close(socket_); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/hook"; }
  std::string request() {
    thread_.join();
    return request_;
  }

 private:
  void serve() {
    const int client = accept(socket_, nullptr, nullptr);
    char buffer[4096];
    while (request_.find("\r\n\r\n") == std::string::npos || !request_.ends_with("}")) {
      const ssize_t got = read(client, buffer, sizeof buffer);
      if (got <= 0) break;
      request_.append(buffer, static_cast<size_t>(got));
    }
    const std::string answer = "HTTP/1.1 " + answer_ + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    (void)!write(client, answer.data(), answer.size());
    close(client);
  }

  const std::string answer_;
  const int socket_;
  uint16_t port_ = 0;
  std::string request_;
  std::thread thread_;
};

TEST(Webhook, PostsTheDocument) {
  Receiver receiver("204 No Content");
  const Status told = webhook(receiver.url())->deliver("run:7", R"({"a":1})");
  EXPECT_TRUE(told) << describe(told.error());
  const std::string request = receiver.request();
  EXPECT_EQ(request.rfind("POST /hook ", 0), 0u) << request;
  EXPECT_NE(request.find("Idempotency-Key: run:7"), std::string::npos) << request;
  EXPECT_NE(request.find("Content-Type: application/json"), std::string::npos) << request;
  EXPECT_TRUE(request.ends_with("\r\n\r\n{\"a\":1}")) << request;
}

TEST(Webhook, IsBrokenOffWhenTheHostEnds) {
  const int silent = socket(AF_INET, SOCK_STREAM, 0);  // accepts in the kernel, and never answers
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(silent, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(silent, 4), 0);
  ASSERT_EQ(getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto messenger =
      webhook("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/", 3'600'000);
  std::thread host([&] { messenger->stop(); });
  const Status told = messenger->deliver("a", "{}");
  host.join();
  close(silent);
  ASSERT_FALSE(told);
  EXPECT_NE(told.error().message.find("the host ended"), std::string::npos) << told.error().message;
}

TEST(Webhook, AnythingButSuccessIsAFailure) {
  Receiver receiver("302 Found");
  const Status refused = webhook(receiver.url())->deliver("run:7", "{}");
  receiver.request();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("302"), std::string::npos);
  EXPECT_FALSE(webhook("http://127.0.0.1:1/")->deliver("run:7", "{}"));
  EXPECT_FALSE(webhook("file:///etc/passwd")->deliver("run:7", "{}"));
}

}  // namespace
}  // namespace pirn::notify
