// The hooks' log of one execution, and the metrics that are collected from it.
//
// The collector holds nothing in memory: it is a fold of the log, so it survives a crash of the host, a hot
// swap and a hook that is delivered twice. One line of JSON for each event, appended under a lock on the
// file; the file of metrics is replaced under the same lock, so that it never goes back in time.
//
//   hooks.jsonl
//   {"at_ms":…,"step":"clean-orders","event":"on_success","state":"completed","attempt":1,"duration_ms":12}
//   steps.json    {"execution":…,"totals":{"steps":16,"succeeded":14,"failed":1,"skipped":1,"busy_ms":…},
//                  "steps":[{"step":…,"state":…,"starts":1,"attempts":1,"duration_ms":12},…]}
#pragma once

#include <cstdint>
#include <istream>
#include <map>
#include <string>

namespace operations {

struct HookEvent {
  int64_t at_ms = 0;  // Unix time
  std::string step, event, state;
  uint32_t attempt = 0;
  double duration_ms = 0;
  std::string error;  // code and message, empty if there is none

  std::string json() const;  // without a line end
};

class Metrics {
 public:
  void add(const HookEvent& event);
  static Metrics fold(std::istream& log);  // lines that are no events are passed over
  std::string json(const std::string& execution) const;

 private:
  struct Step {
    std::string state = "running";
    int64_t starts = 0;
    double duration_ms = 0;
    uint32_t attempts = 0;
  };
  std::map<std::string, Step> steps_;
};

// Appends to `log`, and writes `metrics` anew when a step has ended. Any thread, any process.
void record(const HookEvent& event, const std::string& log, const std::string& metrics,
            const std::string& execution);

}  // namespace operations
