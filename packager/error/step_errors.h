// Errors that Pirn itself gives to steps, beside those of the functions: what `pirn run show` prints before
// the colon. Their codes are names without numbers, for `retry_on`, `recover` and the like to match; they are
// not entries of the catalogue. For `pirn explain` and docs/reference/errors.md.
#pragma once

#include <span>
#include <string_view>

namespace pirn {

struct StepErrorEntry {
  std::string_view name;   // "crashed"
  std::string_view retry;  // whether it is retried
  std::string_view title;
  std::string_view fix;
};

// Any thread.
std::span<const StepErrorEntry> step_errors();
// nullptr when there is none.
const StepErrorEntry* find_step_error(std::string_view name);

}  // namespace pirn
