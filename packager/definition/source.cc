#include "packager/definition/source.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cassert>

#include "packager/json/json.h"

namespace pirn::definition {
namespace {

namespace json = boost::json;

constexpr size_t kMaxText = 16u << 20;
constexpr size_t kMaxShownLine = 200;  // longer lines come from a program and help nobody

// Finds the nodes of a text that parse_json() has accepted, so every token is well-formed and ends, and the
// depth is limited.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {}

  void walk(Node& node) {
    skip_space();
    node.offset = static_cast<uint32_t>(position_);
    switch (text_[position_]) {
      case '{':
        return walk_object(node);
      case '[':
        return walk_array(node);
      case '"':
        return skip_string();
      default:
        while (position_ < text_.size() && !ends_scalar(text_[position_])) ++position_;
    }
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
  static bool ends_scalar(char c) { return is_space(c) || c == ',' || c == ']' || c == '}'; }

  void skip_space() {
    while (position_ < text_.size() && is_space(text_[position_])) ++position_;
  }

  void skip_string() {
    for (++position_; text_[position_] != '"'; ++position_)
      if (text_[position_] == '\\') ++position_;
    ++position_;
  }

  std::string read_key() {
    const size_t start = position_;
    skip_string();
    const std::string_view quoted = text_.substr(start, position_ - start);
    if (quoted.find('\\') == quoted.npos) return std::string(quoted.substr(1, quoted.size() - 2));
    return std::string(json::parse({quoted.data(), quoted.size()}).get_string());
  }

  // At the first element or the closing bracket. True: an element stands here.
  bool at_element(char closing) {
    skip_space();
    if (text_[position_] == ',') ++position_, skip_space();
    if (text_[position_] != closing) return true;
    ++position_;
    return false;
  }

  void walk_object(Node& node) {
    ++position_;
    while (at_element('}')) {
      Node& child = node.children.emplace_back();
      child.key_offset = static_cast<uint32_t>(position_);
      child.key = read_key();
      skip_space();
      ++position_;  // the colon
      walk(child);
    }
  }

  void walk_array(Node& node) {
    ++position_;
    while (at_element(']')) walk(node.children.emplace_back());
  }

  std::string_view text_;
  size_t position_ = 0;
};

// Keys are unique, and a Boost.JSON object keeps the order in which they came.
void attach(Node& node, const json::value& value) {
  node.value = &value;
  if (const json::object* members = value.if_object()) {
    assert(members->size() == node.children.size());
    size_t i = 0;
    for (const json::key_value_pair& member : *members) attach(node.children[i++], member.value());
  } else if (const json::array* elements = value.if_array()) {
    assert(elements->size() == node.children.size());
    for (size_t i = 0; i < elements->size(); ++i) attach(node.children[i], (*elements)[i]);
  }
}

bool is_continuation_byte(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

const Node* Node::find(std::string_view wanted) const {
  for (const Node& child : children)
    if (child.key == wanted) return &child;
  return nullptr;
}

Source::Source(std::string_view text, std::string_view file) : text_(text), file_(file) {
  line_starts_.push_back(0);
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n') line_starts_.push_back(static_cast<uint32_t>(i + 1));
}

Where Source::where(uint32_t offset) const {
  const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const size_t index = static_cast<size_t>(next - line_starts_.begin()) - 1;
  const uint32_t start = line_starts_[index];
  const size_t end = next == line_starts_.end() ? text_.size() : *next - 1;
  const std::string_view line = text_.substr(start, end - start);

  Where where;
  where.file = file_;
  where.line = static_cast<uint32_t>(index + 1);
  where.column = offset - start + 1;
  if (line.size() > kMaxShownLine) return where;  // counted in bytes: counting characters would take too long
  where.column -= static_cast<uint32_t>(
      std::count_if(line.begin(), line.begin() + (offset - start), is_continuation_byte));
  where.text = line;
  return where;
}

Result<std::unique_ptr<Source>> Source::read(std::string_view text, std::string_view file,
                                             std::string_view noun, std::string_view if_too_long) {
  if (text.size() > kMaxText)
    return Error{Code::too_large,
                 "the " + std::string(noun) + " has " + std::to_string(text.size()) +
                     " bytes; at most 16 MiB are allowed",
                 std::string(if_too_long),
                 Blame::package,
                 {std::string(file)}};

  std::unique_ptr<Source> source(new Source(text, file));
  PIRN_TRY(source->value_, parse_json(text, file));
  Walker(text).walk(source->root_);
  attach(source->root_, source->value_);
  return source;
}

}  // namespace pirn::definition
