// The engine beside the model.
#pragma once

#include <string>

#include "tests/host/model/scenario.h"

namespace pirn::model {

// Executes the scenario on both. Empty: they agree in everything: states, kinds of skips, slots, context,
// numbers of failures and invocations, delays of retries and the instants at which things ended.
std::string difference(const Scenario& scenario);

// What comes out, without anything that may depend on time. P4.
std::string outcome_on_engine(const Scenario& scenario, size_t slots);
std::string outcome_of(const Model& model);

}  // namespace pirn::model
