#include "tests/architecture/rules.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <regex>

namespace pirn::architecture {
namespace {

constexpr size_t kMostLines = 700;
// The folders whose code the arrows govern; tests may see everything.
constexpr std::string_view kGoverned[] = {"sdk/", "packager/", "registry/", "host/", "plugins/"};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string folder_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? "" : path.substr(0, slash));
}

// `path` is `holder` or lies in it.
bool within(std::string_view path, std::string_view holder) {
  return path == holder ||
         (path.starts_with(holder) && path.size() > holder.size() && path[holder.size()] == '/');
}

bool is_governed(std::string_view path) {
  return std::any_of(std::begin(kGoverned), std::end(kGoverned),
                     [&](auto top) { return path.starts_with(top); });
}

// "a/b/../c" and "a/./c" without the detours.
std::string normal(std::string_view path) {
  std::vector<std::string> kept;
  for (auto& part : split(path, '/')) {
    if (part == ".." && !kept.empty()) {
      kept.pop_back();
    } else if (part != "." && !part.empty()) {
      kept.push_back(std::move(part));
    }
  }
  std::string joined;
  for (const auto& part : kept) joined += (joined.empty() ? "" : "/") + part;
  return joined;
}

// The names in `quotes` of a cell of a Markdown table.
std::vector<std::string> quoted(std::string_view cell) {
  std::vector<std::string> names;
  const auto parts = split(cell, '`');
  for (size_t i = 1; i < parts.size(); i += 2) names.push_back(parts[i]);
  return names;
}

struct Include {
  size_t line;
  std::string name;
  bool angled;
};

std::vector<Include> includes_of(std::string_view text) {
  static const std::regex pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<Include> found;
  size_t number = 0;
  for (const auto& line : split(text, '\n')) {
    ++number;
    std::smatch match;
    if (std::regex_search(line, match, pattern)) found.push_back({number, match[2], match[1] == "<"});
  }
  return found;
}

// The file of the tree that an include names; empty when it is the system's or another project's.
std::string resolve(const Tree& tree, std::string_view from, const Include& include) {
  if (const auto in_sdk = "sdk/include/" + include.name; tree.contains(in_sdk)) return in_sdk;
  if (include.angled) return "";
  if (tree.contains(include.name)) return include.name;
  const auto beside = normal(folder_of(from) + "/" + include.name);
  return tree.contains(beside) ? beside : "";
}

std::string stem(std::string_view path) { return std::string(path.substr(0, path.rfind('.'))); }

void find_words(const std::string& path, const std::string& code, const std::regex& pattern,
                const std::string& why, std::vector<Violation>& found) {
  size_t number = 0;
  for (const auto& line : split(code, '\n')) {
    ++number;
    std::smatch match;
    if (std::regex_search(line, match, pattern)) {
      auto word = match.str();
      word.erase(0, word.find_first_not_of(" \t"));
      found.push_back({path, number, "`" + word + "`: " + why});
    }
  }
}

}  // namespace

std::string without_comments_and_quotes(std::string_view text) {
  std::string out(text);
  auto blank = [&](size_t from, size_t to) {
    for (size_t i = from; i < to && i < out.size(); ++i)
      if (out[i] != '\n') out[i] = ' ';
  };
  size_t i = 0;
  auto end_of = [&](std::string_view mark, size_t from) {
    const size_t at = text.find(mark, from);
    return at == std::string_view::npos ? text.size() : at + mark.size();
  };
  while (i < text.size()) {
    const std::string_view rest = text.substr(i);
    size_t end = i + 1;
    if (rest.starts_with("#include")) {
      i = end_of("\n", i);
      continue;
    }
    if (rest.starts_with("//")) {
      end = text.find('\n', i);
      if (end == std::string_view::npos) end = text.size();
      blank(i, end);
    } else if (rest.starts_with("/*")) {
      end = end_of("*/", i + 2);
      blank(i, end);
    } else if (rest.starts_with("R\"")) {
      const size_t open = text.find('(', i);
      if (open == std::string_view::npos) break;
      end = end_of(")" + std::string(text.substr(i + 2, open - i - 2)) + "\"", open);
      blank(i, end);
    } else if (rest[0] == '"') {
      while (end < text.size() && text[end] != '"' && text[end] != '\n') end += text[end] == '\\' ? 2 : 1;
      blank(i + 1, end++);
    } else if (rest[0] == '\'' && (i == 0 || !std::isalnum(static_cast<unsigned char>(text[i - 1])))) {
      while (end < text.size() && text[end] != '\'' && text[end] != '\n') end += text[end] == '\\' ? 2 : 1;
      blank(i + 1, end++);
    }
    i = std::min(end, text.size());
  }
  return out;
}

