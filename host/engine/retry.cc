#include "host/engine/retry.h"

#include <algorithm>
#include <cmath>

#include "host/journal/value.h"
#include "packager/definition/error_code.h"

namespace pirn::engine {

namespace {

int64_t saturated(double ns) {
  if (!(ns > 0)) return 0;
  return ns >= 9.2e18 ? definition::kInfinite : static_cast<int64_t>(ns);
}

// splitmix64: the finaliser that its author specifies, so that any implementation gives the same delays.
uint64_t mix(uint64_t z) {
  z += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// In [0, 1), from 53 bits.
double unit(ExecutionId execution, std::string_view step, uint32_t failures) {
  uint64_t hash = mix(execution.value);
  for (char c : step) hash = mix(hash ^ static_cast<unsigned char>(c));
  return static_cast<double>(mix(hash ^ failures) >> 11) * 0x1.0p-53;
}

// Without what the SDK and the host add of an exception that left a function.
std::string details_of_the_author(const journal::StepError& error) {
  if (!error.details.starts_with('{')) return {};
  const auto members = journal::parse_object(error.details);
  if (!members) return {};
  std::string json;
  for (const journal::Delta::Entry& entry : members->entries) {
    if (entry.key == "causes" || entry.key == "stacktrace") continue;
    json += json.empty() ? '{' : ',';
    journal::append_json_string(json, entry.key);
    json += ':';
    journal::append_json(json, entry.value);
  }
  return json.empty() ? json : json + '}';
}

}  // namespace

// The two are declared apart: the journal knows nothing of definitions.
static_assert(
    static_cast<int>(definition::ErrorClass::retryable) == static_cast<int>(journal::ErrorClass::retryable) &&
    static_cast<int>(definition::ErrorClass::transient) == static_cast<int>(journal::ErrorClass::transient) &&
    static_cast<int>(definition::ErrorClass::terminal) == static_cast<int>(journal::ErrorClass::terminal));

bool matches(const definition::ErrorPattern& pattern, const journal::StepError& error) {
  if (!pattern.code.empty() && !definition::means_error_code(pattern.code, error.code)) return false;
  if (pattern.error_class && static_cast<int>(*pattern.error_class) != static_cast<int>(error.error_class))
    return false;
  return pattern.details.empty() || pattern.details == error.details ||
         pattern.details == details_of_the_author(error);
}

bool retry_allowed(const definition::RetryPolicy& policy, const journal::StepError& error,
                   uint32_t failures) {
  if (failures > policy.max_retries || error.error_class == journal::ErrorClass::terminal) return false;
  const auto matching = [&](const definition::ErrorPattern& pattern) { return matches(pattern, error); };
  if (std::any_of(policy.no_retry_on.begin(), policy.no_retry_on.end(), matching)) return false;
  // Nobody answered, or somebody has cancelled what ran: to try again is the author's decision.
  if (policy.retry_on.empty()) return error.code != "await_timeout" && error.code != kNestedCancelled;
  return std::any_of(policy.retry_on.begin(), policy.retry_on.end(), matching);
}

int64_t raw_delay(const definition::RetryPolicy& policy, uint32_t failures) {
  const double delay = static_cast<double>(policy.delay_ns);
  switch (policy.backoff.kind) {
    case definition::Backoff::Kind::linear:
      return saturated(delay * failures);
    case definition::Backoff::Kind::exponential:
      return saturated(delay * std::pow(policy.backoff.multiplier, static_cast<double>(failures) - 1));
    case definition::Backoff::Kind::table: {
      const auto& table = policy.backoff.table_ns;
      if (!table.empty()) return table[std::min<size_t>(failures, table.size()) - 1];
      return policy.delay_ns;
    }
    default:
      return policy.delay_ns;
  }
}

int64_t jittered_delay(const definition::RetryPolicy& policy, int64_t raw_ns, ExecutionId execution,
                       std::string_view step, uint32_t failures) {
  const double raw = static_cast<double>(raw_ns);
  const double u = policy.jitter == definition::Jitter::none ? 0 : unit(execution, step, failures);
  int64_t delay = raw_ns;
  switch (policy.jitter) {
    case definition::Jitter::none:
      break;
    case definition::Jitter::additive:
      delay = saturated(raw * (1 + 0.1 * u));
      break;
    case definition::Jitter::symmetric:
      delay = saturated(raw * (0.9 + 0.2 * u));
      break;
    case definition::Jitter::full:
      delay = saturated(raw + static_cast<double>(policy.delay_ns) * u);
      break;
  }
  return std::min(delay, policy.max_delay_ns);
}

}  // namespace pirn::engine
