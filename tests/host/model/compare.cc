#include "tests/host/model/compare.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include "host/journal/codec.h"
#include "host/simulate/simulation.h"
#include "packager/json/json.h"

namespace pirn::model {

namespace {

std::string sorted(const std::string& json) {
  const auto value = parse_own_json(json, "a value", {});
  return value ? canonical(*value) : json;
}

[[noreturn]] void refused(const pirn::Error& error, const std::string& text) {
  std::fprintf(stderr, "%s\n%s\n", pirn::describe(error).c_str(), text.c_str());
  std::abort();
}

// One line for each fact, so that the first difference says what it is about.
struct Facts {
  std::string confluent, timed;
};

Facts facts_of(const Model& model) {
  Facts out;
  const Execution& e = model.execution();
  out.confluent = std::string(text_of(e.phase)) + "\n";
  out.timed = "ended " + std::to_string(e.ended_at - e.started_at) + " attempt " + std::to_string(e.attempt) +
              " error " + (e.error.code.empty() ? "none" : e.error.code) + " tolerated " +
              std::to_string(e.tolerated_failures) + "\n";
  std::string handlers, rollbacks;
  for (const std::string& handler : std::set<std::string>(e.handlers.begin(), e.handlers.end()))
    handlers +=
        " " + handler + " " + std::to_string(std::count(e.handlers.begin(), e.handlers.end(), handler));
  for (const std::string& step : e.rolled_back) rollbacks += " " + step;
  out.timed += "handlers" + handlers + "\nrolled back" + rollbacks + "\n";
  for (const Step& step : e.steps) {
    const std::string state = text_of(step);
    const bool empty = step.slot.is_map && step.slot.map.empty();
    out.confluent += step.def.name + " " + state + " failures " + std::to_string(step.failures) + " slot " +
                     (empty ? "{}" : text_of(step.slot)) + "\n";
    static const char* const kCompensations[] = {"none", "pending", "running", "done", "failed"};
    out.timed += step.def.name + " compensation " + kCompensations[static_cast<size_t>(step.compensation)] +
                 " snoozes " + std::to_string(step.snoozes) + " invocations " +
                 std::to_string(step.invocations) + " interruptions " + std::to_string(step.interruptions) +
                 " ended " + std::to_string(step.ended_at - e.started_at) + " delays";
    for (const int64_t delay : step.delays) out.timed += " " + std::to_string(delay);
    out.timed += "\n";
  }
  out.confluent += text_of(Slot{true, model.context(), ""}) + "\n";
  return out;
}

// What only the journal knows of an attempt and its end.
struct Told {
  std::map<uint32_t, std::string> delays;
  std::map<std::string, int> handlers;
  std::string rolled_back;

