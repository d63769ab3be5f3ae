#include "tests/host/cli/fake_host.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <string_view>
#include <utility>
#include <vector>

namespace pirn::cli {

namespace {

// "~" stands for kHostile in a string of JSON; what JSON lets through stands there as it is.
std::string fill(std::string_view json) {
  std::string out;
  for (const char c : json) {
    if (c != '~') {
      out += c;
      continue;
    }
    for (const char evil : kHostile)
      if (evil == '\n')
        out += "\\n";
      else if (evil == '\r')
        out += "\\r";
      else if (static_cast<unsigned char>(evil) < 0x20)
        out += std::string("\\u00") + "0123456789abcdef"[evil >> 4] + "0123456789abcdef"[evil & 15];
      else
        out += evil;
  }
  return out;
}

constexpr std::string_view kError =
    R"({"code":"~","message":"~","cause":{"code":"~","message":"~","cause":null}})";
constexpr std::string_view kRun =
    R"({"id":"~","existing":true,"workflow":"~","package":"~","version":"~","release":"~","state":"failed",
"progress":{"done":1,"total":2},"started_at":"~","ended_at":"~","duration_ms":5.5,"key":"~","max_concurrency":2,
"attempt":2,"reason":"~","paused_by_hand":true,"wake_at":"~","parent":"~","retry_of":"~","steps":[
{"name":"~","state":"~","error":{"code":"~","message":"~"},"reason":"~","await":null,"compensation":"~",
"wake_at":"~","resources":null,"skip_kind":"~","duration_ms":1.5,"invocations":1},
{"name":"~","state":"awaiting","await":{"kind":"~","approvers":["~"],"deadline":"~"},"duration_ms":null,
"invocations":1,"resources":null},
{"name":"~","state":"ready","await":null,"duration_ms":null,"invocations":1,
"resources":{"waiting":true,"needs":{"~":1.5},"gpus":[0],"hopeless":true}}],
"context":{"~":"~","list":["~",{"~":1}]},"error":{"code":"~","message":"~"},"error_step":"~"})";
constexpr std::string_view kEvent =
    R"({"seq":1,"type":"~","at":1795281471000000000,"step":"~","handler":"~","breaker":"~","error":{"code":"~",
"message":"~"},"reason":"~","message":"~","note":"~","chunk":"~","duration":5,"workflow":"~","package":"~",
"event":"~","id":"~","firing":"~","from":"~","to":"~","execution":"~","code":"~","started":"~","executions":["~"],
"by":"~","level":"~","attempt":1,"n":1})";
constexpr std::string_view kRelease =
    R"({"already_there":false,"package":"~","version":"~","release":"~","active":true,"withdrawn":false,
"publisher":"~","revision":1,"size":5,"pushed_at":"~","serial":1,"description":"~","author":"~","licence":"~",
"pushed_by":"~","signers":[{"key_id":"~","role":"~"}],"requires":{"~":"~"},
"runs_with":[{"package":"~","version":"~"}],"unmet":"~","functions":["~"],"workflows":[{"name":"~","steps":1}]})";
constexpr std::string_view kPlan =
    R"({"package":"~","from_version":"~","to_version":"~","added":["~"],"changed":["~"],"removed":["~"],
"unchanged":["~"],"schedules":[{"workflow":"~","what":"~"}],"nothing_to_do":true,
"refusals":[{"name":"conflict","detail":"~","hint":"~"},{"name":"~","detail":"~","hint":"~"}]})";
constexpr std::string_view kDefinition =
    R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w","description":"~","steps":[
{"name":"a","label":"~","when":{"path":"x","equals":"~"}}]}]})";
constexpr std::string_view kTenant =
    R"({"name":"~","isolation":"in-process","signatures_required":1,"created_at":"~","created_by":"~"})";
constexpr std::string_view kKey =
    R"({"id":"~","tenant":"~","role":"~","state":"~","label":"~","created_at":"~","expires_at":"~","token":"~"})";
constexpr std::string_view kTrust =
    R"({"key_id":"~","publisher":"~","packages":"~","role":"~","state":"~","added_at":"~"})";
