// The rules of docs/architecture.md as functions over a tree of sources, so that each rule is itself tested
// with a tree that breaks it (rules_test.cc). The real tree is looked at in architecture_test.cc.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pirn::architecture {

// Path below the repository's root ("host/engine/engine.h") and content.
using Tree = std::map<std::string, std::string>;

struct Violation {
  std::string path;
  size_t line = 0;  // from 1; 0: the file or the folder as a whole
  std::string what;
};
// "path:line: what", one a line.
std::string print(const std::vector<Violation>& violations);

// The same text with comments and quoted texts blanked, so that lines keep their numbers. #include lines are kept.
std::string without_comments_and_quotes(std::string_view text);

// The table between the marks `arrows:begin` and `arrows:end` of docs/architecture.md: each row's folder (or
// file), and the folders and files that it may include. A folder stands for all that is in it.
struct Arrows {
  std::map<std::string, std::set<std::string>> rows;

  // The row that a path belongs to: the longest one that holds it; empty when there is none.
  std::string row_of(std::string_view path) const;
  bool allows(std::string_view row, std::string_view target) const;
};
Arrows read_arrows(std::string_view architecture_page);

// Every file belongs to a row, every row has files, and every include of a file of the tree has an arrow.
std::vector<Violation> check_includes(const Arrows& arrows, const Tree& tree);
// No folder can be reached from itself.
std::vector<Violation> check_direction(const Arrows& arrows);

// A CMake target: the folder that declares it, its sources, and what it links (targets of this tree only).
struct Target {
  std::string name, folder;
  std::vector<std::string> sources;  // below the repository's root
  std::vector<std::string> links;
};
// Lines "name|folder|source;source|link;link", as tests/architecture/CMakeLists.txt writes them.
std::vector<Target> read_targets(std::string_view text);
std::vector<Violation> check_links(const Arrows& arrows, const std::vector<Target>& targets);

// What some folders must not contain: loading of libraries outside packager/library; mutexes that clang cannot
// check outside packager/mutex; clocks, random sources, files and sockets in the pure folders. Comments and texts
// in quotes are not looked at.
std::vector<Violation> check_absences(const Tree& tree);
// No file above 700 lines, no folder that is a drawer (utils, common, ...), no class that is a Manager, a
// Handler, a Helper or a Util, nothing left open in the code.
std::vector<Violation> check_habits(const Tree& tree);
// No class with more than 60 names of methods: it has become several things. Overloads count once. Engine::Core,
// which is older than the rule, may only shrink.
std::vector<Violation> check_class_sizes(const Tree& tree);
// `names`: everything at the top level but dotfiles and build products.
std::vector<Violation> check_top_level(const std::set<std::string>& names);

}  // namespace pirn::architecture
