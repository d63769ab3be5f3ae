// Route × role × tenant, made from the table of routes: no route can be forgotten.
#include <gtest/gtest.h>

#include "host/api/route.h"
#include "tests/host/api/fixture.h"

namespace pirn::api {
namespace {

std::string filled(std::string_view pattern) {
  std::string path(pattern);
  for (const auto& [hole, value] : std::map<std::string, std::string>{{"{id}", "0000000000001"},
                                                                      {"{package}", "none"},
                                                                      {"{version}", "1.0.0"},
                                                                      {"{workflow}", "none"},
                                                                      {"{breaker}", "none"},
                                                                      {"{number}", "1"},
                                                                      {"{name}", "none"},
                                                                      {"{key}", std::string(64, '0')}})
    if (const size_t at = path.find(hole); at != std::string::npos) path.replace(at, hole.size(), value);
  return path;
}

bool is_upload(const Route& route) { return route.admit != nullptr; }
std::string body_of(const Route& route) {
  return route.method != "POST" ? "" : is_upload(route) ? "x" : "{}";
}
TestHost::Headers headers_of(const Route& route) {
  return {{"Content-Type", is_upload(route) ? "application/octet-stream" : "application/json"}};
}
bool asks(const Route& route) { return route.scope != Scope::open && route.scope != Scope::caller; }

std::string with(std::string path, const std::string& tenant) { return path + "?tenant=" + tenant; }

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

TEST(Matrix, EveryRouteAsksForItsPermissionAndHidesOtherTenants) {
  TestHost host;
  host.make_tenant("red");
  host.make_tenant("blue");
  for (const registry::Role role : registry::kRoles) {
    const bool is_operator = role == registry::Role::host_operator;
    const std::string key = host.make_key(is_operator ? "" : "red", std::string(registry::name(role)));
    for (const Route& route : routes()) {
      SCOPED_TRACE(std::string(registry::name(role)) + " " + std::string(route.method) + " " +
                   std::string(route.path));
      const std::string path = filled(route.path);
      const auto ask = [&](const std::string& target) {
        return host.tcp(std::string(route.method), target, key, body_of(route), headers_of(route));
      };
      if (!asks(route)) {
        EXPECT_EQ(ask(path).status, 200);
        continue;
      }
      const bool tenant_named = is_operator && route.scope == Scope::tenant;
      const Answer own = ask(tenant_named ? with(path, "red") : path);
      if (registry::allows(role, route.permission)) {
        EXPECT_NE(own.status, 401);
        EXPECT_NE(own.member("name"), "permission_denied") << own.body;
      } else {
        EXPECT_EQ(own.status, 403);
        EXPECT_EQ(own.member("name"), "permission_denied") << own.body;
      }
      if (route.scope == Scope::host || is_operator) continue;
      const Answer foreign = ask(with(path, "blue")), missing = ask(with(path, "nobody"));
      EXPECT_EQ(foreign.status, 404) << foreign.body;
      EXPECT_EQ(missing.status, 404) << missing.body;
      EXPECT_EQ(replaced(foreign.body, "blue", "nobody"), missing.body);
    }
  }
}

TEST(Matrix, WithoutAKeyTcpOpensNothingButHealth) {
  TestHost host([](HostOptions& options) { options.free_wrong_keys = 10'000; });
  for (const Route& route : routes()) {
    SCOPED_TRACE(route.path);
    for (const std::string& key : {std::string(), std::string("pirn_nonsense")}) {
      const Answer answer =
          host.tcp(std::string(route.method), filled(route.path), key, body_of(route), headers_of(route));
      EXPECT_EQ(answer.status, route.scope == Scope::open ? 200 : 401) << answer.body;
    }
  }
  EXPECT_EQ(host.tcp("GET", "/v1/secret-routes", "").status, 401)
      << "a stranger learns nothing of the routes";
}

TEST(Matrix, TheSocketIsTheOperatorAndMustNameTheTenant) {
  TestHost host;
  host.make_tenant("red");
  for (const Route& route : routes()) {
    if (route.scope != Scope::tenant) continue;
    SCOPED_TRACE(route.path);
    const std::string path = filled(route.path), method(route.method);
    EXPECT_EQ(host.local(method, path, body_of(route), headers_of(route)).member("name"), "tenant_needed");
    EXPECT_EQ(host.local(method, with(path, "nobody"), body_of(route), headers_of(route)).status / 100, 4);
    EXPECT_NE(host.local(method, with(path, "red"), body_of(route), headers_of(route)).member("name"),
              "tenant_needed");
  }
  EXPECT_EQ(host.local("GET", "/v1/whoami").member("role"), "operator");
  EXPECT_EQ(
      host.local("GET", "/v1/whoami", "", {{"Authorization", "Bearer " + host.make_key("red", "viewer")}})
          .member("role"),
      "viewer");
}

TEST(Matrix, NobodyGrantsWhatHeDoesNotHold) {
  TestHost host;
  host.make_tenant("red");
  const std::string admin = host.make_key("red", "tenant-admin");
  EXPECT_EQ(host.tcp("POST", "/v1/keys", admin, R"({"role":"operator"})").status / 100, 4);
  const Answer viewer = host.tcp("POST", "/v1/keys", admin, R"({"role":"viewer"})");
  EXPECT_EQ(viewer.status, 201);
  EXPECT_EQ(host.tcp("POST", "/v1/keys", viewer.member("token"), R"({"role":"viewer"})").status, 403);
  EXPECT_EQ(host.tcp("DELETE", "/v1/keys/" + viewer.member("id"), admin).status, 200);
  EXPECT_EQ(host.tcp("GET", "/v1/whoami", viewer.member("token")).member("name"), "key_revoked");
}

TEST(Matrix, ARefusedChangeIsRecorded) {
  TestHost host;
  host.make_tenant("red");
  const std::string viewer = host.make_key("red", "viewer");
  EXPECT_EQ(host.tcp("POST", "/v1/packages/etl/deployments", viewer, "{}").status, 403);
  // The record is written beside the answer, not before it.
  std::string audit;
  for (int i = 0; i < 1000 && audit.find("permission_denied") == std::string::npos; ++i)
    audit = host.local("GET", "/v1/audit?tenant=red&limit=1000").body;
  EXPECT_NE(audit.find(R"("object":"/v1/packages/etl/deployments")"), std::string::npos) << audit;
  EXPECT_NE(audit.find(R"("outcome":"permission_denied")"), std::string::npos) << audit;
}

TEST(Routes, MatchExactlyOnePatternEach) {
  for (const Route& route : routes()) {
    const Result<Match> found = match(route.method, filled(route.path));
    ASSERT_TRUE(found) << route.path;
    EXPECT_EQ(found->route, &route) << route.path << " is hidden by " << found->route->path;
    EXPECT_TRUE((route.answer == nullptr) != (route.begin == nullptr)) << route.path;
  }
  EXPECT_EQ(match("GET", "/v1/executions/").error().code, Code::route_not_found);
  EXPECT_EQ(match("GET", "").error().code, Code::route_not_found);
  EXPECT_EQ(match("PATCH", "/v1/executions/x").error().code, Code::method_not_allowed);
  EXPECT_EQ(match("HEAD", "/v1/executions/x")->route->method, "GET");
}

}  // namespace
}  // namespace pirn::api
