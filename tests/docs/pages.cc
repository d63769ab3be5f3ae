#include "tests/docs/pages.h"

#include <regex>
#include <sstream>

namespace pirn::docs {
namespace {

std::vector<std::string> all_matches(const std::string& text, const std::regex& pattern, size_t group) {
  std::vector<std::string> found;
  for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match)
    found.push_back((*match)[group].str());
  return found;
}

std::string normal(const std::string& path) {
  std::vector<std::string> kept;
  std::istringstream parts(path);
  for (std::string part; std::getline(parts, part, '/');) {
    if (part == ".." && !kept.empty()) {
      kept.pop_back();
    } else if (!part.empty() && part != ".") {
      kept.push_back(part);
    }
  }
  std::string joined;
  for (const auto& part : kept) joined += (joined.empty() ? "" : "/") + part;
  return joined;
}

bool contains_word(const std::string& text, const std::string& word) {
  return std::regex_search(text, std::regex("\\b" + word + "\\b"));
}

}  // namespace

std::vector<std::string> check_pages(const Tree& pages, const Tree& sources,
                                     const std::set<std::string>& paths) {
  static const std::regex kLink(R"(\]\(([^)#:\s]+)(#[^)]*)?\))");
  static const std::regex kPath(R"(`((?:sdk|packager|registry|host|plugins|tests|docs)/[A-Za-z0-9_./-]+)`)");
  static const std::regex kFunction(R"(`(?:[A-Za-z_]+::)*([A-Za-z_]+)\(\)`)");
  std::vector<std::string> wrong;
  for (const auto& [page, text] : pages) {
    const size_t slash = page.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : page.substr(0, slash + 1);
    std::istringstream lines(text);
    std::string line;
    for (size_t number = 1; std::getline(lines, line); ++number) {
      const auto at = page + ":" + std::to_string(number) + ": ";
      for (const auto& link : all_matches(line, kLink, 1))
        if (!paths.contains(normal(folder + link))) wrong.push_back(at + "the link leads nowhere: " + link);
      const auto named = all_matches(line, kPath, 1);
      for (const auto& path : named)
        if (!paths.contains(normal(path))) wrong.push_back(at + "there is no " + path);
      if (named.empty()) continue;
      for (const auto& function : all_matches(line, kFunction, 1)) {
        bool found = false;
        for (const auto& path : named) {
          const auto source = sources.find(normal(path));
          found |= source != sources.end() && contains_word(source->second, function);
        }
        if (!found) wrong.push_back(at + function + "() does not stand in " + named.front());
      }
    }
  }
  return wrong;
}

std::vector<std::string> check_rule_numbers(const std::string& semantics, const Tree& sources) {
  static const std::regex kNumber(R"(\b([RSEF]\d{1,2}b?)\b)");
  std::set<std::string> known;
  for (const auto& number : all_matches(semantics, kNumber, 1)) known.insert(number);
  std::vector<std::string> missing;
  for (const auto& [path, text] : sources) {
    if (!path.starts_with("host/") && !path.starts_with("packager/definition/")) continue;
    std::istringstream lines(text);
    std::string line;
    for (size_t number = 1; std::getline(lines, line); ++number) {
      const size_t comment = line.find("//");
      if (comment == std::string::npos) continue;
      for (const auto& rule : all_matches(line.substr(comment), kNumber, 1))
        if (!known.contains(rule)) missing.push_back(path + ":" + std::to_string(number) + ": " + rule);
    }
  }
  return missing;
}

}  // namespace pirn::docs
