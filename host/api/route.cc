#include "host/api/route.h"

#include "host/api/request_pool.h"
#include "host/api/target.h"

namespace pirn::api {

namespace {

// The next segment of a pattern, without its slash.
std::string_view take_segment(std::string_view& pattern) {
  pattern.remove_prefix(1);
  const size_t end = pattern.find('/');
  const std::string_view segment = pattern.substr(0, end);
  pattern.remove_prefix(segment.size());
  return segment;
}

// What names nothing, or something else to whoever resolves paths.
bool is_name_like(std::string_view segment) { return !segment.empty() && segment != "." && segment != ".."; }

bool matches(std::string_view pattern, const std::vector<std::string>& path,
             std::vector<std::string>& params) {
  params.clear();
  for (const std::string& segment : path) {
    if (pattern.empty()) return false;
    const std::string_view expected = take_segment(pattern);
    if (!expected.starts_with('{')) {
      if (expected != segment) return false;
    } else if (is_name_like(segment)) {
      params.push_back(segment);
    } else {
      return false;
    }
  }
  return pattern.empty() && !path.empty();
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
  const auto segments = path_segments(path);
  if (!segments) return methods;
  std::vector<std::string> ignored;
  for (const Route& route : routes())
    if (matches(route.path, *segments, ignored))
      methods += (methods.empty() ? "" : ", ") + std::string(route.method);
  return methods;
}

Result<Match> match(std::string_view method, std::string_view path) {
  PIRN_TRY(const auto segments, path_segments(path));
  Match match;
  for (const Route& route : routes()) {
    if (!matches(route.path, segments, match.params)) continue;
    if (route.method == method || (method == "HEAD" && route.method == "GET")) {
      match.route = &route;
      return match;
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

constexpr std::string_view kRequests = R"(## Requests

HTTP/1.1 and HTTP/1.0. A request that another program could read differently is refused with one answer, and the
connection closes: folded header lines, line ends other than CR LF, control characters, blanks before a colon, a
length that is not a plain number, two lengths, a length together with a coding (400), a transfer coding other than
`chunked` (501). A path is split at its slashes before its segments are decoded: `%2f` is part of a name, and a path
that is not UTF-8 or has control characters is malformed.

A list that has pages takes `limit`, and the `cursor` of the page before as `cursor` or `after`. Any other value is
`invalid_argument` (400).

| what | limit | beyond it |
|---|---|---|
| header with request line | 16 KiB, 100 fields; 8 KiB of target | 431 |
| body | 1 MiB, a package 256 MiB; only POST has one | 413 |
| framing of a chunked body | 4 KiB for each chunk's line and for all trailers; 16 KiB more than the body in all | 400 |
| time for a header | 15 s; 10 s before the connection has authenticated | closed |
| time between two requests | 60 s; 10 s before the connection has authenticated | closed |
| rate of a body | 64 KiB/s, after a pause of at most 30 s | 408 |
| rate at which an answer is read | 64 KiB/s, after a pause of at most 30 s | closed |
| bodies and answers under way | 1 GiB, half of it for one caller, counted as they arrive | 503 |
| connections of the Unix socket | 4096, and what the limit of open files leaves room for | the oldest idle one closes, or the new one |
| connections of TCP | 16384, and what the limit of open files leaves room for | an idle one of the caller with most closes, or 503 |
| of those, not authenticated | 2048; 256 from one IPv4 address or one IPv6 /64 network | the oldest one closes |
| of the others, of one caller | three quarters | an idle one of the caller closes, or 503 |
| events that wait for one watcher | 1024, 1 MiB | the oldest are lost; `gap` says how many |

A caller is a tenant, or the operator. A connection with a request under way is not closed to make room for others,
unless it has never authenticated. Most limits can be changed: [configuration.md](configuration.md).

)";

std::string_view what_runs_in(Lane lane) {
  switch (lane) {
    case Lane::reads:
      return "short requests: the registry, one page of the store";
    case Lane::reports:
      return "graphs, reports, plans, metrics, errors, checkpoints, logs, replays of streams, lists by tag, "
             "the audit log";
    case Lane::uploads:
      return "packages that are unpacked, verified and stored";
    case Lane::deployments:
      return "deployments and undos, whose probe may take 20 s";
    case Lane::maintenance:
      return "pruning, backup, the retention policy";
    case Lane::refusals:
      return "audit records of refused requests; those beyond the limit are counted and not written";
  }
  return "";
}

// From the limits that hold.
std::string limits_text() {
  const PoolLimits limits;
  std::string out =
      "\n## Limits\n\n"
      "No tenant can make others wait for long. Each tenant, and the operator, has queues of its own, which "
      "are "
      "served\n"
      "in turn. A request beyond a limit is refused with `busy` (503 with `Retry-After`); requests of other "
      "tenants\n"
      "are not affected. `GET /metrics` has the length of each queue and the number of refusals "
      "(`pirn_pool_jobs_*`,\n"
      "`pirn_requests_*`), `GET /v1/health` their sums; both have the connections of each kind "
      "(`pirn_connections`).\n\n"
      "A tenant has at most " +
      std::to_string(limits.requests_per_owner) +
      " requests under way. Their work runs in lanes, each with threads of its own:\n\n"
      "| lane | threads | running for each tenant | waiting for each tenant | what runs there |\n"
      "|---|---|---|---|---|\n";
  for (const Lane lane : kAllLanes) {
    const WorkerLimits& of = limits.lanes[static_cast<size_t>(lane)];
    out += "| `" + std::string(api::name(lane)) + "` | " + std::to_string(of.threads) + " | " +
           std::to_string(of.running_per_owner) + " | " + std::to_string(of.waiting_per_owner) + " | " +
           std::string(what_runs_in(lane)) + " |\n";
  }
  out +=
      "\n| what | limit |\n|---|---|\n"
      "| a JSON body | 1 MiB, each key once in an object |\n"
      "| a value in it: an input, a payload, a patch; also a parameter and a result | 32 levels |\n"
      "| a text in it: a name, a reason, a comment | 4096 bytes |\n"
      "| an input, a payload, a patch of the context | 10,000 keys |\n"
      "| a page of a list | 1000 rows; the newest 1000 deployments of a package |\n"
      "| executions cancelled in one turn of the engine | 1000; the answer comes when none are left |\n"
      "| dead letters retried by one request | 1000 |\n"
      "| fires of one backfill | 1000 |\n"
      "| a name of an event, a tag | 256 bytes, visible text |\n"
      "| API keys in force, of one tenant | 1000; of those that were revoked or have expired the newest 1000 "
      "are "
      "kept |\n"
      "| rows of trust, of one tenant | 1000, with those that were revoked |\n"
      "| suggestions (\"did you mean\") | for names of at most 63 bytes |\n";
  return out;
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
      "names one by `?tenant=NAME`, the header `Pirn-Tenant`, or in the path or the query by the full name "
      "`tenant::package::workflow`. What belongs to another tenant answers "
      "exactly as\n"
      "what does not exist. Times are RFC 3339 in UTC.\n\n"
      "Over TCP the header `Host` has to name this host (loopback, the address of `--listen`, "
      "`--allow-host`) "
      "and\n"
      "`Origin`, where there is one, the same. TCP is not encrypted here.\n\n";
  out += kRequests;
  out +=
      "## Routes\n\n| method | path | for | permission | what it does | query |\n|---|---|---|---|---|---|\n";
  for (const Route& route : routes()) {
    const bool asks = route.scope != Scope::open && route.scope != Scope::caller;
    out += "| " + std::string(route.method) + " | `" + std::string(route.path) + "` | " +
           std::string(name(route.scope)) + " | " +
           (asks ? std::string(registry::name(route.permission)) : "") + " | " + cell(route.summary) + " | " +
           (route.query.empty() ? "" : "`" + std::string(route.query) + "`") + " |\n";
  }
  return out + limits_text();
}

}  // namespace pirn::api
