#include "tests/bench/figures.h"

#include <cstdio>

namespace pirn::bench {

const std::vector<Benchmark>& benchmarks() {
  static const std::vector<Benchmark> all = {
      {"durable_commits_per_s workflows_3step_per_s durable_turn_p99_ms", throughput},
      {"step_latency_p50_ms step_latency_p99_ms", step_latency},
      {"http_start_to_first_invocation_p50_ms", http_start},
      {"memory_store_step_ns journal_bytes_per_step journal_bytes_per_run", memory_store},
      {"recovery_100k_open_executions_s", recovery},
      {"parked_execution_bytes", parked},
      {"engine_longest_turn_ms", longest_turn},
      {"graft_100k_children_s graft_bytes_per_child graph_10k_steps_s validate_10k_steps_ms", many_steps},
      {"verify_and_load_1mib_package_ms", verify_and_load},
      {"hot_swap_failed_executions hot_swap_added_p99_ms", hot_swap},
      {"include_pirn_hpp_s include_testkit_hpp_s", sdk_headers},
  };
  return all;
}

bool Figure::holds() const {
  const bool meets = at_least ? value >= bar : value <= bar;
  return meets && (at_least_of_limit == 0 || (limit && value >= at_least_of_limit * *limit));
}

namespace {
std::string number(double value) {
  char text[64];
  std::snprintf(text, sizeof text, value >= 100 ? "%.0f" : value >= 1 ? "%.2f" : "%.4g", value);
  return text;
}
}  // namespace

std::string as_table(const std::vector<Figure>& figures) {
  char line[256];
  std::snprintf(line, sizeof line, "%-36s %12s %-5s %14s  %-5s %12s %6s\n", "figure", "value", "unit", "bar",
                "holds", "limit", "ratio");
  std::string out = line;
  for (const Figure& figure : figures) {
    const std::string bar = (figure.at_least ? ">= " : "<= ") + number(figure.bar);
    const std::string limit = figure.limit ? number(*figure.limit) : "-";
    const std::string ratio = figure.limit ? number(figure.value / *figure.limit) : "-";
    std::snprintf(line, sizeof line, "%-36s %12s %-5s %14s  %-5s %12s %6s\n", figure.name.c_str(),
                  number(figure.value).c_str(), figure.unit.c_str(), bar.c_str(),
                  figure.holds() ? "yes" : "NO", limit.c_str(), ratio.c_str());
    out += line;
  }
  return out;
}

std::string as_json(const std::vector<Figure>& figures) {
  std::string out = "{\"figures\":[";
  char line[512];
  for (size_t i = 0; i < figures.size(); ++i) {
    const Figure& figure = figures[i];
    std::snprintf(line, sizeof line,
                  "%s{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"bar\":%.6g,\"holds\":%s,",
                  i ? "," : "", figure.name.c_str(), figure.value, figure.unit.c_str(), figure.bar,
                  figure.holds() ? "true" : "false");
    out += line;
    if (figure.limit)
      std::snprintf(line, sizeof line, "\"limit\":%.6g,\"ratio_to_limit\":%.4g}", *figure.limit,
                    figure.value / *figure.limit);
    else
      std::snprintf(line, sizeof line, "\"limit\":null,\"ratio_to_limit\":null}");
    out += line;
  }
  return out + "]}\n";
}

}  // namespace pirn::bench
