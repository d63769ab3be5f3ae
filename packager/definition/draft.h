// The parts of the parser, a file each, and what they hand to check.cc. Private to packager/definition.
#pragma once

#include <string_view>
#include <vector>

#include "packager/definition/definition.h"
#include "packager/definition/problems.h"
#include "packager/definition/source.h"
#include "packager/definition/values.h"

namespace pirn::definition {

// A name where a step mentions it.
struct Mention {
  std::string_view name;  // lent by the Source
  const Node* node = nullptr;
};

// What a step says about others, before these are known.
struct StepDraft {
  const Node* node = nullptr;
  std::vector<Mention> after, after_any, after_graft;
  const Node* after_group = nullptr;
  const Node* nested = nullptr;  // the value of "workflow"
};

// A workflow as it was read: step i of it is drafted by steps[i].
struct Draft {
  Workflow workflow;
  std::vector<StepDraft> steps;

  // What a message about step `i` points at: where its author declared it, or else `node` in the text.
  Where place(const Source& source, size_t i, const Node& node) const;
};

// parse_workflow.cc
Draft read_workflow(ValueReader& in, const Node& node);
// The place that the messages about an object show: its `at`, or else `outer`, or else its position.
Where declared_place(ValueReader& in, const Node& object, const Where* outer, std::string& at);

// parse_step.cc
void read_step_defaults(ValueReader& in, const Node& node, Step& defaults);
void read_steps(ValueReader& in, const Node& node, const Step& defaults, Draft& draft);
Step read_child(ValueReader& in, const Node& node);

// parse_condition.cc
void read_condition(ValueReader& in, const Node& node, Condition& out);

// parse_recovery.cc: what becomes of errors.
extern const Field<RetryPolicy> kRetryFields[8];
// Refuses an object with both max_retries and max_attempts.
void check_retries(ValueReader& in, const Node& object);
void read_fallback(ValueReader& in, const Node& node, Fallback& out);
void read_recovery(ValueReader& in, const Node& node, std::vector<RecoveryRule>& out);
void read_breaker_options(ValueReader& in, const Node& node, CircuitBreaker& out);

// parse_schedule.cc
void read_schedule(ValueReader& in, const Node& node, Schedule& out);

// parse_workflow.cc
void read_hooks(ValueReader& in, const Node& node, Hooks& out);

// check.cc. Names are unique; what steps wait for exists and makes no cycle; fills in Step::after, after_any
// and after_graft. Linear in the size of the draft.
void check_graph(Draft& draft, const Source& source, Problems& problems);

// check_package.cc: what only all workflows together show. Nested workflows of the package exist, contain
// each other in no circle and not too deep; one circuit breaker has one set of options.
void check_package(std::string_view package, const std::vector<Draft>& drafts, const Source& source,
                   Problems& problems);

}  // namespace pirn::definition
