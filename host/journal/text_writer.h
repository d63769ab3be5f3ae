// Writes JSON text at the end of a string, fast: room is made once for many pieces, literals are copied with
// their size known to the compiler, and numbers are printed two digits at a time. The journal of every
// execution goes through here; with plain appends this was a third of a turn.
//
// A writer owns the end of its string while it lives: nobody else may touch the string.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "host/journal/value.h"
#include "registry/ids.h"

namespace pirn::journal {

class TextWriter {
 public:
  explicit TextWriter(std::string& out) : out_(out), at_(out.size()) { grow(kRoom); }
  ~TextWriter() { out_.resize(at_); }
  TextWriter(const TextWriter&) = delete;

  template <size_t N>
  TextWriter& literal(const char (&text)[N]) {
    need(N - 1);
    std::memcpy(out_.data() + at_, text, N - 1);
    at_ += N - 1;
    return *this;
  }
  TextWriter& raw(std::string_view text) {
    need(text.size());
    std::memcpy(out_.data() + at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  TextWriter& character(char c) {
    need(1);
    out_[at_++] = c;
    return *this;
  }
  // A name or a fixed word in quotes: nothing in it needs an escape.
  TextWriter& word(std::string_view text) { return character('"').raw(text).character('"'); }
  TextWriter& text(std::string_view utf8);  // escaped, in quotes
  TextWriter& number(uint64_t value);
  TextWriter& integer(int64_t value) {
    if (value >= 0) return number(static_cast<uint64_t>(value));
    return character('-').number(0 - static_cast<uint64_t>(value));
  }
  TextWriter& digest(const Digest& value);
  TextWriter& value(const Value& value);

 private:
  static constexpr size_t kRoom = 512;

  void need(size_t n) {
    if (size_ - at_ < n) grow(n);
  }
  void grow(size_t n) {
    size_ = std::max(at_ + n + kRoom, std::min(out_.capacity(), at_ + 4 * kRoom));
    out_.resize(size_);
  }

  std::string& out_;
  size_t at_;        // end of what is written
  size_t size_ = 0;  // == out_.size()
};

}  // namespace pirn::journal
