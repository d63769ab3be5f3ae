#include "host/cli/safe_output.h"

#include <utility>

#include "packager/error/printable.h"
#include "packager/mutex/mutex.h"

namespace pirn::cli {

SafeBuffer::~SafeBuffer() {
  if (!rest_.empty()) write(printable(rest_, Lines::many));
}

bool SafeBuffer::write(std::string_view text) {
  const auto size = static_cast<std::streamsize>(text.size());
  return to_->sputn(text.data(), size) == size;
}

bool SafeBuffer::put(std::string_view text) {
  const MutexLock lock(mutex_);
  std::string all = std::exchange(rest_, {});
  all += text;
  const size_t whole = whole_characters(all);
  rest_ = all.substr(whole);
  all.resize(whole);
  return write(printable(all, Lines::many));
}

bool SafeBuffer::put_control(std::string_view sequence) {
  const MutexLock lock(mutex_);
  const std::string rest = std::exchange(rest_, {});
  return write(printable(rest, Lines::many)) && write(sequence);
}

SafeBuffer::int_type SafeBuffer::overflow(int_type c) {
  if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
  const char one = traits_type::to_char_type(c);
  return put({&one, 1}) ? c : traits_type::eof();
}

std::streamsize SafeBuffer::xsputn(const char* text, std::streamsize size) {
  return put({text, static_cast<size_t>(size)}) ? size : 0;
}

int SafeBuffer::sync() {
  const MutexLock lock(mutex_);
  return to_->pubsync();
}

std::ostream& operator<<(std::ostream& out, Control control) {
  auto* const safe = dynamic_cast<SafeBuffer*>(out.rdbuf());
  if (safe == nullptr) return out << control.sequence;
  if (!safe->put_control(control.sequence)) out.setstate(std::ios::badbit);
  return out;
}

}  // namespace pirn::cli
