// The composition root: the only file that sees every layer, and that says who owns whom. Threads: the
// engine's loop (the one that calls run()), the network thread (api::Server), the pool of what may block
// (api::RequestPool), and those of the runner.
#include "host/host.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "host/api/connection_table.h"
#include "host/api/request_pool.h"
#include "host/api/server.h"
#include "host/api/wrong_keys.h"
#include "host/environment.h"
#include "host/events/event_text.h"
#include "host/events/feed.h"
#include "host/housekeeping.h"
#include "host/journal/context_shuffle.h"
#include "host/listeners.h"
#include "host/lock_watch.h"
#include "host/log/log.h"
#include "host/logbook/logbook.h"
#include "host/machine.h"
#include "host/maintenance/backup.h"
#include "host/maintenance/parts.h"
#include "host/running_status.h"
#include "host/start_log.h"
#include "host/store/data_directory.h"
#include "host/store/location.h"
#include "host/store/sqlite_store.h"
#include "host/worker/crash_record.h"
#include "packager/archive/verify.h"
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

}  // namespace

void say(std::string_view line) { log::say(line); }
void flush_log() { log::flush(); }

// ---- the host ----

class Host::Core {
 public:
  Core(HostOptions options, store::DataDirectory directory)
      : options_(std::move(options)), directory_(std::move(directory)), started_at_(clock_.now()) {}

  ~Core() {
    if (server_) server_->stop();
    pool_.stop();
  }

