// rules.md names for each rule the tests that break with it. None may be missing, and each test must be one
// that runs.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace pirn {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

fs::path tests_folder() { return fs::path(PIRN_SOURCE_DIRECTORY) / "tests"; }

// "Suite.Name" of every test in the sources that is not disabled.
std::set<std::string> all_tests() {
  static const std::regex test(
      R"((?:^|\n)(?:TEST|TEST_F|TEST_P|TYPED_TEST|RC_GTEST_PROP)\(\s*(\w+),\s*(\w+))");
  std::set<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(tests_folder())) {
    if (entry.path().extension() != ".cc") continue;
    const std::string text = text_of(entry.path());
    for (std::sregex_iterator at(text.begin(), text.end(), test), end; at != end; ++at)
      if (at->str(2).rfind("DISABLED_", 0) != 0) out.insert(at->str(1) + "." + at->str(2));
  }
  return out;
}

// What stands in the table: the rule, and the tests that it names.
std::map<std::string, std::vector<std::string>> table() {
  static const std::regex row(R"(\| ([RPC]\d+) \| [^|]+ \| ([^|]+) \|)"), name(R"(`([\w.]+)`)");
  std::map<std::string, std::vector<std::string>> out;
  std::istringstream lines(text_of(tests_folder() / "host/rules/rules.md"));
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, row)) continue;
    EXPECT_FALSE(out.contains(match.str(1))) << match.str(1) << " stands twice";
    std::vector<std::string>& tests = out[match.str(1)];
    const std::string cell = match.str(2);
    for (std::sregex_iterator at(cell.begin(), cell.end(), name), end; at != end; ++at)
      tests.push_back(at->str(1));
  }
  return out;
}

TEST(Rules, NoneIsMissing) {
  const auto rules = table();
  const std::map<char, int> counts = {{'R', 72}, {'P', 15}, {'C', 25}};
  for (const auto& [letter, count] : counts)
    for (int number = 1; number <= count; ++number) {
      const std::string rule = letter + std::to_string(number);
      const auto found = rules.find(rule);
      ASSERT_NE(found, rules.end()) << rule << " is missing";
      EXPECT_FALSE(found->second.empty()) << rule << " names no test";
    }
}

TEST(Rules, NameTestsThatAreThere) {
  const std::set<std::string> tests = all_tests();
  ASSERT_GT(tests.size(), 500u);
  for (const auto& [rule, named] : table())
    for (const std::string& test : named) EXPECT_TRUE(tests.contains(test)) << rule << " names " << test;
}

}  // namespace
}  // namespace pirn
