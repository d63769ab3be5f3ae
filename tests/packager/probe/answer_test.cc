#include "packager/probe/answer.h"

#include <gtest/gtest.h>

namespace pirn::probe {
namespace {

LibraryDescription description() {
  LibraryDescription out;
  out.id = "zoo";
  out.version = "1.0.0";
  out.sdk = "sdk/1";
  out.abi_major = 1;
  out.functions = {{"work", 1}, {"ask", 6}};
  out.definition = "{\n}";
  out.unloads = true;
  out.confinement = {.landlock = 7, .scoped_signals = true, .unprivileged = true, .guarded = false};
  return out;
}

const std::string kLine = sandbox::print(description().confinement);

TEST(Answer, ADescriptionComesThrough) {
  const Result<LibraryDescription> back = parse_answer(kLine + "SLDU" + print_answer(description()));
  ASSERT_TRUE(back) << describe(back.error());
  EXPECT_EQ(back->id, "zoo");
  EXPECT_EQ(back->version, "1.0.0");
  EXPECT_EQ(back->functions.at(1).id, "ask");
  EXPECT_EQ(back->functions.at(1).kind, 6u);
  EXPECT_EQ(back->definition, "{\n}");
  EXPECT_TRUE(back->unloads);
  EXPECT_EQ(back->confinement, description().confinement);
}

// What confined a library is said before its code runs; what it says later does not count.
TEST(Answer, TheConfinementIsTheFirstLine) {
  const std::string answer = print_answer(description());
  EXPECT_EQ(parse_answer("0 0 0 0\nSLDU" + answer)->confinement, sandbox::Confinement());
  for (const char* line : {"", "7 1 1\n", "7 1 1 2\n", "7 1 1 1 \n", "-7 1 1 1\n", "99999999999 1 1 1\n"})
    EXPECT_EQ(parse_answer(line + ("SLDU" + answer)).error().code, Code::probe_answer_invalid) << line;
  EXPECT_EQ(parse_answer("7 1 1 1\nSLDU7 1 1 1\n" + answer).error().code, Code::probe_answer_invalid);
}

TEST(Answer, AnErrorComesThroughWithItsCauses) {
  Error error{Code::library_nodelete, "no"};
  error.causes.push_back({Code::library_exports_more, "ex\x1b[31mtra"});
  const Error back = parse_answer("SL" + print_answer(error)).error();
  EXPECT_EQ(back.code, Code::library_nodelete);
  EXPECT_EQ(back.message, "no");
  ASSERT_EQ(back.causes.size(), 1u);
  EXPECT_EQ(back.causes[0].code, Code::library_exports_more);
  EXPECT_EQ(back.causes[0].message, "ex?[31mtra");  // nothing reaches a terminal unfiltered
}

TEST(Answer, WordsThatAreNotUtf8AreRepaired) {
  const Error back = parse_answer("SL" + print_answer(Error{Code::probe_init_failed, "caf\xe9"})).error();
  EXPECT_EQ(back.code, Code::probe_init_failed);
  EXPECT_EQ(back.message, "caf\xef\xbf\xbd");
  std::string umlauts = "x";
  while (umlauts.size() < 3'000) umlauts += "\xc3\xbc";
  EXPECT_EQ(parse_answer("SL" + print_answer(Error{Code::probe_init_failed, umlauts})).error().message,
            umlauts.substr(0, 1'999))
      << "no character is cut";
}

TEST(Answer, AnEndWithoutOneTellsTheStage) {
  EXPECT_EQ(parse_answer("").error().code, Code::probe_no_answer);
  EXPECT_EQ(parse_answer("SL").error().message, "the library ended its process while it was loaded");
  EXPECT_EQ(parse_answer(kLine + "SLDX").error().message, "the library ended its process in its deinit");
  EXPECT_EQ(parse_answer(kLine).error().message, "the library ended its process before it was loaded");
  EXPECT_EQ(parse_answer("SLDI").error().message, "the library ended its process in its init");
}

TEST(Answer, EverythingElseIsRefused) {
  const std::string good = print_answer(description()).substr(1);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return kLine + "SLDUA" + text.replace(at, from.size(), to);
  };
  const std::string answers[] = {"x",
                                 "SLA",
                                 "SLA{}",
                                 "SLA[]",
                                 "SLA" + good + good,
                                 "SLA{\"id\":\"forged\"}\n" + good,
                                 "SLA{\"error\":{}}",
                                 R"(SLA{"error":{"code":"no_such_code","message":"m"}})",
                                 R"(SLA{"error":{"code":"internal"}})",
                                 with("\"zoo\"", "\"Zoo\""),
                                 with("\"zoo\"", "7"),
                                 with("\"1.0.0\"", "\"1\""),
                                 with("\"ask\"", "\"work\""),
                                 with("\"kind\":6", "\"kind\":0"),
                                 with("\"kind\":6", "\"kind\":11"),
                                 with("\"kind\":6", "\"kind\":-1"),
                                 with("\"kind\":6", "\"kind\":4294967302"),
                                 with("true", "1"),
                                 with("\"abi_major\":1,", ""),
                                 with("\"functions\":[", "\"functions\":[[],")};
  for (const std::string& answer : answers) {
    const Result<LibraryDescription> result = parse_answer(answer);
    ASSERT_FALSE(result) << answer;
    EXPECT_EQ(result.error().code, Code::probe_answer_invalid) << answer;
  }
}

TEST(Answer, NoTruncationIsTakenForAnAnswer) {
  const std::string good = kLine + "SLDU" + print_answer(description());
  for (size_t length = 0; length < good.size(); ++length)
    EXPECT_FALSE(parse_answer(good.substr(0, length))) << length;
}

}  // namespace
}  // namespace pirn::probe
