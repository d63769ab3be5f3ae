#include "tests/host/journal/generate.h"

#include <bit>
#include <cassert>
#include <cmath>

namespace pirn::journal {

bool coin() { return *rc::gen::arbitrary<bool>(); }

std::string any_text() {
  using namespace std::string_literals;
  static const std::vector<std::string> kPieces = {
      "a",    "step-1", "\"", "\\",   "/", "\n", "\t", "\b",       "\x01",         "\x1f",
      "\x7f", "\0"s,    "é",  "日本", "😀", " ",  "{}", "\xc2\x80", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"};
  std::string text;
  for (int n = *rc::gen::inRange(0, 6); n > 0; --n) text += *rc::gen::elementOf(kPieces);
  return text;
}

std::string any_bytes() {
  const auto bytes = *rc::gen::container<std::vector<char>>(rc::gen::arbitrary<char>());
  return {bytes.begin(), bytes.end()};
}

namespace {

double any_double() {
  const double number = std::bit_cast<double>(*rc::gen::arbitrary<uint64_t>());
  return std::isfinite(number) ? number : 0.1;
}

void append_scalar(std::string& out) {
  switch (*rc::gen::inRange(0, 5)) {
    case 0:
      out += "null";
      return;
    case 1:
      out += coin() ? "true" : "false";
      return;
    case 2:
      return append_integer(out, *rc::gen::arbitrary<int64_t>());
    case 3:
      return append_json(out, Value::of_real(any_double()));
    default:
      return append_json_string(out, any_text());
  }
}

}  // namespace

std::string any_json(int depth) {
  std::string out;
  const int kind = depth > 0 ? *rc::gen::inRange(0, 3) : 0;
  if (kind == 0) {
    append_scalar(out);
    return out;
  }
  out += kind == 1 ? '[' : '{';
  for (int i = 0, n = *rc::gen::inRange(0, 4); i < n; ++i) {
    if (i > 0) out += ',';
    if (kind == 2) {
      append_json_string(out, any_text() + std::to_string(i));  // distinct
      out += ':';
    }
    out += any_json(depth - 1);
  }
  out += kind == 1 ? ']' : '}';
  return out;
}

Value any_value() {
  switch (*rc::gen::inRange(0, 7)) {
    case 0:
      return Value();
    case 1:
      return Value::of_bool(coin());
    case 2:
      return Value::of_integer(*rc::gen::arbitrary<int64_t>());
    case 3:
      return Value::of_real(any_double());
    case 4:
      return Value::of_text(any_text());
    case 5:
      return Value::of_bytes(any_bytes());
    default: {
      auto value = parse_value(any_json());
      assert(value);
      return std::move(value).value();
    }
  }
}

Delta any_delta(bool deletions) {
  Delta delta;
  for (int n = *rc::gen::inRange(0, 5); n > 0; --n) delta.put(any_text() + std::to_string(n), any_value());
  if (deletions)
    for (int n = *rc::gen::inRange(0, 3); n > 0; --n) delta.unset(any_text() + "-" + std::to_string(n));
  return delta;
}

ErrorPtr any_error() {
  if (coin()) return nullptr;
  StepError error{"code." + std::to_string(*rc::gen::inRange(0, 9)), any_text(),
                  static_cast<ErrorClass>(*rc::gen::inRange(0, 3)), ""};
  if (coin()) append_json(error.details, any_value());
  return std::make_shared<const StepError>(std::move(error));
}

ResultPtr any_result() {
  if (coin()) return std::make_shared<const StepResult>(StepResult{{}, any_value(), false});
  StepResult result{any_delta(true), {}, true};
  return result.map.empty() ? nullptr : std::make_shared<const StepResult>(std::move(result));
}

Digest any_digest() {
  Digest digest;
  for (uint8_t& byte : digest.bytes) byte = *rc::gen::arbitrary<uint8_t>();
  return digest;
}

int64_t any_ns() {
  return *rc::gen::weightedOneOf<int64_t>(
      {{1, rc::gen::just<int64_t>(0)}, {4, rc::gen::arbitrary<int64_t>()}});
}

bool same(const Delta& a, const Delta& b) {
  if (a.entries.size() != b.entries.size()) return false;
  for (const Delta::Entry& entry : a.entries) {
    const Delta::Entry* other = b.find(entry.key);
    if (!other || other->unset != entry.unset || other->value != entry.value) return false;
  }
  return true;
}

bool same(const ErrorPtr& a, const ErrorPtr& b) {
  if (!a || !b) return a == b;
  return a->code == b->code && a->message == b->message && a->error_class == b->error_class &&
         a->details == b->details;
}

bool same(const ResultPtr& a, const ResultPtr& b) {
  if (!a || !b) return a == b;
  return a->is_map == b->is_map && same(a->map, b->map) && a->value == b->value;
}

}  // namespace pirn::journal
