// One workflow for each use of the orchestration package: data science, ETL, DevOps, research, business
// processes.
//
// From document 4 (workflow orchestration): "Use Cases" (data_science, etl, devops, research,
// business_process), with the "Error Recovery & Resilience" of its features: retry policies, fallbacks,
// recovery rules, manual intervention.
//
// To run it, pack it as README.md shows, then:
//   pirn run etl --local --package use_cases.pirn --input '{"source": [100, 200]}'
#include <cmath>
#include <pirn/pirn.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;

// ---- data_science: two models learn from one half of the points, and are compared by the other half

namespace {

struct Point {
  double x, y;
};
std::vector<Point> points(pirn::Context& ctx, std::string_view key) {
  std::vector<Point> found;
  for (pirn::json::View point : ctx.get<pirn::json::View>(key).items()) {
    const auto xy = point.as<std::vector<double>>();
    found.push_back({xy.at(0), xy.at(1)});
  }
  return found;
}
pirn::Value list(const std::vector<Point>& points) {
  std::vector<pirn::json::Text> texts;
  for (const Point& point : points) texts.push_back(pirn::json::array({point.x, point.y}));
  return texts;
}
double mean_square_error(const std::vector<Point>& points, pirn::json::View model) {
  double sum = 0;
  for (const Point& point : points) {
    const double error = point.y - (model.get<double>("slope") * point.x + model.get<double>("offset"));
    sum += error * error;
  }
  return sum / static_cast<double>(points.size());
}

}  // namespace

PIRN_STEP(split_data) {
  std::vector<Point> train, test;
  for (const Point& point : points(ctx, "points"))
    (train.size() > test.size() ? test : train).push_back(point);
  if (test.size() < 2) return pirn::fail("too_few_points", "two models need four points", pirn::terminal);
  return pirn::ok({{"train", list(train)}, {"test", list(test)}});
}
PIRN_STEP(train_mean, {.after = split_data, .group = "models", .context_key = "mean"}) {
  double sum = 0;
  const auto train = points(ctx, "train");
  for (const Point& point : train) sum += point.y;
  return pirn::ok({{"slope", 0.0}, {"offset", sum / static_cast<double>(train.size())}});
}
// By least squares. It is the longer one, and goes first where there is not room for both.
PIRN_STEP(train_line, {.after = split_data, .group = "models", .context_key = "line", .priority = 10}) {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const Point& point : points(ctx, "train")) {
    n += 1;
    x += point.x;
    y += point.y;
    xx += point.x * point.x;
    xy += point.x * point.y;
  }
  const double spread = n * xx - x * x;
  if (spread == 0) return pirn::skip("all points have the same x");
  const double slope = (n * xy - x * y) / spread;
  return pirn::ok({{"slope", slope}, {"offset", (y - slope * x) / n}});
}
PIRN_STEP(compare_models, {.after_group = "models"}) {
  const auto test = points(ctx, "test");
  std::string best;
  double error = INFINITY;
  for (const char* name : {"mean", "line"}) {
    const auto model = ctx.find<pirn::json::View>(name);
    if (!model || mean_square_error(test, *model) >= error) continue;
    best = name;
    error = mean_square_error(test, *model);
  }
  return pirn::ok({{"best", best}, {"error", error}});
}
PIRN_STEP(publish_model, {.after = compare_models, .when = pirn::path("error") < 1.0}) {
  return pirn::ok({{"published", ctx.get<std::string>("best")}});
}
PIRN_WORKFLOW(data_science, split_data, train_mean, train_line, compare_models, publish_model)

// ---- etl: errors are recovered by rules, before any retry policy is asked

PIRN_FALLBACK(yesterdays_rates) { return pirn::ok({{"rate", 1.1}, {"because_of", in.error_code()}}); }
PIRN_CONDITION(is_harmless) { return in.error_message().find("duplicate") != std::string::npos; }

PIRN_STEP(extract_rates, {.max_retries = 1, .fallback = yesterdays_rates}) {
  return pirn::ok({{"rate", 1.25}});
}
PIRN_STEP(extract_rows, {.recovery = {{.on = {"timeout"},
                                       .action = pirn::recover::retry,
                                       .max_retries = 5,
                                       .retry_delay = 2_s,
                                       .retry_backoff = pirn::backoff::fixed}}}) {
  return pirn::ok({{"rows", ctx.get<std::vector<int64_t>>("source")}});
}
PIRN_STEP(transform_rows, {.after = {extract_rates, extract_rows}}) {
  std::vector<int64_t> converted;
  for (int64_t row : ctx.get<std::vector<int64_t>>("rows"))
    converted.push_back(std::llround(static_cast<double>(row) * ctx.get<double>("rate")));
  return pirn::ok({{"rows", converted}});
}
// What is only a duplicate was loaded before; when the schema has changed, a person has to look.
PIRN_STEP(load_rows, {.after = transform_rows,
                      .recovery = {{.when = is_harmless, .action = pirn::recover::skip},
                                   {.on = {"schema_changed"}, .action = pirn::recover::manual}}}) {
  return pirn::ok({{"loaded", ctx.get<std::vector<int64_t>>("rows").size()}});
}
PIRN_WORKFLOW(etl, extract_rates, extract_rows, transform_rows, load_rows)