std::string print(const std::vector<Violation>& violations) {
  std::string text;
  for (const auto& violation : violations) {
    text += violation.path + (violation.line ? ":" + std::to_string(violation.line) : "") + ": " +
            violation.what + "\n";
  }
  return text;
}

std::string Arrows::row_of(std::string_view path) const {
  std::string best;
  for (const auto& [row, targets] : rows) {
    if (within(path, row) && row.size() > best.size()) best = row;
  }
  return best;
}

bool Arrows::allows(std::string_view row, std::string_view target) const {
  if (row_of(target) == row) return true;
  const auto found = rows.find(std::string(row));
  if (found == rows.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(),
                     [&](const std::string& allowed) { return within(target, allowed); });
}

Arrows read_arrows(std::string_view page) {
  Arrows arrows;
  const size_t begin = page.find("arrows:begin"), end = page.find("arrows:end");
  if (begin == std::string_view::npos || end == std::string_view::npos) return arrows;
  for (const auto& line : split(page.substr(begin, end - begin), '\n')) {
    const auto cells = split(line, '|');
    if (cells.size() < 4) continue;
    const auto names = quoted(cells[1]), targets = quoted(cells[2]);
    for (const auto& name : names) arrows.rows[name].insert(targets.begin(), targets.end());
  }
  return arrows;
}

std::vector<Violation> check_includes(const Arrows& arrows, const Tree& tree) {
  std::vector<Violation> found;
  std::set<std::string> used;
  for (const auto& [path, text] : tree) {
    if (!is_governed(path)) continue;
    const auto row = arrows.row_of(path);
    if (row.empty()) {
      found.push_back({path, 0, "its folder has no row in the table of docs/architecture.md"});
      continue;
    }
    used.insert(row);
    for (const auto& include : includes_of(text)) {
      const auto target = resolve(tree, path, include);
      if (target.empty()) {
        const bool ours = is_governed(include.name) || include.name.starts_with("tests/");
        if (!include.angled && ours)
          found.push_back(
              {path, include.line, "includes `" + include.name + "`, which code of this layer may not see"});
        continue;
      }
      if (!arrows.allows(row, target)) {
        found.push_back(
            {path, include.line,
             "includes `" + target + "`, and docs/architecture.md has no arrow from `" + row + "` to it"});
      }
    }
  }
  for (const auto& [row, targets] : arrows.rows) {
    if (!used.contains(row))
      found.push_back({row, 0, "is a row of docs/architecture.md and holds no source"});
  }
  return found;
}

std::vector<Violation> check_direction(const Arrows& arrows) {
  std::vector<Violation> found;
  for (const auto& [start, ignored] : arrows.rows) {
    std::set<std::string> seen;
    std::function<bool(const std::string&)> returns = [&](const std::string& row) {
      const auto at = arrows.rows.find(row);
      if (at == arrows.rows.end()) return false;
      for (const auto& target : at->second) {
        // An arrow to one file of another folder reaches that file's own row, when it has one.
        if (target == start ||
            (arrows.rows.contains(target) && seen.insert(target).second && returns(target)))
          return true;
      }
      return false;
    };
    if (returns(start)) found.push_back({start, 0, "can be reached from itself: arrows only point down"});
  }
  return found;
}

