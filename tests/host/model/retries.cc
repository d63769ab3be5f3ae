// R18, R19 and R46's patterns: which errors are tried again, and after what delay.
#include <algorithm>

#include "host/engine/retry.h"
#include "packager/definition/error_code.h"
#include "tests/host/model/model.h"

namespace pirn::model {

int64_t later(int64_t now, int64_t duration) { return duration >= kNever - now ? kNever : now + duration; }

bool matches(const definition::ErrorPattern& pattern, const Error& error) {
  return (pattern.code.empty() || definition::repaired_error_code(pattern.code) == error.code) &&
         (!pattern.error_class || *pattern.error_class == error.error_class) &&
         (pattern.details.empty() || pattern.details == error.details);
}

bool any_matches(const std::vector<definition::ErrorPattern>& patterns, const Error& error) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const definition::ErrorPattern& pattern) { return matches(pattern, error); });
}

// N retries are N + 1 invocations; no_retry_on wins; class terminal is never retried.
bool retry_allowed(const definition::RetryPolicy& policy, const Error& error, uint32_t failures) {
  if (failures > policy.max_retries) return false;
  if (error.error_class == definition::ErrorClass::terminal) return false;
  if (any_matches(policy.no_retry_on, error)) return false;
  // R15, R32: not unless they are listed.
  if (policy.retry_on.empty())
    return error.code != "await_timeout" && error.code != "nested_workflow_cancelled";
  return any_matches(policy.retry_on, error);
}

int64_t raw_delay(const definition::RetryPolicy& policy, uint32_t n) {
  double d = static_cast<double>(policy.delay_ns);
  switch (policy.backoff.kind) {
    case definition::Backoff::Kind::linear:
      d *= n;
      break;
    case definition::Backoff::Kind::exponential:
      for (uint32_t i = 1; i < n; ++i) d *= policy.backoff.multiplier;
      break;
    case definition::Backoff::Kind::table:
      return policy.backoff.table_ns[std::min<size_t>(n, policy.backoff.table_ns.size()) - 1];
    default:  // fixed; and what holds when a function fails
      break;
  }
  return d >= 9.2e18 ? kNever : static_cast<int64_t>(d);
}

// Jitter and then the cap. The numbers of the jitter are the engine's: the page leaves the hash to it.
int64_t delay(const definition::RetryPolicy& policy, int64_t raw, uint64_t execution, const std::string& step,
              uint32_t n) {
  return engine::jittered_delay(policy, raw, ExecutionId{execution}, step, n);
}

}  // namespace pirn::model
