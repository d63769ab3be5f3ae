#include "host/cli/configuration.h"

#include "host/cli/input.h"
#include "packager/definition/definition.h"
#include "packager/json/plain_text.h"
#include "packager/pack/toml_reader.h"

namespace pirn::cli {

namespace {

using pack::TomlReader;

constexpr double kMostOfAResource = 1e12;

// A finite, positive duration; 0 when the key is absent or its value is a problem.
int64_t duration(const toml::table& table, const char* key, TomlReader& reader) {
  const std::string text = reader.string(table, key);
  if (text.empty()) return 0;
  const Result<int64_t> value = definition::parse_duration(text);
  if (value && *value > 0 && *value != definition::kInfinite) return *value;
  reader.problem(table.get(key)->source(),
                 "'" + std::string(key) + "' is '" + text + "', which is not a duration",
                 "Write \"30s\", \"5m\", \"24h\" or \"30d\".");
  return 0;
}

// A whole number from `low` to 2^40; `to` keeps its value when there is none, or a problem with it.
template <class Number>
void count(const toml::table& table, const char* key, int64_t low, Number& to, TomlReader& reader) {
  const std::optional<int64_t> value = reader.integer(table, key);
  if (!value) return;
  if (*value < low || *value > int64_t(1) << 40)
    return reader.problem(table.get(key)->source(), "'" + std::string(key) + "' is " +
                                                        std::to_string(*value) + "; it must be from " +
                                                        std::to_string(low) + " to 1099511627776");
  to = static_cast<Number>(*value);
}

// [[key]], each of its tables.
template <class Visit>
void for_each_table(const toml::table& root, const char* key, TomlReader& reader, Visit visit) {
  const toml::node* node = root.get(key);
  if (!node) return;
  const auto wrong = [&](const toml::source_region& at) {
    reader.problem(at, "'" + std::string(key) + "' must be a list of tables",
                   "Start each with a line [[" + std::string(key) + "]].");
  };
  const toml::array* list = node->as_array();
  if (!list) return wrong(node->source());
  for (const toml::node& each : *list) {
    if (const toml::table* table = each.as_table())
      visit(*table);
    else
      wrong(each.source());
  }
}

// The name of a tenant, or empty for all of them.
std::string tenant_in(const toml::table& table, TomlReader& reader) {
  const std::string tenant = reader.string(table, "tenant");
  if (table.contains("tenant") && !definition::is_name(tenant))
    reader.problem(table.get("tenant")->source(), "'" + tenant + "' is not a valid name of a tenant");
  return tenant;
}

// The name of a package or a workflow, or empty for all of them.
std::string name_in(const toml::table& table, const char* key, TomlReader& reader) {
  const std::string name = reader.string(table, key);
  if (table.contains(key) && !definition::is_name(name))
    reader.problem(table.get(key)->source(), "'" + name + "' is not a valid name of a " + key,
                   "Omit it to match all of them.");
  return name;
}

// A member that must be there.
std::string needed(const toml::table& table, const char* key, const std::string& where, TomlReader& reader) {
  std::string text = reader.string(table, key);
  if (!table.contains(key)) reader.problem(table.source(), where + " needs '" + key + "'");
  return text;
}

std::vector<std::string> events_in(const toml::table& table, TomlReader& reader) {
  std::vector<std::string> wishes;
  reader.strings(table, "events", [&](const std::string& wish, const toml::source_region& at) {
    if (const Status fits = check_event_wish(wish); !fits)
      reader.problem(at, fits.error().message, fits.error().hint);
    wishes.push_back(wish);
  });
  return wishes;
}

void read_sink(const toml::table& table, TomlReader& reader, HostOptions& options) {
  reader.check_keys(table, "[[sink]]", {"name", "tenant", "events", "kind", "path"});
  SinkOptions sink;
  sink.name = needed(table, "name", "a sink", reader);
  if (table.contains("name") && !definition::is_name(sink.name))
    reader.problem(table.get("name")->source(), "'" + sink.name + "' is not a valid name of a sink",
                   "Use 1 to 63 of the characters a-z, 0-9, _ and -, and start with a letter or a digit.");
  sink.tenant = tenant_in(table, reader);
  sink.events = events_in(table, reader);
  const std::string kind = needed(table, "kind", "a sink", reader);
  if (kind == "stdout") {
    sink.kind = SinkOptions::Kind::standard_output;
  } else if (kind == "jsonl") {
    sink.kind = SinkOptions::Kind::json_lines;
    sink.path = needed(table, "path", "a sink of kind jsonl", reader);
  } else if (table.contains("kind")) {
    reader.problem(table.get("kind")->source(), "unknown kind of sink '" + kind + "'",
                   "The kinds are stdout and jsonl.");
  }
  options.sinks.push_back(std::move(sink));
}

void read_notifier(const toml::table& table, TomlReader& reader, HostOptions& options) {
  reader.check_keys(table, "[[notifier]]", {"tenant", "webhook", "command"});
  NotifierOptions notifier;
  notifier.tenant = tenant_in(table, reader);
  notifier.url = reader.string(table, "webhook");
  reader.strings(table, "command", [&](const std::string& word, const toml::source_region&) {
    notifier.command.push_back(word);
  });
  if (notifier.url.empty() == notifier.command.empty())
    reader.problem(table.source(), "a notifier needs either 'webhook' or 'command'",
                   "Write webhook = \"https://…\" or command = [\"/usr/bin/…\"].");
  if (!notifier.url.empty() && !notifier.url.starts_with("https://") && !notifier.url.starts_with("http://"))
    reader.problem(table.get("webhook")->source(), "'webhook' must start with https:// or http://");
  for (const NotifierOptions& other : options.notifiers)
    if (other.tenant == notifier.tenant)
      reader.problem(table.source(),
                     "there is a notifier for " +
                         (notifier.tenant.empty() ? "all tenants" : "'" + notifier.tenant + "'") +
                         " already");
  options.notifiers.push_back(std::move(notifier));
}

void read_metric(const toml::table& table, TomlReader& reader, HostOptions& options) {
  static const std::vector<std::string> kLabels = {"tenant", "workflow", "step", "event", "state"};
  reader.check_keys(table, "[[metric]]", {"name", "tenant", "events", "by", "duration"});
  MetricOptions metric;
  metric.name = needed(table, "name", "a metric", reader);
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  const bool begins = !metric.name.empty() && metric.name[0] >= 'a' && metric.name[0] <= 'z';
  if (table.contains("name") &&
      (!begins || metric.name.size() > 63 || !std::all_of(metric.name.begin(), metric.name.end(), fits)))
    reader.problem(table.get("name")->source(), "'" + metric.name + "' is not a valid name of a metric",
                   "Use 1 to 63 of the characters a-z, 0-9 and _, and start with a letter.");
  metric.tenant = tenant_in(table, reader);
  metric.events = events_in(table, reader);
  metric.duration = reader.boolean(table, "duration");
  reader.strings(table, "by", [&](const std::string& label, const toml::source_region& at) {
    if (std::find(kLabels.begin(), kLabels.end(), label) == kLabels.end())
      reader.problem(at, "unknown label '" + label + "'",
                     "The labels are tenant, workflow, step, event, state.");
    metric.by.push_back(label);
  });
  options.metrics.push_back(std::move(metric));
}

void read_rule(const toml::table& table, TomlReader& reader, HostOptions& options) {
  reader.check_keys(table, "[[retention.rule]]",
                    {"tenant", "package", "workflow", "older_than", "keep_last"});
  RetentionRule rule;
  rule.tenant = tenant_in(table, reader);
  rule.package = name_in(table, "package", reader);
  rule.workflow = name_in(table, "workflow", reader);
  rule.older_than_ns = duration(table, "older_than", reader);
  rule.keep_last = static_cast<uint64_t>(reader.integer(table, "keep_last").value_or(0));
  if (rule.older_than_ns == 0 && rule.keep_last == 0)
    reader.problem(table.source(), "a retention rule needs 'older_than' or 'keep_last'",
                   "Without a bound, nothing would be kept.");
  options.retention.push_back(std::move(rule));
}

void read_retention(const toml::table& root, TomlReader& reader, HostOptions& options) {
  const toml::node* node = root.get("retention");
  if (!node) return;
  const toml::table* table = node->as_table();
  if (!table)
    return reader.problem(node->source(), "'retention' must be a table", "Start it with a line [retention].");
  reader.check_keys(*table, "[retention]", {"every", "rule", "tenant_journal", "event_ids"});
  if (const int64_t every = duration(*table, "every", reader); every != 0) options.retention_every_ns = every;
  options.tenant_journal_ns = duration(*table, "tenant_journal", reader);
  options.event_window_ns = duration(*table, "event_ids", reader);
  for_each_table(*table, "rule", reader, [&](const toml::table& rule) { read_rule(rule, reader, options); });
}

// [disk]: when a nearly full disk is announced, and what is kept for what runs.
void read_disk(const toml::node& node, TomlReader& reader, DiskLimits& disk) {
  const toml::table* table = node.as_table();
  if (!table) return reader.problem(node.source(), "'disk' must be a table", "Begin it with [disk].");
  reader.check_keys(*table, "[disk]", {"warn_used_percent", "warn_free", "reserve"});
  if (const std::optional<int64_t> percent = reader.integer(*table, "warn_used_percent")) {
    if (*percent >= 1 && *percent <= 100)
      disk.warn_used = static_cast<double>(*percent) / 100;
    else
      reader.problem(table->get("warn_used_percent")->source(), "'warn_used_percent' must be from 1 to 100");
  }
  const auto bytes = [&](const char* key, uint64_t& to) {
    if (!table->contains(key)) return;
    const Result<uint64_t> value = parse_bytes(reader.string(*table, key));
    if (value && *value > 0)
      to = *value;
    else
      reader.problem(table->get(key)->source(), "'" + std::string(key) + "' must be a number of bytes from 1",
                     "Write for example \"256MiB\" or \"1GiB\".");
  };
  bytes("warn_free", disk.warn_free_bytes);
  bytes("reserve", disk.reserve_bytes);
}

// [resources] with an amount for each name. Whether it is one that a host can have, the host says.
void read_resources(const toml::node& node, TomlReader& reader, HostOptions& options) {
  const toml::table* table = node.as_table();
  if (!table) return reader.problem(node.source(), "'resources' must be a table of names and amounts");
  for (const auto& [key, value] : *table) {
    const std::string name(key.str());
    const std::optional<double> amount = value.value<double>();
    if (!definition::is_name(name))
      reader.problem(key.source(), "'" + name + "' is not a valid name of a resource");
    else if (!amount || !(*amount >= 0 && *amount <= kMostOfAResource))
      reader.problem(value.source(), "the amount of '" + name + "' must be a number from 0 to 1e12");
    else
      options.resources.push_back(name + "=" + general_text(*amount, 17));
  }
}

// [clients]: what clients of the API may take.
void read_clients(const toml::node& node, TomlReader& reader, ClientOptions& clients) {
  const toml::table* table = node.as_table();
  if (!table)
    return reader.problem(node.source(), "'clients' must be a table", "Start it with a line [clients].");
  reader.check_keys(*table, "[clients]",
                    {"header_timeout", "idle_timeout", "transfer_timeout", "stranger_timeout", "min_rate",
                     "body_bytes", "local_connections", "connections", "strangers", "strangers_of_address"});
  const auto timeout = [&](const char* key, int64_t& to) {
    const int64_t ns = duration(*table, key, reader);
    if (ns == 0) return;
    if (ns < 1'000'000 || ns > 86'400'000'000'000)
      return reader.problem(table->get(key)->source(), "'" + std::string(key) + "' must be from 1ms to 24h");
    to = ns / 1'000'000;
  };
  timeout("header_timeout", clients.header_ms);
  timeout("idle_timeout", clients.idle_ms);
  timeout("transfer_timeout", clients.transfer_ms);
  timeout("stranger_timeout", clients.stranger_ms);
  count(*table, "min_rate", 1, clients.min_rate, reader);
  count(*table, "body_bytes", 1 << 20, clients.body_bytes, reader);
  count(*table, "local_connections", 1, clients.local_connections, reader);
  count(*table, "connections", 2, clients.connections, reader);
  count(*table, "strangers", 1, clients.strangers, reader);
  count(*table, "strangers_of_address", 1, clients.strangers_of_address, reader);
}

// [logbook]: how much of what functions log and stream is kept.
void read_logbook(const toml::node& node, TomlReader& reader, LogbookOptions& logbook) {
  const toml::table* table = node.as_table();
  if (!table)
    return reader.problem(node.source(), "'logbook' must be a table", "Start it with a line [logbook].");
  reader.check_keys(*table, "[logbook]", {"execution_entries", "execution_bytes", "total_bytes"});
  count(*table, "execution_entries", 1, logbook.execution_entries, reader);
  count(*table, "execution_bytes", 1 << 10, logbook.execution_bytes, reader);
  count(*table, "total_bytes", 1 << 20, logbook.total_bytes, reader);
}

void read_root(const toml::table& root, TomlReader& reader, HostOptions& options) {
  reader.check_keys(root, "the configuration",
                    {"listen", "allow_hosts", "store", "drain_timeout", "measure_cpu", "resources", "clients",
                     "logbook", "retention", "disk", "sink", "notifier", "metric"});
  if (root.contains("listen")) options.listen = reader.string(root, "listen");
  reader.strings(root, "allow_hosts", [&](const std::string& name, const toml::source_region&) {
    options.allow_hosts.push_back(name);
  });
  if (root.contains("store")) options.store = reader.string(root, "store");
  if (const int64_t timeout = duration(root, "drain_timeout", reader); timeout != 0)
    options.drain_timeout_ns = timeout;
  for_each_table(root, "notifier", reader,
                 [&](const toml::table& notifier) { read_notifier(notifier, reader, options); });
  for_each_table(root, "metric", reader,
                 [&](const toml::table& metric) { read_metric(metric, reader, options); });
  options.measure_cpu = reader.boolean(root, "measure_cpu");
  read_retention(root, reader, options);
  for_each_table(root, "sink", reader, [&](const toml::table& sink) { read_sink(sink, reader, options); });
  if (root.contains("disk")) read_disk(*root.get("disk"), reader, options.disk);
  if (root.contains("clients")) read_clients(*root.get("clients"), reader, options.clients);
  if (root.contains("logbook")) read_logbook(*root.get("logbook"), reader, options.logbook);
  if (root.contains("resources")) read_resources(*root.get("resources"), reader, options);
}

}  // namespace

Status read_configuration(std::string_view text, std::string_view file, HostOptions& options) {
  TomlReader reader(text, file, Code::config_invalid);
  return reader.read([&](const toml::table& root) { read_root(root, reader, options); });
}

}  // namespace pirn::cli
