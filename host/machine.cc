#include "host/machine.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "host/log/log.h"
#include "packager/probe/probe.h"

namespace pirn {

namespace {

// So soon the host notices that somebody has set the system's clock, which no timer tells.
constexpr int64_t kLongestSleep_ns = 5'000'000'000;

void tell_of_jump(int64_t by, std::string_view when) {
  log::write(log::Level::warn, "clock",
             "the system's clock was set " + std::string(when) +
                 ": cron, every and at follow it; timeouts and delays do not",
             {{"by_ms", std::to_string(by / 1'000'000)}});
}

}  // namespace

engine::Clocks Machine::clocks() const {
  const ClockReading now = clock.read();
  return {now.wall, now.steady, clock.boot()};
}

Status Machine::recover(const worker::LastLife& last) {
  PIRN_DO(engine.recover(clocks(), last));
  const engine::Beginning& beginning = engine.beginning();
  clock.follow(beginning.origin);
  if (beginning.jump != 0) tell_of_jump(beginning.jump, "since the host's last life");
  if (beginning.shift != 0)
    log::write(log::Level::warn, "clock", "timers that were pending are moved with the clock",
               {{"by_ms", std::to_string(beginning.shift / 1'000'000)}});
  return {};
}

Status Machine::run(const std::function<bool(const engine::Turn&, int64_t now, int64_t& sleep)>& finished) {
  while (true) {
    PIRN_TRY(const engine::Turn turn, engine.turn(clocks()));
    const int64_t now = turn.now;
    if (turn.jump != 0) tell_of_jump(turn.jump, "while the host ran");
    int64_t sleep = kLongestSleep_ns;
    if (turn.next_timer) sleep = std::min(sleep, *turn.next_timer - now);
    if (finished(turn, now, sleep)) return {};
    if (turn.more || sleep <= 0) continue;
    if (turn.inputs == 0 && !turn.undurable) {
      PIRN_TRY(const bool more, store.maintain());
      if (more) continue;
    }
    alarm.wait(sleep);
  }
}

Result<engine::Capacity> capacity_of(const std::vector<std::string>& said) {
  std::vector<definition::Resource> all;
  all.push_back({"cpu", static_cast<double>(std::max(1u, std::thread::hardware_concurrency()))});
  all.push_back({"memory", std::floor(static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
                                      static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20))});
  for (const std::string& text : said) {
    PIRN_TRY(const definition::Resource given, engine::parse_resource(text));
    const auto known =
        std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name == given.name; });
    if (known == all.end())
      all.push_back(given);
    else
      known->amount = given.amount;
  }
  return engine::Capacity::of(std::move(all));
}

registry::PushProbe make_push_probe(const std::string& program, bool run_init) {
  const probe::ProbeOptions options{.run_init = run_init, .probe_path = program};
  return [options](const registry::Release& release, std::string_view library) -> Status {
    PIRN_TRY(const auto given, probe::confirm(library, registry::claims_of(release), options));
    log::write(given.landlock == 0 || !given.guarded ? log::Level::warn : log::Level::debug, "probe",
               "probed " + release.package + "@" + release.version, {{"sandbox", sandbox::describe(given)}});
    return {};
  };
}

registry::Probe make_probe(const registry::Registry& registry, const std::string& program,
                           const engine::Capacity& capacity) {
  return [&registry, look = make_push_probe(program, true), capacity](const registry::Release& of) -> Status {
    PIRN_DO(engine::check_resources(capacity, of));
    PIRN_TRY(const std::string library, registry.load_library(of));
    return look(of, library);
  };
}

}  // namespace pirn
