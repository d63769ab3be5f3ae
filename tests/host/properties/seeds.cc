#include "tests/host/properties/seeds.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

namespace pirn::sim {

namespace {

// Ready to be written by a signal's handler; empty: no seed runs.
char last_words[128];
volatile sig_atomic_t n_last_words = 0;

void say_last_words() {
  // Nobody is left to hear of a failure.
  [[maybe_unused]] const auto written = write(STDERR_FILENO, last_words, static_cast<size_t>(n_last_words));
}

void on_signal(int number) {
  say_last_words();
  signal(number, SIG_DFL);
  raise(number);
}

uint64_t setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace

Seeds seeds_to_run(uint64_t usual) {
  return {setting("PIRN_SIMULATION_SEED", 1), setting("PIRN_SIMULATION_SEEDS", usual)};
}

std::string replay(uint64_t seed) { return "./dev simulate 1 " + std::to_string(seed); }

RunningSeed::RunningSeed(uint64_t seed) : exceptions_(std::uncaught_exceptions()) {
  n_last_words = std::snprintf(last_words, sizeof last_words, "\nseed %llu was running: %s\n",
                               static_cast<unsigned long long>(seed), replay(seed).c_str());
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGINT, SIGTERM})
    signal(number, on_signal);
}

RunningSeed::~RunningSeed() {
  if (std::uncaught_exceptions() > exceptions_) say_last_words();
  n_last_words = 0;
}

}  // namespace pirn::sim
