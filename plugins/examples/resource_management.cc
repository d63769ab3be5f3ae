// Three trainings that share scarce resources: each step declares what it needs while it runs and how long it
// usually takes, and the host runs no more steps at a time than it has resources for.
//
// From document 4 (workflow orchestration): "Resource Management: CPU, memory, and GPU resource allocation
// and limits" and "Optimized execution plans" of its features, and the multi-step workflows of "Data Science
// Pipelines" (model_training).
//
// To see before a run which training takes longest and should get a GPU first, pack the example as README.md
// shows, then:
//   pirn describe model_training --part plan --package resource_management.pirn
// It runs only on a host that has the resources; other hosts reject the deployment:
//   pirn serve --resource gpu=1 --resource tracker=2
#include <cmath>
#include <pirn/pirn.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;

// ---- model_training: y = slope * x, found by steepest descent with three rates at a time

PIRN_STEP(load_points, {.resources = {{"memory", 256}}, .estimate = 2_min}) {
  if (ctx.get<std::vector<double>>("y").empty())
    return pirn::fail("no_points", "there is nothing to learn from", pirn::terminal);
  return pirn::ok({{"points", ctx.get<std::vector<double>>("y")}});
}

// The devices that it has are its own until it returns, fails or is stopped; a retry takes them anew.
// `tracker` is no hardware: the seats at an outside service that notes experiments, of which every training
// needs a half.
pirn::Outcome train(pirn::Context& ctx, double rate, int64_t rounds) {
  const auto y = ctx.get<std::vector<double>>("points");
  double slope = 0;
  for (int64_t round = 0; round < rounds; ++round) {
    double gradient = 0;
    for (size_t x = 0; x < y.size(); ++x)
      gradient += 2 * (slope * static_cast<double>(x) - y[x]) * static_cast<double>(x);
    slope -= rate * gradient;
    if (std::fabs(slope) > 1e6)
      return pirn::fail("diverged", "a rate of " + std::to_string(rate) + " is too much", pirn::terminal);
  }
  double error = 0;
  for (size_t x = 0; x < y.size(); ++x) error += std::pow(slope * static_cast<double>(x) - y[x], 2);
  return pirn::ok({{"slope", slope},
                   {"error", error},
                   {"device", static_cast<int64_t>(ctx.gpus().front())},
                   {"memory", ctx.resource("memory")}});
}
// The longest goes first where there is not a GPU for each. One that diverges is no reason to throw away the
// others.
PIRN_STEP_FROM(train_fast, pirn::call<train>(0.01, 20),
               {.after = load_points,
                .group = "training",
                .on_error = pirn::on_error::skip,
                .context_key = "fast",
                .resources = {{"gpu", 1}, {"memory", 2048}, {"tracker", 0.5}},
                .estimate = 10_min})
PIRN_STEP_FROM(train_careful, pirn::call<train>(0.001, 500),
               {.after = load_points,
                .group = "training",
                .on_error = pirn::on_error::skip,
                .context_key = "careful",
                .priority = 10,
                .resources = {{"gpu", 1}, {"memory", 2048}, {"tracker", 0.5}},
                .estimate = 40_min})
PIRN_STEP_FROM(train_bold, pirn::call<train>(0.1, 40),
               {.after = load_points,
                .group = "training",
                .on_error = pirn::on_error::skip,
                .context_key = "bold",
                .resources = {{"gpu", 1}, {"memory", 2048}, {"tracker", 0.5}},
                .estimate = 10_min})

PIRN_STEP(choose_model, {.after_group = "training", .resources = {{"cpu", 0.5}}, .estimate = 1_min}) {
  std::string best;
  double error = INFINITY;
  for (const char* name : {"fast", "careful", "bold"}) {
    const auto model = ctx.find<pirn::json::View>(name);
    if (!model || model->get<double>("error") >= error) continue;
    best = name;
    error = model->get<double>("error");
  }
  if (best.empty()) return pirn::fail("no_model", "every training diverged", pirn::terminal);
  return pirn::ok({{"best", best}, {"error", error}});
}
// A timeout is what nothing may exceed; without one of its own a step has five minutes.
PIRN_WORKFLOW(model_training, {.step_defaults = {.timeout = 2_h}}, load_points, train_fast, train_careful,
              train_bold, choose_model)

PIRN_PACKAGE("resource_management", PIRN_PACKAGE_VERSION, {.description = "What is scarce is shared"},
             model_training)
