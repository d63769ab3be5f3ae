// Pages: whatever a route's cursor, start or size of a page cannot be is 400, on every route that has one.
#include <gtest/gtest.h>

#include "host/api/route.h"
#include "tests/host/api/fixture.h"

namespace pirn::api {
namespace {

bool has(const Route& route, std::string_view parameter) {
  return (" " + std::string(route.query) + " ").find(" " + std::string(parameter) + " ") != std::string::npos;
}

// The path of a route with an execution, or whatever else it is about, in its place.
std::string filled(std::string path, const std::string& execution) {
  for (const auto& [hole, value] :
       std::map<std::string, std::string>{{"{id}", execution}, {"{workflow}", "none"}})
    if (const size_t at = path.find(hole); at != std::string::npos) path.replace(at, hole.size(), value);
  return path;
}

TEST(Cursors, ThatMakeNoSenseAre400OnEveryRoute) {
  TestHost host;
  host.make_tenant("red");
  const std::map<std::string, std::vector<std::string>> kBad = {
      {"cursor",
       {"",
        "zzz",
        "0",
        "-1",
        "%27",
        "0000000000000",
        "0000000001zzz",
        "zzzzzzzzzzzzz",
        "01hzy3q1w2e3r4t",
        "%31%00",
        "1.",
        ".0",
        "1.0000000000000",
        "-1.01hzy3q1w2e3r",
        "x.01hzy3q1w2e3r",
        "1.01hzy3q1w2e3r.1",
        "99999999999999999999.01hzy3q1w2e3r",
        "../x",
        "1%20",
        "%ff"}},
      {"after", {"", "-1", "x", "1.5", "0x1", "+1", "%201", "1%20", "9223372036854775808", "1e3", "%00"}},
      {"limit", {"", "0", "-1", "x", "1.5", "+1", "1001", "99999999999999999999", "1%20", "%ff"}},
      {"count", {"", "0", "-1", "x", "101"}},
      {"attempt", {"", "0", "-1", "x", "4294967296"}},
  };
  size_t routes_with_one = 0;
  for (const Route& route : routes())
    for (const auto& [parameter, values] : kBad) {
      if (!has(route, parameter)) continue;
      ++routes_with_one;
      for (const std::string& value : values) {
        const std::string target =
            filled(std::string(route.path), "0hzy3q1w2e3r4") + "?tenant=red&" + parameter + "=" + value;
        const Answer answer = host.local("GET", target);
        EXPECT_EQ(answer.status, 400) << target << " " << answer.body;
      }
    }
  EXPECT_GE(routes_with_one, 14u);
}

TEST(Cursors, OfAPageAreTakenAsTheyAre) {
  TestHost host;
  host.make_tenant("red");
  for (const char* target :
       {"/v1/executions?tenant=red&cursor=0hzy3q1w2e3r4&limit=1000",
        "/v1/dead-letters?tenant=red&cursor=1700000000000000000.0hzy3q1w2e3r4&limit=1",
        "/v1/audit?tenant=red&after=9223372036854775807", "/v1/events?tenant=red&after=0&limit=1000"})
    EXPECT_EQ(host.local("GET", target).status, 200) << target;
}

TEST(Cursors, OfAStreamAreIdsOfEvents) {
  TestHost host;
  host.make_tenant("red");
  for (const char* id : {"x", "-1", "1.", ".1", "1.2.3", "99999999999999999999", "1 2"})
    EXPECT_EQ(host.local("GET", "/v1/executions/0hzy3q1w2e3r4/stream?tenant=red", "", {{"Last-Event-ID", id}})
                  .status,
              400)
        << id;
}

TEST(Instants, BeyondWhatNanosecondsCountAre400) {
  TestHost host;
  host.make_tenant("red");
  for (const char* since : {"9999-01-01T00:00:00Z", "2263-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
                            "99999999999999999999", "soon", "2026-13-01T00:00:00Z", "-1h"})
    EXPECT_EQ(host.local("GET", std::string("/v1/executions?tenant=red&since=") + since).status, 400)
        << since;
}

}  // namespace
}  // namespace pirn::api
