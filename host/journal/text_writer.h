// Writes JSON text, fast: literals are copied with their size known to the compiler, numbers are printed two
// digits at a time, and memory is kept from text to text and never cleared first. The journal of every
// execution goes through here; with appends to a std::string this was a third of a turn, and with room made
// in a std::string, which fills it with zeros, still a tenth.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "host/journal/value.h"
#include "registry/ids.h"

namespace pirn::journal {

class TextWriter {
 public:
  TextWriter() = default;
  TextWriter(TextWriter&& other) noexcept { *this = std::move(other); }
  TextWriter& operator=(TextWriter&& other) noexcept {
    begin_ = std::move(other.begin_);
    at_ = std::exchange(other.at_, nullptr);
    end_ = std::exchange(other.end_, nullptr);
    return *this;
  }

  // What has been written; valid until the next write.
  std::string_view view() const { return {begin_.get(), static_cast<size_t>(at_ - begin_.get())}; }
  // Begins again, with the same memory, unless one large text has taken much.
  void clear();

  // Pieces are many and short, so the compiler must not make calls of them.
  template <size_t N>
  [[gnu::always_inline]] TextWriter& literal(const char (&text)[N]) {
    std::memcpy(room(N - 1), text, N - 1);
    at_ += N - 1;
    return *this;
  }
  [[gnu::always_inline]] TextWriter& character(char c) {
    *room(1) = c;
    ++at_;
    return *this;
  }
  TextWriter& raw(std::string_view text) {
    text.copy(room(text.size()), text.size());
    at_ += text.size();
    return *this;
  }
  // A name or a fixed word in quotes: nothing in it needs an escape.
  TextWriter& word(std::string_view text) {
    char* const to = room(text.size() + 2);
    *to = '"';
    text.copy(to + 1, text.size());
    to[text.size() + 1] = '"';
    at_ += text.size() + 2;
    return *this;
  }
  TextWriter& text(std::string_view utf8);  // escaped, in quotes
  TextWriter& number(uint64_t value) {
    if (value < 10) return character(static_cast<char>('0' + value));
    return long_number(value);
  }
  TextWriter& integer(int64_t value) {
    if (value >= 0) return number(static_cast<uint64_t>(value));
    return character('-').number(0 - static_cast<uint64_t>(value));
  }
  TextWriter& instant(int64_t ns);  // ns since 1970
  TextWriter& id(ExecutionId id);   // in quotes
  TextWriter& digest(const Digest& value);
  TextWriter& value(const Value& value);

 private:
  // Where the next n bytes may be written.
  [[gnu::always_inline]] char* room(size_t n) {
    if (static_cast<size_t>(end_ - at_) < n) [[unlikely]]
      grow(n);
    return at_;
  }
  void grow(size_t n);
  TextWriter& long_number(uint64_t value);

  std::unique_ptr<char[]> begin_;
  char* at_ = nullptr;  // end of what is written
  char* end_ = nullptr;
};

}  // namespace pirn::journal
