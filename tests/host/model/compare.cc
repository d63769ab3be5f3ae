#include "tests/host/model/compare.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include "host/journal/codec.h"
#include "host/simulate/simulation.h"
#include "packager/json/json.h"
#include "tests/host/properties/monitor.h"

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

std::string known(std::string_view run) { return run.empty() ? "somebody" : std::string(run); }

// One line for each fact, so that the first difference says what it is about.
struct Facts {
  std::string confluent, timed;
  void operator+=(const Facts& more) {
    confluent += more.confluent;
    timed += more.timed;
  }
};

Facts facts_of(const Run& run) {
  Facts out;
  const Execution& e = run.execution();
  out.confluent = run.name() + " " + std::string(text_of(e.phase)) + "\n";
  out.timed = run.name() + " ended " + std::to_string(e.ended_at) + " attempt " + std::to_string(e.attempt) +
              " error " + (e.error.code.empty() ? "none" : e.error.code) + " tolerated " +
              std::to_string(e.tolerated_failures) + " letters " + std::to_string(e.dead_letters) + "\n";
  std::string handlers, rollbacks;
  for (const std::string& handler : std::set<std::string>(e.handlers.begin(), e.handlers.end()))
    handlers +=
        " " + handler + " " + std::to_string(std::count(e.handlers.begin(), e.handlers.end(), handler));
  for (const std::string& step : e.rolled_back) rollbacks += " " + step;
  out.timed += run.name() + " handlers" + handlers + "\n" + run.name() + " rolled back" + rollbacks + "\n";
  for (const Step& step : e.steps) {
    const std::string state = text_of(step);
    const bool empty = step.slot.is_map && step.slot.map.empty();
    out.confluent += run.name() + " " + step.def.name + " " + state + " failures " +
                     std::to_string(step.failures) + " slot " + (empty ? "{}" : text_of(step.slot)) + "\n";
    static const char* const kCompensations[] = {"none", "pending", "running", "done", "failed"};
    out.timed += run.name() + " " + step.def.name + " compensation " +
                 kCompensations[static_cast<size_t>(step.compensation)] + " snoozes " +
                 std::to_string(step.snoozes) + " invocations " + std::to_string(step.invocations) +
                 " interruptions " + std::to_string(step.interruptions) + " crashes " +
                 std::to_string(step.crashes) + " ended " + std::to_string(step.ended_at) + " delays";
    for (const int64_t delay : step.delays) out.timed += " " + std::to_string(delay);
    out.timed += "\n";
  }
  out.confluent += run.name() + " " + text_of(Slot{true, run.context(), ""}) + "\n";
  return out;
}

// What only the journal knows of an attempt and its end.
struct Told {
  std::map<uint32_t, std::string> delays;
  std::map<std::string, int> handlers;
  std::string rolled_back;
  uint32_t letters = 0;

  void note(const journal::Record& record, const std::vector<std::string>& names) {
    if (const auto* retry = std::get_if<journal::StepRetry>(&record))
      delays[retry->step] += " " + std::to_string(retry->delay);
    if (std::holds_alternative<journal::WorkflowRetry>(record)) delays.clear();
    if (std::holds_alternative<journal::DeadLettered>(record)) ++letters;
    if (const auto* started = std::get_if<journal::HandlerStarted>(&record))
      ++handlers[std::string(name_of(started->handler))];
    if (const auto* done = std::get_if<journal::RollbackDone>(&record))
      rolled_back += " " + names[done->step];
    if (const auto* failed = std::get_if<journal::RollbackFailed>(&record);
        failed && failed->wake_at == journal::kNever)
      rolled_back += " " + names[failed->step];
  }
};

