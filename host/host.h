// A whole host in this process. host.cc is the composition root: the only file that sees every layer. What
// the command line may know of it is here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "packager/error/error.h"

namespace pirn::events {
class Sink;
}

namespace pirn {

// $XDG_STATE_HOME/pirn or ~/.local/state/pirn; for root /var/lib/pirn.
std::string default_data_directory();
std::string_view host_version();

// A line for people on standard error, in its place among those of the host's log: it never blocks, and is
// lost when nobody reads. Any thread. Before Host::open() it is written at once.
void say(std::string_view line);
// Before the process ends: waits until the lines are written, a second at most.
void flush_log();

// invalid_argument: no event of executions is called so ("step.*", "workflow.stop", "end").
Status check_event_wish(const std::string& wish);

// Where the events of executions go beside the journal.
struct SinkOptions {
  enum class Kind : uint8_t { standard_output, json_lines, given };
  std::string name;                 // shown to the operator
  std::string tenant;               // empty: every tenant's events
  std::vector<std::string> events;  // "step.*", "workflow.stop", "node", "chunk", "end"; empty: all
  Kind kind = Kind::given;
  std::string path;  // of json_lines
  std::shared_ptr<events::Sink>
      sink;  // of given: a program that embeds the host makes it (host/events/sink.h)
};

// Who is told that a step waits for a person: one of both for a tenant.
struct NotifierOptions {
  std::string tenant;                // empty: all that have none of their own
  std::string url;                   // a webhook
  std::vector<std::string> command;  // or a program and its arguments
};

// What is counted of chosen events, and shown at /metrics.
struct MetricOptions {
  std::string name;                 // [a-z][a-z0-9_]*
  std::string tenant;               // empty: every tenant's events
  std::vector<std::string> events;  // as of sinks
  std::vector<std::string> by;      // tenant, workflow, step, event, state
  bool duration = false;            // also the sum of the events' durations
};

// When a nearly full disk is announced, and what is kept back for what runs.
struct DiskLimits {
  double warn_used = 0.9;              // share of the file system; and
  uint64_t warn_free_bytes = 1 << 30;  // what is left: the host warns at either
  // Below it no new work is taken. 0: 5 % of the file system, from 16 to 256 MiB.
  uint64_t reserve_bytes = 0;
};

// Which ended executions are removed by themselves, with all that is known of them. At least one bound.
struct RetentionRule {
  std::string tenant, package, workflow;  // empty: any
  int64_t older_than_ns = 0;              // since their end; 0: no matter how long ago
  uint64_t keep_last = 0;                 // so many of each workflow stay
};

// What clients of the API may take. Durations are positive, counts at least 1.
struct ClientOptions {
  int64_t header_ms = 15'000;    // from the first byte of a request to the end of its header
  int64_t idle_ms = 60'000;      // between two requests of one connection
  int64_t transfer_ms = 30'000;  // how long a body or an answer may fall behind min_rate
  int64_t stranger_ms = 10'000;  // for header and idle, of TCP connections that have not authenticated
  uint64_t min_rate = 64 << 10;  // bytes a second of a body, and of an answer
  uint64_t body_bytes =
      1 << 30;  // of all bodies of requests and answers under way; one caller may hold half of them
  size_t local_connections = 4'096;   // of the Unix socket
  size_t connections = 16'384;        // of TCP, with those that have not authenticated
  size_t strangers = 2'048;           // of TCP that have not authenticated
  size_t strangers_of_address = 256;  // of those, from one IPv4 address or one /64 network of IPv6
};

// How much of what functions log and stream is kept. Beyond each limit the oldest entries are dropped and
// counted.
struct LogbookOptions {
  uint64_t execution_entries = 10'000;  // lines of log and chunks of streams of one execution
  uint64_t execution_bytes = 4 << 20;   // of one execution
  uint64_t total_bytes = 1 << 30;       // of all executions
};

struct HostOptions {
  std::string data_directory;  // made (0700) when it is not there, and locked
  // Where executions are kept: sqlite, sqlite://NAME, sqlite:///PATH, memory (they end with the process;
  // tenants and packages stay in the data directory). PIRN_STORE_URL in the environment goes before it,
  // PIRN_DB_NAME stands in for it when it is empty.
  std::string store;
  std::string listen;                    // "ADDR:PORT" for TCP with API keys; empty: only the Unix socket
  std::vector<std::string> allow_hosts;  // further names that requests over TCP may be for
  int64_t drain_timeout_ns = 30'000'000'000;
  ClientOptions clients;
  LogbookOptions logbook;
  // How many wrong API keys an address may present before its requests are held back; one comes back every 6
  // s.
  uint32_t free_wrong_keys = 10;
  std::string probe_program;  // pirn-probe
  // Start although the audit log was changed behind the host's back; a record of it says what was found.
  bool accept_broken_audit = false;
  // Begin a new database where one is missing or empty beside the others; else the start is refused.
  bool init = false;
  std::vector<SinkOptions> sinks;
  std::vector<NotifierOptions> notifiers;
  std::vector<MetricOptions> metrics;
  std::vector<RetentionRule> retention;
  bool measure_cpu = false;  // the processor time of each call: two calls of the system more
  int64_t retention_every_ns = 3'600'000'000'000;
  // What is older goes from the tenants' own journals when the rules are applied; 0: nothing.
  int64_t tenant_journal_ns = 0;
  // How long the ids of events are remembered at least; 0: 30 days.
  int64_t event_window_ns = 0;
  DiskLimits disk;
  // What steps may ask for beside this machine's cores and memory, "NAME=AMOUNT"; of one name the last holds,
  // cpu and memory correct what was found.
  std::vector<std::string> resources;
};

// Follows the audit log of a data directory that no host uses; changes nothing. The report as the API shows
// it (JSON). Errors: data_directory_unsafe, store_locked, registry_failed, pepper_lost.
Result<std::string> verify_audit_of(const std::string& data_directory);

// Removes ended executions, as POST /v1/store/prune does, from a data directory that no host uses. The answer
// as the API shows it (JSON). Errors: as of verify_audit_of, of the store, and backup_incomplete.
struct PruneOrder {
  RetentionRule rule;
  bool dry_run = false, compact = false;
};
Result<std::string> prune_data_of(const std::string& data_directory, const PruneOrder& order);

// Looks at everything in a data directory that no host uses, as GET /v1/store/verification does; changes
// nothing.
Result<std::string> verify_data_of(const std::string& data_directory);

class Host {
 public:
  // Opens the data directory, recovers what was under way, listens. Nothing runs before run(). Errors: those
  // of the data directory, the registry, the store, and listen_failed.
  static Result<std::unique_ptr<Host>> open(HostOptions options);
  ~Host();

