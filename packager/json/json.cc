#include "packager/json/json.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_stack.hpp>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <set>

namespace pirn {

namespace json = boost::json;

namespace {

void write_string(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          char escaped[8];
          std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
          out += escaped;
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

template <class Number>
void write_number(Number number, std::string& out) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number);
  assert(end.ec == std::errc());
  out.append(text, end.ptr);
}

void write_double(double number, std::string& out) {
  assert(std::isfinite(number));
  const size_t start = out.size();
  write_number(number, out);
  if (out.find_first_of(".e", start) == std::string::npos)
    out += ".0";  // else it would read back as an integer
}

void write(const json::value& value, std::string& out);

void write_object(const json::object& object, std::string& out) {
  std::vector<const json::key_value_pair*> members;
  members.reserve(object.size());
  for (const auto& member : object) members.push_back(&member);
  std::sort(members.begin(), members.end(), [](const auto* a, const auto* b) {
    return std::string_view(a->key().data(), a->key().size()) <
           std::string_view(b->key().data(), b->key().size());
  });
  out += '{';
  for (size_t i = 0; i < members.size(); ++i) {
    if (i != 0) out += ',';
    write_string({members[i]->key().data(), members[i]->key().size()}, out);
    out += ':';
    write(members[i]->value(), out);
  }
  out += '}';
}

void write_array(const json::array& array, std::string& out) {
  out += '[';
  for (size_t i = 0; i < array.size(); ++i) {
    if (i != 0) out += ',';
    write(array[i], out);
  }
  out += ']';
}

void write(const json::value& value, std::string& out) {
  switch (value.kind()) {
    case json::kind::null:
      out += "null";
      break;
    case json::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      break;
    case json::kind::int64:
      write_number(value.get_int64(), out);
      break;
    case json::kind::uint64:
      write_number(value.get_uint64(), out);
      break;
    case json::kind::double_:
      write_double(value.get_double(), out);
      break;
    case json::kind::string:
      write_string({value.get_string().data(), value.get_string().size()}, out);
      break;
    case json::kind::array:
      write_array(value.get_array(), out);
      break;
    case json::kind::object:
      write_object(value.get_object(), out);
      break;
  }
}

// Builds the value as boost::json::parser would, with differences: doubles are read exactly (Boost 1.81 may
// be off by one unit in the last place, so that a number would not survive being written and read), and in
// what others wrote a key that occurs twice is an error (Boost keeps the last one), and so is an integer that
// needs the sign's bit.
template <bool kOwn>
class Builder {
 public:
  static constexpr size_t max_object_size = 1 << 20;
  static constexpr size_t max_array_size = 1 << 20;
  static constexpr size_t max_key_size = 1 << 20;
  static constexpr size_t max_string_size = 1 << 28;

  using Ec = boost::system::error_code;
  using Text = json::string_view;

  explicit Builder(json::storage_ptr storage) { stack_.reset(std::move(storage)); }
  json::value release() { return stack_.release(); }
  std::string problem;  // set when a method stopped the parser

