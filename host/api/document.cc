#include "host/api/document.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "host/api/names.h"
#include "host/journal/json_value.h"
#include "packager/definition/definition.h"
#include "packager/json/json.h"
#include "packager/json/text.h"

namespace pirn::api {

namespace {

Error wrong(std::string_view name, std::string_view expected) {
  return Error{Code::invalid_argument, "'" + std::string(name) + "' must be " + std::string(expected)};
}

}  // namespace

Result<Document> Document::read(std::string_view body, std::initializer_list<std::string_view> known) {
  Document document;
  if (body.empty()) return document;
  // What a member holds may nest as deep as everywhere else.
  PIRN_TRY(boost::json::value value, parse_json(body, "the request's body", kJsonDepth + 1));
  if (!value.is_object()) return Error{Code::invalid_argument, "the request's body must be a JSON object"};
  document.object_ = std::move(value.as_object());
  const std::vector<std::string> names(known.begin(), known.end());
  for (const auto& member : document.object_) {
    bool found = false;
    for (const std::string& name : names) found = found || name == member.key();
    if (found) continue;
    const std::string near = nearest(member.key(), names);
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
    return Error{Code::invalid_argument,
                 "the request's body has no member '" + std::string(member.key()) + "'",
                 near.empty() ? "Its members are: " + all + "." : "Did you mean '" + near + "'?"};
  }
  return document;
}

const boost::json::value* Document::find(std::string_view name) const {
  const boost::json::value* value = object_.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Result<std::string> Document::text(std::string_view name) const {
  const boost::json::value* value = find(name);
  if (value == nullptr)
    return Error{Code::invalid_argument, "the request's body needs the member '" + std::string(name) + "'"};
  if (!value->is_string()) return wrong(name, "a string");
  if (value->as_string().size() > kLongestText)
    return Error{Code::too_large, "'" + std::string(name) + "' has " +
                                      std::to_string(value->as_string().size()) + " bytes; the limit is " +
                                      std::to_string(kLongestText)};
  PIRN_DO(check_named(name, std::string_view(value->as_string())));
  return std::string(value->as_string());
}

Result<std::string> Document::text_or(std::string_view name, std::string_view otherwise) const {
  if (find(name) == nullptr) return std::string(otherwise);
  return text(name);
}

Result<int64_t> Document::integer_or(std::string_view name, int64_t otherwise, int64_t low,
                                     int64_t high) const {
  const boost::json::value* value = find(name);
  if (value == nullptr) return otherwise;
  if (!value->is_int64() || value->as_int64() < low || value->as_int64() > high)
    return wrong(name, "an integer from " + std::to_string(low) + " to " + std::to_string(high));
  return value->as_int64();
}

Result<bool> Document::flag_or(std::string_view name, bool otherwise) const {
  const boost::json::value* value = find(name);
  if (value == nullptr) return otherwise;
  if (!value->is_bool()) return wrong(name, "true or false");
  return value->as_bool();
}

Result<Document::Keys> Document::keys_or_none(std::string_view name) const {
  const boost::json::value* value = find(name);
  if (value == nullptr) return Keys{"{}", {}};
  if (!value->is_object()) return wrong(name, "a JSON object");
  if (const size_t keys = value->as_object().size(); keys > kMaxKeys)
    return Error{Code::too_large,
                 "'" + std::string(name) + "' has " + std::to_string(keys) + " keys; the limit is " +
                     std::to_string(kMaxKeys),
                 "Put them into an object or an array that is the value of one key."};
  Keys keys{canonical(*value), journal::delta_from(value->get_object())};
  // In the order of the canonical text, whatever order the client has chosen.
  std::sort(keys.delta.entries.begin(), keys.delta.entries.end(),
            [](const journal::Delta::Entry& a, const journal::Delta::Entry& b) { return a.key < b.key; });
  return keys;
}

Result<int64_t> number_parameter(const Request& request, std::string_view name, int64_t otherwise,
                                 int64_t low, int64_t high) {
  const auto found = request.query.find(name);
  if (found == request.query.end()) return otherwise;
  const std::string_view text = found->second;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high)
    return wrong(name, "an integer from " + std::to_string(low) + " to " + std::to_string(high));
  return value;
}

Error no_cursor(std::string_view text) {
  return Error{Code::invalid_argument,
               "'" + std::string(text.substr(0, 64)) + "' is not a cursor of this list",
               "Take 'cursor' from the previous page, unchanged; leave it out for the first page."};
}

Result<ExecutionId> parse_cursor_id(std::string_view text) {
  const Result<ExecutionId> id = parse_execution_id(text);
  if (!id || is_tenant_stream(*id)) return no_cursor(text);
  return id;
}

Response json(int status, const boost::json::value& value) { return json(status, json_text(value)); }

ObjectText::ObjectText(const boost::json::object& members) : text_(json_text(members)) { text_.pop_back(); }

ObjectText& ObjectText::add(std::string_view name, std::string_view json) {
  if (text_.size() > 1) text_ += ',';
  text_ += json_text(boost::json::string(name));
  text_ += ':';
  text_ += json;
  return *this;
}

std::string ObjectText::take() { return std::move(text_) + "}"; }

std::string time_text_ns(int64_t ns) {
  const std::time_t seconds = ns / 1'000'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%06dZ", static_cast<int>(ns % 1'000'000'000 / 1000));
  return text;
}

boost::json::value time_ms(int64_t ms) {
  if (ms == 0) return nullptr;
  return boost::json::string(time_text_ns(ms * 1'000'000));
}

Result<int64_t> parse_since_ns(std::string_view text, int64_t now) {
  std::tm parts{};
  const std::string copy(text);
  if (const char* end = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts); end != nullptr) {
    // A fraction is below what a list of executions needs.
    if (*end == '.')
      while (*++end >= '0' && *end <= '9') {
      }
    const int64_t seconds = timegm(&parts);
    const bool in_range = seconds >= 0 && seconds <= INT64_MAX / 1'000'000'000;
    if (in_range && (std::string_view(end) == "Z" || *end == '\0')) return seconds * 1'000'000'000;
  }
  const Error error{Code::invalid_argument, "'" + copy + "' is not an instant",
                    "Give a duration back from now (24h, 7d) or an instant in UTC (2026-01-31T12:00:00Z)."};
  const Result<int64_t> duration = definition::parse_duration(text);
  if (!duration || *duration < 0 || *duration == definition::kInfinite) return error;
  // A bare number is an instant, as programs have it.
  if (text.find_first_not_of("0123456789") == std::string_view::npos) return *duration;
  return now - *duration;
}

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace pirn::api
