// JSON text: Text is a document to write, View reads one in place, without building a tree. Use a JSON
// library of your choice on top of View::text() and json::raw() for more.
//
//   json::Text order = json::object({{"id", 7}, {"items", json::array({"a", "b"})}});
//   json::View view(order.str());
//   auto id = view.get<int64_t>("id");
//   for (json::View item : view["items"].items()) use(item.as<std::string>());
//
// Errors are pirn::Error with class terminal; each function names the codes. Any thread may use its own
// objects, and several threads may read the same one.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pirn/abi.h"
#include "pirn/error.hpp"

namespace pirn::inline sdk::json {

// A complete JSON document as text, which it owns. A Text becomes part of a larger document; a std::string
// becomes a string in it. Make one with json::object(), json::array() or json::raw() of value.hpp.
class Text {
 public:
  // `text` is a JSON document, which is not checked here. The host rejects a value that is not.
  explicit Text(std::string text) : text_(std::move(text)) {}
  // The document.
  const std::string& str() const& { return text_; }
  std::string str() && { return std::move(text_); }

 private:
  std::string text_;
};

namespace detail {

// Appends `text` as a JSON string. Escapes what JSON requires; the text is UTF-8, which is not checked.
inline void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
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
          constexpr char hex[] = "0123456789abcdef";
          out += "\\u00";
          out += hex[(c >> 4) & 15];
          out += hex[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

// Appends decimal digits, whatever the locale.
inline void append_integer(std::string& out, int64_t value) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

// Appends the shortest text that reads back as the same double and is recognisable as a floating-point
// number: 3.0 and not 3. Errors: invalid_value for infinity and NaN.
inline void append_double(std::string& out, double value) {
  if (!(value - value == 0)) throw Error("invalid_value", "JSON has no infinity and no NaN", terminal);
  char buffer[40];
  std::string_view text(
      buffer, static_cast<size_t>(std::to_chars(buffer, buffer + sizeof buffer, value).ptr - buffer));
  out += text;
  if (text.find_first_of(".eE") == text.npos) out += ".0";
}

// Appends the character of this number.
inline void append_utf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 63));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 63));
    out += static_cast<char>(0x80 | (c & 63));
  } else {
    out += static_cast<char>(0xf0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 63));
    out += static_cast<char>(0x80 | ((c >> 6) & 63));
    out += static_cast<char>(0x80 | (c & 63));
  }
}

// The error of everything that reads JSON text.
[[noreturn]] inline void malformed() {
  throw Error("invalid_json", "the text is not a JSON document", terminal);
}

// Walks over JSON text and never reads past its end. Finds where values begin and end; what is inside
// numbers, strings and literals is not checked here. The text is lent. Errors: invalid_json.
class Cursor {
 public:
  // At the first character that is not space.
  explicit Cursor(std::string_view text) : text_(text) { space(); }

  bool at_end() const { return pos_ >= text_.size(); }
  // The next character; NUL at the end.
  char peek() const { return at_end() ? '\0' : text_[pos_]; }
  // Moves past `c` and the space after it, if it is the next character.
  bool accept(char c) {
    if (peek() != c) return false;
    ++pos_;
    space();
    return true;
  }
  // The same; anything else is an error.
  void expect(char c) {
    if (!accept(c)) malformed();
  }
  // The text of the value at the cursor; moves the cursor past it. `depth` counts the levels around it, of
  // which 512 are allowed: each is a recursion.
  std::string_view value(int depth = 0) {
    if (depth > 512) malformed();
    size_t begin = pos_;
    char c = peek();
    if (c == '"') {
      skip_string();
    } else if (c == '{' || c == '[') {
      char close = c == '{' ? '}' : ']';
      accept(c);
      if (peek() != close) do {
          if (c == '{') {
            if (peek() != '"') malformed();
            skip_string();
            space();
            expect(':');
          }
          value(depth + 1);
        } while (accept(','));
      if (peek() != close) malformed();
      ++pos_;
    } else {
      constexpr std::string_view plain = "0123456789+-.eEtrufalsn";
      while (!at_end() && plain.find(peek()) != plain.npos) ++pos_;
      if (pos_ == begin) malformed();
    }
    std::string_view found = text_.substr(begin, pos_ - begin);
    space();
    return found;
  }

