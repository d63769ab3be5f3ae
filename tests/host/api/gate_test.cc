#include "host/api/gate.h"

#include <gtest/gtest.h>

#include "host/api/exchange.h"

namespace pirn::api {
namespace {

TEST(Gate, KnowsItsOwnNamesWithAndWithoutPort) {
  const std::vector<std::string> names = {"localhost", "127.0.0.1", "[::1]", "pirn.example"};
  for (const char* host :
       {"localhost", "localhost:8320", "LOCALHOST:1", "127.0.0.1:80", "[::1]", "[::1]:8320", "pirn.example"})
    EXPECT_TRUE(check_host(host, names)) << host;
  for (const char* host :
       {"", "evil.example", "localhost.evil.example", "127.0.0.2", "[::2]:80", "::1", "localhost:80:80"})
    EXPECT_FALSE(check_host(host, names)) << host;
  EXPECT_FALSE(check_host("localhost", {}));
}

TEST(Gate, LetsInNoForeignOrigin) {
  EXPECT_TRUE(check_origin("", "localhost:1"));
  EXPECT_TRUE(check_origin("http://localhost:1", "localhost:1"));
  for (const char* origin :
       {"null", "http://localhost", "http://localhost:2", "http://evil.example", "localhost:1", "file://"})
    EXPECT_FALSE(check_origin(origin, "localhost:1")) << origin;
}

TEST(Gate, ActsForTheKeysOwnTenantOnly) {
  const Route tenant{"GET", "/x", Scope::tenant, registry::Permission::view, "", ""};
  const Route either{"GET", "/x", Scope::tenant_or_host, registry::Permission::view, "", ""};
  const registry::Principal viewer{"red", "k", registry::Role::viewer};
  const auto chief = registry::Principal::local_operator();
  EXPECT_EQ(*admit(tenant, viewer, ""), "red");
  EXPECT_EQ(*admit(tenant, viewer, "red"), "red");
  EXPECT_EQ(admit(tenant, viewer, "blue").error().code, Code::not_found);
  EXPECT_EQ(admit(tenant, chief, "").error().code, Code::tenant_needed);
  EXPECT_EQ(*admit(tenant, chief, "blue"), "blue");
  EXPECT_EQ(*admit(either, chief, ""), "");
  EXPECT_EQ(*admit(either, viewer, ""), "red");
  const Route start{"POST", "/x", Scope::tenant, registry::Permission::start_execution, "", ""};
  EXPECT_EQ(admit(start, viewer, "").error().code, Code::permission_denied);
  EXPECT_EQ(admit(start, viewer, "blue").error().code, Code::not_found)
      << "whose it is comes before what is allowed";
  const Route host{"GET", "/x", Scope::host, registry::Permission::manage_tenants, "", ""};
  EXPECT_EQ(admit(host, viewer, "").error().code, Code::permission_denied);
  EXPECT_TRUE(admit(host, chief, ""));
}

TEST(Problem, HasEverythingThatTheCatalogueKnows) {
  Error error{Code::not_found, "there is no \"x\""};
  error.causes.push_back(
      Error{Code::malformed_json, "odd", "do so", Blame::caller, Where{"f", 3, 4, "text"}});
  const Response response = problem(error);
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "application/problem+json");
  for (const char* part : {R"("type":"urn:pirn:error:PIRN0102")", R"("status":404)", R"("code":"PIRN0102")",
                           R"("name":"not_found")", R"("detail":"there is no \"x\"")", R"("title":)",
                           R"("hint":)", R"("causes":[{)", R"("line":3)", R"("hint":"do so")"})
    EXPECT_NE(response.body.find(part), std::string::npos) << part << " in " << response.body;
}

}  // namespace
}  // namespace pirn::api
