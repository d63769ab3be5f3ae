// The commands that have a host in their own process: `serve`, and `run W --local`.
#include <unistd.h>

#include <boost/json.hpp>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <thread>
#include <utility>

#include "host/cli/client.h"
#include "host/cli/configuration.h"
#include "host/cli/input.h"
#include "host/cli/install.h"
#include "host/cli/own_output.h"
#include "host/cli/terminal.h"
#include "host/cli/verbs.h"
#include "host/cli/watch.h"
#include "host/host.h"
#include "packager/definition/definition.h"
#include "packager/file/descriptor.h"
#include "packager/json/json.h"
#include "packager/pack/pack.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;

// The first SIGTERM or SIGINT drains the host, the second ends the process at once. The signals are blocked
// in every thread and taken by this one, so that no code runs inside a handler.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is a write that fails, and the store says so
  }
  ~Signals() { end(); }
  void deliver_to(Host& host, int64_t drain_timeout_ns) {
    thread_ = std::thread([this, &host, drain_timeout_ns] {
      for (bool draining = false;; draining = true) {
        int signal = 0;
        sigwait(&set_, &signal);
        if (signal == SIGUSR1) return;
        if (draining) {
          host.end_at_once();
          _exit(128 + signal);
        }
        host.drain();
        say("stopping: waiting up to " + definition::print_duration(drain_timeout_ns) +
            " for running steps; a second signal ends the host at once");
      }
    });
  }
  // Before the host is destroyed.
  void end() {
    if (!thread_.joinable()) return;
    pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_.join();
  }

 private:
  sigset_t set_{};
  std::thread thread_;
};

// The package to run: --package FILE or DIRECTORY, or the package whose directory this is.
Result<std::string> local_package(const Arguments& arguments) {
  const std::string named = arguments.get("package", ".");
  if (named.ends_with(".pirn")) return read_file(named);
  char file[] = "/tmp/pirn-local-XXXXXX.pirn";
  if (!file::FileDescriptor(mkstemps(file, 5)))
    return Error{Code::io_failed, "cannot create a file in /tmp", {}, Blame::world};
  pack::PackOptions options;
  options.directory = named;
  options.output = file;
  options.sdk_prefix = sdk_prefix();
  options.probe_program = probe_program();
  note("building " + printable(named));
  const auto packed = pack::pack(options);
  Result<std::string> bytes = packed ? read_file(file) : Result<std::string>(packed.error());
  unlink(file);
  return bytes;
}

// --config, else PIRN_CONFIG; empty: none.
std::string configuration_file(const Arguments& arguments) {
  const char* environment = std::getenv("PIRN_CONFIG");
  return arguments.get("config", environment == nullptr ? "" : environment);
}

Result<uint64_t> bytes_of(const Arguments& arguments, std::string_view option) {
  const Result<uint64_t> bytes = parse_bytes(arguments.get(option));
  if (bytes && *bytes > 0) return bytes;
  return Error{Code::usage, "--" + std::string(option) + " needs a number of bytes from 1, such as 256MiB",
               "Units are KiB, MiB, GiB and TiB."};
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address.starts_with("[::1]:");
}

}  // namespace

