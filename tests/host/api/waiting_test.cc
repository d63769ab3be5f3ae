// What the API makes of a person's words before the engine hears them; the engine's tests have the rest.
#include <gtest/gtest.h>

#include "tests/host/api/fixture.h"

namespace pirn::api {
namespace {

const std::string kRun = "/v1/executions/0000000000001";

TEST(Waiting, WhatIsNotSaidRightIsRefusedByName) {
  TestHost host;
  host.make_tenant("red");
  const std::string admin = host.make_key("red", "tenant-admin");
  const auto said = [&](const std::string& verb, const std::string& body) {
    return host.tcp("POST", kRun + "/" + verb, admin, body, {{"Content-Type", "application/json"}});
  };
  EXPECT_EQ(said("resume", R"({"action":"retri"})").member("name"), "invalid_argument");
  EXPECT_NE(said("resume", R"({"action":"retri"})").body.find("retry"), std::string::npos) << "did you mean";
  EXPECT_EQ(said("resume", R"({"context":[1]})").status, 400);
  EXPECT_EQ(said("resume", R"({"step":"a","action":"retry","context":{"x":1}})").member("name"),
            "invalid_argument");
  EXPECT_EQ(said("resume", R"({"contxt":{}})").status, 400);
  EXPECT_EQ(said("approve", "{}").status, 400) << "without a step";
  EXPECT_EQ(said("signal", R"({"payload":{}})").status, 400) << "without a step";
  EXPECT_EQ(said("signal", R"({"step":"a","payload":7})").status, 400);
  EXPECT_EQ(said("signal", R"({"step":"a","context":{}})").status, 400);
  EXPECT_EQ(said("reject", R"({"step":7})").status, 400);
  EXPECT_EQ(said("pause", R"({"reason":1})").status, 400);
}

TEST(Waiting, WhatIsNotThereIsNotFound) {
  TestHost host;
  host.make_tenant("red");
  const std::string admin = host.make_key("red", "tenant-admin");
  for (const std::string verb : {"pause", "resume", "signal", "approve", "reject"}) {
    const std::string body = verb == "pause" || verb == "resume" ? "{}" : R"({"step":"a"})";
    for (const std::string& run : {kRun, std::string("/v1/executions/nonsense")}) {
      const Answer answer =
          host.tcp("POST", run + "/" + verb, admin, body, {{"Content-Type", "application/json"}});
      EXPECT_EQ(answer.status, 404) << verb << answer.body;
      EXPECT_EQ(answer.member("name"), "not_found");
    }
  }
  EXPECT_EQ(host.tcp("GET", "/v1/approvals", admin).body, R"({"approvals":[]})");
}

}  // namespace
}  // namespace pirn::api