  void note(const journal::Record& record, const std::vector<std::string>& names) {
    if (const auto* retry = std::get_if<journal::StepRetry>(&record))
      delays[retry->step] += " " + std::to_string(retry->delay);
    if (std::holds_alternative<journal::WorkflowRetry>(record)) delays.clear();
    if (const auto* started = std::get_if<journal::HandlerStarted>(&record))
      ++handlers[std::string(name_of(started->handler))];
    if (const auto* done = std::get_if<journal::RollbackDone>(&record))
      rolled_back += " " + names[done->step];
    if (const auto* failed = std::get_if<journal::RollbackFailed>(&record);
        failed && failed->wake_at == journal::kNever)
      rolled_back += " " + names[failed->step];
  }
};

Facts facts_of(sim::Simulation& simulation, ExecutionId id) {
  Facts out;
  const engine::View view = simulation.world().show(id);
  const journal::ExecutionState& state = view.state;
  out.confluent = std::string(journal::name_of(state.state)) + "\n";
  const bool failed = state.cause == journal::StopCause::fail && state.error;
  out.timed = "ended " + std::to_string(state.ended_at - state.started_at) + " attempt " +
              std::to_string(state.attempt) + " error " + (failed ? state.error->code : "none") +
              " tolerated " + std::to_string(state.tolerated_failures) + "\n";
  Told told;
  // Of an earlier attempt there may have been children that are no more, so that names come from the journal.
  std::vector<std::string> names(view.step_names.begin(), view.step_names.begin() + state.n_declared());
  for (const sim::Event& event : simulation.world().events_of(id)) {
    if (const auto* expanded = std::get_if<journal::GraftExpanded>(&event.record))
      for (const journal::Child& child : *expanded->children) names.push_back(child.name);
    told.note(event.record, names);
    if (std::holds_alternative<journal::WorkflowRetry>(event.record)) names.resize(state.n_declared());
  }
  out.timed += "handlers";
  for (const auto& [handler, times] : told.handlers) out.timed += " " + handler + " " + std::to_string(times);
  out.timed += "\nrolled back" + told.rolled_back + "\n";
  for (uint32_t i = 0; i < state.steps.size(); ++i) {
    const journal::Step& step = state.steps[i];
    std::string slot = "{}";
    if (step.result) {
      slot.clear();
      journal::append_result(slot, *step.result);
    }
    out.confluent += view.step_names[i] + " " + sim::step_text(step) + " failures " +
                     std::to_string(step.failures) + " slot " + sorted(slot) + "\n";
    out.timed += view.step_names[i] + " compensation " + std::string(name_of(step.compensation)) +
                 " snoozes " + std::to_string(step.extra->snoozes) + " invocations " +
                 std::to_string(step.invocations) + " interruptions " +
                 std::to_string(step.extra->interruptions) + " ended " +
                 std::to_string(step.ended_at - state.started_at) + " delays" + told.delays[i] + "\n";
  }
  out.confluent += sorted(view.context) + "\n";
  return out;
}

std::string first_difference(const std::string& model, const std::string& engine) {
  size_t begin = 0;
  for (;;) {
    const size_t end = std::min(model.find('\n', begin), engine.find('\n', begin));
    const size_t model_end = model.find('\n', begin), engine_end = engine.find('\n', begin);
    if (model.substr(begin, model_end - begin) != engine.substr(begin, engine_end - begin))
      return "model:  " + model.substr(begin, model_end - begin) +
             "\nengine: " + engine.substr(begin, engine_end - begin) + "\n";
    if (end == std::string::npos) return {};
    begin = end + 1;
  }
}

// Children stand in the order in which their grafts expanded, which is a matter of time.
std::string by_name(const std::string& facts) {
  std::istringstream lines(facts);
  std::set<std::string> sorted;
  for (std::string line; std::getline(lines, line);) sorted.insert(line);
  std::string out;
  for (const std::string& line : sorted) out += line + "\n";
  return out;
}

}  // namespace

std::string difference(const Scenario& scenario) {
  const std::string text = case_of(scenario);
  auto of = sim::parse_case(text, "case.json", nullptr);
  if (!of) refused(of.error(), text);
  sim::Simulation simulation(*of);
  if (const std::string cut = simulation.run(); !cut.empty()) return "engine: " + cut + "\n";
  const ExecutionId id = simulation.runs().at("w").id;
  size_t refused_by_model = 0;
  const Model model =
      run_model(scenario, of->published[0].definition.workflows[0], id.value, of->begin, &refused_by_model);
  Facts expected = facts_of(model), found = facts_of(simulation, id);
  expected.timed += "refused " + std::to_string(refused_by_model) + "\n";
  found.timed += "refused " + std::to_string(simulation.refusals().size()) + "\n";
  return first_difference(expected.confluent, found.confluent) +
         first_difference(expected.timed, found.timed);
}

std::string outcome_on_engine(const Scenario& scenario, size_t slots) {
  const std::string text = case_of(scenario, slots);
  auto of = sim::parse_case(text, "case.json", nullptr);
  if (!of) refused(of.error(), text);
  sim::Simulation simulation(*of);
  if (const std::string cut = simulation.run(); !cut.empty()) return cut;
  return by_name(facts_of(simulation, simulation.runs().at("w").id).confluent);
}

std::string outcome_of(const Model& model) { return by_name(facts_of(model).confluent); }

}  // namespace pirn::model
