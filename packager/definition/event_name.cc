#include "packager/definition/event_name.h"

#include "packager/error/printable.h"

namespace pirn::definition {

bool is_event_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxEventName && text.front() != ' ' && text.back() != ' ' &&
         printable(text) == text;
}

}  // namespace pirn::definition
