// Reads the values of a definition: names, durations, choices, references to functions, and objects by tables
// of their keys. Each reader either fills in its target or adds what is wrong to the problems, with the
// place, and goes on, so that one pass finds everything. Private to packager/definition.
#pragma once

#include <algorithm>
#include <boost/json/value.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "packager/definition/definition.h"
#include "packager/definition/problems.h"
#include "packager/definition/source.h"
#include "packager/definition/vocabulary.h"
#include "packager/definition/words.h"

namespace pirn::definition {

inline constexpr size_t kMaxLabel = 256;
inline constexpr size_t kMaxDescription = 16'384;
inline constexpr int64_t kMaxCount = 1'000'000;  // of retries, concurrent steps, …
inline constexpr int64_t kMaxUint32 = 0xFFFF'FFFF;

inline std::string_view view(const boost::json::string& text) { return {text.data(), text.size()}; }

class ValueReader;

// One key of an object, and what reads its value into a T.
template <class T>
struct Field {
  std::string_view key;
  void (*read)(ValueReader& in, const Node& node, T& target);
};

// The keys of an object that go into `target`. An object may have several such parts.
template <class T>
struct Part {
  std::span<const Field<T>> fields;
  T& target;
};
template <class T, size_t N>
Part<T> part(const Field<T> (&fields)[N], T& target) {
  return {fields, target};
}

class ValueReader {
 public:
  enum class Zero : bool { refused, allowed };
  enum class Infinity : bool { refused, allowed };

  // `source` is lent for the life of the reader; the ids of `functions` too.
  ValueReader(const Source& source, const std::vector<Function>* functions);

  const Source& source() const { return source_; }
  Problems& problems() { return problems_; }

  // What is being read, for messages: "the step 'x'".
  const std::string& subject() const { return subject_; }
  // Names another subject, and returns the one before.
  std::string about(std::string subject) { return std::exchange(subject_, std::move(subject)); }
  // Where the author declared what is being read; null: not known. Returns the previous place.
  const Where* declared_at(const Where* where) { return std::exchange(declared_, where); }

  // Where a message points: where the author declared the object, if known, or else to the text.
  Where where(uint32_t offset) const;
  void problem(Code code, const Node& node, std::string message, std::string hint);
  void unknown_key(const Node& node, Level level, std::vector<std::string> keys);
  void require(const Node& object, Level level, std::initializer_list<std::string_view> keys);
  bool wrong_type(const Node& node, std::string_view wanted);  // false
  void bad_value(const Node& node, const std::string& why, std::string hint);

  // False: it is not an object.
  template <class... T>
  bool read_fields(const Node& object, Level level, Part<T>... parts) {
    if (!object.value->is_object()) return wrong_type(object, "an object");
    for (const Node& node : object.children)
      if (!(read_field(node, parts) || ...)) unknown_key(node, level, keys_of(parts...));
    return true;
  }

  std::optional<std::string_view> text_of(const Node& node);
  void read_text(const Node& node, std::string& out, size_t limit);
  // As read_text, and refuses "".
  void read_some_text(const Node& node, std::string& out, size_t limit);
  // A name of an event, or a tag (is_event_name).
  void read_event_name(const Node& node, std::string& out);
  void read_name(const Node& node, std::string& out);
  void read_truth(const Node& node, bool& out);
  std::optional<int64_t> read_integer(const Node& node, int64_t least, int64_t most);
  void read_count(const Node& node, uint32_t& out, int64_t least = 0, int64_t most = kMaxCount);
  std::optional<double> read_number(const Node& node);
  void read_duration(const Node& node, int64_t& out, Zero zero, Infinity infinity);
  void read_object(const Node& node, JsonText& out);
  // {"function": "id"}; false: it is something else.
  bool read_function_form(const Node& node, std::string& out, uint32_t kind);
  // True if `node` is a list of at most `limit` elements.
  bool is_list(const Node& node, size_t limit);
  // A string, or a list of strings, none of them empty.
  void read_texts(const Node& node, std::vector<std::string>& out, size_t limit);
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

 private:
  template <class T>
  bool read_field(const Node& node, const Part<T>& part) {
    const auto field = std::find_if(part.fields.begin(), part.fields.end(),
                                    [&](const auto& candidate) { return candidate.key == node.key; });
    if (field == part.fields.end()) return false;
    field->read(*this, node, part.target);
    return true;
  }
  template <class... T>
  static std::vector<std::string> keys_of(const Part<T>&... parts) {
    std::vector<std::string> keys;
    const auto add = [&keys](const auto& fields) {
      for (const auto& field : fields) keys.emplace_back(field.key);
    };
    (add(parts.fields), ...);
    return keys;
  }

  void wrong_choice(const Node& node, std::string_view word, const std::vector<std::string>& names);
  std::string suggest_function(const std::string& id, uint32_t kind) const;

  const Source& source_;
  Problems problems_;
  std::string subject_ = "the document";
  const Where* declared_ = nullptr;
  bool functions_known_;
  std::unordered_map<std::string_view, uint32_t> functions_;  // id to PIRN_KIND_
};

}  // namespace pirn::definition
