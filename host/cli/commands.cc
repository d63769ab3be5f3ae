// The one table of commands.
#include <exception>

#include "host/cli/command.h"
#include "host/cli/verbs.h"

namespace pirn::cli {

namespace {

const Option kOutput = {"-o,--output", "table|json|jsonl|id", "How the result is written"};
const Option kTimeout = {"--timeout", "DURATION",
                         "With --wait and --watch: how long, e.g. 30s; then exit code 8"};
const Option kPassphraseFile = {
    "--passphrase-file", "FILE",
    "Where the passphrase is (-: standard input); else PIRN_KEY_PASSPHRASE, else asked for"};
const Option kWhy = {"--why", "TEXT", "The reason, kept with the deployment"};
const Option kExpires = {"--expires", "DURATION", "How long it is valid, e.g. 90d"};

}  // namespace

std::span<const Option> remote_options() {
  static const Option kRemote[] = {
      {"--data", "DIRECTORY", "Data directory of the host on this machine; else PIRN_DATA, else the default"},
      {"--server", "URL", "Address of a host; else PIRN_SERVER, else the socket in --data"},
      {"--key-file", "FILE", "Where the API key is; else PIRN_KEY_FILE, else PIRN_KEY"},
      {"--tenant", "NAME", "The operator's: for which tenant; else PIRN_TENANT. A key implies its own"},
  };
  return kRemote;
}

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands = {
      {"serve",
       "",
       "Run a host",
       {{"--data", "DIRECTORY", "Where everything is kept; else PIRN_DATA, else the default"},
        {"--config", "FILE", "The configuration (docs/reference/configuration.md); else PIRN_CONFIG"},
        {"--store", "URL",
         "Where executions are kept: sqlite, sqlite://NAME, sqlite:///PATH or memory; PIRN_STORE_URL goes "
         "before it"},
        {"--listen", "ADDR:PORT", "Also TCP, for API keys; port 0: any"},
        {"--allow-host", "NAME", "A further host name that requests over TCP may be for; may be repeated",
         true},
        {"--drain-timeout", "DURATION", "How long running steps may take after SIGTERM (30s)"}},
       serve,
       false,
       "pirn serve --listen 127.0.0.1:8320"},
      {"status", "", "How the host is", {kOutput}, status},

      {"new",
       "NAME [DIRECTORY]",
       "Begin a package: files that build as they are",
       {{"--language", "cpp|c", "The language of the template"}},
       new_package,
       false,
       "pirn new hello"},
      {"pack",
       "[DIRECTORY]",
       "Build a package and write NAME-VERSION.pirn",
       {{"-o,--output", "FILE", "The file to write"},
        {"--library", "FILE", "A library that is built already"},
        {"--signer", "KEY.pub", "A key that must sign; may be repeated", true},
        {"-v,--verbose", "", "Show the build's output"}},
       pack,
       false},
      {"sign",
       "FILE",
       "Sign a package file in place",
       {{"--key", "KEY.pem", "The private key"}, kPassphraseFile},
       sign,
       false},
      {"verify",
       "FILE",
       "Check a package file against keys",
       {{"--trust", "KEY.pub", "A key to trust; may be repeated", true},
        {"--threshold", "N", "How many different keys must have signed (1)"},
        {"--tenant", "NAME", "The tenant that the package must be meant for"}},
       verify,
       false},
      {"inspect", "FILE", "Show what is in a package file", {kOutput}, inspect, false},
      {"unpack", "FILE [DIRECTORY]", "Extract a package file below a new directory", {}, unpack, false},

      {"key generate",
       "NAME",
       "Make a key for signing packages: NAME.pem and NAME.pub",
       {kPassphraseFile},
       key_generate,
       false},
      {"key create",
       "",
       "Make an API key; its token is printed this once",
       {{"--role", "ROLE",
         "operator, tenant-admin, publisher, deployer, runner, approver, viewer, auditor (runner)"},
        {"--label", "TEXT", "What it is for"},
        kExpires,
        kOutput},
       key_create},
      {"key ls", "", "The API keys of the tenant", {kOutput}, key_list},
      {"key revoke", "ID", "Revoke an API key", {kOutput}, key_revoke},

      {"tenant create",
       "NAME",
       "Create a tenant",
       {{"--isolation", "worker|in-process", "Where its code runs; in-process: inside the host, unprotected"},
        {"--signatures", "N", "How many trusted keys must sign an upload (1)"},
        kOutput},
       tenant_create},
      {"tenant ls", "", "All tenants", {kOutput}, tenant_list},

      {"trust add",
       "",
       "Trust a signing key",
       {{"--key", "KEY.pub", "The key: a file, or its text"},
        {"--publisher", "NAME", "Whose key it is, as package.toml says"},
        {"--package", "PATTERN", "The packages that it may sign, e.g. etl-* (*)"},
        {"--role", "sign|countersign", "What its signature counts as (sign)"},
        kExpires,
        kOutput},
       trust_add,
       true,
       "pirn trust add --key acme.pub --publisher acme"},
      {"trust ls", "", "The signing keys that the tenant trusts", {kOutput}, trust_list},
      {"trust revoke",
       "KEY",
       "Trust a signing key no longer; KEY: its id, file or text",
       {{"--reason", "retired|superseded|compromised", "compromised also withdraws what it signed"}, kOutput},
       trust_revoke},

      {"push", "FILE", "Upload a signed package", {kOutput}, push, true, "pirn push hello-0.1.0.pirn"},
      {"package ls", "", "All releases", {kOutput}, package_list},
      {"package show",
       "PACKAGE[@VERSION]",
       "The releases of a package, or one of them",
       {kOutput},
       package_show},

      {"deploy",
       "PACKAGE[@VERSION]",
       "Make a release the active one; running executions stay on theirs",
       {{"--dry-run", "", "Show what would change, and change nothing"}, kWhy, kOutput},
       deploy,
       true,
       "pirn deploy etl@1.4.0 --why 'faster join'"},
      {"rollout history", "PACKAGE", "The deployments of a package", {kOutput}, rollout_history},
      {"rollout undo",
       "PACKAGE",
       "Go back to the release before",
       {{"--to", "REVISION", "Go back to that deployment"}, kWhy, kOutput},
       rollout_undo},

      {"run start",
       "WORKFLOW",
       "Start a workflow: [package::]name",
       {{"--input", "JSON|@FILE|-", "The input, a JSON object"},
        {"--key", "KEY", "Starts once: the same key gives the same run"},
        {"--at", "INSTANT", "Begin then, e.g. 2026-12-24T18:00:00Z; the id is there at once"},
        {"--in", "DURATION", "Begin after this time, e.g. 30m"},
        {"--wait", "", "Wait for the end; exit code 7 if it did not complete"},
        {"--watch", "", "Show how it goes on until the end"},
        kTimeout,
        kOutput},
       run_start,
       true,
       "pirn run start daily --input @in.json --key 2026-01-31 --watch"},
      {"run ls",
       "",
       "Runs, newest first",
       {{"--status", "STATE[,STATE]", "completed, failed, cancelled, running, pending, paused, open, closed"},
        {"--workflow", "NAME", "Of this workflow"},
        {"--package", "NAME", "Of this package"},
        {"--since", "DURATION|TIME", "Created since, e.g. 24h"},
        {"--limit", "N", "At most so many (20)"},
        {"--cursor", "ID", "Only older ones"},
        kOutput},
       run_list},
      {"run show",
       "RUN",
       "One run with its steps; RUN: an id, @latest, @failed, @running, @paused",
       {kOutput},
       run_show},
      {"run watch", "RUN", "Follow a run to its end; Ctrl-C detaches", {kTimeout, kOutput}, run_watch},
      {"run events",
       "RUN",
       "The journal of a run",
       {{"--after", "SEQ", "Only later ones"}, kOutput},
       run_events},
      {"run logs",
       "RUN",
       "What the functions of a run logged",
       {{"-f,--follow", "", "Go on until the run has ended; Ctrl-C detaches"},
        {"--step", "STEP", "Of this step only"},
        {"--attempt", "N", "Of this attempt only"},
        {"--level", "trace|debug|info|warn|error", "At least this level"},
        kOutput},
       run_logs,
       true,
       "pirn run logs @latest -f --step fetch --level warn"},
      {"run cancel",
       "RUN",
       "Cancel a run",
       {{"--reason", "TEXT", "Why"},
        {"--rollback", "", "Roll back the steps that have completed"},
        {"--no-cleanup", "", "Without its on_cancel handler"},
        {"--wait", "", "Wait for the end"},
        kTimeout,
        kOutput},
       run_cancel},
      {"run retry",
       "RUN",
       "Run what did not complete again, as a new run that takes over the rest",
       {{"--on-active", "", "On the active release, not on the one it ran on"},
        {"--wait", "", "Wait for the end; exit code 7 if it did not complete"},
        {"--watch", "", "Show how it goes on until the end"},
        kTimeout,
        kOutput},
       run_retry},
      {"run rerun",
       "RUN",
       "Run a step and all that follows from it again, as a new run",
       {{"--from", "STEP", "The step to begin with"},
        {"--on-active", "", "On the active release, not on the one it ran on"},
        {"--wait", "", "Wait for the end; exit code 7 if it did not complete"},
        {"--watch", "", "Show how it goes on until the end"},
        kTimeout,
        kOutput},
       run_rerun,
       true,
       "pirn run rerun @latest --from transform"},
      {"run pause",
       "RUN",
       "Hold a run: what runs finishes, nothing starts; deadlines hold",
       {{"--reason", "TEXT", "Why"}, kOutput},
       run_pause},
      {"run resume",
       "RUN",
       "End a pause, or answer the steps that await",
       {{"--context", "JSON|@FILE|-",
         "A JSON object: after a pause a patch of the context, else the result of "
         "the steps that are answered"},
        {"--step", "STEP", "Answer this step only"},
        {"--action", "complete|retry|skip|fail",
         "What becomes of a step that awaits an intervention (complete)"},
        kOutput},
       run_resume,
       true,
       "pirn run resume @paused --step review --context '{\"verdict\":\"fine\"}'"},
      {"run approve",
       "RUN",
       "Approve what a step awaits",
       {{"--step", "STEP", "The step that awaits it"}, {"-m,--message", "TEXT", "A comment"}, kOutput},
       run_approve,
       true,
       "pirn run approve @paused --step review -m 'looks right'"},
      {"run reject",
       "RUN",
       "Reject what a step awaits: the step completes with approved = false",
       {{"--step", "STEP", "The step that awaits it"}, {"-m,--message", "TEXT", "A comment"}, kOutput},
       run_reject},
      {"approvals ls",
       "",
       "The steps that await an answer, those of the oldest run first",
       {{"--limit", "N", "At most so many (100)"}, kOutput},
       approvals_list},
      {"run local",
       "WORKFLOW",
       "Run a workflow in this process, without a host (also: pirn run WORKFLOW --local)",
       {{"--package", "FILE|DIRECTORY", "The package; else the one in this directory"},
        {"--input", "JSON|@FILE|-", "The input, a JSON object"},
        {"-q,--quiet", "", "No events on standard error"},
        kOutput},
       run_local,
       false,
       "pirn run greet --local --input '{\"name\":\"Ada\"}'"},

      {"schedule ls",
       "",
       "The schedules of the active workflows, with their next fires",
       {kOutput},
       schedule_list},
      {"schedule next",
       "WORKFLOW",
       "When a schedule fires next",
       {{"--count", "N", "How many fires (5)"}, kOutput},
       schedule_next},
      {"schedule pause",
       "WORKFLOW",
       "Pause a schedule; what falls into the pause does not fire",
       {kOutput},
       schedule_pause},
      {"schedule resume", "WORKFLOW", "Let a paused schedule go on", {kOutput}, schedule_resume},
      {"schedule trigger", "WORKFLOW", "Start what a schedule starts, now", {kOutput}, schedule_trigger},
      {"schedule backfill",
       "WORKFLOW",
       "Start each fire of the past that has started nothing",
       {{"--from", "INSTANT", "The first instant"},
        {"--to", "INSTANT", "The last instant (now)"},
        {"--dry-run", "", "Only show them"},
        kOutput},
       schedule_backfill,
       true,
       "pirn schedule backfill daily --from 2026-01-01T00:00:00Z --dry-run"},
      {"event emit",
       "NAME",
       "Tell of an event: starts every workflow that waits for it",
       {{"--payload", "JSON|@FILE|-", "What it says, a JSON object: the input of what starts"},
        {"--id", "ID", "Your own id of this occurrence: it is taken once"},
        kOutput},
       event_emit,
       true,
       "pirn event emit user.created --payload '{\"name\":\"Ada\"}' --id 4711"},
      {"event ls",
       "",
       "The tenant's own journal: what schedules did, events, dead letters, circuit breakers",
       {{"--after", "SEQ", "Only later ones"}, kOutput},
       event_list},

      {"dlq ls",
       "",
       "Dead letters: what runs that failed for good left behind, the newest failure first",
       {{"--workflow", "NAME", "Of this workflow"},
        {"--package", "NAME", "Of this package"},
        {"--code", "CODE", "Of this error"},
        {"--since", "DURATION|TIME", "Failed since, e.g. 24h"},
        {"--limit", "N", "At most so many (100)"},
        {"--cursor", "CURSOR", "Only older ones"},
        kOutput},
       dlq_list},
      {"dlq show", "LETTER", "One dead letter, with its input and its error", {kOutput}, dlq_show},
      {"dlq retry",
       "[LETTER]",
       "Start a new run with the input of the failed one; the letter is gone then",
       {{"--all", "", "All that fit, the oldest first; those that cannot start stay (exit code 1)"},
        {"--workflow", "NAME", "With --all: of this workflow"},
        {"--package", "NAME", "With --all: of this package"},
        {"--code", "CODE", "With --all: of this error"},
        {"--since", "DURATION|TIME", "With --all: failed since, e.g. 24h"},
        {"--limit", "N", "With --all: at most so many (100)"},
        {"--on-active", "", "On the active release, not on the one it failed on"},
        {"--wait", "", "Wait for the end; exit code 7 if it did not complete"},
        {"--watch", "", "Show how it goes on until the end"},
        kTimeout,
        kOutput},
       dlq_retry,
       true,
       "pirn dlq retry --all --workflow order --code no_carrier --on-active"},
      {"dlq discard", "LETTER", "Give a dead letter up; its run stays", {kOutput}, dlq_discard},
      {"dlq prune",
       "",
       "Give up dead letters by their age",
       {{"--older-than", "DURATION|TIME", "Those that failed longer ago, e.g. 30d"},
        {"--workflow", "NAME", "Of this workflow"},
        {"--package", "NAME", "Of this package"},
        {"--code", "CODE", "Of this error"},
        kOutput},
       dlq_prune,
       true,
       "pirn dlq prune --older-than 30d"},
      {"breaker ls",
       "",
       "The circuit breakers: which are open, since when, and why",
       {kOutput},
       breaker_list},
      {"breaker reset",
       "BREAKER",
       "Close a circuit breaker: steps are called again at once",
       {kOutput},
       breaker_reset},

      {"graph",
       "WORKFLOW",
       "Draw a workflow",
       {{"--package", "FILE", "From a package file, without a host"},
        {"-o,--output", "ascii|table|dot|mermaid|json", "How (ascii)"}},
       graph},
      {"describe",
       "WORKFLOW",
       "A workflow with its steps and their options",
       {{"--package", "FILE", "From a package file, without a host"}, kOutput},
       describe_workflow},

      {"simulate",
       "FILE",
       "Try out what workflows do: the real engine, scripted calls, virtual time "
       "(docs/reference/simulate.md)",
       {},
       simulate,
       false,
       "pirn simulate case.json"},
      {"explain",
       "CODE",
       "What an error means and what to do: PIRN0102 or not_found",
       {kOutput},
       explain,
       false},
      {"version", "", "The version of this program", {}, version, false},
  };
  return kCommands;
}

