#include "host/engine/grown_plan.h"

#include <algorithm>
#include <numeric>

#include "packager/definition/graph.h"

namespace pirn::engine {

namespace {

journal::ErrorPtr refused(std::string code, std::string message) {
  return std::make_shared<const journal::StepError>(
      journal::StepError{std::move(code), std::move(message), journal::ErrorClass::terminal, ""});
}

// All that is wrong, in one line: the problems of a parsed text are its causes.
std::string in_one_line(const Error& error) {
  std::string out;
  for (const Error& cause : error.causes) out += (out.empty() ? "" : "; ") + cause.message;
  return out.empty() ? error.message : out;
}

}  // namespace

uint32_t Expansion::find(std::string_view name) const {
  const auto found =
      std::lower_bound(by_name.begin(), by_name.end(), name,
                       [&](uint32_t child, std::string_view text) { return (*children)[child].name < text; });
  return found == by_name.end() || (*children)[*found].name != name ? kNone : first + *found;
}

GrownPlan::GrownPlan(PlanPtr plan) : plan_(std::move(plan)), n_declared_(plan_->n_steps()) {}

Result<GrownPlan> GrownPlan::recovered(PlanPtr plan, const journal::ExecutionState& state) {
  GrownPlan grown(std::move(plan));
  const auto misfit = [](const std::string& why) {
    return Error{Code::journal_corrupt, why, "", Blame::world};
  };
  if (state.n_children > state.steps.size() || state.n_declared() != grown.n_declared())
    return misfit("its definition has another number of steps");
  for (const journal::ChildrenPtr& children : state.expansions) {
    const uint32_t graft = children->front().graft;
    if (graft >= grown.n_declared() || grown.plan_->join_info(graft).graft == kNone ||
        grown.expansion_of(graft))
      return misfit("its definition has another graft");
    journal::ErrorPtr error;
    ExpansionPtr expansion = grown.prepare(graft, children, error);
    if (!expansion) return misfit(error->message);
    grown.add(std::move(expansion));
  }
  return grown;
}

GrownPlan::Growth& GrownPlan::growth() {
  if (!growth_) {
    growth_ = std::make_unique<Growth>();
    growth_->names = plan_->names();
    growth_->of_graft.resize(plan_->n_grafts(), kNone);
  }
  return *growth_;
}

const std::vector<ExpansionPtr>& GrownPlan::expansions() const {
  static const std::vector<ExpansionPtr> none;
  return growth_ ? growth_->expansions : none;
}

const Expansion* GrownPlan::expansion_of(uint32_t declared) const {
  const uint32_t graft = growth_ ? plan_->join_info(declared).graft : kNone;
  if (graft == kNone || growth_->of_graft[graft] == kNone) return nullptr;
  return growth_->expansions[growth_->of_graft[graft]].get();
}

uint32_t GrownPlan::find(std::string_view name) const {
  const uint32_t declared = plan_->find(name);
  if (declared != kNone || !growth_) return declared;
  const auto found = growth_->index.find(name);
  return found == growth_->index.end() ? kNone : found->second;
}

const std::vector<uint32_t>& GrownPlan::dependents(uint32_t step) const {
  static const std::vector<uint32_t> none;  // nobody can name a child
  return is_child(step) ? none : plan_->dependents(step);
}

int64_t GrownPlan::way(uint32_t step) const {
  if (!is_child(step)) return plan_->way(step);
  if (workflow().order != definition::Order::critical_path) return 0;
  return definition::longer(definition::likely_length(this->step(step)),
                            plan_->way_behind_children(of_child(step).graft));
}

uint32_t GrownPlan::written_by(const journal::Stamp& stamp) const {
  const uint32_t step = plan_->at_rank(stamp.rank - 1);
  return stamp.child == 0 ? step : expansion_of(step)->first + stamp.child - 1;
}

journal::ErrorPtr GrownPlan::check(const journal::Child& child, const Tasks& tasks) const {
  if (!definition::is_name(child.name))
    return refused("invalid_child", "'" + child.name + "' is not a valid name of a step");
  if (find(child.name) != kNone)
    return refused("duplicate_step", "the workflow has a step '" + child.name + "' already");
  if (!tasks.contains(child.task))
    return refused("unknown_function",
                   "the package has no task '" + child.task + "' for the step '" + child.name + "'");
  return nullptr;
}

ExpansionPtr GrownPlan::prepare(uint32_t graft, journal::ChildrenPtr children, journal::ErrorPtr& error) {
  Growth& growth = this->growth();
  if (children->size() > kMaxChildren - growth.n_children()) {
    error = refused("too_many_children",
                    "the execution would have more than " + std::to_string(kMaxChildren) + " children");
    return nullptr;
  }
  Tasks tasks;
  for (const definition::Function& function : plan_->release()->functions)
    if (function.kind == static_cast<uint32_t>(journal::Kind::task)) tasks.insert(function.id);
  auto expansion = std::make_shared<Expansion>();
  expansion->graft = graft;
  expansion->first = n_steps();
  expansion->options.reserve(children->size());
  for (const journal::Child& child : *children) {
    if ((error = check(child, tasks))) return nullptr;
    auto& options = growth.options[child.options];
    if (!options) {
      const std::string_view text = child.options.empty() ? "{}" : std::string_view(child.options);
      auto parsed = definition::parse_child(text, child.name, &plan_->release()->functions);
      if (!parsed) {
        growth.options.erase(child.options);
        error = refused("invalid_options",
                        "the options of the step '" + child.name + "': " + in_one_line(parsed.error()));
        return nullptr;
      }
      options = std::make_shared<const definition::Step>(std::move(parsed).value());
    }
    if (expansion->owned.empty() || expansion->owned.back() != options) expansion->owned.push_back(options);
    expansion->options.push_back(options.get());
  }
  std::vector<uint32_t>& by_name = expansion->by_name;
  by_name.resize(children->size());
  std::iota(by_name.begin(), by_name.end(), 0u);
  const auto name = [&](uint32_t child) -> const std::string& { return (*children)[child].name; };
  std::sort(by_name.begin(), by_name.end(), [&](uint32_t a, uint32_t b) { return name(a) < name(b); });
  const auto twice = std::adjacent_find(by_name.begin(), by_name.end(),
                                        [&](uint32_t a, uint32_t b) { return name(a) == name(b); });
  if (twice != by_name.end()) {
    error = refused("duplicate_step", "two children have the name '" + name(*twice) + "'");
    return nullptr;
  }
  expansion->children = std::move(children);
  return expansion;
}

void GrownPlan::add(ExpansionPtr expansion) {
  Growth& growth = this->growth();
  const auto number = static_cast<uint32_t>(growth.expansions.size());
  growth.of_graft[plan_->join_info(expansion->graft).graft] = number;
  growth.expansion_of.insert(growth.expansion_of.end(), expansion->size(), number);
  growth.names.reserve(growth.names.size() + expansion->size());
  growth.index.reserve(growth.index.size() + expansion->size());
  for (const journal::Child& child : *expansion->children) {
    growth.index.emplace(child.name, static_cast<uint32_t>(growth.names.size()));
    growth.names.push_back(child.name);
  }
  growth.expansions.push_back(std::move(expansion));
}

}  // namespace pirn::engine