  const std::string& data_directory() const;
  std::string store() const;  // the file, or "memory"
  std::string socket_path() const;
  std::string tcp_address() const;  // empty without TCP

  // The engine's loop, on this thread, until drain() has led to its end. An error: the store failed, nothing
  // of the last turn was acknowledged, and the process must end.
  Status run();

  // Any thread. Readiness flips, nothing new is admitted, running steps get drain_timeout; the rest is left
  // to the recovery of the next start.
  void drain();

  // The process is about to end at once and on purpose: the functions that run are not to blame for it. Any
  // thread.
  void end_at_once();

  // After run(): functions that still run on threads of this process, of running steps and of calls that were
  // given up. Their threads cannot be ended, so the process must end without destroying what they use.
  size_t calls_left() const;

 private:
  class Core;
  explicit Host(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

// One execution of a package's workflow in memory, by the same engine: no server, no data directory, and the
// code is trusted, as that of a program that one starts oneself.
struct LocalRun {
  std::string package;            // bytes of a .pirn file; signed or not
  std::vector<std::string> with;  // the same of packages that it requires
  std::string workflow;
  std::string input;     // JSON object
  std::string strategy;  // empty: the workflow's
  std::string probe_program;
  std::vector<std::string> resources;  // as of HostOptions
  // Each event of the journal and each live message, as the stream of the API has them.
  std::function<void(std::string_view name, std::string_view data)> on_event;
  std::function<bool()> interrupted;  // asked now and then; true: cancels the execution
  // Called with the execution in the end when functions that it went on without still run: their threads
  // cannot be ended, so the process must end in this call, around what they use.
  std::function<void(const std::string& execution)> on_calls_left;
};
// The execution in the end, as the API shows it (JSON).
Result<std::string> run_local(const LocalRun& run);

}  // namespace pirn
