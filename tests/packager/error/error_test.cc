#include "packager/error/error.h"

#include <gtest/gtest.h>

#include <set>

namespace pirn {
namespace {

TEST(Catalogue, NumbersAndNamesAreUnique) {
  std::set<std::string> numbers;
  std::set<std::string_view> names;
  for (const CatalogueEntry& entry : catalogue()) {
    EXPECT_TRUE(numbers.insert(code_number(entry.code)).second) << entry.name;
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    EXPECT_FALSE(entry.title.empty()) << entry.name;
    EXPECT_FALSE(entry.fix.empty()) << entry.name;
    EXPECT_TRUE(entry.http_status >= 400 && entry.http_status < 600) << entry.name;
    EXPECT_TRUE(entry.exit_code >= 1 && entry.exit_code <= 8) << entry.name;
  }
}

TEST(Catalogue, IsFoundByNameAndByNumber) {
  EXPECT_EQ(find_catalogue_entry("not_found")->code, Code::not_found);
  EXPECT_EQ(find_catalogue_entry("PIRN0102")->code, Code::not_found);
  EXPECT_EQ(find_catalogue_entry("PIRN9999"), nullptr);
}

TEST(Describe, ShowsThePlaceTheLineAndTheHint) {
  Error error{Code::not_found, "there is no step 'claen'", "did you mean 'clean'?"};
  error.where = {"workflow.json", 7, 12, "  \"after\": [\"claen\"]"};
  EXPECT_EQ(describe(error),
            "error PIRN0102 (not_found): there is no step 'claen'\n"
            "  at workflow.json:7:12\n"
            "  7 |   \"after\": [\"claen\"]\n"
            "    |            ^\n"
            "  hint: did you mean 'clean'?");
}

TEST(Describe, ListsEveryCause) {
  Error error{Code::invalid_argument, "two problems"};
  error.causes.push_back({Code::not_found, "first", "a"});
  error.causes.push_back({Code::conflict, "second", "b"});
  const std::string text = describe(error);
  EXPECT_NE(text.find("first"), std::string::npos);
  EXPECT_NE(text.find("second"), std::string::npos);
}

Result<int> half(int number) {
  if (number % 2) return Error{Code::invalid_argument, "odd"};
  return number / 2;
}
Result<int> quarter(int number) {
  PIRN_TRY(const int first, half(number));
  PIRN_TRY(const int second, half(first));
  return second;
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_FALSE(quarter(6));
  EXPECT_EQ(quarter(6).error().message, "odd");
}

TEST(Nearest, SuggestsOnlyWhatIsNear) {
  EXPECT_EQ(nearest("claen", {"clean", "load"}), "clean");
  EXPECT_EQ(nearest("timout", {"timeout", "retries"}), "timeout");
  EXPECT_EQ(nearest("zebra", {"clean", "load"}), "");
}

TEST(Nearest, ComparesNoWordBeyond63Bytes) {
  const std::string longest(63, 'a'), almost = longest.substr(1) + "b";
  EXPECT_EQ(nearest(almost, {"x", longest}), longest);
  EXPECT_EQ(nearest(longest + "a", {longest}), "") << "a word of 64 bytes";
  EXPECT_EQ(nearest(longest, {longest + "a"}), "") << "a candidate of 64 bytes";
  const std::string huge(500'000, 'a');
  EXPECT_EQ(nearest(huge, {huge, longest}), "");
  EXPECT_EQ(nearest(longest, std::vector<std::string>(1'000, huge)), "");
}

TEST(Nearest, ComparesNoMoreCandidatesThanItIsTold) {
  std::vector<std::string> candidates(10, "clzzz");
  candidates.push_back("clean");
  EXPECT_EQ(nearest("claen", candidates, 11), "clean");
  EXPECT_EQ(nearest("claen", candidates, 10), "");
  candidates.assign(5'000, "nothing like it");
  candidates.push_back("clean");
  EXPECT_EQ(nearest("claen", candidates), "clean") << "what is too long or too short costs nothing";
  candidates.assign(5'000, "zzzzz");
  candidates.push_back("clean");
  EXPECT_EQ(nearest("claen", candidates), "");
}

TEST(Nearest, TakesTheNearestOfSeveral) {
  EXPECT_EQ(nearest("workflow", {"workflows", "work", "workfolw"}), "workflows");
  EXPECT_EQ(nearest("abcdef", {"abcxyz", "abcdxf", "abcdef"}), "abcdef");
  EXPECT_EQ(nearest("", {"a"}), "");
}

}  // namespace
}  // namespace pirn
