#include "tests/host/model/compare.h"

#include <cstdlib>
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
  out.timed = "ended " + std::to_string(e.ended_at - e.started_at) + "\n";
  for (const Step& step : e.steps) {
    const std::string state = text_of(step);
    const bool empty = step.slot.is_map && step.slot.map.empty();
    out.confluent += step.def.name + " " + state + " failures " + std::to_string(step.failures) + " slot " +
                     (empty ? "{}" : text_of(step.slot)) + "\n";
    out.timed += step.def.name + " invocations " + std::to_string(step.invocations) + " interruptions " +
                 std::to_string(step.interruptions) + " ended " +
                 std::to_string(step.ended_at - e.started_at) + " delays";
    for (const int64_t delay : step.delays) out.timed += " " + std::to_string(delay);
    out.timed += "\n";
  }
  out.confluent += text_of(Slot{true, model.context(), ""}) + "\n";
  return out;
}

Facts facts_of(sim::Simulation& simulation, ExecutionId id) {
  Facts out;
  const engine::View view = simulation.world().show(id);
  out.confluent = std::string(journal::name_of(view.state.state)) + "\n";
  out.timed = "ended " + std::to_string(view.state.ended_at - view.state.started_at) + "\n";
  std::map<uint32_t, std::string> delays;
  for (const journal::Record& record : [&] {
         std::vector<journal::Record> records;
         for (sim::Event& event : simulation.world().events_of(id))
           records.push_back(std::move(event.record));
         return records;
       }())
    if (const auto* retry = std::get_if<journal::StepRetry>(&record))
      delays[retry->step] += " " + std::to_string(retry->delay);
  for (uint32_t i = 0; i < view.state.steps.size(); ++i) {
    const journal::Step& step = view.state.steps[i];
    std::string slot = "{}";
    if (step.result) {
      slot.clear();
      journal::append_result(slot, *step.result);
    }
    out.confluent += view.step_names[i] + " " + sim::step_text(step) + " failures " +
                     std::to_string(step.failures) + " slot " + sorted(slot) + "\n";
    out.timed += view.step_names[i] + " invocations " + std::to_string(step.invocations) + " interruptions " +
                 std::to_string(step.extra->interruptions) + " ended " +
                 std::to_string(step.ended_at - view.state.started_at) + " delays" + delays[i] + "\n";
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
  const Model model = run_model(scenario, of->published[0].definition.workflows[0], id.value, of->begin);
  const Facts expected = facts_of(model), found = facts_of(simulation, id);
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
