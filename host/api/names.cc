#include "host/api/names.h"

#include <algorithm>
#include <optional>

#include "packager/definition/definition.h"
#include "packager/definition/event_name.h"

namespace pirn::api {

namespace {

using Rule = bool (*)(std::string_view);

constexpr size_t kLongestStep = 512, kLongestVersion = 128;

bool consists_of(std::string_view text, size_t longest, std::string_view more) {
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), fits);
}

bool is_step(std::string_view text) { return consists_of(text, kLongestStep, "_-./:[]#@"); }
bool is_version(std::string_view text) { return consists_of(text, kLongestVersion, ".+-"); }

constexpr std::string_view kEventHint =
    "Use visible text in UTF-8 of at most 256 bytes, without a blank at its beginning or end.";
static_assert(definition::kMaxEventName == 256);

struct Named {
  std::string_view what, noun;
  Rule rule;
  std::string_view hint;  // empty: that of bad_name
};

constexpr std::string_view kWorkflowHint =
    "Use NAME, PACKAGE::NAME or TENANT::PACKAGE::NAME; pirn workflow ls shows them.";
constexpr std::string_view kStepHint = "pirn run show lists the steps of a run.";

constexpr Named kNamed[] = {
    {"tenant", "a tenant", definition::is_name, ""},
    {"package", "a package", definition::is_name, ""},
    {"publisher", "a publisher", definition::is_name, ""},
    {"breaker", "a circuit breaker", definition::is_name, ""},
    {"workflow", "a workflow", definition::is_workflow_name, kWorkflowHint},
    {"step", "a step", is_step, kStepHint},
    {"ran", "a step", is_step, kStepHint},
    {"skipped", "a step", is_step, kStepHint},
    {"event", "an event", definition::is_event_name, kEventHint},
    {"tag", "a tag", definition::is_event_name, kEventHint},
    {"version", "a version", is_version, "Write MAJOR.MINOR.PATCH, such as 1.4.0."},
};

constexpr size_t kMostShown = 80;

// "package", "version" of "/v1/packages/{package}/releases/{version}".
std::vector<std::string_view> holes_in(std::string_view pattern) {
  std::vector<std::string_view> holes;
  for (size_t open; (open = pattern.find('{')) != std::string_view::npos;) {
    const size_t close = pattern.find('}', open);
    holes.push_back(pattern.substr(open + 1, close - open - 1));
    pattern.remove_prefix(close + 1);
  }
  return holes;
}

// Calls `visit` with each name of a workflow in the path and the query. R: Request, const or not.
template <class R, class Visit>
void for_each_workflow(std::string_view pattern, R& request, const Visit& visit) {
  const std::vector<std::string_view> holes = holes_in(pattern);
  for (size_t i = 0; i < request.params.size(); ++i)
    if (holes[i] == "workflow") visit(request.params[i]);
  if (const auto found = request.query.find("workflow"); found != request.query.end()) visit(found->second);
}

Error two_tenants(std::string_view one, std::string_view other) {
  return Error{Code::invalid_argument,
               "the request names two tenants, '" + std::string(one) + "' and '" + std::string(other) + "'",
               "Name the tenant once, or the same tenant everywhere: ?tenant=, the header Pirn-Tenant, "
               "TENANT::PACKAGE::WORKFLOW."};
}

}  // namespace

Status check_named(std::string_view what, std::string_view text) {
  for (const Named& named : kNamed) {
    if (named.what != what) continue;
    if (named.rule(text)) return {};
    std::string shown(text.substr(0, kMostShown));
    if (text.size() > kMostShown) shown += "…";
    return Error{Code::bad_name, "'" + shown + "' is not a valid name of " + std::string(named.noun),
                 std::string(named.hint)};
  }
  return {};
}

Status check_path_names(std::string_view pattern, const std::vector<std::string>& params) {
  const std::vector<std::string_view> holes = holes_in(pattern);
  for (size_t i = 0; i < params.size(); ++i)
    PIRN_DO(check_named(holes[i] == "name" ? "tenant" : holes[i], params[i]));
  return {};
}

Status check_query_names(const std::map<std::string, std::string, std::less<>>& query) {
  for (const auto& [what, text] : query) PIRN_DO(check_named(what, text));
  return {};
}

Result<std::string> package_of(const WorkflowName& workflow, std::string_view package) {
  if (workflow.package.empty() || package.empty() || workflow.package == package)
    return workflow.package.empty() ? std::string(package) : workflow.package;
  return Error{Code::invalid_argument,
               "the workflow '" + workflow.local() + "' is not of the package '" + std::string(package) + "'",
               "Name the package once."};
}

Result<std::string> named_tenant(std::string_view pattern, const Request& request) {
  std::string tenant(request.parameter("tenant"));
  std::optional<Error> disagreement;
  const auto take = [&](const std::string& named) {
    if (named.empty() || named == tenant) return;
    if (!tenant.empty()) disagreement = two_tenants(tenant, named);
    tenant = named;
  };
  take(std::string(request.header("pirn-tenant")));
  for_each_workflow(pattern, request,
                    [&](const std::string& name) { take(split_workflow_name(name).tenant); });
  if (disagreement) return *disagreement;
  return tenant;
}

void remove_tenants(std::string_view pattern, Request& request) {
  for_each_workflow(pattern, request, [](std::string& name) { name = split_workflow_name(name).local(); });
}

Result<WorkflowName> workflow_in(const Document& body, const Request& request) {
  PIRN_TRY(const std::string text, body.text_or("workflow", ""));
  WorkflowName name = split_workflow_name(text);
  if (name.tenant.empty() || name.tenant == request.tenant || request.tenant.empty()) return name;
  if (request.principal.is_operator()) return two_tenants(request.tenant, name.tenant);
  return Error{Code::not_found, "there is no tenant '" + name.tenant + "'"};
}

}  // namespace pirn::api
