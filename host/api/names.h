// Names as requests bring them, checked where they come in: as a segment of the path, in the query, as the
// tenant of a header, and as a member of the body. What a value is called says which rule it keeps, so that
// no route can forget it; a name in a member that is called otherwise is checked by its route. An empty name
// is never taken for "any": who means any leaves it out.
//
// Thread: any; values.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "host/api/document.h"
#include "host/api/exchange.h"
#include "packager/definition/workflow_name.h"
#include "packager/error/error.h"

namespace pirn::api {

// bad_name when `what` is one of the names below and `text` breaks its rule; anything else passes.
//   tenant, package, publisher, breaker                  a name: [a-z0-9][a-z0-9_-]{0,62}
//   workflow                                             [[tenant::]package::]name
//   step, ran, skipped                                   a step's name, also of a nested one
//   event, tag                                           visible text (packager/definition/event_name.h)
//   version                                              at most 128 of those that a semantic version has
Status check_named(std::string_view what, std::string_view text);

// The segments of a path in the holes of its pattern ("/v1/packages/{package}").
Status check_path_names(std::string_view pattern, const std::vector<std::string>& params);
Status check_query_names(const std::map<std::string, std::string, std::less<>>& query);

using definition::split_workflow_name;
using definition::WorkflowName;
// The package of a filter, which may name it in the workflow and on its own; empty when it names none.
// invalid_argument: they name different ones.
Result<std::string> package_of(const WorkflowName& workflow, std::string_view package);

// The tenant that the query, the header Pirn-Tenant and full names of workflows in the path and the query
// agree on; empty: none of them names one. invalid_argument: they name different ones.
Result<std::string> named_tenant(std::string_view pattern, const Request& request);
// Removes the tenant from those names: handlers see names within request.tenant.
void remove_tenants(std::string_view pattern, Request& request);
// The member 'workflow' of a body; all parts empty without one. The tenant of a full name must be the
// request's: not_found to a tenant's caller, invalid_argument to the operator. A request that is for the
// whole host (its tenant is empty) takes any tenant, which stays in the result.
Result<WorkflowName> workflow_in(const Document& body, const Request& request);

}  // namespace pirn::api
