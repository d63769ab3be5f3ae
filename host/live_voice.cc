#include "host/live_voice.h"

#include <algorithm>

#include "host/journal/text_writer.h"
#include "host/journal/value.h"
#include "host/log/log.h"

namespace pirn {

namespace {

std::string begin(const worker::Invocation& invocation, int64_t at) {
  std::string object = "{\"at\":" + std::to_string(at) + ",\"step\":";
  journal::append_json_string(object, invocation.step_name);
  object += ",\"attempt\":" + std::to_string(invocation.attempt);
  return object;
}

}  // namespace

void LiveVoice::on_log(const worker::Invocation& invocation, uint32_t level, std::string_view message) {
  static constexpr std::string_view kLevels[] = {"trace", "debug", "info", "warn", "error"};
  const uint32_t known = std::min<uint32_t>(level, 4);
  log::write(static_cast<log::Level>(known), "package", message,
             {{"tenant", invocation.frame->release->tenant},
              {"execution", invocation.frame->execution_text},
              {"step", invocation.step_name}});
  const int64_t at = clock_.now();
  std::string object = begin(invocation, at);
  object += ",\"level\":\"" + std::string(kLevels[known]) + "\",\"message\":";
  journal::append_json_string(object, message);
  say(invocation, "log", static_cast<int32_t>(known), at, std::move(object += '}'));
}
void LiveVoice::on_progress(const worker::Invocation& invocation, double progress, std::string_view note) {
  if (!wanted_(invocation.frame->execution)) return;
  std::string object = begin(invocation, clock_.now());
  object += ",\"progress\":";
  journal::append_json(object, journal::Value::of_real(progress));
  object += ",\"note\":";
  journal::append_json_string(object, note);
  live_(*invocation.frame, "progress", std::move(object += '}'), 0);
}
void LiveVoice::on_stream(const worker::Invocation& invocation, std::string_view chunk, bool final) {
  const int64_t at = clock_.now();
  std::string object = begin(invocation, at);
  object += ",\"chunk\":";
  journal::append_json_string(object, chunk);
  object += final ? ",\"final\":true}" : ",\"final\":false}";
  say(invocation, "chunk", logbook::kNoLevel, at, std::move(object));
}

void LiveVoice::on_cost(const worker::Invocation& invocation, int64_t cpu_ns, int64_t wall_ns) {
  if (book_ != nullptr) book_->spend(invocation.frame->execution, invocation.step_name, cpu_ns, wall_ns);
}

// Kept, and told to watchers in the order of the numbers: a client that continues behind a number has all
// before it.
void LiveVoice::say(const worker::Invocation& invocation, std::string_view name, int32_t level, int64_t at,
                    std::string object) {
  const ExecutionId id = invocation.frame->execution;
  const MutexLock lock(speaking_);
  uint64_t n = 0;
  if (book_ != nullptr)
    n = book_->write({0, id, at, std::string(invocation.step_name), invocation.attempt, level, object});
  // Told afterwards: whoever begins to watch in between finds the line in the logbook.
  live_(*invocation.frame, name, std::move(object), n);
}

}  // namespace pirn