std::vector<Target> read_targets(std::string_view text) {
  std::vector<Target> targets;
  for (const auto& line : split(text, '\n')) {
    const auto cells = split(line, '|');
    if (cells.size() != 4) continue;
    Target target{cells[0], cells[1], {}, {}};
    for (const auto& source : split(cells[2], ';'))
      if (!source.empty()) target.sources.push_back(source);
    for (const auto& link : split(cells[3], ';'))
      if (!link.empty()) target.links.push_back(link);
    targets.push_back(std::move(target));
  }
  return targets;
}

std::vector<Violation> check_links(const Arrows& arrows, const std::vector<Target>& targets) {
  std::vector<Violation> found;
  std::map<std::string, const Target*> by_name;
  for (const auto& target : targets) by_name[target.name] = &target;
  for (const auto& target : targets) {
    if (!is_governed(target.folder + "/")) continue;
    // A target that is one file with a row of its own (the composition root) follows that row.
    std::set<std::string> rows;
    for (const auto& source : target.sources) rows.insert(arrows.row_of(source));
    if (rows.empty()) rows.insert(arrows.row_of(target.folder));
    for (const auto& name : target.links) {
      const auto linked = by_name.find(name);
      if (linked == by_name.end() || linked->second->folder.empty()) continue;
      const auto& other = *linked->second;
      // The arrow may be to the folder, or to a header whose source the other target holds.
      const bool allowed = std::any_of(rows.begin(), rows.end(), [&](const std::string& row) {
        if (arrows.row_of(other.folder) == row || arrows.allows(row, other.folder)) return true;
        const auto at = arrows.rows.find(row);
        return at != arrows.rows.end() &&
               std::any_of(at->second.begin(), at->second.end(), [&](const auto& arrow) {
                 // A seam is a header alone: `a/b/runner.h` is the target pirn_runner of `a/b`.
                 const bool seam = other.sources.empty() && folder_of(arrow) == other.folder &&
                                   "pirn_" + stem(arrow.substr(arrow.rfind('/') + 1)) == other.name;
                 return seam ||
                        std::any_of(other.sources.begin(), other.sources.end(), [&](const auto& source) {
                          return stem(source) == stem(arrow) || within(source, arrow);
                        });
               });
      });
      if (!allowed) {
        found.push_back({target.folder + "/CMakeLists.txt", 0,
                         target.name + " links " + name + " of `" + other.folder +
                             "`, and docs/architecture.md has no arrow to it"});
      }
    }
  }
  return found;
}

std::vector<Violation> check_absences(const Tree& tree) {
  static const std::regex loads(R"(\bdl(m?open|vsym)\s*\(|#\s*include\s*<boost/dll|\bshared_library\b)");
  static const std::regex impure_includes(
      R"(#\s*include\s*<(random|fstream|filesystem|cstdio|stdio\.h|iostream|ctime|time\.h|thread|future|unistd\.h|fcntl\.h|sys/[^>]*|sqlite3\.h|curl/[^>]*|openssl/rand\.h|boost/(asio|beast|filesystem)[^>]*)>)");
  static const std::regex impure_words(
      R"(\b(system|steady|high_resolution|utc|tai|gps|file)_clock\b|\bclock_gettime\b|\bgettimeofday\b|\bstd::time\b|\btime\s*\(\s*(NULL|nullptr|0)?\s*\)|\bs?rand\s*\(|\bgetrandom\b|\brandom_device\b|\bmt19937|\bgetenv\b|\bfopen\b|\bsleep_for\b|\bsleep_until\b)");
  static const std::regex unchecked(
      R"(\bstd::((recursive_|shared_)?(timed_)?mutex|(lock|unique|scoped|shared)_lock|lock_guard|condition_variable(_any)?)\b)");
  std::vector<Violation> found;
  for (const auto& [path, text] : tree) {
    if (!is_governed(path)) continue;
    const bool product =
        path.starts_with("host/") || path.starts_with("registry/") || path.starts_with("packager/");
    // A search for plain words first: few files have them, and regular expressions are slow.
    const auto has = [&text = text](const char* word) { return text.find(word) != std::string::npos; };
    if (product && !path.starts_with("packager/mutex/") &&
        (has("std::mutex") || has("_mutex") || has("_lock") || has("lock_guard") ||
         has("condition_variable")))
      find_words(path, without_comments_and_quotes(text), unchecked, "use packager/mutex, which clang checks",
                 found);
    const bool pure = path.starts_with("host/engine/") || path.starts_with("host/scheduler/");
    const bool may_load = path.starts_with("packager/library/");
    if (!pure && may_load) continue;
    const auto code = without_comments_and_quotes(text);
    if (!may_load) find_words(path, code, loads, "only packager/library loads libraries", found);
    if (pure) {
      const std::string why =
          "nothing in host/engine and host/scheduler reads a clock, a random source, a file or a socket";
      find_words(path, code, impure_includes, why, found);
      find_words(path, code, impure_words, why, found);
    }
  }
  return found;
}

