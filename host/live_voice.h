// What running functions say, on its way to the logbook, to whoever watches, and to the host's log.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "host/clock.h"
#include "host/logbook/logbook.h"
#include "host/worker/runner.h"
#include "packager/mutex/mutex.h"

namespace pirn {

// `line`: its number in the logbook; 0: it is not kept.
using Live =
    std::function<void(const worker::Frame&, std::string_view name, std::string data, uint64_t line)>;

// Any thread. It never waits for a disk or a reader.
class LiveVoice final : public worker::Listener {
 public:
  // `book`: keeps lines and pieces of streams; null: nothing is kept. `wanted`: whether anybody watches the
  // progress of that execution; cheap. All outlive the voice.
  LiveVoice(logbook::Logbook* book, std::function<bool(ExecutionId)> wanted, Live live, const Clock& clock)
      : book_(book), wanted_(std::move(wanted)), live_(std::move(live)), clock_(clock) {}

  void on_log(const worker::Invocation& invocation, uint32_t level, std::string_view message) override;
  void on_progress(const worker::Invocation& invocation, double progress, std::string_view note) override;
  void on_stream(const worker::Invocation& invocation, std::string_view chunk, bool final) override;
  void on_cost(const worker::Invocation& invocation, int64_t cpu_ns, int64_t wall_ns) override;

 private:
  void say(const worker::Invocation& invocation, std::string_view name, int32_t level, int64_t at,
           std::string object);

  logbook::Logbook* const book_;
  const std::function<bool(ExecutionId)> wanted_;
  const Live live_;
  const Clock& clock_;
  Mutex speaking_;
};

}  // namespace pirn
