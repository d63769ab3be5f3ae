#include "host/engine/transitions/expansion.h"

#include <map>
#include <utility>

#include "host/engine/transitions/circuit.h"
#include "host/engine/transitions/error_rules.h"
#include "host/engine/transitions/lifecycle.h"
#include "host/engine/transitions/outcomes.h"
#include "host/engine/transitions/settle.h"
#include "registry/breakers.h"

namespace pirn::engine::transitions {

using worker::Outcome;

namespace {

// What is refused of a definition is refused of children: more than the host has (R48), and a breaker of
// which somebody has said otherwise (R33). Children that have the same options share them.
journal::ErrorPtr check_children(const Execution& execution, const Decision& decision,
                                 const Expansion& expansion) {
  std::map<std::string_view, const definition::CircuitBreaker*> guards;
  for (const ExpansionPtr& earlier : execution.plan().expansions())
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
    if (Status known = registry::check_breaker(*decision.catalog, *execution.plan().shared()->release(), who,
                                               options.breaker);
        fresh && !known)
      return refused(known.error().code, known.error().message);
  }
  return nullptr;
}

// Why the step may not expand so; nullptr: it may. No children are no expansion.
journal::ErrorPtr prepare_expansion(Execution& execution, Decision& decision, uint32_t step, Outcome& outcome,
                                    journal::ChildrenPtr& children, ExpansionPtr& expansion) {
  using journal::ErrorClass;
  if (execution.plan().is_child(step) || !execution.plan().step(step).graft)
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
  expansion = execution.prepare_expansion(step, children, error);
  if (!expansion) return error;
  return check_children(execution, decision, *expansion);
}

}  // namespace

// S15.
void expand(Execution& execution, Decision& decision, uint32_t step, Outcome& outcome) {
  journal::ResultPtr result = without_reserved_keys(execution, decision, step, std::move(outcome.result));
  journal::ChildrenPtr children;
  ExpansionPtr expansion;
  const journal::ErrorPtr problem =
      prepare_expansion(execution, decision, step, outcome, children, expansion);
  const Outcome done;
  if (execution.plan().guarded(step)) tell_breaker(execution, decision, step, problem ? nullptr : &done);
  if (problem) return fail_step(execution, decision, step, problem);
  execution.emit(decision, journal::GraftExpanded{step, std::move(children)});
  if (expansion) {
    execution.grow(expansion);
  }
  record_completion(execution, decision, step, std::move(result));
  if (expansion)
    for (uint32_t number = 0; number < expansion->size(); ++number)
      pass(execution, decision, expansion->first + number);
  settle(execution, decision);
  finish_if_done(execution, decision);
}

}  // namespace pirn::engine::transitions
