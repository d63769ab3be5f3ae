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

#include "host/api/connection_table.h"
#include "host/api/pool.h"
#include "host/api/server.h"
#include "host/api/wrong_keys.h"
#include "host/environment.h"
#include "host/events/event_text.h"
#include "host/events/feed.h"
#include "host/events/meters.h"
#include "host/events/outlets.h"
#include "host/journal/context_shuffle.h"
#include "host/log/log.h"
#include "host/logbook/logbook.h"
#include "host/machine.h"
#include "host/maintenance/backup.h"
#include "host/maintenance/maintenance.h"
#include "host/maintenance/parts.h"
#include "host/notify/notifier.h"
#include "host/store/data_directory.h"
#include "host/store/location.h"
#include "host/store/sqlite_store.h"
#include "host/store/wal_watch.h"
#include "host/worker/crash_record.h"
#include "packager/archive/verify.h"
#include "packager/json/json.h"
#include "registry/ids.h"
#include "registry/registry.h"

namespace pirn {

namespace {

// Each watcher is a descriptor.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::string_view name_of(engine::LostCall::Role role) {
  using Role = engine::LostCall::Role;
  return role == Role::culprit ? "culprit" : role == Role::suspect ? "suspect" : "bystander";
}

}  // namespace

void say(std::string_view line) { log::say(line); }
void flush_log() { log::flush(); }

// ---- the host ----

class Host::Core final : public api::HostStatus {
 public:
  Core(HostOptions options, store::DataDirectory directory)
      : options_(std::move(options)), directory_(std::move(directory)), started_at_(clock_.now()) {}

  ~Core() override {
    if (server_) server_->stop();
    pool_.stop();
  }

  Status open() {
    PIRN_TRY(const engine::Capacity capacity, capacity_of(options_.resources));
    PIRN_TRY(location_, store::resolve_store_url(
                            {environment("PIRN_STORE_URL"), options_.store, environment("PIRN_DB_NAME")},
                            directory_.path()));
    watch_disk();
    PIRN_DO(maintenance::adopt_backup(directory_.path()));
    if (options_.init)
      maintenance::begin_anew(directory_.path());
    else
      PIRN_DO(maintenance::check_parts(directory_.path(), location_.memory ? std::string() : location_.path));
    const int64_t accept_at_ms = options_.accept_broken_audit ? clock_.wall_ms() : 0;
    PIRN_TRY(registry_, registry::Registry::open({.directory = directory_.path(),
                                                  .decompress = archive::decompress_apart(),
                                                  .probe = make_push_probe(options_.probe_program, false),
                                                  .accept_broken_audit_at_ms = accept_at_ms,
                                                  .failed = [this] { wake(); },
                                                  .may_write = [this] { return check_lock(); }}));
    tell_of_audit();
    for (const Error& error : registry_->catalog()->aside())
      log::write(log::Level::error, "registry", error.message);
    PIRN_DO(open_store());
    PIRN_DO(open_outlets());
    std::string moved_to;
    PIRN_TRY(logbook_, logbook::Logbook::open(location_.memory ? ":memory:" : directory_.file("logbook.db"),
                                              {.lines_of_execution = options_.logbook.execution_entries,
                                               .bytes_of_execution = options_.logbook.execution_bytes,
                                               .bytes = options_.logbook.total_bytes},
                                              &moved_to));
    if (!moved_to.empty())
      log::write(log::Level::warn, "logbook",
                 "logbook.db was damaged and has been moved away; a new one is begun",
                 {{"moved_to", moved_to}});
    maintenance::Policy policy;
    policy.every_ns = options_.retention_every_ns;
    policy.tenant_journal_ns = options_.tenant_journal_ns;
    if (options_.event_window_ns > 0) policy.event_window_ns = options_.event_window_ns;
    for (const RetentionRule& rule : options_.retention)
      policy.rules.push_back({rule.tenant, rule.package, rule.workflow, rule.older_than_ns, rule.keep_last});
    maintenance_.emplace(*store_, sqlite_, *logbook_, *disk_, directory_.path(), std::move(policy));
    voice_.emplace(
        logbook_.get(), [this](ExecutionId id) { return feed_.watched(id); },
        [this](const worker::Frame& frame, std::string_view name, std::string data, uint64_t line) {
          outlets_->publish_live(
              {frame.execution, frame.release->tenant, frame.release->package, std::string(frame.workflow)},
              name, data);
          feed_.publish_live(frame.execution, name, std::move(data), line);
        },
        clock_);
    // Of what a store in memory holds there is no next life that could be told of crashes.
    PIRN_TRY(crash_record_,
             worker::CrashRecord::open(location_.memory ? std::string() : directory_.file("crashes")));
    machine_.emplace(*store_, *registry_, *voice_, tail_, capacity, crash_record_, !location_.memory, clock_,
                     options_.measure_cpu);
    open_notifier();
    PIRN_DO(recover());
    PIRN_DO(resume_notifier());
    look_at_disk(clock_.now());
    for (const Error& error : machine_->engine.damaged_executions())
      log::write(log::Level::error, "engine", error.message);
    services_.emplace(api::Services{*registry_, *store_, *logbook_, *maintenance_, machine_->engine.inbox(),
                                    feed_, *outlets_, meters_, *notifier_, *this, clock_,
                                    make_probe(*registry_, options_.probe_program, capacity), wrong_keys_,
                                    connections_, pool_, capacity});
    api::ServerOptions server;
    server.socket_path = socket_path();
    server.listen = options_.listen;
    server.allow_hosts = options_.allow_hosts;
    const ClientOptions& clients = options_.clients;
    using std::chrono::milliseconds;
    server.timeouts = {milliseconds(clients.header_ms), milliseconds(clients.idle_ms),
                       milliseconds(clients.transfer_ms), milliseconds(clients.stranger_ms),
                       clients.min_rate};
    server.max_body_bytes = clients.body_bytes;
    server.note = [](const std::string& what) { log::write(log::Level::warn, "api", what); };
    PIRN_TRY(server_, api::Server::start(*services_, std::move(server)));
    serving_ = true;
    log::write(log::Level::info, "host", "serving",
               {{"data", directory_.path()},
                {"tcp", server_->address()},
                {"epoch", std::to_string(store_->epoch())},
                {"version", PIRN_VERSION}});
    return {};
  }

