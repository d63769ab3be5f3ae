// The one table of routes: method, path, who may, and what answers. Whatever needs to know the API (the
// server, the reference in docs/reference/http-api.md, the matrix of permissions in the tests) reads it from
// here.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/api/exchange.h"
#include "host/api/services.h"

namespace pirn::api {

// For whom a request acts.
enum class Scope : uint8_t {
  open,            // nobody is asked who he is
  caller,          // any principal, no tenant
  host,            // the operator's: the whole host
  tenant,          // one tenant: the key's; the operator names it (?tenant= or the header Pirn-Tenant)
  tenant_or_host,  // as tenant; the operator who names none means the host's own
};

struct Route {
  std::string_view method;
  std::string_view path;  // "/v1/packages/{package}"
  Scope scope;
  registry::Permission permission;  // of scopes host and tenant
  std::string_view summary;
  std::string_view query;  // the query parameters that it knows, separated by spaces (beside `tenant`)

  // One of the two. `answer` may block: it runs on the pool. `begin` runs on the network thread and must not;
  // it calls respond later, from any thread.
  Response (*answer)(const Services&, const Request&) = nullptr;
  void (*begin)(const Services&, RequestPtr, Respond) = nullptr;

  // Uploads: asked on the pool before a byte of the body is read, with the declared length.
  Status (*admit)(const Services&, const Request&, uint64_t length) = nullptr;
  uint64_t body_limit = 1u << 20;
  Lane lane = Lane::reads;  // of its work on the pool

  // Bytes that a request's body may have; only a POST has one.
  uint64_t largest_body() const { return method == "POST" ? body_limit : 0; }
};

std::span<const Route> routes();

struct Match {
  const Route* route = nullptr;
  std::vector<std::string> params;
};
// `path`: as it was sent (target.h). route_not_found, or method_not_allowed (whose hint lists the methods
// that the path has); malformed_request. HEAD matches GET.
Result<Match> match(std::string_view method, std::string_view path);

// "GET, POST": the header Allow of an answer that says method_not_allowed.
std::string methods_of(std::string_view path);

// docs/reference/http-api.md, made from the table.
std::string reference();

}  // namespace pirn::api