 private:
  void space() {
    while (!at_end() && (peek() == ' ' || peek() == '\n' || peek() == '\t' || peek() == '\r')) ++pos_;
  }
  void skip_string() {
    for (++pos_; !at_end() && peek() != '"'; ++pos_)
      if (peek() == '\\') ++pos_;
    if (pos_ >= text_.size()) malformed();
    ++pos_;
  }

  std::string_view text_;
  size_t pos_ = 0;
};

// The number that four hexadecimal digits at this position stand for. Errors: invalid_json.
inline uint32_t hex4(std::string_view text, size_t at) {
  uint32_t value = 0;
  if (at + 4 > text.size() || std::from_chars(&text[at], &text[at] + 4, value, 16).ptr != &text[at] + 4)
    malformed();
  return value;
}

// The text of a JSON string, which begins and ends with '"'. Errors: invalid_json for an incomplete escape.
// An unknown escape stands for its character; half of a surrogate pair yields bytes that are not UTF-8.
inline std::string unquote(std::string_view quoted) {
  std::string out;
  std::string_view in = quoted.substr(1, quoted.size() - 2);
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] != '\\') {
      out += in[i];
      continue;
    }
    if (++i == in.size()) malformed();
    switch (in[i]) {
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case 'r':
        out += '\r';
        break;
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'u': {
        uint32_t c = hex4(in, i + 1);
        i += 4;
        if (c >= 0xd800 && c < 0xdc00 && in.substr(i + 1, 2) == "\\u") {
          c = 0x10000 + ((c - 0xd800) << 10) + (hex4(in, i + 3) - 0xdc00);
          i += 6;
        }
        append_utf8(out, c);
        break;
      }
      default:
        out += in[i];
    }
  }
  return out;
}

}  // namespace detail

class View;

}  // namespace pirn::inline sdk::json

namespace pirn::inline sdk::detail {

// A value that is being converted to a C++ type, from the host (pirn_value) or from JSON text. Its text is
// lent. The comments name the types that use a member.
struct Item {
  uint32_t type = PIRN_T_NULL;  // PIRN_T_
  int64_t i64 = 0;              // BOOL, I64, BLOB
  double f64 = 0;
  std::string_view text;  // STR, BYTES, JSON
};

// PIRN_T_ for people, with an article. Static.
inline const char* type_name(uint32_t type) {
  constexpr const char* names[] = {"null",     "a boolean", "an integer",      "a number",
                                   "a string", "bytes",     "a JSON document", "a blob"};
  return type < 8 ? names[type] : "a value of an unknown type";
}

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

// The error of a conversion: `what` has the type `found` (PIRN_T_), `asked` is required.
[[noreturn]] inline void wrong_type(std::string_view what, uint32_t found, const char* asked) {
  throw Error("wrong_type", std::string(what) + " is " + type_name(found) + ", but " + asked + " is required",
              terminal);
}

// The item as a T. `what` names it in messages.
//
//   T                       accepts
//   bool                    booleans
//   an integer type         integers that fit, numbers without a fraction up to 9e18
//   a floating-point type   numbers
//   std::string             strings; bytes of the host
//   std::string_view        the same, lent; not from JSON text
//   std::vector<U>          arrays of elements that are accepted as U
//   std::optional<U>        null, which becomes empty, and what is accepted as U
//   json::View, json::Text  arrays and objects; the View is lent
//
// Lent: std::string_view and json::View refer to the item's text. Errors: wrong_type; invalid_json, if the
// text of a list or a document is not JSON.
template <class T>
T convert(const Item& item, std::string_view what);

}  // namespace pirn::inline sdk::detail

