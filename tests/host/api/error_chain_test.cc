#include "host/api/error_chain.h"

#include <gtest/gtest.h>

#include "packager/json/json.h"

namespace pirn::api {
namespace {

boost::json::object chain_of(const char* error) {
  return with_causes(parse_json(error, "an error")->as_object());
}
// "charge_failed < http_error < -"
std::string codes_of(const boost::json::object& error) {
  const boost::json::value* code = error.if_contains("code");
  const std::string text = code ? std::string(code->as_string()) : "-";
  const boost::json::value& cause = error.at("cause");
  return cause.is_null() ? text : text + " < " + codes_of(cause.as_object());
}

TEST(ErrorChain, HasTheCausesThatTheSdkWrote) {
  const auto error = chain_of(R"({"code":"a","message":"1","details":{"k":1,"causes":[
    {"code":"b","message":"2","class":"transient","details":{"status":503}},{"message":"3"}]}})");
  EXPECT_EQ(codes_of(error), "a < b < -");
  EXPECT_EQ(error.at("cause").at("details").at("status").as_int64(), 503);
}

TEST(ErrorChain, HasWhatEndedANestedWorkflow) {
  EXPECT_EQ(
      codes_of(chain_of(R"({"code":"nested_workflow_failed","message":"1","details":{"workflow":"w","error":
    {"code":"a","message":"2","details":{"causes":[{"code":"b","message":"3"}]}}}})")),
      "nested_workflow_failed < a < b");
}

TEST(ErrorChain, IsTheErrorAloneWhenDetailsAreSomethingElse) {
  for (const char* details :
       {"7", "null", "[1]", "{}", R"({"causes":3})", R"({"causes":["b",{"message":1}]})", R"({"error":"b"})"})
    EXPECT_EQ(
        codes_of(chain_of((R"({"code":"a","message":"1","details":)" + std::string(details) + "}").c_str())),
        "a")
        << details;
  const auto error = chain_of(R"({"code":"a","message":"1"})");
  EXPECT_TRUE(error.at("details").is_null());
  EXPECT_TRUE(error.at("cause").is_null());
}

}  // namespace
}  // namespace pirn::api