  Status open() {
    PIRN_TRY(const engine::Capacity capacity, capacity_of(options_.resources));
    PIRN_TRY(location_, store::resolve_store_url(
                            {environment("PIRN_STORE_URL"), options_.store, environment("PIRN_DB_NAME")},
                            directory_.path()));
    // Before anything is opened, so that a full disk leaves room for a start.
    disk_.emplace(directory_.path(), location_.directory(), disk_options_of(options_.disk));
    disk_->begin();
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
                                                  .may_write = [this] { return lock_.check(); }}));
    if (options_.accept_broken_audit) log_accepted_audit(*registry_);
    log_damaged(*registry_);
    PIRN_DO(open_store());
    PIRN_TRY(outlets_, open_outlets(options_, [this] { return clock_.now(); }));
    PIRN_DO(open_logbook());
    maintenance_.emplace(*store_.store, store_.file, store_.memory, *logbook_, *disk_, directory_.path(),
                         policy_of(options_));
    voice_.emplace(
        logbook_.get(), [this](ExecutionId id) { return feed_.watched(id); },
        [this](const worker::Frame& frame, std::string_view name, std::string data, uint64_t line) {
          outlets_.all->publish_live(
              {frame.execution, frame.release->tenant, frame.release->package, std::string(frame.workflow)},
              name, data);
          feed_.publish_live(frame.execution, name, std::move(data), line);
        },
        clock_);
    // Of what a store in memory holds there is no next life that could be told of crashes.
    PIRN_TRY(crash_record_,
             worker::CrashRecord::open(location_.memory ? std::string() : directory_.file("crashes")));
    machine_.emplace(*store_.store, *registry_, *voice_, tail_, capacity, crash_record_, !location_.memory,
                     clock_, options_.measure_cpu);
    // Replies of the engine name the notifier.
    notifier_ =
        std::make_unique<notify::Notifier>(make_messengers(options_.notifiers), machine_->engine.inbox(),
                                           *store_.store, [this] { return clock_.now(); });
    housekeeping_.emplace(*disk_, *maintenance_, store_.file, machine_->engine,
                          [this](std::function<void()> work) {
                            pool_.post({api::Lane::maintenance, {}}, [this, work = std::move(work)] {
                              work();
                              machine_->alarm.wake();  // a store that failed is noticed at once
                            });
                          });
    PIRN_DO(recover());
    status_.emplace(flags_, directory_, location_, *registry_, *machine_, *crash_record_, started_at_);
    services_.emplace(api::Services{*registry_, *store_.store, *logbook_, *maintenance_,
                                    machine_->engine.inbox(), feed_, *outlets_.all, outlets_.meters,
                                    *notifier_, *status_, clock_,
                                    make_probe(*registry_, options_.probe_program, capacity), wrong_keys_,
                                    connections_, pool_, capacity});
    PIRN_TRY(server_, api::Server::start(*services_, server_options()));
    serving_ = true;
    log::write(log::Level::info, "host", "serving",
               {{"data", directory_.path()},
                {"tcp", server_->address()},
                {"epoch", std::to_string(store_.store->epoch())},
                {"version", PIRN_VERSION}});
    return {};
  }

  Status run() {
    int64_t drain_until = 0;
    Status status = machine_->run([&](const engine::Turn& turn, int64_t now, int64_t& sleep) {
      // What the registry has promised since is not on the disk: the next start reads what is.
      if (!registry_->healthy()) return true;
      if (lock_.is_taken_over(store_.file, now, sleep)) return true;
      if (!flags_.draining.load()) {
        housekeeping_->look_after(now, sleep);
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
    flags_.store_failed = !status;
    if (status && !registry_->healthy())
      status = Error{Code::registry_failed, "registry.db: a commit could not be made durable; the host stops",
                     "", Blame::world};
    if (status && lock_.taken_over()) status = *lock_.taken_over();
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
    flags_.draining = true;
    machine_->alarm.wake();
  }

  void end_at_once() { crash_record_->end_life(); }

  std::string socket_path() const { return directory_.file("pirn.sock"); }
  std::string tcp_address() const { return server_->address(); }
  std::string store() const { return location_.memory ? "memory" : location_.path; }
  const std::string& path() const { return directory_.path(); }
  size_t calls_left() const { return machine_->engine.running_steps() + machine_->runner.stuck_calls(); }

 private:
  // Any thread, also while the host is being opened.
  void wake() {
    if (serving_.load()) machine_->alarm.wake();
  }

  Status open_store() {
    std::vector<std::string> warnings;
    PIRN_TRY(store_, store::open_store(location_, &warnings));
    // What lies above the data directory has been reported.
    if (!location_.path.starts_with(directory_.path() + "/"))
      for (const std::string& warning : warnings) log::write(log::Level::warn, "host", warning);
    return {};
  }

  Status open_logbook() {
    std::string moved_to;
    PIRN_TRY(logbook_, logbook::Logbook::open(location_.memory ? ":memory:" : directory_.file("logbook.db"),
                                              {.lines_of_execution = options_.logbook.execution_entries,
                                               .bytes_of_execution = options_.logbook.execution_bytes,
                                               .bytes = options_.logbook.total_bytes},
                                              &moved_to));
    if (!moved_to.empty())
      log::write(log::Level::warn, "logbook",
                 "logbook.db could not be used and has been moved away; a new one is begun",
                 {{"moved_to", moved_to}});
    return {};
  }

  Status recover() {
    const worker::LastLife& last = crash_record_->last_life();
    PIRN_DO(machine_->recover(last));
    crash_record_->begin_life();
    log_last_life(last, machine_->engine);
    log_damaged(machine_->engine);
    PIRN_TRY(const std::vector<registry::Tenant> tenants, registry_->tenants());
    std::vector<std::string> names;
    for (const registry::Tenant& tenant : tenants) names.push_back(tenant.name);
    notifier_->resume(names);
    housekeeping_->look_at_disk(clock_.now());
    return {};
  }

  api::ServerOptions server_options() const {
    using std::chrono::milliseconds;
    const ClientOptions& clients = options_.clients;
    api::ServerOptions server;
    server.socket_path = socket_path();
    server.listen = options_.listen;
    server.allow_hosts = options_.allow_hosts;
    server.timeouts = {milliseconds(clients.header_ms), milliseconds(clients.idle_ms),
                       milliseconds(clients.transfer_ms), milliseconds(clients.stranger_ms),
                       clients.min_rate};
    server.max_body_bytes = clients.body_bytes;
    server.note = [](const std::string& what) { log::write(log::Level::warn, "api", what); };
    return server;
  }

  // In the order in which what stands later uses what stands earlier. The server outlives the machine, whose
  // inbox may hold answers to its connections, and the pool both.
  const HostOptions options_;
  store::DataDirectory directory_;
  Clock clock_;
  const int64_t started_at_;
  store::StoreLocation location_;
  LockWatch lock_{directory_};
  HostFlags flags_;
  std::atomic<bool> serving_{false};
  std::unique_ptr<registry::Registry> registry_;
  store::OpenedStore store_;
  events::Feed feed_;
  Outlets outlets_;
  std::unique_ptr<logbook::Logbook> logbook_;
  std::optional<maintenance::DiskWatch> disk_;
  std::optional<maintenance::Maintenance> maintenance_;
  std::optional<LiveVoice> voice_;
  CommitTail tail_{[this](ExecutionId id, const journal::Origin& origin, uint32_t commit_no,
                          std::string_view body, bool last) {
    feed_.publish_commit(id, commit_no, body, last);
    outlets_.all->publish_commit(id, origin, commit_no, body);
    notifier_->publish_commit(id, origin.tenant, body);
  }};
  api::RequestPool pool_;
  api::WrongKeys wrong_keys_{{.free = static_cast<double>(options_.free_wrong_keys)}};
  api::ConnectionTable connections_{
      api::within_descriptors({options_.clients.local_connections, options_.clients.connections,
                               options_.clients.strangers, options_.clients.strangers_of_address})};
  std::optional<RunningStatus> status_;
  std::optional<api::Services> services_;
  std::unique_ptr<api::Server> server_;
  std::shared_ptr<worker::CrashRecord> crash_record_;  // shared with threads that are stuck
  std::optional<Machine> machine_;
  // Before the machine, to which it speaks; replies of the engine name it, so the run has to be over.
  std::unique_ptr<notify::Notifier> notifier_;
  std::optional<Housekeeping> housekeeping_;
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
