// A figure, its bar, and the benchmarks that measure them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace pirn::bench {

struct Figure {
  std::string name;
  double value = 0;
  std::string unit;
  double bar = 0;
  bool at_least = true;          // the bar is a minimum, else a maximum
  std::optional<double> limit;   // the raw limit, measured in the same run
  double at_least_of_limit = 0;  // 0: no bar on the ratio

  bool holds() const;
};

struct Settings {
  int seconds = 60;
};

struct Benchmark {
  std::string names;
  std::function<std::vector<Figure>(const Settings&)> measure;
};

// Listed explicitly, in the order of docs/performance.md.
const std::vector<Benchmark>& benchmarks();

std::vector<Figure> throughput(const Settings& settings);
std::vector<Figure> step_latency(const Settings& settings);
std::vector<Figure> memory_store(const Settings& settings);
std::vector<Figure> recovery(const Settings& settings);
std::vector<Figure> parked(const Settings& settings);
std::vector<Figure> longest_turn(const Settings& settings);
std::vector<Figure> many_steps(const Settings& settings);
std::vector<Figure> hot_swap(const Settings& settings);

std::vector<Figure> http_start(const Settings& settings);
std::vector<Figure> verify_and_load(const Settings& settings);

std::vector<Figure> sdk_headers(const Settings& settings);

std::string as_table(const std::vector<Figure>& figures);
std::string as_json(const std::vector<Figure>& figures);

}  // namespace pirn::bench
