// Dead letters and circuit breakers over HTTP: what is asked wrongly. What they do is told in
// tests/e2e/letters.sh.
#include <gtest/gtest.h>

#include <tuple>
#include <vector>

#include "tests/host/api/fixture.h"

namespace pirn::api {
namespace {

TEST(DeadLetters, OfATenantWithoutAnyAreNone) {
  TestHost host;
  host.make_tenant("red");
  const Answer list = host.local("GET", "/v1/dead-letters?tenant=red");
  EXPECT_EQ(list.status, 200);
  EXPECT_EQ(list.body, R"({"dead_letters":[],"cursor":null})");
  EXPECT_EQ(host.local("GET", "/v1/breakers?tenant=red").body, R"({"breakers":[]})");
  EXPECT_EQ(host.local("POST", "/v1/dead-letters/retry?tenant=red", "{}").body,
            R"({"retried":[],"refused":[]})");
  EXPECT_EQ(host.local("POST", "/v1/dead-letters/prune?tenant=red", R"({"before":"30d"})").body,
            R"({"pruned":0})");
}

TEST(DeadLetters, OfNobodyAreNotFound) {
  TestHost host;
  for (const auto& [method, path, body] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"GET", "/v1/dead-letters", ""},
           {"POST", "/v1/dead-letters/retry", "{}"},
           {"POST", "/v1/dead-letters/prune", R"({"before":"1d"})"},
           {"GET", "/v1/breakers", ""}})
    EXPECT_EQ(host.local(method, path + "?tenant=nobody", body).status, 404) << path;
}

TEST(DeadLetters, WhatIsNoLetterIsNotFound) {
  TestHost host;
  host.make_tenant("red");
  for (const std::string id : {"0000000020000", "0000000000000", "nonsense"}) {
    const std::string path = "/v1/dead-letters/" + id;
    for (const Answer& answer :
         {host.local("GET", path + "?tenant=red"), host.local("DELETE", path + "?tenant=red"),
          host.local("POST", path + "/retry?tenant=red", "{}")}) {
      EXPECT_EQ(answer.status, 404) << answer.body;
      EXPECT_NE(answer.body.find(id), std::string::npos) << answer.body;
    }
  }
  EXPECT_EQ(host.local("POST", "/v1/breakers/bank/reset?tenant=red", "{}").status, 404);
}

TEST(DeadLetters, BadQuestionsAreRefused) {
  TestHost host;
  host.make_tenant("red");
  for (const std::string query : {"cursor=x", "cursor=1.x", "cursor=x.0000000020000", "cursor=.", "limit=0",
                                  "limit=1001", "since=soon", "colour=red"})
    EXPECT_EQ(host.local("GET", "/v1/dead-letters?tenant=red&" + query).status, 400) << query;
  const auto refused = [&](const std::string& path, const std::string& body) {
    EXPECT_EQ(host.local("POST", path + "?tenant=red", body).status, 400) << path << " " << body;
  };
  for (const char* body : {"{}", R"({"before":"soon"})", R"({"before":1})", R"({"before":"1d","colour":1})"})
    refused("/v1/dead-letters/prune", body);
  for (const char* body : {R"({"limit":0})", R"({"on_active":1})", R"({"workflow":1})", "[]"})
    refused("/v1/dead-letters/retry", body);
  refused("/v1/dead-letters/0000000020000/retry", R"({"from":"a"})");
  refused("/v1/breakers/bank/reset", R"({"by":"me"})");
}

}  // namespace
}  // namespace pirn::api
