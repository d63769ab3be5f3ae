// Reads what becomes of errors: retries, fallbacks, recovery rules, circuit breakers.
#include <pirn/abi.h>

#include "packager/definition/draft.h"
#include "packager/json/json.h"

namespace pirn::definition {
namespace {

using Zero = ValueReader::Zero;
using Infinity = ValueReader::Infinity;

constexpr size_t kMaxPatterns = 256;
constexpr size_t kMaxBackoffTable = 256;
constexpr size_t kMaxRules = 64;
constexpr double kMaxMultiplier = 1000;

// ---- error patterns

void read_code(ValueReader& in, const Node& node, ErrorPattern& pattern) {
  in.read_text(node, pattern.code, kMaxLabel);
  if (node.value->is_string() && node.value->get_string().empty())
    in.bad_value(node, "is empty", "Name an error code.");
}
void read_details(ValueReader&, const Node& node, ErrorPattern& pattern) {
  pattern.details = canonical(*node.value);
}
void read_class(ValueReader& in, const Node& node, ErrorPattern& pattern) {
  in.read_choice(node, kErrorClass, pattern.error_class.emplace());
}
constexpr Field<ErrorPattern> kPatternFields[] = {
    {"code", read_code}, {"details", read_details}, {"class", read_class}};

void read_patterns(ValueReader& in, const Node& node, std::vector<ErrorPattern>& out) {
  out.clear();
  if (!in.is_list(node, kMaxPatterns)) return;
  for (const Node& element : node.children) {
    ErrorPattern& pattern = out.emplace_back();
    if (element.value->is_string()) {
      read_code(in, element, pattern);
      continue;
    }
    if (in.read_fields(element, Level::pattern, part(kPatternFields, pattern)) &&
        element.find("code") == nullptr && element.find("class") == nullptr)
      in.problem(Code::missing_key, element,
                 "an error pattern of " + in.subject() + " has neither \"code\" nor \"class\"",
                 "Add one of them.");
  }
}

// ---- retries

void read_max_retries(ValueReader& in, const Node& node, RetryPolicy& retry) {
  in.read_count(node, retry.max_retries);
}
void read_max_attempts(ValueReader& in, const Node& node, RetryPolicy& retry) {
  if (const std::optional<int64_t> attempts = in.read_integer(node, 1, kMaxCount + 1))
    retry.max_retries = static_cast<uint32_t>(*attempts - 1);
}
void read_retry_delay(ValueReader& in, const Node& node, RetryPolicy& retry) {
  in.read_duration(node, retry.delay_ns, Zero::allowed, Infinity::refused);
}
void read_retry_max_delay(ValueReader& in, const Node& node, RetryPolicy& retry) {
  in.read_duration(node, retry.max_delay_ns, Zero::refused, Infinity::allowed);
}
void read_retry_jitter(ValueReader& in, const Node& node, RetryPolicy& retry) {
  if (const bool* jitter = node.value->if_bool())
    retry.jitter = *jitter ? Jitter::additive : Jitter::none;
  else
    in.read_choice(node, kJitter, retry.jitter);
}
void read_retry_on(ValueReader& in, const Node& node, RetryPolicy& retry) {
  read_patterns(in, node, retry.retry_on);
}
void read_no_retry_on(ValueReader& in, const Node& node, RetryPolicy& retry) {
  read_patterns(in, node, retry.no_retry_on);
}

void read_multiplier(ValueReader& in, const Node& node, double& out) {
  const std::optional<double> multiplier = in.read_number(node);
  if (!multiplier) return;
  if (*multiplier < 1 || *multiplier > kMaxMultiplier)
    return in.bad_value(node, "is out of range", "Write a multiplier from 1 to 1000.");
  out = *multiplier;
}

void read_backoff_form(ValueReader& in, const Node& form, Backoff& backoff) {
  if (form.key == "exponential") return read_multiplier(in, form, backoff.multiplier);
  if (form.key == "function") {
    backoff.kind = Backoff::Kind::function;
    return in.read_function(form, backoff.function, PIRN_KIND_BACKOFF);
  }
  if (form.key != "table") return in.unknown_key(form, Level::backoff, {"exponential", "table", "function"});
  backoff.kind = Backoff::Kind::table;
  if (!in.is_list(form, kMaxBackoffTable)) return;
  if (form.children.empty()) in.bad_value(form, "is empty", "Write at least one delay.");
  for (const Node& element : form.children)
    in.read_duration(element, backoff.table_ns.emplace_back(), Zero::allowed, Infinity::refused);
}

void read_retry_backoff(ValueReader& in, const Node& node, RetryPolicy& retry) {
  Backoff backoff;
  if (!node.value->is_object())
    in.read_choice(node, kBackoff, backoff.kind);
  else if (node.children.size() != 1)
    in.bad_value(node, "needs exactly one of \"exponential\", \"table\" and \"function\"",
                 "Write, for example, {\"exponential\": 3.0}.");
  else
    read_backoff_form(in, node.children[0], backoff);
  retry.backoff = std::move(backoff);
}

// ---- recovery rules

void read_on(ValueReader& in, const Node& node, RecoveryRule& rule) { read_patterns(in, node, rule.on); }
void read_rule_when(ValueReader& in, const Node& node, RecoveryRule& rule) {
  if (!in.read_function_form(node, rule.when, PIRN_KIND_CONDITION))
    in.bad_value(node, "is not a function",
                 "Write {\"function\": \"id\"}; to compare codes and details, use \"on\".");
}
void read_action(ValueReader& in, const Node& node, RecoveryRule& rule) {
  in.read_choice(node, kRecoveryAction, rule.action);
}
void read_rule_fallback(ValueReader& in, const Node& node, RecoveryRule& rule) {
  read_fallback(in, node, rule.fallback);
}
constexpr Field<RecoveryRule> kRuleFields[] = {
    {"on", read_on}, {"when", read_rule_when}, {"action", read_action}, {"fallback", read_rule_fallback}};

// The keys that say how to retry; the rule itself says on which errors.
constexpr size_t kPolicyKeys = 6;

void check_rule(ValueReader& in, const Node& node, const RecoveryRule& rule) {
  in.require(node, Level::recovery, {"action"});
  const Node* action = node.find("action");
  if (action == nullptr || !action->value->is_string()) return;
  const auto belongs = [&](const Node& key, std::string_view wanted) {
    if (name_of(kRecoveryAction, rule.action) != wanted)
      in.problem(Code::invalid_value, key,
                 "\"" + key.key + "\" of a recovery rule of " + in.subject() +
                     " is allowed only with the action \"" + std::string(wanted) + "\"",
                 "Remove it, or change the action.");
  };
  for (size_t i = 0; i < kPolicyKeys; ++i)
    if (const Node* key = node.find(kRetryFields[i].key)) belongs(*key, "retry");
  if (const Node* key = node.find("fallback"))
    belongs(*key, "fallback");
  else if (rule.action == RecoveryRule::Action::fallback)
    in.require(node, Level::recovery, {"fallback"});
  check_retries(in, node);
}

// ---- circuit breakers

void read_failure_threshold(ValueReader& in, const Node& node, CircuitBreaker& breaker) {
  in.read_count(node, breaker.failure_threshold, 1);
}
void read_success_threshold(ValueReader& in, const Node& node, CircuitBreaker& breaker) {
  in.read_count(node, breaker.success_threshold, 1);
}
void read_half_open_limit(ValueReader& in, const Node& node, CircuitBreaker& breaker) {
  in.read_count(node, breaker.half_open_limit, 1);
}
void read_reset_timeout(ValueReader& in, const Node& node, CircuitBreaker& breaker) {
  in.read_duration(node, breaker.reset_timeout_ns, Zero::refused, Infinity::refused);
}
constexpr Field<CircuitBreaker> kBreakerFields[] = {{"failure_threshold", read_failure_threshold},
                                                    {"success_threshold", read_success_threshold},
                                                    {"half_open_limit", read_half_open_limit},
                                                    {"reset_timeout", read_reset_timeout}};

}  // namespace

const Field<RetryPolicy> kRetryFields[8] = {{"max_retries", read_max_retries},
                                            {"max_attempts", read_max_attempts},
                                            {"retry_delay", read_retry_delay},
                                            {"retry_backoff", read_retry_backoff},
                                            {"retry_max_delay", read_retry_max_delay},
                                            {"retry_jitter", read_retry_jitter},
                                            {"retry_on", read_retry_on},
                                            {"no_retry_on", read_no_retry_on}};

void check_retries(ValueReader& in, const Node& object) {
  const Node* attempts = object.find("max_attempts");
  if (attempts != nullptr && object.find("max_retries") != nullptr)
    in.problem(Code::invalid_value, *attempts,
               in.subject() + " has both \"max_retries\" and \"max_attempts\"",
               "Keep one of them; max_attempts is max_retries + 1.");
}

void read_fallback(ValueReader& in, const Node& node, Fallback& out) {
  out = Fallback();
  if (node.value->is_string()) {
    out.kind = Fallback::Kind::function;
    return in.read_function(node, out.function, PIRN_KIND_FALLBACK);
  }
  const Node* form = node.children.size() == 1 ? &node.children[0] : nullptr;
  if (!node.value->is_object() || form == nullptr || (form->key != "value" && form->key != "skip"))
    return in.bad_value(node, "is not a fallback",
                        "Write \"function id\", {\"value\": …} or {\"skip\": true}.");
  if (form->key == "value") {
    out.kind = Fallback::Kind::value;
    out.value = canonical(*form->value);
    return;
  }
  out.kind = Fallback::Kind::skip;
  const bool* skip = form->value->if_bool();
  if (skip == nullptr || !*skip)
    in.bad_value(*form, "can only be true", "Write {\"skip\": true}, or leave the fallback out.");
}

void read_recovery(ValueReader& in, const Node& node, std::vector<RecoveryRule>& out) {
  out.clear();
  if (!in.is_list(node, kMaxRules)) return;
  for (const Node& element : node.children) {
    RecoveryRule& rule = out.emplace_back();
    const Part<RetryPolicy> policy{std::span(kRetryFields).first<kPolicyKeys>(), rule.retry};
    if (in.read_fields(element, Level::recovery, part(kRuleFields, rule), policy))
      check_rule(in, element, rule);
  }
}

void read_breaker_options(ValueReader& in, const Node& node, CircuitBreaker& out) {
  in.read_fields(node, Level::breaker, part(kBreakerFields, out));
}

}  // namespace pirn::definition
