// Grafts: steps that answer with the steps that are to run (R11, R12). The expansion is in the journal in the
// same commit as the graft's completion, and is never computed again.
#include <map>
#include <utility>

#include "host/engine/execution.h"
#include "registry/breakers.h"

namespace pirn::engine {

using worker::Outcome;

// What is refused of a definition is refused of children: more than the host has (R48), and a breaker of
// which somebody has said otherwise (R33). Children that have the same options share them.
journal::ErrorPtr Execution::check_children(const Decision& decision, const Expansion& expansion) const {
  std::map<std::string_view, const definition::CircuitBreaker*> guards;
  for (const ExpansionPtr& earlier : plan_->expansions())
    for (const auto& options : earlier->owned)
      if (!options->breaker.name.empty()) guards.emplace(options->breaker.name, &options->breaker);
  const definition::Step* before = nullptr;
  for (uint32_t number = 0; number < expansion.size(); ++number) {
    const definition::Step& options = *expansion.options[number];
    if (&options == std::exchange(before, &options)) continue;
    const std::string who = "the child '" + (*expansion.children)[number].name + "'";
    const auto refused = [](Code code, const std::string& message) {
      return make_error(std::string(catalogue_entry(code).name), message, journal::ErrorClass::terminal);
    };
    if (const std::string lack = lacking(decision.resources.capacity(), options.resources); !lack.empty())
      return refused(Code::resources_insufficient, who + " asks for " + lack + " that the host has");
    if (options.breaker.name.empty()) continue;
    const auto [guard, fresh] = guards.emplace(options.breaker.name, &options.breaker);
    if (!fresh && *guard->second != options.breaker)
      return refused(Code::breaker_mismatch, who + " and another child give the circuit breaker '" +
                                                 options.breaker.name + "' different options");
    if (Status known =
            registry::check_breaker(*decision.catalog, *plan_->shared()->release(), who, options.breaker);
        fresh && !known)
      return refused(known.error().code, known.error().message);
  }
  return nullptr;
}

// S15.
void Execution::expand(Decision& decision, uint32_t step, Outcome& outcome) {
  journal::ResultPtr result = without_reserved_keys(decision, step, std::move(outcome.result));
  journal::ChildrenPtr children;
  ExpansionPtr expansion;
  const journal::ErrorPtr problem = prepare_expansion(decision, step, outcome, children, expansion);
  const Outcome done;
  if (guarded(step)) tell_breaker(decision, step, problem ? nullptr : &done);
  if (problem) return fail_step(decision, step, problem);
  emit(decision, journal::GraftExpanded{step, std::move(children)});
  if (expansion) {
    plan_.add(expansion);
    spread(expansion);
  }
  record_completion(decision, step, std::move(result));
  if (expansion)
    for (uint32_t number = 0; number < expansion->size(); ++number) pass(decision, expansion->first + number);
  settle(decision);
  finish_if_done(decision);
}

// Why the step may not expand so; nullptr: it may. No children are no expansion.
journal::ErrorPtr Execution::prepare_expansion(Decision& decision, uint32_t step, Outcome& outcome,
                                               journal::ChildrenPtr& children, ExpansionPtr& expansion) {
  using journal::ErrorClass;
  if (plan_->is_child(step) || !plan_->step(step).graft)
    return make_error("expand_not_allowed",
                      "the task returned EXPAND, and the step is not declared as a graft",
                      ErrorClass::terminal);
  for (uint32_t number = 0; journal::Child & child : outcome.children) {
    child.graft = step;
    child.number = number++;
  }
  children = std::make_shared<const std::vector<journal::Child>>(std::move(outcome.children));
  if (children->empty()) return nullptr;
  journal::ErrorPtr error;
  expansion = plan_.prepare(step, children, error);
  if (!expansion) return error;
  return check_children(decision, *expansion);
}

// What is derived, for new children.
void Execution::spread(const ExpansionPtr& expansion) {
  frame_->grow(expansion);
  local_.resize(local_.size() + expansion->size());
  progress_.add_children(plan_, *expansion);
  fold_.add_children(*expansion);
  measure(*expansion);
}

}  // namespace pirn::engine
