// The server against requests that are no good.
#include <gtest/gtest.h>

#include "host/api/exchange.h"
#include "tests/host/api/fixture.h"

namespace pirn::api {
namespace {

std::string status_of(const std::string& answer) { return answer.size() < 12 ? answer : answer.substr(9, 3); }

TEST(Server, RefusesWhatIsNoHttp) {
  TestHost host;
  for (const std::string& bytes :
       {std::string("nonsense\r\n\r\n"), std::string("GET\r\n\r\n"), std::string("GET / HTTP/9.9\r\n\r\n"),
        std::string("GET /livez HTTP/1.1\r\nbroken header\r\n\r\n"), std::string("\0\0\0\0\r\n\r\n", 8)}) {
    const std::string answer = host.raw(bytes);
    EXPECT_EQ(status_of(answer), "400") << answer;
    EXPECT_NE(answer.find("malformed_request"), std::string::npos) << answer;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  }
  EXPECT_EQ(host.local("GET", "/livez").status, 200) << "the service goes on";
}

TEST(Server, RefusesLargeHeaders) {
  TestHost host;
  EXPECT_EQ(status_of(host.raw("GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(20'000, 'a') +
                               "\r\n\r\n")),
            "431");
  EXPECT_EQ(status_of(host.raw("GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n")),
            "431");
}

TEST(Server, RefusesBeforeItReadsTheBody) {
  TestHost host;
  host.make_tenant("red");
  const std::string key = host.make_key("red", "tenant-admin"), viewer = host.make_key("red", "viewer");
  const auto head = [](const std::string& path, const std::string& token, const std::string& more) {
    return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" +
           (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") + more + "\r\n";
  };
  // Not one byte of a body is sent, and the answer comes all the same.
  EXPECT_EQ(status_of(host.raw(head("/v1/packages", "", "Content-Length: 1000000\r\n"))), "401");
  EXPECT_EQ(status_of(host.raw(head("/v1/packages", viewer, "Content-Length: 1000000\r\n"))), "403");
  EXPECT_EQ(status_of(host.raw(head("/v1/packages", key, "Content-Length: 999999999999\r\n"))), "413");
  EXPECT_EQ(status_of(host.raw(head("/v1/packages", key, "Transfer-Encoding: chunked\r\n"))), "411");
  EXPECT_EQ(status_of(host.raw(head("/v1/executions", key, "Content-Length: 2000000\r\n"))), "413");
  EXPECT_EQ(
      status_of(host.raw(head("/v1/executions", key, "Content-Type: text/html\r\nContent-Length: 5\r\n"))),
      "415");
  EXPECT_EQ(status_of(host.raw(head(
                "/v1/packages", key,
                "Expect: 100-continue\r\nContent-Type: application/octet-stream\r\nContent-Length: 10\r\n"))),
            "100");
}

TEST(Server, ChecksTheNamesOfTheRequest) {
  TestHost host;
  EXPECT_EQ(status_of(host.raw("GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n")), "421");
  EXPECT_EQ(status_of(host.raw("GET /livez HTTP/1.1\r\n\r\n")), "421");
  EXPECT_EQ(status_of(host.raw("GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")),
            "400");
  EXPECT_EQ(
      status_of(host.raw("GET /livez HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n")),
      "403");
  EXPECT_EQ(
      status_of(host.raw("GET /v1/whoami HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic eA==\r\n\r\n")),
      "401");
}

TEST(Server, ClosesOnClientsThatStall) {
  TestHost host([](HostOptions& options) {
    options.clients.header_ms = options.clients.idle_ms = options.clients.transfer_ms = 200;
    options.clients.stranger_ms = 200;
  });
  host.make_tenant("red");
  const std::string key = host.make_key("red", "tenant-admin");
  // However steadily it drips: the time is that of the whole header, and of the whole body.
  EXPECT_EQ(host.stall("G", 'E'), "");
  EXPECT_EQ(host.stall("GET /livez HTTP/1.1\r\nX: ", 'a'), "");
  const std::string late =
      host.stall("POST /v1/executions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key +
                     "\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n{",
                 ' ');
  EXPECT_EQ(status_of(late), "408") << late;
  EXPECT_NE(late.find("\"name\":\"request_timeout\""), std::string::npos) << late;
  EXPECT_NE(late.find("\r\nConnection: close\r\n"), std::string::npos) << late;
  // Between requests as well; the first one was answered.
  EXPECT_EQ(status_of(host.stall("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nG", 'E')), "200");
  EXPECT_EQ(host.local("GET", "/livez").status, 200) << "the service goes on";
}

TEST(Server, NamesTheMethodsThatAPathHas) {
  TestHost host;
  const std::string answer = host.raw("BREW /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(status_of(answer), "401") << "a stranger learns nothing of the routes";
  const std::string key = host.make_key("", "operator");
  const std::string known =
      host.raw("DELETE /v1/tenants HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key + "\r\n\r\n");
  EXPECT_EQ(status_of(known), "405");
  EXPECT_NE(known.find("\r\nAllow: GET, POST\r\n"), std::string::npos) << known;
}

TEST(Server, TakesABodyOfTheRoutesTypeOnly) {
  TestHost host;
  const auto post = [&](const std::string& type) {
    return host.local("POST", "/v1/tenants", R"({"name":7})", {{"Content-Type", type}}).status;
  };
  for (const char* type : {"application/json", "Application/JSON", "application/json; charset=utf-8"})
    EXPECT_EQ(post(type), 400) << type;
  for (const char* type :
       {"application/jsonx", "text/plain", "application/octet-stream", "multipart/form-data"})
    EXPECT_EQ(post(type), 415) << type;
  const std::string key = host.make_key("", "operator");
  EXPECT_EQ(status_of(host.raw("POST /v1/tenants HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
                               key + "\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")),
            "415");
}

TEST(Server, AllowsAHostNameHoweverItIsWritten) {
  TestHost host([](HostOptions& options) { options.allow_hosts = {"Pirn.Example"}; });
  EXPECT_EQ(status_of(host.raw("GET /livez HTTP/1.1\r\nHost: pirn.example:80\r\n\r\n")), "200");
  EXPECT_EQ(status_of(host.raw("GET /livez HTTP/1.1\r\nHost: PIRN.example\r\n\r\n")), "200");
}

TEST(Server, AnswersInUtf8WhateverItWasSent) {
  TestHost host;
  host.make_tenant("red");
  EXPECT_EQ(host.local("GET", "/v1/packages/%ff%fe?tenant=red").member("name"), "malformed_request");
  const Answer bytes = host.local("GET", "/v1/packages?tenant=red", "", {{"Origin", "a\xff"}});
  EXPECT_EQ(bytes.status, 400) << bytes.body;
  const Response repaired = problem(Error{Code::invalid_argument, "Zo\xC3\xAB \xFF\xE2\x80 \xE2\x9C\x93"});
  EXPECT_NE(repaired.body.find("Zo\xC3\xAB \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD \xE2\x9C\x93"),
            std::string::npos)
      << "only the bytes that are not UTF-8 change: " << repaired.body;
  const Answer body = host.local("POST", "/v1/executions?tenant=red", "{\"workflow\":\"\xff\"}");
  EXPECT_EQ(body.status, 400);
  EXPECT_EQ(body.member("name"), "malformed_json") << body.body;
}

TEST(Server, AnswersRequestsOfOneConnectionInOrder) {
  TestHost host;
  const std::string answers = host.raw(
      "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "GET /nothing-here HTTP/1.1\r\nHost: localhost\r\n\r\n",
      2);
  EXPECT_LT(answers.find(" 200 "), answers.find(" 401 "));
  EXPECT_NE(answers.find(" 401 "), std::string::npos) << answers;
}

TEST(Server, AnswersHeadWithoutABody) {
  TestHost host;
  const std::string answer =
      host.raw("HEAD /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 2);
  EXPECT_EQ(status_of(answer), "200");
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST(Server, RefusesWhatARouteDoesNotKnow) {
  TestHost host;
  host.make_tenant("red");
  EXPECT_EQ(host.local("GET", "/v1/executions?tenant=red&sate=failed").status, 400);
  EXPECT_EQ(host.local("GET", "/v1/executions?tenant=red&limit=0").status, 400);
  EXPECT_EQ(host.local("GET", "/v1/executions?tenant=red&limit=5&limit=6").status, 400);
  EXPECT_EQ(host.local("GET", "/v1/executions?tenant=red&state=fialed").status, 400);
  EXPECT_EQ(host.local("POST", "/v1/tenants", R"({"name":"x","isolation":"in-process","colour":1})").status,
            400);
  EXPECT_EQ(host.local("POST", "/v1/tenants", R"({"name":7})").status, 400);
  EXPECT_EQ(host.local("POST", "/v1/tenants", R"([])").status, 400);
  EXPECT_EQ(host.local("POST", "/v1/tenants", std::string(2000, '[')).status, 400);
  EXPECT_EQ(
      host.local("POST", "/v1/keys?tenant=red", R"({"role":"viewer","expires_in":"soon"})").status / 100, 4);
  EXPECT_EQ(host.local("DELETE", "/v1/trust/xyz?tenant=red").status, 400);
}

TEST(Server, LimitsWhatABodyMayHold) {
  TestHost host;
  host.make_tenant("red");
  const auto start = [&](const std::string& body) {
    return host.local("POST", "/v1/executions?tenant=red", body);
  };
  const Answer huge = start(R"({"workflow":")" + std::string(500'000, 'x') + R"("})");
  EXPECT_EQ(huge.status, 413);
  EXPECT_EQ(huge.member("detail"), "'workflow' has 500000 bytes; the limit is 4096");
  EXPECT_EQ(start(R"({"workflow":")" + std::string(4096, 'x') + R"("})").member("name"), "bad_name")
      << "short enough for a text, and too long for a name";
  const Answer member = start(R"({")" + std::string(500'000, 'x') + R"(":1})");
  EXPECT_EQ(member.status, 400) << "and no suggestion, which would take minutes";
  const auto keys = [](size_t n) {
    std::string object = "{";
    for (size_t i = 0; i < n; ++i) object += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
    return object + "}";
  };
  EXPECT_EQ(start(R"({"workflow":"w","input":)" + keys(10'000) + "}").status, 404);
  const Answer wide = start(R"({"workflow":"w","input":)" + keys(10'001) + "}");
  EXPECT_EQ(wide.status, 413);
  EXPECT_EQ(wide.member("detail"), "'input' has 10001 keys; the limit is 10000");
  EXPECT_EQ(
      host.local("POST", "/v1/events?tenant=red", R"({"event":"e","payload":)" + keys(10'001) + "}").status,
      413);
}

TEST(Server, ShowsWhoWaitsAndWhatWasRefused) {
  TestHost host;
  const Answer metrics = host.local("GET", "/metrics");
  for (const char* line :
       {"pirn_pool_jobs_waiting{lane=\"deployments\"} 0\n", "pirn_requests_under_way 1\n",
        "pirn_requests_refused_total 0\n", "pirn_pool_jobs_refused_total{lane=\"refusals\"} 0\n",
        "pirn_connections{kind=\"local\"} ", "pirn_connections{kind=\"known\"} 0\n",
        "pirn_connections{kind=\"stranger\"} 0\n", "pirn_connections_closed_for_room_total 0\n",
        "pirn_connections_refused_total 0\n"})
    EXPECT_NE(metrics.body.find(line), std::string::npos) << line << metrics.body;
  EXPECT_NE(host.local("GET", "/v1/health").body.find("requests under way"), std::string::npos);
  const auto idle = host.hold("");
  std::string health;
  for (int i = 0; i < 1000 && health.find("and 1 without") == std::string::npos; ++i)
    health = host.local("GET", "/v1/health").body;
  EXPECT_NE(
      health.find(" of the Unix socket, 0 of TCP with a key and 1 without; 0 closed to make room, 0 refused"),
      std::string::npos)
      << health;
}

}  // namespace
}  // namespace pirn::api
