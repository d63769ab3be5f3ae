#include "host/api/route.h"

namespace pirn::api {

namespace {

// The next segment of a path, without its slash.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const size_t end = path.find('/');
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(segment.size());
  return segment;
}

bool matches(std::string_view pattern, std::string_view path, std::vector<std::string>& params) {
  params.clear();
  while (!pattern.empty() && !path.empty()) {
    const std::string_view expected = take_segment(pattern);
    const std::string_view segment = take_segment(path);
    if (expected.starts_with('{')) {
      if (segment.empty()) return false;
      params.emplace_back(segment);
    } else if (expected != segment) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

std::string_view name(Scope scope) {
  switch (scope) {
    case Scope::open:
      return "anybody";
    case Scope::caller:
      return "any key";
    case Scope::host:
      return "operator";
    case Scope::tenant:
      return "tenant";
    case Scope::tenant_or_host:
      return "tenant, operator";
  }
  return "";
}

}  // namespace

std::string methods_of(std::string_view path) {
  std::string methods;
  std::vector<std::string> ignored;
  for (const Route& route : routes())
    if (path.starts_with('/') && matches(route.path, path, ignored))
      methods += (methods.empty() ? "" : ", ") + std::string(route.method);
  return methods;
}

Result<Match> match(std::string_view method, std::string_view path) {
  Match match;
  if (path.starts_with('/')) {
    for (const Route& route : routes()) {
      if (!matches(route.path, path, match.params)) continue;
      if (route.method == method || (method == "HEAD" && route.method == "GET")) {
        match.route = &route;
        return match;
      }
    }
  }
  const std::string methods = methods_of(path);
  const std::string what = "'" + std::string(method) + " " + std::string(path) + "'";
  if (methods.empty()) return Error{Code::route_not_found, "the API has no route " + what};
  return Error{Code::method_not_allowed, "the API has no route " + what, "This path has " + methods + "."};
}

namespace {

// A text within a table of Markdown, where a bar would end the cell.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return escaped;
}

}  // namespace

std::string reference() {
  std::string out =
      "# HTTP API\n\n"
      "Made from the table in `host/api/routes.cc`; a test compares the two.\n\n"
      "JSON in and out; errors are `application/problem+json` with `code`, `name`, `detail`, `hint` and "
      "`causes`\n"
      "(`pirn explain CODE`). On the Unix socket of the data directory the caller is the operator. On TCP "
      "every\n"
      "request but `/livez` and `/readyz` needs `Authorization: Bearer KEY`; a key implies its tenant, the "
      "operator\n"
      "names one by `?tenant=NAME` or the header `Pirn-Tenant`. What belongs to another tenant answers "
      "exactly as\n"
      "what does not exist. Times are RFC 3339 in UTC.\n\n"
      "Over TCP the header `Host` has to name this host (loopback, the address of `--listen`, "
      "`--allow-host`) "
      "and\n"
      "`Origin`, where there is one, the same. TCP is not encrypted here. A client has 15 s for a header, 30 "
      "s "
      "and\n"
      "1 s for each 64 KiB for a body, 60 s between two requests; one that stalls for longer is dropped.\n\n"
      "| method | path | for | permission | what it does | query |\n|---|---|---|---|---|---|\n";
  for (const Route& route : routes()) {
    const bool asks = route.scope != Scope::open && route.scope != Scope::caller;
    out += "| " + std::string(route.method) + " | `" + std::string(route.path) + "` | " +
           std::string(name(route.scope)) + " | " +
           (asks ? std::string(registry::name(route.permission)) : "") + " | " + cell(route.summary) + " | " +
           (route.query.empty() ? "" : "`" + std::string(route.query) + "`") + " |\n";
  }
  return out;
}

}  // namespace pirn::api
