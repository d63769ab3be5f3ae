#include "host/cli/client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>

namespace pirn::cli {
namespace {

// A host that listens and never accepts: the kernel completes the connections, and nobody answers.
class Deaf {
 public:
  Deaf() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pirn-deaf-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    std::snprintf(path.sun_path, sizeof path.sun_path, "%s/pirn.sock", directory_.c_str());
    local_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(local_, reinterpret_cast<sockaddr*>(&path), sizeof path), 0);
    EXPECT_EQ(listen(local_, 8), 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    tcp_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(tcp_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(tcp_, 8), 0);
    getsockname(tcp_, reinterpret_cast<sockaddr*>(&address), &size);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~Deaf() {
    close(local_);
    close(tcp_);
    std::filesystem::remove_all(directory_);
  }
  const std::string& directory() const { return directory_; }
  const std::string& url() const { return url_; }

 private:
  std::string directory_, url_;
  int local_ = -1, tcp_ = -1;
};

Arguments with(std::initializer_list<std::pair<std::string, std::string>> options) {
  Arguments arguments;
  for (const auto& [name, value] : options) arguments.put(name, {value});
  return arguments;
}

TEST(Client, DoesNotWaitForAHostThatNeverAccepts) {
  const Deaf deaf;
  for (const auto& [where, arguments] :
       {std::pair(deaf.directory() + "/pirn.sock",
                  with({{"data", deaf.directory()}, {"connect-timeout", "100ms"}})),
        std::pair(deaf.url(), with({{"server", deaf.url()}, {"connect-timeout", "100ms"}}))}) {
    Result<Client> client = Client::open(arguments);
    ASSERT_TRUE(client);
    const auto begin = std::chrono::steady_clock::now();
    const Error error = client->call("GET", "/v1/whoami").error();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(9)) << "not the default";
    EXPECT_EQ(error.code, Code::unreachable);
    EXPECT_EQ(error.message, "no host answers at " + where + ": no answer within 100 ms");
    EXPECT_EQ(client->upload("/v1/packages", "x", [](uint64_t, uint64_t) {}).error().code, Code::unreachable);
    EXPECT_EQ(client->stream("/v1/executions/x/stream", "", 0, [](const ServerEvent&) { return true; })
                  .error()
                  .code,
              Code::unreachable);
  }
}

TEST(Client, TakesTheConnectTimeoutFromTheOptionOrTheEnvironment) {
  for (const char* wrong : {"", "soon", "0s", "-1s", "infinity", "25h"}) {
    const Result<Client> client = Client::open(with({{"connect-timeout", wrong}}));
    ASSERT_FALSE(client) << wrong;
    EXPECT_EQ(client.error().code, Code::usage) << wrong;
  }
  const Deaf deaf;
  setenv("PIRN_CONNECT_TIMEOUT", "150ms", 1);
  Result<Client> client = Client::open(with({{"data", deaf.directory()}}));
  ASSERT_TRUE(client);
  EXPECT_NE(client->call("GET", "/v1/whoami").error().message.find("within 150 ms"), std::string::npos);
  setenv("PIRN_CONNECT_TIMEOUT", "soon", 1);
  EXPECT_FALSE(Client::open(with({{"data", deaf.directory()}})));
  EXPECT_TRUE(Client::open(with({{"data", deaf.directory()}, {"connect-timeout", "1s"}})))
      << "the option goes first";
  unsetenv("PIRN_CONNECT_TIMEOUT");
}

}  // namespace
}  // namespace pirn::cli
