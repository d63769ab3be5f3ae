#include "registry/records.h"

namespace pirn::registry {

namespace {

// The enum value whose name is `text`; `what` and the names go into the error.
template <class Enum, size_t N>
Result<Enum> parse_one_of(std::string_view what, std::string_view text, const Enum (&values)[N]) {
  std::string list;
  for (Enum value : values) {
    if (name(value) == text) return value;
    list += (list.empty() ? "" : ", ") + std::string(name(value));
  }
  return Error{Code::invalid_argument, "there is no " + std::string(what) + " '" + std::string(text) + "'",
               "Allowed values: " + list + "."};
}

}  // namespace

std::string_view name(Isolation isolation) {
  return isolation == Isolation::worker ? "worker" : "in-process";
}
Result<Isolation> parse_isolation(std::string_view text) {
  return parse_one_of("isolation", text, {Isolation::worker, Isolation::in_process});
}

std::string_view name(TrustRole role) { return role == TrustRole::sign ? "sign" : "countersign"; }
Result<TrustRole> parse_trust_role(std::string_view text) {
  return parse_one_of("role of a signing key", text, {TrustRole::sign, TrustRole::countersign});
}

std::string_view name(RevocationReason reason) {
  switch (reason) {
    case RevocationReason::compromised:
      return "compromised";
    case RevocationReason::superseded:
      return "superseded";
    case RevocationReason::retired:
      break;
  }
  return "retired";
}
Result<RevocationReason> parse_revocation_reason(std::string_view text) {
  return parse_one_of(
      "reason of a revocation", text,
      {RevocationReason::compromised, RevocationReason::superseded, RevocationReason::retired});
}

std::span<const std::string_view> audit_actions() {
  static constexpr std::string_view kActions[] = {
      "audit.accept", "authenticate",  "key.create", "key.revoke", "package.deploy", "package.push",
      "rollout.undo", "tenant.create", "tenant.set", "trust.add",  "trust.revoke"};
  return kActions;
}

}  // namespace pirn::registry
