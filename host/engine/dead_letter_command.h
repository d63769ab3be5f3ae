// What the outside asks about dead letters, and what it is answered. See command.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/engine/trigger_command.h"
#include "host/journal/tenant_state.h"

namespace pirn::engine {

struct DeadLetterEntry {
  ExecutionId id;  // the execution that failed
  journal::DeadLetter letter;
};

// Which letters: all that fit.
struct DeadLetterFilter {
  std::string package, workflow, code;    // empty: any
  int64_t since = 0, before = INT64_MAX;  // when they failed: from the first to (excluding) the second

  bool fits(const journal::DeadLetter& letter) const {
    return (package.empty() || letter.package == package) &&
           (workflow.empty() || letter.workflow == workflow) && (code.empty() || letter.code == code) &&
           letter.failed_at >= since && letter.failed_at < before;
  }
};

struct ListDeadLetters {
  std::string tenant;
  DeadLetterFilter filter;
  int64_t after = INT64_MAX;  // cursor: only what stands behind the letter of this instant and id
  ExecutionId after_id{UINT64_MAX};
  uint32_t limit = 100;
  Reply<std::vector<DeadLetterEntry>> reply;  // the newest failure first
};

// not_found: there is no such letter, or it is a foreign tenant's.
struct ShowDeadLetter {
  std::string tenant;
  ExecutionId id;
  Reply<DeadLetterEntry> reply;
};

struct RetryResult {
  ExecutionId id, execution;  // the letter, and what was started; 0: `error` says why nothing was
  Error error;
};
// Starts a new execution with the input of each, oldest first and a few in each turn, and removes the letter
// in the same commit. Those that cannot start stay; the reply comes when all were tried.
struct RetryDeadLetters {
  std::string tenant;
  DeadLetterFilter filter;
  std::optional<ExecutionId> id;  // that one alone, and not_found if there is none; else all that fit
  uint32_t limit = 100;
  bool on_active = false;  // on the active release of its package, not on the one it failed on
  Reply<std::vector<RetryResult>> reply;
};

// Removes letters and starts nothing, oldest first.
struct DiscardDeadLetters {
  std::string tenant;
  DeadLetterFilter filter;
  std::optional<ExecutionId> id;              // as above
  Reply<std::vector<DeadLetterEntry>> reply;  // what they were
};

}  // namespace pirn::engine
