// What the operator sees and says of the tenants' slots.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "tests/host/api/fixture.h"

namespace pirn::api {
namespace {

namespace bj = boost::json;

bj::object object_of(const Answer& answer) { return bj::parse(answer.body).as_object(); }

TEST(TenantSlots, AreSetShownAndChecked) {
  TestHost host;
  const TestHost::Headers json{{"Content-Type", "application/json"}};
  const Answer made =
      host.local("POST", "/v1/tenants",
                 R"({"name":"red","isolation":"in-process","weight":3,"max_running_steps":40})", json);
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(object_of(made).at("weight"), 3);
  EXPECT_EQ(object_of(made).at("max_running_steps"), 40);
  EXPECT_EQ(object_of(host.local("GET", "/v1/tenants/red")).at("share"), 40.0) << "its cap, and no more";

  EXPECT_EQ(host.local("POST", "/v1/tenants/red", R"({"max_running_steps":null})", json).status, 200);
  const bj::object red = object_of(host.local("GET", "/v1/tenants/red"));
  EXPECT_EQ(red.at("name"), "red");
  EXPECT_EQ(red.at("running_steps"), 0);
  EXPECT_EQ(red.at("waiting_steps"), 0);
  EXPECT_EQ(red.at("share"), 1792.0) << "alone it has all but the reserve";
  EXPECT_EQ(host.local("GET", "/v1/tenants/blue").status, 404);

  const auto edit = [&](const std::string& body) {
    return host.local("POST", "/v1/tenants/red", body, json);
  };
  EXPECT_EQ(object_of(edit(R"({"max_running_steps":null})")).at("max_running_steps"), nullptr);
  EXPECT_EQ(object_of(edit(R"({"weight":1000})")).at("weight"), 1000);
  for (const char* bad : {R"({"weight":0})", R"({"weight":1001})", R"({"weight":1.5})", R"({"weight":null})",
                          R"({"weight":"3"})", R"({"max_running_steps":0})", R"({"max_running_steps":-1})",
                          R"({"max_running_steps":1000001})", R"({"max_running_steps":"none"})", "{}"})
    EXPECT_EQ(edit(bad).status, 400) << bad;
  EXPECT_EQ(object_of(host.local("GET", "/v1/tenants/red")).at("weight"), 1000);

  const bj::array all = object_of(host.local("GET", "/v1/tenants")).at("tenants").as_array();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].at("weight"), 1000);
  EXPECT_EQ(all[0].at("running_steps"), 0);
}

TEST(TenantSlots, AreTheOperatorsBusiness) {
  TestHost host;
  host.make_tenant("red");
  const std::string key = host.make_key("red", "tenant-admin");
  EXPECT_EQ(
      host.tcp("POST", "/v1/tenants/red", key, R"({"weight":9})", {{"Content-Type", "application/json"}})
          .status,
      403);
  EXPECT_EQ(host.tcp("GET", "/v1/tenants/red", key).status, 403);
}

TEST(TenantSlots, AreInHealthStatusAndMetrics) {
  TestHost host;
  for (const char* path : {"/v1/health", "/v1/status"}) {
    const bj::object slots = object_of(host.local("GET", path)).at("slots").as_object();
    EXPECT_EQ(slots.at("total"), 2048);
    EXPECT_EQ(slots.at("in_use"), 0);
    EXPECT_EQ(slots.at("reserve"), 256);
    EXPECT_TRUE(slots.at("tenants").is_array());
  }
  EXPECT_EQ(object_of(host.local("GET", "/v1/health")).at("behind"), 0);
  EXPECT_NE(host.local("GET", "/metrics").body.find("\npirn_slots_reserve 256\n"), std::string::npos);
}

}  // namespace
}  // namespace pirn::api
