#include "host/api/names.h"

#include <algorithm>

#include "packager/definition/definition.h"

namespace pirn::api {

namespace {

using Rule = bool (*)(std::string_view);

constexpr size_t kLongestStep = 512, kLongestVersion = 128;

bool is_workflow(std::string_view text) {
  const size_t colons = text.find("::");
  if (colons == std::string_view::npos) return definition::is_name(text);
  return definition::is_name(text.substr(0, colons)) && definition::is_name(text.substr(colons + 2));
}

bool consists_of(std::string_view text, size_t longest, std::string_view more) {
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), fits);
}

bool is_step(std::string_view text) { return consists_of(text, kLongestStep, "_-./:[]#@"); }
bool is_version(std::string_view text) { return consists_of(text, kLongestVersion, ".+-"); }

struct Named {
  std::string_view what, noun;
  Rule rule;
  std::string_view hint;  // empty: that of bad_name
};

constexpr std::string_view kWorkflowHint = "Use NAME or PACKAGE::NAME; pirn workflow ls shows them.";
constexpr std::string_view kStepHint = "pirn run show lists the steps of a run.";

constexpr Named kNamed[] = {
    {"tenant", "a tenant", definition::is_name, ""},
    {"package", "a package", definition::is_name, ""},
    {"publisher", "a publisher", definition::is_name, ""},
    {"breaker", "a circuit breaker", definition::is_name, ""},
    {"workflow", "a workflow", is_workflow, kWorkflowHint},
    {"step", "a step", is_step, kStepHint},
    {"ran", "a step", is_step, kStepHint},
    {"skipped", "a step", is_step, kStepHint},
    {"version", "a version", is_version, "Write MAJOR.MINOR.PATCH, such as 1.4.0."},
};

constexpr size_t kMostShown = 80;

}  // namespace

Status check_named(std::string_view what, std::string_view text) {
  for (const Named& named : kNamed) {
    if (named.what != what) continue;
    if (named.rule(text)) return {};
    std::string shown(text.substr(0, kMostShown));
    if (text.size() > kMostShown) shown += "…";
    return Error{Code::bad_name, "'" + shown + "' cannot name " + std::string(named.noun),
                 std::string(named.hint)};
  }
  return {};
}

Status check_path_names(std::string_view pattern, const std::vector<std::string>& params) {
  size_t at = 0;
  for (const std::string& param : params) {
    const size_t open = pattern.find('{', at);
    at = pattern.find('}', open);
    std::string_view what = pattern.substr(open + 1, at - open - 1);
    if (what == "name") what = "tenant";
    PIRN_DO(check_named(what, param));
  }
  return {};
}

Status check_query_names(const std::map<std::string, std::string, std::less<>>& query) {
  for (const auto& [what, text] : query) PIRN_DO(check_named(what, text));
  return {};
}

}  // namespace pirn::api
