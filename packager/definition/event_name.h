// Names of events, and tags of workflows: what people choose freely and other people compare by eye.
//
// Unlike names (is_name) they may have dots, blanks and letters of any language, but nothing that is not
// seen: two that look alike are alike, and a list of them is safe to print.
#pragma once

#include <cstddef>
#include <string_view>

namespace pirn::definition {

inline constexpr size_t kMaxEventName = 256;  // bytes

// Visible text in UTF-8 of 1 to kMaxEventName bytes: no control, bidirectional or zero-width characters
// (packager/error/printable.h), and no blank at the beginning or the end.
bool is_event_name(std::string_view text);

}  // namespace pirn::definition
