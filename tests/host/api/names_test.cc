// Each place at which a name comes in, with names that it must refuse. A place that is added to the API
// without a row here is found by the first test.
#include "host/api/names.h"

#include <gtest/gtest.h>

#include <set>

#include "host/api/document.h"
#include "host/api/route.h"
#include "host/store/location.h"
#include "tests/host/api/fixture.h"

namespace pirn::api {
namespace {

const std::vector<std::string>& bad_names() {
  static const std::vector<std::string> kBad = {"",
                                                " ",
                                                "A",
                                                "a b",
                                                "-a",
                                                "a/b",
                                                "..",
                                                "a%b",
                                                "a\n",
                                                "\x1b[31m",
                                                "\xC2\x9B",
                                                "\xE2\x80\xAE",
                                                "ü",
                                                "a::",
                                                "::a",
                                                "a::b::c",
                                                "a::b::c::d",
                                                "a::::b",
                                                "a'b",
                                                std::string(64, 'a'),
                                                std::string(4'000, 'a')};
  return kBad;
}

// Of steps, which may be nested, and of versions, other characters are right.
const std::set<std::string> kRightForSteps = {
    "A", "-a", "a/b", "..", "a::", "::a", "a::b::c", "a::b::c::d", "a::::b", std::string(64, 'a')};
// Names of events and tags are what people write.
const std::set<std::string> kRightForEvents = {
    "A",   "a b", "-a",      "a/b",        "..",     "a%b", "ü",
    "a::", "::a", "a::b::c", "a::b::c::d", "a::::b", "a'b", std::string(64, 'a')};
const std::set<std::string> kRightForVersions = {"A", "-a", "..", std::string(64, 'a')};

std::string escaped(const std::string& text) {
  std::string out;
  char hex[4];
  for (const unsigned char c : text) {
    std::snprintf(hex, sizeof hex, "%%%02X", c);
    out += hex;
  }
  return out;
}

std::string json_of(const std::string& text) { return boost::json::serialize(boost::json::string(text)); }

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> all;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    all.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return all;
}

std::set<std::string> holes_of(std::string_view path) {
  std::set<std::string> all;
  for (size_t at = 0; (at = path.find('{', at)) != std::string_view::npos;) {
    const size_t end = path.find('}', at);
    all.emplace(path.substr(at + 1, end - at - 1));
    at = end;
  }
  return all;
}

// Whether a hole or a query parameter is checked as a name. Each is in one of the two lists.
const std::set<std::string> kNames = {"tenant", "package", "breaker", "workflow", "step",
                                      "ran",    "skipped", "version", "name",     "tag"};
const std::set<std::string> kNoNames = {"id",     "key",     "number",  "reason",  "after",         "limit",
                                        "cursor", "since",   "state",   "trigger", "level",         "count",
                                        "format", "groups",  "attempt", "code",    "accept_serial", "order",
                                        "action", "outcome", "actor"};

TEST(Names, EveryHoleAndEveryParameterOfTheApiIsKnownHere) {
  for (const Route& route : routes()) {
    std::set<std::string> all = holes_of(route.path);
    for (const std::string& parameter : words(route.query)) all.insert(parameter);
    for (const std::string& each : all)
      EXPECT_NE(kNames.contains(each), kNoNames.contains(each)) << route.path << ": " << each;
  }
}

bool right_for(const std::string& what, const std::string& text) {
  if (what == "workflow") return text == "a::b::c";
  if (what == "step" || what == "ran" || what == "skipped") return kRightForSteps.contains(text);
  if (what == "event" || what == "tag") return kRightForEvents.contains(text);
  return what == "version" && kRightForVersions.contains(text);
}

TEST(Names, AreRefusedInPathQueryHeaderAndBody) {
  TestHost host;
  host.make_tenant("red");
  const auto expect_bad = [](const Answer& answer, const std::string& where,
                             const std::string& error = "bad_name") {
    EXPECT_EQ(answer.status, 400) << where << ": " << answer.body;
    EXPECT_EQ(answer.member("name"), error) << where << ": " << answer.body;
  };
  for (const std::string& bad : {std::string("a b"), std::string("\x1b[31m"), std::string(2'000, 'a')}) {
    for (const Route& route : routes()) {
      if (route.scope == Scope::open || route.scope == Scope::caller) continue;
      const std::string method(route.method), tenant = route.scope == Scope::host ? "" : "tenant=red";
      const std::string type = route.admit != nullptr ? "application/octet-stream" : "application/json";
      const std::string body = method == "POST" ? "{}" : "";
      const auto filled = [&](const std::string& hole, const std::string& text) {
        std::string path(route.path);
        for (size_t at = 0; (at = path.find('{', at)) != std::string::npos;) {
          const size_t end = path.find('}', at);
          const std::string name = path.substr(at + 1, end - at - 1);
          path.replace(at, end - at + 1, name == hole ? escaped(text) : name == "number" ? "1" : "none");
        }
        return path;
      };
      for (const std::string& hole : holes_of(route.path))
        if (kNames.contains(hole) && !right_for(hole, bad))
          expect_bad(host.local(method, filled(hole, bad) + "?" + tenant, body, {{"Content-Type", type}}),
                     std::string(route.path) + " " + hole,
                     bad.starts_with('\x1b') ? "malformed_request" : "bad_name");  // for any path
      for (const std::string& parameter : words(route.query))
        if (kNames.contains(parameter) && !right_for(parameter, bad))
          expect_bad(host.local(method, filled("", "") + "?" + parameter + "=" + escaped(bad) + "&" + tenant,
                                body, {{"Content-Type", type}}),
                     std::string(route.path) + " ?" + parameter);
    }
    expect_bad(host.local("GET", "/v1/packages?tenant=" + escaped(bad)), "?tenant");
  }
  expect_bad(host.local("GET", "/v1/packages", "", {{"Pirn-Tenant", "a b"}}), "Pirn-Tenant");
  for (const auto& [path, member] :
       std::multimap<std::string, std::string>{{"/v1/executions", "workflow"},
                                               {"/v1/executions/cancel", "workflow"},
                                               {"/v1/executions/cancel", "package"},
                                               {"/v1/dead-letters/retry", "package"},
                                               {"/v1/dead-letters/prune", "workflow"},
                                               {"/v1/packages/none/plan", "version"},
                                               {"/v1/packages/none/deployments", "version"},
                                               {"/v1/executions/0000000000001/signal", "step"},
                                               {"/v1/executions/0000000000001/approve", "step"},
                                               {"/v1/executions/0000000000001/resume", "step"},
                                               {"/v1/executions/0000000000001/reject", "step"},
                                               {"/v1/executions/0000000000001/rerun", "from"},
                                               {"/v1/dead-letters/retry", "workflow"},
                                               {"/v1/dead-letters/prune", "package"},
                                               {"/v1/store/prune", "package"},
                                               {"/v1/store/prune", "workflow"},
                                               {"/v1/events", "event"},
                                               {"/v1/executions/cancel", "tag"},
                                               {"/v1/trust", "publisher"}})
    for (const std::string& bad : bad_names()) {
      if (right_for(member == "from" ? "step" : member, bad)) continue;
      std::string rest = path == "/v1/dead-letters/prune" ? ",\"before\":\"1d\"" : "";
      expect_bad(host.local("POST", path + "?tenant=red", "{\"" + member + "\":" + json_of(bad) + rest + "}"),
                 path + " " + member + " '" + bad.substr(0, 20) + "'");
    }
}

TEST(Names, ThatAreRightPass) {
  for (const auto& [what, text] : std::multimap<std::string, std::string>{{"workflow", "etl::load"},
                                                                          {"workflow", "acme::etl::load"},
                                                                          {"workflow", "load"},
                                                                          {"package", "a-b_c0"},
                                                                          {"step", "load/part-1"},
                                                                          {"version", "1.0.0-rc.1+b5"},
                                                                          {"event", "Bestellung übernommen"},
                                                                          {"event", "order.created"},
                                                                          {"tag", "night shift"},
                                                                          {"comment", "\x1b anything"}})
    EXPECT_TRUE(check_named(what, text)) << what << " " << text;
}

// What is asked by a full name, without naming the tenant otherwise, reaches that tenant: the answer says
// what is missing there, not that a tenant is missing.
TEST(Names, AFullNameNamesTheTenant) {
  TestHost host;
  host.make_tenant("red");
  host.make_tenant("blue");
  const std::string key = host.make_key("red", "tenant-admin");
  const auto expect = [](const Answer& answer, int status, const std::string& name, const std::string& what) {
    EXPECT_EQ(answer.status, status) << what << ": " << answer.body;
    EXPECT_EQ(answer.member("name"), name) << what << ": " << answer.body;
  };
  for (const Route& route : routes()) {
    const std::string path(route.path), method(route.method), body = method == "POST" ? "{}" : "";
    const size_t hole = path.find("{workflow}");
    if (hole == std::string::npos) continue;
    const auto named = [&](const std::string& workflow) {
      return std::string(path).replace(hole, sizeof("{workflow}") - 1, workflow);
    };
    if (path.ends_with("/backfill")) continue;  // its body is read first
    const Answer operators = host.local(method, named("red::etl::load"), body);
    expect(operators, 404, "not_found", path);
    EXPECT_EQ(operators.body.find("red::"), std::string::npos) << operators.body;  // within the tenant
    expect(host.tcp(method, named("red::etl::load"), key, body), 404, "not_found", path);
    const Answer strangers = host.tcp(method, named("blue::etl::load"), key, body);
    expect(strangers, 404, "not_found", path);
    EXPECT_NE(strangers.member("detail").find("no tenant 'blue'"), std::string::npos) << strangers.body;
    expect(host.local(method, named("red::etl::load") + "?tenant=blue", body), 400, "invalid_argument", path);
    expect(host.local(method, named("red::etl::load"), body, {{"Pirn-Tenant", "blue"}}), 400,
           "invalid_argument", path);
    expect(host.local(method, named("etl::load"), body), 400, "tenant_needed", path);
  }
  EXPECT_EQ(host.local("GET", "/v1/executions?workflow=red::etl::load").status, 200);
  EXPECT_EQ(host.local("GET", "/v1/dead-letters?workflow=red::etl::load&tenant=red").status, 200);
  expect(host.tcp("GET", "/v1/executions?workflow=blue::etl::load", key), 404, "not_found", "query");
  for (const auto& [where, rest] :
       std::vector<std::pair<std::string, std::string>>{{"/v1/executions", ""},
                                                        {"/v1/executions/cancel", R"(,"dry_run":true)"},
                                                        {"/v1/dead-letters/retry", ""},
                                                        {"/v1/dead-letters/prune", R"(,"before":"1d")"},
                                                        {"/v1/store/prune", R"(,"older_than":"1d")"}}) {
    const auto body = [&rest = rest](const std::string& workflow) {
      return R"({"workflow":")" + workflow + "\"" + rest + "}";
    };
    const Answer own = host.local("POST", where + "?tenant=red", body("red::etl::load"));
    EXPECT_EQ(own.status, where.starts_with("/v1/executions") ? 404 : 200) << where << ": " << own.body;
    expect(host.local("POST", where + "?tenant=red", body("blue::etl::load")), 400, "invalid_argument",
           where);
    if (where == "/v1/store/prune") continue;  // the operator's only
    EXPECT_EQ(host.tcp("POST", where, key, body("red::etl::load")).status, own.status) << where;
    expect(host.tcp("POST", where, key, body("blue::etl::load")), 404, "not_found", where);
  }
  for (const char* query : {"/v1/executions", "/v1/dead-letters"}) {
    const std::string path = std::string(query) + "?tenant=red&workflow=etl::load&package=";
    EXPECT_EQ(host.local("GET", path + "etl").status, 200) << query;
    expect(host.local("GET", path + "other"), 400, "invalid_argument", query);
  }
  for (const auto& [where, rest] :
       std::vector<std::pair<std::string, std::string>>{{"/v1/executions/cancel", R"(,"dry_run":true)"},
                                                        {"/v1/dead-letters/prune", R"(,"before":"1d")"},
                                                        {"/v1/store/prune", R"(,"older_than":"1d")"}})
    expect(host.local("POST", where + "?tenant=red",
                      R"({"workflow":"etl::load","package":"other")" + rest + "}"),
           400, "invalid_argument", where);
  // The operator's prune of the whole host is narrowed to the tenant that the name names.
  EXPECT_EQ(
      host.local("POST", "/v1/store/prune", R"({"workflow":"red::etl::load","older_than":"1d"})").status,
      200);
}

// A label stands in approvals and in the audit log.
TEST(Names, ALabelIsPlainText) {
  TestHost host;
  host.make_tenant("red");
  for (const std::string& bad :
       {std::string("a\nb"), std::string("\x1b[2J"), std::string("a\xC2\x9B"), std::string("\xE2\x80\xAEx")})
    EXPECT_EQ(
        host.local("POST", "/v1/keys?tenant=red", "{\"role\":\"viewer\",\"label\":" + json_of(bad) + "}")
            .member("name"),
        "bad_name")
        << bad;
  EXPECT_EQ(host.local("POST", "/v1/keys?tenant=red", R"({"role":"viewer","label":"Zoë's laptop"})").status,
            201);
  for (const char* pattern : {"", "A*", "a b", "*\\n"})
    EXPECT_EQ(
        host.local("POST", "/v1/trust?tenant=red",
                   std::string(R"({"publisher":"p","key":"pirn-ed25519:x","packages":")") + pattern + "\"}")
                .status /
            100,
        4);
  EXPECT_EQ(host.local("POST", "/v1/keys?tenant=red", R"({"role":""})").status, 400);
}

}  // namespace
}  // namespace pirn::api