constexpr std::string_view kSchedule =
    R"({"workflow":"~","package":"~","state":"paused","schedule":{"cron":["~"],"timezone":"~"},"next":"~",
"last_fire":"~","fires":1,"skips":1,"problem":"~","last_skip":{"reason":"~"},"fires_at":[{"instant":"~"}]})";
constexpr std::string_view kLetter =
    R"({"id":"~","workflow":"~","package":"~","version":"~","code":"~","step":"~","attempts":1,"failed_at":"~",
"expires_at":"~","error":{"code":"~","message":"~"},"input":{"~":"~"}})";
constexpr std::string_view kBreaker =
    R"({"breaker":"~","state":"~","failures":1,"in_flight":1,"since":"~","until":"~",
"tripped_by":{"code":"~","step":"~","execution":"~"}})";

std::string join(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) out += part;
  return out;
}
std::string list(std::string_view name, std::string_view element, std::string_view more = "") {
  return join({"{\"", name, "\":[", element, "]", more, "}"});
}
constexpr std::string_view kLastPage = R"(,"cursor":1,"more":false,"lost":"~")";

std::string of_execution(const std::string& verb, bool one_more) {
  if (verb == "events") return list("events", kEvent, kLastPage);
  if (verb == "logs") return list("logs", kEvent, kLastPage);
  if (verb == "metrics")
    return R"({"id":"~","state":"~","grade":{"letter":"~","score":59.9},"success_rate":0.5,"utilisation":0.5,
"duration_ms":1.5,"cpu_ms":null,"max_concurrency":1,"steps":[{"name":"~","state":"~","invocations":1,"failures":1,
"duration_ms":1.5,"queued_ms":1,"cpu_ms":1,"grade":{"letter":"~","score":1}}],
"bottlenecks":[{"step":"~","severity":"~","advice":"~"}],"recommendations":["~"]})";
  if (verb == "errors")
    return list("errors", join({R"({"when":"~","scope":{"kind":"~","node_id":"~","checkpoint":"~"},"error":)",
                                kError, R"(,"tags":["~"],"context":{"~":"~"}})"}));
  if (verb == "checkpoints" && one_more)
    return R"({"checkpoint":"~","at":"~","state":"~","steps":[{"name":"~","state":"~","invocations":1,
"result":{"~":"~"}}]})";
  if (verb == "checkpoints")
    return list("checkpoints", R"({"checkpoint":"~","at":"~","started":["~"],"ran":["~"],"skipped":["~"]})",
                kLastPage);
  if (verb == "report")
    return join({"{\"name\":\"w\",\"document\":", kDefinition,
                 R"(,"execution":{"id":"~","state":"~","states":{"a":"~"},"children":[]}})"});
  if (verb == "retry" || verb == "rerun" || verb.empty()) return std::string(kRun);
  return R"({"id":"~","state":"~"})";
}

std::string of_package(const std::string& verb, bool one_more, bool post) {
  if (verb == "releases") return std::string(kRelease);
  if (verb == "plan") return std::string(kPlan);
  const std::string deployed = join(
      {R"({"package":"~","version":"~","revision":3,"changed":true,"release":"~","undo":true,"at":"~","by":"~",
"why":"~","plan":)",
       kPlan, "}"});
  if (verb == "undo" || (verb == "deployments" && post)) return deployed;
  if (verb == "deployments") return list("deployments", deployed);
  return one_more || !post ? list("releases", kRelease) : std::string(kRelease);
}

