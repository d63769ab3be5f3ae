#include "packager/definition/values.h"

#include <pirn/abi.h>

#include <algorithm>
#include <charconv>

#include "packager/definition/event_name.h"
#include "packager/json/json.h"

namespace pirn::definition {
namespace {

namespace json = boost::json;

constexpr size_t kMaxName = 63;

std::string_view kind_name(uint32_t kind) {
  constexpr std::string_view kNames[] = {"function of an unknown kind",
                                         "task",
                                         "rollback",
                                         "fallback",
                                         "handler",
                                         "hook",
                                         "condition",
                                         "duration",
                                         "backoff",
                                         "input",
                                         "result"};
  return kNames[kind < std::size(kNames) ? kind : 0];
}

std::string with_article(uint32_t kind) {
  return (kind == PIRN_KIND_INPUT ? "an " : "a ") + std::string(kind_name(kind));
}

// What the ABI says about the kinds that a task may stand in for.
bool serves_as(uint32_t exported, uint32_t wanted) {
  if (exported == wanted) return true;
  return exported == PIRN_KIND_TASK && (wanted == PIRN_KIND_ROLLBACK || wanted == PIRN_KIND_FALLBACK ||
                                        wanted == PIRN_KIND_HANDLER || wanted == PIRN_KIND_HOOK);
}

std::string_view type_name(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a Boolean";
    case json::kind::int64:
    case json::kind::uint64:
      return "an integer";
    case json::kind::double_:
      return "a fractional number";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "a list";
    case json::kind::object:
      return "an object";
  }
  return "";
}

constexpr size_t kMaxPlace = 4096;

// For messages: the beginning of a string from the document, without what would upset a terminal.
std::string shown(std::string_view text, size_t limit = 80) {
  size_t end = std::min(text.size(), limit);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  std::string out(text.substr(0, end));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return end < text.size() ? out + "…" : out;
}

std::string quoted_list(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "\"" : ", \"") + word + "\"";
  return list;
}

std::string did_you_mean(const std::string& near) { return "Did you mean \"" + near + "\"?"; }

// Takes ":123" off the end.
uint32_t take_number(std::string_view& text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos || colon + 1 == text.size()) return 0;
  uint32_t number = 0;
  const auto [end, failure] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return 0;
  text = text.substr(0, colon);
  return number;
}

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName && is_name_start(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_name_start(c) || c == '_' || c == '-'; });
}

ValueReader::ValueReader(const Source& source, const std::vector<Function>* functions)
    : source_(source), functions_known_(functions != nullptr) {
  if (functions_known_)
    for (const Function& function : *functions) functions_.emplace(function.id, function.kind);
}

Where ValueReader::where(uint32_t offset) const {
  return declared_ != nullptr ? *declared_ : source_.where(offset);
}

void ValueReader::problem(Code code, const Node& node, std::string message, std::string hint) {
  problems_.add(code, std::move(message), std::move(hint), where(node.offset), node.offset);
}

void ValueReader::unknown_key(const Node& node, Level level, std::vector<std::string> keys) {
  std::string hint(translation(level, node.key));
  if (hint.empty() && problems_.worth_a_suggestion()) {
    const std::string near = nearest(node.key, keys);
    if (!near.empty()) hint = did_you_mean(near);
  }
  if (hint.empty()) hint = "Remove it; docs/reference/definition.md lists the keys.";
  problems_.add(
      Code::unknown_key,
      std::string(level_name(level)) + " has no key \"" + shown(node.key) + "\" (in " + subject_ + ")",
      std::move(hint), where(node.key_offset), node.key_offset);
}

void ValueReader::require(const Node& object, Level level, std::initializer_list<std::string_view> keys) {
  if (!object.value->is_object()) return;
  for (const std::string_view key : keys)
    if (object.find(key) == nullptr)
      problem(Code::missing_key, object,
              std::string(level_name(level)) + " has no \"" + std::string(key) + "\"",
              "Add \"" + std::string(key) + "\".");
}

