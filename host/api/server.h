// The HTTP server: one network thread that reads requests, lets them in (gate.h), hands them to their route
// (route.h) and writes what comes back. It never waits for anything else.
//
// Doors: the Unix socket of the data directory (0600; the operator), and TCP when asked for (API keys).
//
// Against slow and greedy clients: every buffer has a bound (head.h, chunked_body.h, body_budget.h), every
// wait has a deadline (client_timeouts.h), and there are places for connections of each kind
// (connection_table.h). A refused request is refused before its body is read.
//
// Rejected: a thread for each connection (memory of 9,000 watchers), coroutines (GCC 12 destroys temporaries
// of co_await expressions twice).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host/api/client_timeouts.h"
#include "host/api/services.h"
#include "packager/error/error.h"

namespace pirn::api {

struct ServerOptions {
  std::string socket_path;               // empty: no Unix socket
  std::string listen;                    // "ADDR:PORT"; empty: no TCP; port 0: any
  std::vector<std::string> allow_hosts;  // further names that a Host header may have, without port
  ClientTimeouts timeouts{};
  uint64_t max_body_bytes = 1ull << 30;  // of requests and answers under way; one caller may hold half
  std::function<void(const std::string&)> note{};  // tells the operator; on the network thread
};

class Server {
 public:
  // Listens, and serves from a thread of its own. Errors: listen_failed.
  static Result<std::unique_ptr<Server>> start(const Services& services, ServerOptions options);
  ~Server();

  // "127.0.0.1:43017"; empty without TCP.
  std::string address() const;

  // Closes every connection, ends the thread. What the engine or the pool still answers goes nowhere; so the
  // server itself is destroyed after them. Idempotent.
  void stop();

 private:
  class Core;
  explicit Server(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace pirn::api
