#include "host/journal/text_size.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace pirn::journal {

namespace {

// What stands around a thing: quotes, commas, the names of its members.
constexpr size_t kNumber = 32, kAroundEntry = 2, kAroundResult = 2, kAroundError = 64, kAroundAwait = 128,
                 kAroundChild = 96;

constexpr std::array<uint8_t, 256> kPrinted = [] {
  std::array<uint8_t, 256> all{};
  for (size_t c = 0; c < all.size(); ++c) all[c] = c < 0x20 ? 6 : 1;
  for (const char c : {'"', '\\', '\b', '\f', '\n', '\r', '\t'}) all[static_cast<unsigned char>(c)] = 2;
  return all;
}();

// Sixteen bytes at once: results have megabytes, and the engine's thread measures them.
using Bytes [[gnu::vector_size(16)]] = uint8_t;

}  // namespace

size_t text_size(std::string_view utf8) {
  size_t bytes = 2;
  while (utf8.size() >= sizeof(Bytes)) {
    const size_t n = std::min<size_t>(utf8.size() / sizeof(Bytes), 255);  // what a byte can count
    Bytes escaped{}, control{}, brief{};
    for (size_t i = 0; i < n; ++i) {
      Bytes c;
      std::memcpy(&c, utf8.data() + i * sizeof c, sizeof c);
      escaped -= Bytes((c == '"') | (c == '\\'));
      control -= Bytes((c & 0xE0) == 0);
      brief -= Bytes((c == '\b') | (c == '\t') | (c == '\n') | (c == '\f') | (c == '\r'));
    }
    bytes += n * sizeof(Bytes);
    for (size_t i = 0; i < sizeof(Bytes); ++i) bytes += escaped[i] + 5u * control[i] - 4u * brief[i];
    utf8.remove_prefix(n * sizeof(Bytes));
  }
  for (const char c : utf8) bytes += kPrinted[static_cast<unsigned char>(c)];
  return bytes;
}

size_t text_size(const Value& value) {
  switch (value.type()) {
    case Value::Type::text:
      return text_size(value.as_text());
    case Value::Type::bytes:
      return kNumber + (value.as_text().size() + 2) / 3 * 4;
    case Value::Type::json:
      return value.as_text().size();
    default:
      return kNumber;
  }
}

size_t text_size(const Delta& delta) {
  size_t bytes = kAroundResult;
  for (const Delta::Entry& entry : delta.entries)
    bytes += kAroundEntry + text_size(entry.key) + (entry.unset ? 0 : text_size(entry.value));
  return bytes;
}

size_t text_size(const StepResult& result) {
  return result.is_map ? text_size(result.map) : kAroundResult + text_size(result.value);
}

size_t text_size(const StepError& error) {
  return kAroundError + text_size(error.code) + text_size(error.message) + error.details.size();
}

size_t text_size(const Await& await) {
  size_t bytes = kAroundAwait + text_size(await.kind) + text_size(await.on_timeout) + await.notify.size();
  for (const std::string& approver : await.approvers) bytes += 1 + text_size(approver);
  return bytes;
}

size_t text_size(const std::vector<Child>& children) {
  size_t bytes = kAroundResult;
  for (const Child& child : children)
    bytes +=
        kAroundChild + child.name.size() + child.task.size() + child.params.size() + child.options.size();
  return bytes;
}

std::string_view begin_within(std::string_view utf8, size_t size) {
  size_t whole = 0;
  for (size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    if ((c & 0xC0) != 0x80) whole = i;  // where a character begins
    if (kPrinted[c] > size) return utf8.substr(0, whole);
    size -= kPrinted[c];
  }
  return utf8;
}

}  // namespace pirn::journal
