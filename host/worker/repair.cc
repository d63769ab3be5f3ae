#include "host/worker/repair.h"

#include <cmath>
#include <optional>
#include <pirn/text.hpp>

#include "host/worker/call.h"

namespace pirn::worker {

using journal::Value;

namespace {

bool readable(const pirn_str* text) { return text && (text->data || text->len == 0); }
std::string_view view(const pirn_str* text) {
  return readable(text) ? std::string_view(text->data, text->len) : std::string_view();
}

std::string repaired_code(const pirn_str* given, Repairs& repairs) {
  const std::string_view code = view(given);
  if (text::is_error_code(code)) return std::string(code);
  std::string repaired = text::repaired_error_code(code);
  repairs.add(code.empty() ? "an error without a code became '" + repaired + "'"
                           : "the code '" + text::repaired(code, text::kMaxErrorCode) + "' became '" +
                                 repaired + "': codes are [a-z0-9_.-]{1,64}");
  return repaired;
}

static_assert(PIRN_CLASS_RETRYABLE == static_cast<uint32_t>(journal::ErrorClass::retryable) &&
              PIRN_CLASS_TRANSIENT == static_cast<uint32_t>(journal::ErrorClass::transient) &&
              PIRN_CLASS_TERMINAL == static_cast<uint32_t>(journal::ErrorClass::terminal));

journal::ErrorClass repaired_class(uint32_t error_class, Repairs& repairs) {
  if (error_class <= PIRN_CLASS_TERMINAL) return static_cast<journal::ErrorClass>(error_class);
  repairs.add("the unknown class " + std::to_string(error_class) + " became retryable");
  return journal::ErrorClass::retryable;
}

// The bytes of a text, of bytes or of JSON; nullopt: it has none.
std::optional<std::string_view> bytes_of(const pirn_value& value) {
  const bool has = value.type == PIRN_T_STR || value.type == PIRN_T_BYTES || value.type == PIRN_T_JSON;
  if (!has || (!value.as.ptr && value.len != 0)) return std::nullopt;
  return value.as.ptr ? std::string_view(static_cast<const char*>(value.as.ptr), value.len)
                      : std::string_view();
}

// Within `bytes` or nullopt: then they are kept as text.
std::optional<std::string> document(std::string_view bytes, size_t limit) {
  const auto parsed = journal::parse_value(bytes);
  if (!parsed) return std::nullopt;
  std::string json;
  journal::append_json(json, *parsed);
  return json.size() <= limit ? std::optional(std::move(json)) : std::nullopt;
}

// How many bytes of the text, whole characters, a JSON string of at most `limit` bytes can hold.
size_t fitting(std::string_view words, size_t limit) {
  size_t kept = 0;
  size_t room = limit - 2;  // the quotes
  while (kept < words.size()) {
    const text::Character next = text::first_character(words.substr(kept));
    const auto c = static_cast<unsigned char>(words[kept]);
    const bool brief = c == '"' || c == '\\' || (c >= '\b' && c <= '\r' && c != '\v');
    const size_t printed = brief ? 2 : c < 0x20 ? 6 : next.size;
    if (printed > room) break;
    room -= printed;
    kept += next.size;
  }
  return kept;
}

std::string details_of_text(std::string_view bytes, bool is_json, const CallLimits& limits,
                            Repairs& repairs) {
  const size_t limit = limits.details_bytes;
  // What is far too long is not even looked at as a document.
  std::string words = text::repaired(bytes, std::min(bytes.size() * 3, limits.value_bytes));
  if (words != bytes.substr(0, words.size())) repairs.add("the details are not UTF-8");
  if (is_json && bytes.size() <= limits.value_bytes)
    if (auto json = document(words, limit)) return std::move(*json);
  if (is_json)
    repairs.add("the details of " + std::to_string(bytes.size()) +
                " bytes are kept as text: they are no JSON of at most " + std::to_string(limit) + " bytes");
  else if (fitting(words, limit) < words.size() || bytes.size() > limits.value_bytes)
    repairs.add("the details of " + std::to_string(bytes.size()) + " bytes were cut");
  return cut_json_string(words, limit);
}

std::string repaired_details(const pirn_value& given, const CallLimits& limits, Repairs& repairs) {
  const auto bytes = given.flags == 0 ? bytes_of(given) : std::nullopt;
  std::string json;
  if (bytes && given.type != PIRN_T_BYTES)
    return details_of_text(*bytes, given.type == PIRN_T_JSON, limits, repairs);
  if (bytes) {
    const size_t kept = std::min(bytes->size(), (limits.details_bytes / 4) * 3);  // as base64
    if (kept < bytes->size())
      repairs.add("the details of " + std::to_string(bytes->size()) + " bytes were cut");
    journal::append_json(json, Value::of_bytes(bytes->substr(0, kept)));
  } else if (given.flags == 0 && given.type == PIRN_T_I64) {
    journal::append_json(json, Value::of_integer(given.as.i64));
  } else if (given.flags == 0 && given.type == PIRN_T_BOOL && given.as.u64 <= 1) {
    journal::append_json(json, Value::of_bool(given.as.u64 == 1));
  } else if (given.flags == 0 && given.type == PIRN_T_F64 && std::isfinite(given.as.f64)) {
    journal::append_json(json, Value::of_real(given.as.f64));
  } else {
    repairs.add("the details were dropped: they are no value");
  }
  return json;
}

}  // namespace

std::string repaired_text(std::string_view words, size_t limit, std::string_view name, Repairs& repairs) {
  if (words.size() <= limit && journal::valid_utf8(words)) return std::string(words);
  std::string out = text::repaired(words, limit);
  if (out != words.substr(0, out.size())) repairs.add(std::string(name) + " is not UTF-8");
  if (words.size() > limit)
    repairs.add(std::string(name) + " of " + std::to_string(words.size()) + " bytes was cut to " +
                std::to_string(out.size()));
  return out;
}

std::string cut_json_string(std::string_view words, size_t limit) {
  std::string json;
  journal::append_json_string(json, words.substr(0, fitting(words, limit)));
  return json;
}

journal::StepError repaired_error(const pirn_str* code, const pirn_str* message, uint32_t error_class,
                                  const pirn_value* details, const CallLimits& limits, Repairs& repairs) {
  journal::StepError error;
  error.code = repaired_code(code, repairs);
  error.message = repaired_text(view(message), limits.message_bytes, "the message", repairs);
  error.error_class = repaired_class(error_class, repairs);
  if (details && details->type != PIRN_T_NULL) error.details = repaired_details(*details, limits, repairs);
  return error;
}

void add_stacktrace(journal::StepError& error, std::vector<std::string> frames, const CallLimits& limits) {
  if (frames.empty()) return;
  const std::string details = error.details.empty() ? "{}" : error.details;
  if (!details.starts_with('{')) return;
  const auto members = journal::parse_object(details);
  if (!members || members->find("stacktrace") != nullptr) return;
  for (; !frames.empty(); frames.pop_back()) {
    std::string json = details;
    json.back() = details == "{}" ? ' ' : ',';
    json += "\"stacktrace\":";
    for (size_t i = 0; i < frames.size(); ++i) {
      json += i == 0 ? '[' : ',';
      journal::append_json_string(json, frames[i]);
    }
    json += "]}";
    if (auto fitting = document(json, limits.details_bytes)) {
      error.details = std::move(*fitting);
      return;
    }
  }
}

}  // namespace pirn::worker