Outcome serve(const Arguments& arguments) {
  HostOptions options;
  if (const std::string file = configuration_file(arguments); !file.empty()) {
    PIRN_TRY(const std::string text, read_file(file));
    PIRN_DO(read_configuration(text, file, options));
  }
  options.data_directory = data_directory(arguments);
  if (arguments.has("listen")) options.listen = arguments.get("listen");
  if (arguments.has("allow-host")) options.allow_hosts = arguments.all("allow-host");
  options.probe_program = probe_program();
  options.accept_broken_audit = arguments.has("accept-broken-audit");
  options.init = arguments.has("init");
  if (arguments.has("store")) options.store = arguments.get("store");
  for (const std::string& resource : arguments.all("resource")) options.resources.push_back(resource);
  if (arguments.has("drain-timeout")) {
    PIRN_TRY(options.drain_timeout_ns, duration_of(arguments, "drain-timeout"));
  }
  if (arguments.has("disk-warn-used")) {
    PIRN_TRY(const int64_t percent, number_of(arguments, "disk-warn-used"));
    if (percent > 100) return Error{Code::usage, "--disk-warn-used is a percentage, from 1 to 100"};
    options.disk.warn_used = static_cast<double>(percent) / 100;
  }
  if (arguments.has("disk-warn-free")) {
    PIRN_TRY(options.disk.warn_free_bytes, bytes_of(arguments, "disk-warn-free"));
  }
  if (arguments.has("disk-reserve")) {
    PIRN_TRY(options.disk.reserve_bytes, bytes_of(arguments, "disk-reserve"));
  }

  Signals signals;
  Result<std::unique_ptr<Host>> opened = Host::open(options);
  if (!opened) {
    flush_log();
    return opened.error();
  }
  std::unique_ptr<Host> host = std::move(*opened);
  say("pirn " + std::string(host_version()) + " serves " + host->data_directory());
  say("  operator  " + host->socket_path());
  if (!host->tcp_address().empty()) say("  tcp       http://" + host->tcp_address() + "  (API keys)");
  if (!host->tcp_address().empty() && !is_loopback(host->tcp_address())) {
    say("WARNING: other machines can reach " + host->tcp_address() +
        ", and the connection is not encrypted:");
    say("         anybody on the network path can read API keys and packages. Put a TLS proxy in front of "
        "it.");
    if (options.allow_hosts.empty())
      say("         Requests for other host names than this address are refused: see --allow-host NAME.");
  }
  if (host->store() == "memory") say("  store     memory: executions end with this process");
  signals.deliver_to(*host, options.drain_timeout_ns);
  const Status ended = host->run();
  const bool calls_left = host->calls_left() != 0;
  signals.end();
  if (ended && !calls_left) {
    host.reset();
    flush_log();
    return 0;
  }
  // The functions of packages that still run cannot be stopped: the process ends around them, and what they
  // were doing is done again after the next start.
  const int code = ended ? 0 : catalogue_entry(ended.error().code).exit_code;
  if (!ended) say(describe(ended.error()));
  flush_log();
  _exit(code);
}

Outcome run_local(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  LocalRun run;
  PIRN_TRY(run.input, read_input(arguments, "input"));
  PIRN_TRY(run.package, local_package(arguments));
  for (const std::string& file : arguments.all("with")) {
    PIRN_TRY(std::string other, read_file(file));
    run.with.push_back(std::move(other));
  }
  run.workflow = arguments.get("workflow");
  run.probe_program = probe_program();
  run.resources = arguments.all("resource");
  run.strategy = arguments.get("strategy");
  const auto display = format == Format::jsonl  ? show_jsonl()
                       : arguments.has("quiet") ? show_nothing()
                                                : show_lines();
  bool told = false;
  run.on_event = [&](std::string_view name, std::string_view data) {
    const SpeaksFor command(Speaker::command);  // also on a thread that is within a function of the package
    display->event(ServerEvent{"", std::string(name), std::string(data)});
    if (name != "workflow.pause" || std::exchange(told, true)) return;
    note("a step waits for an answer, but a local run cannot receive one: Ctrl-C cancels the run");
    note(
        "  hint: Answers can be given to a host (pirn run resume), in a case of pirn simulate, and in "
        "tests.");
  };
  is_coloured();  // asks once, and must ask before descriptor 1 is standard error
  keep_output_apart();
  catch_interrupts();
  run.interrupted = interrupted;
  const auto conclude = [&](const std::string& text) {
    const bj::value execution = *parse_own_json(text, "an execution", {});
    if (format != Format::jsonl) print_execution(execution.as_object(), format);
    return exit_code_of(execution.as_object());
  };
  run.on_calls_left = [&](const std::string& text) {
    const SpeaksFor command(Speaker::command);
    const int code = conclude(text);
    std::cout.flush();
    std::cerr.flush();
    _exit(code);
  };
  const auto text = [&] {
    const SpeaksFor packages(Speaker::package);
    return pirn::run_local(run);
  }();
  if (!text) return text.error();
  return conclude(*text);
}

}  // namespace pirn::cli