// `path`: the segments behind /v1.
std::string answer_to(const std::string& method, const std::vector<std::string>& path) {
  const bool post = method == "POST";
  const auto segment = [&](size_t i) { return i < path.size() ? path[i] : std::string(); };
  const std::string noun = segment(0);
  const bool many = path.size() == 1 && !post;
  if (noun == "executions") {
    if (path.size() == 1 && !post) return list("executions", kRun, R"(,"cursor":"~")");
    if (segment(1) == "cancel") return R"({"executions":["~"],"count":1})";
    return of_execution(segment(2), path.size() > 3);
  }
  if (noun == "audit" && path.size() > 1)
    return R"({"intact":true,"records":3,"checked":3,"head":{"seq":3,"hash":"~"},
"breaks":[{"seq":1,"what":"~","accepted":true}]})";
  if (noun == "audit")
    return list("records",
                R"({"seq":1,"at":"~","tenant":"~","actor":"~","action":"~","object":"~","outcome":"~",
"times":2,"detail":"~"})",
                kLastPage);
  if (noun == "packages") return of_package(segment(2), path.size() > 1, post);
  if (noun == "tenants") return many ? list("tenants", kTenant) : std::string(kTenant);
  if (noun == "keys") return many ? list("keys", kKey) : std::string(kKey);
  if (noun == "trust") return post ? std::string(kTrust) : list("trust", kTrust);
  if (noun == "workflows")
    return many
               ? list(
                     "workflows",
                     R"({"workflow":"~","package":"~","version":"~","steps":1,"trigger":"~","schedule":{"~":"~"},
"on_event":["~"],"tags":["~"]})")
               : join({"{\"workflow\":\"w\",\"document\":", kDefinition, "}"});
  if (noun == "approvals")
    return list("approvals", join({R"({"execution":"~","workflow":"~","package":"~","step":"~","kind":"~",
"deadline":"~","approvers":["~"],"error":)",
                                   kError, "}"}));
  if (noun == "schedules") {
    if (many) return list("schedules", kSchedule);
    if (segment(2) == "trigger") return R"({"id":"~"})";
    if (segment(2) == "backfill") return list("fires", R"({"instant":"~","execution":"~","existing":true})");
    return std::string(kSchedule);
  }
  if (noun == "events")
    return post
               ? R"({"executions":["~"],"existing":true,"refused":[{"package":"~","workflow":"~","message":"~"}]})"
               : list("events", kEvent, kLastPage);
  if (noun == "dead-letters") {
    if (many) return list("dead_letters", kLetter, R"(,"cursor":"~")");
    if (segment(1) == "retry")
      return R"({"retried":[{"id":"~","execution":"~"}],"refused":[{"id":"~","message":"~"}]})";
    if (segment(1) == "prune") return R"({"pruned":3})";
    return std::string(segment(2) == "retry" ? kRun : kLetter);
  }
  if (noun == "breakers") return many ? list("breakers", kBreaker) : std::string(kBreaker);
  if (noun == "dashboard")
    return R"({"timestamp":"~","active_workflows":1,"active_tasks":2,"success_rate":0.5,
"workflow_status":{"~":{"~":1}},"recent_events":[{"timestamp":"~","execution":"~","type":"~","step":"~"}]})";
  if (noun == "health")
    return R"({"status":"~","parts":[{"part":"~","status":"~","detail":"~"}],"slots":{"tenants":[{"tenant":"~"}]}})";
  if (noun == "sinks")
    return list("sinks", R"({"sink":"~","tenant":"~","written":1,"lost":2,"error_count":1,"last_error_at":"~",
"last_error":"~"})");
  if (segment(1) == "prune")
    return R"({"executions":3,"kept_for_letters":1,"size_bytes_before":1,"size_bytes":1,"free_bytes":1})";
  if (segment(1) == "backup") return R"({"directory":"~"})";
  if (segment(1) == "verification")
    return R"({"intact":false,"rows":1,"without_checksum":1,"blobs":1,"backup_files":1,
"damages":[{"file":"~","what":"~"}],"more":1})";
  if (noun == "store")
    return R"({"kind":"~","executions":1,"open_executions":1,"journal_rows":1,"size_bytes":1,"wal_bytes":1,
"free_bytes":1,"disk":{"free_bytes":1},"logbook":{"lines":1,"lost":2},"retention":{"removed":1,"next_run_at":"~"},
"by_state":[{"tenant":"~","state":"~","executions":3}]})";
  if (noun == "status")
    return R"({"version":"~","ready":false,"reason":"~","started_at":"~","data_directory":"~",
