// How many methods a class has, told from its text: the words before the first parenthesis of each declaration in
// its body. That is not C++, but the tree's own style is regular enough for it; rules_test.cc has the cases.
#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "tests/architecture/rules.h"

namespace pirn::architecture {

namespace {

constexpr size_t kMostMethods = 60;

// Classes that were larger when the rule came, and how large they may be.
const std::map<std::string, size_t>& older_than_the_rule() {
  static const std::map<std::string, size_t> classes = {{"Engine::Core", 94}};
  return classes;
}

// What stands directly in the braces that open before `begin`; each block within is `{}` and ends a declaration.
std::string body_of(const std::string& code, size_t begin) {
  std::string body;
  size_t depth = 1;
  for (size_t at = begin; at < code.size() && depth > 0; ++at) {
    if (code[at] == '{') {
      if (++depth == 2) body += '{';
    } else if (code[at] == '}') {
      if (--depth == 1) body += "};";
    } else if (depth == 1) {
      body += code[at];
    }
  }
  return body;
}

std::set<std::string> methods_of(const std::string& body) {
  static const std::regex arguments("<[^<>]*>");
  static const std::regex no_method(R"(^\s*(using|typedef|static_assert|friend|class|struct|enum)\b)");
  static const std::regex name(R"((~?\b\w+|\boperator\S+)\s*\()");
  std::set<std::string> names;
  for (size_t begin = 0; begin < body.size();) {
    const size_t end = std::min(body.find(';', begin), body.size());
    std::string declaration = body.substr(begin, end - begin);
    begin = end + 1;
    for (int nested = 0; nested < 3; ++nested) declaration = std::regex_replace(declaration, arguments, "");
    std::smatch found;
    if (std::regex_search(declaration, no_method) || !std::regex_search(declaration, found, name)) continue;
    // A member that is initialised by a call is none.
    if (found.prefix().str().find('=') == std::string::npos) names.insert(found[1]);
  }
  return names;
}

}  // namespace

std::vector<Violation> check_class_sizes(const Tree& tree) {
  static const std::regex head(R"(\b(?:class|struct)\s+([\w:]+)(?:\s+final)?\s*(?::[^;{()]*)?\{)");
  std::vector<Violation> found;
  for (const auto& [path, text] : tree) {
    if (path.starts_with("tests/")) continue;
    const std::string code = without_comments_and_quotes(text);
    for (std::sregex_iterator at(code.begin(), code.end(), head), end; at != end; ++at) {
      const std::string name = (*at)[1];
      const auto begin = static_cast<size_t>(at->position() + at->length());
      const size_t n_methods = methods_of(body_of(code, begin)).size();
      const auto older = older_than_the_rule().find(name);
      const size_t most = older == older_than_the_rule().end() ? kMostMethods : older->second;
      if (n_methods <= most) continue;
      const auto line =
          static_cast<size_t>(std::count(code.begin(), code.begin() + at->position(), '\n')) + 1;
      found.push_back({path, line,
                       name + " has " + std::to_string(n_methods) + " methods: above " +
                           std::to_string(most) + ", is it still about one thing?"});
    }
  }
  return found;
}

}  // namespace pirn::architecture
