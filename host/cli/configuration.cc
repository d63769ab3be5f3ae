#include "host/cli/configuration.h"

#include "packager/definition/definition.h"
#include "packager/pack/toml_reader.h"

namespace pirn::cli {

namespace {

using pack::TomlReader;

// A duration that is longer than nothing and not for ever; 0 when there is none, or a problem with it.
int64_t duration(const toml::table& table, const char* key, TomlReader& reader) {
  const std::string text = reader.string(table, key);
  if (text.empty()) return 0;
  const Result<int64_t> value = definition::parse_duration(text);
  if (value && *value > 0 && *value != definition::kInfinite) return *value;
  reader.problem(table.get(key)->source(),
                 "'" + std::string(key) + "' is '" + text + "', which is no duration",
                 "Write \"30s\", \"5m\", \"24h\" or \"30d\".");
  return 0;
}

void read_root(const toml::table& root, TomlReader& reader, HostOptions& options) {
  reader.check_keys(root, "the configuration", {"listen", "allow_hosts", "store", "drain_timeout"});
  if (root.contains("listen")) options.listen = reader.string(root, "listen");
  reader.strings(root, "allow_hosts", [&](const std::string& name, const toml::source_region&) {
    options.allow_hosts.push_back(name);
  });
  if (root.contains("store")) options.store = reader.string(root, "store");
  if (const int64_t timeout = duration(root, "drain_timeout", reader); timeout != 0)
    options.drain_timeout_ns = timeout;
}

}  // namespace

Status read_configuration(std::string_view text, std::string_view file, HostOptions& options) {
  TomlReader reader(text, file, Code::config_invalid);
  return reader.read([&](const toml::table& root) { read_root(root, reader, options); });
}

}  // namespace pirn::cli
