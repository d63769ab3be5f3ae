// One execution in memory: the same engine, registry and loader as a host's, without a server or a data
// directory.
#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <set>

#include "host/api/execution_text.h"
#include "host/environment.h"
#include "host/events/event_text.h"
#include "host/host.h"
#include "host/journal/codec.h"
#include "host/log/log.h"
#include "host/machine.h"
#include "host/store/memory_store.h"
#include "packager/archive/envelope.h"
#include "packager/archive/verify.h"
#include "packager/definition/workflow_name.h"
#include "packager/json/json.h"
#include "packager/mutex/mutex.h"
#include "packager/signature/key.h"

namespace pirn {

namespace {

constexpr std::string_view kLocalTenant = "local";

// The package as the local tenant trusts it: its own manifest without the bounds on who may run it, signed by
// a key that lives as long as this call. So a local run goes through the same door as any other.
struct LocalPackage {
  std::string bytes;
  std::string publisher;
  signature::PublicKey key;
  std::string name;
  int64_t serial = 0;
};

Result<LocalPackage> sign_for_local_use(std::string_view bytes) {
  archive::MemorySource source(bytes);
  PIRN_TRY(archive::UnverifiedPackage package, archive::read_unverified(source));
  archive::Manifest manifest = package.manifest;
  manifest.audience = {"*"};
  manifest.signers.clear();
  manifest.not_after_unix_s.reset();
  const std::string text = archive::print(manifest);
  PIRN_TRY(const signature::PrivateKey key, signature::PrivateKey::generate());
  const archive::SignatureRecord record{key.public_key().id(), key.sign(archive::signed_message(text))};
  LocalPackage local{{}, manifest.publisher, key.public_key(), manifest.package, manifest.serial};
  PIRN_TRY(local.bytes, archive::write_package(text, {record}, package.compressed));
  return local;
}

// All of them; what another one requires goes before it. Whether there is enough of everything is asked of
// the one workflow that is run, and not of its neighbours in the package.
Status deploy_locally(registry::Registry& registry, std::vector<LocalPackage> packages,
                      const std::string& probe_program, int64_t now_ms) {
  const auto who = registry::Principal::local_operator();
  const std::string tenant(kLocalTenant);
  PIRN_TRY(
      const auto created,
      registry.create_tenant(who, {.name = tenant, .isolation = registry::Isolation::in_process}, now_ms));
  for (const LocalPackage& package : packages) {
    PIRN_TRY(const auto trust,
             registry.add_trust(
                 who, {.tenant = tenant, .publisher = package.publisher, .public_key = package.key}, now_ms));
    PIRN_TRY(const auto pushed, registry.push(who, tenant, package.bytes, now_ms, package.serial));
  }
  const registry::Probe probe = make_probe(registry, probe_program, engine::Capacity());
  while (!packages.empty()) {
    std::optional<Error> refused;
    const size_t deployed = std::erase_if(packages, [&](const LocalPackage& package) {
      const auto done = registry.deploy(who, {.tenant = tenant, .package = package.name}, probe, now_ms);
      if (!done && (!refused || refused->code == Code::requirement_unmet)) refused = done.error();
      return bool(done);
    });
    if (refused && (deployed == 0 || refused->code != Code::requirement_unmet)) return *refused;
  }
  return {};
}

}  // namespace

Result<std::string> run_local(const LocalRun& run) {
  const std::string levels = environment("PIRN_LOG");
  PIRN_DO(log::configure(levels.empty() ? "warn,package=off" : levels, false));
  PIRN_TRY(const boost::json::value input, parse_json(run.input, "the input"));
  const std::string canonical_input = canonical(input);
  Clock clock;
  PIRN_TRY(const auto registry, registry::Registry::open({}));
  PIRN_TRY(const engine::Capacity capacity, capacity_of(run.resources));
  PIRN_TRY(LocalPackage package, sign_for_local_use(run.package));
  // The tenant of a full name is ignored: the run belongs to the local tenant. A name without a package is one of
  // this package, even if another package has the same name.
  PIRN_TRY(definition::WorkflowName named, definition::parse_workflow_name(run.workflow));
  if (named.package.empty()) named.package = package.name;
  const std::string workflow = named.local();
  std::vector<LocalPackage> packages;
  for (const std::string& bytes : run.with) {
    PIRN_TRY(LocalPackage other, sign_for_local_use(bytes));
    packages.push_back(std::move(other));
  }
  packages.push_back(std::move(package));
  PIRN_DO(deploy_locally(*registry, std::move(packages), run.probe_program, clock.wall_ms()));

  Mutex speaking;  // functions speak from threads of the runner
  const auto say = [&](std::string_view name, std::string_view data) {
    const MutexLock lock(speaking);
    if (run.on_event) run.on_event(name, data);
  };
  ExecutionId id;
  std::optional<Error> refused;
  std::set<ExecutionId> ended;  // nested ones are among them
  LiveVoice voice(
      nullptr, [](ExecutionId) { return true; },
      [&](const worker::Frame&, std::string_view name, std::string data, uint64_t) { say(name, data); },
      clock);
  CommitTail tail(
      [&](ExecutionId of, const journal::Origin&, uint32_t commit_no, std::string_view body, bool last) {
        const Status shown = events::for_each_event(body, [&](const events::EventView& event) {
          std::string text;
          events::append_event(text, event, commit_no);
          say(event.type, text);
        });
        if (!shown) refused = shown.error();
        if (last) ended.insert(of);
      });
  store::MemoryStore store;
  PIRN_TRY(const std::shared_ptr<worker::CrashRecord> record, worker::CrashRecord::open({}));
  Machine machine(store, *registry, voice, tail, capacity, record, false, clock);
  PIRN_DO(machine.recover());
  record->begin_life();  // a step that ends the process does not end the run well

  engine::Start start;
  start.tenant = kLocalTenant;
  start.workflow = workflow;
  PIRN_TRY(start.input, journal::parse_object(canonical_input));
  start.input_digest = sha256(canonical_input);
  PIRN_TRY(start.strategy, engine::parse_strategy(run.strategy));
  start.reply = [&](Result<engine::Started> started) {
    if (started)
      id = started->id;
    else
      refused = started.error();
  };
  engine::Command command = std::move(start);
  machine.engine.inbox().push(command);
  bool cancelling = false;
  PIRN_DO(machine.run([&](const engine::Turn&, int64_t, int64_t& sleep) {
    sleep = std::min<int64_t>(sleep, 100'000'000);
    if (id && !cancelling && run.interrupted && run.interrupted()) {
      cancelling = true;
      engine::Cancel cancel;
      cancel.tenant = kLocalTenant;
      cancel.id = id;
      cancel.reply = [](Result<journal::State>) {};
      engine::Command stop = std::move(cancel);
      machine.engine.inbox().push(stop);
    }
    return ended.contains(id) || refused.has_value();
  }));
  if (refused) return *refused;
  PIRN_TRY(const auto row, store.find(kLocalTenant, id));
  PIRN_TRY(journal::DecodedState state, journal::decode_state(row->columns(), row->body));
  std::string text = api::execution_text(engine::view_of(std::move(state)), clock.now());
  record->end_life();
  log::flush();
  if (machine.runner.stuck_calls() > 0 && run.on_calls_left) run.on_calls_left(text);
  return text;
}

}  // namespace pirn