// ---- devops: build, test side by side, deploy; a deployment that does not answer is taken back

PIRN_ROLLBACK(take_back) {
  ctx.info("back to " + ctx.get<std::string>("running"));
  return pirn::ok();
}
PIRN_STEP(build) { return pirn::ok({{"artifact", "app-" + ctx.get<std::string>("commit")}}); }
PIRN_STEP(unit_tests, {.after = build, .group = "tests", .max_retries = 0}) { return pirn::ok(); }
// Whoever depends on the network may be unlucky.
PIRN_STEP(integration_tests,
          {.after = build, .group = "tests", .max_retries = 2, .retry_on = {pirn::transient}}) {
  return pirn::ok();
}
PIRN_STEP(lint, {.after = build, .group = "tests", .on_error = pirn::on_error::keep_going}) {
  return pirn::ok();
}
PIRN_STEP(deploy, {.after_group = "tests", .rollback = take_back}) {
  ctx.info("deployed " + ctx.get<std::string>("artifact"));
  return pirn::ok({{"deployed", ctx.get<std::string>("artifact")}});
}
PIRN_STEP(smoke_test, {.after = deploy, .max_retries = 1}) { return pirn::ok({{"answers", true}}); }
PIRN_WORKFLOW(devops, build, unit_tests, integration_tests, lint, deploy, smoke_test)

// ---- research: an experiment for each combination of its parameters; those that diverge are no result

PIRN_TASK(experiment) {
  // Steepest descent on x^2, from 1.
  const auto rate = ctx.param<double>("rate");
  double x = 1;
  for (int64_t i = 0; i < ctx.param<int64_t>("steps"); ++i) x -= rate * 2 * x;
  if (std::fabs(x) > 1) return pirn::skip("it diverges");
  return pirn::ok({{"rate", rate}, {"distance", std::fabs(x)}});
}
PIRN_TASK(best_experiment) {
  double best = INFINITY, rate = 0;
  for (int run = 1; run <= 6; ++run) {
    const auto result = ctx.find<pirn::json::View>("run_" + std::to_string(run));
    if (!result || result->get<double>("distance") >= best) continue;
    best = result->get<double>("distance");
    rate = result->get<double>("rate");
  }
  if (rate == 0) return pirn::fail("no_result", "every experiment diverged", pirn::terminal);
  return pirn::ok({{"best_rate", rate}, {"distance", best}});
}
auto research() {
  return pirn::sweep("research", {.step_concurrency = 4}, experiment,
                     {{"rate", {0.1, 0.4, 1.5}}, {"steps", {5, 10}}}, best_experiment);
}

// ---- business_process: an insurance claim; what is large needs two people, who are asked at the same time

PIRN_STEP(register_claim) {
  if (ctx.get<int64_t>("amount") <= 0) return pirn::fail("invalid_amount", "", pirn::terminal);
  return pirn::ok({{"claim_id", "claim:" + ctx.get<std::string>("customer")}});
}
PIRN_STEP(settle_at_once, {.after = register_claim, .when = pirn::path("amount") <= 500}) {
  return pirn::ok({{"settled_by", "rule"}});
}
PIRN_STEP(ask_adjuster, {.after = register_claim,
                         .group = "decisions",
                         .when = pirn::path("amount") > 500,
                         .context_key = "adjuster"}) {
  return pirn::await({.notify = "adjusters", .timeout = 7_d});
}
PIRN_STEP(ask_lawyer, {.after = register_claim,
                       .group = "decisions",
                       .when = pirn::path("amount") > 500,
                       .context_key = "lawyer"}) {
  return pirn::await({.notify = "lawyers", .timeout = 7_d});
}
PIRN_STEP(decide, {.after_group = "decisions"}) {
  for (const char* who : {"adjuster", "lawyer"})
    if (!ctx.get<pirn::json::View>(who).get<bool>("approved"))
      return pirn::fail("claim_refused", std::string("by the ") + who, pirn::terminal);
  return pirn::ok({{"settled_by", "people"}});
}
PIRN_STEP(pay_claim, {.after_any = {settle_at_once, decide}}) {
  ctx.info("paid " + std::to_string(ctx.get<int64_t>("amount")) + " for " + ctx.get<std::string>("claim_id"));
  return pirn::ok();
}
PIRN_WORKFLOW(business_process, register_claim, settle_at_once, ask_adjuster, ask_lawyer, decide, pay_claim)

PIRN_PACKAGE("use_cases", PIRN_PACKAGE_VERSION, {.description = "What orchestration is for"}, data_science,
             etl, devops, research, business_process, yesterdays_rates, is_harmless, take_back)
