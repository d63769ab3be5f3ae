// The package of the story about sagas: an order that is charged, shipped and, when something breaks, undone.
// Everything that it does it writes down in the file `ledger` of its input, one word a line.
#include <cstdio>
#include <pirn/pirn.hpp>
#include <string>

using namespace pirn::literals;

namespace {

void note_down(pirn::Context& ctx, const std::string& word) {
  const std::string path = ctx.get<std::string>("ledger");
  if (std::FILE* ledger = std::fopen(path.c_str(), "a")) {
    std::fprintf(ledger, "%s\n", word.c_str());
    std::fclose(ledger);
  }
}

bool wants(pirn::Context& ctx, const char* what) { return ctx.get_or<std::string>("break", "") == what; }

}  // namespace

PIRN_ROLLBACK(release) {
  note_down(ctx, "release " + in.result()["goods"].as<std::string>());
  return pirn::ok();
}
PIRN_ROLLBACK(refund) {
  note_down(ctx, "refund because of " + in.error_code());
  return pirn::ok();
}

PIRN_STEP(reserve, {.rollback = release}) {
  note_down(ctx, "reserve");
  return pirn::ok({{"goods", "boots"}});
}
PIRN_STEP(charge, {.rollback = refund}) {
  note_down(ctx, "charge");
  return pirn::ok({{"receipt", "r-1"}});
}
PIRN_WORKFLOW(payment, charge)

PIRN_FALLBACK(estimate_rate) {
  note_down(ctx, "estimate because of " + in.error_code());
  return pirn::ok({{"rate", 1.5}});
}
PIRN_DURATION(patience) { return wants(ctx, "rate") ? pirn::Duration(1_s) : pirn::Duration(1_min); }
PIRN_STEP(fetch_rate, {.timeout = patience, .max_retries = 0, .fallback = estimate_rate}) {
  if (wants(ctx, "rate")) return pirn::fail("no_rate", "the exchange is closed");
  return pirn::ok({{"rate", 2.0}});
}

PIRN_NESTED(pay, "payment", {.after = {reserve, fetch_rate}})
PIRN_STEP(ship, {.after = pay, .max_retries = 0}) {
  note_down(ctx, "ship");
  if (wants(ctx, "ship")) return pirn::fail("no_carrier", "nobody drives today");
  return pirn::ok({{"shipped", true}});
}

PIRN_HANDLER(alarm) {
  note_down(ctx, in.event() + " " + ctx.get<std::string>("__error_step__"));
  return pirn::ok();
}
PIRN_HANDLER(cheer) {
  note_down(ctx, in.event());
  return pirn::ok();
}

PIRN_WORKFLOW(order, {.max_retries = 1, .retry_delay = 10_ms, .on_success = cheer, .on_failure = alarm},
              reserve, fetch_rate, pay, ship)

PIRN_PACKAGE("shop", PIRN_PACKAGE_VERSION, order, payment, release, refund, estimate_rate, patience, alarm,
             cheer)