namespace pirn::inline sdk::json {

// Reads JSON text in place. Does not own the text: a View of a context value is valid until the function
// returns, and a View of your own text as long as that text. Looking up a member is linear in the size of the
// document. Copying a View copies a pointer and a length.
class View {
 public:
  // The document null.
  View() = default;
  // The document in `text`, with or without space around it. Errors: invalid_json, if it is not one document
  // or has more than 512 levels. Only the structure is checked here: numbers and escapes are checked when
  // they are read, and true, false and null by their first letter. The host checks every value that it is
  // given in full.
  explicit View(std::string_view text) {
    detail::Cursor cursor(text);
    text_ = cursor.value();
    if (!cursor.at_end()) detail::malformed();
  }

  // The text of this value, without space around it. Never empty. Lent, as the View.
  std::string_view text() const { return text_; }
  // The type of this value; exactly one of these is true.
  bool is_null() const { return text_[0] == 'n'; }
  bool is_bool() const { return text_[0] == 't' || text_[0] == 'f'; }
  bool is_string() const { return text_[0] == '"'; }
  bool is_array() const { return text_[0] == '['; }
  bool is_object() const { return text_[0] == '{'; }
  bool is_number() const { return !is_null() && !is_bool() && !is_string() && !is_array() && !is_object(); }

  // The elements of an array or the values of an object, in order; empty for other types.
  std::vector<View> items() const {
    std::vector<View> found;
    each([&](std::string_view, View value) { found.push_back(value); });
    return found;
  }
  // The members of an object in the order in which they are written, equal keys included; empty for other
  // types. Errors: invalid_json for a bad escape in a key.
  std::vector<std::pair<std::string, View>> members() const {
    std::vector<std::pair<std::string, View>> found;
    if (is_object())
      each([&](std::string_view key, View value) { found.emplace_back(detail::unquote(key), value); });
    return found;
  }
  // The number of elements or members; 0 for other types. Linear.
  size_t size() const {
    size_t n = 0;
    each([&](std::string_view, View) { ++n; });
    return n;
  }

  // The first member `key` of an object; nullopt if it is absent or this is not an object. Errors:
  // invalid_json for a bad escape in a key.
  std::optional<View> find(std::string_view key) const {
    std::optional<View> found;
    if (is_object())
      each([&](std::string_view name, View value) {
        if (!found && detail::unquote(name) == key) found = value;
      });
    return found;
  }
  // The same, but null if it is absent, so that lookups can be chained: view["error"]["code"].
  View operator[](std::string_view key) const { return find(key).value_or(View()); }

  // This value as a T: the types of Context::get() but std::string_view, because a string may hold escapes;
  // as a View, this value whatever its type. `what` names the value in messages. Errors: wrong_type, also for
  // a number that T cannot hold; invalid_json for a malformed number or escape.
  template <class T>
  T as(std::string_view what = "the value") const;
  // The member `key` of an object as a T. Errors: missing_key, also if this is not an object; those of as().
  template <class T>
  T get(std::string_view key) const {
    if (auto found = find(key)) return found->as<T>(key);
    throw Error("missing_key", "the document has no member \"" + std::string(key) + "\"", terminal);
  }
  // The member `key` of an object; `otherwise` if it is absent or null, or this is not an object. Errors:
  // those of as().
  template <class T>
  T get_or(std::string_view key, T otherwise) const {
    auto found = find(key);
    return found && !found->is_null() ? found->as<T>(key) : std::move(otherwise);
  }

 private:
  // A part of a text whose structure was checked.
  struct Trusted {};
  View(std::string_view text, Trusted) : text_(text) {}

  // Calls `f` with the key, quoted, and the value of each member; the key of an element is empty.
  template <class F>
  void each(F&& f) const {
    if (!is_array() && !is_object()) return;
    bool object = is_object();
    detail::Cursor cursor(text_);
    cursor.accept(text_[0]);
    if (cursor.peek() == (object ? '}' : ']')) return;
    do {
      std::string_view key;
      if (object) {
        key = cursor.value();
        cursor.expect(':');
      }
      f(key, View(cursor.value(), Trusted{}));
    } while (cursor.accept(','));
  }

