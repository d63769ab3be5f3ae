// The package of the story about fairness: a library that sleeps when it is loaded for use, longer than a
// probe may take.
#include <time.h>

#include <pirn/pirn.hpp>

namespace {

void sleep_long() {
  const timespec time{25, 0};
  nanosleep(&time, nullptr);
}

}  // namespace

PIRN_STEP(nothing) { return pirn::ok(); }
PIRN_WORKFLOW(idle, {}, nothing)

PIRN_PACKAGE("sleeper", PIRN_PACKAGE_VERSION, idle, pirn::on_load<sleep_long>)
