// `./dev bench`: the figures of docs/performance.md beside their bars.
//
//   pirn-bench [--json] [--seconds N] [--only NAME]
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "tests/bench/figures.h"

int main(int argc, char** argv) {
  CLI::App app{"Measures the figures of docs/performance.md and prints them beside their bars."};
  bool json = false;
  pirn::bench::Settings settings;
  std::string only;
  app.add_flag("--json", json, "print one JSON object and nothing else");
  app.add_option("--seconds", settings.seconds, "how long each throughput runs (the bars are for 60)")
      ->check(CLI::Range(1, 3600));
  app.add_option("--only", only, "only the figures whose name contains this");
  CLI11_PARSE(app, argc, argv);

  try {
    std::vector<pirn::bench::Figure> figures;
    for (const pirn::bench::Benchmark& benchmark : pirn::bench::benchmarks()) {
      if (benchmark.names.find(only) == std::string::npos) continue;
      if (!json) std::fprintf(stderr, "measuring %s ...\n", benchmark.names.c_str());
      for (pirn::bench::Figure& figure : benchmark.measure(settings)) figures.push_back(std::move(figure));
    }
    std::fputs((json ? as_json(figures) : as_table(figures)).c_str(), stdout);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "pirn-bench: %s\n", failure.what());
    return 1;
  }
}
