// One exchange over HTTP, free of any server library: what a route gets and what it answers.
// Values; each is used by one thread at a time.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/api/lane.h"
#include "packager/error/error.h"
#include "registry/role.h"

namespace pirn::api {

struct Request {
  std::string method;
  std::string path;                 // as it was sent: not decoded, without the query
  std::vector<std::string> params;  // what the {…} of the route's path match, decoded, in order
  std::map<std::string, std::string, std::less<>> query;
  std::map<std::string, std::string, std::less<>> headers;  // names in lower case
  std::string body;
  registry::Principal principal;  // who asks
  std::string tenant;             // for whom; empty only on routes that need none
  QueueKey queue;                 // where its work on the pool waits

  // Empty when absent.
  std::string_view parameter(std::string_view name) const;
  std::string_view header(std::string_view name) const;
};
using RequestPtr = std::shared_ptr<const Request>;

// A body without end, pulled piece by piece so that a slow reader holds up nobody else.
class Stream {
 public:
  virtual ~Stream() = default;
  // Hands over the next piece, once, on any thread; an empty piece ends the stream. One call at a time.
  virtual void next(std::function<void(std::string)> sink) = 0;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::shared_ptr<Stream> stream;  // instead of a body
};
// Called once, on any thread.
using Respond = std::function<void(Response)>;

// problem+json (RFC 9457) of an error, with the status of its catalogue entry.
Response problem(const Error& error);
// What its body says.
boost::json::object problem_object(const Error& error);
// A JSON document. What a terminal would obey is escaped in it (packager/error/printable.h).
Response json(int status, std::string text);

}  // namespace pirn::api
