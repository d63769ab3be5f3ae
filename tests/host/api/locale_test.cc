// What the API answers does not depend on the locale of the process.
#include <gtest/gtest.h>

#include <regex>

#include "tests/host/api/teller.h"
#include "tests/hostile_locale.h"

namespace pirn::api {
namespace {

// A number with a comma or grouped digits in JSON: 3,535 or 1.234.567 after a colon.
bool has_local_number(const std::string& body) {
  static const std::regex local(R"re(:\s*-?[0-9]+(,[0-9]|\.[0-9]+\.[0-9]))re");
  return std::regex_search(body, local);
}

TEST(Locale, TheApiAnswersTheSameInEveryOne) {
  const Teller teller;
  TestHost host([](HostOptions& options) { options.metrics.push_back({"told", "", {}, {"tenant"}, true}); });
  teller.deploy(host, "red");
  const std::string id = start(host, "red");
  const auto get = [&](const std::string& path) { return host.local("GET", path + "?tenant=red").body; };
  const std::string path = "/v1/executions/" + id;
  get(path + "/stream");  // until the execution ends
  const std::string execution = get(path), events = get(path + "/events"), logs = get(path + "/logs"),
                    packages = get("/v1/packages");
  const HostileLocale hostile;
  EXPECT_EQ(get(path), execution);
  EXPECT_NE(execution.find("\"duration_ms\":"), std::string::npos) << execution;
  EXPECT_EQ(get(path + "/events"), events);
  EXPECT_EQ(get(path + "/logs"), logs);
  EXPECT_EQ(get("/v1/packages"), packages);
  for (const std::string& of :
       {path + "/metrics", path + "/report", path + "/graph", path + "/checkpoints",
        std::string("/v1/workflows"), std::string("/v1/executions"), std::string("/v1/dashboard")})
    EXPECT_FALSE(has_local_number(get(of))) << of << get(of);
  for (const char* of : {"/v1/health", "/v1/store", "/v1/status"})
    EXPECT_FALSE(has_local_number(host.local("GET", of).body)) << of;
  const std::string meters = host.local("GET", "/metrics").body;
  EXPECT_NE(meters.find("pirn_custom_told_seconds_total"), std::string::npos) << meters;
  EXPECT_FALSE(std::regex_search(meters, std::regex("[0-9],[0-9]"))) << meters;
  // What it reads is as independent as what it writes: fractions in a body, instants in a query.
  const Answer started = host.local("POST", "/v1/executions?tenant=red",
                                    R"({"workflow":"story","input":{"amount":1234.5,"many":1234567}})");
  EXPECT_EQ(started.status, 201) << started.body;
  EXPECT_NE(get("/v1/executions/" + started.member("id")).find("1234.5"), std::string::npos);
  EXPECT_NE(get("/v1/executions/" + started.member("id")).find("1234567"), std::string::npos);
}

}  // namespace
}  // namespace pirn::api
