#include "host/cli/configuration.h"

#include <gtest/gtest.h>

namespace pirn::cli {
namespace {

HostOptions read(std::string_view text) {
  HostOptions options;
  const Status status = read_configuration(text, "pirn.toml", options);
  EXPECT_TRUE(status) << describe(status.error());
  return options;
}

// The problems, one line each: "line: message (hint)".
std::string problems(std::string_view text) {
  HostOptions options;
  const Status status = read_configuration(text, "pirn.toml", options);
  if (status) return "none";
  EXPECT_EQ(status.error().code, Code::config_invalid);
  std::string all;
  for (const Error& each : status.error().causes)
    all += std::to_string(each.where.line) + ": " + each.message +
           (each.hint.empty() ? "" : " (" + each.hint + ")") + "\n";
  return all;
}

TEST(Configuration, SaysWhatTheHostIsLike) {
  const HostOptions options = read(
      "listen = \"127.0.0.1:1\"\nallow_hosts = [\"a\", \"b\"]\nstore = \"sqlite://x.db\"\ndrain_timeout = "
      "\"5m\"\n");
  EXPECT_EQ(options.listen, "127.0.0.1:1");
  EXPECT_EQ(options.allow_hosts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(options.store, "sqlite://x.db");
  EXPECT_EQ(options.drain_timeout_ns, 300'000'000'000);
}

TEST(Configuration, LimitsClients) {
  const HostOptions options = read(
      "[clients]\nheader_timeout = \"1s\"\nidle_timeout = \"2s\"\ntransfer_timeout = \"3s\"\n"
      "stranger_timeout = \"4s\"\nmin_rate = 5\nbody_bytes = 2097152\nlocal_connections = 7\n"
      "connections = 8\nstrangers = 3\nstrangers_of_address = 2\n");
  EXPECT_EQ(options.clients.header_ms, 1000);
  EXPECT_EQ(options.clients.idle_ms, 2000);
  EXPECT_EQ(options.clients.transfer_ms, 3000);
  EXPECT_EQ(options.clients.stranger_ms, 4000);
  EXPECT_EQ(options.clients.min_rate, 5u);
  EXPECT_EQ(options.clients.body_bytes, 2u << 20);
  EXPECT_EQ(options.clients.local_connections, 7u);
  EXPECT_EQ(options.clients.connections, 8u);
  EXPECT_EQ(options.clients.strangers, 3u);
  EXPECT_EQ(options.clients.strangers_of_address, 2u);
  EXPECT_EQ(problems("[clients]\nmin_rate = 0\nidle_timeout = \"25h\"\nstranger = 1\n"),
            "4: unknown key 'stranger' in [clients] (Did you mean 'strangers'?)\n"
            "3: 'idle_timeout' must be from 1ms to 24h\n"
            "2: 'min_rate' is 0; it must be from 1 to 1099511627776\n");
  EXPECT_EQ(problems("clients = 7\n"), "1: 'clients' must be a table (Start it with a line [clients].)\n");
}

TEST(Configuration, LimitsTheLogbook) {
  const HostOptions options =
      read("[logbook]\nexecution_entries = 5\nexecution_bytes = 2048\ntotal_bytes = 2097152\n");
  EXPECT_EQ(options.logbook.execution_entries, 5u);
  EXPECT_EQ(options.logbook.execution_bytes, 2048u);
  EXPECT_EQ(options.logbook.total_bytes, 2u << 20);
  EXPECT_EQ(read("").logbook.execution_entries, 10'000u);
  EXPECT_EQ(problems("[logbook]\ntotal_bytes = 7\nbytes = 1\n"),
            "3: unknown key 'bytes' in [logbook]\n"
            "2: 'total_bytes' is 7; it must be from 1048576 to 1099511627776\n");
  EXPECT_EQ(problems("logbook = 7\n"), "1: 'logbook' must be a table (Start it with a line [logbook].)\n");
}

TEST(Configuration, MakesSinks) {
  const HostOptions options = read(
      "[[sink]]\nname = \"a\"\nkind = \"jsonl\"\npath = \"/x\"\ntenant = \"acme\"\nevents = [\"step.*\"]\n"
      "[[sink]]\nname = \"b\"\nkind = \"stdout\"\n");
  ASSERT_EQ(options.sinks.size(), 2u);
  EXPECT_EQ(options.sinks[0].kind, SinkOptions::Kind::json_lines);
  EXPECT_EQ(options.sinks[0].path, "/x");
  EXPECT_EQ(options.sinks[0].tenant, "acme");
  EXPECT_EQ(options.sinks[0].events, std::vector<std::string>{"step.*"});
  EXPECT_EQ(options.sinks[1].kind, SinkOptions::Kind::standard_output);
  EXPECT_EQ(problems("[[sink]]\nname = \"a\"\nkind = \"jsonl\"\n"), "1: a sink of kind jsonl needs 'path'\n");
  EXPECT_EQ(problems("[[sink]]\nkind = \"paper\"\ntenant = \"A B\"\n"),
            "1: a sink needs 'name'\n3: 'A B' is not a valid name of a tenant\n"
            "2: unknown kind of sink 'paper' (The kinds are stdout and jsonl.)\n");
  EXPECT_EQ(
      problems(
          "[[sink]]\nname = \"a\"\nkind = \"stdout\"\nevents = [\"*\", \"workflow.stopp\", \"stp.*\"]\n"),
      "4: there is no event 'workflow.stopp' (Did you mean 'workflow.stop'?)\n"
      "4: there is no event 'stp.*' (docs/semantics.md lists them (2.9).)\n");
  EXPECT_EQ(problems("sink = 7\n"),
            "1: 'sink' must be a list of tables (Start each with a line [[sink]].)\n");
}

TEST(Configuration, SaysWhatIsKeptAndWhoIsTold) {
  const HostOptions options = read(
      "measure_cpu = true\n[retention]\nevery = \"10m\"\n[[retention.rule]]\ntenant = \"acme\"\nolder_than = "
      "\"30d\"\n"
      "keep_last = 100\n[[notifier]]\nwebhook = \"https://x.org/\"\n[[notifier]]\ntenant = \"acme\"\ncommand "
      "= [\"a\", "
      "\"b\"]\n[[metric]]\nname = \"steps\"\nevents = [\"step.stop\"]\nby = [\"step\"]\nduration = true\n");
  EXPECT_TRUE(options.measure_cpu);
  EXPECT_EQ(options.retention_every_ns, 600'000'000'000);
  ASSERT_EQ(options.retention.size(), 1u);
  EXPECT_EQ(options.retention[0].tenant, "acme");
  EXPECT_EQ(options.retention[0].older_than_ns, int64_t{30} * 86'400'000'000'000);
  EXPECT_EQ(options.retention[0].keep_last, 100u);
  ASSERT_EQ(options.notifiers.size(), 2u);
  EXPECT_EQ(options.notifiers[0].url, "https://x.org/");
  EXPECT_EQ(options.notifiers[1].command, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(options.metrics.size(), 1u);
  EXPECT_TRUE(options.metrics[0].duration);
  EXPECT_NE(problems("[[retention.rule]]\ntenant = \"acme\"\n").find("'older_than' or 'keep_last'"),
            std::string::npos);
  EXPECT_NE(problems("[[notifier]]\nwebhook = \"ftp://x\"\n").find("http"), std::string::npos);
  EXPECT_NE(problems("[[notifier]]\n").find("either"), std::string::npos);
  EXPECT_NE(problems("[[notifier]]\ncommand=[\"a\"]\n[[notifier]]\ncommand=[\"b\"]\n").find("already"),
            std::string::npos);
  EXPECT_NE(problems("[[metric]]\nname = \"A\"\nby = [\"colour\"]\n").find("colour"), std::string::npos);
}

TEST(Configuration, SaysWhenADiskIsFull) {
  const HostOptions options = read(
      "[disk]\nwarn_used_percent = 75\nwarn_free = \"20GiB\"\nreserve = \"1048576\"\n[retention]\n"
      "tenant_journal = \"90d\"\nevent_ids = \"7d\"\n");
  EXPECT_DOUBLE_EQ(options.disk.warn_used, 0.75);
  EXPECT_EQ(options.disk.warn_free_bytes, uint64_t{20} << 30);
  EXPECT_EQ(options.disk.reserve_bytes, 1u << 20);
  EXPECT_EQ(options.tenant_journal_ns, int64_t{90} * 86'400'000'000'000);
  EXPECT_EQ(options.event_window_ns, int64_t{7} * 86'400'000'000'000);
  const HostOptions without = read("");
  EXPECT_DOUBLE_EQ(without.disk.warn_used, 0.9);
  EXPECT_EQ(without.disk.warn_free_bytes, 1u << 30);
  EXPECT_EQ(without.tenant_journal_ns, 0);
  EXPECT_NE(problems("[disk]\nwarn_used_percent = 101\n").find("from 1 to 100"), std::string::npos);
  for (const char* wrong : {"1 GiB", "1GB", "0", "-1", "", "99999999TiB"})
    EXPECT_NE(problems("[disk]\nreserve = \"" + std::string(wrong) + "\"\n").find("number of bytes"),
              std::string::npos)
        << wrong;
  EXPECT_NE(problems("[disk]\nfree = \"1GiB\"\n").find("unknown key 'free'"), std::string::npos);
}

TEST(Configuration, SaysWhatStepsMayAskFor) {
  EXPECT_EQ(read("[resources]\ncpu = 1.5\ngpu = 2\nmemory = 0\n").resources,
            (std::vector<std::string>{"cpu=1.5", "gpu=2", "memory=0"}));
  EXPECT_EQ(problems("[resources]\nGPU = 2\ncpu = \"2\"\ngpu = -1\n"),
            "2: 'GPU' is not a valid name of a resource\n"
            "3: the amount of 'cpu' must be a number from 0 to 1e12\n"
            "4: the amount of 'gpu' must be a number from 0 to 1e12\n");
  EXPECT_EQ(problems("resources = 7\n"), "1: 'resources' must be a table of names and amounts\n");
}

TEST(Configuration, LeavesWhatItDoesNotName) {
  const HostOptions options = read("");
  EXPECT_EQ(options.listen, "");
  EXPECT_EQ(options.drain_timeout_ns, HostOptions().drain_timeout_ns);
}

TEST(Configuration, ListsAllProblemsWithTheirLines) {
  EXPECT_EQ(
      problems("lisen = \"x\"\nstore = 7\ndrain_timeout = \"soon\"\n"),
      "1: unknown key 'lisen' in the configuration (Did you mean 'listen'?)\n"
      "2: 'store' must be a string\n"
      "3: 'drain_timeout' is 'soon', which is not a duration (Write \"30s\", \"5m\", \"24h\" or \"30d\".)\n");
  EXPECT_NE(problems("listen = \n"), "none");
}

}  // namespace
}  // namespace pirn::cli