  std::string_view text_ = "null";
};

}  // namespace pirn::inline sdk::json

namespace pirn::inline sdk::detail {

template <class T>
T convert(const Item& item, std::string_view what) {
  if constexpr (is_optional<T>) {
    if (item.type == PIRN_T_NULL) return std::nullopt;
    return convert<typename T::value_type>(item, what);
  } else if constexpr (std::same_as<T, bool>) {
    if (item.type != PIRN_T_BOOL) wrong_type(what, item.type, "a boolean");
    return item.i64 != 0;
  } else if constexpr (std::integral<T>) {
    int64_t value = item.i64;
    if (item.type == PIRN_T_F64 && item.f64 >= -9.0e18 && item.f64 <= 9.0e18 &&
        static_cast<double>(static_cast<int64_t>(item.f64)) == item.f64)
      value = static_cast<int64_t>(item.f64);
    else if (item.type != PIRN_T_I64)
      wrong_type(what, item.type, "an integer");
    if (!std::in_range<T>(value))
      throw Error("wrong_type",
                  std::string(what) + " is " + std::to_string(value) + ", which is out of range", terminal);
    return static_cast<T>(value);
  } else if constexpr (std::floating_point<T>) {
    if (item.type == PIRN_T_I64) return static_cast<T>(item.i64);
    if (item.type != PIRN_T_F64) wrong_type(what, item.type, "a number");
    return static_cast<T>(item.f64);
  } else if constexpr (std::same_as<T, std::string> || std::same_as<T, std::string_view>) {
    if (item.type != PIRN_T_STR && item.type != PIRN_T_BYTES) wrong_type(what, item.type, "a string");
    return T(item.text);
  } else if constexpr (std::same_as<T, json::View>) {
    if (item.type != PIRN_T_JSON) wrong_type(what, item.type, "a JSON document");
    return json::View(item.text);
  } else if constexpr (std::same_as<T, json::Text>) {
    if (item.type != PIRN_T_JSON) wrong_type(what, item.type, "a JSON document");
    return json::Text(std::string(item.text));
  } else if constexpr (is_vector<T>) {
    if (item.type != PIRN_T_JSON || item.text.empty() || item.text[0] != '[')
      wrong_type(what, item.type, "a list");
    T list;
    for (json::View element : json::View(item.text).items())
      list.push_back(element.as<typename T::value_type>(what));
    return list;
  } else {
    static_assert(sizeof(T) == 0,
                  "a context value is read as bool, an integer, a floating point number, std::string, "
                  "std::string_view, "
                  "std::vector of these, std::optional of these, pirn::json::View or pirn::json::Text");
  }
}

}  // namespace pirn::inline sdk::detail

template <class T>
T pirn::json::View::as(std::string_view what) const {
  static_assert(!std::same_as<T, std::string_view>,
                "a string inside JSON text may hold escapes: read it as std::string");
  if constexpr (std::same_as<T, View>) {
    return *this;
  } else {
    pirn::detail::Item item;
    std::string storage;
    if (is_bool()) {
      item.type = PIRN_T_BOOL;
      item.i64 = text_[0] == 't';
    } else if (is_string()) {
      item.type = PIRN_T_STR;
      storage = detail::unquote(text_);
      item.text = storage;
    } else if (is_number()) {
      const char* end = text_.data() + text_.size();
      item.type = PIRN_T_I64;
      const auto integer = std::from_chars(text_.data(), end, item.i64);
      if (integer.ptr != end || integer.ec != std::errc()) {  // a fraction, an exponent, or beyond 64 bits
        item.type = PIRN_T_F64;
        const auto real = std::from_chars(text_.data(), end, item.f64);
        if (real.ptr != end) detail::malformed();
        if (real.ec != std::errc())
          throw Error("wrong_type", std::string(what) + " is a number beyond the range of a double",
                      terminal);
      }
    } else if (!is_null()) {
      item.type = PIRN_T_JSON;
      item.text = text_;
    }
    return pirn::detail::convert<T>(item, what);
  }
}
