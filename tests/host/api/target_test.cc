#include "host/api/target.h"

#include <gtest/gtest.h>

#include "host/api/route.h"

namespace pirn::api {
namespace {

using Segments = std::vector<std::string>;

TEST(Target, IsSplitBeforeItIsDecoded) {
  const struct {
    const char* path;
    Segments segments;
  } kCases[] = {
      {"/", {""}},
      {"/v1/whoami", {"v1", "whoami"}},
      {"/v1%2fwhoami", {"v1/whoami"}},
      {"/v1/a%2Fb/c", {"v1", "a/b", "c"}},
      {"//v1//", {"", "v1", "", ""}},
      {"/%2e%2e/%2E", {"..", "."}},
      {"/a+b%20%C3%a4", {"a+b ä"}},
      {"/%2525", {"%25"}},
      {"*", {}},
      {"http://localhost/v1", {}},
  };
  for (const auto& each : kCases) {
    const auto segments = path_segments(each.path);
    ASSERT_TRUE(segments) << each.path;
    EXPECT_EQ(*segments, each.segments) << each.path;
  }
  for (const char* path : {"/%", "/%4", "/%zz", "/a/%00", "/%c0%af", "/%ff", "/\xff", "/%ed%a0%80", "/%1b",
                           "/a%0ab", "/%7f", "%zz"})
    EXPECT_EQ(path_segments(path).error().code, Code::malformed_request) << path;
}

TEST(Target, HasAQueryWithEachNameOnce) {
  EXPECT_EQ(*read_query("a=1&b=x+y%26&c&&d="), (Query{{"a", "1"}, {"b", "x y&"}, {"c", ""}, {"d", ""}}));
  EXPECT_TRUE(read_query("")->empty());
  const std::string longer = "a=1&b=blue7";
  EXPECT_EQ(*read_query(std::string_view(longer).substr(0, 10)), (Query{{"a", "1"}, {"b", "blue"}}))
      << "nothing behind the end is read";
  for (const char* query :
       {"a=%", "a=%0", "%zz=1", "a=%00", "a=%ff", "\xff=1", "a=1&a=1", "a=1&%61=2", "a=b c", "a=\"b\""})
    EXPECT_EQ(read_query(query).error().code, Code::malformed_request) << query;
}

TEST(Target, AnEncodedSlashIsPartOfItsParameter) {
  const Result<Match> found = match("GET", "/v1/packages/a%2fb/releases/1.0.0");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->params, (Segments{"a/b", "1.0.0"}));
  for (const char* path :
       {"/v1%2fwhoami", "/v1/whoami/", "//v1/whoami", "/v1//whoami", "/v1/packages/", "/v1/packages/.",
        "/v1/packages/..", "/v1/packages/%2e%2e", "/v1/packages/%2e", "/v1/packages//releases/1.0.0",
        "/v1/./whoami", "/v1/x/../whoami", "v1/whoami", "http://localhost/v1/whoami", "*"})
    EXPECT_EQ(match("GET", path).error().code, Code::route_not_found) << path;
  EXPECT_TRUE(match("GET", "/%76%31/who%61mi")) << "an escape that stands for a plain character";
  EXPECT_EQ(methods_of("/v1%2ftenants"), "");
  EXPECT_EQ(methods_of("/v1/tenants"), "GET, POST");
}

}  // namespace
}  // namespace pirn::api
