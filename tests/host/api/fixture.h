// A whole host inside of the test, on a data directory of its own, with both of its doors open.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "host/host.h"

namespace pirn::api {

struct Answer {
  long status = 0;
  std::string body;
  std::string member(const std::string& name) const;  // of the JSON; empty when it is no text
};

class TestHost {
 public:
  // `adjust`: what is other than by default.
  explicit TestHost(const std::function<void(HostOptions&)>& adjust = {});
  ~TestHost();

  using Headers = std::vector<std::pair<std::string, std::string>>;
  // Through the operator's socket.
  Answer local(const std::string& method, const std::string& path, const std::string& body = {},
               Headers headers = {});
  // Through TCP with an API key; empty: without.
  Answer tcp(const std::string& method, const std::string& path, const std::string& key,
             const std::string& body = {}, Headers headers = {});
  // Sends bytes to the TCP port and returns all that comes back until the host closes or `answers` have
  // begun.
  std::string raw(const std::string& bytes, int answers = 1);
  // Sends bytes, then one more and again one every 20 ms, until the host closes; what came back. Fails the
  // test when it does not close.
  std::string stall(const std::string& bytes, char drip);

  // A TCP connection that stays open.
  class Held {
   public:
    explicit Held(int fd) : fd_(fd) {}
    Held(Held&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    ~Held();
    void send(const std::string& bytes);
    // What comes until `end` is among it, or the host closes.
    std::string read_until(const std::string& end);
    bool closed_by_now() const;

   private:
    int fd_;
  };
  Held hold(const std::string& bytes);

  // Sends bytes, and that there are no more; all answers, and whether the last one says that the host closes.
  struct Conversation {
    std::string answers;
    bool closed = false;
  };
  Conversation converse(const std::string& bytes);
  // Sends `begin` and then `piece` over and over, `most` bytes or until the host closes; what came back.
  std::string flood(const std::string& begin, const std::string& piece, size_t most);
  // Sends `head` and then each byte of `tail` alone; what came back until the host closes.
  std::string drip(const std::string& head, const std::string& tail);
  // Sends bytes and waits until the host closes; what came back.
  std::string wait_for_end(const std::string& bytes);
  // Sends bytes to the TCP port; the socket, which waits for at most 20 s at a time, is the caller's.
  int open_tcp(const std::string& bytes);

  // Makes a tenant, and a key of a role; returns the token. No tenant: a key of the operator.
  void make_tenant(const std::string& name);
  std::string make_key(const std::string& tenant, const std::string& role);

 private:
  int connect_tcp();
  Answer request(const std::string& method, const std::string& url, const std::string& socket,
                 const std::string& body, Headers headers);

  std::string directory_;
  std::unique_ptr<Host> host_;
  std::thread thread_;
};

}  // namespace pirn::api
