// Many seeds of random workflows on the engine and on the model. A failing one is shrunk and printed as a
// case that `pirn simulate` replays.
#include <gtest/gtest.h>

#include "tests/host/model/compare.h"
#include "tests/host/properties/seeds.h"

namespace pirn::model {
namespace {

using sim::RunningSeed;

definition::Definition parsed(const Scenario& scenario) {
  auto definition = definition::parse(definition_of(scenario), "random", nullptr);
  if (!definition) {
    ADD_FAILURE() << describe(definition.error()) << "\n" << definition_of(scenario);
    return {};
  }
  return std::move(definition).value();
}

Model run_alone(const Scenario& scenario, const definition::Definition& definition) {
  return run_model(scenario, definition, kBegin, [](const std::string&) { return 1; });
}

// A failure has stopped an execution while others of its steps were open: which ones, is a matter of time.
bool cut_short(const Model& model, bool aborts) {
  return std::any_of(model.runs().begin(), model.runs().end(), [&](const auto& run) {
    const Execution& e = run->execution();
    return e.cause == Cause::fail &&
           (aborts || e.workflow->failure_mode == definition::FailureMode::fail_fast);
  });
}

// Somebody is waited for who never answers, and holds a slot meanwhile: which of the others run, is a matter
// of time.
bool open_for_ever(const Model& model) {
  return std::any_of(model.runs().begin(), model.runs().end(),
                     [](const auto& run) { return !terminal(run->execution().phase); });
}

// `problem` is empty where there is none; `as_case` prints what `pirn simulate` shall run.
void tell_of(uint64_t seed, const Scenario& scenario,
             const std::function<std::string(const Scenario&)>& problem,
             const std::function<std::string(const Scenario&, const Model&)>& as_case) {
  std::printf("seed %llu differs (%s); shrinking\n%s", static_cast<unsigned long long>(seed),
              sim::replay(seed).c_str(), problem(scenario).c_str());
  std::fflush(stdout);
  const Scenario small = shrunk(scenario, [&](const Scenario& less) { return !problem(less).empty(); });
  const definition::Definition definition = parsed(small);
  ADD_FAILURE() << "seed " << seed << ", again with " << sim::replay(seed) << "\n"
                << problem(small) << "pirn simulate this case:\n"
                << as_case(small, run_alone(small, definition));
}

// In virtual time the two agree to the nanosecond, stops, timeouts and crashes included.
TEST(EngineAndModel, AgreeOnEverything) {
  const auto [first, n] = sim::seeds_to_run(5000);
  for (uint64_t seed = first; seed < first + n; ++seed) {
    const RunningSeed running(seed);
    const Scenario scenario = make_scenario(seed, all_features());
    if (!difference(scenario).empty())
      return tell_of(seed, scenario, difference,
                     [](const Scenario& of, const Model& model) { return case_of(of, 64, &model); });
  }
}

// All but what makes time matter.
std::set<Feature> timeless_features(uint64_t seed) {
  std::set<Feature> features = all_features();
  for (const Feature timely :
       {Feature::timeouts, Feature::workflow_timeout, Feature::cancel, Feature::pause, Feature::answers,
        Feature::workflow_retries, Feature::breakers, Feature::dead_letters, Feature::down, Feature::kills,
        Feature::again, Feature::triggers})
    features.erase(timely);
  features.insert(Feature::poison);
  // What a step sees through after_any depends on who was first. Conditions may read it, and a nested
  // workflow begins with it.
  if (seed % 2)
    features.erase(Feature::after_any);
  else
    for (const Feature reader : {Feature::conditions, Feature::nested}) features.erase(reader);
  return features;
}

// The scenario at another pace, beside the model's run of it. Nothing: it stops, and time matters.
std::optional<std::string> difference_in_time(const Scenario& of, const Scenario& stormy, size_t slots) {
  const definition::Definition definition = parsed(of);
  const Model model = run_alone(of, definition);
  const bool aborts = definition_of(of).find("\"abort\"") != std::string::npos;
  if (cut_short(model, aborts) || open_for_ever(model)) return std::nullopt;
  const std::string expected = outcome_of(model), found = outcome_on_engine(stormy, slots);
  return expected == found ? "" : "model:\n" + expected + "engine:\n" + found;
}

// P4: without a stop, neither durations nor slots nor crashes change what comes out, which is what the model
// says for any of them.
TEST(EngineAndModel, WhatComesOutDoesNotDependOnTime) {
  const auto [first, n] = sim::seeds_to_run(5000);
  uint64_t compared = 0;
  for (uint64_t seed = first; seed < first + (n + 1) / 2; ++seed) {
    const RunningSeed running(seed);
    const Scenario scenario = make_scenario(seed, timeless_features(seed));
    const size_t slots = 1 + seed % 5;
    const auto stormy = [&](const Scenario& of) { return retimed(of, seed * 7 + 1, true); };
    const auto found = difference_in_time(scenario, stormy(scenario), slots);
    if (!found) continue;
    ++compared;
    if (!found->empty())
      return tell_of(
          seed, scenario,
          [&](const Scenario& of) { return difference_in_time(of, stormy(of), slots).value_or(""); },
          [&](const Scenario& of, const Model& model) { return case_of(stormy(of), slots, &model); });
  }
  if (n >= 100) {  // and not one seed that somebody replays
    EXPECT_GT(compared, n / 8) << "most scenarios should not stop";
  }
}

// A comparison that finds nothing is worth something only if it would find something.
TEST(EngineAndModel, ADifferenceIsFoundAndShrunk) {
  Scenario scenario = make_scenario(3, all_features());
  const auto fails = [](const Scenario& less) {
    for (const auto& step : less.workflows[0].at("steps").as_array())
      if (step.as_object().contains("after")) return true;
    return false;
  };
  for (uint64_t seed = 4; !fails(scenario); ++seed) scenario = make_scenario(seed, all_features());
  const Scenario small = shrunk(scenario, fails);
  EXPECT_EQ(small.workflows.size(), 1u);
  EXPECT_EQ(small.workflows[0].at("steps").as_array().size(), 2u);
  EXPECT_TRUE(small.commands.empty());
  EXPECT_TRUE(small.deeds.empty());
}

}  // namespace
}  // namespace pirn::model
