// Each rule is shown a tree that breaks it: a rule that cannot fail protects nothing.
#include "tests/architecture/rules.h"

#include <gtest/gtest.h>

namespace pirn::architecture {
namespace {

const Arrows kArrows = read_arrows(R"(
| not | `a/row` |
<!-- arrows:begin -->
| folder | may include |
|---|---|
| `sdk` | nothing |
| `plugins` | `sdk` |
| `registry` | nothing |
| `host/journal` | `registry/ids.h` |
| `host/worker` | `host/journal` |
| `host/engine` | `host/journal`, `host/worker/runner.h` |
<!-- arrows:end -->
)");

Tree healthy() {
  return {{"sdk/include/pirn/abi.h", "#include <stdint.h>\n"},
          {"plugins/p.cc", "#include <pirn/abi.h>\n"},
          {"registry/ids.h", ""},
          {"registry/catalog.h", "#include \"registry/ids.h\"\n"},
          {"host/journal/record.h", "#include \"registry/ids.h\"\n"},
          {"host/worker/runner.h", "#include \"host/journal/record.h\"\n"},
          {"host/worker/in_process.h", ""},
          {"host/engine/engine.h", "#include <vector>\n#include \"host/worker/runner.h\"\n"}};
}

TEST(Rules, ReadTheTable) {
  EXPECT_EQ(kArrows.rows.size(), 6u);
  EXPECT_EQ(kArrows.rows.at("host/engine"), (std::set<std::string>{"host/journal", "host/worker/runner.h"}));
  EXPECT_TRUE(kArrows.rows.at("sdk").empty());
}

TEST(Rules, AcceptAHealthyTree) {
  EXPECT_EQ(print(check_includes(kArrows, healthy())), "");
  EXPECT_EQ(print(check_direction(kArrows)), "");
  EXPECT_EQ(print(check_absences(healthy())), "");
  EXPECT_EQ(print(check_habits(healthy())), "");
}

TEST(Rules, RefuseAnIncludeWithoutAnArrowWithFileAndLine) {
  auto tree = healthy();
  tree["host/engine/engine.h"] += "#include \"host/worker/in_process.h\"\n";
  EXPECT_EQ(print(check_includes(kArrows, tree)),
            "host/engine/engine.h:3: includes `host/worker/in_process.h`, and docs/architecture.md has no "
            "arrow from "
            "`host/engine` to it\n");
}

TEST(Rules, RefuseAnIncludeThatPointsUp) {
  auto tree = healthy();
  tree["host/journal/record.h"] += "#include \"host/engine/engine.h\"\n";
  EXPECT_EQ(check_includes(kArrows, tree).size(), 1u);
}

TEST(Rules, SeeThroughRelativeAndAngledSpellings) {
  auto tree = healthy();
  tree["host/journal/record.h"] += "#include \"../engine/engine.h\"\n#  include <pirn/abi.h>\n";
  const auto found = check_includes(kArrows, tree);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].line, 2u);
  EXPECT_EQ(found[1].line, 3u);
}

TEST(Rules, RefuseAPluginThatSeesTheHost) {
  auto tree = healthy();
  tree["plugins/p.cc"] += "#include \"registry/ids.h\"\n";
  EXPECT_EQ(check_includes(kArrows, tree).size(), 1u);
}

TEST(Rules, RefuseAnIncludeOfTests) {
  auto tree = healthy();
  tree["plugins/p.cc"] += "#include \"tests/fake.h\"\n";
  EXPECT_EQ(check_includes(kArrows, tree).size(), 1u);
}

TEST(Rules, RefuseAFolderWithoutARowAndARowWithoutAFolder) {
  auto tree = healthy();
  tree["host/novel/x.h"] = "";
  tree.erase("plugins/p.cc");
  EXPECT_EQ(print(check_includes(kArrows, tree)),
            "host/novel/x.h: its folder has no row in the table of docs/architecture.md\n"
            "plugins: is a row of docs/architecture.md and holds no source\n");
}

TEST(Rules, RefuseACircle) {
  auto arrows = kArrows;
  arrows.rows["host/journal"].insert("host/engine");
  EXPECT_EQ(check_direction(arrows).size(), 2u);
}

TEST(Rules, RefuseALinkWithoutAnArrow) {
  const auto targets = read_targets(
      "pirn_ids|registry|registry/ids.cc|\n"
      "pirn_registry|registry|registry/catalog.cc|pirn_ids\n"
      "pirn_journal|host/journal|host/journal/record.cc|pirn_ids\n"
      "pirn_runner|host/worker||pirn_journal\n"
      "pirn_engine|host/engine|host/engine/engine.cc|pirn_runner;pirn_journal\n");
  EXPECT_EQ(print(check_links(kArrows, targets)), "");
  const auto broken = read_targets(
      "pirn_registry|registry|registry/catalog.cc|\n"
      "pirn_journal|host/journal|host/journal/record.cc|pirn_registry\n");
  EXPECT_EQ(print(check_links(kArrows, broken)),
            "host/journal/CMakeLists.txt: pirn_journal links pirn_registry of `registry`, and "
            "docs/architecture.md has "
            "no arrow to it\n");
}

TEST(Rules, OnlyOneFolderLoadsLibraries) {
  const std::string code =
      "// dlopen() is explained here\nconst char* name = \"dlopen(\";\nvoid* it = dlopen(path, 1);\n";
  EXPECT_EQ(print(check_absences({{"packager/library/library.cc", code}})), "");
  EXPECT_EQ(print(check_absences({{"host/worker/in_process.cc", code}})),
            "host/worker/in_process.cc:3: `dlopen(`: only packager/library loads libraries\n");
  EXPECT_EQ(check_absences({{"registry/a.cc", "#include <boost/dll/shared_library.hpp>\n"}}).size(), 1u);
}

