#include "tests/docs/pages.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace pirn::docs {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;
const fs::path kRoot = PIRN_SOURCE_DIRECTORY;

struct Repository {
  Tree pages, sources;
  std::set<std::string> paths;
};

const Repository& repository() {
  static const Repository kRepository = [] {
    Repository found;
    const auto add = [&](const fs::path& path) {
      const auto name = path.lexically_relative(kRoot).generic_string();
      found.paths.insert(name);
      if (!fs::is_regular_file(path)) return;
      const auto suffix = path.extension().string();
      std::ostringstream text;
      text << std::ifstream(path, std::ios::binary).rdbuf();
      if (suffix == ".md") found.pages[name] = text.str();
      if (suffix == ".cc" || suffix == ".h" || suffix == ".hpp" || suffix == ".c" || suffix == ".inc")
        found.sources[name] = text.str();
    };
    for (const auto& top : fs::directory_iterator(kRoot)) {
      const auto name = top.path().filename().string();
      if (name == ".git" || name == "build") continue;
      add(top.path());
      if (!top.is_directory()) continue;
      for (const auto& entry : fs::recursive_directory_iterator(top.path())) add(entry.path());
    }
    return found;
  }();
  return kRepository;
}

TEST(Pages, SayWhatIsThere) {
  const auto& real = repository();
  EXPECT_GT(real.pages.size(), 5u);
  EXPECT_EQ(check_pages(real.pages, real.sources, real.paths), Strings{});
}

TEST(Pages, HaveEveryRuleThatTheCodeRefersTo) {
  const auto& real = repository();
  Tree sources = real.sources;  // but the model's, which has the whole language: tests/host/model/rules.md
  std::erase_if(sources, [](const auto& source) { return source.first.starts_with("tests/host/model/"); });
  EXPECT_EQ(check_rule_numbers(real.pages.at("docs/semantics.md"), sources), Strings{});
}

const Tree kSources = {{"host/a.cc", "int turn() { return 0; }  // S99\n"}};
const std::set<std::string> kPaths = {"host", "host/a.cc", "docs", "docs/x.md", "README.md"};

TEST(Pages, FindADeadLink) {
  EXPECT_EQ(
      check_pages({{"docs/x.md", "[a](../README.md) [b](#here) [c](https://x.org/)\n"}}, kSources, kPaths),
      Strings{});
  EXPECT_EQ(check_pages({{"docs/x.md", "\n[a](READ.md)\n"}}, kSources, kPaths),
            Strings{"docs/x.md:2: the link leads nowhere: READ.md"});
}

TEST(Pages, FindAPathThatIsGone) {
  EXPECT_EQ(check_pages({{"docs/x.md", "`host/a.cc` and `host/`"}}, kSources, kPaths), Strings{});
  EXPECT_EQ(check_pages({{"docs/x.md", "`host/b.cc`"}}, kSources, kPaths),
            Strings{"docs/x.md:1: there is no host/b.cc"});
}

TEST(Pages, FindAFunctionThatIsGone) {
  EXPECT_EQ(check_pages({{"docs/x.md", "`Engine::turn()` in `host/a.cc`"}}, kSources, kPaths), Strings{});
  EXPECT_EQ(check_pages({{"docs/x.md", "`Engine::spin()` in `host/a.cc`"}}, kSources, kPaths),
            Strings{"docs/x.md:1: spin() does not stand in host/a.cc"});
}

TEST(Pages, FindARuleThatIsMissing) {
  EXPECT_EQ(check_rule_numbers("| S99 |", kSources), Strings{});
  EXPECT_EQ(check_rule_numbers("| S9 |", kSources), Strings{"host/a.cc:1: S99"});
}

}  // namespace
}  // namespace pirn::docs
