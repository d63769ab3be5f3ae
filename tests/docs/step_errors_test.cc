// Whatever code the engine, the worker or the SDK gives to a step can be looked up.
#include "packager/error/step_errors.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace {

namespace fs = std::filesystem;

// The codes that the sources of a folder give: make_error("crashed", …), Error("missing_key", …) and the
// like.
std::set<std::string> codes_given_in(const std::string& folder) {
  static const std::regex kGiven(R"re(\b(make_error|refused|failed|Error|StepError)[({]\s*"([a-z_]+)",)re");
  static const std::regex kComment("//[^\n]*");
  std::set<std::string> codes;
  for (const auto& entry : fs::directory_iterator(std::string(PIRN_SOURCE_DIRECTORY) + "/" + folder)) {
    if (!entry.is_regular_file()) continue;
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    // Examples in comments do not count.
    const std::string source = std::regex_replace(text.str(), kComment, "");
    for (std::sregex_iterator at(source.begin(), source.end(), kGiven), end; at != end; ++at)
      codes.insert((*at)[2]);
  }
  return codes;
}

TEST(StepErrors, EveryCodeThatIsGivenIsExplained) {
  for (const char* folder : {"host/engine", "host/worker", "sdk/include/pirn"}) {
    const std::set<std::string> codes = codes_given_in(folder);
    EXPECT_GE(codes.size(), 3u) << folder << ": the pattern does not fit the sources any more";
    for (const std::string& code : codes)
      EXPECT_NE(pirn::find_step_error(code), nullptr)
          << folder << " gives '" << code << "': add it to packager/error/step_errors.cc";
  }
  EXPECT_NE(pirn::find_step_error("circuit_open"), nullptr);
  EXPECT_EQ(pirn::find_step_error("no_such_error"), nullptr);
}

TEST(StepErrors, AreSortedAndUnique) {
  const auto all = pirn::step_errors();
  for (size_t i = 1; i < all.size(); ++i) EXPECT_LT(all[i - 1].name, all[i].name);
}

}  // namespace