bool ValueReader::wrong_type(const Node& node, std::string_view wanted) {
  const std::string what = node.key.empty() ? "an element" : "\"" + shown(node.key) + "\"";
  problem(Code::wrong_type, node,
          what + " of " + subject_ + " is " + std::string(type_name(*node.value)) + ", but must be " +
              std::string(wanted),
          "Write " + std::string(wanted) + " here.");
  return false;
}

void ValueReader::bad_value(const Node& node, const std::string& why, std::string hint) {
  const std::string what = node.key.empty() ? "an element" : "\"" + shown(node.key) + "\"";
  problem(Code::invalid_value, node, what + " of " + subject_ + " " + why, std::move(hint));
}

std::optional<std::string_view> ValueReader::text_of(const Node& node) {
  if (const json::string* text = node.value->if_string()) return view(*text);
  wrong_type(node, "a string");
  return {};
}

void ValueReader::read_text(const Node& node, std::string& out, size_t limit) {
  const std::optional<std::string_view> text = text_of(node);
  if (!text) return;
  if (text->size() > limit)
    return bad_value(
        node,
        "has " + std::to_string(text->size()) + " bytes; at most " + std::to_string(limit) + " are allowed",
        "Make it shorter.");
  out = *text;
}

void ValueReader::read_some_text(const Node& node, std::string& out, size_t limit) {
  read_text(node, out, limit);
  if (node.value->is_string() && node.value->get_string().empty())
    bad_value(node, "is empty", "Write something here, or leave it out.");
}

void ValueReader::read_event_name(const Node& node, std::string& out) {
  read_some_text(node, out, kMaxEventName);
  if (!out.empty() && !is_event_name(out))
    bad_value(node, "has an invisible character, or a space at its start or end",
              "Names of events and tags must be visible UTF-8 text, such as \"order.created\".");
}

void ValueReader::read_name(const Node& node, std::string& out) {
  const std::optional<std::string_view> name = text_of(node);
  if (!name) return;
  if (!is_name(*name))
    return problem(
        Code::invalid_name, node,
        name->empty() ? "a name in " + subject_ + " is empty"
                      : "\"" + shown(*name) + "\" in " + subject_ + " is not a valid name",
        "A name has 1 to 63 characters of a-z, 0-9, '_' and '-', and starts with a letter or a digit.");
  out = *name;
}

void ValueReader::read_truth(const Node& node, bool& out) {
  if (const bool* truth = node.value->if_bool())
    out = *truth;
  else
    wrong_type(node, "true or false");
}

std::optional<int64_t> ValueReader::read_integer(const Node& node, int64_t least, int64_t most) {
  const int64_t* number = node.value->if_int64();
  if (number == nullptr) {
    wrong_type(node, "an integer");
    return {};
  }
  if (*number >= least && *number <= most) return *number;
  bad_value(node, "is out of range: " + std::to_string(*number),
            "Write an integer from " + std::to_string(least) + " to " + std::to_string(most) + ".");
  return {};
}

void ValueReader::read_count(const Node& node, uint32_t& out, int64_t least, int64_t most) {
  if (const std::optional<int64_t> count = read_integer(node, least, most))
    out = static_cast<uint32_t>(*count);
}

std::optional<double> ValueReader::read_number(const Node& node) {
  if (const int64_t* integer = node.value->if_int64()) return static_cast<double>(*integer);
  if (const double* number = node.value->if_double()) return *number;
  wrong_type(node, "a number");
  return {};
}

void ValueReader::read_duration(const Node& node, int64_t& out, Zero zero, Infinity infinity) {
  const std::string what = "\"" + shown(node.key) + "\" of " + subject_;
  Result<int64_t> duration = 0;
  if (const json::string* text = node.value->if_string())
    duration = parse_duration(view(*text));
  else if (const int64_t* ms = node.value->if_int64())
    duration = parse_duration(std::to_string(*ms));
  else
    return void(wrong_type(node, "a duration such as \"30s\""));
  if (!duration)
    return problem(Code::invalid_duration, node, what + ": " + duration.error().message,
                   duration.error().hint);
  if (*duration == 0 && zero == Zero::refused)
    return problem(Code::invalid_duration, node, what + " is zero",
                   "Write a duration above zero, or leave it out.");
  if (*duration == kInfinite && infinity == Infinity::refused)
    return problem(Code::invalid_duration, node, what + " is infinite", "Write a finite duration.");
  out = *duration;
}