  bool on_document_begin(Ec&) { return true; }
  bool on_document_end(Ec&) { return true; }
  bool on_object_begin(Ec&) {
    if constexpr (!kOwn) keys_.emplace_back();
    return true;
  }
  bool on_object_end(size_t n, Ec&) {
    if constexpr (!kOwn) keys_.pop_back();
    return stack_.push_object(n), true;
  }
  bool on_array_begin(Ec&) { return true; }
  bool on_array_end(size_t n, Ec&) { return stack_.push_array(n), true; }
  bool on_key_part(Text part, size_t, Ec&) {
    if constexpr (!kOwn) key_ += part;
    return stack_.push_chars(part), true;
  }
  bool on_key(Text part, size_t, Ec& ec) {
    if constexpr (!kOwn) {
      key_ += part;
      const bool fresh = keys_.back().insert(key_).second;
      if (!fresh) return stop("the key \"" + key_ + "\" occurs twice in one object", ec);
      key_.clear();
    }
    stack_.push_key(part);
    return true;
  }
  bool on_string_part(Text part, size_t, Ec&) { return stack_.push_chars(part), true; }
  bool on_string(Text part, size_t, Ec&) { return stack_.push_string(part), true; }
  bool on_number_part(Text part, Ec&) { return number_ += part, true; }
  bool on_int64(int64_t number, Text, Ec&) { return number_.clear(), stack_.push_int64(number), true; }
  bool on_uint64(uint64_t number, Text text, Ec& ec) {
    if constexpr (kOwn) return number_.clear(), stack_.push_uint64(number), true;
    return stop("the integer " + number_ + std::string(text) + " does not fit in a signed 64-bit integer",
                ec);
  }
  bool on_double(double, Text text, Ec& ec) {
    number_ += text;
    double number = 0;
    const auto end = std::from_chars(number_.data(), number_.data() + number_.size(), number);
    if (end.ec != std::errc() || end.ptr != number_.data() + number_.size())
      return stop("the number " + number_ + " is out of the range of a double", ec);
    if (number_.find_first_of(".eE") == std::string::npos)
      return stop("the integer " + number_ + " does not fit in a signed 64-bit integer", ec);
    number_.clear();
    stack_.push_double(number);
    return true;
  }
  bool on_bool(bool b, Ec&) { return stack_.push_bool(b), true; }
  bool on_null(Ec&) { return stack_.push_null(), true; }
  bool on_comment_part(Text, Ec&) { return true; }
  bool on_comment(Text, Ec&) { return true; }

 private:
  bool stop(std::string why, Ec& ec) {
    problem = std::move(why);
    ec = json::make_error_code(json::error::syntax);
    return false;
  }

  json::value_stack stack_;
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
  std::string key_, number_;                 // parts that came before
};

Where place(std::string_view text, std::string_view file, size_t offset) {
  offset = std::min(offset, text.size());
  const size_t before = text.substr(0, offset).rfind('\n');
  const size_t start = before == std::string_view::npos ? 0 : before + 1;
  const size_t end = std::min(text.find('\n', start), text.size());
  Where where;
  where.file = file;
  where.line = 1 + static_cast<uint32_t>(std::count(text.begin(), text.begin() + start, '\n'));
  where.column = 1 + static_cast<uint32_t>(offset - start);
  if (end - start > 200) return where;
  where.text = text.substr(start, end - start);
  where.column -= static_cast<uint32_t>(std::count_if(
      where.text.begin(), where.text.begin() + static_cast<ptrdiff_t>(offset - start),
      [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }));  // characters, not bytes
  return where;
}

template <bool kOwn>
Result<json::value> parse(std::string_view text, std::string_view file, uint32_t depth,
                          json::storage_ptr storage) {
  json::parse_options options;
  options.max_depth = depth;
  json::basic_parser<Builder<kOwn>> parser(options, std::move(storage));
  boost::system::error_code failure;
  const size_t read = parser.write_some(false, text.data(), text.size(), failure);
  if (!failure && read < text.size()) failure = json::make_error_code(json::error::extra_data);
  if (failure) {
    const std::string& problem = parser.handler().problem;
    return Error{.code = Code::malformed_json,
                 .message = std::string(file) +
                            " is not valid JSON: " + (problem.empty() ? failure.message() : problem),
                 .where = place(text, file, read)};
  }
  return parser.handler().release();
}

}  // namespace

std::string canonical(const json::value& value) {
  std::string out;
  write(value, out);
  return out;
}

Result<json::value> parse_json(std::string_view text, std::string_view file, uint32_t depth) {
  return parse<false>(text, file, depth, {});
}

Result<json::value> parse_own_json(std::string_view text, std::string_view file, json::storage_ptr storage) {
  return parse<true>(text, file, kOwnJsonDepth, std::move(storage));
}

Result<json::value> parse_canonical(std::string_view text, std::string_view file) {
  PIRN_TRY(json::value value, parse_json(text, file));
  const std::string written = canonical(value);
  if (written != text) {
    const size_t offset =
        std::mismatch(written.begin(), written.end(), text.begin(), text.end()).second - text.begin();
    return Error{
        .code = Code::json_not_canonical,
        .message = std::string(file) + " differs from its canonical text at byte " + std::to_string(offset),
        .blame = Blame::package};
  }
  return value;
}

}  // namespace pirn
