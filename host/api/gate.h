// Who may come in, before a route sees the request. Pure decisions over what the request says; any thread.
//
// The Unix socket of the data directory lets in only the host's own user and root: that is the operator. TCP
// needs a bearer key, and refuses what a browser could be tricked into: a Host that is not one of ours (DNS
// rebinding) and a foreign Origin. An API that accepts packages is code execution.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "host/api/exchange.h"
#include "host/api/route.h"
#include "registry/registry.h"

namespace pirn::api {

enum class Door : uint8_t { local, network };

// host_refused, unless `host` (with or without port) is one of `allowed`; an empty `allowed` refuses
// everything.
Status check_host(std::string_view host, std::span<const std::string> allowed);
// origin_refused, unless there is none or it is the very host that was asked.
Status check_origin(std::string_view origin, std::string_view host);

// Who asks. `authorization`: the header, empty when absent. The registry answers at once.
Result<registry::Principal> identify(Door door, std::string_view authorization,
                                     const registry::Registry& registry, int64_t now_ms);

// For which tenant, and whether this principal may. `named`: what the request says; empty: nothing.
// tenant_needed, not_found (another's tenant), permission_denied.
Result<std::string> admit(const Route& route, const registry::Principal& principal, std::string_view named);

}  // namespace pirn::api
