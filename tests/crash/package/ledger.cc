// The package that the kill -9 campaign runs: each step writes one line into a ledger outside of the host
// before it answers, so that what really happened can be compared with what the host says happened.
//
// A line: ran EXECUTION STEP ATTEMPT INVOCATION VERSION UNIX_NS
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <pirn/pirn.hpp>
#include <string>

using namespace pirn::literals;

namespace {

// Appends one line with one write: the kernel keeps lines of concurrent processes whole and in order.
void record(pirn::Context& ctx) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const std::string line = "ran " + std::string(ctx.execution()) + " " + std::string(ctx.step()) + " " +
                           std::to_string(ctx.attempt()) + " " + std::to_string(ctx.invocation_id()) +
                           " " PIRN_PACKAGE_VERSION " " +
                           std::to_string(now.tv_sec * 1'000'000'000 + now.tv_nsec) + "\n";
  const int ledger = open(ctx.get<std::string>("ledger").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  const bool written =
      ledger >= 0 && write(ledger, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (ledger >= 0) close(ledger);
  if (!written) throw pirn::Error("ledger", "the ledger cannot be written", pirn::terminal);
}

// Takes as long as work would, so that kills meet steps that are under way.
void work(pirn::Context& ctx) { poll(nullptr, 0, static_cast<int>(ctx.get_or<int64_t>("work_ms", 10))); }

// Fails once, by its own fault: the retry's timer must survive.
pirn::Outcome fail_once(pirn::Context& ctx, int64_t value, const char* key) {
  record(ctx);
  if (ctx.attempt() == 1) return pirn::fail("not_yet", "the first attempt always fails");
  return pirn::ok({{key, value}});
}

}  // namespace

PIRN_STEP(begin) {
  record(ctx);
  return pirn::ok({{"one", int64_t{1}}});
}
PIRN_STEP(left, {.after = begin}) {
  record(ctx);
  work(ctx);
  return pirn::ok({{"two", int64_t{2}}});
}
PIRN_STEP(right, {.after = begin}) {
  work(ctx);
  record(ctx);
  return pirn::ok({{"three", int64_t{3}}});
}
PIRN_STEP(flaky, {.after = begin, .max_retries = 1, .retry_delay = 200_ms}) {
  return fail_once(ctx, 4, "four");
}
PIRN_STEP(sum, {.after = {left, right, flaky}}) {
  record(ctx);
  return pirn::ok({{"total", ctx.get<int64_t>("one") + ctx.get<int64_t>("two") + ctx.get<int64_t>("three") +
                                 ctx.get<int64_t>("four")}});
}
PIRN_WORKFLOW(tally, begin, left, right, flaky, sum)

PIRN_STEP(patience, {.max_retries = 1, .retry_delay = 10_s}) { return fail_once(ctx, 10, "total"); }
PIRN_WORKFLOW(wait_long, patience)

PIRN_PACKAGE("ledger", PIRN_PACKAGE_VERSION, tally, wait_long)
