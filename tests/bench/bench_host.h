// The engine with a real store and the real in-process runner, on a thread of its own, as a host runs it;
// without API, and mostly without registry, so that figures of the engine are the engine's.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "host/engine/engine.h"
#include "host/store/store.h"
#include "host/worker/alarm.h"
#include "host/worker/in_process_runner.h"
#include "registry/registry.h"

namespace pirn::bench {

int64_t now_ns();                                    // Unix time
std::string package_bytes(const std::string& name);  // the library of a bench package
// What the library says of itself.
struct PackageText {
  std::string definition;
  std::vector<definition::Function> functions;
};
PackageText package_text(const std::string& library);

// One release for each published version, for tenant "bench" or another one.
class BenchReleases : public engine::Releases {
 public:
  // Makes a version active. Any thread.
  void publish(const std::string& library, const std::string& tenant = "bench");
  registry::CatalogPtr catalog() const override { return std::atomic_load(&catalog_); }
  Result<registry::ReleasePtr> load(std::string_view tenant, const Digest& digest) const override;
  Result<std::string> library(const registry::Release& release) const;

 private:
  std::shared_ptr<const registry::Catalog> catalog_ = std::make_shared<registry::Catalog>();
  std::vector<std::pair<registry::ReleasePtr, std::string>> releases_;
};

// A registry in this directory in which the package bench.pirn is deployed.
std::unique_ptr<registry::Registry> open_registry(const std::string& directory);

class BenchHost : public engine::CommitListener, public worker::Listener {
 public:
  BenchHost(std::unique_ptr<store::Store> store, BenchReleases& releases);
  // With releases of a registry on the disk.
  BenchHost(std::unique_ptr<store::Store> store, const registry::Registry& registry);
  ~BenchHost() override;

  // Any thread. The reply comes on the engine's thread; waits when the inbox is full.
  void start(std::string_view workflow, engine::Reply<engine::Started> reply,
             std::string_view tenant = "bench");
  engine::EngineStats stats();
  void push(engine::Command command);
  // The same of any command that answers; waits for the answer.
  template <class Answer, class Order>
  Result<Answer> ask(Order order) {
    std::promise<Result<Answer>> answer;
    order.reply = [&](Result<Answer> result) { answer.set_value(std::move(result)); };
    push(std::move(order));
    return answer.get_future().get();
  }
  // The engine's recovery, on the caller's thread, before run().
  void recover();
  void run();   // starts the loop
  void stop();  // and ends it

  // Set before run(). Called on the engine's thread and on runner threads.
  std::function<void(ExecutionId, std::string_view tenant)> on_end;
  std::function<void(ExecutionId, int64_t at)> on_tick;
  std::function<void(int64_t ns)> on_turn;  // from the first decision of a transaction until it was acted on
  std::function<void(int64_t ns)> on_loop;  // how long each turn took, and the maintenance between two
  std::atomic<uint64_t> commits{0}, ended{0};
  std::atomic<uint64_t> journal_bytes{0};  // of the bodies of commits
  std::atomic<int64_t> first_dispatch{0};

  void on_commit(ExecutionId id, const journal::Origin& origin, uint32_t, std::string_view body,
                 bool last) override;
  void on_log(const worker::Invocation&, uint32_t, std::string_view) override {}
  void on_progress(const worker::Invocation& invocation, double, std::string_view) override;
  void on_stream(const worker::Invocation&, std::string_view, bool) override {}

 private:
  void open(worker::LibrarySource library);
  void loop();

  std::unique_ptr<store::Store> store_;
  std::unique_ptr<const engine::Releases> owned_releases_;
  const engine::Releases& releases_;
  worker::Alarm alarm_;
  std::unique_ptr<worker::InProcessRunner> runner_;
  std::unique_ptr<store::CommitThread> committer_;
  std::unique_ptr<engine::Engine> engine_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
};

}  // namespace pirn::bench
