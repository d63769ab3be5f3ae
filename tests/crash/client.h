// One connection of a client to the host's Unix socket, acting for one tenant. One thread.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/crash/evidence.h"

typedef void CURL;

namespace pirn::crash {

struct Answer {
  long status = 0;
  boost::json::value body;  // null when it is no JSON
};

struct Shown {
  std::string id, state, version;
  std::vector<std::string> completed_steps;
  int64_t total = 0;  // context.total; 0: not there
};

class Client {
 public:
  Client(std::string socket, std::string tenant);
  ~Client();
  Client(const Client&) = delete;

  // nullopt: no host was there, or it went away in mid-answer.
  std::optional<Answer> get(const std::string& path);
  std::optional<Answer> post(const std::string& path, const std::string& body,
                             const std::string& idempotency_key);

  // The rest gives up the campaign when the host answers what it must not.
  // The id that the host acknowledged; nullopt: no acknowledgement.
  std::optional<std::string> start_execution(const std::string& workflow, const std::string& input,
                                             const std::string& key);
  std::optional<Shown> show(const std::string& id);
  std::optional<std::vector<Event>> events(const std::string& id);
  // Every id that the tenant's list has.
  std::optional<std::vector<std::string>> list();

 private:
  std::optional<Answer> request(const std::string& path, const std::string* body, const std::string& key);

  const std::string socket_, tenant_;
  CURL* const handle_;
};

}  // namespace pirn::crash
