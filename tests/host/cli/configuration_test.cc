#include "host/cli/configuration.h"

#include <gtest/gtest.h>

namespace pirn::cli {
namespace {

HostOptions read(std::string_view text) {
  HostOptions options;
  const Status status = read_configuration(text, "pirn.toml", options);
  EXPECT_TRUE(status) << describe(status.error());
  return options;
}

// The problems, one line each: "line: message (hint)".
std::string problems(std::string_view text) {
  HostOptions options;
  const Status status = read_configuration(text, "pirn.toml", options);
  if (status) return "none";
  EXPECT_EQ(status.error().code, Code::config_invalid);
  std::string all;
  for (const Error& each : status.error().causes)
    all += std::to_string(each.where.line) + ": " + each.message +
           (each.hint.empty() ? "" : " (" + each.hint + ")") + "\n";
  return all;
}

TEST(Configuration, SaysWhatTheHostIsLike) {
  const HostOptions options = read(
      "listen = \"127.0.0.1:1\"\nallow_hosts = [\"a\", \"b\"]\nstore = \"sqlite://x.db\"\ndrain_timeout = "
      "\"5m\"\n");
  EXPECT_EQ(options.listen, "127.0.0.1:1");
  EXPECT_EQ(options.allow_hosts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(options.store, "sqlite://x.db");
  EXPECT_EQ(options.drain_timeout_ns, 300'000'000'000);
}

TEST(Configuration, LeavesWhatItDoesNotName) {
  const HostOptions options = read("");
  EXPECT_EQ(options.listen, "");
  EXPECT_EQ(options.drain_timeout_ns, HostOptions().drain_timeout_ns);
}

TEST(Configuration, ListsAllProblemsWithTheirLines) {
  EXPECT_EQ(
      problems("lisen = \"x\"\nstore = 7\ndrain_timeout = \"soon\"\n"),
      "1: unknown key 'lisen' in the configuration (Did you mean 'listen'?)\n"
      "2: 'store' must be a string\n"
      "3: 'drain_timeout' is 'soon', which is no duration (Write \"30s\", \"5m\", \"24h\" or \"30d\".)\n");
  EXPECT_NE(problems("listen = \n"), "none");
}

}  // namespace
}  // namespace pirn::cli
