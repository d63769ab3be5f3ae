#include "tests/host/api/fixture.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace pirn::api {

std::string Answer::member(const std::string& name) const {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(body, error);
  if (error || !value.is_object()) return {};
  const boost::json::value* found = value.as_object().if_contains(name);
  return found == nullptr || !found->is_string() ? std::string() : std::string(found->as_string());
}

TestHost::TestHost(const std::function<void(HostOptions&)>& adjust) {
  setenv("PIRN_LOG", "off", 1);
  std::string pattern = (std::filesystem::temp_directory_path() / "pirn-api-XXXXXX").string();
  directory_ = mkdtemp(pattern.data());
  HostOptions options;
  options.data_directory = directory_;
  options.listen = "127.0.0.1:0";
  if (adjust) adjust(options);
  auto host = Host::open(options);
  if (!host) {
    ADD_FAILURE() << describe(host.error());
    std::abort();
  }
  host_ = std::move(*host);
  thread_ = std::thread([this] { EXPECT_TRUE(host_->run()); });
}

TestHost::~TestHost() {
  host_->drain();
  thread_.join();
  host_.reset();
  std::filesystem::remove_all(directory_);
}

Answer TestHost::request(const std::string& method, const std::string& url, const std::string& socket,
                         const std::string& body, Headers headers) {
  CURL* curl = curl_easy_init();
  Answer answer;
  curl_slist* list = nullptr;
  for (const auto& [name, value] : headers) list = curl_slist_append(list, (name + ": " + value).c_str());
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30'000L);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
  if (!socket.empty()) curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
  if (method == "POST") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  }
  if (method == "HEAD") curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(
      curl, CURLOPT_WRITEFUNCTION, +[](char* data, size_t size, size_t count, void* out) -> size_t {
        static_cast<std::string*>(out)->append(data, size * count);
        return size * count;
      });
  const CURLcode code = curl_easy_perform(curl);
  EXPECT_EQ(code, CURLE_OK) << method << " " << url << ": " << curl_easy_strerror(code);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  curl_slist_free_all(list);
  curl_easy_cleanup(curl);
  return answer;
}

namespace {
void default_content_type(TestHost::Headers& headers) {
  for (const auto& [name, value] : headers)
    if (name == "Content-Type") return;
  headers.emplace_back("Content-Type", "application/json");
}
}  // namespace

Answer TestHost::local(const std::string& method, const std::string& path, const std::string& body,
                       Headers headers) {
  default_content_type(headers);
  return request(method, "http://localhost" + path, host_->socket_path(), body, std::move(headers));
}

Answer TestHost::tcp(const std::string& method, const std::string& path, const std::string& key,
                     const std::string& body, Headers headers) {
  default_content_type(headers);
  if (!key.empty()) headers.emplace_back("Authorization", "Bearer " + key);
  return request(method, "http://" + host_->tcp_address() + path, "", body, std::move(headers));
}

int TestHost::connect_tcp() {
  const std::string address = host_->tcp_address();
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  timeval limit{20, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return fd;
}

std::string TestHost::stall(const std::string& bytes, char drip) {
  const int fd = connect_tcp();
  EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  std::string out;
  bool closed = false;
  for (int tick = 0; tick < 1000 && !closed; ++tick) {
    pollfd wait{fd, POLLIN, 0};
    if (poll(&wait, 1, 20) == 0) {
      send(fd, &drip, 1, MSG_NOSIGNAL);  // may fail: the host may be closing
      continue;
    }
    char buffer[4096];
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    closed = got <= 0;
    if (got > 0) out.append(buffer, static_cast<size_t>(got));
  }
  EXPECT_TRUE(closed) << "a client that stalls keeps its connection";
  close(fd);
  return out;
}

std::string TestHost::raw(const std::string& bytes, int answers) {
  const int fd = connect_tcp();
  EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  std::string out;
  char buffer[4096];
  const auto begun = [&] {
    int count = 0;
    for (size_t at = 0; (at = out.find("HTTP/1.1 ", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  while (begun() < answers) {
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    out.append(buffer, static_cast<size_t>(got));
  }
  close(fd);
  return out;
}

namespace {

// All that comes until the host closes.
std::string read_all(int fd) {
  std::string out;
  char buffer[4096];
  for (ssize_t got; (got = recv(fd, buffer, sizeof buffer, 0)) > 0;)
    out.append(buffer, static_cast<size_t>(got));
  return out;
}

// False: the host has closed.
bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

}  // namespace

TestHost::Held::~Held() {
  if (fd_ >= 0) close(fd_);
}

void TestHost::Held::send(const std::string& bytes) { EXPECT_TRUE(send_all(fd_, bytes)); }

std::string TestHost::Held::read_until(const std::string& end) {
  std::string out;
  char buffer[4096];
  while (out.find(end) == std::string::npos) {
    const ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    out.append(buffer, static_cast<size_t>(got));
  }
  return out;
}

bool TestHost::Held::closed_by_now() const {
  char byte;
  const ssize_t got = recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN);
}

TestHost::Held TestHost::hold(const std::string& bytes) {
  Held held(connect_tcp());
  held.send(bytes);
  return held;
}

TestHost::Conversation TestHost::converse(const std::string& bytes) {
  const int fd = connect_tcp();
  send_all(fd, bytes);
  shutdown(fd, SHUT_WR);
  Conversation all{read_all(fd), false};
  close(fd);
  const size_t last = all.answers.rfind("HTTP/1.1 ");
  all.closed =
      last != std::string::npos && all.answers.find("\r\nConnection: close\r\n", last) != std::string::npos;
  return all;
}

std::string TestHost::flood(const std::string& begin, const std::string& piece, size_t most) {
  const int fd = connect_tcp();
  std::string block;
  while (block.size() < 64 * 1024) block += piece;
  bool open = send_all(fd, begin);
  size_t sent = 0;
  for (; open && sent < most; sent += block.size()) open = send_all(fd, block);
  EXPECT_FALSE(open) << "the host takes " << sent << " bytes";
  const std::string answer = read_all(fd);
  close(fd);
  return answer;
}

std::string TestHost::drip(const std::string& head, const std::string& tail) {
  const int fd = connect_tcp();
  EXPECT_TRUE(send_all(fd, head));
  for (const char byte : tail) {
    pollfd wait{fd, POLLIN, 0};
    poll(&wait, 1, 20);  // for the host to read what it has, without more
    EXPECT_TRUE(send_all(fd, {&byte, 1}));
  }
  const std::string answer = read_all(fd);
  close(fd);
  return answer;
}

std::string TestHost::wait_for_end(const std::string& bytes) {
  const int fd = connect_tcp();
  EXPECT_TRUE(send_all(fd, bytes));
  errno = 0;
  const std::string answer = read_all(fd);
  EXPECT_NE(errno, EAGAIN) << "the host does not close";
  close(fd);
  return answer;
}

int TestHost::open_tcp(const std::string& bytes) {
  const int fd = connect_tcp();
  EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  return fd;
}

void TestHost::make_tenant(const std::string& name) {
  EXPECT_EQ(local("POST", "/v1/tenants", R"({"name":")" + name + R"(","isolation":"in-process"})").status,
            201);
}

std::string TestHost::make_key(const std::string& tenant, const std::string& role) {
  const Answer answer = local("POST", "/v1/keys" + (tenant.empty() ? "" : "?tenant=" + tenant),
                              R"({"role":")" + role + R"("})");
  EXPECT_EQ(answer.status, 201) << answer.body;
  return answer.member("token");
}

}  // namespace pirn::api
