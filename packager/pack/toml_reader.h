// Reading a TOML file whose keys are all known: every problem at its place, none twice, unknown keys with the
// nearest known one. One thread.
#pragma once

#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "packager/error/error.h"

namespace pirn::pack {

// Collects all problems, each at its place in the text.
class TomlReader {
 public:
  // `code`: of the error that lists them. Text and name of the file are lent.
  TomlReader(std::string_view text, std::string_view file, Code code)
      : text_(text), file_(file), code_(code) {}

  // Hands the parsed text over; afterwards, and where there is none, the problems are the error.
  template <class Visit>
  Status read(Visit visit) {
    try {
      const toml::table root = toml::parse(text_, file_);
      visit(root);
    } catch (const toml::parse_error& error) {
      problem(error.source(), std::string(error.description()));
    }
    if (problems.empty()) return {};
    const size_t count = problems.size();
    return Error{.code = code_,
                 .message = std::string(file_) + " has " + std::to_string(count) +
                            (count == 1 ? " problem" : " problems"),
                 .causes = std::move(problems)};
  }

  std::vector<Error> problems;

  void problem(const toml::source_region& at, std::string message, std::string hint = "",
               std::optional<Code> code = {}) {
    Where where{std::string(file_), at.begin.line, at.begin.column, line(at.begin.line)};
    problems.push_back({.code = code.value_or(code_),
                        .message = std::move(message),
                        .hint = std::move(hint),
                        .where = std::move(where)});
  }
  void check_keys(const toml::table& table, const std::string& name, const std::vector<std::string>& known) {
    for (const auto& [key, value] : table) {
      const std::string word(key.str());
      if (std::find(known.begin(), known.end(), word) != known.end()) continue;
      const std::string meant = nearest(word, known);
      problem(key.source(), "unknown key '" + word + "' in " + name,
              meant.empty() ? "" : "Did you mean '" + meant + "'?");
    }
  }
  std::string string(const toml::table& table, const char* key) {
    const toml::node* node = table.get(key);
    if (!node) return "";
    if (const auto* value = node->as_string()) return value->get();
    problem(node->source(), "'" + std::string(key) + "' must be a string");
    return "";
  }
  bool boolean(const toml::table& table, const char* key) {
    const toml::node* node = table.get(key);
    if (!node) return false;
    if (const auto* value = node->as_boolean()) return value->get();
    problem(node->source(), "'" + std::string(key) + "' must be true or false");
    return false;
  }
  std::optional<int64_t> integer(const toml::table& table, const char* key) {
    const toml::node* node = table.get(key);
    if (!node) return std::nullopt;
    if (const auto* value = node->as_integer(); value && value->get() >= 0) return value->get();
    problem(node->source(), "'" + std::string(key) + "' must be an integer of at least 0");
    return std::nullopt;
  }
  // Each string of a list with its place.
  template <class Visit>
  void strings(const toml::table& table, const char* key, Visit visit) {
    const toml::node* node = table.get(key);
    if (!node) return;
    if (const auto* list = node->as_array()) {
      for (const toml::node& element : *list) {
        if (const auto* value = element.as_string())
          visit(value->get(), element.source());
        else
          problem(element.source(), "each entry of '" + std::string(key) + "' must be a string");
      }
    } else {
      problem(node->source(), "'" + std::string(key) + "' must be a list of strings");
    }
  }

 private:
  std::string line(uint32_t number) const {
    std::string_view rest = text_;
    for (uint32_t i = 1; i < number && !rest.empty(); ++i)
      rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
    return std::string(rest.substr(0, rest.find('\n')));
  }

  std::string_view text_, file_;
  const Code code_;
};

}  // namespace pirn::pack
