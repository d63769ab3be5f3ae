// Reads the single values of a definition: names, durations, choices, references to functions. Each reader
// either fills in its target or adds what is wrong to the problems, with the place. Private to
// packager/definition.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "packager/definition/definition.h"
#include "packager/definition/problems.h"
#include "packager/definition/source.h"
#include "packager/definition/vocabulary.h"
#include "packager/definition/words.h"

namespace pirn::definition {

inline std::string_view view(const boost::json::string& text) { return {text.data(), text.size()}; }

class ValueReader {
 protected:
  enum class Zero : bool { refused, allowed };
  enum class Infinity : bool { refused, allowed };

  // `source` is lent for the life of the reader; the ids of `functions` too.
  ValueReader(const Source& source, const std::vector<Function>* functions);

  // Where a message points: where the author declared the object, if he said so, or else to the text.
  Where where(uint32_t offset) const;
  void problem(Code code, const Node& node, std::string message, std::string hint);
  void unknown_key(const Node& node, Level level, std::vector<std::string> keys);
  void unsupported_key(const Node& node);
  void require(const Node& object, Level level, std::initializer_list<std::string_view> keys);
  bool wrong_type(const Node& node, std::string_view wanted);  // false
  void bad_value(const Node& node, const std::string& why, std::string hint);

  std::optional<std::string_view> text_of(const Node& node);
  void read_text(const Node& node, std::string& out, size_t limit);
  void read_name(const Node& node, std::string& out);
  void read_truth(const Node& node, bool& out);
  std::optional<int64_t> read_integer(const Node& node, int64_t least, int64_t most);
  void read_duration(const Node& node, int64_t& out, Zero zero, Infinity infinity);
  void read_object(const Node& node, JsonText& out);
  // A function id of the package, of `kind` (PIRN_KIND_) or, where the ABI allows it, a task.
  void read_function(const Node& node, std::string& out, uint32_t kind);
  void check_function(const Node& node, const std::string& id, uint32_t kind);
  // "file:line" or "file:line:column"
  std::optional<Where> read_place(const Node& node, std::string& at);

  template <class E, size_t N>
  void read_choice(const Node& node, const Choice<E> (&choices)[N], E& out) {
    const std::optional<std::string_view> word = text_of(node);
    if (!word) return;
    if (const E* chosen = choose(choices, *word))
      out = *chosen;
    else
      wrong_choice(node, *word, names_of(choices));
  }

  const Source& source_;
  Problems problems_;
  std::string subject_ = "the document";  // what is being read: "the step 'x'"
  const Where* declared_ = nullptr;       // where its author declared it; null: unknown

 private:
  void wrong_choice(const Node& node, std::string_view word, const std::vector<std::string>& names);
  std::string suggest_function(const std::string& id, uint32_t kind) const;

  bool functions_known_;
  std::unordered_map<std::string_view, uint32_t> functions_;  // id to PIRN_KIND_
};

}  // namespace pirn::definition
