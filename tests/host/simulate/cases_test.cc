// The cases of ./cases: each says itself what must come out. What no `expect` can say, the order of calls, is
// said here.
#include <algorithm>
#include <filesystem>

#include "tests/host/simulate/report.h"

namespace pirn::sim {
namespace {

constexpr const char* kCases = "tests/host/simulate/cases/";

bj::object report_of_case(const std::string& name) {
  return report_of(text_of_file(kCases + name + ".json"));
}

// "r1 0ms to 2m": each call of these functions, in the order of their beginnings.
Strings calls_of(const bj::object& report, const Strings& functions) {
  Strings out;
  for (const bj::value& call : report.at("calls").as_array()) {
    const std::string function(call.at("function").as_string());
    if (std::find(functions.begin(), functions.end(), function) == functions.end()) continue;
    out.push_back(function + " " + std::string(call.at("t").as_string()) + " to " +
                  std::string(call.at("ended").as_string()));
  }
  return out;
}

class Cases : public testing::TestWithParam<std::string> {};

TEST_P(Cases, ComeOutAsTheySay) {
  const bj::object report = report_of_case(GetParam());
  ASSERT_TRUE(report.contains("runs"));
  if (report.contains("cut_short")) {
    EXPECT_EQ(report.at("cut_short").as_string(), "the case ends here: \"until\"");
  }
}

Strings all_cases() {
  Strings names;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(PIRN_SOURCE_DIRECTORY) + "/" + kCases))
    names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}
INSTANTIATE_TEST_SUITE_P(Files, Cases, testing::ValuesIn(all_cases()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

// The parent's failure is at 5 s, its grace over at 35 s, and what the nested run undoes at 2m5s.
TEST(CasesInOrder, WhatANestedRunUndoesComesBeforeAllOfItsParent) {
  EXPECT_EQ(calls_of(report_of_case("nested-rollback-outlives-grace"), {"r1", "rp", "alarm"}),
            (Strings{"r1 5s to 2m5s", "rp 2m5s to 2m5s", "alarm 2m5s to 2m5s"}));
}

TEST(CasesInOrder, ASecondAttemptBeginsWhenAllOfTheFirstIsUndone) {
  EXPECT_EQ(calls_of(report_of_case("nested-rollback-and-workflow-retry"), {"p", "r1", "rp"}),
            (Strings{"p 0ms to 0ms", "r1 5s to 2m5s", "rp 2m5s to 2m5s", "p 2m6s to 2m6s"}));
}

// The instants of all fires, in the order in which they were made, and when: "1h at 6h25m".
Strings fires_of(const bj::object& report) {
  Strings out;
  for (const bj::value& record : report.at("journal").as_array()) {
    if (record.at("type").as_string() != "schedule.fire") continue;
    const int64_t hours = (record.at("instant").as_int64() - 1'767'225'600'000'000'000) / 3'600'000'000'000;
    out.push_back(std::to_string(hours) + "h at " + std::string(record.at("t").as_string()));
  }
  return out;
}

// Down from 1h30m to 6h30m: each missed fire waits until the run before it has ended.
TEST(CasesInOrder, MissedFiresWaitForRoomAndAreAllMadeUpFor) {
  EXPECT_EQ(fires_of(report_of_case("catch-up-lost")),
            (Strings{"1h at 1h", "2h at 6h30m", "3h at 6h35m", "4h at 6h40m", "5h at 6h45m", "6h at 6h50m",
                     "7h at 7h", "8h at 8h", "9h at 9h", "10h at 10h"}));
}

TEST(CasesInOrder, ADeploymentThatLeavesEveryAloneKeepsItsGrid) {
  EXPECT_EQ(fires_of(report_of_case("every-shifts")),
            (Strings{"1h at 1h", "2h at 2h", "3h at 3h", "4h at 4h"}));
}

}  // namespace
}  // namespace pirn::sim