TEST(Rules, MutexesAreThoseThatClangChecks) {
  for (const char* line :
       {"std::mutex mutex_;", "const std::lock_guard lock(mutex_);", "std::unique_lock lock(m);",
        "std::condition_variable changed_;", "mutable std::shared_mutex keys_;"}) {
    EXPECT_EQ(check_absences({{"host/api/pool.cc", line}}).size(), 1u) << line;
    EXPECT_EQ(check_absences({{"packager/mutex/mutex.h", line}}).size(), 0u) << line;
    EXPECT_EQ(check_absences({{"tests/host/api/pool_test.cc", line}}).size(), 0u) << line;
  }
}

TEST(Rules, TheDecidingFoldersArePure) {
  for (const char* line :
       {"#include <random>", "#include <fstream>", "#include <sys/socket.h>", "#include <boost/asio.hpp>",
        "auto now = std::chrono::steady_clock::now();", "int64_t t = time(nullptr);", "int r = rand();",
        "clock_gettime(CLOCK_REALTIME, &t);", "getenv(name);"}) {
    EXPECT_EQ(check_absences({{"host/engine/plan.cc", line}}).size(), 1u) << line;
    EXPECT_EQ(check_absences({{"host/scheduler/retry.cc", line}}).size(), 1u) << line;
    EXPECT_EQ(check_absences({{"host/api/server.cc", line}}).size(), 0u) << line;
  }
  for (const char* line : {"// steady_clock is not read here", "look_at_clock(now);", "state.runtime(0);",
                           "operand(a, b);", "int64_t time = now;"}) {
    EXPECT_EQ(print(check_absences({{"host/engine/plan.cc", line}})), "");
  }
}

TEST(Rules, AFileHasAtMost700Lines) {
  std::string text;
  for (int i = 0; i < 700; ++i) text += "int x;\n";
  EXPECT_EQ(check_habits({{"host/a.cc", text}}).size(), 0u);
  EXPECT_EQ(check_habits({{"host/a.cc", text + "\n"}}).size(), 1u);
}

std::string class_with(size_t n_methods, const std::string& more = "") {
  std::string text = "class Large final : public Base {\n public:\n";
  for (size_t i = 0; i < n_methods; ++i)
    text += "  Status m" + std::to_string(i) + "(int a) const { return f(a); }\n";
  return text + more + "};\n";
}

TEST(Rules, AClassHasAtMost60Methods) {
  EXPECT_EQ(print(check_class_sizes({{"host/a.h", class_with(60)}})), "");
  EXPECT_EQ(print(check_class_sizes({{"host/a.h", "\n" + class_with(61)}})),
            "host/a.h:2: Large has 61 methods: above 60, is it still about one thing?\n");
  // None of these is one more.
  for (const char* more :
       {"  void m0(std::string b);\n", "  int member_ = call(1);\n", "  std::function<void(int)> f_;\n",
        "  // also(that)\n", "  struct Inner { void x(); };\n", "  using F = void (*)(int);\n",
        "  static_assert(true);\n"})
    EXPECT_EQ(print(check_class_sizes({{"host/a.h", class_with(60, more)}})), "") << more;
  for (const char* more :
       {"  template <class T>\n  void other(T t);\n", "  ~Large();\n",
        "  bool operator==(const Large&) const;\n", "  std::map<int, std::vector<int>> made(int);\n"})
    EXPECT_EQ(check_class_sizes({{"host/a.h", class_with(60, more)}}).size(), 1u) << more;
  EXPECT_EQ(print(check_class_sizes({{"tests/a.h", class_with(61)}})), "");
}

TEST(Rules, TextDoesNotDependOnTheLocale) {
  for (const char* line : {"c = std::tolower(c);", "double d = std::stod(text);", "strtod(text, &end);",
                           "out << std::setprecision(3);", "setlocale(LC_ALL, name);",
                           "std::snprintf(text, n, \"%.3f ms\", ms);", "std::printf(\"%g\", x);"}) {
    EXPECT_EQ(check_habits({{"host/api/a.cc", line}}).size(), 1u) << line;
    EXPECT_EQ(check_habits({{"tests/a.cc", line}}).size(), 0u) << line;
  }
  EXPECT_EQ(print(check_habits({{"host/a.cc", "std::snprintf(text, n, \"%02d %s%%\", a, b);"}})), "");
  EXPECT_EQ(print(check_habits({{"host/a.cc", "c = lower_letter(c); // not std::tolower(c)"}})), "");
}

TEST(Rules, NamesAreTheDomains) {
  EXPECT_EQ(check_habits({{"host/utils/a.cc", ""}}).size(), 1u);
  EXPECT_EQ(check_habits({{"host/a.cc", "class StepManager {};\n"}}).size(), 1u);
  EXPECT_EQ(check_habits({{"host/a.cc", "// class StepManager was rejected\n"}}).size(), 0u);
}

TEST(Rules, NothingIsLeftOpen) {
  EXPECT_EQ(check_habits({{"host/a.cc",
                           "// TO"
                           "DO later\n"}})
                .size(),
            1u);
}

TEST(Rules, TheTopLevelIsFixed) {
  std::set<std::string> names = {
      "CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "dev", "docs",
      "host",           "packager",          "plugins", "registry",  "sdk", "tests"};
  EXPECT_EQ(print(check_top_level(names)), "");
  names.insert("scripts");
  names.erase("docs");
  EXPECT_EQ(print(check_top_level(names)),
            "scripts: is not one of the fixed names of the top level\ndocs: is missing at the top level\n");
}

}  // namespace
}  // namespace pirn::architecture
