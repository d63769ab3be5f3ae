// A whole host inside of the test, on a data directory of its own, with both of its doors open.
#pragma once

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
  TestHost();
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

  // Makes a tenant, and a key of a role; returns the token. No tenant: a key of the operator.
  void make_tenant(const std::string& name);
  std::string make_key(const std::string& tenant, const std::string& role);

 private:
  Answer request(const std::string& method, const std::string& url, const std::string& socket,
                 const std::string& body, Headers headers);

  std::string directory_;
  std::unique_ptr<Host> host_;
  std::thread thread_;
};

}  // namespace pirn::api
