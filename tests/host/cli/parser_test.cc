#include "host/cli/parser.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace pirn::cli {
namespace {

std::vector<std::string> words(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> all;
  for (std::string word; stream >> word;) all.push_back(word);
  return all;
}

Parsed parsed(const std::string& line) {
  Result<Parsed> result = parse(words(line));
  EXPECT_TRUE(result) << line << ": " << (result ? "" : describe(result.error()));
  return result ? *result : Parsed();
}

Error refused(const std::string& line) {
  const Result<Parsed> result = parse(words(line));
  EXPECT_FALSE(result) << line;
  if (result) return Error{};
  EXPECT_EQ(result.error().code, Code::usage);
  return result.error();
}

TEST(Parser, FindsTheCommandAndItsArguments) {
  const Parsed run = parsed("run start etl::daily --input {} --key k --wait --tenant acme -o json");
  EXPECT_EQ(run.command->path, "run start");
  EXPECT_EQ(run.arguments.get("workflow"), "etl::daily");
  EXPECT_EQ(run.arguments.get("input"), "{}");
  EXPECT_EQ(run.arguments.get("output"), "json");
  EXPECT_TRUE(run.arguments.has("wait"));
  EXPECT_FALSE(run.arguments.has("watch"));
  EXPECT_EQ(run.arguments.get("timeout", "none"), "none");
}

TEST(Parser, TakesOptionsBeforeAndBehindArgumentsAndWithEquals) {
  EXPECT_EQ(parsed("run start --tenant=acme daily").arguments.get("workflow"), "daily");
  EXPECT_EQ(parsed("run start daily --input -").arguments.get("input"), "-");
  EXPECT_EQ(parsed("rollout undo etl --why -1").arguments.get("why"), "-1");
}

TEST(Parser, TakesAnArgumentThatIsSpelledLikeACommand) {
  EXPECT_EQ(parsed("pack package -o x.pirn").arguments.get("directory"), "package");
  EXPECT_EQ(parsed("run start status --wait").arguments.get("workflow"), "status");
}

TEST(Parser, TakesOptionalAndRepeatedArguments) {
  EXPECT_EQ(parsed("pack").arguments.get("directory", "."), ".");
  EXPECT_EQ(parsed("unpack a.pirn there").arguments.get("directory"), "there");
  EXPECT_EQ(parsed("verify a.pirn --trust a.pub --trust b.pub").arguments.all("trust").size(), 2u);
  EXPECT_EQ(parsed("package show etl@1.0.0").arguments.get("package"), "etl@1.0.0");
}

// CLI11 reads "[a,b]" as a list of two values where it may.
TEST(Parser, TakesAValueInBracketsAsItIs) {
  for (const std::string text : {"[]", "[a]", "[a,b]", "[{\"s\":1}]", "{}", "a,b"}) {
    EXPECT_EQ(parsed("run start daily --input " + text).arguments.all("input"), std::vector{text});
    EXPECT_EQ(parsed("run start daily --input=" + text).arguments.all("input"), std::vector{text});
    EXPECT_EQ(parsed("key create --label " + text).arguments.all("label"), std::vector{text});
    EXPECT_EQ(parsed("run show " + text).arguments.all("run"), std::vector{text});
  }
  EXPECT_EQ(parsed("verify a.pirn --trust [a,b] --trust c").arguments.all("trust"),
            (std::vector<std::string>{"[a,b]", "c"}));
}

TEST(Parser, SaysWhatIsMissing) {
  EXPECT_EQ(refused("deploy").message, "'pirn deploy' needs PACKAGE[@VERSION]");
  EXPECT_EQ(refused("deploy --why x").message, "'pirn deploy' needs PACKAGE[@VERSION]");
  EXPECT_EQ(refused("deploy etl --why").message, "'pirn deploy': --why needs TEXT");
  EXPECT_EQ(refused("run start etl -o").message, "'pirn run start': --output needs table|json|jsonl|id");
}

TEST(Parser, RunsAWorkflowLocallyFromTheOtherEnd) {
  const Parsed run = parsed("run greet --local --input {}");
  EXPECT_EQ(run.command->path, "run local");
  EXPECT_EQ(run.arguments.get("workflow"), "greet");
}

TEST(Parser, AnswersHelpForEveryCommand) {
  EXPECT_NE(parsed("").help.find("serve"), std::string::npos);
  EXPECT_NE(parsed("run").help.find("start"), std::string::npos);
  for (const Command& command : commands()) {
    const Parsed help = parsed(std::string(command.path) + " --help");
    EXPECT_EQ(help.command, nullptr);
    EXPECT_NE(help.help.find("Usage: pirn " + std::string(command.path)), std::string::npos) << help.help;
    for (const Option& option : command.options)
      EXPECT_NE(help.help.find(std::string(option.name.substr(option.name.rfind("--")))), std::string::npos)
          << command.path << option.name;
  }
}

TEST(Parser, SaysOfEveryCommandAndGroupWhatItIsFor) {
  std::istringstream help(parsed("").help);
  size_t n_commands = 0;
  bool inside = false;
  for (std::string line; std::getline(help, line);) {
    if (line == "Commands:") {
      inside = true;
    } else if (inside && line.empty()) {
      break;
    } else if (inside) {
      ++n_commands;
      EXPECT_GT(words(line).size(), 1u) << line;
    }
  }
  EXPECT_GT(n_commands, 20u);
}

TEST(Parser, AnswersHelpAndVersionAsOthersDo) {
  EXPECT_EQ(parsed("--version").command->path, "version");
  EXPECT_EQ(parsed("help").help, parsed("--help").help);
  EXPECT_EQ(parsed("help run start").help, parsed("run start --help").help);
  EXPECT_NE(parsed("help unpack").help.find("Usage: pirn unpack FILE [DIRECTORY] [OPTIONS]"),
            std::string::npos);
  EXPECT_NE(parsed("").help.find("Exit codes: 0 ok"), std::string::npos);
  EXPECT_EQ(refused("help rnu").hint, "Did you mean 'pirn run'?");
  EXPECT_EQ(refused("run strat --help").hint, "Did you mean 'pirn run start'?");
}

TEST(Parser, RefusesWhatIsEmpty) {
  for (const std::vector<std::string>& line : {std::vector<std::string>{"run", "show", ""},
                                               {"run", "start", "x", "--key", ""},
                                               {"new", ""},
                                               {"serve", "--data", ""},
                                               {"serve", "--allow-host", "a", "--allow-host", ""}}) {
    const Result<Parsed> result = parse(line);
    ASSERT_FALSE(result) << line[1];
    EXPECT_EQ(result.error().code, Code::usage);
    EXPECT_NE(result.error().message.find("is empty"), std::string::npos) << result.error().message;
  }
}

TEST(ParserDeathTest, KnowsWhichNamesACommandHas) {
  const Parsed run = parsed("trust add --package etl-*");
  EXPECT_EQ(run.arguments.get("package"), "etl-*");
  EXPECT_DEATH((void)run.arguments.get("packages"), "no such option");
}

TEST(Parser, SuggestsWhatWasMeant) {
  EXPECT_EQ(refused("rnu").hint, "Did you mean 'pirn run'?");
  EXPECT_EQ(refused("run strat x").hint, "Did you mean 'pirn run start'?");
  EXPECT_EQ(refused("run start x --inptu {}").hint, "Did you mean --input?");
  EXPECT_EQ(refused("run start x --tenat=acme").hint, "Did you mean --tenant?");
  EXPECT_EQ(refused("tenant crate x").hint, "Did you mean 'pirn tenant create'?");
}

TEST(Parser, SaysThatOptionsComeAfterTheCommand) {
  EXPECT_EQ(refused("--tenant acme health").message, "'pirn' has no option '--tenant'");
  EXPECT_EQ(refused("--tenant=acme health").hint,
            "Write options after the command: pirn COMMAND --tenant ...");
  EXPECT_EQ(refused("run -o json ls").hint, "Write options after the command: pirn run COMMAND -o ...");
  EXPECT_EQ(refused("--tenat acme health").hint, "See pirn --help.");
  EXPECT_NE(parsed("run --help").help.find("Usage: pirn run COMMAND"), std::string::npos);
}

TEST(Parser, RefusesTooFewAndTooMany) {
  EXPECT_NE(refused("run start").message.find("WORKFLOW"), std::string::npos);
  EXPECT_NE(refused("run start a b").message.find("b"), std::string::npos);
  EXPECT_NE(refused("version now").message.find("now"), std::string::npos);
  refused("run start a --input");
}

TEST(Commands, TakeAnAnswerThatIsNotTheApisForABadOne) {
  const Command odd{
      "odd", "", "", {}, [](const Arguments&) -> Outcome { throw std::out_of_range("no member"); }};
  const Outcome outcome = run(odd, Arguments());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::bad_answer);
}

TEST(Commands, AreEachThereOnceWithAFunctionAndASummary) {
  std::set<std::string_view> paths;
  for (const Command& command : commands()) {
    EXPECT_TRUE(paths.insert(command.path).second) << command.path;
    EXPECT_NE(command.run, nullptr) << command.path;
    EXPECT_FALSE(command.summary.empty()) << command.path;
    std::set<std::string_view> options;
    for (const Option& option : command.options)
      EXPECT_TRUE(options.insert(option.name).second) << command.path << option.name;
    // A secret never stands on the command line, where every process can read it.
    for (const Option& option : command.options)
      EXPECT_EQ(option.name.find("password"), std::string_view::npos);
  }
}

}  // namespace
}  // namespace pirn::cli