void ValueReader::read_object(const Node& node, JsonText& out) {
  if (!node.value->is_object())
    wrong_type(node, "an object");
  else if (!node.children.empty())
    out = canonical(*node.value);
}

bool ValueReader::read_function_form(const Node& node, std::string& out, uint32_t kind) {
  if (!node.value->is_object() || node.children.size() != 1 || node.children[0].key != "function")
    return false;
  read_function(node.children[0], out, kind);
  return true;
}

bool ValueReader::is_list(const Node& node, size_t limit) {
  if (!node.value->is_array()) return wrong_type(node, "a list");
  if (node.children.size() <= limit) return true;
  problem(Code::too_large, node,
          "\"" + node.key + "\" of " + subject_ + " has " + std::to_string(node.children.size()) +
              " elements; at most " + std::to_string(limit) + " are allowed",
          "Make the list shorter.");
  return false;
}

void ValueReader::read_texts(const Node& node, std::vector<std::string>& out, size_t limit) {
  if (node.value->is_string()) return read_event_name(node, out.emplace_back());
  if (!node.value->is_array()) return void(wrong_type(node, "a string or a list of strings"));
  if (!is_list(node, limit)) return;
  if (node.children.empty()) bad_value(node, "is empty", "Name at least one, or leave it out.");
  for (const Node& element : node.children) read_event_name(element, out.emplace_back());
}

void ValueReader::read_function(const Node& node, std::string& out, uint32_t kind) {
  read_name(node, out);
  if (!out.empty()) check_function(node, out, kind);
}

void ValueReader::check_function(const Node& node, const std::string& id, uint32_t kind) {
  if (!functions_known_) return;
  const std::string wanted(kind_name(kind));
  const auto found = functions_.find(id);
  if (found == functions_.end())
    return problem(Code::unknown_function, node,
                   subject_ + " uses the " + wanted + " '" + id + "', but the package does not export it",
                   suggest_function(id, kind));
  if (!serves_as(found->second, kind))
    problem(Code::wrong_function_kind, node,
            subject_ + " uses '" + id + "' as " + with_article(kind) + ", but the package exports it as " +
                with_article(found->second),
            "Use a function of the kind \"" + wanted + "\", or declare '" + id + "' as one.");
}

std::string ValueReader::suggest_function(const std::string& id, uint32_t kind) const {
  if (problems_.worth_a_suggestion()) {
    std::vector<std::string> candidates;
    for (const auto& [name, exported] : functions_)
      if (serves_as(exported, kind)) candidates.emplace_back(name);
    std::sort(candidates.begin(), candidates.end());
    const std::string near = nearest(id, candidates);
    if (!near.empty()) return "Did you mean '" + near + "'?";
  }
  return "Add the function to the package, or correct the name.";
}

std::optional<Where> ValueReader::read_place(const Node& node, std::string& at) {
  read_text(node, at, kMaxPlace);
  if (at.empty()) return {};
  std::string_view rest = at;
  const uint32_t last = take_number(rest);
  const uint32_t before = last == 0 ? 0 : take_number(rest);
  Where where;
  where.file = shown(rest, kMaxPlace);
  where.line = before != 0 ? before : last;
  where.column = before != 0 ? last : 0;
  if (where.line != 0 && !rest.empty()) return where;
  bad_value(node, "is not a place in a file: \"" + shown(at) + "\"",
            "Write \"file:line\" or \"file:line:column\".");
  at.clear();
  return {};
}

void ValueReader::wrong_choice(const Node& node, std::string_view word,
                               const std::vector<std::string>& names) {
  const std::string near = nearest(word, names);
  bad_value(node, "has the unknown value \"" + shown(word) + "\"",
            (near.empty() ? "" : did_you_mean(near) + " ") + "Allowed values: " + quoted_list(names) + ".");
}

}  // namespace pirn::definition
