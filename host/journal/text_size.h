// How many bytes of JSON text a thing takes where it is stored. Limits go by this and not by the bytes of the
// values: a control character is one byte of text and six of JSON.
//
// Never less than what the codec writes, and hardly more. Any thread.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "host/journal/record.h"

namespace pirn::journal {

size_t text_size(std::string_view utf8);  // with its quotes
size_t text_size(const Value& value);
size_t text_size(const Delta& delta);
size_t text_size(const StepResult& result);
size_t text_size(const StepError& error);
size_t text_size(const Await& await);
size_t text_size(const std::vector<Child>& children);

// The longest beginning of whole characters that takes at most `size` bytes, without quotes.
std::string_view begin_within(std::string_view utf8, size_t size);

}  // namespace pirn::journal
