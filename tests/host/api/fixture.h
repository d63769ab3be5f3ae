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
