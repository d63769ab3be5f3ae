// Many seeds of random workflows on the engine and on the model. A failing one is shrunk and printed as a
// case that `pirn simulate` replays; PIRN_SIMULATION_SEED=n PIRN_SIMULATION_SEEDS=1 build/bin/model_test runs
// it alone.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/host/model/compare.h"

namespace pirn::model {
namespace {

uint64_t setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

definition::Definition parsed(const Scenario& scenario) {
  auto definition = definition::parse(definition_of(scenario), "random", nullptr);
  if (!definition) {
    ADD_FAILURE() << describe(definition.error()) << "\n" << definition_of(scenario);
    return {};
  }
  return std::move(definition).value();
}

Model run_alone(const Scenario& scenario, const definition::Definition& definition) {
  return run_model(scenario, definition, 0, [](const std::string&) { return 1; });
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

// In virtual time the two agree to the nanosecond, stops, timeouts and crashes included.
TEST(EngineAndModel, AgreeOnEverything) {
  const uint64_t first = setting("PIRN_SIMULATION_SEED", 1), n = setting("PIRN_SIMULATION_SEEDS", 5000);
  for (uint64_t seed = first; seed < first + n; ++seed) {
    const Scenario scenario = make_scenario(seed, all_features());
    const std::string found = difference(scenario);
    if (found.empty()) continue;
    std::printf("seed %llu differs; shrinking\n%s", static_cast<unsigned long long>(seed), found.c_str());
    const Scenario small = shrunk(scenario, [](const Scenario& less) { return !difference(less).empty(); });
    const definition::Definition definition = parsed(small);
    const Model model = run_alone(small, definition);
    FAIL() << "seed " << seed << "\n"
           << difference(small) << "pirn simulate this case:\n"
           << case_of(small, 64, &model);
  }
}

// P4: without a stop, neither durations nor slots nor crashes change what comes out, which is what the model
// says for any of them.
TEST(EngineAndModel, WhatComesOutDoesNotDependOnTime) {
  const uint64_t first = setting("PIRN_SIMULATION_SEED", 1), n = setting("PIRN_SIMULATION_SEEDS", 5000) / 2;
  uint64_t compared = 0;
  for (uint64_t seed = first; seed < first + n; ++seed) {
    std::set<Feature> features = all_features();
    for (const Feature timely :
         {Feature::timeouts, Feature::workflow_timeout, Feature::cancel, Feature::pause, Feature::answers,
          Feature::workflow_retries, Feature::breakers, Feature::dead_letters})
      features.erase(timely);
    // What a step sees through after_any depends on who was first. Conditions may read it, and a nested
    // workflow begins with it.
    if (seed % 2)
      features.erase(Feature::after_any);
    else
      for (const Feature reader : {Feature::conditions, Feature::nested}) features.erase(reader);
    const Scenario scenario = make_scenario(seed, features);
    const definition::Definition definition = parsed(scenario);
    const Model model = run_alone(scenario, definition);
    const bool aborts = definition_of(scenario).find("\"abort\"") != std::string::npos;
    if (cut_short(model, aborts) || open_for_ever(model)) continue;
    const Scenario stormy = retimed(scenario, seed * 7 + 1, true);
    ASSERT_EQ(outcome_of(model), outcome_on_engine(stormy, 1 + seed % 5)) << "seed " << seed << "\n"
                                                                          << case_of(stormy, 1 + seed % 5);
    ++compared;
  }
  if (n >= 100) {  // and not one seed that somebody replays
    EXPECT_GT(compared, n / 4) << "most scenarios should not stop";
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
