// The composition root: the only file that sees every layer, and that says who owns whom. Threads: the
// engine's loop (the one that calls run()), the network thread (api::Server), the pool of what may block
// (api::Pool), and those of the runner.
#include "host/host.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <mutex>
#include <set>
#include <thread>

#include "host/api/execution_text.h"
#include "host/api/pool.h"
#include "host/api/server.h"
#include "host/api/wrong_keys.h"
#include "host/engine/engine.h"
#include "host/events/event_text.h"
#include "host/events/feed.h"
#include "host/events/meters.h"
#include "host/events/outlets.h"
#include "host/journal/codec.h"
#include "host/journal/context_shuffle.h"
#include "host/log/log.h"
#include "host/logbook/logbook.h"
#include "host/notify/notifier.h"
#include "host/store/data_directory.h"
#include "host/store/location.h"
#include "host/store/memory_store.h"
#include "host/store/sqlite_store.h"
#include "host/upkeep/upkeep.h"
#include "host/worker/alarm.h"
#include "host/worker/crash_record.h"
#include "host/worker/in_process_runner.h"
#include "packager/archive/envelope.h"
#include "packager/archive/verify.h"
#include "packager/json/json.h"
#include "packager/probe/probe.h"
#include "packager/signature/key.h"
#include "registry/ids.h"
#include "registry/registry.h"

namespace pirn {

namespace {

using Live =
    std::function<void(const worker::Frame&, std::string_view name, std::string data, uint64_t line)>;
using Committed = std::function<void(ExecutionId, std::string_view tenant, uint32_t commit_no,
                                     std::string_view body, bool last)>;

// Nanoseconds since 1970 that never go back, whatever is done to the system's clock.
class Clock {
 public:
  int64_t now() {
    const int64_t system = std::chrono::duration_cast<std::chrono::nanoseconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
    return last_ = std::max(last_, system);
  }
  int64_t now_ms() { return now() / 1'000'000; }

 private:
  int64_t last_ = 0;
};

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
  void on_commit(ExecutionId id, std::string_view tenant, uint32_t commit_no, std::string_view body,
                 bool last) override {
    committed_(id, tenant, commit_no, body, last);
  }

 private:
  const Committed committed_;
};

// What running functions say, as JSON for the logbook and for whoever watches, and as lines of the host's
// log.
class LiveVoice final : public worker::Listener {
 public:
  // `book`: keeps lines and pieces of streams; null: nothing is kept. `wanted`: whether anybody watches the
  // progress of that execution; cheap.
  LiveVoice(logbook::Logbook* book, std::function<bool(ExecutionId)> wanted, Live live)
      : book_(book), wanted_(std::move(wanted)), live_(std::move(live)) {}

  void on_log(const worker::Invocation& invocation, uint32_t level, std::string_view message) override {
    static constexpr std::string_view kLevels[] = {"trace", "debug", "info", "warn", "error"};
    const uint32_t known = std::min<uint32_t>(level, 4);
    log::write(static_cast<log::Level>(known), "package", message,
               {{"tenant", invocation.frame->release->tenant},
                {"execution", invocation.frame->execution_text},
                {"step", invocation.step_name}});
    const int64_t at = Clock().now();
    std::string object = begin(invocation, at);
    object += ",\"level\":\"" + std::string(kLevels[known]) + "\",\"message\":";
    journal::append_json_string(object, message);
    say(invocation, "log", static_cast<int32_t>(known), at, std::move(object += '}'));
  }
  void on_progress(const worker::Invocation& invocation, double progress, std::string_view note) override {
    if (!wanted_(invocation.frame->execution)) return;
    std::string object = begin(invocation, Clock().now());
    object += ",\"progress\":";
    journal::append_json(object, journal::Value::of_real(progress));
    object += ",\"note\":";
    journal::append_json_string(object, note);
    live_(*invocation.frame, "progress", std::move(object += '}'), 0);
  }
  void on_stream(const worker::Invocation& invocation, std::string_view chunk, bool final) override {
    const int64_t at = Clock().now();
    std::string object = begin(invocation, at);
    object += ",\"chunk\":";
    journal::append_json_string(object, chunk);
    object += final ? ",\"final\":true}" : ",\"final\":false}";
    say(invocation, "chunk", logbook::kNoLevel, at, std::move(object));
  }