  Status run() {
    int64_t drain_until = 0;
    Status status = machine_->run([&](const engine::Turn& turn, int64_t now, int64_t& sleep) {
      // What the registry has promised since is not on the disk: the next start reads what is.
      if (!registry_->healthy()) return true;
      if (is_taken_over(now, sleep)) return true;
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
    if (status && !registry_->healthy())
      status = Error{Code::registry_failed, "registry.db: a commit could not be made durable; the host stops",
                     "", Blame::world};
    if (status && taken_over_) status = *taken_over_;
    machine_->engine.inbox().close();
    if (!status)
      log::write(log::Level::error, "host", status.error().message, {{"error", status.error().name()}});
    server_->stop();
    pool_.stop();
    (void)registry_->record_counted(INT64_MAX);  // what could not be written was only counted
    const size_t left = machine_->engine.running_steps();
    log::write(left == 0 ? log::Level::info : log::Level::warn, "host",
               left == 0 ? "stopped" : "stopped while steps were running: they run again at the next start",
               {{"running_steps", std::to_string(left)}});
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
  size_t calls_left() const { return machine_->engine.running_steps() + stuck_calls(); }

  bool draining() const override { return draining_; }
  bool store_failed() const override { return store_failed_; }
  bool registry_failed() const override { return !registry_->healthy(); }
  const std::vector<Error>& damaged_executions() const override {
    return machine_->engine.damaged_executions();
  }
  uint32_t stuck_calls() const override { return machine_->runner.stuck_calls(); }
  std::vector<api::Residence> residences() const override {
    std::vector<api::Residence> all;
    static_assert(sizeof(api::Residence) == sizeof(worker::Residence));
    for (auto& [tenant, package, version, release, retired, still_mapped, stuck] :
         machine_->runner.residences())  // names each member: a new one does not compile
      all.push_back({tenant, package, version, release, retired, still_mapped, stuck});
    return all;
  }
  api::LastEnd last_end() const override {
    const worker::LastLife& last = crash_record_->last_life();
    api::LastEnd end{last.end == worker::LastLife::End::clean, engine::words_of(last.end), {}};
    for (const engine::LostCall& call : machine_->engine.lost_calls())
      end.calls.push_back(
          {call.tenant, call.execution.text(), call.workflow, call.step, call.function, name_of(call.role)});
    return end;
  }
  std::string version() const override { return PIRN_VERSION; }
  std::string data_directory() const override { return directory_.path(); }
  std::string store_kind() const override { return location_.memory ? "memory" : "sqlite"; }
  int64_t started_at_ns() const override { return started_at_; }
  uint64_t log_lines_lost() const override { return log::lines_lost(); }
  bool lock_lost() const override { return !directory_.holds_lock(); }
  std::vector<std::string> wal_warnings() const override {
    std::vector<std::string> all;
    for (const std::string& database :
         {location_.path, directory_.file("registry.db"), directory_.file("logbook.db")})
      if (std::string warning = store::wal_warning(database); !warning.empty())
        all.push_back(std::move(warning));
    return all;
  }

 private:
  static constexpr int64_t kLookAtLockEvery_ns = 5'000'000'000;

  // Nothing fences writers of the registry as the epoch fences those of pirn.db, and what another host has
  // written is not in this one's memory.
  Status check_lock() const {
    if (directory_.holds_lock()) return {};
    return Error{Code::store_fenced,
                 "the file 'lock' of '" + directory_.path() +
                     "' was removed or replaced while this host runs, and another host may have started: "
                     "nothing is written to registry.db any more",
                 "Stop this host; start it again if it is the only one.", Blame::world};
  }

  // Whether another host has begun on this directory. Without the lock it can, and then this one must end:
  // its commits are refused, and what it answers is old. Looks now and then, also when there is nothing to
  // do.
  bool is_taken_over(int64_t now, int64_t& sleep) {
    if (now >= look_at_lock_at_) {
      look_at_lock_at_ = now + kLookAtLockEvery_ns;
      const Status lock = check_lock();
      if (!lock && !std::exchange(lock_was_lost_, true))
        log::write(log::Level::error, "host", lock.error().message, {{"error", lock.error().name()}});
      if (!lock && sqlite_ != nullptr) {
        const auto taken_over = sqlite_->taken_over();
        if (taken_over && *taken_over)
          taken_over_ = Error{Code::store_fenced,
                              "another host has taken over '" + directory_.path() +
                                  "', whose file 'lock' was removed while this one ran; it stops",
                              "", Blame::world};
      }
    }
    sleep = std::min(sleep, look_at_lock_at_ - now);
    return taken_over_.has_value();
  }

  // Whoever reads the log later must see that this start was not like others.
  void tell_of_audit() const {
    if (!options_.accept_broken_audit) return;
    for (const std::string& found : registry_->accepted_breaks())
      log::write(log::Level::warn, "registry",
                 "the audit log was changed behind the host's back, and --accept-broken-audit accepts it",
                 {{"found", found}});
    if (registry_->accepted_breaks().empty())
      log::write(log::Level::warn, "registry",
                 "--accept-broken-audit accepts nothing, for the audit log holds: start without it");
  }

  // Any thread, also while the host is being opened.
  void wake() {
    if (serving_.load()) machine_->alarm.wake();
  }

  // Before anything is opened, so that a full disk leaves room for a start.
  void watch_disk() {
    maintenance::DiskOptions options{options_.disk.warn_used, options_.disk.warn_free_bytes, {}};
    if (options_.disk.reserve_bytes > 0) options.reserve_bytes = options_.disk.reserve_bytes;
    const size_t slash = location_.path.rfind('/');
    disk_.emplace(directory_.path(),
                  slash == std::string::npos ? std::string() : location_.path.substr(0, slash), options);
    disk_->begin();
  }

  // Whether starts are taken now, and before it they were not, or the other way round.
  bool look_at_disk(int64_t now) {
    const bool changed = disk_->look(now, [this]() -> uint64_t {
      if (sqlite_ == nullptr) return 0;
      const Result<store::FileUse> file = sqlite_->use();
      return file ? file->free : 0;
    });
    if (!changed) return false;
    const maintenance::DiskState state = disk_->state();
    const bool full = state.room == maintenance::Room::full;
    if (state.room == maintenance::Room::ample)
      log::write(log::Level::info, "disk", "the disk has room again");
    else
      log::write(full ? log::Level::error : log::Level::warn, "disk",
                 full ? "the disk is nearly full, and nothing new is started" : "the disk is filling up",
                 {{"detail", state.detail}});
    // What is in memory needs no disk.
    if (!location_.memory)
      machine_->engine.refuse_starts(full ? "nothing new is started: " + state.detail : "");
    return true;
  }

  Status open_store() {
    std::vector<std::string> warnings;
    PIRN_TRY(store_, store::open_store(location_, &warnings));
    // What lies above the data directory has been reported.
    if (!location_.path.starts_with(directory_.path() + "/"))
      for (const std::string& warning : warnings) log::write(log::Level::warn, "host", warning);
    sqlite_ = dynamic_cast<store::SqliteStore*>(store_.get());
    return {};
  }

  void open_notifier() {
    notify::Notifier::Messengers messengers;
    for (const NotifierOptions& each : options_.notifiers)
      messengers[each.tenant] = each.url.empty() ? notify::command(each.command) : notify::webhook(each.url);
    notifier_ = std::make_unique<notify::Notifier>(std::move(messengers), machine_->engine.inbox(), *store_,
                                                   [this] { return clock_.now(); });
  }
  Status resume_notifier() {
    PIRN_TRY(const std::vector<registry::Tenant> tenants, registry_->tenants());
    std::vector<std::string> names;
    for (const registry::Tenant& tenant : tenants) names.push_back(tenant.name);
    notifier_->resume(names);
    return {};
  }

  // Maintenance by the host's clock. It reads and writes for long, so the pool does it.
  void look_after(int64_t now, int64_t& sleep) {
    // Schedules that waited for room are looked at in a turn of their own.
    if (now >= disk_->next_look_at() && look_at_disk(now)) sleep = 0;
    sleep = std::min(sleep, disk_->next_look_at() - now);
    if (maintenance_->begin_run(now))
      pool_.post({api::Lane::maintenance, {}}, [this, now] {
        maintenance_->run_policy(now);
        machine_->alarm.wake();  // a store that failed is noticed at once
      });
    sleep = std::min(sleep, maintenance_->next_run_at() - now);
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
          events::MeterOptions{each.name, each.events, each.by, each.duration});
      meters_.push_back(meter);
      outlets.push_back({"metric " + each.name, each.tenant, {}, std::move(meter)});
    }
    outlets_ = std::make_unique<events::Outlets>(
        std::move(outlets), [this] { return clock_.now(); },
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
    PIRN_DO(machine_->recover(last));
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
  Clock clock_;
  const int64_t started_at_;
  store::StoreLocation location_;
  // Of the engine's thread:
  int64_t look_at_lock_at_ = 0;
  bool lock_was_lost_ = false;
  std::optional<Error> taken_over_;
  std::atomic<bool> draining_{false}, store_failed_{false}, serving_{false};
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<store::Store> store_;
  store::SqliteStore* sqlite_ = nullptr;  // the same, when it is on disk
  events::Feed feed_;
  std::vector<std::shared_ptr<const events::MeterSink>> meters_;
  std::unique_ptr<events::Outlets> outlets_;
  std::unique_ptr<logbook::Logbook> logbook_;
  std::optional<maintenance::DiskWatch> disk_;
  std::optional<maintenance::Maintenance> maintenance_;
  std::optional<LiveVoice> voice_;
  CommitTail tail_{[this](ExecutionId id, const journal::Origin& origin, uint32_t commit_no,
                          std::string_view body, bool last) {
    feed_.publish_commit(id, commit_no, body, last);
    outlets_->publish_commit(id, origin, commit_no, body);
    notifier_->publish_commit(id, origin.tenant, body);
  }};
  api::Pool pool_;
  api::WrongKeys wrong_keys_{{.free = static_cast<double>(options_.free_wrong_keys)}};
  api::ConnectionTable connections_{
      api::within_descriptors({options_.clients.local_connections, options_.clients.connections,
                               options_.clients.strangers, options_.clients.strangers_of_address})};
  std::optional<api::Services> services_;
  std::unique_ptr<api::Server> server_;
  std::shared_ptr<worker::CrashRecord> crash_record_;  // shared with threads that are stuck
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
size_t Host::calls_left() const { return core_->calls_left(); }

}  // namespace pirn