Facts facts_of(sim::Simulation& simulation, const std::string& name, ExecutionId id) {
  Facts out;
  const engine::View view = simulation.world().show(id);
  const journal::ExecutionState& state = view.state;
  out.confluent = name + " " + std::string(journal::name_of(state.state)) + "\n";
  const bool failed = state.cause == journal::StopCause::fail && state.error;
  out.timed = name + " ended " + std::to_string(state.ended_at) + " attempt " +
              std::to_string(state.attempt) + " error " + (failed ? state.error->code : "none") +
              " tolerated " + std::to_string(state.tolerated_failures);
  Told told;
  // Of an earlier attempt there may have been children that are no more, so that names come from the journal.
  std::vector<std::string> names(view.step_names.begin(), view.step_names.begin() + state.n_declared());
  for (const sim::Event& event : simulation.world().events_of(id)) {
    if (const auto* expanded = std::get_if<journal::GraftExpanded>(&event.record))
      for (const journal::Child& child : *expanded->children) names.push_back(child.name);
    told.note(event.record, names);
    if (std::holds_alternative<journal::WorkflowRetry>(event.record)) names.resize(state.n_declared());
  }
  out.timed += " letters " + std::to_string(told.letters) + "\n" + name + " handlers";
  for (const auto& [handler, times] : told.handlers) out.timed += " " + handler + " " + std::to_string(times);
  out.timed += "\n" + name + " rolled back" + told.rolled_back + "\n";
  for (uint32_t i = 0; i < state.steps.size(); ++i) {
    const journal::Step& step = state.steps[i];
    std::string slot = "{}";
    if (step.result) {
      slot.clear();
      journal::append_result(slot, *step.result);
    }
    out.confluent += name + " " + view.step_names[i] + " " + sim::step_text(step) + " failures " +
                     std::to_string(step.failures) + " slot " + sorted(slot) + "\n";
    out.timed += name + " " + view.step_names[i] + " compensation " +
                 std::string(name_of(step.compensation)) + " snoozes " + std::to_string(step.extra->snoozes) +
                 " invocations " + std::to_string(step.invocations) + " interruptions " +
                 std::to_string(step.extra->interruptions) + " crashes " +
                 std::to_string(step.extra->crashes) + " ended " + std::to_string(step.ended_at) + " delays" +
                 told.delays[i] + "\n";
  }
  out.confluent += name + " " + sorted(view.context) + "\n";
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

// By the names of the runs, in their order.
Facts facts_of(const Model& model) {
  std::map<std::string, const Run*> by_name;
  for (const auto& run : model.runs()) by_name[run->name()] = run.get();
  Facts out;
  for (const auto& [name, run] : by_name) out += facts_of(*run);
  for (const std::string& run : model.letters()) out.timed += "letter of " + run + "\n";
  for (const auto& [name, state] : model.breakers()) out.timed += "breaker " + name + " " + state + "\n";
  return out;
}

Facts facts_of(sim::Simulation& simulation) {
  Facts out;
  for (const auto& [name, run] : simulation.runs()) out += facts_of(simulation, name, run.id);
  const auto letters = simulation.world().ask<std::vector<engine::DeadLetterEntry>>(
      engine::ListDeadLetters{.tenant = "t", .reply = {}});
  std::set<std::string> left;
  for (const engine::DeadLetterEntry& letter : *letters)
    left.insert(known(simulation.name_of_run(letter.id)));
  for (const std::string& run : left) out.timed += "letter of " + run + "\n";
  const auto breakers = simulation.world().ask<std::vector<engine::BreakerView>>(
      engine::ListBreakers{.tenant = "t", .reply = {}});
  for (const engine::BreakerView& breaker : *breakers) {
    const journal::BreakerState& state = breaker.state;
    if (state == journal::BreakerState()) continue;  // nothing has happened to it
    // An open one is shown as half open when its time has come, whether somebody has called or not.
    const std::string circuit = state.until != 0 ? "open until " + std::to_string(state.until)
                                                 : std::string(journal::name_of(state.circuit));
    out.timed += "breaker " + breaker.name + " " + circuit + " " + std::to_string(state.failures) + " " +
                 std::to_string(state.successes) + " " + std::to_string(breaker.in_flight) + "\n";
  }
  return out;
}

}  // namespace

std::string difference(const Scenario& scenario) {
  const std::string text = case_of(scenario);
  auto of = sim::parse_case(text, "case.json", nullptr);
  if (!of) refused(of.error(), text);
  sim::Simulation simulation(*of);
  sim::Monitor monitor(simulation.world(), scenario.pool);
  if (const std::string cut = simulation.run(); !cut.empty()) return "engine: " + cut + "\n";
  monitor.check_end();
  for (const std::string& problem : monitor.problems()) return problem + "\n";
  const auto id_of = [&](const std::string& name) {
    const auto found = simulation.runs().find(name);
    return found == simulation.runs().end() ? 0 : found->second.id.value;
  };
  size_t refused_by_model = 0;
  const Model model = run_model(scenario, of->published[0].definition, of->begin, id_of, &refused_by_model);
  Facts expected = facts_of(model), found = facts_of(simulation);
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
  return by_name(facts_of(simulation).confluent);
}

std::string outcome_of(const Model& model) { return by_name(facts_of(model).confluent); }

}  // namespace pirn::model
