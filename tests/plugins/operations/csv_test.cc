#include "plugins/operations/src/csv.h"

#include <gtest/gtest.h>

#include <sstream>

namespace operations {
namespace {

std::vector<Record> read(const std::string& text, size_t fields) {
  std::istringstream input(text);
  CsvReader reader(input, fields);
  std::vector<Record> records;
  for (Record record; reader.next(record);) records.push_back(record);
  return records;
}

using Fields = std::vector<std::string>;

TEST(Csv, ReadsQuotesCommasAndWindowsLineEnds) {
  const auto records = read(
      "\xEF\xBB\xBF"
      "a,\"b,c\",\"d \"\"e\"\"\"\r\n,,\r\n\r\nx,y\"z,",
      3);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].fields, (Fields{"a", "b,c", "d \"e\""}));
  EXPECT_EQ(records[1].fields, (Fields{"", "", ""}));
  EXPECT_EQ(records[2].fields, (Fields{"x", "y\"z", ""}));
  EXPECT_EQ(records[2].line, 4u);
  for (const Record& record : records) EXPECT_EQ(record.problem, "");
}

TEST(Csv, FollowsAQuotedFieldOverLineEnds) {
  const auto records = read("1,\"two\nlines\",3\n4,5,6\n", 3);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].fields, (Fields{"1", "two\nlines", "3"}));
  EXPECT_EQ(records[1].fields, (Fields{"4", "5", "6"}));
  EXPECT_EQ(records[1].line, 3u);
}

TEST(Csv, AQuoteThatIsNeverClosedCostsOneLine) {
  std::string text = "1,\"open,3\n";
  for (int i = 0; i < 20; ++i) text += "4,5,6\n";
  const auto records = read(text, 3);
  ASSERT_EQ(records.size(), 21u);
  EXPECT_EQ(records[0].problem, "a quote is never closed");
  for (size_t i = 1; i < records.size(); ++i) EXPECT_EQ(records[i].fields, (Fields{"4", "5", "6"})) << i;
  // Also when a good quoted line stands close behind it.
  const auto mixed = read("1,\"open,3\n4,\"5,5\",6\n", 3);
  ASSERT_EQ(mixed.size(), 2u);
  EXPECT_NE(mixed[0].problem, "");
  EXPECT_EQ(mixed[1].fields, (Fields{"4", "5,5", "6"}));
}

TEST(Csv, SaysWhatIsWrongWithARecord) {
  const auto records =
      read("1,2\n1,2,3,4\n1,\"2\"x,3\n" + std::string(CsvReader::kMaxLineBytes + 1, 'x') + "\n1,2,3\n", 3);
  ASSERT_EQ(records.size(), 5u);
  EXPECT_EQ(records[0].problem, "2 fields instead of 3");
  EXPECT_EQ(records[1].problem, "4 fields instead of 3");
  EXPECT_EQ(records[2].problem, "text follows a closing quote");
  EXPECT_EQ(records[3].problem, "the line is longer than 65536 bytes");
  EXPECT_EQ(records[4].problem, "");
}

TEST(Csv, WhatIsWrittenReadsBack) {
  const Fields fields = {"plain", "a,b", "say \"x\"", "two\nlines", "",    " ",    "=1+2", "'=1", "''@x",
                         "'",     "'x",  "-1.5",      "-x",         "\tx", "\rx,", "-",    "+1"};
  const auto records = read(csv_line({fields.begin(), fields.end()}), fields.size());
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].fields, fields);
}

TEST(Csv, WritesNoFormulasForSpreadsheets) {
  EXPECT_EQ(csv_line({"=HYPERLINK(1)", "+1+2", "-2+3", "@SUM(A1)", "\t=1", "a=b"}),
            "'=HYPERLINK(1),'+1+2,'-2+3,'@SUM(A1),'\t=1,a=b\n");
  EXPECT_EQ(csv_line({"\r=1", "=a,b", "=\"x\""}), "\"'\r=1\",\"'=a,b\",\"'=\"\"x\"\"\"\n");
  EXPECT_EQ(csv_line({"'=1", "''=1", "'quoted'"}), "''=1,'''=1,'quoted'\n");
  EXPECT_EQ(csv_line({"-5", "-12.50", "-", "-1.", "-.5", "-1-1"}), "-5,-12.50,'-,'-1.,'-.5,'-1-1\n");
}

}  // namespace
}  // namespace operations
