#include "packager/pack/package_toml.h"

#include <gtest/gtest.h>

#include <set>

namespace pirn::pack {
namespace {

TEST(PackageToml, PublisherIsEnough) {
  const auto read = parse_package_toml("publisher = \"acme\"\n", "package.toml");
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(read->publisher, "acme");
  EXPECT_EQ(read->audience, std::vector<std::string>{"*"});
  EXPECT_FALSE(read->permissions.any());
  EXPECT_FALSE(read->serial);
}

TEST(PackageToml, ReadsEveryKey) {
  const auto read = parse_package_toml(R"(
publisher = "acme"
audience = ["beta", "alpha"]
description = "Daily report"
authors = ["Ada <ada@example.org>", "Bob"]
licence = "Apache-2.0"
readme = "README.md"
serial = 42
not_after = 2027-12-31T01:00:00+01:00
library = "prebuilt/libx.so"
files = ["assets", "schema.json"]
[libraries]
linux-riscv64 = "prebuilt/other.so"
[permissions]
network = true
exec = true
env = ["TZ", "HOME"]
filesystem = [{path = "/srv/out", mode = "write"}, {path = "/srv/data", mode = "read"}]
)",
                                       "package.toml");
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(read->audience, (std::vector<std::string>{"alpha", "beta"}));
  EXPECT_EQ(read->author, "Ada <ada@example.org>, Bob");
  EXPECT_EQ(read->serial, 42);
  EXPECT_EQ(read->not_after_unix_s, 1'830'211'200);  // 2027-12-31T00:00:00Z
  EXPECT_EQ(read->files.size(), 2u);
  EXPECT_EQ(read->libraries.at("linux-riscv64"), "prebuilt/other.so");
  EXPECT_EQ(read->permissions.env, (std::vector<std::string>{"HOME", "TZ"}));
  ASSERT_EQ(read->permissions.filesystem.size(), 2u);
  EXPECT_EQ(read->permissions.filesystem[0].path, "/srv/data");
  EXPECT_TRUE(read->permissions.filesystem[1].write);
}

TEST(PackageToml, NamesAllProblemsWithPlaceAndSuggestion) {
  const auto read = parse_package_toml(
      "publsher = \"acme\"\n"
      "serial = \"one\"\n"
      "[permissions]\n"
      "  netwrok = true\n",
      "package.toml");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::package_toml_invalid);
  const auto& causes = read.error().causes;
  ASSERT_EQ(causes.size(), 4u) << describe(read.error());
  const auto cause = [&](std::string_view part) {
    for (const Error& error : causes)
      if (error.message.find(part) != std::string::npos) return error;
    return Error{};
  };
  EXPECT_EQ(cause("publsher").where.line, 1u);
  EXPECT_EQ(cause("publsher").where.column, 1u);
  EXPECT_EQ(cause("publsher").hint, "Did you mean 'publisher'?");
  EXPECT_EQ(cause("serial").where.line, 2u);
  EXPECT_EQ(cause("netwrok").where.line, 4u);
  EXPECT_EQ(cause("netwrok").where.column, 3u);
  EXPECT_EQ(cause("netwrok").where.text, "  netwrok = true");
  EXPECT_EQ(cause("netwrok").hint, "Did you mean 'network'?");
  EXPECT_FALSE(cause("'publisher' is missing").message.empty());
}

TEST(PackageToml, SyntaxErrorsHaveAPlace) {
  const auto read = parse_package_toml("publisher = \"acme\"\nserial = \n", "package.toml");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().causes.at(0).where.line, 2u);
}

TEST(PackageToml, ResourcesAreWhatAHostMustHave) {
  const auto read =
      parse_package_toml("publisher = \"acme\"\n[resources]\ngpu = 1\nlicence = 5\n", "package.toml");
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(read->resources, (std::map<std::string, int64_t>{{"gpu", 1}, {"licence", 5}}));
  const auto bad = parse_package_toml(
      "publisher = \"acme\"\n[resources]\nGPU = 1\ncpu = 0.5\nlicence = 0\nbeam = \"one\"\n", "package.toml");
  ASSERT_FALSE(bad);
  ASSERT_EQ(bad.error().causes.size(), 4u) << describe(bad.error());
  std::set<uint32_t> lines;
  for (const Error& cause : bad.error().causes) lines.insert(cause.where.line);
  EXPECT_EQ(lines, (std::set<uint32_t>{3, 4, 5, 6}));
}

TEST(PackageToml, RequiresMapsPackagesToRanges) {
  const auto read = parse_package_toml(
      "publisher = \"acme\"\n[requires]\npayments = \"^2.1\"\ntax = \">=1 <3\"\n", "package.toml");
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(read->dependencies,
            (std::map<std::string, std::string>{{"payments", "^2.1"}, {"tax", ">=1 <3"}}));
  const auto bad = parse_package_toml(
      "publisher = \"acme\"\n[requires]\nPayments = \"*\"\ntax = 3\nfx = \"newest\"\n", "package.toml");
  ASSERT_FALSE(bad);
  ASSERT_EQ(bad.error().causes.size(), 3u) << describe(bad.error());
  std::set<uint32_t> lines;
  for (const Error& cause : bad.error().causes) lines.insert(cause.where.line);
  EXPECT_EQ(lines, (std::set<uint32_t>{3, 4, 5}));
}

TEST(PackageToml, RefusesBadValues) {
  for (const char* line : {"audience = []",
                           "audience = [\"*\", \"alpha\"]",
                           "audience = [\"Alpha\"]",
                           "audience = \"alpha\"",
                           "audience = [\"a\", \"a\"]",
                           "serial = -1",
                           "serial = 1.5",
                           "not_after = 2027-12-31",
                           "not_after = \"soon\"",
                           "files = [1]",
                           "description = 3",
                           "permissions = 1",
                           "resources = 1",
                           "permissions = {network = \"yes\"}",
                           "permissions = {filesystem = [{path = \"relative\", mode = \"read\"}]}",
                           "permissions = {filesystem = [{path = \"/a\", mode = \"rw\"}]}",
                           "permissions = {filesystem = [\"/a\"]}",
                           "permissions = {env = [\"A\", \"A\"]}",
                           "libraries = {linux-riscv64 = 1}",
                           "publisher = \"acme\""}) {
    const auto read = parse_package_toml("publisher = \"acme\"\n" + std::string(line) + "\n", "package.toml");
    ASSERT_FALSE(read) << line;
    EXPECT_EQ(read.error().causes.size(), 1u) << describe(read.error());
    EXPECT_EQ(read.error().causes[0].where.line, 2u) << line;
  }
}

TEST(PackageToml, TheLibraryOfThisPlatformHasOneName) {
  const auto read = parse_package_toml(
      "publisher = \"acme\"\nlibraries = {" + std::string(archive::host_platform()) + " = \"x.so\"}\n",
      "package.toml");
  ASSERT_FALSE(read);
}

}  // namespace
}  // namespace pirn::pack
