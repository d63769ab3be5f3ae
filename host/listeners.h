// Makes from a host's options what hears of its executions: sinks, metrics and messengers to people.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "host/events/meters.h"
#include "host/events/outlets.h"
#include "host/host.h"
#include "host/notify/notifier.h"

namespace pirn {

struct Outlets {
  std::vector<std::shared_ptr<const events::MeterSink>> meters;  // of the options' metrics, in their order
  std::unique_ptr<events::Outlets> all;                          // sinks, and the meters
};
// Opens the files of sinks. `now`: ns since 1970, any thread. io_failed, and what JsonLinesSink says.
Result<Outlets> open_outlets(const HostOptions& options, std::function<int64_t()> now);

notify::Notifier::Messengers make_messengers(const std::vector<NotifierOptions>& options);

}  // namespace pirn