"engine":{"open_executions":1,"running_steps":2,"ready_executions":3},
"store":{"kind":"~","size_bytes":5,"epoch":1,"executions":4},
"resources":[{"name":"~","capacity":1.5,"in_use":1,"waiting":2}],"stuck_calls":1,"watchers":2,
"releases":[{"tenant":"~","package":"~","version":"~","release":"~","retired":true,"still_mapped":true,
"stuck_calls":1}],
"last_end":{"clean":false,"what":"~","calls":[{"role":"~","tenant":"~","execution":"~","workflow":"~","step":"~",
"function":"~"}]}})";
  return "{}";
}

std::string stream() {
  std::string odd = kHostile;
  for (char& c : odd)
    if (c == '\n' || c == '\r') c = ' ';
  std::string out;
  for (const std::string& name : {std::string("step.start"), std::string("step.exception"),
                                  std::string("log"), std::string("progress"), odd})
    out += "id: 1.1\nevent: " + name + "\ndata: " + fill(kEvent) + "\n\n";
  for (size_t at; (at = out.find(",\n")) != std::string::npos;) out.erase(at + 1, 1);  // data is one line
  return out + "event: end\ndata: {\"state\":\"failed\"}\n\n";
}

std::string problem() {
  return fill(
      R"({"name":"conflict","detail":"~","hint":"~","where":{"file":"~","line":3,"column":7,"text":"~"},
"causes":[{"name":"~","detail":"~","hint":"~"}]})");
}

std::vector<std::string> segments(std::string_view target) {
  std::vector<std::string> all;
  target = target.substr(0, target.find('?'));
  if (!target.starts_with("/v1/")) return all;
  target.remove_prefix(4);
  while (true) {
    const size_t slash = target.find('/');
    all.emplace_back(target.substr(0, slash));
    if (slash == std::string_view::npos) return all;
    target.remove_prefix(slash + 1);
  }
}

int listen_on(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  EXPECT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(fd, 16), 0);
  return fd;
}

}  // namespace

FakeHost::FakeHost(const std::string& socket, Mood mood) : mood_(mood), listening_(listen_on(socket)) {
  thread_ = std::thread([this] { serve(); });
}

FakeHost::~FakeHost() {
  ::shutdown(listening_, SHUT_RDWR);  // ends accept()
  thread_.join();
  ::close(listening_);
}

// One request a connection: whoever has another one connects again.
void FakeHost::serve() {
  for (int connection; (connection = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    converse(connection);
    ::close(connection);
  }
}

void FakeHost::converse(int connection) const {
  std::string request;
  char buffer[65536];
  size_t body = std::string::npos, length = 0;
  while (body == std::string::npos || request.size() < body + length) {
    const ssize_t n = ::recv(connection, buffer, sizeof buffer, 0);
    if (n <= 0) return;
    request.append(buffer, static_cast<size_t>(n));
    if (body != std::string::npos || (body = request.find("\r\n\r\n")) == std::string::npos) continue;
    body += 4;
    const size_t header = request.find("Content-Length: ");
    if (header < body) length = std::stoul(request.substr(header + 16));
  }
  const size_t space = request.find(' ');
  const std::string method = request.substr(0, space);
  const std::vector<std::string> path =
      segments(std::string_view(request).substr(space + 1, request.find(' ', space + 1) - space - 1));
  const bool streams = path.size() == 3 && path[2] == "stream";
  const std::string text = mood_ == Mood::refuses   ? problem()
                           : mood_ == Mood::babbles ? kHostile
                           : streams                ? stream()
                                                    : fill(answer_to(method, path));
  const std::string answer = std::string("HTTP/1.1 ") + (mood_ == Mood::refuses ? "409 No" : "200 OK") +
                             "\r\nConnection: close\r\nContent-Length: " + std::to_string(text.size()) +
                             "\r\n\r\n" + text;
  for (std::string_view rest = answer; !rest.empty();) {
    const ssize_t n = ::send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    rest.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace pirn::cli
