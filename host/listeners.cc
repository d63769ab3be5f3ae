#include "host/listeners.h"

#include <string>
#include <utility>

#include "host/log/log.h"

namespace pirn {

namespace {

// A sink that goes on failing does not fill the log: failures 1, 2, 4, 8, … are reported.
void report(const events::OutletFailure& failure) {
  if ((failure.occurrence & (failure.occurrence - 1)) != 0) return;
  log::write(log::Level::warn, "sink", failure.error,
             {{"sink", failure.name}, {"occurrence", std::to_string(failure.occurrence)}});
}

Result<std::shared_ptr<events::Sink>> open_sink(const SinkOptions& options) {
  switch (options.kind) {
    case SinkOptions::Kind::standard_output:
      return std::shared_ptr<events::Sink>(std::make_shared<events::StdoutSink>());
    case SinkOptions::Kind::json_lines: {
      PIRN_TRY(std::shared_ptr<events::Sink> sink, events::JsonLinesSink::open(options.path));
      return sink;
    }
    case SinkOptions::Kind::given:
      break;
  }
  return options.sink;
}

}  // namespace

Result<Outlets> open_outlets(const HostOptions& options, std::function<int64_t()> now) {
  Outlets outlets;
  std::vector<events::OutletOptions> all;
  for (const SinkOptions& each : options.sinks) {
    PIRN_TRY(std::shared_ptr<events::Sink> sink, open_sink(each));
    all.push_back({each.name, each.tenant, each.events, std::move(sink)});
  }
  for (const MetricOptions& each : options.metrics) {
    auto meter = std::make_shared<events::MeterSink>(
        events::MeterOptions{each.name, each.events, each.by, each.duration});
    outlets.meters.push_back(meter);
    all.push_back({"metric " + each.name, each.tenant, {}, std::move(meter)});
  }
  outlets.all = std::make_unique<events::Outlets>(std::move(all), std::move(now), report);
  return outlets;
}

notify::Notifier::Messengers make_messengers(const std::vector<NotifierOptions>& options) {
  notify::Notifier::Messengers messengers;
  for (const NotifierOptions& each : options)
    messengers[each.tenant] = each.url.empty() ? notify::command(each.command) : notify::webhook(each.url);
  return messengers;
}

}  // namespace pirn
