// The package of the stories about what is scarce and about descriptions: experiments that need a device, and
// a day's work with a group, a graft and a condition. What works waits until the file of its input is there,
// so that no test has to guess how long anything takes.
#include <poll.h>
#include <sys/stat.h>

#include <pirn/pirn.hpp>
#include <string>

using namespace pirn::literals;

namespace {

bool is_there(const std::string& path) {
  struct stat ignored {};
  return path.empty() || stat(path.c_str(), &ignored) == 0;
}

void wait_for_file(pirn::Context& ctx, const char* key = "go") {
  const std::string path = ctx.get_or<std::string>(key, "");
  while (!ctx.cancelled() && !is_there(path)) poll(nullptr, 0, 5);
}

// Hears nothing of its timeout.
pirn::Outcome stay_deaf(pirn::Context& ctx) {
  const auto path = ctx.get<std::string>("go");
  while (!is_there(path)) poll(nullptr, 0, 5);
  return pirn::ok({{"late", true}});
}

}  // namespace

PIRN_STEP(measure, {.resources = {{"gpu", 1}, {"beam", 0.5}}}) {
  wait_for_file(ctx);
  if (ctx.cancelled()) return pirn::cancelled("asked to");
  return pirn::ok({{"device", static_cast<int64_t>(ctx.gpus().at(0))}, {"beam", ctx.resource("beam")}});
}
PIRN_WORKFLOW(experiment, {.tags = {"lab", "night"}}, measure)

PIRN_STEP(deaf, {.timeout = 50_ms, .max_retries = 0}) { return stay_deaf(ctx); }
PIRN_WORKFLOW(stubborn, deaf)

// The workflow goes on without it, for as long as a second file is not there.
PIRN_STEP(forgotten, {.timeout = 50_ms, .max_retries = 0, .on_error = pirn::on_error::keep_going}) {
  return stay_deaf(ctx);
}
PIRN_STEP(patient, {.after = {forgotten}}) {
  wait_for_file(ctx, "stay");
  return ctx.cancelled() ? pirn::cancelled("asked to") : pirn::ok();
}
PIRN_WORKFLOW(outlived, forgotten, patient)

PIRN_TASK(analyse) { return pirn::ok(); }
PIRN_STEP(left, {.label = "The \"left\" [side]", .group = "sides", .estimate = 10_s}) { return pirn::ok(); }
PIRN_STEP(right, {.group = "sides", .rollback = analyse, .estimate = 20_s}) { return pirn::ok(); }
PIRN_STEP(spread, {.after_group = "sides", .graft = true}) {
  return pirn::expand({{"part-one", "analyse"}, {"part-two", "analyse"}});
}
PIRN_STEP(sum, {.after_graft = {spread}}) { return pirn::ok({{"summed", true}}); }
PIRN_WORKFLOW(day, {.step_concurrency = 1, .on_event = {"sunrise"}, .tags = {"lab"}}, left, right, spread,
              sum)

PIRN_PACKAGE("lab", PIRN_PACKAGE_VERSION, experiment, stubborn, outlived, day, analyse)
