// rules.md names for each rule the tests that break with it. It has a row for each rule of semantics.md and
// for each limit of the API, and no other; and each test must be one that runs.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
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

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) {
    const size_t begin = cell.find_first_not_of(' '), end = cell.find_last_not_of(' ');
    cells.push_back(begin == std::string::npos ? "" : cell.substr(begin, end - begin + 1));
  }
  return cells;
}

// The first cells of the table below a heading, down to the next heading.
std::vector<std::string> listed(const fs::path& page, const std::string& heading) {
  std::vector<std::string> out;
  std::istringstream lines(text_of(page));
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) inside = line == heading;
    if (!inside || !line.starts_with("| ") || line.starts_with("| |")) continue;
    out.push_back(cells_of(line).front());
  }
  return out;
}

// What is in the tables of rules.md: the rule, and the tests that it names.
std::map<std::string, std::vector<std::string>> table() {
  static const std::regex name(R"(`([\w.]+)`)");
  std::map<std::string, std::vector<std::string>> out;
  std::istringstream lines(text_of(tests_folder() / "host/rules/rules.md"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| ") || line.starts_with("| |")) continue;
    const std::vector<std::string> cells = cells_of(line);
    EXPECT_EQ(cells.size(), 3u) << line;
    EXPECT_FALSE(out.contains(cells.front())) << cells.front() << " has two rows";
    std::vector<std::string>& tests = out[cells.front()];
    for (std::sregex_iterator at(cells.back().begin(), cells.back().end(), name), end; at != end; ++at)
      tests.push_back(at->str(1));
  }
  return out;
}

std::set<std::string> rows_that(const std::function<bool(const std::string&)>& belongs) {
  std::set<std::string> out;
  for (const auto& [rule, tests] : table())
    if (belongs(rule)) out.insert(rule);
  return out;
}

bool is_numbered(const std::string& rule, char letter) {
  return rule.size() > 1 && rule.front() == letter &&
         rule.find_first_not_of("0123456789", 1) == std::string::npos;
}

// Each rule of semantics.md has a row, and each row its rule.
TEST(Rules, AreThoseOfTheSemantics) {
  const fs::path page = fs::path(PIRN_SOURCE_DIRECTORY) / "docs/semantics.md";
  const std::vector<std::string> rules = listed(page, "## 1. Rules");
  const std::set<std::string> known(rules.begin(), rules.end());
  ASSERT_GT(known.size(), 50u);
  EXPECT_EQ(known.size(), rules.size()) << "a rule is there twice";
  for (const std::string& rule : known) EXPECT_TRUE(is_numbered(rule, 'R')) << rule;
  EXPECT_EQ(rows_that([](const std::string& rule) { return is_numbered(rule, 'R'); }), known);
}

TEST(Rules, AreThoseOfTheLimitsOfTheApi) {
  const fs::path page = fs::path(PIRN_SOURCE_DIRECTORY) / "docs/reference/http-api.md";
  std::vector<std::string> limits = listed(page, "## Requests");
  ASSERT_FALSE(limits.empty());
  EXPECT_EQ(limits.front(), "what");
  limits.erase(limits.begin(), limits.begin() + 1);
  EXPECT_EQ(rows_that([](const std::string& rule) {
              return !is_numbered(rule, 'R') && !is_numbered(rule, 'P') && !is_numbered(rule, 'C');
            }),
            std::set<std::string>(limits.begin(), limits.end()));
}

TEST(Rules, OfPropertiesAndOfWhatIsForgottenAreCountedWithoutAGap) {
  for (const char letter : {'P', 'C'}) {
    const auto rows = rows_that([&](const std::string& rule) { return is_numbered(rule, letter); });
    ASSERT_FALSE(rows.empty());
    for (size_t number = 1; number <= rows.size(); ++number)
      EXPECT_TRUE(rows.contains(letter + std::to_string(number))) << letter << number << " is missing";
  }
}

TEST(Rules, NameTests) {
  for (const auto& [rule, tests] : table()) EXPECT_FALSE(tests.empty()) << rule << " names no test";
}

TEST(Rules, NameTestsThatAreThere) {
  const std::set<std::string> tests = all_tests();
  ASSERT_GT(tests.size(), 500u);
  for (const auto& [rule, named] : table())
    for (const std::string& test : named) EXPECT_TRUE(tests.contains(test)) << rule << " names " << test;
}

}  // namespace
}  // namespace pirn
