// Reads a workflow.
#include <pirn/abi.h>

#include "packager/definition/draft.h"

namespace pirn::definition {
namespace {

using Zero = ValueReader::Zero;
using Infinity = ValueReader::Infinity;

constexpr size_t kMaxTags = 64;
constexpr size_t kMaxEvents = 64;

struct Reading {
  Draft& draft;
  Workflow& workflow;
  const Step& defaults;
};

void skip(ValueReader&, const Node&, Reading&) {}  // read before the others

void read_name(ValueReader& in, const Node& node, Reading& to) { in.read_name(node, to.workflow.name); }
void read_label(ValueReader& in, const Node& node, Reading& to) {
  in.read_text(node, to.workflow.label, kMaxLabel);
}
void read_description(ValueReader& in, const Node& node, Reading& to) {
  in.read_text(node, to.workflow.description, kMaxDescription);
}
void read_version(ValueReader& in, const Node& node, Reading& to) {
  in.read_count(node, to.workflow.version, 1, kMaxUint32);
}
void read_timeout(ValueReader& in, const Node& node, Reading& to) {
  in.read_duration(node, to.workflow.timeout_ns, Zero::refused, Infinity::allowed);
}
void read_failure_mode(ValueReader& in, const Node& node, Reading& to) {
  in.read_choice(node, kFailureMode, to.workflow.failure_mode);
}
void read_step_concurrency(ValueReader& in, const Node& node, Reading& to) {
  in.read_count(node, to.workflow.step_concurrency);
}
void read_max_running(ValueReader& in, const Node& node, Reading& to) {
  in.read_count(node, to.workflow.max_running);
}
void read_strategy(ValueReader& in, const Node& node, Reading& to) {
  in.read_choice(node, kStrategy, to.workflow.strategy);
}
void read_order(ValueReader& in, const Node& node, Reading& to) {
  in.read_choice(node, kOrder, to.workflow.order);
}
void read_compensate(ValueReader& in, const Node& node, Reading& to) {
  in.read_choice(node, kCompensate, to.workflow.compensate);
}
template <std::string Handlers::*Member>
void read_handler(ValueReader& in, const Node& node, Reading& to) {
  in.read_function(node, to.workflow.handlers.*Member, PIRN_KIND_HANDLER);
}
void read_workflow_recovery(ValueReader& in, const Node& node, Reading& to) {
  read_recovery(in, node, to.workflow.recovery);
}
void read_dead_letter(ValueReader& in, const Node& node, Reading& to) {
  in.read_truth(node, to.workflow.dead_letter);
}
void read_dead_letter_ttl(ValueReader& in, const Node& node, Reading& to) {
  in.read_duration(node, to.workflow.dead_letter_ttl_ns, Zero::refused, Infinity::allowed);
}
void read_workflow_schedule(ValueReader& in, const Node& node, Reading& to) {
  read_schedule(in, node, to.workflow.schedule.emplace());
}
void read_on_event(ValueReader& in, const Node& node, Reading& to) {
  in.read_texts(node, to.workflow.on_event, kMaxEvents);
}
void read_tags(ValueReader& in, const Node& node, Reading& to) {
  if (!in.is_list(node, kMaxTags)) return;
  for (const Node& element : node.children) in.read_event_name(element, to.workflow.tags.emplace_back());
}
void read_metadata(ValueReader& in, const Node& node, Reading& to) {
  in.read_object(node, to.workflow.metadata);
}
void read_workflow_hooks(ValueReader& in, const Node& node, Reading& to) {
  read_hooks(in, node, to.workflow.hooks);
}
void read_workflow_steps(ValueReader& in, const Node& node, Reading& to) {
  read_steps(in, node, to.defaults, to.draft);
}

constexpr Field<Reading> kWorkflowFields[] = {{"name", read_name},
                                              {"label", read_label},
                                              {"description", read_description},
                                              {"version", read_version},
                                              {"at", skip},
                                              {"timeout", read_timeout},
                                              {"failure_mode", read_failure_mode},
                                              {"strategy", read_strategy},
                                              {"order", read_order},
                                              {"step_concurrency", read_step_concurrency},
                                              {"max_running", read_max_running},
                                              {"compensate", read_compensate},
                                              {"on_success", read_handler<&Handlers::on_success>},
                                              {"on_failure", read_handler<&Handlers::on_failure>},
                                              {"on_cancel", read_handler<&Handlers::on_cancel>},
                                              {"on_step_error", read_handler<&Handlers::on_step_error>},
                                              {"recovery", read_workflow_recovery},
                                              {"dead_letter", read_dead_letter},
                                              {"dead_letter_ttl", read_dead_letter_ttl},
                                              {"schedule", read_workflow_schedule},
                                              {"on_event", read_on_event},
                                              {"tags", read_tags},
                                              {"metadata", read_metadata},
                                              {"hooks", read_workflow_hooks},
                                              {"step_defaults", skip},
                                              {"steps", read_workflow_steps}};

template <std::string Hooks::*Member>
void read_hook(ValueReader& in, const Node& node, Hooks& hooks) {
  in.read_function(node, hooks.*Member, PIRN_KIND_HOOK);
}
constexpr Field<Hooks> kHookFields[] = {{"on_start", read_hook<&Hooks::on_start>},
                                        {"on_success", read_hook<&Hooks::on_success>},
                                        {"on_failure", read_hook<&Hooks::on_failure>},
                                        {"on_skip", read_hook<&Hooks::on_skip>},
                                        {"on_finish", read_hook<&Hooks::on_finish>}};

void check_dead_letter(ValueReader& in, const Node& node, const Workflow& workflow) {
  const Node* ttl = node.find("dead_letter_ttl");
  if (ttl != nullptr && !workflow.dead_letter)
    in.problem(Code::invalid_value, *ttl, in.subject() + " has \"dead_letter_ttl\" but keeps no dead letters",
               "Add \"dead_letter\": true, or remove \"dead_letter_ttl\".");
}

}  // namespace

void read_hooks(ValueReader& in, const Node& node, Hooks& out) {
  in.read_fields(node, Level::hooks, part(kHookFields, out));
}

Where declared_place(ValueReader& in, const Node& object, const Where* outer, std::string& at) {
  if (const Node* node = object.find("at"))
    if (std::optional<Where> declared = in.read_place(*node, at)) return *declared;
  return outer != nullptr ? *outer : in.source().where(object.offset);
}

Draft read_workflow(ValueReader& in, const Node& node) {
  Draft draft;
  Workflow& workflow = draft.workflow;
  const Node* name = node.find("name");
  in.about(name != nullptr && name->value->is_string()
               ? "the workflow '" + std::string(view(name->value->get_string())).substr(0, 64) + "'"
               : "a workflow");
  workflow.where = declared_place(in, node, nullptr, workflow.at);
  in.declared_at(workflow.at.empty() ? nullptr : &workflow.where);
  Step defaults;
  if (const Node* options = node.find("step_defaults"); options != nullptr && node.value->is_object())
    read_step_defaults(in, *options, defaults);
  Reading reading{draft, workflow, defaults};
  in.read_fields(node, Level::workflow, part(kWorkflowFields, reading), part(kRetryFields, workflow.retry));
  in.require(node, Level::workflow, {"name"});
  check_retries(in, node);
  check_dead_letter(in, node, workflow);
  in.declared_at(nullptr);
  check_graph(draft, in.source(), in.problems());
  return draft;
}

}  // namespace pirn::definition
