#include "hook_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <pirn/pirn.hpp>

#include "file.h"

namespace operations {
namespace {

using pirn::Fields;
using pirn::json::object;

// The log, opened and locked; closing it unlocks.
class LockedLog {
 public:
  explicit LockedLog(const std::string& path)
      : descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
    if (descriptor_ < 0 || ::flock(descriptor_, LOCK_EX) != 0) {
      throw pirn::Error("io_error", "cannot open " + path + ": " + std::strerror(errno), pirn::transient);
    }
  }
  ~LockedLog() { ::close(descriptor_); }
  LockedLog(const LockedLog&) = delete;
  LockedLog& operator=(const LockedLog&) = delete;

  void append(const std::string& line) {
    if (::write(descriptor_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      throw pirn::Error("io_error", std::string("cannot append to the hooks' log: ") + std::strerror(errno),
                        pirn::transient);
    }
  }

 private:
  int descriptor_;
};

}  // namespace

std::string HookEvent::json() const {
  Fields fields = {
      {"at_ms", at_ms}, {"step", step}, {"event", event}, {"state", state}, {"attempt", attempt}};
  if (event != "on_start") fields.add("duration_ms", duration_ms);
  if (!error.empty()) fields.add("error", error);
  return fields.to_json();
}

void Metrics::add(const HookEvent& event) {
  Step& step = steps_[event.step];
  if (event.event == "on_start") {
    ++step.starts;
  } else {
    step.state = event.state;
    step.duration_ms = event.duration_ms;
  }
  step.attempts = std::max(step.attempts, event.attempt);
}

Metrics Metrics::fold(std::istream& log) {
  Metrics metrics;
  for (std::string line; std::getline(log, line);) {
    try {
      const pirn::json::View view{line};
      HookEvent event;
      event.step = view.get<std::string>("step");
      event.event = view.get<std::string>("event");
      event.state = view.get<std::string>("state");
      event.attempt = view.get_or<uint32_t>("attempt", 0);
      event.duration_ms = view.get_or<double>("duration_ms", 0);
      metrics.add(event);
    } catch (const pirn::Error&) {
      continue;  // a line that a crash cut short
    }
  }
  return metrics;
}

std::string Metrics::json(const std::string& execution) const {
  int64_t succeeded = 0, failed = 0, skipped = 0;
  double busy_ms = 0;
  std::string steps = "[";
  for (const auto& [name, step] : steps_) {
    succeeded += step.state == "completed" ? 1 : 0;
    failed += step.state == "failed" ? 1 : 0;
    skipped += step.state == "skipped" ? 1 : 0;
    busy_ms += step.duration_ms;
    if (steps.size() > 1) steps += ',';
    steps += Fields{{"step", name},
                    {"state", step.state},
                    {"starts", step.starts},
                    {"attempts", step.attempts},
                    {"duration_ms", step.duration_ms}}
                 .to_json();
  }
  return Fields{{"execution", execution},
                {"totals", object({{"steps", steps_.size()},
                                   {"succeeded", succeeded},
                                   {"failed", failed},
                                   {"skipped", skipped},
                                   {"busy_ms", busy_ms}})},
                {"steps", pirn::json::raw(steps + "]")}}
             .to_json() +
         "\n";
}

void record(const HookEvent& event, const std::string& log, const std::string& metrics,
            const std::string& execution) {
  const std::string directory = std::filesystem::path(log).parent_path().string();
  make_directories(directory);
  LockedLog locked(log);
  locked.append(event.json() + "\n");
  if (event.event != "on_finish") return;
  std::ifstream written = open_to_read(log);
  AtomicFile file(metrics, directory + "/drafts", std::to_string(::getpid()));
  file.write(Metrics::fold(written).json(execution));
  file.publish();
}

}  // namespace operations
