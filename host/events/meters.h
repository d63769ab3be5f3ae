// Telemetry: handlers attached to chosen events that feed the operator's own metrics. Each meter counts
// events, and may add up their durations, by labels that it takes from them. Shown as text that Prometheus
// reads.
//
// A meter keeps at most kSeries combinations of labels; what goes beyond is counted under "other", so that no
// tenant's names can fill the host's memory. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "host/events/sink.h"
#include "packager/mutex/mutex.h"

namespace pirn::events {

struct MeterOptions {
  std::string name;  // [a-z][a-z0-9_]*
  std::vector<std::string> events;
  std::vector<std::string> by;  // "tenant", "workflow", "step", "event", "state"
  bool duration = false;
};

class MeterSink final : public Sink {
 public:
  static constexpr size_t kSeries = 1000;
  explicit MeterSink(MeterOptions options) : options_(std::move(options)) {}
  Status write(const Envelope& envelope) override;
  // Appends "# TYPE …" and a line for each series.
  void append_text(std::string& out) const;

 private:
  struct Series {
    uint64_t count = 0;
    double seconds = 0;
  };

  const MeterOptions options_;

  mutable Mutex mutex_;
  std::map<std::vector<std::string>, Series> series_ PIRN_GUARDED_BY(mutex_);
};

}  // namespace pirn::events
