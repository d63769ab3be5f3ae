#include "host/cli/terminal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <iostream>
#include <sstream>

#include "host/cli/client.h"
#include "host/cli/input.h"
#include "host/cli/watch.h"
#include "tests/hostile_locale.h"

namespace pirn::cli {
namespace {

namespace bj = boost::json;

std::string table(const std::vector<Cell>& header, const std::vector<std::vector<Cell>>& rows) {
  std::ostringstream out;
  write_table(out, header, rows);
  return out.str();
}

TEST(Terminal, AlignsColumnsByWhatIsSeen) {
  EXPECT_EQ(table({"A", "STATE", "C"}, {{"longer", "✓ completed", "x"}, {"s", {"✗ failed", "31"}, "y"}}),
            "A       STATE        C\n"
            "longer  ✓ completed  x\n"
            "s       \x1b[31m✗ failed\x1b[0m     y\n");
  EXPECT_EQ(table({"A", ""}, {{"longer", ""}, {"s", "x"}}), "A\nlonger\ns       x\n");
}

TEST(Terminal, KeepsACellOnItsLineWhateverIsInIt) {
  EXPECT_EQ(table({"A", "B"}, {{"a\nb\x1b", "x"}, {"\u202e", "y\x9b"}}),
            "A         B\n"
            "a\\nb\\x1b  x\n"
            "\\u202e    y\\x9b\n");
}

TEST(SafeOutput, LetsNothingThroughButItsOwnControls) {
  std::ostringstream out;
  {
    const SafeStream safe(out);
    out << "a\x1b[2J\r" << Control{"\x1b[31m"} << "b\n\tc" << 7 << '\x7f';
  }
  EXPECT_EQ(out.str(), "a\\x1b[2J\\r\x1b[31mb\n\tc7\\x7f");
}

TEST(SafeOutput, PutsCharactersThatComeInPiecesTogether) {
  std::ostringstream out;
  {
    const SafeStream safe(out);
    for (const char c : std::string("é\u202e✓")) out << c << std::flush;
    out << "\xe2\x80";
  }
  EXPECT_EQ(out.str(), "é\\u202e✓\\xe2\\x80");
  std::ostringstream cut;
  {
    const SafeStream safe(cut);
    cut << '\xc2' << Control{"\x1b[m"} << '\x9b';
  }
  EXPECT_EQ(cut.str(), "\\xc2\x1b[m\\x9b");
}

TEST(Terminal, WritesDurationsAndSizesAsPeopleDo) {
  EXPECT_EQ(duration_words(0.25), "0.25 ms");
  EXPECT_EQ(duration_words(250), "250 ms");
  EXPECT_EQ(duration_words(1250), "1.2 s");
  EXPECT_EQ(duration_words(65'000), "1 min 05 s");
  EXPECT_EQ(duration_words(2.0 * 3'600'000 + 5 * 60'000), "2 h 05 min");
  EXPECT_EQ(size_words(5), "5 B");
  EXPECT_EQ(size_words(46'080), "45.0 KiB");
  EXPECT_EQ(time_words(bj::value("2026-01-31T12:00:05.123456Z")), "2026-01-31 12:00:05");
  EXPECT_EQ(time_words(bj::value(nullptr)), "-");
}

TEST(Terminal, WritesTheSameInEveryLocale) {
  const HostileLocale hostile;
  EXPECT_EQ(duration_words(0.25), "0.25 ms");
  EXPECT_EQ(duration_words(1250), "1.2 s");
  EXPECT_EQ(size_words(46'080), "45.0 KiB");
  EXPECT_EQ(size_words(1'500'000'000), "1.4 GiB");
  EXPECT_EQ(number_words(24'105), "24105");
  EXPECT_EQ(number_words(0.25), "0.25");
  EXPECT_EQ(text_of({{"capacity", 1234567.5}}, "capacity"), "1234567.5");
  testing::internal::CaptureStdout();
  print_object({{"count", 1234567}, {"share", 0.5}}, {{"COUNT", "count"}, {"SHARE", "share"}}, Format::table,
               "count");
  const std::string table = testing::internal::GetCapturedStdout();
  EXPECT_NE(table.find("1234567"), std::string::npos) << table;
  EXPECT_NE(table.find("0.5"), std::string::npos) << table;
}

TEST(Terminal, WritesNumbersAsPeopleDo) {
  EXPECT_EQ(number_words(2), "2");
  EXPECT_EQ(number_words(24'105), "24105");
  EXPECT_EQ(number_words(0.25), "0.25");
  EXPECT_EQ(text_of({{"capacity", 2.0}}, "capacity"), "2");
}

TEST(Terminal, KnowsItsFormats) {
  Arguments arguments;
  EXPECT_EQ(*format_of(arguments), Format::table);
  arguments.put("output", {"jsonl"});
  EXPECT_EQ(*format_of(arguments), Format::jsonl);
  arguments.put("output", {"wide"});
  EXPECT_EQ(format_of(arguments).error().hint, "The formats are table, json, jsonl and id.");
}

TEST(Watch, ShowsAnEventOnOneLineWhateverIsInIt) {
  const bj::object event{{"step", "fetch"},
                         {"then", "retry"},
                         {"duration", 250'000'000},
                         {"error", {{"code", "broken"}, {"message", "two\nlines \x1b[2J"}}}};
  EXPECT_EQ(event_line(event, "step.exception"),
            "step.exception     fetch  then retry  250 ms  broken: two\\nlines \\x1b[2J");
}

TEST(Watch, ShowsWhatHappensToATenantOnOneLine) {
  const bj::object fire{{"at", 1'795'281'471'000'000'000},
                        {"type", "schedule.fire"},
                        {"package", "shop"},
                        {"workflow", "daily"},
                        {"firing", "backfill"},
                        {"instant", 1'793'512'800'000'000'000},
                        {"execution", "38fz3n4n60000"}};
  EXPECT_EQ(tenant_event_line(fire),
            "2026-11-21 17:17:51  schedule.fire          shop::daily  backfill  for 2026-11-01 06:00:00  run "
            "38fz3n4n60000");
  const bj::object told{{"at", 1'795'281'471'000'000'000},
                        {"type", "event.emit"},
                        {"event", "order.created"},
                        {"executions", bj::array()}};
  EXPECT_EQ(tenant_event_line(told), "2026-11-21 17:17:51  event.emit             order.created  runs none");
  EXPECT_EQ(event_line({}, "workflow.create"), "workflow.create");
}

TEST(Watch, RedrawsNoMoreThanFitsOnTheScreen) {
  bj::array steps;
  for (int i = 0; i < 1000; ++i)
    steps.push_back({{"name", "s" + std::to_string(i)}, {"state", i == 700 ? "running" : "pending"}});
  std::ostringstream drawn;
  std::streambuf* const real = std::cerr.rdbuf(drawn.rdbuf());
  show_table()->begin({{"workflow", "long"}, {"id", "x"}, {"steps", steps}});
  std::cerr.rdbuf(real);
  const std::string text = drawn.str();
  EXPECT_LT(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')), terminal_lines());
  EXPECT_NE(text.find("\ns700"), std::string::npos) << text;
  EXPECT_NE(text.find("more steps"), std::string::npos) << text;
}

TEST(Watch, TurnsTheEndIntoAnExitCode) {
  EXPECT_EQ(exit_code_of({{"state", "completed"}}), 0);
  EXPECT_EQ(exit_code_of({{"state", "failed"}}), 7);
  EXPECT_EQ(exit_code_of({{"state", "cancelled"}}), 7);
  EXPECT_EQ(exit_code_of({{"state", "running"}}), 130);
}

TEST(Client, EscapesWhatStandsInAPath) {
  EXPECT_EQ(path({"packages", "a/b ?&é"}), "/v1/packages/a%2Fb%20%3F%26%C3%A9");
  std::string target = path({"executions"});
  add_query(target, "state", "");
  add_query(target, "state", "failed");
  add_query(target, "since", "1 h");
  EXPECT_EQ(target, "/v1/executions?state=failed&since=1%20h");
}

TEST(Input, MustBeAnObjectAndSaysWhereItIsNone) {
  const auto read = [](const std::string& text) {
    Arguments arguments;
    arguments.put("context", {text});
    return read_input(arguments, "context");
  };
  EXPECT_EQ(*read_input(Arguments(), "context"), "{}");
  EXPECT_EQ(*read("{\"a\":1}"), "{\"a\":1}");
  EXPECT_EQ(read("[1]").error().code, Code::invalid_argument);
  EXPECT_EQ(read("{\"a\":}").error().where.file, "--context");
  EXPECT_EQ(read("{\"a\":}").error().where.line, 1u);
  EXPECT_EQ(read("@/proc/self/no-such-file").error().code, Code::usage);
  EXPECT_EQ(read("@/proc").error().code, Code::usage);
}

TEST(Input, SaysWhyAFileCannotBeRead) {
  EXPECT_EQ(read_file("/proc/self/no-such-file").error().code, Code::not_found);
  EXPECT_EQ(read_file("/proc").error().code, Code::io_failed);
  EXPECT_NE(read_file("/proc").error().message.find("directory"), std::string::npos);
  EXPECT_EQ(*read_file("/dev/null"), "");
}

TEST(Input, TakesDurationsAndNumbersOfTheCommandLineOnly) {
  Arguments arguments;
  arguments.put("timeout", {"1m30s"});
  arguments.put("to", {"17"});
  EXPECT_EQ(*duration_of(arguments, "timeout"), 90'000'000'000);
  EXPECT_EQ(*number_of(arguments, "to"), 17);
  arguments.put("timeout", {"soon"});
  EXPECT_EQ(duration_of(arguments, "timeout").error().code, Code::usage);
  EXPECT_NE(duration_of(arguments, "timeout").error().message.find("--timeout"), std::string::npos);
  EXPECT_FALSE(duration_of(arguments, "timeout").error().hint.empty());
  for (const char* wrong : {"0", "-1", "1x", "x", "1.5", "99999999999999999999"}) {
    arguments.put("to", {wrong});
    EXPECT_EQ(number_of(arguments, "to").error().code, Code::usage) << wrong;
  }
}

}  // namespace
}  // namespace pirn::cli