std::vector<Violation> check_habits(const Tree& tree) {
  static const std::set<std::string> drawers = {"util",   "utils",   "common", "base", "misc",
                                                "helper", "helpers", "shared", "lib"};
  static const std::regex vague(R"(\b(class|struct)\s+\w*(Manager|Handler|Helper|Util|Utils)\b)");
  // Written apart, so that this file does not find itself.
  static const std::regex left_open(
      "\\b(TO"
      "DO|FIX"
      "ME|XX"
      "X|HA"
      "CK)\\b");
  // What these print, read or tell apart depends on the process's locale. (std::to_string of a double
  // does, too, and cannot be seen in the words alone.)
  static const std::regex local(
      R"(\bstd::(to(lower|upper)|is(alpha|alnum|digit|space|upper|lower|punct|print|xdigit))\s*\(|\b(std::)?(strto(d|f|ld)|ato[fil]|sto(d|f|ld)|setlocale)\s*\(|\bstd::(setprecision|put_time|get_time)\b)");
  static const std::regex local_format(R"(printf\s*\([^;]*"[^"]*%[-+#0]*[0-9*]*(\.[0-9*]*)?L?[aefgAEFG])");
  std::vector<Violation> found;
  std::set<std::string> reported;
  for (const auto& [path, text] : tree) {
    const bool writes_text =
        path.starts_with("host/") || path.starts_with("registry/") || path.starts_with("packager/");
    if (writes_text && path != "host/worker/call_scope.cc") {
      const std::string why = "depends on the locale; packager/json/plain_text.h does not";
      find_words(path, without_comments_and_quotes(text), local, why, found);
      if (text.find("printf") != std::string::npos) find_words(path, text, local_format, why, found);
    }
    const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
    if (lines > kMostLines) {
      found.push_back({path, 0,
                       std::to_string(lines) + " lines: above " + std::to_string(kMostLines) +
                           ", is it still about one thing?"});
    }
    for (const auto& part : split(folder_of(path), '/')) {
      if (drawers.contains(part) && reported.insert(folder_of(path)).second) {
        found.push_back(
            {folder_of(path), 0, "a drawer: what two layers share lives with its first user below"});
      }
    }
    find_words(path, without_comments_and_quotes(text), vague, "name it after what it is in the domain",
               found);
    find_words(path, text, left_open, "nothing is left open in the code", found);
  }
  return found;
}

std::vector<Violation> check_top_level(const std::set<std::string>& names) {
  static const std::set<std::string> fixed = {
      "CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "dev", "docs",
      "host",           "packager",          "plugins", "registry",  "sdk", "tests"};
  std::vector<Violation> found;
  for (const auto& name : names)
    if (!fixed.contains(name)) found.push_back({name, 0, "is not one of the fixed names of the top level"});
  for (const auto& name : fixed)
    if (!names.contains(name)) found.push_back({name, 0, "is missing at the top level"});
  return found;
}

}  // namespace pirn::architecture