Outcome run(const Command& command, const Arguments& arguments) {
  if (!command.remote) return command.run(arguments);
  try {
    return command.run(arguments);
  } catch (const std::exception& error) {  // of Boost.JSON, for a member that is absent or of another type
    return Error{Code::bad_answer,
                 "the answer of the host is not the API's: " + std::string(error.what()),
                 {},
                 Blame::world};
  }
}

std::string_view exit_codes() {
  return "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 authentication, 5 refused,\n"
         "6 unreachable, 7 the awaited run failed, 8 the wait timed out, 130 detached by Ctrl-C.\n";
}

std::string reference() {
  std::string out =
      "# Command line\n\n"
      "Made from the table in `host/cli/commands.cc`; a test compares the two. Data goes to standard output, "
      "everything\n"
      "else to standard error. " +
      std::string(exit_codes());
  const auto append = [&](const Option& option) {
    std::string names(option.name);
    if (const size_t comma = names.find(','); comma != std::string::npos) names.replace(comma, 1, ", ");
    out += "| `" + names + (option.value.empty() ? "" : " ");
    for (const char c : option.value) out += c == '|' ? std::string("\\|") : std::string(1, c);
    out += "` | " + std::string(option.help) + " |\n";
  };
  for (const Command& command : commands()) {
    out += "\n## `pirn " + std::string(command.path) +
           (command.arguments.empty() ? "" : " " + std::string(command.arguments)) + "`\n\n" +
           std::string(command.summary) + (command.remote ? ". Talks to a host.\n" : ".\n");
    if (!command.options.empty()) {
      out += "\n| option | |\n|---|---|\n";
      for (const Option& option : command.options) append(option);
    }
    if (!command.example.empty()) out += "\n    " + std::string(command.example) + "\n";
  }
  out += "\n## Options of every command that talks to a host\n\n| option | |\n|---|---|\n";
  for (const Option& option : remote_options()) append(option);
  return out;
}

}  // namespace pirn::cli
