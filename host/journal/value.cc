#include "host/journal/value.h"

#include <openssl/evp.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cassert>
#include <optional>

#include "host/journal/json_value.h"
#include "host/journal/text_writer.h"
#include "packager/json/json.h"

namespace pirn::journal {

namespace {

constexpr std::string_view kBytesKey = "$bytes";

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size())) < 0)
    return std::nullopt;
  for (size_t i = text.size(); i > 0 && text[i - 1] == '=' && !out.empty(); --i) out.pop_back();
  return out;
}

}  // namespace

Value value_from(const boost::json::value& json) {
  switch (json.kind()) {
    case boost::json::kind::null:
      return Value();
    case boost::json::kind::bool_:
      return Value::of_bool(json.get_bool());
    case boost::json::kind::int64:
      return Value::of_integer(json.get_int64());
    // parse_json refuses integers beyond 64 bits with sign.
    case boost::json::kind::uint64:
      return Value::of_integer(static_cast<int64_t>(json.get_uint64()));
    case boost::json::kind::double_:
      return Value::of_real(json.get_double());
    case boost::json::kind::string:
      return Value::of_text({json.get_string().data(), json.get_string().size()});
    case boost::json::kind::object: {
      const auto& object = json.get_object();
      if (object.size() == 1 &&
          object.begin()->key() == boost::json::string_view(kBytesKey.data(), kBytesKey.size()) &&
          object.begin()->value().is_string()) {
        const auto& text = object.begin()->value().get_string();
        // Only what we would have written: OpenSSL also takes white space and stray bits, and another text is
        // just an object with an odd key.
        if (auto bytes = from_base64({text.data(), text.size()})) {
          Value value = Value::of_bytes(*bytes);
          std::string written;
          append_json(written, value);
          if (written == canonical(json)) return value;
        }
      }
      return Value::of_json(canonical(json));
    }
    case boost::json::kind::array:
      return Value::of_json(canonical(json));
  }
  return Value();
}

Value Value::of_bool(bool value) {
  Value out;
  out.type_ = Type::boolean;
  out.scalar_.integer = 0;
  out.scalar_.boolean = value;
  return out;
}

Value Value::of_integer(int64_t value) {
  Value out;
  out.type_ = Type::integer;
  out.scalar_.integer = value;
  return out;
}

Value Value::of_real(double value) {
  Value out;
  out.type_ = Type::real;
  out.scalar_.real = value;
  return out;
}

Value Value::of_text(std::string_view utf8) {
  Value out;
  out.type_ = Type::text;
  out.text_ = std::make_shared<const std::string>(utf8);
  return out;
}

Value Value::of_bytes(std::string_view bytes) {
  Value out = of_text(bytes);
  out.type_ = Type::bytes;
  return out;
}

Value Value::of_json(std::string_view valid_object_or_array) {
  Value out = of_text(valid_object_or_array);
  out.type_ = Type::json;
  return out;
}

bool Value::operator==(const Value& other) const {
  if (type_ != other.type_) return false;
  switch (type_) {
    case Type::null:
      return true;
    case Type::boolean:
      return scalar_.boolean == other.scalar_.boolean;
    case Type::integer:
      return scalar_.integer == other.scalar_.integer;
    case Type::real:
      return scalar_.real == other.scalar_.real;
    default:
      return as_text() == other.as_text();
  }
}

Delta::Entry& Delta::entry(std::string_view key) {
  for (Entry& entry : entries)
    if (entry.key == key) return entry;
  return entries.emplace_back(Entry{std::string(key), Value(), false});
}

void Delta::put(std::string_view key, Value value) {
  Entry& target = entry(key);
  target.value = std::move(value);
  target.unset = false;
}

void Delta::unset(std::string_view key) {
  Entry& target = entry(key);
  target.value = Value();
  target.unset = true;
}

const Delta::Entry* Delta::find(std::string_view key) const {
  for (const Entry& entry : entries)
    if (entry.key == key) return &entry;
  return nullptr;
}

Result<Delta> parse_object(std::string_view text) {
  PIRN_TRY(const boost::json::value json, parse_json(text, ""));
  if (!json.is_object())
    return Error{Code::invalid_argument, "a JSON object is expected", "Give an object: {\"key\": value}."};
  return delta_from(json.get_object());
}

Delta delta_from(const boost::json::object& json) {
  Delta delta;
  delta.entries.reserve(json.size());
  for (const auto& member : json)
    delta.entries.push_back({std::string(member.key()), value_from(member.value()), false});
  return delta;
}

std::string canonical_own(std::string_view text) {
  const auto json = parse_own_json(text, "", {});
  assert(json && "Pirn wrote it");
  return canonical(*json);
}

Result<Value> parse_value(std::string_view text) {
  PIRN_TRY(const boost::json::value json, parse_json(text, ""));
  return value_from(json);
}

namespace {
// One writer for each thread: most texts are short, and none outlives its line.
TextWriter& scratch() {
  thread_local TextWriter writer;
  writer.clear();
  return writer;
}
}  // namespace

void append_integer(std::string& out, int64_t value) { out += scratch().integer(value).view(); }
void append_unsigned(std::string& out, uint64_t value) { out += scratch().number(value).view(); }
void append_json_string(std::string& out, std::string_view utf8) { out += scratch().text(utf8).view(); }
void append_json(std::string& out, const Value& value) { out += scratch().value(value).view(); }

bool valid_utf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const auto* end = p + text.size();
  while (p < end) {
    if (*p < 0x80) {
      ++p;
      continue;
    }
    const int length = *p >= 0xC2 && *p <= 0xDF   ? 2
                       : (*p & 0xF0) == 0xE0      ? 3
                       : *p >= 0xF0 && *p <= 0xF4 ? 4
                                                  : 0;
    if (length == 0 || end - p < length) return false;
    for (int i = 1; i < length; ++i)
      if ((p[i] & 0xC0) != 0x80) return false;
    if ((*p == 0xE0 && p[1] < 0xA0) || (*p == 0xED && p[1] > 0x9F) || (*p == 0xF0 && p[1] < 0x90) ||
        (*p == 0xF4 && p[1] > 0x8F))
      return false;
    p += length;
  }
  return true;
}

}  // namespace pirn::journal
