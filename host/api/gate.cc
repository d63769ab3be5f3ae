#include "host/api/gate.h"

#include <algorithm>

#include "packager/json/plain_text.h"

namespace pirn::api {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower_letter);
  return out;
}

// "name:port" and "[::1]:port" without the port.
std::string_view without_port(std::string_view host) {
  const size_t bracket = host.rfind(']');
  const size_t colon = host.rfind(':');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) return host;
  return host.substr(0, colon);
}

}  // namespace

Status check_host(std::string_view host, std::span<const std::string> allowed) {
  const std::string name = lower(without_port(host));
  if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) return {};
  return Error{Code::host_refused,
               "the request is for the host '" + std::string(host) + "', which this is not"};
}

Status check_origin(std::string_view origin, std::string_view host) {
  if (origin.empty()) return {};
  for (const std::string_view scheme : {"http://", "https://"})
    if (origin.starts_with(scheme) && lower(origin.substr(scheme.size())) == lower(host)) return {};
  return Error{Code::origin_refused, "the request comes from a page of '" + std::string(origin) + "'"};
}

Result<registry::Principal> identify(Door door, std::string_view authorization,
                                     const registry::Registry& registry, int64_t now_ms) {
  if (authorization.empty()) {
    if (door == Door::local) return registry::Principal::local_operator();
    return Error{Code::unauthenticated, "the request has no API key",
                 "Set PIRN_KEY or give --key-file. Over HTTP, send the header: Authorization: Bearer KEY"};
  }
  const size_t space = authorization.find(' ');
  if (space == std::string_view::npos || lower(authorization.substr(0, space)) != "bearer")
    return Error{Code::unauthenticated, "the header Authorization is not 'Bearer KEY'"};
  std::string_view token = authorization.substr(space + 1);
  while (token.starts_with(' ')) token.remove_prefix(1);
  return registry.authenticate(token, now_ms);
}

Result<std::string> admit(const Route& route, const registry::Principal& principal, std::string_view named) {
  switch (route.scope) {
    case Scope::open:
    case Scope::caller:
      return principal.tenant;
    case Scope::host:
      PIRN_DO(principal.require(route.permission, principal.tenant));
      return std::string();
    case Scope::tenant:
    case Scope::tenant_or_host:
      break;
  }
  const std::string tenant(named.empty() ? std::string_view(principal.tenant) : named);
  if (tenant.empty() && route.scope == Scope::tenant)
    return Error{Code::tenant_needed, "the operator has to say for which tenant"};
  PIRN_DO(principal.require(route.permission, tenant));
  return tenant;
}

}  // namespace pirn::api
