// The package of the story about dead letters and circuit breakers: a transfer through a bank that is open
// while the file `door` of its input is there.
#include <unistd.h>

#include <pirn/pirn.hpp>
#include <string>

using namespace pirn::literals;

PIRN_STEP(book,
          {.max_retries = 0,
           .circuit_breaker = "bank",
           .circuit_breaker_opts = pirn::CircuitBreaker{.failure_threshold = 2, .reset_timeout = 1_h}}) {
  if (access(ctx.get<std::string>("door").c_str(), F_OK) != 0) return pirn::fail("closed", "nobody is in");
  return pirn::ok({{"booked", ctx.get_or<std::string>("__dead_letter_id__", "at once")}});
}
PIRN_WORKFLOW(transfer, {.dead_letter = true, .dead_letter_ttl = 7_d}, book)

PIRN_PACKAGE("bank", PIRN_PACKAGE_VERSION, transfer)
