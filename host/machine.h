// An engine with what it drives and what drives it: what a host and a local run have in common.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/clock.h"
#include "host/engine/engine.h"
#include "host/live_voice.h"
#include "host/store/committer.h"
#include "host/store/store.h"
#include "host/worker/alarm.h"
#include "host/worker/crash_record.h"
#include "host/worker/in_process_runner.h"
#include "registry/registry.h"

namespace pirn {

using Committed = std::function<void(ExecutionId, const journal::Origin& origin, uint32_t commit_no,
                                     std::string_view body, bool last)>;

class RegistryReleases final : public engine::Releases {
 public:
  explicit RegistryReleases(const registry::Registry& registry) : registry_(registry) {}
  registry::CatalogPtr catalog() const override { return registry_.catalog(); }
  Result<registry::ReleasePtr> load(std::string_view tenant, const Digest& digest) const override {
    return registry_.read_release(tenant, digest);  // a withdrawn one fails when its library is asked for
  }

 private:
  const registry::Registry& registry_;
};

// What the engine has committed, on its way to whoever listens.
class CommitTail final : public engine::CommitListener {
 public:
  explicit CommitTail(Committed committed) : committed_(std::move(committed)) {}
  void on_commit(ExecutionId id, const journal::Origin& origin, uint32_t commit_no, std::string_view body,
                 bool last) override {
    committed_(id, origin, commit_no, body, last);
  }

 private:
  const Committed committed_;
};

// The engine with what it drives and what drives it. Destroyed in reverse order: first the engine, then the
// runner, which waits for what runs.
struct Machine {
  Machine(store::Store& store, const registry::Registry& registry, LiveVoice& voice, CommitTail& tail,
          engine::Capacity capacity, std::shared_ptr<worker::CrashRecord> record, bool apart, Clock& clock,
          bool measure = false)
      : store(store),
        clock(clock),
        releases(registry),
        runner(
            {.measure = measure, .now = [&clock] { return clock.now(); }, .record = std::move(record)},
            [&registry](const registry::Release& release) { return registry.load_library(release); }, voice,
            alarm),
        committer(apart ? std::make_unique<store::CommitThread>(store, [this] { alarm.wake(); }) : nullptr),
        engine(options(std::move(capacity)), store, runner, releases, tail, alarm, committer.get()) {}

  static engine::Options options(engine::Capacity capacity) {
    engine::Options options;
    options.capacity = std::move(capacity);
    return options;
  }

  store::Store& store;
  Clock& clock;  // follows the engine
  worker::Alarm alarm;
  RegistryReleases releases;
  worker::InProcessRunner runner;
  std::unique_ptr<store::CommitThread> committer;  // null: the loop commits
  engine::Engine engine;

  // The engine's recover(); the clock follows it, and the log says what became of time.
  Status recover(const worker::LastLife& last = {});
  engine::Clocks clocks() const;
  // Turns until `finished`, which is asked after each turn and may shorten the sleep (ns).
  Status run(const std::function<bool(const engine::Turn&, int64_t now, int64_t& sleep)>& finished);
};

// This machine's cores and memory, and what `said` ("NAME=AMOUNT") adds to that or puts in its place.
Result<engine::Capacity> capacity_of(const std::vector<std::string>& said);

// A release is pushed when its library, in a process of its own, says what its manifest says.
registry::PushProbe make_push_probe(const std::string& program, bool run_init);

// It is deployed where it could run: its init succeeds, too, and no step asks for more than there is. The
// registry outlives the probe.
registry::Probe make_probe(const registry::Registry& registry, const std::string& program,
                           const engine::Capacity& capacity);

}  // namespace pirn
