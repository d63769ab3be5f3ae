// The real tree against docs/architecture.md. A failure prints file and line of what has no arrow.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/architecture/rules.h"

namespace pirn::architecture {
namespace {

namespace fs = std::filesystem;
const fs::path kRoot = PIRN_SOURCE_DIRECTORY;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Tree read_tree() {
  static const std::set<std::string> suffixes = {".c", ".cc", ".h", ".hpp", ".inc"};
  Tree tree;
  for (const char* top : {"sdk", "packager", "registry", "host", "plugins", "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / top)) {
      if (entry.is_regular_file() && suffixes.contains(entry.path().extension().string())) {
        tree[entry.path().lexically_relative(kRoot).generic_string()] = read(entry.path());
      }
    }
  }
  return tree;
}

const Tree& tree() {
  static const Tree kTree = read_tree();
  return kTree;
}

const Arrows& arrows() {
  static const Arrows kArrows = read_arrows(read(kRoot / "docs/architecture.md"));
  return kArrows;
}

TEST(Architecture, ThePageHasATableOfArrows) { EXPECT_GT(arrows().rows.size(), 10u); }

TEST(Architecture, EveryIncludeHasAnArrow) { EXPECT_EQ(print(check_includes(arrows(), tree())), ""); }

TEST(Architecture, ArrowsOnlyPointDown) { EXPECT_EQ(print(check_direction(arrows())), ""); }

TEST(Architecture, EveryLinkOfATargetHasAnArrow) {
  const auto targets = read_targets(read(PIRN_TARGETS_FILE));
  EXPECT_GT(targets.size(), 5u);
  EXPECT_EQ(print(check_links(arrows(), targets)), "");
}

TEST(Architecture, NothingLoadsOrReadsTheWorldWhereItMustNot) {
  EXPECT_EQ(print(check_absences(tree())), "");
}

TEST(Architecture, HabitsAreKept) { EXPECT_EQ(print(check_habits(tree())), ""); }

TEST(Architecture, NoClassDoesEverything) { EXPECT_EQ(print(check_class_sizes(tree())), ""); }

TEST(Architecture, TheTopLevelIsFixed) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(kRoot)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with(".") && name != "build") names.insert(name);
  }
  EXPECT_EQ(print(check_top_level(names)), "");
}

}  // namespace
}  // namespace pirn::architecture