  void on_cost(const worker::Invocation& invocation, int64_t cpu_ns, int64_t wall_ns) override {
    if (book_ != nullptr) book_->spend(invocation.frame->execution, invocation.step_name, cpu_ns, wall_ns);
  }

 private:
  static std::string begin(const worker::Invocation& invocation, int64_t at) {
    std::string object = "{\"at\":" + std::to_string(at) + ",\"step\":";
    journal::append_json_string(object, invocation.step_name);
    object += ",\"attempt\":" + std::to_string(invocation.attempt);
    return object;
  }

  // Kept, and told to watchers in the order of the numbers: a client that continues behind a number has all
  // before it.
  void say(const worker::Invocation& invocation, std::string_view name, int32_t level, int64_t at,
           std::string object) {
    const ExecutionId id = invocation.frame->execution;
    const std::lock_guard lock(speaking_);
    uint64_t n = 0;
    if (book_ != nullptr)
      n = book_->write({0, id, at, std::string(invocation.step_name), invocation.attempt, level, object});
    // Told afterwards: whoever begins to watch in between finds the line in the logbook.
    live_(*invocation.frame, name, std::move(object), n);
  }

  logbook::Logbook* const book_;
  const std::function<bool(ExecutionId)> wanted_;
  const Live live_;
  std::mutex speaking_;
};

// The engine with what it drives and what drives it. Destroyed in reverse order: first the engine, then the
// runner, which waits for what runs.
struct Machine {
  Machine(store::Store& store, const registry::Registry& registry, LiveVoice& voice, CommitTail& tail,
          engine::Capacity capacity, worker::CrashRecord& record, bool apart, bool measure = false)
      : store(store),
        releases(registry),
        runner(
            {.measure = measure, .record = &record},
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
  Clock clock;
  worker::Alarm alarm;
  RegistryReleases releases;
  worker::InProcessRunner runner;
  std::unique_ptr<store::CommitThread> committer;  // null: the loop commits
  engine::Engine engine;

  // Turns until `finished`, which is asked after each turn and may shorten the sleep (ns).
  Status run(const std::function<bool(const engine::Turn&, int64_t now, int64_t& sleep)>& finished) {
    while (true) {
      const int64_t now = clock.now();
      PIRN_TRY(const engine::Turn turn, engine.turn(now));
      int64_t sleep = 60'000'000'000;
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
};

// This machine's cores and memory, and what somebody said of the host beside that or instead.
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

// A release is pushed when its library, in a process of its own, says what its manifest says.
registry::PushProbe make_push_probe(const std::string& program, bool run_init) {
  const probe::ProbeOptions options{.run_init = run_init, .probe_path = program};
  return [options](const registry::Release& release, std::string_view library) -> Status {
    PIRN_TRY(const auto given, probe::confirm(library, registry::claims_of(release), options));
    log::write(given.landlock == 0 || !given.guarded ? log::Level::warn : log::Level::debug, "probe",
               "probed " + release.package + "@" + release.version, {{"sandbox", sandbox::describe(given)}});
    return {};
  };
}

// It is deployed where it could run: its init succeeds, too, and no step asks for more than there is.
registry::Probe make_probe(const registry::Registry& registry, const std::string& program,
                           const engine::Capacity& capacity) {
  return [&registry, look = make_push_probe(program, true), capacity](const registry::Release& of) -> Status {
    PIRN_DO(engine::check_resources(capacity, of));
    PIRN_TRY(const std::string library, registry.load_library(of));
    return look(of, library);
  };
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// Each watcher is a descriptor.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

void say(std::string_view line) { log::say(line); }
void flush_log() { log::flush(); }

// ---- the host ----

class Host::Core final : public api::Vitals {
 public:
  Core(HostOptions options, store::DataDirectory directory)
      : options_(std::move(options)), directory_(std::move(directory)), started_at_(Clock().now()) {}

  ~Core() override {
    if (server_) server_->stop();
    pool_.stop();
  }

  Status open() {
    PIRN_TRY(const engine::Capacity capacity, capacity_of(options_.resources));
    const int64_t accept_at_ms = options_.accept_broken_audit ? Clock().now_ms() : 0;
    PIRN_TRY(registry_, registry::Registry::open({.directory = directory_.path(),
                                                  .decompress = archive::decompress_apart(),
                                                  .probe = make_push_probe(options_.probe_program, false),
                                                  .accept_broken_audit_at_ms = accept_at_ms}));
    PIRN_DO(open_store());
    PIRN_DO(open_outlets());
    PIRN_TRY(logbook_, logbook::Logbook::open(location_.memory ? ":memory:" : directory_.file("logbook.db")));
    upkeep::Policy policy;
    policy.every_ns = options_.retention_every_ns;
    for (const RetentionRule& rule : options_.retention)
      policy.rules.push_back({rule.tenant, rule.package, rule.workflow, rule.older_than_ns, rule.keep_last});
    upkeep_.emplace(sqlite_, *logbook_, directory_.path(), std::move(policy));
    voice_.emplace(
        logbook_.get(), [this](ExecutionId id) { return feed_.watched(id); },
        [this](const worker::Frame& frame, std::string_view name, std::string data, uint64_t line) {
          outlets_->publish_live(frame.execution, frame.release->tenant, name, data);
          feed_.publish_live(frame.execution, name, std::move(data), line);
        });
    // Of what a store in memory holds there is no next life that could be told of crashes.
    PIRN_TRY(crash_record_,
             worker::CrashRecord::open(location_.memory ? std::string() : directory_.file("crashes")));
    machine_.emplace(*store_, *registry_, *voice_, tail_, capacity, *crash_record_, !location_.memory,
                     options_.measure_cpu);
    open_notifier();
    PIRN_DO(recover());
    PIRN_DO(resume_notifier());
    for (const Error& error : machine_->engine.left_aside())
      log::write(log::Level::error, "engine", error.message);
    services_.emplace(api::Services{*registry_, *store_, *logbook_, *upkeep_, machine_->engine.inbox(), feed_,
                                    *outlets_, meters_, *notifier_, *this,
                                    make_probe(*registry_, options_.probe_program, capacity), wrong_keys_,
                                    pool_, capacity});
    api::ServerOptions server;
    server.socket_path = socket_path();
    server.listen = options_.listen;
    server.allow_hosts = options_.allow_hosts;
    const ClientOptions& clients = options_.clients;
    using std::chrono::milliseconds;
    server.timeouts = {milliseconds(clients.header_ms), milliseconds(clients.idle_ms),
                       milliseconds(clients.transfer_ms), milliseconds(clients.stranger_ms),
                       clients.min_rate};
    server.limits = {clients.local_connections, clients.connections, clients.strangers,
                     clients.strangers_of_address};
    server.max_body_bytes = clients.body_bytes;
    server.note = [](const std::string& what) { log::write(log::Level::warn, "api", what); };
    PIRN_TRY(server_, api::Server::start(*services_, std::move(server)));
    log::write(log::Level::info, "host", "serving",
               {{"data", directory_.path()},
                {"tcp", server_->address()},
                {"epoch", std::to_string(store_->epoch())},
                {"version", PIRN_VERSION}});
    return {};
  }

  Status run() {
    int64_t drain_until = 0;
    const Status status = machine_->run([&](const engine::Turn& turn, int64_t now, int64_t& sleep) {
      if (!draining_.load()) {
        look_after(now, sleep);
        return false;
      }
      if (drain_until == 0) {
        drain_until = now + options_.drain_timeout_ns;
        machine_->engine.stop_dispatching();
        log::write(log::Level::info, "host", "draining",
                   {{"running_steps", std::to_string(machine_->engine.running_steps())}});
        sleep = 0;
        return false;
      }
      // The turn that took the outcome of the last step is followed by one that finds nothing more to do.
      sleep = turn.inputs == 0 ? std::min(sleep, drain_until - now) : 0;
      return turn.inputs == 0 && !turn.more && !turn.undurable &&
             (machine_->engine.running_steps() == 0 || now >= drain_until);
    });
    crash_record_->end_life();  // what still runs ends with the process, and is not to blame
    store_failed_ = !status;
    machine_->engine.inbox().close();
    if (!status)
      log::write(log::Level::error, "host", status.error().message, {{"error", status.error().name()}});
    server_->stop();
    pool_.stop();
    (void)registry_->record_counted(INT64_MAX);  // what could not be written was only counted
    log::write(log::Level::info, "host", "stopped",
               {{"running_steps", std::to_string(machine_->engine.running_steps())}});
    return status;
  }

  void drain() {
    draining_ = true;
    machine_->alarm.wake();
  }

  void end_at_once() { crash_record_->end_life(); }

  std::string socket_path() const { return directory_.file("pirn.sock"); }
  std::string tcp_address() const { return server_->address(); }
  std::string store() const { return location_.memory ? "memory" : location_.path; }
  const std::string& path() const { return directory_.path(); }
  size_t running_steps() const { return machine_->engine.running_steps(); }

  bool draining() const override { return draining_; }
  bool store_failed() const override { return store_failed_; }
  const std::vector<Error>& left_aside() const override { return machine_->engine.left_aside(); }
  uint32_t stuck_calls() const override { return machine_->runner.stuck_calls(); }
  std::vector<api::Residence> residences() const override {
    std::vector<api::Residence> all;
    for (const worker::Residence& each : machine_->runner.residences())
      all.push_back({each.tenant, each.package, each.version, each.release, each.retired, each.still_mapped,
                     each.stuck_calls});
    return all;
  }
  std::string version() const override { return PIRN_VERSION; }
  std::string data_directory() const override { return directory_.path(); }
  std::string store_kind() const override { return location_.memory ? "memory" : "sqlite"; }
  int64_t started_at_ns() const override { return started_at_; }
  uint64_t log_lines_lost() const override { return log::lines_lost(); }

 private:
  Status open_store() {
    PIRN_TRY(location_, store::resolve_store_url(
                            {environment("PIRN_STORE_URL"), options_.store, environment("PIRN_DB_NAME")},
                            directory_.path()));
    PIRN_TRY(store_, store::open_store(location_));
    sqlite_ = dynamic_cast<store::SqliteStore*>(store_.get());
    return {};
  }

  void open_notifier() {
    notify::Notifier::Messengers messengers;
    for (const NotifierOptions& each : options_.notifiers)
      messengers[each.tenant] = each.url.empty() ? notify::command(each.command) : notify::webhook(each.url);
    notifier_ = std::make_unique<notify::Notifier>(std::move(messengers), machine_->engine.inbox(), *store_,
                                                   [] { return Clock().now(); });
  }
  Status resume_notifier() {
    PIRN_TRY(const std::vector<registry::Tenant> tenants, registry_->tenants());
    std::vector<std::string> names;
    for (const registry::Tenant& tenant : tenants) names.push_back(tenant.name);
    notifier_->resume(names);
    return {};
  }

  // Upkeep by the host's clock. It reads and writes for long, so the pool does it.
  void look_after(int64_t now, int64_t& sleep) {
    if (upkeep_->begin_run(now))
      pool_.post({api::Lane::maintenance, {}}, [this, now] {
        upkeep_->run_policy(now);
        machine_->alarm.wake();  // a store that failed is noticed at once
      });
    sleep = std::min(sleep, upkeep_->next_run_at() - now);
  }

  // "package::workflow", as the first event of the execution has it; empty when it cannot be read.
  std::string workflow_of(const std::string& run) const {
    const auto id = parse_execution_id(run);
    const auto commits = id ? store_->journal(*id, 0, 1) : Result(std::vector<store::StoredCommit>());
    std::string name;
    if (!commits || commits->empty()) return name;
    (void)events::for_each_event(commits->front().body, [&](const events::EventView& event) {
      if (event.type != "workflow.create") return;
      const auto created = parse_own_json(event.text, "an event", {});
      if (created)
        name = std::string(created->at("package").as_string()) +
               "::" + created->at("workflow").as_string().c_str();
    });
    return name;
  }

  Status open_outlets() {
    std::vector<events::OutletOptions> outlets;
    for (const SinkOptions& each : options_.sinks) {
      std::shared_ptr<events::Sink> sink = each.sink;
      if (each.kind == SinkOptions::Kind::standard_output) sink = std::make_shared<events::StdoutSink>();
      if (each.kind == SinkOptions::Kind::json_lines) {
        PIRN_TRY(sink, events::JsonLinesSink::open(each.path));
      }
      outlets.push_back({each.name, each.tenant, each.events, std::move(sink)});
    }
    for (const MetricOptions& each : options_.metrics) {
      auto meter = std::make_shared<events::MeterSink>(
          events::MeterOptions{each.name, each.events, each.by, each.duration},
          [this](const std::string& run) { return workflow_of(run); });
      meters_.push_back(meter);
      outlets.push_back({"metric " + each.name, each.tenant, {}, std::move(meter)});
    }
    outlets_ = std::make_unique<events::Outlets>(
        std::move(outlets), [] { return Clock().now(); },
        [](const events::OutletFailure& failure) {
          // A sink that goes on failing fills no log: the 1st, 2nd, 4th, 8th, … failure is told.
          if ((failure.occurrence & (failure.occurrence - 1)) != 0) return;
          log::write(log::Level::warn, "sink", failure.error,
                     {{"sink", failure.name}, {"occurrence", std::to_string(failure.occurrence)}});
        });
    return {};
  }

  Status recover() {
    const worker::LastLife& last = crash_record_->last_life();
    PIRN_DO(machine_->engine.recover(machine_->clock.now(), last));
    crash_record_->begin_life();
    tell_of_last_life(last);
    return {};
  }

  void tell_of_last_life(const worker::LastLife& last) const {
    if (last.end == worker::LastLife::End::clean) return;
    log::write(log::Level::warn, "host", engine::words_of(last.end),
               {{"calls_under_way", std::to_string(last.running.size())}});
    for (const engine::LostCall& call : machine_->engine.lost_calls())
      log::write(log::Level::warn, "host", engine::words_of(call.role),
                 {{"tenant", call.tenant},
                  {"execution", call.execution.text()},
                  {"workflow", call.workflow},
                  {"step", call.step},
                  {"function", call.function},
                  {"call", journal::name_of(call.kind)}});
  }

  // In the order in which what stands later uses what stands earlier. The server outlives the machine, whose
  // inbox may hold answers to its connections, and the pool both.
  const HostOptions options_;
  store::DataDirectory directory_;
  const int64_t started_at_;
  store::StoreLocation location_;
  std::atomic<bool> draining_{false}, store_failed_{false};
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<store::Store> store_;
  store::SqliteStore* sqlite_ = nullptr;  // the same, when it is on disk
  events::Feed feed_;
  std::vector<std::shared_ptr<const events::MeterSink>> meters_;
  std::unique_ptr<events::Outlets> outlets_;
  std::unique_ptr<logbook::Logbook> logbook_;
  std::optional<upkeep::Upkeep> upkeep_;
  std::optional<LiveVoice> voice_;
  CommitTail tail_{
      [this](ExecutionId id, std::string_view tenant, uint32_t commit_no, std::string_view body, bool last) {
        feed_.publish_commit(id, commit_no, body, last);
        outlets_->publish_commit(id, tenant, commit_no, body);
        notifier_->publish_commit(id, tenant, body);
      }};
  api::Pool pool_;
  api::WrongKeys wrong_keys_{{.free = static_cast<double>(options_.free_wrong_keys)}};
  std::optional<api::Services> services_;
  std::unique_ptr<api::Server> server_;
  std::unique_ptr<worker::CrashRecord> crash_record_;
  std::optional<Machine> machine_;
  // Before the machine, to which it speaks; replies of the engine name it, so the run has to be over.
  std::unique_ptr<notify::Notifier> notifier_;
};

Host::Host(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Host::~Host() = default;

Result<std::unique_ptr<Host>> Host::open(HostOptions options) {
  PIRN_DO(log::configure(environment("PIRN_LOG"), isatty(STDERR_FILENO) == 0));
  raise_descriptor_limit();
  journal::shuffle_contexts();
  store::SqliteStore::prepare_process();  // the registry comes first
  PIRN_TRY(store::DataDirectory directory, store::DataDirectory::open(options.data_directory));
  for (const std::string& warning : directory.warnings()) log::write(log::Level::warn, "host", warning);
  auto core = std::make_unique<Core>(std::move(options), std::move(directory));
  PIRN_DO(core->open());
  return std::unique_ptr<Host>(new Host(std::move(core)));
}

const std::string& Host::data_directory() const { return core_->path(); }
std::string Host::store() const { return core_->store(); }
std::string Host::socket_path() const { return core_->socket_path(); }
std::string Host::tcp_address() const { return core_->tcp_address(); }
Status check_event_wish(const std::string& wish) { return events::check_wish(wish); }
Status Host::run() { return core_->run(); }
void Host::drain() { core_->drain(); }
void Host::end_at_once() { core_->end_at_once(); }
size_t Host::running_steps() const { return core_->running_steps(); }

// ---- one execution in memory ----

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
  // A name alone is one of the package itself, also when another one has it, too.
  const bool qualified = run.workflow.find("::") != std::string::npos;
  const std::string workflow = qualified ? run.workflow : package.name + "::" + run.workflow;
  std::vector<LocalPackage> packages;
  for (const std::string& bytes : run.with) {
    PIRN_TRY(LocalPackage other, sign_for_local_use(bytes));
    packages.push_back(std::move(other));
  }
  packages.push_back(std::move(package));
  PIRN_DO(deploy_locally(*registry, std::move(packages), run.probe_program, clock.now_ms()));

  std::mutex speaking;  // functions speak from threads of the runner
  const auto say = [&](std::string_view name, std::string_view data) {
    const std::lock_guard lock(speaking);
    if (run.on_event) run.on_event(name, data);
  };
  ExecutionId id;
  std::optional<Error> refused;
  std::set<ExecutionId> ended;  // nested ones are among them
  LiveVoice voice(
      nullptr, [](ExecutionId) { return true; },
      [&](const worker::Frame&, std::string_view name, std::string data, uint64_t) { say(name, data); });
  CommitTail tail(
      [&](ExecutionId of, std::string_view, uint32_t commit_no, std::string_view body, bool last) {
        const Status shown = events::for_each_event(body, [&](const events::EventView& event) {
          std::string text;
          events::append_event(text, event, commit_no);
          say(event.type, text);
        });
        if (!shown) refused = shown.error();
        if (last) ended.insert(of);
      });
  store::MemoryStore store;
  PIRN_TRY(const std::unique_ptr<worker::CrashRecord> record, worker::CrashRecord::open({}));
  Machine machine(store, *registry, voice, tail, capacity, *record, false);
  PIRN_DO(machine.engine.recover(machine.clock.now()));
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
