// What a package says of a failure or of a wait, made fit to be kept: an error arrives with its code and its
// class, whatever is wrong with its words. abi.h (set_error) has the rules.
//
// Pure functions, any thread.
#pragma once

#include <pirn/abi.h>

#include <string>
#include <string_view>
#include <vector>

#include "host/journal/record.h"

namespace pirn::worker {

struct CallLimits;

// What was repaired, in words for the package's author; empty: nothing.
class Repairs {
 public:
  void add(std::string what) { text_ += (text_.empty() ? "" : "; ") + what; }
  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// `name` says in the repairs which text it is, such as "the message".
std::string repaired_text(std::string_view words, size_t limit, std::string_view name, Repairs& repairs);

// A JSON string that holds the beginning of `words` and has at most `limit` bytes; words are UTF-8.
std::string cut_json_string(std::string_view words, size_t limit);

// Any pointer may be null.
journal::StepError repaired_error(const pirn_str* code, const pirn_str* message, uint32_t error_class,
                                  const pirn_value* details, const CallLimits& limits, Repairs& repairs);

// Adds the member `stacktrace` to details that are an object without one, or to none at all; of the frames as
// many as there is room for.
void add_stacktrace(journal::StepError& error, std::vector<std::string> frames, const CallLimits& limits);

}  // namespace pirn::worker
